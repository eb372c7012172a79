"""scikit-learn's metrics, by the name of a scorer or of a function.

A scorer is asked through scikit-learn's own interface, with an estimator that says what was
predicted; more of a scorer is better, by its definition. By scikit-learn's convention a function
whose name ends in `_score` is better when it is larger, in `_loss`, `_error` or `_deviance` when
it is smaller (https://scikit-learn.org/stable/modules/model_evaluation.html).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from automl_sem.goals import Goal, spoken
from automl_sem.objectives.base import (
    Metric,
    Of,
    Predicted,
    Wanted,
    decided,
    is_classes,
    probabilities,
    two_classes,
)

MORE, LESS = ("_score",), ("_loss", "_error", "_deviance")
SURE = ("y_score", "y_proba", "y_prob")  # arguments that take probabilities
# What is for numbers that were predicted, not for classes, by how its name ends or begins.
NUMBERS = ("_deviance", "_error", "_pinball_loss", "r2", "r2_score", "explained_variance")
NUMBERS_BEGIN = ("explained_variance", "d2_absolute", "d2_pinball", "d2_tweedie")
OF_CLASSES = ("coverage_error",)
OF_EITHER = ("dcg_score", "ndcg_score")  # of how relevant each output is
UNBOUNDED = ("dcg_score", "mutual_info_score", "positive_likelihood_ratio")  # above


def find(name: str) -> Metric | None:
    """Return the metric of a scorer or a function of `sklearn.metrics`, or None."""
    from sklearn.metrics import get_scorer_names

    if name in get_scorer_names():
        return Metric(_goal(name, maximize=True), _by_scorer(name), _of(name))
    function = functions().get(name)
    if function is None:
        return None
    return Metric(_goal(name, maximize=name.endswith(MORE)), _by_function(function), _of(name))


def names() -> set[str]:
    """Return the names of all that `find` finds."""
    from sklearn.metrics import get_scorer_names

    return {*get_scorer_names(), *functions()}


def functions() -> dict[str, Callable[..., Any]]:
    """Return the functions that make one number of what is right and what was predicted."""
    import sklearn.metrics

    found = {}
    for name in sklearn.metrics.__all__:
        function = getattr(sklearn.metrics, name)
        if inspect.isfunction(function) and name.endswith((*MORE, *LESS)):
            first, *others = inspect.signature(function).parameters.values()
            needed = [p.name for p in others if p.default is p.empty and p.kind != p.VAR_KEYWORD]
            if first.name == "y_true" and needed in (["y_pred"], [others[0].name]):
                found[name] = function
    return {name: f for name, f in found.items() if _second(f) in ("y_pred", *SURE)}


def _second(function: Callable[..., Any]) -> str:
    return list(inspect.signature(function).parameters)[1]


def _of(name: str) -> Of:
    if name in OF_EITHER:
        return ""
    numbers = name.endswith(NUMBERS) or name.startswith(NUMBERS_BEGIN)
    return "numbers" if numbers and name not in OF_CLASSES else "classes"


def _goal(name: str, *, maximize: bool) -> Goal:
    """Return the goal of a metric, with the ends that scikit-learn's documentation gives it."""
    if not maximize:
        return Goal(name, spoken(name), lowest=0.0)  # a loss, an error, a deviance
    highest = 0.0 if name.startswith("neg_") else math.inf if name in UNBOUNDED else 1.0
    return Goal(name, spoken(name), maximize=True, highest=highest)


def _by_function(function: Callable[..., Any]) -> Callable[[Wanted, Predicted], Any]:
    takes = inspect.signature(function).parameters

    def compute(wanted: Wanted, predicted: Predicted) -> Any:
        more: dict[str, Any] = {}
        wanted, predicted = two_classes(wanted, predicted)
        if _second(function) in SURE:
            said = probabilities(wanted, predicted)
            if is_classes(wanted) and "labels" in takes:
                more["labels"] = range(predicted.shape[1])
        else:
            said = decided(wanted, predicted)
            if is_classes(wanted) and "average" in takes:
                more["average"] = "macro"
        return function(wanted, said, **more)

    return compute


def _by_scorer(name: str) -> Callable[[Wanted, Predicted], Any]:
    def compute(wanted: Wanted, predicted: Predicted) -> Any:
        from sklearn.metrics import get_scorer

        wanted, predicted = two_classes(wanted, predicted)
        said = _Said.of(wanted, predicted)
        return get_scorer(name)(said, np.empty((len(wanted), 0)), wanted)

    return compute


class _Said:
    """What makes an estimator, in scikit-learn's sense, of predictions that are there."""

    @staticmethod
    def of(wanted: Wanted, predicted: Predicted) -> Any:
        """Return an estimator that says what was predicted, whatever it is asked about."""
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

        class Numbers(RegressorMixin, BaseEstimator):  # type: ignore[misc]
            fitted_ = True

            def predict(self, _: Any) -> Any:
                return decided(wanted, predicted)

        class Classes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
            fitted_ = True
            classes_ = np.arange(predicted.shape[1])

            def predict(self, _: Any) -> Any:
                return decided(wanted, predicted)

            def predict_proba(self, _: Any) -> Any:
                sure = predicted.astype(np.float64)
                return sure / sure.sum(axis=1, keepdims=True) if is_classes(wanted) else sure

        return Classes() if np.issubdtype(wanted.dtype, np.integer) else Numbers()
