"""Mix examples and their labels with one another (Zhang et al. 2018, arXiv 1710.09412).

Each example of a batch is mixed with its counterpart from the end, by a weight of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from automl_sem.augmentation.base import second
from automl_sem.augmentation.padding import is_padding


def draw_weights(batch: Any, alpha: float, seed: Any) -> Any:
    """Return how much stays of each example, drawn from Beta(alpha, alpha), (batch,).

    Args:
        batch: Number of examples.
        alpha: Above 0; the smaller, the less most of them are mixed.
        seed: int32 (2,), a stateless seed.
    """
    # Beta is the share of one of two gammas. Those of a small alpha are zero in floating point,
    # so it is found from their logarithms, as those of alpha + 1 times a power of a uniform draw.
    gammas = tf.random.stateless_gamma((batch, 2), seed, alpha + 1.0)
    uniform = 1.0 - tf.random.stateless_uniform((batch, 2), second(seed))  # never 0
    logarithms = tf.math.log(gammas) + tf.math.log(uniform) / alpha
    return tf.sigmoid(logarithms[:, 0] - logarithms[:, 1])


def mix_series(values: Any, partners: Any, weights: Any) -> Any:
    """Return series mixed with their partners, as `mix` does, padded where both are.

    The padding of the shorter one counts as 0, the mean.

    Args:
        values: (batch, time, channels), NaN where they are padded.
        partners: What they are mixed with, likewise.
        weights: How much stays of each, (batch,).
    """
    ends, others_end = is_padding(values), is_padding(partners)
    mixed = mix(tf.where(ends, 0.0, values), tf.where(others_end, 0.0, partners), weights)
    return tf.where(ends & others_end, np.float32(np.nan), mixed)


def mix(values: Any, partners: Any, weights: Any) -> Any:
    """Return values mixed with their partners', (batch, ...).

    Args:
        values: Images, clips or targets, (batch, ...).
        partners: What they are mixed with, (batch, ...).
        weights: How much stays of each, (batch,).
    """
    weights = tf.reshape(weights, [-1] + [1] * (len(values.shape) - 1))
    return weights * values + (1.0 - weights) * partners
