"""How good predicted labels and numbers are: what ranks trials, and what people are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.arrays import Floats

THRESHOLD = 0.5  # of the probability from which on a label is said
Numbers = NDArray[np.floating[Any]]


def cross_entropies(wanted: NDArray[Any], probabilities: Floats) -> float:
    """Return the mean binary cross-entropy of labels in nats, probabilities kept 1e-7 from 0 and 1.

    Args:
        wanted: 0 or 1 for each label, (n, labels).
        probabilities: Of each label, (n, labels).
    """
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.where(wanted > 0, np.log(p), np.log1p(-p)).mean())


def squared_errors(wanted: Floats, predicted: Floats, spread: Numbers) -> float:
    """Return the mean squared error, each output in units of its standard deviation.

    Args:
        wanted: Numbers, (n, outputs).
        predicted: What was predicted, (n, outputs).
        spread: Standard deviation of each output, (outputs,).
    """
    errors = (predicted.astype(np.float64) - wanted) / spread
    return float(np.square(errors).mean())


def spread_of(wanted: Floats) -> Numbers:
    """Return the standard deviation of each output, (outputs,); 1 where it is 0."""
    deviation = wanted.astype(np.float64).std(axis=0)
    found: Numbers = np.where(deviation > 0, deviation, 1.0)
    return found


def r2(wanted: Floats, predicted: Floats) -> float:
    """Return the coefficient of determination, the mean over outputs.

    That is 1 - (mean squared error / variance): 1 is perfect, and to answer with the mean always
    is worth 0.

    Args:
        wanted: Numbers, (n, outputs).
        predicted: What was predicted, (n, outputs).
    """
    return 1.0 - squared_errors(wanted, predicted, spread_of(wanted))


def absolute_errors(wanted: Floats, predicted: Floats) -> Numbers:
    """Return the mean absolute error of each output in its own units, (outputs,)."""
    found: Numbers = np.abs(predicted.astype(np.float64) - wanted).mean(axis=0)
    return found


def label_counts(wanted: NDArray[Any], probabilities: Floats) -> dict[str, NDArray[np.int64]]:
    """Return how often each label was said rightly, wrongly, and left out, each (labels,).

    Args:
        wanted: 0 or 1 for each label, (n, labels).
        probabilities: Of each label, (n, labels); it is said from `THRESHOLD` on.
    """
    there, said = wanted > 0, probabilities >= THRESHOLD
    return {
        "hits": (there & said).sum(axis=0),
        "false alarms": (~there & said).sum(axis=0),
        "missed": (there & ~said).sum(axis=0),
    }


def f1_scores(wanted: NDArray[Any], probabilities: Floats) -> Numbers:
    """Return F1 of each label, (labels,); NaN where it is neither there nor ever said."""
    counts = label_counts(wanted, probabilities)
    whole = 2 * counts["hits"] + counts["false alarms"] + counts["missed"]
    found: Numbers = np.where(whole > 0, 2 * counts["hits"] / np.maximum(whole, 1), np.nan)
    return found


def macro_f1(wanted: NDArray[Any], probabilities: Floats) -> float:
    """Return the mean F1 of the labels that are there or said; 1 where none is."""
    scores = f1_scores(wanted, probabilities)
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else 1.0


def exact_match(wanted: NDArray[Any], probabilities: Floats) -> float:
    """Return the share of examples all of whose labels are right."""
    return float(((probabilities >= THRESHOLD) == (wanted > 0)).all(axis=1).mean())


def label_accuracy(wanted: NDArray[Any], probabilities: Floats) -> float:
    """Return the share of all labels of all examples that are right."""
    return float(((probabilities >= THRESHOLD) == (wanted > 0)).mean())


def measured(task: str, wanted: NDArray[Any], predicted: Floats) -> dict[str, float]:
    """Return what people are shown of predictions, by name.

    Args:
        task: `"multi-label"` or `"regression"`.
        wanted: Labels or numbers, (n, outputs).
        predicted: Probabilities or numbers, (n, outputs).
    """
    if task == "regression":
        errors = predicted.astype(np.float64) - wanted
        return {
            "r2": r2(wanted, predicted),
            "mean_absolute_error": float(absolute_errors(wanted, predicted).mean()),
            "root_mean_squared_error": float(np.sqrt(np.square(errors).mean())),
        }
    return {
        "macro_f1": macro_f1(wanted, predicted),
        "exact_match": exact_match(wanted, predicted),
        "label_accuracy": label_accuracy(wanted, predicted),
    }
