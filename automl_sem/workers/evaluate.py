"""Candidates on their way through their folds, as many at a time as a pool has slots."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from automl_sem.scoring.discard import hopeless
from automl_sem.scoring.scores import score_of
from automl_sem.types import AnyFold, Candidate, Ints, Outcome, Status
from automl_sem.workers.base import FoldDone, FoldTask, Pool

ATTEMPTS = 2  # a candidate whose worker died is tried once more, on a new one


class Evaluation:
    """One candidate, its fold results so far, and its outcome once there is one.

    Args:
        candidate: What to train.
        folds: Fold number of every training row, (n,).
        done: Fold results that are there already.
        seed: Seed of the run, or of its fresh folds.
        rule: When to discard it, a name of `automl_sem.scoring.discard.RULES`.
        incumbent: Returns the fold scores of the best trial at that moment, or None.
        limits: Returns the largest objectives with which its first fold goes on, by point of the
            curve.
    """

    def __init__(
        self,
        candidate: Candidate,
        folds: Ints,
        done: Mapping[int, AnyFold],
        seed: int,
        rule: str = "none",
        incumbent: Callable[[], Sequence[float] | None] = lambda: None,
        limits: Callable[[], Mapping[int, float]] = dict,
    ) -> None:
        self.candidate = candidate
        self.outcome: Outcome | None = candidate.broken
        self._folds = folds
        self._count = int(folds.max()) + 1
        self._results = dict(done)
        self._seed = seed
        self._rule = rule
        self._incumbent = incumbent
        self._limits = limits
        self._deaths = 0
        if done and self.outcome is None:
            self._decide()

    @property
    def folds_done(self) -> int:
        """Number of folds that have a result."""
        return len(self._results)

    def next_task(self) -> FoldTask:
        """Return the next fold fit."""
        fold = next(f for f in range(self._count) if f not in self._results)
        held_out = np.flatnonzero(self._folds == fold)
        limits = self._limits() if fold == 0 and self._rule != "none" else {}
        return FoldTask(self.candidate, fold, held_out, self._seed, limits)

    def add(self, done: FoldDone) -> None:
        """Take note of how the fold fit ended; afterwards there may be an outcome."""
        if done.result is not None:
            self._results[done.result.fold] = done.result
            self._decide()
        elif done.outcome is not None:
            self.outcome = done.outcome
        elif not done.blameless:
            self._deaths += 1
            if self._deaths == ATTEMPTS:
                status: Status = "out_of_memory" if done.out_of_memory else "failed"
                reason = f"its worker process ended {ATTEMPTS} times ({done.died})"
                self.outcome = Outcome(status, reason)

    def _decide(self) -> None:
        score = score_of(self._results[fold] for fold in sorted(self._results))
        if len(self._results) == self._count:
            self.outcome = Outcome("scored", score=score)
            return
        # A lost fold file may leave a gap; the incumbent's folds are compared one by one.
        first = itertools.takewhile(self._results.__contains__, range(self._count))
        losses = [self._results[fold].objective for fold in first]
        reason = hopeless(self._rule, losses, self._incumbent())
        if reason:
            self.outcome = Outcome("discarded", reason, partial=score)


def evaluate(
    pool: Pool,
    next_evaluation: Callable[[], Evaluation | None],
    on_fold: Callable[[Evaluation, FoldDone], None],
) -> Iterator[Evaluation]:
    """Train candidates on all slots of a pool; yield each as soon as it has its outcome.

    Args:
        pool: Trains them.
        next_evaluation: Called when a slot is free; None if there is nothing to do now.
        on_fold: Called with every fold fit that ended, before anything is decided on it.
    """
    active: dict[int, Evaluation] = {}
    displaced: deque[Evaluation] = deque()

    def next_one() -> Evaluation | None:
        return displaced.popleft() if displaced else next_evaluation()

    while True:
        free = [slot for slot in range(pool.slots) if slot not in active]
        while free and (evaluation := next_one()) is not None:
            if evaluation.outcome is not None:
                yield evaluation
                continue
            slot = free.pop(0)
            active[slot] = evaluation
            pool.submit(slot, evaluation.next_task())
        if not active:
            return
        done = pool.wait()
        evaluation = active[done.slot]
        on_fold(evaluation, done)
        evaluation.add(done)
        if evaluation.outcome is None and done.slot < pool.slots:
            pool.submit(done.slot, evaluation.next_task())
            continue
        del active[done.slot]
        if evaluation.outcome is None:
            displaced.append(evaluation)
        else:
            yield evaluation
