"""How examples of each kind reach a model, and what of that is learnt from training rows alone.

Raw examples become `values`, floats that augmentation changes, and these become what a model
takes. What is learnt of training rows is one array, handed to the graphs as an argument: all folds
of a candidate share a trace.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.augmentation.marks import NUDGE, marked
from automl_sem.data.dataset import TrainingPart
from automl_sem.data.ground import background_of
from automl_sem.types import Examples, Floats

PIXELS = 255.0
# Layers of Keras after which pixels are what they were before, but in other places.
UNSCALED = (
    "CenterCrop",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
)


class Inputs(Protocol):
    """How examples of one kind reach a model.

    Attributes:
        shape: Shape of what `fit` returns.
    """

    shape: tuple[int, ...]

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return what is learnt of training rows, `fitted`, float32.

        Args:
            rows: Row numbers, (n,).
        """

    def values(self, examples: Any, fitted: Any) -> Any:
        """Return what augmentation changes, float32, of examples as saved, both (batch, ...)."""

    def fill(self, fitted: Any) -> Any:
        """Return the value of what comes into view beside an example, a number."""

    def ready(self, values: Any, fitted: Any) -> Any:
        """Return what the model takes, float32 (batch, ...)."""

    def as_saved(self, values: Floats, fitted: Floats) -> Examples:
        """Return examples as they were saved, (batch, ...), of `values`."""


def inputs_of(part: TrainingPart, model: Any = None) -> Inputs:
    """Return how examples reach a model.

    Args:
        part: The training part.
        model: Decides whether it gets raw values; None stands for one that does not.
    """
    own_scale = model is not None and wants_raw_values(model)
    kind = SeriesInputs if part.kind == "series" else PictureInputs
    return kind(part, own_scale)


def wants_raw_values(model: Any) -> bool:
    """Whether a model scales values itself, since it begins with Rescaling or Normalization.

    What only resizes images or changes them at random may stand before.
    """
    import keras

    from automl_sem.augmentation.base import RandomChange

    before = (
        keras.layers.InputLayer,
        RandomChange,
        *(getattr(keras.layers, name) for name in UNSCALED),
    )
    first = next((x for x in model.layers if not isinstance(x, before)), None)
    if isinstance(first, keras.Model):
        return wants_raw_values(first)
    return isinstance(first, keras.layers.Rescaling | keras.layers.Normalization)


class PictureInputs:
    """Images and clips: values are 0 to 255, a model takes 0 to 1; the background is learnt.

    Args:
        part: The training part.
        own_scale: Whether the model takes 0 to 255.
    """

    shape: tuple[int, ...] = ()

    def __init__(self, part: TrainingPart, own_scale: bool) -> None:
        self._part = part
        self._scale = 1.0 if own_scale else 1.0 / PIXELS

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return the background, 0 to 255, shape ()."""
        return np.asarray(background_of(self._part.x, rows), np.float32)

    def values(self, examples: Any, fitted: Any) -> Any:  # noqa: ARG002
        """Return pixels as floats."""
        import tensorflow as tf

        return tf.cast(examples, tf.float32)

    def fill(self, fitted: Any) -> Any:
        """Return the background."""
        return fitted

    def ready(self, values: Any, fitted: Any) -> Any:  # noqa: ARG002
        """Return pixels scaled."""
        return values * self._scale

    def as_saved(self, values: Floats, fitted: Floats) -> Examples:  # noqa: ARG002
        """Return pixels as bytes."""
        return np.clip(np.rint(values), 0, PIXELS).astype(np.uint8)


class SeriesInputs:
    """Series: standardised per channel, padding marked; mean and deviation are learnt.

    Args:
        part: The training part.
        own_scale: Whether the model takes values in their own units, padding apart.
    """

    def __init__(self, part: TrainingPart, own_scale: bool) -> None:
        self._sums = part.step_sums
        self._own_scale = own_scale
        self.shape: tuple[int, ...] = (2, part.x.shape[-1])

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return mean and standard deviation of each channel, (2, channels); 1 where it is 0."""
        return self._sums.mean_and_deviation(rows)

    def values(self, examples: Any, fitted: Any) -> Any:
        """Return standardised series, NaN where there is padding."""
        return (examples - fitted[0]) / fitted[1]

    def fill(self, fitted: Any) -> Any:  # noqa: ARG002
        """Return 0, the mean."""
        return np.float32(0)

    def ready(self, values: Any, fitted: Any) -> Any:
        """Return series in which zero in all channels is padding and nothing else."""
        if not self._own_scale:
            return marked(values)
        from keras import ops

        padding = ops.isnan(values[..., :1])
        own = values * fitted[1] + fitted[0]
        zero = ops.all(ops.equal(own, 0), axis=-1, keepdims=True)
        return ops.where(padding, 0.0, ops.where(zero, NUDGE * fitted[1], own))

    def as_saved(self, values: Floats, fitted: Floats) -> Examples:
        """Return series in their own units."""
        own: Floats = (values * fitted[1] + fitted[0]).astype(np.float32)
        return own
