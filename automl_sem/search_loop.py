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
from automl_sem.types import AnyFold, Candidate, Outcome
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
        stopped: Whether somebody has ended the search early.
    """

    trials: int
    seconds: float | None
    clock: Callable[[], float]
    checks: int = 0
    stopped: Callable[[], bool] = lambda: False

    def reached(
        self, asked: int, fold_seconds: list[float], folds: int, slots: int, infeasible: int = 0
    ) -> bool:
        """Whether to stop: told to, enough trials, or no time for one more and the fresh folds.

        Args:
            asked: Candidates that were asked for.
            fold_seconds: How long the fold fits of this session took.
            folds: Folds of a trial.
            slots: Trials that run at a time.
            infeasible: Candidates of those asked for that count for nothing.
        """
        if asked - infeasible >= self.trials or self.stopped():
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
                "other candidates broke the limits or were given up"
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


class Trials:
    """Trials from being asked for to being told.

    Args:
        run: Where fold results are kept.
        engine: Proposes candidates and learns from their scores.
        listener: Is told what happens.
        keep_time: Called after every trial, to put the time taken on record.

    Attributes:
        at_an_end: Whether the engine has no more candidates.
    """

    def __init__(
        self,
        run: RunDirectory,
        engine: Engine,
        listener: Listener,
        keep_time: Callable[[], None],
    ) -> None:
        self._run = run
        self._engine = engine
        self._listener = listener
        self._keep_time = keep_time
        self._folds = run.splits("search")
        self._under_way: set[int] = set()
        self._twins: dict[int, list[Evaluation]] = {}  # that wait for the trial they repeat
        self.at_an_end = False

    def ask(self) -> Evaluation | None:
        """Return the next candidate on its way; None if there is none before a trial ends."""
        candidate = self._engine.ask()
        if candidate is None:
            self.at_an_end = not self._under_way
            return None
        self._under_way.add(candidate.trial)
        manifest = self._run.manifest
        before = None if manifest.window is None else candidate.trial - manifest.window + 1
        evaluation = Evaluation(
            candidate,
            self._folds,
            self._run.read_folds(candidate.trial),
            manifest.seed,
            "none"
            if candidate.trial == 0
            else manifest.discard,  # the baseline is what all is compared to
            lambda: self._engine.incumbent(before),
            lambda: limits_of_curves(self._engine.curves(before)),
        )
        if candidate.repeats is not None:
            reason = f"the same candidate as trial {candidate.repeats}"
            evaluation.outcome = Outcome("repeated", reason)
        self._listener.trial_started(candidate, evaluation.folds_done)
        return evaluation

    def tell(self, evaluation: Evaluation) -> None:
        """Tell how a trial ended; one that repeats a trial under way waits for that."""
        candidate = evaluation.candidate
        if candidate.repeats in self._under_way:
            self._twins.setdefault(candidate.repeats, []).append(evaluation)
        elif evaluation.outcome is not None:
            self._run.sync_folds(candidate.trial)
            self._engine.tell(candidate, evaluation.outcome)
            self._under_way.discard(candidate.trial)
            self._listener.trial_done(candidate, evaluation.outcome)
            self._keep_time()
            for twin in self._twins.pop(candidate.trial, ()):
                self.tell(twin)


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
    manifest = run.manifest
    trials = Trials(run, engine, listener, keep_time)
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
        return not limits.gave_up(engine.infeasible) and not limits.reached(
            engine.asked, fold_seconds, manifest.folds, pool.slots, engine.infeasible
        )

    def next_evaluation() -> Evaluation | None:
        if asked_ahead:
            return asked_ahead.popleft()
        return trials.ask() if manifest.window is None and may_ask() else None

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

    def go_on_in_order() -> None:
        """In a reproducible search, ask and tell in an order that timing does not change."""
        while manifest.window is not None:
            while may_ask() and (evaluation := trials.ask()) is not None:
                asked_ahead.append(evaluation)
            if engine.told not in not_told:
                return
            trials.tell(not_told.pop(engine.told))

    go_on_in_order()
    for evaluation in evaluate(pool, next_evaluation, record):
        if manifest.window is None:
            trials.tell(evaluation)
        else:
            not_told[evaluation.candidate.trial] = evaluation
            go_on_in_order()
    if trials.at_an_end:
        trials_done = engine.told - engine.infeasible
        say(f"{engine.name} has no more candidates after {trials_done} trials")
    limits.explain(engine, say)
