"""Small sequences for tests: two channels that rise or fall together, or apart; and clips."""

import dataclasses

import keras
import numpy as np
from keras import layers

from automl_sem.data.dataset import TrainingPart


def make_series(n=48, longest=12, seed=0):
    """Series of 3 to `longest` steps, of three classes that their slopes tell."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    slopes = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
    x = np.full((n, longest, 2), np.nan, np.float32)
    for row, label in enumerate(y):
        steps = longest if row == 0 else int(rng.integers(3, longest + 1))
        line = np.linspace(0, 1, steps)[:, None] * slopes[label]
        x[row, :steps] = [100.0, -5.0] + [10.0, 0.5] * (line + rng.normal(0, 0.1, (steps, 2)))
    return TrainingPart(x, y, tuple(map(str, range(n))), ("a", "b", "c"), kind="series")


def padded(part, more):
    """The same series with more padding behind them."""
    return dataclasses.replace(
        part, x=np.pad(part.x, [(0, 0), (0, more), (0, 0)], constant_values=np.nan)
    )


def make_clips(n=24, frames=5):
    """Clips of a bright square that moves right, left or not at all."""
    y = np.arange(n) % 3
    x = np.full((n, frames, 10, 10, 1), 20, np.uint8)
    for row, label in enumerate(y):
        for frame in range(frames):
            at = 4 + (1, -1, 0)[label] * (frame - frames // 2)
            x[row, frame, 3:6, at : at + 2] = 220
    return TrainingPart(x, y, tuple(map(str, range(n))), ("a", "b", "c"), kind="clips")


def recurrent(channels=2, noise=0.2):
    """What builds a network for series of any length, which Keras's own masks serve."""

    def build():
        x = inputs = keras.Input((None, channels))
        x = layers.LSTM(8, dropout=noise)(layers.Masking()(x))
        x = layers.Dropout(noise)(x)
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))

    return build


def convolutional_recurrent():
    """A network for clips: what each frame shows, then what follows what."""
    x = inputs = keras.Input((None, 10, 10, 1))
    x = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"))(x)
    x = layers.LSTM(8)(layers.TimeDistributed(layers.Flatten())(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
