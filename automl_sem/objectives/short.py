"""The names that people say first, with what they mean here whatever the number of classes.

Of more than two classes precision, recall and F1 are the mean over the classes ("macro"), and the
area under the ROC curve is that of each class against the others (Hand and Till 2001 compare
ways to do it), again the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from automl_sem.goals import LOG_LOSS, Goal, spoken
from automl_sem.objectives.base import (
    Metric,
    Predicted,
    Wanted,
    decided,
    is_classes,
    probabilities,
)
from automl_sem.scoring.metrics import accuracy, log_loss

ACCURACY = Goal("accuracy", "accuracy", maximize=True, lowest=0.0, highest=1.0)

ALIASES = {
    "acc": "accuracy",
    "accuracy_score": "accuracy",
    "loss": "log_loss",
    "logloss": "log_loss",
    "cross_entropy": "log_loss",
    "f1": "macro_f1",
    "f1_macro": "macro_f1",
    "f1_weighted": "weighted_f1",
    "f1_micro": "micro_f1",
    "precision": "macro_precision",
    "precision_macro": "macro_precision",
    "recall": "macro_recall",
    "recall_macro": "macro_recall",
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "roc_auc_ovr": "auc",
    "mcc": "matthews_corrcoef",
    "cohen_kappa_score": "kappa",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
}


def _averaged(function: str, average: str) -> Callable[[Wanted, Predicted], Any]:
    def compute(wanted: Wanted, predicted: Predicted) -> Any:
        import sklearn.metrics

        measure, said = getattr(sklearn.metrics, function), decided(wanted, predicted)
        if is_classes(wanted):
            return measure(wanted, said, average=average)
        if wanted.shape[1] == 1:  # else scikit-learn counts those without the label as a class
            nothing = float(function != "precision_score" or not wanted.any())
            return measure(wanted[:, 0], said[:, 0], average="binary", zero_division=nothing)
        # A label that is neither in a fold nor said there does not count; if none is, all is right.
        unknown = 0.0 if function == "precision_score" else np.nan
        found = measure(wanted, said, average=average, zero_division=unknown)
        return np.nan_to_num(found, nan=1.0)

    return compute


def _auc(wanted: Wanted, predicted: Predicted) -> Any:
    from sklearn.metrics import roc_auc_score

    labels = range(predicted.shape[1]) if is_classes(wanted) else None
    sure = probabilities(wanted, predicted)
    return roc_auc_score(wanted, sure, multi_class="ovr", average="macro", labels=labels)


def _accuracy(wanted: Wanted, predicted: Predicted) -> Any:
    if is_classes(wanted):
        return accuracy(wanted, predicted)
    return (decided(wanted, predicted) == wanted).all(axis=1)


def _log_loss(wanted: Wanted, predicted: Predicted) -> Any:
    if is_classes(wanted):
        return log_loss(wanted, predicted)
    from sklearn.metrics import log_loss as of_column

    return [of_column(w, p, labels=[0, 1]) for w, p in zip(wanted.T, predicted.T, strict=True)]


def _kappa(wanted: Wanted, predicted: Predicted) -> Any:
    from sklearn.metrics import cohen_kappa_score

    return cohen_kappa_score(wanted, decided(wanted, predicted))


def _matthews(wanted: Wanted, predicted: Predicted) -> Any:
    from sklearn.metrics import matthews_corrcoef

    return matthews_corrcoef(wanted, decided(wanted, predicted))


def _share(name: str, lowest: float = 0.0) -> Goal:
    return Goal(name, spoken(name), maximize=True, lowest=lowest, highest=1.0)


SHORT = {
    metric.goal.name: metric
    for metric in (
        Metric(ACCURACY, _accuracy, "classes"),
        Metric(LOG_LOSS, _log_loss, "classes"),
        *(
            Metric(_share(f"{average}_{name}"), _averaged(function, average), "classes")
            for name, function in (
                ("f1", "f1_score"),
                ("precision", "precision_score"),
                ("recall", "recall_score"),
            )
            for average in ("macro", "weighted", "micro")
        ),
        Metric(_share("auc"), _auc, "classes"),
        Metric(_share("kappa", lowest=-1.0), _kappa, "classes"),
        Metric(_share("matthews_corrcoef", lowest=-1.0), _matthews, "classes"),
    )
}


def short(name: str) -> str:
    """Return the one name of what several names are for."""
    return ALIASES.get(name, name)
