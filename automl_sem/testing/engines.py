"""Contract tests that anyone can run on an engine of their own.

Nothing is trained: the spaces here build a tiny model, and scores are made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import optuna
from optuna.storages import InMemoryStorage
from optuna.study import Study

from automl_sem.costs import Demands
from automl_sem.engines.base import Engine, EngineFactory
from automl_sem.errors import did_you_mean
from automl_sem.seeds import derive_seed
from automl_sem.spaces.space import Space
from automl_sem.types import Candidate, DataInfo, FoldResult, Outcome, Recipe, Score, Status

DATA = DataInfo(kind="images", input_shape=(4, 4, 1), classes=2, n_train=20)
FOLDS = 3
PARALLEL = 4
# What a trial can come to without a score, whether or not it is the candidate's fault.
WITHOUT_SCORE = tuple(s for s in get_args(Status) if s not in ("scored", "discarded", "repeated"))


def check_engine(
    make_engine: EngineFactory,
    *,
    trials: int = 14,
    seeded: bool = True,
    only: Collection[str] = (),
) -> None:
    """Check that an engine keeps the contract of `automl_sem.engines.base.Engine`.

    Args:
        make_engine: Opens the engine on a study, with the arguments of `EngineFactory`: study,
            space, data, seed, starts and, by name, warm and, where there are limits, demands.
        trials: Trials of each made-up search. More find more, and take longer.
        seeded: Whether proposals depend on the seed; those of a grid do not.
        only: Names of single checks, of `CHECKS`; all by default.

    Raises:
        AssertionError: If it does not, saying what was expected and what came.
        ValueError: If there is no check of a name in `only`.

    Example:
        ```python
        from automl_sem.engines.optuna import OptunaEngine
        from automl_sem.testing import check_engine

        check_engine(OptunaEngine)
        ```
    """
    for name in only or CHECKS:
        if name not in CHECKS:
            raise ValueError(f"there is no check {name!r}. {did_you_mean(name, CHECKS)}")
        CHECKS[name](_Subject(make_engine, trials, seeded))


@dataclass(frozen=True)
class _Subject:
    """What is checked, and how long.

    Args:
        make: Opens an engine.
        trials: Trials of a search.
        seeded: Whether proposals depend on the seed.
    """

    make: EngineFactory
    trials: int
    seeded: bool

    def open(self, study: Study, seed: int = 3, space: Space | None = None) -> Engine:
        space = space or branching_space()
        return self.make(study, space, DATA, seed, space.starts(DATA), warm=())

    def search(
        self, study: Study, seed: int = 3, outcome: Callable[[Candidate], Outcome] | None = None
    ) -> list[Candidate]:
        """Return the candidates of a search in which each is told before the next is asked for."""
        engine = self.open(study, seed)
        found: list[Candidate] = []
        while len(found) < self.trials and (candidate := engine.ask()) is not None:
            found.append(candidate)
            engine.tell(candidate, outcome_of(candidate, outcome or made_up))
        assert len(found) == self.trials, (
            f"ask() returned None after {len(found)} trials with none under way, which says that "
            f"there are no more candidates; the space has more than {self.trials}"
        )
        return found


def branching_space() -> Space:
    """Return a finite space in which each kind of model has hyperparameters of its own."""

    def build(hp: Any) -> Any:
        kind = hp.Choice("kind", ["dense", "conv", "none"])
        with hp.conditional_scope("kind", ["dense"]):
            if kind == "dense":
                hp.Int("units", 2, 16)
                hp.Float("dropout", 0.0, 0.4, step=0.1)
        with hp.conditional_scope("kind", ["conv"]):
            if kind == "conv":
                hp.Int("filters", 2, 32, step=2, sampling="log")
                hp.Boolean("pool")
        hp.Int("width", 1, 9)
        return _model()

    def recipe(hp: Any, data: DataInfo) -> Recipe:  # noqa: ARG001
        rate = hp.Float("rate", 1e-4, 1e-1, step=10, sampling="log")
        return Recipe(learning_rate=rate, epochs=9)

    baseline: dict[str, Any] = {"kind": "dense", "units": 8, "width": 3, "rate": 1e-3}
    return _space(build, recipe, baseline)


def branch_space() -> Space:
    """Return a space of six candidates in two branches."""

    def build(hp: Any) -> Any:
        kind = hp.Choice("kind", ["dense", "conv"])
        with hp.conditional_scope("kind", ["conv"]):
            if kind == "conv":
                hp.Int("filters", 1, 3)
        hp.Boolean("wide")
        return _model()

    return _space(build, None, {"kind": "dense", "wide": False})


def tiny_space() -> Space:
    """Return a space with four candidates."""

    def build(hp: Any) -> Any:
        hp.Choice("one", ["a", "b"])
        hp.Boolean("two")
        return _model()

    return _space(build, None, {"one": "b", "two": True})


def sized_space() -> Space:
    """Return a space of models that have 19 weights for each of up to 16 units, and 2 more."""

    def build(hp: Any) -> Any:
        import keras

        hp.Float("rate", 1e-4, 1e-1, sampling="log")
        inputs = keras.Input(DATA.input_shape)
        outputs = keras.layers.Dense(hp.Int("units", 1, 16))(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(DATA.classes, activation="softmax")(outputs))

    return _space(build, None, {"units": 2, "rate": 1e-3})


def made_up(candidate: Candidate) -> Outcome:
    """Return a score that depends on the candidate alone; the best are dense and slow."""
    penalty = {"dense": 0.0, "conv": 0.5, "none": 1.5}.get(str(candidate.values.get("kind")), 0.0)
    width = int(candidate.values.get("width", 1))
    rate = abs(np.log10(float(candidate.values.get("rate", 1e-3))) + 2.0)
    return Outcome("scored", score=score_of(penalty + 0.1 * width + float(rate)))


def score_of(value: float, folds: int = FOLDS) -> Score:
    """Return a score of so many folds with this mean."""
    rows, shares = np.zeros(1, np.int64), np.full((1, 2), 0.5, np.float32)
    spread = np.arange(folds) - (folds - 1) / 2
    return Score(
        tuple(
            FoldResult(i, rows, shares, value + float(d) / 100, 0.5) for i, d in enumerate(spread)
        )
    )


def outcome_of(candidate: Candidate, outcome: Callable[[Candidate], Outcome]) -> Outcome:
    """Return how a candidate's trial ends, as a search finds out: without training a repeat."""
    if candidate.repeats is not None:
        return Outcome("repeated", f"the same candidate as trial {candidate.repeats}")
    return candidate.broken or outcome(candidate)


def _model() -> Any:
    """Return a model, always the same one: an engine only asks what it is like."""
    import keras

    if not _MODELS:
        inputs = keras.Input(DATA.input_shape)
        outputs = keras.layers.Dense(DATA.classes, activation="softmax")
        _MODELS.append(keras.Model(inputs, outputs(keras.layers.Flatten()(inputs))))
    return _MODELS[0]


_MODELS: list[Any] = []


def _space(
    build: Callable[..., Any], recipe: Callable[..., Any] | None, baseline: Mapping[str, Any]
) -> Space:
    return Space(
        name="made_up",
        path=Path("automl_sem/testing/engines.py"),
        source="",
        doc="",
        kind=None,
        data=None,
        size=None,
        build_fn=build,
        recipe_fn=recipe,
        baseline=baseline,
    )


def _study(storage: InMemoryStorage | None = None) -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(storage=storage or InMemoryStorage(), direction="minimize")


def _asked(candidate: Candidate | None) -> Any:
    """Return what must be the same when a candidate is proposed again."""
    if candidate is None:
        return None
    return (
        candidate.trial,
        dict(candidate.values),
        candidate.recipe.to_dict(),
        candidate.proposed_by,
        candidate.repeats,
    )


def _check_space(subject: _Subject) -> None:
    """Candidates are of the space: the baseline first, whole branches only, all in range."""
    space, found = branching_space(), subject.search(_study())
    numbers = [candidate.trial for candidate in found]
    assert numbers == list(range(len(found))), f"trials must be numbered 0, 1, ...: {numbers}"
    first = {name: found[0].values.get(name) for name in space.baseline}
    assert first == dict(space.baseline), (
        f"trial 0 must be the baseline {dict(space.baseline)}, but its values are {first}"
    )
    for candidate in found:
        assert candidate.broken is None, (
            f"trial {candidate.trial} could not be built: {candidate.broken}"
        )
        built = _rebuilt(space, candidate)
        assert built == dict(candidate.values), (
            f"trial {candidate.trial}: {dict(candidate.values)} must be the active "
            f"hyperparameters, all of them and no others, but the space takes {built}"
        )


def _check_branches(subject: _Subject) -> None:
    """Every branch of a space is reached."""
    engine = subject.open(_study(), space=branch_space())
    found: list[dict[str, Any]] = []
    while len(found) < 30 and (candidate := engine.ask()) is not None:
        found.append(dict(candidate.values))
        engine.tell(candidate, outcome_of(candidate, made_up))
    filters = {values["filters"] for values in found if values["kind"] == "conv"}
    assert len(filters) > 1, (
        f"{len(found)} trials in a space of 6 candidates must try several values of `filters`, "
        f"which is there with kind='conv' alone, but only {filters or 'none'} came"
    )


def _rebuilt(space: Space, candidate: Candidate) -> dict[str, Any]:
    """Return the values that a space takes of a candidate's, with those that it adds."""
    import keras_tuner

    from automl_sem.spaces.parameters import in_range

    hp = keras_tuner.HyperParameters()
    hp.values = dict(candidate.values)
    space.recipe(hp, DATA, space.build(hp, DATA))
    active = [one for one in hp.space if hp.is_active(one)]
    for one in active:
        value = hp.values[one.name]
        assert in_range(one, value), (
            f"trial {candidate.trial}: {one.name}={value!r} is out of range, {one}"
        )
    return {one.name: hp.values[one.name] for one in active}


def _check_seeds(subject: _Subject) -> None:
    """The same seed proposes the same, another one something else."""
    first, again = subject.search(_study(), seed=1), subject.search(_study(), seed=1)
    for one, other in zip(first, again, strict=True):
        assert _asked(one) == _asked(other), (
            f"two searches with the same seed and scores must ask the same, but trial {one.trial} "
            f"is {_asked(one)} in one and {_asked(other)} in the other"
        )
    if subject.seeded:
        others = subject.search(_study(), seed=2)
        assert [c.values for c in first] != [c.values for c in others], (
            "searches with other seeds must ask something else; if they need not, as those of a "
            "grid, pass seeded=False"
        )


def _check_failures(subject: _Subject) -> None:
    """No failure ends a search, however many there are in a row."""
    study = _study()
    turns = iter([*WITHOUT_SCORE, *["failed"] * 5, *["diverged"] * 5] * subject.trials)

    def fails(candidate: Candidate) -> Outcome:
        if candidate.trial == 0:
            return made_up(candidate)
        return Outcome(next(turns), "made up")

    found = subject.search(study, outcome=fails)
    for candidate in found[1:]:
        state = study.trials[candidate.trial].state
        assert state.name in ("PRUNED", "FAIL"), (
            f"trial {candidate.trial} has no score and must end as PRUNED or FAIL in the study, "
            f"but it is {state.name}"
        )
    incumbent = subject.open(study).incumbent()
    expected = _folds(made_up(found[0]))
    assert incumbent == expected, (
        f"a trial without a score is never the best: expected that of trial 0, {expected}, but "
        f"incumbent() returned {incumbent}"
    )


def _folds(outcome: Outcome) -> tuple[float, ...]:
    assert outcome.score is not None
    return tuple(fold.objective for fold in outcome.score.folds)


def _check_discards(subject: _Subject) -> None:
    """A discarded trial has its partial score on record, and is never the best."""
    study = _study()

    def discards(candidate: Candidate) -> Outcome:
        if candidate.trial == 0:
            return made_up(candidate)
        value = float(np.mean(_folds(made_up(candidate)))) - 9.0  # better than any
        return Outcome("discarded", "after 2 of 3 folds", partial=score_of(value, folds=2))

    found = subject.search(study, outcome=discards)
    engine = subject.open(study)
    for trial in study.trials[1:]:
        assert trial.state.name == "PRUNED", (
            f"a discarded trial must be PRUNED in the study, but trial {trial.number} is "
            f"{trial.state.name}"
        )
    assert engine.incumbent() == _folds(made_up(found[0])), (
        f"a discarded trial is never the best, but incumbent() returned {engine.incumbent()}"
    )
    assert engine.told == engine.asked == subject.trials, (
        f"{subject.trials} trials were asked for and told, but the engine counts {engine.asked} "
        f"and {engine.told}"
    )


def _check_incumbent(subject: _Subject) -> None:
    """The best trial so far is known, also as it was before some trial."""
    study = _study()
    found = subject.search(study)
    engine = subject.open(study)
    assert engine.incumbent(before=0) is None, "before trial 0 there is no best one"
    scores = [_folds(made_up(c)) for c in found]
    for before in (1, subject.trials // 2, subject.trials):
        expected = min(scores[:before], key=lambda folds: float(np.mean(folds)))
        incumbent = engine.incumbent(before)
        assert incumbent is not None and np.isclose(np.mean(incumbent), np.mean(expected)), (  # noqa: PT018
            f"the best of the first {before} trials has the fold scores {expected}, but "
            f"incumbent({before}) returned {incumbent}"
        )


def _check_parallel(subject: _Subject) -> None:
    """Several trials under way are different candidates, or one says whom it repeats."""
    for seed in range(3):
        engine = subject.open(_study(), seed, branch_space())
        seen: dict[str, int] = {}
        under_way: list[Candidate] = []
        while engine.asked < subject.trials:
            candidate = engine.ask() if len(under_way) < PARALLEL else None
            if candidate is not None:
                _note_repeat(candidate, seen)
                under_way.append(candidate)
                continue
            if not under_way:
                break  # there are no more candidates
            ended = under_way.pop(0)
            engine.tell(ended, outcome_of(ended, made_up))


def _note_repeat(candidate: Candidate, seen: dict[str, int]) -> None:
    """Raise an AssertionError if a candidate repeats another one and does not say so."""
    what = repr((sorted(candidate.values.items()), candidate.recipe))
    first = seen.setdefault(what, candidate.trial)
    expected = None if first == candidate.trial else first
    same = "a new candidate" if expected is None else f"the same candidate as trial {first}"
    assert candidate.repeats == expected, (
        f"trial {candidate.trial} is {same}, so its `repeats` must be {expected}, but it is "
        f"{candidate.repeats}"
    )


def _check_repeats(subject: _Subject) -> None:
    """In a space of four candidates no more are trained; the others repeat their scores."""
    study = _study()
    seen: dict[str, int] = {}
    engine = subject.open(study, space=tiny_space())
    trained = 0
    for _ in range(200):
        candidate = engine.ask()
        if candidate is None:
            break
        _note_repeat(candidate, seen)
        trained += candidate.repeats is None
        engine.tell(candidate, outcome_of(candidate, _by_number))
    else:
        raise AssertionError("a space of four candidates must come to an end: ask() returns None")
    assert trained == len(seen), f"{len(seen)} candidates were trained {trained} times"
    for trial in study.trials:
        first = trial.user_attrs.get("repeats")
        if first is not None:
            values = study.trials[first].value
            assert trial.value == values, (
                f"trial {trial.number} repeats trial {first} and must have its value {values}, but "
                f"has {trial.value}"
            )
    best = engine.incumbent()
    assert best is not None and np.isclose(np.mean(best), 1.0), (  # noqa: PT018
        f"the best is trial 0 with a mean of 1, but incumbent() returned {best}"
    )


def _by_units(candidate: Candidate) -> Outcome:
    """Return the better a score the more units there are."""
    return Outcome("scored", score=score_of(-float(candidate.values["units"])))


def _by_number(candidate: Candidate) -> Outcome:
    """Return the better a score the earlier the trial."""
    return Outcome("scored", score=score_of(candidate.trial + 1.0))


def _check_limits(subject: _Subject) -> None:
    """What breaks a limit is known when it is asked for, counts for nothing, and is never best."""
    study, space = _study(), sized_space()
    demands = Demands({"params": 160.0})  # 8 units have 154 weights, 9 have 173

    def open_again() -> Engine:
        return subject.make(study, space, DATA, 3, space.starts(DATA), warm=(), demands=demands)

    engine = open_again()
    infeasible = feasible = 0
    while feasible < subject.trials and infeasible < 30 * subject.trials:
        candidate = engine.ask()
        if candidate is None:
            break
        units = int(candidate.values["units"])
        broken = candidate.broken is not None and candidate.broken.status == "infeasible"
        assert broken == (units > 8), (
            f"trial {candidate.trial} has {19 * units + 2} weights and 160 are allowed, but its "
            f"`broken` is {candidate.broken}"
        )
        infeasible, feasible = infeasible + broken, feasible + (not broken)
        engine.tell(candidate, outcome_of(candidate, _by_units))
    assert feasible > 1, (
        f"candidates within a limit must be found, but {infeasible} of {infeasible + feasible} "
        "break it"
    )
    assert engine.infeasible == open_again().infeasible == infeasible, (
        f"{infeasible} candidates broke the limit, but the engine counts {engine.infeasible}"
    )
    folds = engine.incumbent()
    assert folds is not None and np.mean(folds) >= -8.0, (  # noqa: PT018
        f"what breaks a limit is never the best, but incumbent() returned {folds}"
    )


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

    subject: _Subject
    rng: random.Random | None
    storage: _MortalStorage = field(default_factory=_MortalStorage)
    kills: int = 0

    def __post_init__(self) -> None:
        self.study = _study(self.storage)
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
        self.asked.append(_asked(candidate))
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
            assert _asked(again) == _asked(candidate), (
                f"after a restart, ask() must first return the trials under way as they were: "
                f"expected {_asked(candidate)}, but trial {number} is {_asked(again)}"
            )


def _check_resume(subject: _Subject) -> None:
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


def _run(subject: _Subject, slots: int, rng: random.Random | None) -> _Process:
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
        value = float(np.mean(_folds(made_up(candidate)))) + 1
        return Outcome("discarded", "after 1 of 3 folds", partial=score_of(value, folds=1))
    return made_up(candidate)


CHECKS: dict[str, Callable[[_Subject], None]] = {
    "space": _check_space,
    "branches": _check_branches,
    "seeds": _check_seeds,
    "failures": _check_failures,
    "discards": _check_discards,
    "incumbent": _check_incumbent,
    "parallel": _check_parallel,
    "repeats": _check_repeats,
    "limits": _check_limits,
    "resume": _check_resume,
}
