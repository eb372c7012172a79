"""Contract tests that anyone can run on an engine of their own.

Nothing is trained: the spaces here build a tiny model, and scores are made up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, get_args

import numpy as np

from automl_sem.costs import Demands
from automl_sem.engines.base import Engine, EngineFactory
from automl_sem.errors import did_you_mean
from automl_sem.spaces.space import Space
from automl_sem.testing.killed import PARALLEL, check_resume
from automl_sem.testing.made_up import (
    DATA,
    branch_space,
    branching_space,
    fold_scores,
    made_up,
    outcome_of,
    score_of,
    sized_space,
    tiny_space,
)
from automl_sem.testing.subject import Subject, asked_of, new_study
from automl_sem.types import Candidate, Outcome, Status

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
        CHECKS[name](Subject(make_engine, trials, seeded))


def _check_space(subject: Subject) -> None:
    """Candidates are of the space: the baseline first, whole branches only, all in range."""
    space, found = branching_space(), subject.search(new_study())
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


def _check_branches(subject: Subject) -> None:
    """Every branch of a space is reached."""
    engine = subject.open(new_study(), space=branch_space())
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


def _check_seeds(subject: Subject) -> None:
    """The same seed proposes the same, another one something else."""
    first, again = subject.search(new_study(), seed=1), subject.search(new_study(), seed=1)
    for one, other in zip(first, again, strict=True):
        assert asked_of(one) == asked_of(other), (
            f"two searches with the same seed and scores must ask the same, but trial {one.trial} "
            f"is {asked_of(one)} in one and {asked_of(other)} in the other"
        )
    if subject.seeded:
        others = subject.search(new_study(), seed=2)
        assert [c.values for c in first] != [c.values for c in others], (
            "searches with other seeds must ask something else; if they need not, as those of a "
            "grid, pass seeded=False"
        )


def _check_failures(subject: Subject) -> None:
    """No failure ends a search, however many there are in a row."""
    study = new_study()
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
    expected = fold_scores(made_up(found[0]))
    assert incumbent == expected, (
        f"a trial without a score is never the best: expected that of trial 0, {expected}, but "
        f"incumbent() returned {incumbent}"
    )


def _check_discards(subject: Subject) -> None:
    """A discarded trial has its partial score on record, and is never the best."""
    study = new_study()

    def discards(candidate: Candidate) -> Outcome:
        if candidate.trial == 0:
            return made_up(candidate)
        value = float(np.mean(fold_scores(made_up(candidate)))) - 9.0  # better than any
        return Outcome("discarded", "after 2 of 3 folds", partial=score_of(value, folds=2))

    found = subject.search(study, outcome=discards)
    engine = subject.open(study)
    for trial in study.trials[1:]:
        assert trial.state.name == "PRUNED", (
            f"a discarded trial must be PRUNED in the study, but trial {trial.number} is "
            f"{trial.state.name}"
        )
    assert engine.incumbent() == fold_scores(made_up(found[0])), (
        f"a discarded trial is never the best, but incumbent() returned {engine.incumbent()}"
    )
    assert engine.told == engine.asked == subject.trials, (
        f"{subject.trials} trials were asked for and told, but the engine counts {engine.asked} "
        f"and {engine.told}"
    )


def _check_incumbent(subject: Subject) -> None:
    """The best trial so far is known, also as it was before some trial."""
    study = new_study()
    found = subject.search(study)
    engine = subject.open(study)
    assert engine.incumbent(before=0) is None, "before trial 0 there is no best one"
    scores = [fold_scores(made_up(c)) for c in found]
    for before in (1, subject.trials // 2, subject.trials):
        expected = min(scores[:before], key=lambda folds: float(np.mean(folds)))
        incumbent = engine.incumbent(before)
        assert incumbent is not None and np.isclose(np.mean(incumbent), np.mean(expected)), (  # noqa: PT018
            f"the best of the first {before} trials has the fold scores {expected}, but "
            f"incumbent({before}) returned {incumbent}"
        )


def _check_parallel(subject: Subject) -> None:
    """Several trials under way are different candidates, or one says whom it repeats."""
    for seed in range(3):
        engine = subject.open(new_study(), seed, branch_space())
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


def _check_repeats(subject: Subject) -> None:
    """In a space of four candidates no more are trained; the others repeat their scores."""
    study = new_study()
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


def _check_limits(subject: Subject) -> None:
    """What breaks a limit is known when it is asked for, counts for nothing, and is never best."""
    study, space = new_study(), sized_space()
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


CHECKS: dict[str, Callable[[Subject], None]] = {
    "space": _check_space,
    "branches": _check_branches,
    "seeds": _check_seeds,
    "failures": _check_failures,
    "discards": _check_discards,
    "incumbent": _check_incumbent,
    "parallel": _check_parallel,
    "repeats": _check_repeats,
    "limits": _check_limits,
    "resume": check_resume,
}
