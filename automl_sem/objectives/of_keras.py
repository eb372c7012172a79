"""Keras's metrics and losses, by class or function name, in snake or camel case."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from automl_sem.errors import UserError
from automl_sem.goals import Goal, spoken
from automl_sem.objectives.base import (
    Metric,
    Of,
    Predicted,
    Wanted,
    decided,
    is_classes,
    one_hot,
)

# Of which more is better; a loss, an error or a divergence is better when it is smaller. (What
# keras_tuner infers takes F1Score, R2Score and the IoUs for losses.)
MORE = (
    "accuracy",
    "auc",
    "precision",
    "recall",
    "score",
    "iou",
    "correlation",
    "specificity",
    "sensitivity",
    "truepositives",
    "truenegatives",
    "precisionatrecall",
    "cosinesimilarity",
)
LEFT_OUT = (
    "Metric",
    "Mean",
    "Sum",
    "MeanMetricWrapper",
    "Loss",
    "CTC",
    "Circle",
    "get",
    "serialize",
    "deserialize",
    "ctc",
    "circle",
)
OF_NUMBERS = ("error", "huber", "logcosh", "r2score", "correlation")
OF_EITHER = ("cosinesimilarity", "poisson")


def find(name: str) -> Metric | None:
    """Return a metric or else a loss of Keras, or None.

    Raises:
        UserError: If it needs more than predictions to be made.
    """
    found = _known().get(_plain(name))
    if found is None:
        return None
    made, is_metric = found
    plain = _plain(made.__name__)
    shown = _snake(made.__name__)
    goal = Goal(shown, spoken(shown), maximize=is_metric and plain.endswith(MORE))
    of: Of = "numbers" if plain.endswith(OF_NUMBERS) else "classes"
    return Metric(goal, _computed(made, shown), "" if plain in OF_EITHER else of)


def names() -> set[str]:
    """Return the names of all that `find` finds, in snake case."""
    return {_snake(made.__name__) for made, _ in _known().values()}


def _known() -> dict[str, tuple[Any, bool]]:
    """Return metrics and losses by their plain names, and whether each is a metric."""
    import keras

    found: dict[str, tuple[Any, bool]] = {}
    for module, base in ((keras.metrics, keras.metrics.Metric), (keras.losses, keras.losses.Loss)):
        for is_class in (True, False):
            for name in dir(module):
                made = getattr(module, name)
                fits = inspect.isclass(made) and issubclass(made, base)
                if not is_class:
                    fits = inspect.isfunction(made)
                if fits and not name.startswith("_") and name not in LEFT_OUT:
                    found.setdefault(_plain(name), (made, module is keras.metrics))
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _snake(name: str) -> str:
    words = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace("IoU", "Iou")
    )
    return words.lower()


def _computed(made: Any, shown: str) -> Callable[[Wanted, Predicted], Any]:
    """Return what computes it, anew for each fold: a metric of Keras remembers."""
    needed: set[str] = set()
    is_class = inspect.isclass(made)
    if is_class:
        parameters = inspect.signature(made).parameters.values()
        kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        needed = {p.name for p in parameters if p.default is p.empty and p.kind not in kinds}
    if needed - {"num_classes"}:
        raise UserError(
            f"Keras's {made.__name__} needs {', '.join(sorted(needed - {'num_classes'}))}",
            where="--objective",
            hint="Write a function f(y_true, predictions) and say --objective FILE.py:f:max",
        )

    # Keras correlates the outputs of an example, and here it is examples that count.
    options = {"axis": 0} if "correlation" in shown else {}

    def compute(wanted: Wanted, predicted: Predicted) -> Any:
        of_numbers = "sparse" in shown or made.__name__ == "MeanIoU"
        y = wanted if of_numbers else one_hot(wanted, predicted)
        said = predicted if is_classes(wanted) else predicted.reshape(wanted.shape)
        if made.__name__ == "MeanIoU":
            said = decided(wanted, predicted)
        if not is_class:
            return np.asarray(made(y, said))
        metric: Any = made(**options, **({"num_classes": predicted.shape[1]} if needed else {}))
        if not hasattr(metric, "update_state"):
            return np.asarray(metric(y, said))
        metric.update_state(y, said)
        return np.asarray(metric.result())

    return compute
