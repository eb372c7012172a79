"""The search: ask, score, record, tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from automl_sem.engines.base import Engine
from automl_sem.run import RunDirectory
from automl_sem.types import Candidate, FoldResult, Outcome
from automl_sem.workers.base import Worker
from automl_sem.workers.evaluate import score_candidate


class Listener(Protocol):
    """Is told what happens, to show it to people."""

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """A trial starts, or goes on with some folds done already."""

    def fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """A fold fit ended."""

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """A trial ended."""

    def finalist_fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """A fold fit of a finalist on the fresh folds ended."""


@dataclass
class Limits:
    """When to stop proposing.

    Args:
        trials: Trials to complete in all.
        seconds: Time limit, or None.
        clock: Seconds that the search has taken so far, earlier sessions included.
    """

    trials: int
    seconds: float | None
    clock: Callable[[], float]

    def reached(self, done: int, trial_seconds: list[float]) -> bool:
        """Whether to stop: enough trials, or no time for one more and the two finalists.

        Args:
            done: Trials that have ended.
            trial_seconds: How long the trials of this session took.
        """
        if done >= self.trials:
            return True
        if self.seconds is None or done == 0:
            return False
        typical = sum(trial_seconds) / len(trial_seconds) if trial_seconds else 0.0
        return self.clock() + 3 * typical > self.seconds


def search_loop(
    run: RunDirectory,
    engine: Engine,
    worker: Worker,
    limits: Limits,
    listener: Listener,
    done: int,
    keep_time: Callable[[], None],
) -> None:
    """Run trials until a limit is reached.

    Args:
        run: Where fold results are kept.
        engine: Proposes candidates and learns from their scores.
        worker: Trains them.
        limits: When to stop.
        listener: Is told what happens.
        done: Trials that have ended in earlier sessions.
        keep_time: Called after every fold and trial, to put the time taken on record.
    """
    folds = run.splits("search")
    trial_seconds: list[float] = []
    while engine.unfinished() or not limits.reached(done, trial_seconds):
        started = time.perf_counter()
        candidate = engine.ask()
        finished = run.read_folds(candidate.trial)
        listener.trial_started(candidate, len(finished))

        def record(result: FoldResult, candidate: Candidate = candidate) -> None:
            run.write_fold(candidate.trial, result)
            keep_time()
            listener.fold_done(candidate, result)

        outcome = score_candidate(worker, candidate, folds, finished, record)
        engine.tell(candidate, outcome)
        listener.trial_done(candidate, outcome)
        keep_time()
        done += 1
        trial_seconds.append(time.perf_counter() - started)
