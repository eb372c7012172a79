"""KerasTuner's `hp` vocabulary on top of an Optuna trial.

A space is written once in `hp.Int`, `hp.Float`, `hp.Choice`, `hp.Boolean`,
`hp.Fixed` and conditional scopes (https://keras.io/keras_tuner/api/hyperparameters/).
Here each value comes from the trial's sampler, and the result rebuilds identically
from a plain `keras_tuner.HyperParameters.from_config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner

from automl_sem.spaces.parameters import (
    Suggester,
    Value,
    study_name,
    study_value,
    suggest,
    takes,
)


class OptunaHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
    """Hyperparameters whose values come from an Optuna trial.

    Args:
        trial: Hands out the values.
        fixed: Values by name that are not searched, since a flag sets them.
    """

    def __init__(self, trial: Suggester, fixed: Mapping[str, Value | None] | None = None) -> None:
        super().__init__()
        self._trial = trial
        self._fixed = dict(fixed or {})

    def _register(self, hp: Any, overwrite: bool = False) -> Any:  # noqa: ARG002
        if self.is_active(hp) and hp.name not in self.values:
            fixed = hp.name in self._fixed
            self.values[hp.name] = self._fixed[hp.name] if fixed else suggest(self._trial, hp)
        return super()._register(hp, False)


class OfferedHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
    """Hyperparameters that take offered values where they can, else their defaults.

    Args:
        offered: Values by name, perhaps of another space.

    Attributes:
        taken: The values taken, by their names in the study.
    """

    def __init__(self, offered: Mapping[str, Value]) -> None:
        super().__init__()
        self._offered = dict(offered)
        self.taken: dict[str, Value] = {}

    def _register(self, hp: Any, overwrite: bool = False) -> Any:  # noqa: ARG002
        value = self._offered.get(hp.name)
        new = self.is_active(hp) and hp.name not in self.values
        if new and value is not None and takes(hp, value):
            self.values[hp.name] = value
            if type(hp).__name__ != "Fixed":
                self.taken[study_name(hp)] = study_value(hp, value)
        return super()._register(hp, False)
