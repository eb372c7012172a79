"""What every trainer does with a fold: its epochs, the curve of its score, its result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.failures import Diverged
from automl_sem.scoring.metrics import accuracy, log_loss
from automl_sem.scoring.stress import StressFolds
from automl_sem.types import CurvePoint, Examples, Floats, FoldResult, Ints

CURVE_POINTS = 10
PREDICT_BATCH = 512
PREDICT_VALUES = 2**21  # numbers in the examples of a batch


def train_rows(labels: Ints, held_out: Ints) -> Ints:
    """Return the rows that are not held out, ascending, (n,)."""
    return np.setdiff1d(np.arange(len(labels)), held_out)


def run_fold(
    fold: int,
    held_out: Ints,
    labels: Ints,
    epochs: int,
    *,
    train: Callable[[int], float],
    predict: Callable[[Ints], Floats],
    predict_examples: Callable[[Examples], Floats],
    stress: StressFolds | None,
    started: float,
    measure: Callable[[Ints, Floats], Mapping[str, float]] = lambda *_: {},
) -> FoldResult:
    """Train epoch after epoch and score the held-out rows at ten of them, the last included.

    Args:
        fold: Number of the fold.
        held_out: Rows to predict, (n,).
        labels: Labels of all rows.
        epochs: How many.
        train: Trains the epoch of that number, from 1, and returns its loss.
        predict: Returns the class probabilities of rows, (n, classes).
        predict_examples: The same of examples, (n, ...).
        stress: Scores the model on distorted examples too, or None.
        started: `time.perf_counter()` when the fold was begun.
        measure: Returns further metrics, by name, of labels, (n,), and their predictions.

    Raises:
        Diverged: If the loss or a prediction becomes NaN or infinite.
        ValueError: If what the model predicts are no probabilities.
    """
    marks = set(np.linspace(1, epochs, min(CURVE_POINTS, epochs)).round().astype(int).tolist())
    truth = labels[held_out]
    curve: list[CurvePoint] = []
    probabilities = np.empty((0, 0), np.float32)
    for epoch in range(1, epochs + 1):
        loss = train(epoch)
        if not np.isfinite(loss):
            raise Diverged(f"the training loss became {loss} in epoch {epoch} of fold {fold}")
        if epoch in marks:
            probabilities = predict(held_out)
            point = log_loss(truth, probabilities), accuracy(truth, probabilities)
            curve.append(CurvePoint(epoch, loss, *point))
    _check_probabilities(probabilities, fold)
    under_stress = None if stress is None else stress.score(held_out, predict_examples)
    if under_stress is not None and not np.isfinite(under_stress.true).all():
        raise Diverged(f"the predictions of fold {fold} under stress are not finite")
    return FoldResult(
        fold=fold,
        indices=np.asarray(held_out, np.int64),
        probabilities=probabilities,
        log_loss=curve[-1].val_loss,
        accuracy=curve[-1].val_accuracy,
        curve=tuple(curve),
        seconds=time.perf_counter() - started,
        stress=under_stress,
        metrics=measure(truth, probabilities),
    )


def predict_in_chunks(
    rows: NDArray[Any], predict: Callable[[NDArray[Any]], Any], shape: Sequence[int]
) -> Floats:
    """Return the class probabilities of rows or examples, (n, classes), so many at a time.

    Args:
        rows: Row numbers, (n,), or examples, (n, ...).
        predict: Returns the class probabilities of some.
        shape: Shape of an example; of large ones fewer are predicted at a time.
    """
    some = max(1, min(PREDICT_BATCH, PREDICT_VALUES // math.prod(shape)))
    chunks = [rows[i : i + some] for i in range(0, len(rows), some)]
    return np.concatenate([np.asarray(predict(chunk)) for chunk in chunks]).astype(np.float32)


def _check_probabilities(predicted: Floats, fold: int) -> None:
    if not np.isfinite(predicted).all():
        raise Diverged(f"the predictions of fold {fold} are not finite")
    if predicted.min() < 0 or np.abs(predicted.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            "the model's outputs are no probabilities: end it with a softmax, "
            'as in Dense(data.classes, activation="softmax"), or compile it with a loss that '
            "takes logits, from_logits=True"
        )
