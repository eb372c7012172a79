"""Build candidates of a space without training them, at random or with given values."""

from __future__ import annotations

import gc
import inspect
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from automl_sem.errors import AutomlSemError, one_line
from automl_sem.seeds import derive_seed
from automl_sem.spaces.collisions import Collision, DrawnHyperParameters, RebuiltHyperParameters
from automl_sem.spaces.parameters import Value, study_name
from automl_sem.spaces.signature import is_whole, signature
from automl_sem.spaces.space import Space, Values, line_of
from automl_sem.types import DataInfo

FREED_AFTER = 50_000_000  # weights of models that nobody needs any more


@dataclass(frozen=True)
class Built:
    """A candidate, whether it could be built or not.

    Args:
        values: Its hyperparameters, by their names.
        asked: All that the space asked for, by their names in a study.
        active: Those of them that have a value.
        lines: Line of the space that asked for each.
        collisions: Names that stand for two ranges in it.
        signature: What it is made of; empty where it could not be built.
        whole: Whether that says all of it.
        of_fit: What the fit of its hypermodel alone asked for, by names in a study: what that
            does with it cannot be seen.
        parameters: Number of its weights.
        seconds: Time to build it.
        error: Why it could not be built; empty where it was.
        where: The line that failed.
    """

    values: dict[str, Value]
    asked: dict[str, Any]
    active: dict[str, Any]
    lines: dict[str, int]
    collisions: tuple[Collision, ...]
    signature: str = ""
    whole: bool = True
    of_fit: frozenset[str] = frozenset()
    parameters: int = 0
    seconds: float = 0.0
    error: str = ""
    where: str = ""

    @property
    def kind_of_error(self) -> tuple[str, str]:
        """Error and line, whatever the numbers in it."""
        return re.sub(r"[\d.]+", "#", self.error), self.where

    def with_value(self, name: str, value: Value) -> dict[str, Value]:
        """Return its values with another one; what that deactivates is left out."""
        kept = {
            hp.name
            for hp in self.active.values()
            if all(value in c.values for c in hp.conditions if c.name == name)
        }
        return {n: v for n, v in self.values.items() if n in kept} | {name: value}


@dataclass
class Builder:
    """Builds candidates until time is up.

    Args:
        space: The space.
        data: Description of the data.
        seed: Another one draws other candidates.
        end: `time.monotonic()` after which nothing should be built any more.
    """

    space: Space
    data: DataInfo
    seed: int
    end: float
    _unfreed: int = field(default=0, init=False)

    @property
    def seconds_left(self) -> float:
        """Time until the end."""
        return self.end - time.monotonic()

    def drawn(self, number: int) -> Built:
        """Return a candidate as a sampler would draw it, the same for the same number."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.RandomSampler(seed=derive_seed(self.seed, number))
        # A study for each: in one, Optuna refuses a choice whose values change.
        trial = optuna.create_study(sampler=sampler).ask()
        return self._build(DrawnHyperParameters(self.space.path, trial))

    def given(self, values: Values) -> Built:
        """Return the candidate with given values; what is left out or out of range is default."""
        return self._build(RebuiltHyperParameters(self.space.path, values))

    def _build(self, hp: DrawnHyperParameters | RebuiltHyperParameters) -> Built:
        made: dict[str, Any] = {}
        began = time.perf_counter()
        try:
            model = self.space.build(hp, self.data)
            of_build = {study_name(h) for h in hp.space}
            recipe = self.space.recipe(hp, self.data, model)
            made["seconds"] = time.perf_counter() - began
            made["parameters"] = int(model.count_params())
            made["signature"] = signature(model, recipe)
            made["whole"] = is_whole(model, made["signature"])
            if self.space.fit_fn is not None:
                made["whole"] = False
                made["of_fit"] = frozenset(study_name(h) for h in hp.space) - of_build
            self._free(made["parameters"])
        except Exception as error:  # a space is a person's code
            what = error.what if isinstance(error, AutomlSemError) else one_line(error)
            made = {"error": what, "where": self._line(error)}
        active = {study_name(h): h for h in hp.space if hp.is_active(h)}
        return Built(
            values={h.name: hp.values[h.name] for h in active.values()},
            asked={study_name(h): h for h in hp.space},
            active=active,
            lines=hp.lines,
            collisions=tuple(hp.collisions),
            **made,
        )

    def _free(self, parameters: int) -> None:
        """Have Python look for the rings of references that models are, once they are large."""
        self._unfreed += parameters
        if self._unfreed > FREED_AFTER:
            self._unfreed = 0
            gc.collect()

    def _line(self, error: Exception) -> str:
        """Return `FILE:LINE` of what failed: of the function where its result is refused."""
        path = self.space.path
        where = line_of(error, path)
        if where != str(path):
            return where
        of_recipe = isinstance(error, AutomlSemError) and error.where.startswith("recipe")
        function = self.space.recipe_fn if of_recipe else self.space.build_fn
        code = getattr(inspect.unwrap(function), "__code__", None) if function else None
        if code is None or code.co_filename != str(path):
            return where
        return f"{path}:{code.co_firstlineno}"


def asked_for(candidates: Iterable[Built]) -> dict[str, Any]:
    """Return all hyperparameters of some candidates by their names in a study."""
    return {key: hp for candidate in candidates for key, hp in candidate.asked.items()}
