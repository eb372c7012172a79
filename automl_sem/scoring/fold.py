"""What every trainer does with a fold: its epochs, the curve of its score, its result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart
from automl_sem.failures import Diverged
from automl_sem.scoring.measures import cross_entropies, macro_f1, spread_of, squared_errors
from automl_sem.scoring.metrics import accuracy, log_loss
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.scoring.stress import StressFolds
from automl_sem.types import CurvePoint, Examples, Floats, FoldResult, Ints, Task

CURVE_POINTS = 10
PREDICT_BATCH = 512
PREDICT_VALUES = 2**21  # numbers in the examples of a batch


def train_rows(labels: Ints, held_out: Ints) -> Ints:
    """Return the rows that are not held out, ascending, (n,)."""
    return np.setdiff1d(np.arange(len(labels)), held_out)


def run_fold(
    fold: int,
    held_out: Ints,
    part: TrainingPart,
    epochs: int,
    *,
    train: Callable[[int], float],
    predict: Callable[[Ints], Floats],
    predict_examples: Callable[[Examples], Floats],
    stress: StressFolds | None,
    started: float,
    measure: Callable[[NDArray[Any], Floats], Mapping[str, float]] = lambda *_: {},
) -> FoldResult | OutputFold:
    """Train epoch after epoch and score the held-out rows at ten of them, the last included.

    Args:
        fold: Number of the fold.
        held_out: Rows to predict, (n,).
        part: The training part.
        epochs: How many.
        train: Trains the epoch of that number, from 1, and returns its loss.
        predict: Returns the predictions of rows, (n, outputs): class probabilities, those of
            several labels, or numbers.
        predict_examples: The same of examples, (n, ...).
        stress: Scores the model on distorted examples too, or None.
        started: `time.perf_counter()` when the fold was begun.
        measure: Returns further metrics, by name, of what was to be predicted and of predictions.

    Raises:
        Diverged: If the loss or a prediction becomes NaN or infinite.
        ValueError: If what the model predicts are no probabilities where they should be.
    """
    marks = set(np.linspace(1, epochs, min(CURVE_POINTS, epochs)).round().astype(int).tolist())
    judge = _judge_of(part, held_out)
    curve: list[CurvePoint] = []
    predicted = np.empty((0, 0), np.float32)
    for epoch in range(1, epochs + 1):
        loss = train(epoch)
        if not np.isfinite(loss):
            raise Diverged(f"the training loss became {loss} in epoch {epoch} of fold {fold}")
        if epoch in marks:
            predicted = predict(held_out)
            curve.append(CurvePoint(epoch, loss, *judge(predicted)))
    _check_predictions(predicted, fold, part.task)
    if part.task != "classification":
        return OutputFold(
            fold=fold,
            indices=np.asarray(held_out, np.int64),
            task=part.task,
            wanted=part.y[held_out],
            predicted=predicted,
            loss=curve[-1].val_loss,
            curve=tuple(curve),
            seconds=time.perf_counter() - started,
            metrics=measure(part.y[held_out], predicted),
        )
    under_stress = None if stress is None else stress.score(held_out, predict_examples)
    if under_stress is not None and not np.isfinite(under_stress.true).all():
        raise Diverged(f"the predictions of fold {fold} under stress are not finite")
    return FoldResult(
        fold=fold,
        indices=np.asarray(held_out, np.int64),
        probabilities=predicted,
        log_loss=curve[-1].val_loss,
        accuracy=curve[-1].val_share,
        curve=tuple(curve),
        seconds=time.perf_counter() - started,
        stress=under_stress,
        metrics=measure(part.y[held_out], predicted),
    )


def predict_in_chunks(
    rows: NDArray[Any], predict: Callable[[NDArray[Any]], Any], shape: Sequence[int]
) -> Floats:
    """Return the predictions of rows or examples, (n, outputs), so many at a time.

    Args:
        rows: Row numbers, (n,), or examples, (n, ...).
        predict: Returns the predictions of some.
        shape: Shape of an example; of large ones fewer are predicted at a time.
    """
    some = max(1, min(PREDICT_BATCH, PREDICT_VALUES // math.prod(shape)))
    chunks = [rows[i : i + some] for i in range(0, len(rows), some)]
    return np.concatenate([np.asarray(predict(chunk)) for chunk in chunks]).astype(np.float32)


def _judge_of(part: TrainingPart, held_out: Ints) -> Callable[[Floats], tuple[float, float]]:
    """Return what gives predictions of held-out rows their loss and their share."""
    truth = part.y[held_out]
    if part.task == "multi-label":
        return lambda said: (cross_entropies(truth, said), macro_f1(truth, said))
    if part.task == "regression":
        spread = spread_of(part.y)

        def judge(said: Floats) -> tuple[float, float]:
            loss = squared_errors(truth, said, spread)
            return loss, 1.0 - loss

        return judge
    return lambda said: (log_loss(truth, said), accuracy(truth, said))


def _check_predictions(predicted: Floats, fold: int, task: Task) -> None:
    if not np.isfinite(predicted).all():
        raise Diverged(f"the predictions of fold {fold} are not finite")
    if task == "regression":
        return
    if task == "multi-label":
        if predicted.min() < 0 or predicted.max() > 1:
            raise ValueError(
                "the model's outputs are no probabilities: end it with a sigmoid, "
                'as in Dense(data.outputs, activation="sigmoid")'
            )
        return
    if predicted.min() < 0 or np.abs(predicted.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            "the model's outputs are no probabilities: end it with a softmax, "
            'as in Dense(data.classes, activation="softmax"), or compile it with a loss that '
            "takes logits, from_logits=True"
        )
