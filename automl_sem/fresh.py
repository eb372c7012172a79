"""Train candidates on the fresh folds once the search is over: no choice was made by these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from automl_sem.run import RunDirectory, Stage
from automl_sem.scoring.scores import mean_score, score_of
from automl_sem.seeds import derive_seed
from automl_sem.types import AnyFold, AnyScore, Candidate, Outcome
from automl_sem.workers.base import FoldDone, Pool
from automl_sem.workers.evaluate import Evaluation, evaluate

STAGES: tuple[Stage, ...] = ("fresh", "fresh-again")  # of a first and a second training seed


@dataclass(frozen=True)
class Entry:
    """A candidate to train on the fresh folds.

    Args:
        candidate: What to train.
        stage: Where its fold results are kept.
        variant: How it differs from the trial of its number, `"without rotate"`; empty for the
            trial itself.
        again: Whether it gets other initial weights and another order of the examples.
    """

    candidate: Candidate
    stage: Stage = "fresh"
    variant: str = ""
    again: bool = False

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


def with_second_seed(candidate: Candidate) -> Entry:
    """Return a candidate to be trained on the fresh folds once more, with another seed."""
    return Entry(candidate, STAGES[1], "with another seed", again=True)


def fresh_scores(run: RunDirectory, trial: int, seeds: int = 1) -> tuple[AnyScore, ...]:
    """Return a trial's scores on the fresh folds by training seed; empty while one is missing.

    Args:
        run: Where fold results are kept.
        trial: Its number.
        seeds: How many there are to be.
    """
    found = [fresh_score(run, trial, stage) for stage in STAGES[:seeds]]
    there = tuple(score for score in found if score is not None)
    return there if len(there) == seeds else ()


def mean_fresh_score(run: RunDirectory, trial: int, seeds: int = 1) -> AnyScore | None:
    """Return a trial's score on the fresh folds, the mean over its seeds fold by fold.

    Args:
        run: Where fold results are kept.
        trial: Its number.
        seeds: How many there are to be; None is returned while one is missing.
    """
    found = fresh_scores(run, trial, seeds)
    return mean_score(found) if found else None


def fresh_score(run: RunDirectory, trial: int, stage: Stage = "fresh") -> AnyScore | None:
    """Return a trial's score on the fresh folds, or None while folds are missing."""
    results = run.read_folds(trial, stage)
    complete = len(results) == int(run.splits("fresh").max()) + 1
    return score_of(results.values()) if complete else None


def missing_folds(run: RunDirectory, entry: Entry) -> int:
    """Return how many fold fits of an entry are still to be done."""
    folds = int(run.splits("fresh").max()) + 1
    return folds - len(run.read_folds(entry.candidate.trial, entry.stage))


def share_missing(run: RunDirectory, entries: Sequence[Entry]) -> float:
    """Return how many candidates' worth of fold fits are still to be done."""
    folds = int(run.splits("fresh").max()) + 1
    return sum(missing_folds(run, entry) for entry in entries) / folds


def those_that_fit(run: RunDirectory, entries: Sequence[Entry], room: float) -> list[Entry]:
    """Return the entries for which there is room, those that are done already among them.

    Args:
        run: Where fold results are kept.
        entries: In the order of their importance.
        room: How many can still be trained in full.
    """
    chosen = []
    for entry in entries:
        share = share_missing(run, [entry])
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

    All but those that are trained again share one seed, so that two that differ in one thing
    start with the same weights.

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
        own = derive_seed(seed, "again") if entry.again else seed
        entry_of[Evaluation(entry.candidate, folds, done, own)] = entry
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
