"""What a fold says of predicted labels or numbers, and what folds say together."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.arrays import Floats, Ints
from automl_sem.folds import CurvePoint, mean_metrics, record_of
from automl_sem.goals import Measured, mean_measured
from automl_sem.scoring.measures import macro_f1, measured, r2
from automl_sem.scoring.words import words_of
from automl_sem.types import Task


@dataclass(frozen=True)
class OutputFold:
    """One fold fit: a model of labels or numbers, scored on the held-out fold.

    Args:
        fold: Number of the fold, from 0.
        indices: Rows of the training data that were held out, (n,).
        task: `"multi-label"` or `"regression"`.
        wanted: What was to be predicted: 0 or 1 for each label, (n, labels), or numbers,
            (n, outputs).
        predicted: Out-of-fold predictions of the last epoch: probabilities, (n, labels), or
            numbers in their own units, (n, outputs).
        loss: What is minimised: mean binary cross-entropy in nats; or mean squared error, each
            output in units of its standard deviation over all training data.
        curve: At most ten points.
        seconds: Wall-clock time of the fit.
        metrics: What the compiled metrics of the model, if it has some, tell of the held-out rows.
        measured: What it comes to by the metrics of `--objective`, the one that ranks trials
            first; empty for the usual objective.
    """

    fold: int
    indices: Ints
    task: Task
    wanted: NDArray[Any]
    predicted: Floats
    loss: float
    curve: Sequence[CurvePoint] = field(default=())
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()

    @property
    def predictions(self) -> Floats:
        """What was predicted, (n, outputs)."""
        return self.predicted

    @property
    def objective(self) -> float:
        """What is minimised: by default the loss."""
        return self.measured[0].objective if self.measured else self.loss

    @property
    def share(self) -> float:
        """Macro F1; or R2 against the variance of all training data, which is 1 - the loss."""
        if self.task == "regression":
            return 1.0 - self.loss
        return macro_f1(self.wanted, self.predicted)


@dataclass(frozen=True)
class OutputScore:
    """What a model of labels or numbers gets: its fold results and what follows from them.

    F1 and R2 are those of all out-of-fold predictions together, not means over folds: means of
    F1 depend on how rare labels fall into folds (Forman and Scholz 2010, Apples-to-Apples in
    Cross-Validation Studies, SIGKDD Explorations 12).

    Args:
        folds: One result per fold, in order.
    """

    folds: tuple[OutputFold, ...]

    @property
    def task(self) -> Task:
        """`"multi-label"` or `"regression"`."""
        return self.folds[0].task

    @functools.cached_property
    def wanted(self) -> NDArray[Any]:
        """What was to be predicted, of all folds, (n, outputs)."""
        return np.concatenate([fold.wanted for fold in self.folds])

    @functools.cached_property
    def predicted(self) -> Floats:
        """What was predicted, of all folds, (n, outputs)."""
        return np.concatenate([fold.predicted for fold in self.folds])

    @property
    def objective(self) -> float:
        """What is minimised: the mean of the folds' objectives."""
        return float(np.mean([fold.objective for fold in self.folds]))

    @property
    def objective_word(self) -> str:
        """What the objective is called."""
        if self.measured:
            return self.measured[0].goal.word
        return words_of(self.task).objective

    @property
    def measured(self) -> tuple[Measured, ...]:
        """What it comes to by the metrics of `--objective`: the means of the folds."""
        return mean_measured([fold.measured for fold in self.folds])

    @property
    def quoted(self) -> float:
        """The objective as people quote it."""
        return self.measured[0].value if self.measured else self.objective

    @property
    def curve(self) -> tuple[float, ...]:
        """Nothing: with a learning rate that decays, only the end tells."""
        return ()

    @property
    def share(self) -> float:
        """Macro F1 or R2 of all out-of-fold predictions."""
        if self.task == "regression":
            return r2(self.wanted, self.predicted)
        return macro_f1(self.wanted, self.predicted)

    @property
    def share_word(self) -> str:
        """What the share is called."""
        return words_of(self.task).share

    @property
    def seconds(self) -> float:
        """Time of all fold fits."""
        return float(sum(fold.seconds for fold in self.folds))

    @property
    def stress_accuracy(self) -> None:
        """None: nothing is distorted."""
        return

    @property
    def metrics(self) -> dict[str, float]:
        """Mean over the folds of each compiled metric of the model."""
        return mean_metrics(self.folds)

    @property
    def measures(self) -> dict[str, float]:
        """What people are shown, by name."""
        return measured(self.task, self.wanted, self.predicted)

    def record(self) -> dict[str, Any]:
        """Return what a trial's record keeps of it."""
        return {
            "fold_scores": [fold.objective for fold in self.folds],
            words_of(self.task).fold_shares: [fold.share for fold in self.folds],
            **self.measures,
            "seconds": self.seconds,
            **({"metrics": self.metrics} if self.metrics else {}),
            **record_of(self.measured),
        }
