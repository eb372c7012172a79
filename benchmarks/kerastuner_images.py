"""A peer of `images.py`: a plain KerasTuner search on images, as its users write it.

A CNN with depth, filters, dense layer, dropout and learning rate; Bayesian optimisation scores each
candidate on one split (`validation_split=0.2`), with early stopping; the best is trained again
on all examples, for as many epochs as gave it its best score, as Keras's own tutorial has it.
It runs as a process of its own:

    python benchmarks/kerastuner_images.py DATA.npz OUT.json --trials 13 --epochs 50

Interrupted, it trains the best so far.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import keras
import keras_tuner
import numpy as np
from keras import layers

PATIENCE = 10  # epochs without a lower validation loss


def main() -> None:
    """Search, retrain, and write what the best model says of the test images as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, default=13)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    with np.load(options.data) as file:
        arrays = dict(file)
    # Keras validates on the last fifth, as they come: a folder comes class by class.
    order = np.random.default_rng(options.seed).permutation(len(arrays["y_train"]))
    x, y = scaled(arrays["x_train"])[order], arrays["y_train"][order]

    def build(hp):
        return cnn(hp, x.shape[1:], int(y.max()) + 1)

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.BayesianOptimization(
            build,
            objective="val_loss",
            max_trials=options.trials,
            executions_per_trial=1,
            seed=options.seed + 1,  # KerasTuner takes 0 for no seed
            directory=folder,
        )
        stop = keras.callbacks.EarlyStopping(patience=PATIENCE)
        ended = True
        try:
            tuner.search(
                x, y, validation_split=0.2, epochs=options.epochs, callbacks=[stop], verbose=0
            )
        except KeyboardInterrupt:
            ended = False
        states = [str(trial.status) for trial in tuner.oracle.trials.values()]
        result = {
            "ended": ended,
            "trials": states.count("COMPLETED"),
            "failed": states.count("INVALID"),
        }
        if result["trials"]:
            (best,) = tuner.oracle.get_best_trials(1)
            model = build(best.hyperparameters)
            model.fit(x, y, epochs=best.best_step + 1, verbose=0)
            result["values"] = best.hyperparameters.values | {"epochs": best.best_step + 1}
            for part in ("test", "hard"):
                if f"x_{part}" in arrays:
                    said = model.predict(scaled(arrays[f"x_{part}"]), verbose=0)
                    result[part] = said.argmax(axis=-1).tolist()
    options.out.write_text(json.dumps(result), encoding="utf-8")


def cnn(hp, input_shape, classes):
    """Return a compiled CNN: convolutions with pooling while there is room, a dense layer."""
    filters = hp.Choice("filters", [16, 32, 64])
    x = inputs = layers.Input(input_shape)
    for _ in range(hp.Int("depth", 1, 4)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        if min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(hp.Choice("dense", [32, 64, 128]), activation="relu")(x)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1))(x)
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def scaled(x):
    """Return bytes as numbers from 0 to 1."""
    return x.astype(np.float32) / 255


if __name__ == "__main__":
    main()
