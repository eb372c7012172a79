"""Batches inside the training graph: order, scaling, augmentation, loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart
from automl_sem.types import Bytes, Floats, Recipe

# Range of the random affine change: small enough to keep a 6 from becoming a 9.
MAX_ROTATION = math.radians(20)
MAX_ZOOM = 0.15
MAX_SHIFT = 0.10


def epoch_order(rows: NDArray[Any], batch_size: int, seed: int) -> NDArray[np.int32]:
    """Return a shuffled order of `rows`, filled up by drawing again to at least one batch.

    Args:
        rows: Row numbers of the training part of a fold, (n,).
        batch_size: Examples per step.
        seed: Seed of this epoch.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(rows)
    while len(order) < batch_size:
        order = np.concatenate([order, rng.permutation(rows)[: batch_size - len(order)]])
    return order.astype(np.int32)


def step_seed(seed: Any, step: Any) -> Any:
    """Return the seed of the augmentation in a step of an epoch, int (2,).

    Args:
        seed: That of the fold and the number of the epoch, (2,).
        step: Number of the step, from 0.
    """
    return seed + [0, 7919 * step]


def wants_raw_values(model: Any) -> bool:
    """Whether a model scales 0..255 itself, since it begins with Rescaling or Normalization."""
    import keras

    first = next((x for x in model.layers if not isinstance(x, keras.layers.InputLayer)), None)
    if isinstance(first, keras.Model):
        return wants_raw_values(first)
    return isinstance(first, keras.layers.Rescaling | keras.layers.Normalization)


def background(x: Bytes) -> float:
    """Return the median of the images' border pixels, 0..255: what shows beside a moved image."""
    border = [x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]]
    return float(np.median(np.concatenate([edge.ravel() for edge in border])))


def augment(images: Any, seed: Any, fill: float) -> Any:
    """Randomly rotate, zoom and shift images, by one bilinear resampling.

    Args:
        images: float32 (batch, height, width, channels), 0..255.
        seed: int32 (2,), a stateless seed.
        fill: Background value for what comes into view.
    """
    import tensorflow as tf

    return move(images, draw_moves(tf.shape(images)[0], seed), fill)


def draw_moves(batch: Any, seed: Any) -> Any:
    """Return the random numbers that `move` takes, (batch, 4) in -1..1.

    Args:
        batch: Number of images.
        seed: int32 (2,), a stateless seed.
    """
    import tensorflow as tf

    return tf.random.stateless_uniform((batch, 4), seed, -1.0, 1.0)


def move(images: Any, draws: Any, fill: float) -> Any:
    """Rotate, zoom and shift images, each by its own draws.

    Args:
        images: float32 (batch, height, width, channels), 0..255.
        draws: float32 (batch, 4) in -1..1: angle, zoom, shift in x and in y.
        fill: Background value for what comes into view.
    """
    import tensorflow as tf

    height, width = images.shape[1], images.shape[2]
    angle = draws[:, 0] * MAX_ROTATION
    zoom = tf.exp(draws[:, 1] * MAX_ZOOM)
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    center_x, center_y = (width - 1) / 2.0, (height - 1) / 2.0
    move_x = draws[:, 2] * MAX_SHIFT * width
    move_y = draws[:, 3] * MAX_SHIFT * height
    # Output pixel (x, y) is read from (cos x - sin y + a, sin x + cos y + b).
    a = center_x - cos * (center_x + move_x) + sin * (center_y + move_y)
    b = center_y - sin * (center_x + move_x) - cos * (center_y + move_y)
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([cos, -sin, a, sin, cos, b, zero, zero], axis=1),
        output_shape=[height, width],
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def cross_entropy(labels: Any, probabilities: Any) -> Any:
    """Return -log p(true class) of each example, in nats, (batch,)."""
    import keras
    import tensorflow as tf

    probabilities = tf.cast(probabilities, tf.float32)
    # The sparse loss gathers, which takes TensorFlow 100 operations a step to do reproducibly.
    one_hot = tf.one_hot(labels, probabilities.shape[-1])
    return keras.losses.categorical_crossentropy(one_hot, probabilities)


def class_weights(recipe: Recipe, part: TrainingPart, rows: NDArray[Any]) -> Floats:
    """Return the weight of each class, (classes,); all 1 unless the recipe balances them.

    Args:
        recipe: Says whether classes are balanced.
        part: The training part.
        rows: Rows to train on, (n,).
    """
    counts = np.bincount(part.y[rows], minlength=len(part.class_names))
    if recipe.class_weight == "none":
        return np.ones(len(counts), np.float32)
    present = np.count_nonzero(counts)
    return (len(rows) / (present * np.maximum(counts, 1))).astype(np.float32)
