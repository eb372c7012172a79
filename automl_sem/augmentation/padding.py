"""What fills the end of shorter series: NaN while they are changed, zeros in front of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def is_padding(series: Any) -> Any:
    """Return where series are padded, (batch, time, 1).

    Args:
        series: (batch, time, channels), NaN in all channels where they are padded.
    """
    return tf.math.is_nan(series[..., :1])


def lengths(examples: Any) -> Any:
    """Return how many steps there are of each example, float32 (batch, 1).

    Args:
        examples: Series, (batch, time, channels), NaN where they are padded, or clips,
            (batch, frames, ...).
    """
    if len(examples.shape) > 3:
        shape = tf.shape(examples)
        return tf.fill((shape[0], 1), tf.cast(shape[1], tf.float32))
    there = tf.cast(~tf.math.is_nan(examples[..., 0]), tf.float32)
    return tf.reduce_sum(there, axis=1, keepdims=True)


def keep_padding(changed: Any, examples: Any) -> Any:
    """Return changed series padded where they were before; clips, which have none, as they are.

    Args:
        changed: (batch, time, channels).
        examples: The same before the change.
    """
    if len(examples.shape) > 3:
        return changed
    return tf.where(is_padding(examples), np.float32(np.nan), changed)


def zeros_to_nan(series: Any) -> Any:
    """Return series as models are given them, (batch, time, channels), padded with NaN instead."""
    padding = tf.reduce_all(series == 0, axis=-1, keepdims=True)
    return tf.where(padding, np.float32(np.nan), series)
