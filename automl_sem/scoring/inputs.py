"""How examples of each kind reach a model, and what of that is learnt from training rows alone.

Raw examples become `values`, floats that augmentation changes, and these become what a model
takes. What is learnt of training rows is one array, handed to the graphs as an argument: all folds
of a candidate share a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.augmentation.marks import marked
from automl_sem.data.dataset import TrainingPart, release_pages
from automl_sem.data.ground import background_of
from automl_sem.types import Floats

PIXELS = 255.0
READ_BYTES = 2**26  # of series are read at a time


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

    def values(self, raw: Any, fitted: Any) -> Any:
        """Return what augmentation changes, float32, of raw examples, both (batch, ...)."""

    def fill(self, fitted: Any) -> Any:
        """Return the value of what comes into view beside an example, a number."""

    def ready(self, values: Any) -> Any:
        """Return what the model takes, float32 (batch, ...)."""

    def raw(self, values: Floats, fitted: Floats) -> NDArray[Any]:
        """Return values as raw examples, (batch, ...): `values` turned round."""


def inputs_of(part: TrainingPart, model: Any = None) -> Inputs:
    """Return how examples reach a model.

    Args:
        part: The training part.
        model: Decides whether it gets raw values; None stands for one that does not.
    """
    raw = model is not None and wants_raw_values(model)
    return SeriesInputs(part, raw) if part.kind == "series" else PictureInputs(part, raw)


def wants_raw_values(model: Any) -> bool:
    """Whether a model scales values itself, since it begins with Rescaling or Normalization."""
    import keras

    from automl_sem.augmentation.base import RandomChange

    before = keras.layers.InputLayer | RandomChange
    first = next((x for x in model.layers if not isinstance(x, before)), None)
    if isinstance(first, keras.Model):
        return wants_raw_values(first)
    return isinstance(first, keras.layers.Rescaling | keras.layers.Normalization)


class PictureInputs:
    """Images and clips: values are 0 to 255, a model takes 0 to 1; the background is learnt.

    Args:
        part: The training part.
        raw: Whether the model takes 0 to 255.
    """

    shape: tuple[int, ...] = ()

    def __init__(self, part: TrainingPart, raw: bool) -> None:
        self._part = part
        self._scale = 1.0 if raw else 1.0 / PIXELS

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return the background, 0 to 255, shape ()."""
        return np.asarray(background_of(self._part.x, rows), np.float32)

    def values(self, raw: Any, fitted: Any) -> Any:  # noqa: ARG002
        """Return pixels as floats."""
        import tensorflow as tf

        return tf.cast(raw, tf.float32)

    def fill(self, fitted: Any) -> Any:
        """Return the background."""
        return fitted

    def ready(self, values: Any) -> Any:
        """Return pixels scaled."""
        return values * self._scale

    def raw(self, values: Floats, fitted: Floats) -> NDArray[Any]:  # noqa: ARG002
        """Return pixels as bytes."""
        return np.clip(np.rint(values), 0, PIXELS).astype(np.uint8)


class SeriesInputs:
    """Series: standardised per channel, padding marked; mean and deviation are learnt.

    Args:
        part: The training part.
        raw: Whether the model standardises them itself.
    """

    def __init__(self, part: TrainingPart, raw: bool) -> None:
        self._raw = raw
        self._sums = None if raw else _sums(part.x)
        self.shape: tuple[int, ...] = (2, part.x.shape[-1])

    def fit(self, rows: NDArray[Any]) -> Floats:
        """Return mean and standard deviation of each channel, (2, channels); 1 where it is 0."""
        if self._sums is None:
            return np.stack([np.zeros(self.shape[1]), np.ones(self.shape[1])]).astype(np.float32)
        shift, sums = self._sums
        count, total, squares = sums[rows].sum(axis=0)
        count = np.maximum(count, 1)
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0)
        # What is left of a constant by rounding is no deviation.
        even = variance <= 1e-12 * squares / count
        deviation = np.where(even, 1.0, np.sqrt(variance))
        return np.stack([shift + mean, deviation]).astype(np.float32)

    def values(self, raw: Any, fitted: Any) -> Any:
        """Return standardised series, NaN where there is padding."""
        return (raw - fitted[0]) / fitted[1]

    def fill(self, fitted: Any) -> Any:  # noqa: ARG002
        """Return 0, the mean."""
        return np.float32(0)

    def ready(self, values: Any) -> Any:
        """Return series in which zero in all channels is padding and nothing else."""
        return marked(values)

    def raw(self, values: Floats, fitted: Floats) -> NDArray[Any]:
        """Return series in their own units."""
        own: Floats = (values * fitted[1] + fitted[0]).astype(np.float32)
        return own


def _sums(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what means and deviations of any rows follow from.

    Returns:
        A value near the mean of each channel, (channels,), and of each series the number of its
        steps, the sum of its values less that and of their squares, (n, 3, channels).
    """
    shift = np.nan_to_num(np.nanmean(x[:100], axis=(0, 1), dtype=np.float64))
    found = np.empty((len(x), 3, x.shape[-1]))
    for first, some in _chunks(x):
        there = ~np.isnan(some)
        centred = np.where(there, some - shift, 0.0)
        found[first : first + len(some), 0] = there.sum(axis=1)
        found[first : first + len(some), 1] = centred.sum(axis=1)
        found[first : first + len(some), 2] = np.square(centred).sum(axis=1)
    return shift, found


def _chunks(x: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    some = max(1, READ_BYTES // max(1, x[:1].nbytes))
    for first in range(0, len(x), some):
        yield first, x[first : first + some]
        release_pages(x)
