"""Score the best trial and the baseline again on fresh folds, and say whether it is luck.

The best of many scores is lucky: its search score is too good. So both are trained on
one new shuffle of the folds, and the verdict rests on the paired differences there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from automl_sem.fresh import Entry, FreshListener, train_on_fresh_folds
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import Interval, fold_interval
from automl_sem.types import AnyScore, Candidate
from automl_sem.workers.base import Pool

Word = Literal["better", "not distinguishable", "worse", "the baseline itself"]


@dataclass(frozen=True)
class Verdict:
    """The best trial against the baseline, on fresh folds.

    Args:
        word: The answer in a word.
        difference: Mean objective of the best minus the baseline's, below 0 is better.
        interval: Interval of the paired difference, or None for the baseline itself.
    """

    word: Word
    difference: float
    interval: Interval | None


def score_finalists(
    run: RunDirectory,
    pool: Pool,
    candidates: Sequence[Candidate],
    listener: FreshListener,
) -> None:
    """Train finalists on the fresh folds, as far as that is not done yet.

    One that cannot be trained there is noted in `finalists.json` with its reason, and
    the verdict stays open.
    """
    ended = train_on_fresh_folds(run, pool, [Entry(c) for c in candidates], listener)
    failed = {str(e.candidate.trial): o.reason for e, o in ended if o.score is None}
    run.write_json("finalists.json", {"schema_version": 1, "failed": failed})


def undecided(run: RunDirectory) -> str:
    """Return why the finalists cannot be compared; empty if nothing speaks against it."""
    failed = (run.read_json("finalists.json") or {}).get("failed", {})
    return "; ".join(
        f"trial {trial} could not be trained on the fresh folds ({reason})"
        for trial, reason in failed.items()
    )


def compare(best: AnyScore, baseline: AnyScore, *, same: bool) -> Verdict:
    """Return the verdict from two scores on the same folds.

    Args:
        best: Score of the best trial.
        baseline: Score of the baseline.
        same: Whether both are one and the same trial.
    """
    if same:
        return Verdict("the baseline itself", 0.0, None)
    pairs = zip(best.folds, baseline.folds, strict=True)
    differences = [ours.objective - theirs.objective for ours, theirs in pairs]
    interval = fold_interval(differences, "objective difference")
    word: Word = "not distinguishable"
    if interval.high < 0:
        word = "better"
    elif interval.low > 0:
        word = "worse"
    return Verdict(word, float(np.mean(differences)), interval)
