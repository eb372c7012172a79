"""A metric, and the forms in which predictions reach it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import one_line
from automl_sem.goals import Goal
from automl_sem.scoring.measures import THRESHOLD

# Of a classification y is (n,) class numbers and predictions (n, classes) probabilities; of
# several labels at once (n, labels) of 0 and 1, and a probability for each; else numbers.
Wanted = NDArray[Any]
Predicted = NDArray[Any]
Compute = Callable[[Wanted, Predicted], Any]
Of = Literal["", "classes", "numbers"]


class Unmeasurable(ValueError):
    """A metric has no value for these predictions."""


@dataclass(frozen=True)
class Metric:
    """What is computed of the predictions of a fold.

    Args:
        goal: Its name, and which way is better.
        compute: Returns a number of what is wanted, (n,) or (n, outputs), and what is predicted,
            (n, outputs).
        of: What it is for: `"classes"`, labels side by side among them, or `"numbers"`; empty for
            either.
    """

    goal: Goal
    compute: Compute
    of: Of = ""

    def value(self, wanted: Wanted, predicted: Predicted) -> float:
        """Return its value for some rows.

        Args:
            wanted: What is right, (n,) or (n, outputs).
            predicted: What a model says, (n, outputs).

        Raises:
            Unmeasurable: If it has none, as the area under a curve where there is one class.
        """
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is undefined is told below, in one line
            try:
                value = float(np.mean(self.compute(wanted, predicted)))
            except Exception as error:  # a person's own function may raise anything
                raise Unmeasurable(f"{self.goal.name}: {one_line(error)}") from error
        if not math.isfinite(value):
            classes = np.unique(wanted) if is_classes(wanted) else ()
            why = ", there is a single class" if len(classes) == 1 else ""
            raise Unmeasurable(f"{self.goal.name} is {value}{why}")
        return value


def is_classes(wanted: Wanted) -> bool:
    """Whether what is wanted are class numbers, one of each example."""
    return wanted.ndim == 1 and bool(np.issubdtype(wanted.dtype, np.integer))


def decided(wanted: Wanted, predicted: Predicted) -> NDArray[Any]:
    """Return predictions in the form of what is wanted: the most probable class of each example."""
    if is_classes(wanted):
        return np.asarray(predicted.argmax(axis=1))
    if np.issubdtype(wanted.dtype, np.integer):
        return np.asarray(predicted >= THRESHOLD, wanted.dtype)  # labels, any of them at once
    return predicted.reshape(wanted.shape)


def probabilities(wanted: Wanted, predicted: Predicted) -> NDArray[Any]:
    """Return probabilities as scikit-learn takes them: of two classes those of the second."""
    if is_classes(wanted):
        sure = predicted.astype(np.float64)
        sure = sure / sure.sum(axis=1, keepdims=True)  # float32 does not sum to 1 closely enough
        return np.asarray(sure[:, 1] if sure.shape[1] == 2 else sure)
    return predicted


def two_classes(wanted: Wanted, predicted: Predicted) -> tuple[Wanted, Predicted]:
    """Return a single label as two classes, without it and with it; all else as it is."""
    if is_classes(wanted) or not np.issubdtype(wanted.dtype, np.integer) or wanted.shape[1] > 1:
        return wanted, predicted
    return wanted[:, 0], np.concatenate([1 - predicted, predicted], axis=1)


def one_hot(wanted: Wanted, predicted: Predicted) -> NDArray[Any]:
    """Return what is wanted with a column for each class, (n, classes)."""
    if not is_classes(wanted):
        return wanted
    columns: NDArray[Any] = np.eye(predicted.shape[1], dtype=np.float32)[wanted]
    return columns
