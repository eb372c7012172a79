"""The out-of-fold predictions of a standing beside the true classes: hits, confusion, mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset
from automl_sem.results import Standing
from automl_sem.types import Floats, Ints


@dataclass(frozen=True)
class OutOfFold:
    """What a model said about examples that it was not trained on.

    Args:
        rows: Rows of the training data, (n,).
        probabilities: Class probabilities, (n, classes).
        labels: True class numbers, (n,).
    """

    rows: Ints
    probabilities: Floats
    labels: Ints

    @classmethod
    def of(cls, standing: Standing, dataset: Dataset) -> OutOfFold:
        """Put the folds of a standing together."""
        folds = standing.classified.folds
        rows = np.concatenate([fold.indices for fold in folds])
        probabilities = np.concatenate([fold.probabilities for fold in folds])
        return cls(rows, probabilities, dataset.train.y[rows])

    @property
    def predicted(self) -> Ints:
        """The most probable class of each example, (n,)."""
        predicted: Ints = self.probabilities.argmax(axis=1).astype(np.int64)
        return predicted

    @property
    def sureness(self) -> NDArray[np.float64]:
        """The probability given to the true class, (n,)."""
        return self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)

    def confusion(self) -> Ints:
        """Return how often each true class (row) was taken for each class (column)."""
        classes = self.probabilities.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.labels, self.predicted), 1)
        return counts

    def mistakes(self) -> Ints:
        """Return positions of the wrong predictions, the one most off first."""
        return self._least_sure(self.predicted != self.labels)

    def doubtful(self) -> Ints:
        """Return positions of the right predictions, the least sure first."""
        return self._least_sure(self.predicted == self.labels)

    def _least_sure(self, wanted: NDArray[np.bool_]) -> Ints:
        order = np.argsort(self.sureness, kind="stable")
        chosen: Ints = order[wanted[order]].astype(np.int64)
        return chosen
