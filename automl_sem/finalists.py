"""Score the best trials and the baseline again on fresh folds, and say whether it is luck.

The best of many scores is lucky: its search score is too good. So the best and the baseline are
trained on one new shuffle of the folds, and the verdict rests on the paired differences there.

What a GAN comes to depends on its seed as well. So the best three are trained there, each with
two seeds, and the one that does best there is the winner.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from automl_sem.fresh import (
    Entry,
    FreshListener,
    share_missing,
    those_that_fit,
    train_on_fresh_folds,
    with_second_seed,
)
from automl_sem.goals import turned
from automl_sem.pareto import PICKS
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import Interval, fold_interval
from automl_sem.types import AnyScore, Candidate
from automl_sem.workers.base import Pool

CONTENDERS = 3  # of the best GANs, those that may win on the fresh folds
SEEDS = 2  # that each of them is trained with there

Word = Literal["better", "not distinguishable", "worse", "the baseline itself"]


@dataclass(frozen=True)
class Verdict:
    """The best trial against the baseline, on fresh folds.

    Args:
        word: The answer in a word.
        difference: Mean objective of the best minus the baseline's, as people quote it: of a
            log-loss below 0 is better, of an accuracy above.
        interval: Interval of the paired difference, or None for the baseline itself.
        maximize: Whether more is better.
    """

    word: Word
    difference: float
    interval: Interval | None
    maximize: bool = False

    @property
    def ahead(self) -> bool:
        """Whether the best is ahead, be it by chance."""
        return turned(self.difference, self.maximize) < 0


@dataclass(frozen=True)
class Scored:
    """What was trained on the fresh folds, as `finalists.json` has it.

    Args:
        trials: Numbers of the trials that have a score there.
        seeds: With how many seeds each was trained.
        failed: Why others have none, by their numbers.
    """

    trials: tuple[int, ...] = ()
    seeds: int = 1
    failed: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, run: RunDirectory) -> Scored:
        """Return what is on record, nothing before the end of a search."""
        kept = run.read_json("finalists.json") or {}
        return cls(
            trials=tuple(kept.get("trials", ())),
            seeds=int(kept.get("seeds", 1)),
            failed={int(trial): reason for trial, reason in kept.get("failed", {}).items()},
        )


def contenders(best_first: Sequence[int], scored: Scored, generates: bool) -> list[int]:
    """Return the trials that may win, by their score in the search.

    Of GANs these are the best three, and all that were trained on the fresh folds before: a
    longer search may put three ahead of one that did better there.

    Args:
        best_first: Numbers of all trials that have a score, by that in the search.
        scored: What was trained on the fresh folds.
        generates: Whether the trials are GANs.
    """
    if not generates:
        return list(best_first[:1])
    others = [n for n in best_first[CONTENDERS:] if n in scored.trials and n != 0]
    return [*best_first[:CONTENDERS], *others]


def further_trainings(generates: bool, goals: int = 1) -> int:
    """Return how many trainings on the fresh folds there are beside the best and the baseline.

    Args:
        generates: Whether the trials are GANs.
        goals: Number of objectives; of several, two more of the front are trained.
    """
    if goals > 1:
        return len(PICKS) - 1
    return SEEDS * (CONTENDERS + 1) - 2 if generates else 0


def score_finalists(
    run: RunDirectory,
    pool: Pool,
    best_first: Sequence[Candidate],
    baseline: Candidate | None,
    room: float,
    listener: FreshListener,
) -> None:
    """Train finalists on the fresh folds, as far as that is not done yet.

    The best trial and the baseline are trained in any case. Others follow as far as there is time:
    of GANs those that may win, of several objectives those that stand for a part of the front. Of
    GANs, all get a second seed if there is time for all; where finalists of a shorter search have
    two seeds already, each that is trained gets two.

    One that cannot be trained there is noted in `finalists.json` with its reason, and cannot
    win; without any other the verdict stays open.

    Args:
        run: Where fold results are kept.
        pool: Trains.
        best_first: The trials that may win, by their score in the search.
        baseline: What the winner is compared with, if it has a score.
        room: How many can still be trained in full within the time.
        listener: Is told of each fold fit, once it is kept.
    """
    twice = run.manifest.generates and Scored.read(run).seeds == SEEDS
    each = SEEDS if twice else 1
    asked = [*best_first[:1], *([] if baseline is None else [baseline])]
    first = [Entry(c) for c in {c.trial: c for c in asked}.values()]
    room = max(room - each * share_missing(run, first), 0.0)
    others = [Entry(c) for c in best_first[1:] if baseline is None or c.trial != baseline.trial]
    others = those_that_fit(run, others, room / each)
    room -= each * share_missing(run, others)
    again: list[Entry] = []
    if run.manifest.generates:
        again = [with_second_seed(entry.candidate) for entry in (*first, *others)]
    if not twice and share_missing(run, again) > room:
        again = []
    entries = [*first, *others, *again]
    failed = {
        entry.candidate.trial: outcome.reason
        for entry, outcome in train_on_fresh_folds(run, pool, entries, listener)
        if outcome.score is None
    }
    trials = [e.candidate.trial for e in (*first, *others) if e.candidate.trial not in failed]
    run.write_json(
        "finalists.json",
        {
            "schema_version": 1,
            "trials": trials,
            "seeds": SEEDS if again else 1,
            "failed": {str(trial): reason for trial, reason in failed.items()},
        },
    )


def undecided(scored: Scored, trials: Collection[int]) -> str:
    """Return why finalists cannot be compared; empty if nothing speaks against it.

    Args:
        scored: What was trained on the fresh folds.
        trials: Numbers of those to compare.
    """
    return "; ".join(
        f"trial {trial} could not be trained on the fresh folds ({reason})"
        for trial, reason in scored.failed.items()
        if trial in trials
    )


def compare(
    best: AnyScore,
    baseline: AnyScore,
    *,
    same: bool,
    maximize: bool = False,
    span: float = math.inf,
) -> Verdict:
    """Return the verdict from two scores on the same folds.

    Args:
        best: Score of the best trial.
        baseline: Score of the baseline.
        same: Whether both are one and the same trial.
        maximize: Whether people want more of the objective.
        span: No two objectives differ by more; intervals end there.
    """
    if same:
        return Verdict("the baseline itself", 0.0, None, maximize)
    pairs = zip(best.folds, baseline.folds, strict=True)
    differences = [turned(ours.objective - theirs.objective, maximize) for ours, theirs in pairs]
    interval = fold_interval(differences, "objective difference", lowest=-span, highest=span)
    word: Word = "not distinguishable"
    if interval.high < 0 or interval.low > 0:
        word = "better" if (interval.low > 0) == maximize else "worse"
    return Verdict(word, float(np.mean(differences)), interval, maximize)
