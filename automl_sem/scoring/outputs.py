"""What a batch should make a model say, and what its outputs say in turn, by the task.

The numbers of a regression are learnt in units of their standard deviation around their mean, both
of the rows that are trained on: a layer that begins near 0 takes long to come to 10,000. What is
predicted is turned back. A model that a person compiled, or that does not end in a linear layer,
learns the numbers as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.batches import targets
from automl_sem.scoring.losses import loss_of, predictions_of
from automl_sem.scoring.measures import spread_of
from automl_sem.spaces.compiled import is_compiled
from automl_sem.types import Floats, Recipe


class Outputs:
    """How what is to be learnt reaches a model's loss, and outputs become predictions.

    Args:
        part: The training part.
        recipe: Says how labels are smoothed.
        model: The model, as `build` returned it: not yet compiled by a trainer.
    """

    def __init__(self, part: TrainingPart, recipe: Recipe, model: Any) -> None:
        self.info = part.info
        self.loss = loss_of(model, part.info)
        self.y_shape = part.y.shape[1:]
        self.dtype = "float32" if part.task == "regression" else "int32"
        self._numbers = part.y if self.info.task == "regression" and in_own_units(model) else None
        self._predictions = predictions_of(model, part.info)
        self._smoothing = recipe.label_smoothing

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of what `fit` returns."""
        return 2, self.info.outputs

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return mean and standard deviation of each output, (2, outputs); 0 and 1 of labels.

        Args:
            rows: Rows that are trained on, (n,).
        """
        if self._numbers is None:
            return np.array([[0.0], [1.0]], np.float32).repeat(self.info.outputs, axis=1)
        return units_of(self._numbers[rows])

    def wanted(self, y: Any, units: Any) -> Any:
        """Return what a batch should predict, float32 (batch, outputs), smoothed by the recipe.

        Args:
            y: As of the training part, (batch, ...).
            units: What `fit` returned.
        """
        import tensorflow as tf

        if self.info.task == "regression":
            return (y - units[0]) / units[1]
        if self.info.task == "multi-label":
            return tf.cast(y, tf.float32) * (1.0 - self._smoothing) + self._smoothing / 2.0
        return targets(y, self.info.outputs, self._smoothing)

    def predictions(self, outputs: Any, units: Any) -> Any:
        """Return predictions, float32 (batch, outputs), of what a model returns.

        Args:
            outputs: Of the model, (batch, outputs).
            units: What `fit` returned.
        """
        made = self._predictions(outputs)
        return made * units[1] + units[0] if self._numbers is not None else made


def units_of(numbers: Floats) -> Floats:
    """Return mean and standard deviation of each output, float32 (2, outputs).

    Args:
        numbers: What is to be predicted, (n, outputs).
    """
    mean = numbers.mean(axis=0, dtype=np.float64)
    return np.stack([mean, spread_of(numbers)]).astype(np.float32)


def in_own_units(model: Any) -> bool:
    """Whether a model may learn numbers in units of their own, since nothing is fixed by it."""
    if is_compiled(model):
        return False
    import keras

    outputs = getattr(model, "outputs", None)
    last = outputs[0]._keras_history.operation if outputs else None
    activation = getattr(last, "activation", None)
    return activation is None or activation is keras.activations.linear
