"""The training loop that somebody would write by hand for one model, to compare ours with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from automl_sem.data.dataset import TrainingPart
from automl_sem.types import Recipe


class HandWrittenLoop:
    """Adam on cross-entropy, one `tf.function` call an epoch, nothing else.

    Args:
        build: Returns the model, ending in a softmax.
        recipe: Learning rate, batch size and epochs.
        part: The training part, images in 0..255.
        curve: Whether to predict the held-out rows after every epoch, for a learning curve,
            and not only after the last.
    """

    def __init__(
        self, build: Callable[[], Any], recipe: Recipe, part: TrainingPart, *, curve: bool
    ) -> None:
        self.build, self.recipe, self.curve = build, recipe, curve
        self.x = tf.constant(part.x, tf.float32) / 255
        self.y = tf.constant(part.y)
        self.model = build()
        self.optimizer = keras.optimizers.Adam(recipe.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self.fresh_slots = [v.numpy() for v in self.optimizer.variables]
        self.loss = keras.losses.SparseCategoricalCrossentropy()
        self.epoch = tf.function(self._epoch, input_signature=[tf.TensorSpec([None], tf.int64)])
        self.predict = tf.function(
            lambda rows: self.model(tf.gather(self.x, rows), training=False),
            input_signature=[tf.TensorSpec([None], tf.int64)],
        )

    def fit(self, fold: int, held_out: np.ndarray) -> float:
        """Train on all rows but `held_out`, and return the log-loss on those."""
        for variable, value in zip(self.model.variables, self.build().variables, strict=True):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, self.fresh_slots, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(fold)
        rows = np.setdiff1d(np.arange(len(self.y)), held_out)
        truth = self.y.numpy()[held_out]
        for epoch in range(1, self.recipe.epochs + 1):
            self.epoch(rng.permutation(rows))
            if self.curve or epoch == self.recipe.epochs:
                probabilities = self.predict(held_out).numpy()
                true = probabilities[np.arange(len(truth)), truth]
                loss = -np.log(true + 1e-7).mean()
        return float(loss)

    def _epoch(self, order):
        size = self.recipe.batch_size
        for first in tf.range(0, tf.shape(order)[0], size):
            rows = order[first : first + size]
            with tf.GradientTape() as tape:
                predicted = self.model(tf.gather(self.x, rows), training=True)
                loss = self.loss(tf.gather(self.y, rows), predicted)
            variables = self.model.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
