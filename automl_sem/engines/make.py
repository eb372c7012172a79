"""Which engine a search has: what people can choose, and how it is opened."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl_sem.costs import Demands
from automl_sem.engines.base import Engine, EngineFactory
from automl_sem.errors import UserError, did_you_mean
from automl_sem.goals import Goal
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo

if TYPE_CHECKING:
    from optuna.study import Study

ENGINES = ("optuna", "keras-tuner")
SAMPLERS = ("tpe", "random", "qmc", "cmaes", "nsga2")
ORACLES = ("random", "bayesian", "hyperband", "grid")
NEEDED = {"cmaes": "cmaes"}  # packages that a sampler needs besides Optuna
STATE = "engine_state"  # attribute of a study: what wrote it
STATE_VERSION = 1


@dataclass(frozen=True)
class EngineChoice:
    """An engine by its names.

    Args:
        engine: One of `ENGINES`.
        sampler: Optuna's sampler, one of `SAMPLERS`; None of another engine.
        oracle: KerasTuner's oracle, one of `ORACLES`; None of another engine.
    """

    engine: str = "optuna"
    sampler: str | None = "tpe"
    oracle: str | None = None

    def __str__(self) -> str:
        """Return it for people: `optuna, sampler tpe`."""
        part = f"sampler {self.sampler}" if self.sampler else f"oracle {self.oracle}"
        return f"{self.engine}, {part}"

    @property
    def models(self) -> bool:
        """Whether candidates are proposed by a model of the scores, once there are some."""
        return self.oracle == "bayesian" or self.sampler in ("tpe", "cmaes", "nsga2")

    @property
    def discards(self) -> bool:
        """Whether trials may be dropped after some folds: Hyperband compares whole ones."""
        return self.oracle != "hyperband"


def choose_engine(
    engine: str = "optuna", sampler: str | None = None, oracle: str | None = None
) -> EngineChoice:
    """Return the engine that options mean.

    Args:
        engine: One of `ENGINES`.
        sampler: One of `SAMPLERS`, or None for the default.
        oracle: One of `ORACLES`, or None for the default.

    Raises:
        UserError: If there is none of that name, an option belongs to the other engine, or a
            package that it needs is not installed.
    """
    _known("engine", engine, ENGINES)
    if engine == "optuna":
        if oracle is not None:
            raise UserError(
                "oracles are KerasTuner's, but the engine is optuna",
                where="--oracle",
                hint="Pass --engine keras-tuner as well, or --sampler instead",
            )
        sampler = sampler or "tpe"
        _known("sampler", sampler, SAMPLERS)
        _check_installed(sampler)
        return EngineChoice(engine, sampler, None)
    if sampler is not None:
        raise UserError(
            "samplers are Optuna's, but the engine is keras-tuner",
            where="--sampler",
            hint="Pass --oracle instead, or leave --engine out",
        )
    oracle = oracle or "bayesian"
    _known("oracle", oracle, ORACLES)
    return EngineChoice(engine, None, oracle)


def _known(word: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UserError(
            f"there is no {word} {name!r}", where=f"--{word}", hint=did_you_mean(name, known)
        )


def check_objectives(choice: EngineChoice, count: int) -> None:
    """Raise a UserError if an engine cannot search for so many objectives.

    Args:
        choice: The engine.
        count: Number of objectives.
    """
    if count > 1 and (choice.engine != "optuna" or choice.sampler == "cmaes"):
        raise UserError(
            f"{choice} searches for one objective, and {count} are asked for",
            where="--objective",
            hint="Take --engine optuna with --sampler tpe or nsga2, or name one objective",
        )


def _check_installed(sampler: str) -> None:
    package = NEEDED.get(sampler)
    if package is not None and importlib.util.find_spec(package) is None:
        raise UserError(
            f"Optuna needs the package {package} for it, which is not installed",
            where=f"--sampler {sampler}",
            hint=f"pip install {package}",
        )


@dataclass(frozen=True)
class EnginePlan:
    """What an engine makes of a space.

    Args:
        candidates: How many trials it has in all, the baseline included; None for any number.
        notes: What people should know.
    """

    candidates: int | None = None
    notes: tuple[str, ...] = ()


def plan_engine(
    choice: EngineChoice,
    space: Space,
    data: DataInfo,
    trials: int,
    discard: str,
    warm: int = 0,
) -> EnginePlan:
    """Return what an engine makes of a space, before a search.

    Args:
        choice: The engine.
        space: The space.
        data: Description of the data.
        trials: Trials that were asked for.
        discard: Discard rule that was asked for.
        warm: Number of warm starts.

    Raises:
        UserError: If the space is none for it.
    """
    if choice.oracle == "grid":
        return _plan_grid(space, data, trials, warm)
    if choice.oracle != "hyperband":
        return EnginePlan()
    from automl_sem.engines.keras_tuner import full_epochs
    from automl_sem.engines.oracles import rungs

    planned = rungs(full_epochs(space, data))
    total, epochs = 1 + sum(size for size, _ in planned), [epochs for _, epochs in planned]
    notes = [
        f"hyperband: {total} trials of {min(epochs)} to {max(epochs)} epochs, the baseline of "
        f"its own; each rung is trained from scratch{_nothing_discarded(discard)}"
    ]
    if trials < total:
        notes.append(f"hyperband ends after {trials} of its {total} trials, as --trials says")
    return EnginePlan(total, tuple(notes))


def _nothing_discarded(discard: str) -> str:
    return "" if discard == "none" else f", and so nothing is discarded (--discard {discard})"


def _plan_grid(space: Space, data: DataInfo, trials: int, warm: int) -> EnginePlan:
    from automl_sem.engines.keras_tuner import oracle_space
    from automl_sem.engines.oracles import COUNTED, combinations
    from automl_sem.engines.whole_space import check_grid

    whole = oracle_space("grid", space, data)
    check_grid(whole.space, "--oracle grid")
    count = combinations(whole)
    if count is None:
        return EnginePlan(notes=(f"the grid has more than {COUNTED:,} combinations",))
    total = 1 + warm + count
    asked = f"; --trials {total} tries them all" if trials < total else ""
    others = f"{_others(warm)}{asked}"
    return EnginePlan(total, (f"the grid has {count:,} combinations beside {others}",))


def _others(warm: int) -> str:
    if not warm:
        return "the baseline"
    return f"the baseline and {warm} warm start{'' if warm == 1 else 's'}"


def make_engine(choice: EngineChoice) -> EngineFactory:
    """Return what opens an engine.

    Raises:
        UserError: If a package that it needs is not installed, or this version does not know it.
    """
    names = {
        "engine": (choice.engine, ENGINES),
        "sampler": (choice.sampler, (*SAMPLERS, None)),
        "oracle": (choice.oracle, (*ORACLES, None)),
    }
    for word, (name, known) in names.items():
        if name not in known:
            raise _newer(f"{word} {name!r}")

    def opener(study: Study, *args: Any, **kwargs: Any) -> Engine:
        if choice.engine == "optuna":
            from automl_sem.engines.optuna import OptunaEngine

            _check_installed(choice.sampler or "tpe")
            return OptunaEngine(study, *args, **kwargs, sampler=choice.sampler or "tpe")
        from automl_sem.engines.keras_tuner import KerasTunerEngine

        return KerasTunerEngine(study, *args, **kwargs, oracle=choice.oracle or "bayesian")

    return opener


def open_engine(
    factory: EngineFactory,
    study: Study,
    space: Space,
    data: DataInfo,
    seed: int,
    starts: Sequence[Mapping[str, Value]],
    *,
    warm: Sequence[Mapping[str, Value]] = (),
    goals: Sequence[Goal] = (),
    demands: Demands = Demands(),  # noqa: B008, it is frozen
) -> Engine:
    """Open an engine on the study of a run.

    Args:
        factory: Opens it; `make_engine` returns that of an engine of ours.
        study: The study, opened for writing.
        space: The space to propose from.
        data: Description of the data.
        seed: Seed of the run.
        starts: Candidates tried first, by their names in the study.
        warm: Those of another run.
        goals: What the search is for; the study has a direction for each.
        demands: Limits on candidates, and what is to be known of them besides.

    Raises:
        UserError: If a newer version wrote the study.
    """
    version = study.user_attrs.get(STATE, STATE_VERSION)
    if version > STATE_VERSION:
        raise _newer(f"engine state {version}")
    if STATE not in study.user_attrs:
        study.set_user_attr(STATE, STATE_VERSION)
    return factory(study, space, data, seed, starts, warm=warm, goals=goals, demands=demands)


def _newer(what: str) -> UserError:
    return UserError(
        f"the run was written by a newer version of automl-sem: {what} is not known here",
        where="study.journal",
        hint="Upgrade: pip install -U automl-sem",
    )
