"""All hyperparameters of a space, those of every branch included.

KerasTuner's oracles know what they were told of; a model registers only what it comes by. So a few
candidates are built on purpose, as KerasTuner's own tuner does when it starts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner

from automl_sem.errors import UserError
from automl_sem.seeds import derive_seed
from automl_sem.spaces.parameters import Value, from_study, study_name, study_value
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo

FEW = 16  # values of a whole number that may count layers


class _Largest(keras_tuner.HyperParameters):  # type: ignore[misc]
    """Hyperparameters of which whole numbers with few values stand at their largest.

    These count layers or blocks, each of which may have hyperparameters of its own.
    """

    def _register(self, hp: Any, overwrite: bool = False) -> Any:
        new = self.is_active(hp) and hp.name not in self.values
        if new and type(hp).__name__ == "Int" and hp.max_value - hp.min_value < FEW:
            self.values[hp.name] = hp.prob_to_value(1 - 1e-9)
        return super()._register(hp, overwrite)


def whole_space(space: Space, data: DataInfo) -> Any:
    """Return all hyperparameters of a space that can be found, `keras_tuner.HyperParameters`.

    Args:
        space: The space; what its flags fix is left out.
        data: Description of the data.
    """
    found = keras_tuner.HyperParameters()
    seen: list[Any] = []  # conditional scopes that were active at least once

    def explore(hp: Any) -> list[Any]:
        # Whatever a branch raises, those before it are known, and a search names the error.
        with contextlib.suppress(Exception):
            space.recipe(hp, data, space.build(hp, data))
        found.merge([one for one in hp.space if one.name not in space.settled], overwrite=False)
        seen.extend(scope for scope in hp.active_scopes if scope not in seen)
        return [scope for scope in hp.inactive_scopes if scope not in seen]

    waiting = [*explore(keras_tuner.HyperParameters()), *explore(_with(space.baseline))]
    waiting += explore(_Largest())
    tried: list[Any] = []
    while waiting:
        scope = waiting.pop(0)
        if scope in seen or scope in tried:
            continue
        tried.append(scope)
        waiting += explore(_with({c.name: c.values[0] for c in scope}))
    return found


def _with(values: Mapping[str, Value]) -> Any:
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp


def values_of_start(whole: Any, start: Mapping[str, Value], seed: int) -> dict[str, Value]:
    """Return a candidate's complete values by name; what it leaves open is drawn at random.

    Args:
        whole: All hyperparameters.
        start: Values by their names in the study, perhaps only some.
        seed: Seed of the draws.
    """
    hps = keras_tuner.HyperParameters()
    for hp in whole.space:
        hps.merge([hp])
        if hps.is_active(hp):
            name = study_name(hp)
            drawn = hp.random_sample(derive_seed(seed, name))
            hps.values[hp.name] = from_study(hp, start[name]) if name in start else drawn
    return dict(hps.values)


def names_in_study(hps: Any) -> dict[str, Value]:
    """Return the values of KerasTuner's hyperparameters as a study records them."""
    return {
        study_name(hp): study_value(hp, hps.values[hp.name])
        for hp in hps.space
        if hps.is_active(hp) and type(hp).__name__ != "Fixed"
    }


def check_grid(space: Sequence[Any], where: str) -> None:
    """Raise a UserError if KerasTuner's grid search cannot go through a space.

    Args:
        space: All hyperparameters.
        where: The option, for people.
    """
    values: dict[str, list[Any]] = {}
    for hp in space:
        if type(hp).__name__ == "Float" and hp.step is None and hp.min_value < hp.max_value:
            raise UserError(
                f"{hp.name} takes any number from {hp.min_value:g} to {hp.max_value:g}: such a "
                "grid has no end",
                where=where,
                hint=f"Give hp.Float({hp.name!r}, ...) a step, or take another oracle",
            )
        if list(hp.values) != values.setdefault(hp.name, list(hp.values)):
            raise UserError(
                f"{hp.name} has other values in another branch, which KerasTuner's grid confuses",
                where=where,
                hint="Give it another name there, or take another oracle",
            )
