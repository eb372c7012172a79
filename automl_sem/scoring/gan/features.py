"""A small network whose features say how alike images are: in-domain, trained on one fold alone.

The usual one has seen ImageNet and needs large colour photographs; drawings of 24x24 pixels
are nothing to it. With classes it is a classifier, without an autoencoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Bytes, Floats, Ints

UNITS = 64
RATE = 1e-3
EPOCHS = 30
MOST_STEPS = 1500
BATCH = 64
CHUNK = 512  # images whose features are found at a time
SMALLEST = 7  # pixels a side; down to there images are halved


class FeatureNetwork:
    """Learns what tells the images of a dataset apart; each `fit` starts anew.

    Args:
        shape: Shape of an image, (height, width, channels).
        classes: Number of classes; with fewer than two it learns to draw an image again from
            `UNITS` numbers.
    """

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        import keras
        import tensorflow as tf

        self._shape = shape
        self._classes = classes
        self._model = self._build()
        self._optimizer = keras.optimizers.Adam(RATE)
        self._optimizer.build(self._model.trainable_variables)
        self._at_start = [v.numpy() for v in self._optimizer.variables]
        self._train = tf.function(self._train_graph, reduce_retracing=True)
        inputs, features = self._model.inputs, self._model.get_layer("features").output
        self._answers = tf.function(self._model, reduce_retracing=True)
        self._features = tf.function(keras.Model(inputs, features), reduce_retracing=True)

    @property
    def labelled(self) -> bool:
        """Whether it is a classifier."""
        return self._classes > 1

    def fit(self, images: Bytes, labels: Ints, seed: int, fewest_steps: int = 1) -> None:
        """Train from fresh weights.

        Args:
            images: (n, height, width, channels), 0 to 255.
            labels: Class numbers, (n,).
            seed: Decides initial weights and the order of the images.
            fewest_steps: Of few images, go through them more often until it is so many steps.
        """
        import tensorflow as tf

        with seeded(seed, tensorflow=False):
            self._model.set_weights(self._build().get_weights())
        for variable, value in zip(self._optimizer.variables, self._at_start, strict=True):
            variable.assign(value)
        order = training_order(len(images), derive_seed(seed, "order"), fewest_steps)
        self._train(tf.constant(images), tf.constant(labels, tf.int32), order)

    def features(self, images: Bytes) -> Floats:
        """Return the features of images, (n, `UNITS`).

        Args:
            images: (n, height, width, channels), 0 to 255.
        """
        return _in_chunks(self._features, images)

    def classify(self, images: Bytes) -> Ints:
        """Return the class of each image, (n,); for a classifier alone.

        Args:
            images: (n, height, width, channels), 0 to 255.
        """
        classes: Ints = _in_chunks(self._answers, images).argmax(axis=1)
        return classes

    def probabilities(self, images: Bytes) -> Floats:
        """Return the probability of each class, (n, classes); for a classifier alone.

        Args:
            images: (n, height, width, channels), 0 to 255.
        """
        answers = _in_chunks(self._answers, images)
        raised = np.exp(answers - answers.max(axis=1, keepdims=True))
        shares: Floats = raised / raised.sum(axis=1, keepdims=True)
        return shares

    def get_weights(self) -> list[Floats]:
        """Return what `set_weights` takes."""
        weights: list[Floats] = self._model.get_weights()
        return weights

    def set_weights(self, weights: Sequence[Floats]) -> None:
        """Take the weights of an earlier `fit`."""
        self._model.set_weights(list(weights))

    def _build(self) -> Any:
        from keras import Input, Model, layers

        inputs = Input(self._shape)
        x = layers.Rescaling(1 / 255)(inputs)
        x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
        while max(x.shape[1:3]) > SMALLEST:
            x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)
        smallest = x.shape[1:]
        x = layers.Flatten()(x)
        if self.labelled:
            x = layers.Dense(UNITS, activation="relu", name="features")(x)
            return Model(inputs, layers.Dense(self._classes)(x))
        x = layers.Dense(UNITS, name="features")(x)
        x = layers.Dense(math.prod(smallest), activation="relu")(x)
        x = layers.Reshape(smallest)(x)
        while x.shape[1] < self._shape[0] or x.shape[2] < self._shape[1]:
            x = layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu")(x)
        x = layers.Conv2D(self._shape[2], 3, padding="same")(x)
        return Model(inputs, x[:, : self._shape[0], : self._shape[1]])

    def _train_graph(self, images: Any, labels: Any, order: Any) -> None:
        """images: uint8 (n, ...); labels: (n,); order: (steps, batch) rows."""
        import tensorflow as tf

        variables = self._model.trainable_variables
        for rows in order:
            batch = tf.cast(tf.gather(images, rows), tf.float32)
            with tf.GradientTape() as tape:
                answers = self._model(batch, training=True)
                if self.labelled:
                    wanted = tf.one_hot(tf.gather(labels, rows), self._classes)
                    losses = tf.nn.softmax_cross_entropy_with_logits(wanted, answers)
                else:
                    losses = tf.nn.sigmoid_cross_entropy_with_logits(batch / 255.0, answers)
                loss = tf.reduce_mean(losses)
            self._optimizer.apply(tape.gradient(loss, variables), variables)


def training_order(examples: int, seed: int, fewest_steps: int = 1) -> Ints:
    """Return which rows each step trains on, (steps, batch), every row equally often but for one.

    Args:
        examples: How many rows there are.
        seed: Decides the order.
        fewest_steps: As for `fit`.
    """
    batch = min(BATCH, examples)
    steps = max(fewest_steps, min(MOST_STEPS, EPOCHS * -(-examples // batch)))
    rng = np.random.default_rng(seed)
    times = -(-steps * batch // examples)
    order = np.concatenate([rng.permutation(examples) for _ in range(times)])
    return order[: steps * batch].reshape(steps, batch).astype(np.int32)


def _in_chunks(answer: Any, images: Bytes) -> Floats:
    chunks = [
        answer(images[first : first + CHUNK].astype(np.float32)).numpy()
        for first in range(0, len(images), CHUNK)
    ]
    return np.concatenate(chunks)
