"""The search: ask, score, record, tell."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from automl_sem.engines.base import Engine
from automl_sem.fresh import FreshListener
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan.halving import limits as limits_of_curves
from automl_sem.types import AnyFold, Candidate, Ints, Outcome
from automl_sem.workers.base import FoldDone, Pool
from automl_sem.workers.evaluate import Evaluation, evaluate

FINALISTS = 2  # the best trial and the baseline are trained on the fresh folds
INFEASIBLE = 30  # candidates that break a limit, for each trial that was asked for
CHECKS_SHARE = 1 / 3  # of the time limit, the most that is kept free for what follows these


class Listener(FreshListener, Protocol):
    """Is told what happens, to show it to people."""

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """A trial starts, or goes on with some folds done already."""

    def fold_done(self, candidate: Candidate, result: AnyFold) -> None:
        """A fold fit ended."""

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """A trial ended."""

    def planned(self, folds: int, fresh: int) -> None:
        """A trial has so many folds, and so many are trained on the fresh ones at the end."""

    def note(self, line: str) -> None:
        """Something that people should know."""


@dataclass
class Limits:
    """When to stop proposing.

    Args:
        trials: Trials in all.
        seconds: Time limit, or None.
        clock: Seconds that the search has taken so far, earlier sessions included.
        checks: Trainings after those of the best trial and the baseline: other finalists, or
            what checks the stress.
    """

    trials: int
    seconds: float | None
    clock: Callable[[], float]
    checks: int = 0

    def reached(self, asked: int, fold_seconds: list[float], folds: int, slots: int) -> bool:
        """Whether to stop: enough trials, or no time for one more and the fresh folds.

        Args:
            asked: Trials that were started.
            fold_seconds: How long the fold fits of this session took.
            folds: Folds of a trial.
            slots: Trials that run at a time.
        """
        if asked >= self.trials:
            return True
        if self.seconds is None or asked == 0:
            return False
        trial = folds * sum(fold_seconds) / len(fold_seconds) if fold_seconds else 0.0
        checks = min(math.ceil(self.checks / slots) * trial, CHECKS_SHARE * self.seconds)
        return self.clock() + (1 + math.ceil(FINALISTS / slots)) * trial + checks > self.seconds

    def gave_up(self, infeasible: int) -> bool:
        """Whether so many candidates broke a limit that no further one is asked for."""
        return infeasible >= INFEASIBLE * self.trials

    def explain(self, engine: Engine, say: Callable[[str], None]) -> None:
        """Say it if the search ended because so many candidates broke a limit."""
        trials = engine.asked - engine.infeasible
        if self.gave_up(engine.infeasible) and trials < self.trials:
            say(
                f"the search ends with {trials} of {self.trials} trials: {engine.infeasible} "
                "other candidates broke the limits"
            )

    def room(self, trial_seconds: float, slots: int) -> float:
        """Return how many more candidates can be trained in full in what is left of the time.

        Args:
            trial_seconds: How long one takes.
            slots: Candidates that are trained at a time.
        """
        if self.seconds is None:
            return math.inf
        left = max(self.seconds - self.clock(), 0.0)
        return slots * (left // max(trial_seconds, 1e-9))


def search_loop(
    run: RunDirectory,
    engine: Engine,
    pool: Pool,
    limits: Limits,
    listener: Listener,
    keep_time: Callable[[], None],
) -> None:
    """Run trials until a limit is reached.

    Args:
        run: Where fold results are kept.
        engine: Proposes candidates and learns from their scores.
        pool: Trains them.
        limits: When to stop.
        listener: Is told what happens.
        keep_time: Called after every fold and trial, to put the time taken on record.
    """
    folds, manifest = run.splits("search"), run.manifest
    fold_seconds: list[float] = []
    asked_ahead: deque[Evaluation] = deque()
    not_told: dict[int, Evaluation] = {}
    noted: dict[str, set[int]] = {}

    def say(line: str) -> None:
        run.log(line)
        listener.note(line)

    def may_ask() -> bool:
        if engine.unfinished():
            return True
        if manifest.window is not None and engine.asked - engine.told >= manifest.window:
            return False
        # Candidates that break a limit count for nothing.
        return not limits.gave_up(engine.infeasible) and not limits.reached(
            engine.asked - engine.infeasible, fold_seconds, manifest.folds, pool.slots
        )

    def ask() -> Evaluation:
        evaluation = _evaluation(run, engine, engine.ask(), folds)
        listener.trial_started(evaluation.candidate, evaluation.folds_done)
        return evaluation

    def next_evaluation() -> Evaluation | None:
        if asked_ahead:
            return asked_ahead.popleft()
        return ask() if manifest.window is None and may_ask() else None

    def record(evaluation: Evaluation, done: FoldDone) -> None:
        number = evaluation.candidate.trial
        if done.died:
            say(f"trial {number}: a worker ended, {done.died}")
        if done.note and number not in noted.setdefault(done.note, set()):
            (run.log if noted[done.note] else say)(f"trial {number}: {done.note}")
            noted[done.note].add(number)
        if done.result is not None:
            run.write_fold(number, done.result)
            fold_seconds.append(done.result.seconds)
            keep_time()
            listener.fold_done(evaluation.candidate, done.result)

    def tell(evaluation: Evaluation) -> None:
        if evaluation.outcome is not None:
            run.sync_folds(evaluation.candidate.trial)
            engine.tell(evaluation.candidate, evaluation.outcome)
            listener.trial_done(evaluation.candidate, evaluation.outcome)
            keep_time()

    def go_on_in_order() -> None:
        """In a reproducible search, ask and tell in an order that timing does not change."""
        while manifest.window is not None:
            while may_ask():
                asked_ahead.append(ask())
            if engine.told not in not_told:
                return
            tell(not_told.pop(engine.told))

    go_on_in_order()
    for evaluation in evaluate(pool, next_evaluation, record):
        if manifest.window is None:
            tell(evaluation)
        else:
            not_told[evaluation.candidate.trial] = evaluation
            go_on_in_order()
    limits.explain(engine, say)


def _evaluation(run: RunDirectory, engine: Engine, candidate: Candidate, folds: Ints) -> Evaluation:
    """Return a candidate on its way through its folds, with those that are done already."""
    manifest = run.manifest
    before = None if manifest.window is None else candidate.trial - manifest.window + 1
    return Evaluation(
        candidate,
        folds,
        run.read_folds(candidate.trial),
        manifest.seed,
        "none" if candidate.trial == 0 else manifest.discard,  # the baseline is compared to
        lambda: engine.incumbent(before),
        lambda: limits_of_curves(engine.curves(before)),
    )
