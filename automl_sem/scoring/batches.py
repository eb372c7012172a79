"""Batches inside the training graph: order, targets, loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart
from automl_sem.types import DataInfo, Floats, Ints, Recipe

if TYPE_CHECKING:
    from automl_sem.augmentation.pipeline import Augmentation


def epoch_order(
    rows: NDArray[Any], labels: NDArray[Any], recipe: Recipe, seed: int
) -> NDArray[np.int32]:
    """Return a shuffled order of `rows`, filled up by drawing again to at least one batch.

    Args:
        rows: Row numbers of the training part of a fold, (n,).
        labels: What is to be learnt of all rows; class numbers where classes are balanced.
        recipe: Says the examples per step, and whether classes are drawn equally often.
        seed: Seed of this epoch.
    """
    rng = np.random.default_rng(seed)
    if recipe.class_weight == "sampling":
        once = _balanced(rows, labels[rows], rng)
    else:
        once = rng.permutation(rows)
    order = once
    while len(order) < recipe.batch_size:
        again = rng.permutation(once)[: recipe.batch_size - len(order)]
        order = np.concatenate([order, again])
    return order.astype(np.int32)


def _balanced(rows: NDArray[Any], labels: Ints, rng: np.random.Generator) -> NDArray[Any]:
    """Return as many rows, shuffled, of which each class has the same number, give or take one.

    Those of rare classes are repeated, of frequent ones some are left for another epoch.
    """
    classes = np.unique(labels)
    share, left = divmod(len(rows), len(classes))
    sizes = share + (rng.permutation(len(classes)) < left)
    drawn = []
    for number, size in zip(classes, sizes, strict=True):
        own = rows[labels == number]
        passes = [rng.permutation(own) for _ in range(-(-size // len(own)))]
        drawn.append(np.concatenate([own[:0], *passes])[:size])
    return rng.permutation(np.concatenate(drawn))


def step_seed(seed: Any, step: Any) -> Any:
    """Return the seed of the augmentation in a step of an epoch, int (2,).

    Args:
        seed: That of the fold and the number of the epoch, (2,).
        step: Number of the step, from 0.
    """
    return seed + [0, 7919 * step]


def augmentation_of(recipe: Recipe, data: DataInfo) -> Augmentation | None:
    """Return what changes the training examples of a recipe at random, or None.

    Args:
        recipe: Says what to change.
        data: Kind and shape of the examples.
    """
    if not recipe.augmentation:
        return None
    from automl_sem.augmentation.pipeline import Augmentation

    return Augmentation(recipe.augmentation, data.kind, data.input_shape)


def targets(labels: Any, classes: int, smoothing: float) -> Any:
    """Return what a batch should predict, (batch, classes), smoothed as the recipe says.

    Args:
        labels: Class numbers, (batch,).
        classes: Number of classes.
        smoothing: Share of each label that is spread over all classes.
    """
    import tensorflow as tf

    return tf.one_hot(labels, classes) * (1.0 - smoothing) + smoothing / classes


def cross_entropy(targets: Any, probabilities: Any) -> Any:
    """Return the cross-entropy of each example in nats, (batch,).

    Args:
        targets: Probabilities to learn, (batch, classes): one-hot, so that it is
            -log p(true class), unless smoothed or mixed. A sparse loss would gather, which
            takes TensorFlow 100 operations a step to do reproducibly.
        probabilities: What the model predicts, (batch, classes).
    """
    import keras
    import tensorflow as tf

    return keras.losses.categorical_crossentropy(targets, tf.cast(probabilities, tf.float32))


def class_weights(recipe: Recipe, part: TrainingPart, rows: NDArray[Any]) -> Floats:
    """Return the weight of each class, (outputs,); all 1 unless the recipe balances them.

    Args:
        recipe: Says whether classes are balanced.
        part: The training part.
        rows: Rows to train on, (n,).
    """
    if recipe.class_weight != "balanced":
        return np.ones(len(part.class_names), np.float32)
    counts = np.bincount(part.y[rows], minlength=len(part.class_names))
    present = np.count_nonzero(counts)
    return (len(rows) / (present * np.maximum(counts, 1))).astype(np.float32)
