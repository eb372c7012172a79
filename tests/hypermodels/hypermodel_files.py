"""Space files as people write them for KerasTuner, for small grey images of three classes."""

LOGITS = '''"""A small network, compiled."""

import keras
from keras import layers


def build_model(hp):
    model = keras.Sequential()
    model.add(layers.Flatten())
    for i in range(hp.Int("depth", 1, 2)):
        model.add(layers.Dense(hp.Int(f"units_{i}", 4, 8, step=4), activation="relu"))
    if hp.Boolean("dropout"):
        model.add(layers.Dropout(0.2))
    model.add(layers.Dense(3))
    model.compile(
        optimizer=keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-2, sampling="log")),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_two")],
    )
    return model
'''

OWN_FIT = """import keras
import keras_tuner as kt
from keras import layers


class Tuned(kt.HyperModel):
    def declare_hyperparameters(self, hp):
        hp.Int("units", 4, 8)

    def build(self, hp):
        model = keras.Sequential([
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(hp.get("units"), activation="relu"),
            layers.Dense(3, activation="softmax"),
        ])
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(
            *args,
            batch_size=hp.Choice("batch_size", [8, 16]),
            epochs=hp.Int("epochs", 1, 2),
            shuffle=hp.Boolean("shuffle"),
            **kwargs,
        )
"""

LOOP = """import keras
import keras_tuner as kt
import numpy as np
import tensorflow as tf


class Loop(kt.HyperModel):
    def build(self, hp):
        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Flatten()(inputs)
        x = keras.layers.Dense(hp.Int("units", 4, 8), activation="relu")(x)
        return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        size = hp.Int("batch_size", 8, 32, step=8)
        batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(size)
        held = tf.data.Dataset.from_tensor_slices(validation_data).batch(size)
        optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))
        loss_fn = keras.losses.SparseCategoricalCrossentropy()

        @tf.function
        def step(images, labels):
            with tf.GradientTape() as tape:
                loss = loss_fn(labels, model(images, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))

        best = float("inf")
        for callback in callbacks:
            callback.set_model(model)
        for epoch in range(2):
            for images, labels in batches:
                step(images, labels)
            losses = [float(loss_fn(labels, model(images))) for images, labels in held]
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"own_metric": np.mean(losses)})
            best = min(best, float(np.mean(losses)))
        return best


hypermodel = Loop()
"""

GIVES_UP = """import keras
import keras_tuner as kt


def build(hp):
    units = hp.Choice("units", [4, 8], default=8)
    if units == 8:
        raise kt.errors.FailedTrialError("8 units are too many")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(3, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy")
    return model
"""
