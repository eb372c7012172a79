"""The peer: k-fold with KerasTuner, as its users write it.

KerasTuner scores on one split. For k folds its documentation has people override `run_trial`;
this does that and no more: per fold build, compile, `fit` with validation data. The score of a
candidate is the mean over its folds after the last epoch. It runs as a process of its own:

    python benchmarks/kerastuner_loop.py DIGITS.npz OUT.json --trials 24
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import small_cnn

from automl_sem.data.split import stratified_folds
from automl_sem.types import DataInfo


class SmallCNN(keras_tuner.HyperModel):
    """The models of `small_cnn.py`, compiled.

    Args:
        data: Description of the data.
    """

    def __init__(self, data):
        super().__init__()
        self.data = data

    def build(self, hp):
        """Return a compiled model."""
        model = small_cnn.build(hp, self.data)
        rate = small_cnn.recipe(hp).learning_rate
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model


class KFoldSearch(keras_tuner.RandomSearch):
    """Random search over the mean log-loss of k folds; keeps what it did in `self.done`."""

    done: list
    first_fit = 0.0

    def run_trial(self, trial, x, y, folds, epochs, verbose):
        """Train a candidate on every fold and return its mean score."""
        keras.utils.clear_session()  # as KerasTuner does before a trial of its own
        losses, accuracies = [], []
        self.first_fit = self.first_fit or time.time()
        for fold in range(folds.max() + 1):
            held_out = folds == fold
            model = self.hypermodel.build(trial.hyperparameters)
            history = model.fit(
                x[~held_out],
                y[~held_out],
                validation_data=(x[held_out], y[held_out]),
                epochs=epochs,
                batch_size=small_cnn.BATCH_SIZE,
                verbose=verbose,
            ).history
            losses.append(history["val_loss"][-1])
            accuracies.append(history["val_accuracy"][-1])
        values = trial.hyperparameters.values
        score = {"values": values, "log_losses": losses, "accuracies": accuracies}
        self.done.append({**score, "ended": time.time()})
        return {"val_loss": float(np.mean(losses))}


class Draw(KFoldSearch):
    """The same search without the training: it tells which candidates there will be."""

    def run_trial(self, trial, x, y, folds, epochs, verbose):  # noqa: ARG002
        """Note the candidate."""
        self.done.append({"values": dict(trial.hyperparameters.values)})
        return {"val_loss": 0.0}


def main() -> None:
    """Search, and write what happened as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=small_cnn.EPOCHS)
    parser.add_argument("--seed", type=int, default=0, help="of folds and weights")
    parser.add_argument("--sampler-seed", type=int, default=0, help="of the candidates")
    parser.add_argument("--draw", action="store_true", help="draw the candidates only")
    options = parser.parse_args()
    with np.load(options.data) as file:
        x, y = file["x_train"].astype(np.float32)[..., None] / 255, file["y_train"]
    info = DataInfo("images", x.shape[1:], int(y.max()) + 1, len(y))
    folds = stratified_folds(y, options.folds, options.seed)
    keras.utils.set_random_seed(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = (Draw if options.draw else KFoldSearch)(
            SmallCNN(info),
            objective="val_loss",
            max_trials=options.trials,
            seed=options.sampler_seed + 1,  # KerasTuner takes 0 for no seed
            directory=folder,
        )
        tuner.done = []
        tuner.search(x, y, folds=folds, epochs=options.epochs, verbose=0)
    result = {"first_fit": tuner.first_fit, "trials": tuner.done}
    options.out.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
