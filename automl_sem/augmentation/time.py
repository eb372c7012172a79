"""Change pace, start and evenness of sequences, in one reading."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from automl_sem.augmentation.base import RandomChange
from automl_sem.augmentation.elastic import CELLS, knot_weights
from automl_sem.augmentation.padding import keep_padding, lengths

KNOTS = CELLS + 3


@keras.saving.register_keras_serializable("automl_sem")
class RandomTime(RandomChange):
    """Crops, speeds up or slows down, shifts and warps each sequence in time by its own draws.

    All are put together into one place to read for each step, so that a sequence is read once:
    series linearly between their steps, clips at the nearest frame, since a mean of two shows
    things twice. What would lie before the first step or after the last one is that step. The
    length stays, and padding plays no part.

    Warps are those of Um et al. (2017, arXiv 1706.00527), with a cubic B-spline of 7 knots as
    the curve; crops are the window slicing of Le Guennec, Malinowski and Tavenard (Data
    augmentation for time series classification using convolutional neural networks. AALTD
    2016), stretched to the whole length.

    Args:
        speed: Largest change of pace, about the middle: 0.5 draws from 1/1.5 to 1.5 times,
            uniform in its logarithm.
        start: Largest shift, either way, a share of the length.
        warp: Largest displacement of a smooth warp, a share of the length, below 1/6: from
            there on time could run backwards.
        crop: Largest share that is cut off.
        options: As of `RandomChange`.
    """

    def __init__(
        self,
        speed: float = 0.0,
        start: float = 0.0,
        warp: float = 0.0,
        crop: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.speed = speed
        self.start = start
        self.warp = warp
        self.crop = crop

    def draw(self, batch: Any, shape: tuple[Any, ...], seed: Any) -> Any:
        """Return (batch, 11) in -1..1: pace, start, size and place of the crop, warp."""
        return tf.random.stateless_uniform((batch, 4 + KNOTS), seed, -1.0, 1.0)

    def change(self, images: Any, draws: Any, fill: Any) -> Any:
        """Return the sequences in their new time."""
        long = lengths(images)
        places = self.places(draws, tf.shape(images)[1], long)
        if len(images.shape) > 3:
            return tf.gather(images, tf.cast(places + 0.5, tf.int32), batch_dims=1)
        before = tf.cast(places, tf.int32)
        after = tf.minimum(before + 1, tf.cast(_last(long), tf.int32))
        share = (places - tf.cast(before, tf.float32))[..., None]
        first = tf.gather(images, before, batch_dims=1)
        read = first + share * (tf.gather(images, after, batch_dims=1) - first)
        return keep_padding(read, images)

    def places(self, draws: Any, steps: Any, long: Any) -> Any:
        """Return where each step is read, from 0 to that of the last one, (batch, steps).

        Args:
            draws: What `draw` returned.
            steps: Number of steps to read, those of padding among them.
            long: Lengths of the sequences, float32 (batch, 1).
        """
        pace, start, size, place = tf.unstack(draws[:, :4, None], axis=1)  # (batch, 1) each
        at = tf.range(tf.cast(steps, tf.float32))[None]
        if self.warp:
            # A drop between two knots next to each other, of 2 at most, weighs 3/4 at most: the
            # slope is 1 - 6 warp or more.
            weights = knot_weights((at + 0.5) * (CELLS / tf.maximum(long, 1.0)))
            moved = tf.reduce_sum(weights * draws[:, None, 4:], axis=-1)
            at += moved * (self.warp * long)
        last = _last(long)
        rate = tf.exp(pace * math.log1p(self.speed))
        at = last / 2 + rate * (at - last / 2 - start * (self.start * long))
        cut = (1 + size) * (self.crop / 2)
        first = (1 + place) / 2 * cut * last
        return tf.clip_by_value(first + (1 - cut) * at, 0.0, last)


def _last(long: Any) -> Any:
    """Return the number of the last step."""
    return tf.maximum(long - 1, 0.0)
