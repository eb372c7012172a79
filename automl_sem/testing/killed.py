"""A search that is killed again and again asks what an undisturbed one asks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.storages import InMemoryStorage

from automl_sem.seeds import derive_seed
from automl_sem.testing.made_up import fold_scores, made_up, outcome_of, score_of
from automl_sem.testing.subject import Subject, asked_of, new_study
from automl_sem.types import Candidate, Outcome

PARALLEL = 4  # trials under way at a time


def check_resume(subject: Subject) -> None:
    """Killed at any write, with several trials under way, a search asks what it would have."""
    for slots in (1, PARALLEL):
        whole = _run(subject, slots, None)
        killed = _run(subject, slots, random.Random(slots))
        assert killed.kills, "the engine wrote nothing to the study, so it could not be killed"
        for one, other in zip(whole.asked, killed.asked, strict=True):
            assert one == other, (
                f"with {slots} trials under way at a time and {killed.kills} kills, a resumed "
                f"search must ask what an undisturbed one asks: expected {one}, but got {other}"
            )


def _run(subject: Subject, slots: int, rng: random.Random | None) -> _Process:
    """Return a search in which trials end in an order of their own, the same in every call."""
    process = _Process(subject, rng)
    order = random.Random(slots)
    while len(process.study.trials) < subject.trials or process.under_way:
        may_ask = len(process.under_way) < slots and len(process.study.trials) < subject.trials
        if may_ask and process.ask() is not None:
            continue
        if not process.under_way:
            break
        number = order.choice(_may_end(process.under_way))
        candidate = process.under_way[number]
        process.tell(number, outcome_of(candidate, _mixed))
    return process


def _may_end(under_way: Mapping[int, Candidate]) -> Sequence[int]:
    """Return the trials that do not wait for the one that they repeat."""
    return sorted(n for n, c in under_way.items() if c.repeats not in under_way)


def _mixed(candidate: Candidate) -> Outcome:
    """Return scores for the most part, else a failure or a discarded trial."""
    turn = derive_seed(candidate.trial, "turn") % 8 if candidate.trial else 7
    if turn < 2:
        return Outcome("failed" if turn else "diverged", "made up")
    if turn == 2:
        value = float(np.mean(fold_scores(made_up(candidate)))) + 1
        return Outcome("discarded", "after 1 of 3 folds", partial=score_of(value, folds=1))
    return made_up(candidate)


class _Killed(BaseException):
    """The process dies here."""


class _MortalStorage(InMemoryStorage):
    """A storage that lets its process die before or after one of the next writes."""

    def __init__(self) -> None:
        super().__init__()
        self.left: float = float("inf")
        self.after = False

    def _write(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise _Killed
        written = getattr(super(), name)(*args, **kwargs)
        if self.left < 0:
            raise _Killed
        return written

    def create_new_trial(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("create_new_trial", *args, **kwargs)

    def set_trial_param(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_trial_param", *args, **kwargs)

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_trial_state_values", *args, **kwargs)

    def set_trial_intermediate_value(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_trial_intermediate_value", *args, **kwargs)

    def set_trial_user_attr(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_trial_user_attr", *args, **kwargs)

    def set_trial_system_attr(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_trial_system_attr", *args, **kwargs)

    def set_study_system_attr(self, *args: Any, **kwargs: Any) -> Any:
        return self._write("set_study_system_attr", *args, **kwargs)


@dataclass
class _Process:
    """A search that may be killed at any write and goes on in a new process.

    Args:
        subject: What is checked.
        rng: Decides when to die; None for never.
    """

    subject: Subject
    rng: random.Random | None
    storage: _MortalStorage = field(default_factory=_MortalStorage)
    kills: int = 0

    def __post_init__(self) -> None:
        self.study = new_study(self.storage)
        self.engine = self.subject.open(self.study)
        self.under_way: dict[int, Candidate] = {}
        self.asked: list[Any] = []

    def ask(self) -> Candidate | None:
        """Return what is asked for next, after any number of deaths."""
        before = set(self.under_way)
        while True:
            try:
                self._light_fuse()
                candidate = self.engine.ask()
                break
            except _Killed:
                self._restart()
                new = set(self.under_way) - before
                if new:  # it was on record: the new process has taken it up
                    candidate = self.under_way[new.pop()]
                    break
            finally:
                self.storage.left = float("inf")
        if candidate is not None:
            self.under_way[candidate.trial] = candidate
        self.asked.append(asked_of(candidate))
        return candidate

    def tell(self, number: int, outcome: Outcome) -> None:
        """Tell how a trial ended, after any number of deaths."""
        while not self.study.trials[number].state.is_finished():
            try:
                self._light_fuse()
                self.engine.tell(self.under_way[number], outcome)
            except _Killed:
                self._restart()
            finally:
                self.storage.left = float("inf")
        self.under_way.pop(number, None)

    def _light_fuse(self) -> None:
        if self.rng is not None and self.rng.random() < 0.5:
            self.storage.left = self.rng.randint(0, 12)
            self.storage.after = self.rng.random() < 0.5

    def _restart(self) -> None:
        """Open another engine, which takes up what the dead one left."""
        self.storage.left = float("inf")
        self.kills += 1
        left, self.under_way = self.under_way, {}
        self.engine = self.subject.open(self.study)
        while self.engine.unfinished():
            candidate = self.engine.ask()
            assert candidate is not None, "unfinished() is true, but ask() returned None"
            self.under_way[candidate.trial] = candidate
        for number, candidate in left.items():
            if self.study.trials[number].state.is_finished():
                continue
            again = self.under_way.get(number)
            assert asked_of(again) == asked_of(candidate), (
                f"after a restart, ask() must first return the trials under way as they were: "
                f"expected {asked_of(candidate)}, but trial {number} is {asked_of(again)}"
            )
