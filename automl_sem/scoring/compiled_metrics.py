"""The metrics that a person compiled a model with, of predictions that are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.scoring.losses import labels_of, takes_logits
from automl_sem.spaces.compiled import is_compiled
from automl_sem.types import DataInfo, Floats

SMALLEST = 1e-7  # probability whose logit is taken


def compiled_metrics(
    model: Any, info: DataInfo, targets: NDArray[Any], predictions: Floats
) -> dict[str, float]:
    """Return each compiled metric of a model by its name; empty without some.

    They are given labels as the loss takes them, and probabilities, but for metrics that take
    logits.

    Args:
        model: As `build` returned it.
        info: Says the task.
        targets: Class numbers, (n,), or the targets of another task, (n, outputs).
        predictions: Probabilities, (n, classes), or the predictions of another task.
    """
    metrics = getattr(model, "_compile_metrics", None)
    if not is_compiled(model) or metrics is None:
        return {}
    labels = labels_of(model, info)
    wanted = targets
    if labels == "column":
        wanted, predictions = targets[:, None], predictions[:, 1:]
    elif labels == "one-hot" and info.task == "classification":
        wanted = np.eye(info.classes, dtype=np.float32)[targets]
    if not metrics.built:
        metrics.build(wanted, predictions)
    found = {}
    for metric in metrics.metrics:
        metric.reset_state()
        metric.update_state(wanted, _logits(predictions) if takes_logits(metric) else predictions)
        value = np.asarray(metric.result())
        if value.ndim == 0:  # a value a class has no name of its own
            found[str(metric.name)] = float(value)
    return found


def metric_names(model: Any, info: DataInfo) -> list[str]:
    """Return the names of the compiled metrics of a model, those that are one number.

    Args:
        model: As `build` returned it.
        info: Says the task and the number of outputs.
    """
    n = 2 * max(1, info.outputs)
    if info.task == "classification":
        targets: NDArray[Any] = np.arange(n) % info.outputs
    elif info.task == "multi-label":
        targets = np.arange(n * info.outputs).reshape(n, -1) % 2
    else:
        targets = np.arange(n * info.outputs, dtype=np.float32).reshape(n, -1)
    predictions = np.full((n, info.outputs), 1 / max(1, info.outputs), np.float32)
    return list(compiled_metrics(model, info, targets, predictions))


def _logits(predictions: Floats) -> Floats:
    """Return logits that have these probabilities: of a softmax but for a constant."""
    clipped = np.clip(predictions, SMALLEST, 1 - SMALLEST)
    columns = predictions.shape[-1]
    one_each = columns == 1 or np.abs(predictions.sum(axis=-1) - 1).max() > 1e-3
    logits = np.log(clipped) - (np.log1p(-clipped) if one_each else 0)
    return logits.astype(np.float32)
