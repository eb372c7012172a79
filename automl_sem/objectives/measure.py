"""Compute metrics of the predictions of a fold, once it is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from automl_sem.errors import UserError
from automl_sem.goals import Goal, Measured
from automl_sem.objectives.base import Metric, Predicted, Unmeasurable, Wanted, is_classes
from automl_sem.objectives.own import WHERE
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.types import FoldResult, Ints, StressResult

# What distorted copies have as well: of these only the probability of the true class and the most
# probable one are kept. Other metrics are of examples as they are.
STRESSED = ("accuracy", "log_loss")
# Metrics to name where one is for something else: of classes and labels, and of numbers.
SOME = ("accuracy, macro_f1 and auc", "mean_squared_error, mean_absolute_error and r2")


AnyPrediction = FoldResult | OutputFold


@dataclass(frozen=True)
class Measure:
    """What is computed of a fold for a goal.

    Args:
        goal: The goal.
        metric: What is computed; under stress the goal may be the mean of two.
        reported: Whether it is a metric that the model was compiled with: folds have it.
    """

    goal: Goal
    metric: Metric
    reported: bool = False

    def of(self, result: AnyPrediction, wanted: Wanted) -> Measured:
        """Return what a fold comes to.

        Args:
            result: The fold.
            wanted: What is right for its rows, (n,) or (n, outputs).

        Raises:
            Unmeasurable: If it has no value.
        """
        name = self.metric.goal.name
        if self.reported:
            if not math.isfinite(value := result.metrics.get(name, math.nan)):
                raise Unmeasurable(f"the model has no compiled metric {name!r} with a value")
            return Measured(self.goal, value)
        value = self.metric.value(wanted, result.predictions)
        stress = result.stress if isinstance(result, FoldResult) else None
        if stress is not None and name in STRESSED:
            value = (value + _under_stress(name, stress)) / 2
        return Measured(self.goal, value)


def measured(result: AnyPrediction, measures: Sequence[Measure], y: Wanted) -> AnyPrediction:
    """Return a fold result with what it comes to by each measure.

    Args:
        result: The fold.
        measures: What to compute.
        y: What is right for all rows of the training data.

    Raises:
        Unmeasurable: If one has no value there.
    """
    wanted = y[result.indices]
    return replace(result, measured=tuple(measure.of(result, wanted) for measure in measures))


def _under_stress(name: str, stress: StressResult) -> float:
    if name == "log_loss":
        return stress.log_loss
    return float(stress.hits[np.array(stress.scored)].mean())


def check_measures(
    measures: Sequence[Measure], y: Wanted, classes: int, splits: Mapping[str, Ints]
) -> None:
    """Try the metrics on made-up predictions of every fold, before anything is trained.

    Args:
        measures: What is to be computed.
        y: What is right for the training data.
        classes: Number of classes, or of numbers that are predicted.
        splits: Fold number of every row, by the name of a split.

    Raises:
        UserError: If one has no value there, as the area under a curve where a fold holds a single
            class.
    """
    predicted = _made_up(y, classes)
    for measure in (each for each in measures if not each.reported):
        check_kind(measure.metric, y)
        for folds in splits.values():
            for fold in range(int(folds.max()) + 1):
                rows = np.flatnonzero(folds == fold)
                try:
                    measure.metric.value(y[rows], predicted[rows])
                except Unmeasurable as error:
                    hint = "Choose another objective"
                    if _has_value(measure.metric, y, predicted):
                        hint = "Fewer --folds hold more examples each; or choose another objective"
                    raise UserError(
                        f"it cannot be computed on a fold of {len(rows)} examples: {error}",
                        where=f"{WHERE} {measure.metric.goal.name}",
                        hint=hint,
                    ) from error


def check_kind(metric: Metric, y: Wanted) -> None:
    """Refuse a metric of classes for numbers, or the other way round.

    Args:
        metric: The metric.
        y: What is right for the training data.

    Raises:
        UserError: If it is for something else.
    """
    data = "classes" if is_classes(y) else "labels"
    if not np.issubdtype(y.dtype, np.integer):
        data = "numbers"
    if metric.of and (metric.of == "numbers") != (data == "numbers"):
        raise UserError(
            f"{metric.goal.name} is for {metric.of}, but the data are {data}",
            where=WHERE,
            hint=f"{SOME[data == 'numbers']} suit them",
        )


def _has_value(metric: Metric, wanted: Wanted, predicted: Predicted) -> bool:
    """Whether a metric has a value for all examples together."""
    try:
        metric.value(wanted, predicted)
    except Unmeasurable:
        return False
    return True


def _made_up(y: Wanted, classes: int) -> Predicted:
    """Return what a poor model might say, (n, outputs)."""
    rng = np.random.default_rng(0)
    if is_classes(y):
        return rng.dirichlet(np.ones(max(2, classes)), len(y)).astype(np.float32)
    if np.issubdtype(y.dtype, np.integer):
        return rng.random(y.shape).astype(np.float32)
    numbers = y.reshape(len(y), -1)
    spread = numbers.std(axis=0) + 1e-3
    return np.asarray(numbers + spread * rng.standard_normal(numbers.shape), np.float32)
