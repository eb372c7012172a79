"""What is exported of a compiled model: trained as it was compiled, and it gives probabilities."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from conftest import make_stripes
from hypermodel_files import LOOP

from automl_sem.retrain import retrain
from automl_sem.scoring.batches import epoch_order
from automl_sem.scoring.own_fit import OwnFitter
from automl_sem.seeds import derive_seed, seeded
from automl_sem.spaces.compiled import built_for
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo, Recipe

PART = make_stripes(48)
X = PART.x / np.float32(255)
RECIPE = Recipe(batch_size=16)


def logits(optimizer, loss):
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer, loss(from_logits=True), metrics=["accuracy"])
    return model


class OwnCall(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, x):
        return self.dense(self.flatten(x))


def of_a_class():
    model = OwnCall()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    model(keras.Input((8, 8, 1)))
    return model


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.01, clipnorm=0.1),
        lambda: keras.optimizers.SGD(0.1, loss_scale_factor=8.0),
        lambda: keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5),
    ],
    ids=["clipped", "scaled", "averaged"],
)
def test_it_is_retrained_by_its_own_optimizer_and_loss(tmp_path, optimizer):
    def build():
        return logits(optimizer(), keras.losses.SparseCategoricalCrossentropy)

    with seeded(3):
        theirs = build()
    theirs.jit_compile = False
    order = epoch_order(np.arange(48), PART.y, RECIPE, derive_seed(3, 1))
    theirs.fit(X[order], PART.y[order], batch_size=16, shuffle=False, verbose=0)
    done = retrain(build, RECIPE, PART, seed=3, epochs=1, checkpoints=tmp_path, devices=["CPU:0"])
    for ours, expected in zip(done.model.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    expected = keras.ops.softmax(theirs.predict(X, verbose=0))
    np.testing.assert_allclose(done.model.predict(X, verbose=0), expected, atol=1e-5)
    assert not done.model.compiled


def without_input():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return built_for(model, PART.info, "build")


@pytest.mark.parametrize("build", [of_a_class, without_input])
def test_what_is_exported_gives_probabilities_and_knows_no_optimizer(tmp_path, build):
    done = retrain(build, RECIPE, PART, seed=3, epochs=1, checkpoints=tmp_path, devices=["CPU:0"])
    predicted = done.model.predict(X, verbose=0)
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0, atol=1e-5)
    assert not any(getattr(layer, "compiled", False) for layer in done.model._flatten_layers())


def test_the_fit_of_a_hypermodel_retrains_once_on_all_examples(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text(LOOP)
    space, info = load_space(path), DataInfo("images", (8, 8, 1), 3, 48)
    calls = []
    train = OwnFitter.train
    monkeypatch.setattr(
        OwnFitter, "train", lambda self, *rows: calls.append(rows) or train(self, *rows)
    )

    def done():
        return retrain(
            lambda: space.rebuild({"units": 4}, info),
            Recipe(),
            PART,
            seed=3,
            epochs=40,
            checkpoints=tmp_path / "checkpoints",
            devices=["CPU:0"],
            build_to_fit=lambda: space.rebuild_to_fit({"units": 4}, info, Recipe()),
        )

    first, again = done(), done()
    ((rows, validation),) = calls
    assert len(rows) == len(validation) == 48
    assert (first.epochs, first.steps, again.resumed_from) == (1, 0, 1)
    expected = first.model.predict(X, verbose=0)
    np.testing.assert_array_equal(again.model.predict(X, verbose=0), expected)
