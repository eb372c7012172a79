"""The contract suite finds what an engine does wrong."""

import itertools
from dataclasses import replace

import pytest
from optuna.samplers import TPESampler

from automl_sem.engines.optuna import OptunaEngine
from automl_sem.testing.engines import CHECKS, check_engine
from automl_sem.testing.made_up import made_up
from automl_sem.types import Outcome


class OutOfRange(OptunaEngine):
    def ask(self):
        candidate = super().ask()
        width = 99 if candidate.trial else candidate.values["width"]
        return replace(candidate, values={**candidate.values, "width": width})


class WithoutBaseline(OptunaEngine):
    def _next_trial(self):
        self._starts._values.clear()
        return super()._next_trial()


class InactiveValues(OptunaEngine):
    def ask(self):
        candidate = super().ask()
        return replace(candidate, values={**candidate.values, "of_another_branch": 1})


class OneBranch(OptunaEngine):
    def _next_trial(self):
        if self.asked:
            self._record.study.enqueue_trial({"kind": "dense"})
        return super()._next_trial()


ATTEMPTS = itertools.count()


def by_chance(study, space, data, seed, starts, *, warm=()):
    return OptunaEngine(study, space, data, next(ATTEMPTS), starts, warm=warm)


def without_seed(study, space, data, seed, starts, *, warm=()):
    return OptunaEngine(study, space, data, 7, starts, warm=warm)


class GivesUp(OptunaEngine):
    failures = 0

    def ask(self):
        return super().ask() if self.failures < 3 else None

    def tell(self, candidate, outcome):
        self.failures = 0 if outcome.score else self.failures + 1
        super().tell(candidate, outcome)


class ScoresEverything(OptunaEngine):
    def tell(self, candidate, outcome):
        if outcome.status in ("diverged", "failed", "out_of_memory"):
            outcome = made_up(candidate)
        super().tell(candidate, outcome)


class RanksDiscarded(OptunaEngine):
    def tell(self, candidate, outcome):
        if outcome.partial is not None:
            outcome = Outcome("scored", score=outcome.partial)
        super().tell(candidate, outcome)


class KnowsTheFuture(OptunaEngine):
    def incumbent(self, before=None):
        return super().incumbent()


class TrainsTwice(OptunaEngine):
    def ask(self):
        candidate = super().ask()
        return candidate and replace(candidate, repeats=None)


class GoesOnForever(OptunaEngine):
    def _next_trial(self):
        return self._record.study.ask()


class Unlimited(OptunaEngine):
    def __init__(self, study, space, data, seed, starts, *, warm=(), demands=None):
        super().__init__(study, space, data, seed, starts, warm=warm)


class Forgetful(OptunaEngine):
    """Keeps its random numbers in the process."""

    def __init__(self, study, space, data, seed, starts, *, warm=()):
        super().__init__(study, space, data, seed, starts, warm=warm)
        study.sampler = TPESampler(seed=seed)


WRONG = [
    ("space", OutOfRange, "width=99 is out of range"),
    ("space", WithoutBaseline, "trial 0 must be the baseline"),
    ("space", InactiveValues, "must be the active hyperparameters"),
    ("branches", OneBranch, "must try several values of `filters`"),
    ("seeds", by_chance, "with the same seed and scores must ask the same"),
    ("seeds", without_seed, "other seeds must ask something else"),
    ("failures", GivesUp, r"returned None after \d+ trials"),
    ("failures", ScoresEverything, "must end as PRUNED or FAIL"),
    ("discards", RanksDiscarded, "must be PRUNED"),
    ("incumbent", KnowsTheFuture, "before trial 0 there is no best one"),
    ("parallel", TrainsTwice, "the same candidate as trial"),
    ("repeats", TrainsTwice, "the same candidate as trial"),
    ("repeats", GoesOnForever, "must come to an end"),
    ("limits", Unlimited, "weights and 160 are allowed"),
    ("resume", Forgetful, "must ask what an undisturbed one asks"),
]


@pytest.mark.parametrize(("check", "engine", "message"), WRONG)
def test_a_wrong_engine_fails_with_what_is_wrong(check, engine, message):
    with pytest.raises(AssertionError, match=message):
        check_engine(engine, only=[check])


def test_every_check_can_fail():
    assert {check for check, *_ in WRONG} == set(CHECKS)


def test_a_right_engine_passes():
    check_engine(OptunaEngine, trials=9)


def test_an_unknown_check_is_named():
    with pytest.raises(ValueError, match=r"no check 'seed'.+Did you mean 'seeds'"):
        check_engine(OptunaEngine, only=["seed"])
