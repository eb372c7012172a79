"""A hypermodel's own `fit(hp, model, ...)`, called as KerasTuner's tuner calls it.

https://keras.io/guides/keras_tuner/getting_started/ (Tune model training)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError
from automl_sem.types import DataInfo

Fit = Callable[..., Any]

REHEARSED = 8  # examples of each class or output in a rehearsal
_CLASH = re.compile(r"got multiple values for (?:keyword )?argument '(\w+)'")


class _Reached(BaseException):
    """A `fit` came to the point where it trains; no `except Exception` should stop it."""


class _Untrained:
    """A model for a rehearsal: whatever would train it or ask it ends the rehearsal.

    Args:
        model: Answers everything else.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        if name in ("fit", "evaluate", "predict", "train_on_batch", "train_step"):
            return _reach
        return getattr(self._model, name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise _Reached


def _reach(*_: Any, **__: Any) -> Any:
    raise _Reached


def rehearse(fit: Fit, hp: Any, model: Any, data: DataInfo, options: Mapping[str, Any]) -> None:
    """Let a `fit` name its hyperparameters: it is called with made-up examples, and stopped.

    It ends where the model would be trained or asked; what is named after that stays at its
    default value. Labels come in the other encodings too, until the `fit` takes one.

    Args:
        fit: The hypermodel's own.
        hp: Hands out values.
        model: Is not trained.
        data: Description of the data.
        options: What will be given to it beside the examples.
    """
    rng = np.random.default_rng(0)
    n = REHEARSED * max(data.outputs, 1)
    x = rng.random((n, *data.input_shape), np.float32)
    for y in _made_up_targets(data, n):
        given = {**options, "validation_data": (x, y)}
        try:
            call(fit, hp, _Untrained(model), x, y, given)
        except _Reached:
            return
        except Exception:  # for the made-up examples' sake: it may well work with the real ones
            continue
        return


def _made_up_targets(data: DataInfo, n: int) -> list[NDArray[Any]]:
    """Return targets of n examples, in each way in which a loss may want them."""
    if data.task == "regression":
        return [np.linspace(0, 1, n * data.outputs, dtype=np.float32).reshape(n, -1)]
    if data.task == "multi-label":
        return [np.arange(n * data.outputs).reshape(n, -1) % 2]
    numbers = np.arange(n) % max(data.classes, 1)
    one_hot = np.eye(max(data.classes, 1), dtype=np.float32)[numbers]
    return [numbers, one_hot, *([numbers[:, None]] if data.classes == 2 else [])]


def call(fit: Fit, hp: Any, model: Any, x: Any, y: Any, options: Mapping[str, Any]) -> Any:
    """Call a `fit` with what it takes of the options, and return what it returns.

    An option that it sets itself, as in `model.fit(*args, epochs=5, **kwargs)`, is left to it.

    Args:
        fit: The hypermodel's own, `fit(hp, model, *args, **kwargs)`.
        hp: Hands out values.
        model: The model.
        x: Examples, (n, ...).
        y: Their targets.
        options: By their names in `keras.Model.fit`.
    """
    parameters = inspect.signature(fit).parameters
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    left = {name: value for name, value in options.items() if any_name or name in parameters}
    while True:
        try:
            return fit(hp, model, x, y, **left)
        except TypeError as error:
            clash = _CLASH.search(str(error))
            if clash is None or clash[1] not in left:
                raise
            del left[clash[1]]


def loss_of_fit(told: Any) -> float:
    """Return the last training loss, or else the number, that a `fit` returned.

    Args:
        told: A `keras.callbacks.History`, a dictionary or a number.

    Raises:
        UserError: If it is nothing that KerasTuner takes.
    """
    logs = getattr(told, "history", told)
    if isinstance(logs, Mapping):
        values = [logs[name] for name in ("loss", *logs) if name in logs]
        logs = values[0] if values else None
    if isinstance(logs, list | tuple) and logs:
        logs = logs[-1]
    try:
        return float(logs)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the fit of the hypermodel returned {type(told).__name__}",
            hint="It must return what model.fit returns, a dictionary of numbers or a number",
        ) from error
