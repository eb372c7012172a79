"""Train candidates on the fresh folds once the search is over: no choice was made by these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from automl_sem.run import RunDirectory, Stage
from automl_sem.scoring.scores import score_of
from automl_sem.seeds import derive_seed
from automl_sem.types import AnyFold, AnyScore, Candidate, Outcome
from automl_sem.workers.base import FoldDone, Pool
from automl_sem.workers.evaluate import Evaluation, evaluate


@dataclass(frozen=True)
class Entry:
    """A candidate to train on the fresh folds.

    Args:
        candidate: What to train.
        stage: Where its fold results are kept.
        variant: How it differs from the trial of its number, `"without rotate"`; empty for the
            trial itself.
    """

    candidate: Candidate
    stage: Stage = "fresh"
    variant: str = ""

    def __str__(self) -> str:
        """Return its name for people."""
        return f"trial {self.candidate.trial} {self.variant}".rstrip()


class FreshListener(Protocol):
    """Is told what happens on the fresh folds."""

    def fresh_fold_done(self, entry: Entry, result: AnyFold) -> None:
        """A fold fit ended."""

    def fresh_done(self, entry: Entry) -> None:
        """An entry ended, whether it has a score or not."""


def fresh_seed(seed: int) -> int:
    """Return the seed of everything on the fresh folds."""
    return derive_seed(seed, "fresh")


def fresh_score(run: RunDirectory, trial: int, stage: Stage = "fresh") -> AnyScore | None:
    """Return a trial's score on the fresh folds, or None while folds are missing."""
    results = run.read_folds(trial, stage)
    complete = len(results) == int(run.splits("fresh").max()) + 1
    return score_of(results.values()) if complete else None


def missing_folds(run: RunDirectory, entry: Entry) -> int:
    """Return how many fold fits of an entry are still to be done."""
    folds = int(run.splits("fresh").max()) + 1
    return folds - len(run.read_folds(entry.candidate.trial, entry.stage))


def those_that_fit(run: RunDirectory, entries: Sequence[Entry], room: float) -> list[Entry]:
    """Return the entries for which there is room, those that are done already among them.

    Args:
        run: Where fold results are kept.
        entries: In the order of their importance.
        room: How many can still be trained in full.
    """
    folds, chosen = int(run.splits("fresh").max()) + 1, []
    for entry in entries:
        share = missing_folds(run, entry) / folds
        if share <= room:
            chosen.append(entry)
            room -= share
    return chosen


def train_on_fresh_folds(
    run: RunDirectory,
    pool: Pool,
    entries: Sequence[Entry],
    listener: FreshListener,
) -> list[tuple[Entry, Outcome]]:
    """Train entries as far as that is not done yet, and return how each ended.

    All share one seed, so that two that differ in one thing start with the same weights.

    Args:
        run: Where fold results are kept.
        pool: Trains.
        entries: No two may share a trial and a stage.
        listener: Is told of each fold fit, once it is kept.
    """
    folds, seed = run.splits("fresh"), fresh_seed(run.manifest.seed)
    entry_of = {}
    for entry in entries:
        done = run.read_folds(entry.candidate.trial, entry.stage)
        entry_of[Evaluation(entry.candidate, folds, done, seed)] = entry
    waiting = iter(entry_of)

    def save(evaluation: Evaluation, done: FoldDone) -> None:
        entry = entry_of[evaluation]
        if done.died:
            run.log(f"{entry} on fresh folds: a worker ended, {done.died}")
        if done.note:
            run.log(f"{entry} on fresh folds: {done.note}")
        if done.result is not None:
            run.write_fold(entry.candidate.trial, done.result, entry.stage)
            listener.fresh_fold_done(entry, done.result)

    ended = []
    for evaluation in evaluate(pool, lambda: next(waiting, None), save):
        entry = entry_of[evaluation]
        run.sync_folds(entry.candidate.trial, entry.stage)
        outcome = evaluation.outcome
        listener.fresh_done(entry)
        if outcome is not None:
            if outcome.score is None:
                run.log(f"{entry} on fresh folds: {outcome.status}, {outcome.reason}")
            ended.append((entry, outcome))
    return ended
