"""Test-time augmentation: what the views are, and that folds and exports average over them."""

import dataclasses

import keras
import numpy as np
import pytest

from automl_sem.export.wrap import predict_core, wrap
from automl_sem.recipe import VIEWS
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.scoring.views import views_of
from automl_sem.types import Recipe

ROWS = np.arange(0, 60, 5)
RECIPE = Recipe(learning_rate=0.01, batch_size=16, epochs=3)


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def by_numpy(images, views):
    """Return the views, written down otherwise."""
    if views == "flip":
        return [images, images[:, :, ::-1]]
    if views == "turn":
        return [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    if views == "shift":
        padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
        height, width = images.shape[1:3]
        corners = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
        return [padded[:, r : r + height, c : c + width] for r, c in corners]
    return [images]


@pytest.mark.parametrize("views", VIEWS)
def test_views_are_what_their_name_says(views):
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 2)).astype(np.float32)
    for ours, expected in zip(views_of(images, views), by_numpy(images, views), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), expected)


@pytest.mark.parametrize("views", VIEWS)
@pytest.mark.parametrize("side", [8, 6])
def test_all_frames_of_a_clip_are_changed_alike(views, side):
    clips = np.random.default_rng(0).uniform(0, 255, (2, 3, 8, side, 1)).astype(np.float32)
    frames = [views_of(clips[:, i], views) for i in range(3)]
    for ours, *expected in zip(views_of(clips, views), *frames, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.stack(expected, axis=1))


def test_an_image_that_is_not_square_has_two_turns():
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 6, 2)).astype(np.float32)
    same, half = views_of(images, "turn")
    np.testing.assert_array_equal(np.asarray(half), np.rot90(images, 2, axes=(1, 2)))
    np.testing.assert_array_equal(np.asarray(same), images)


@pytest.mark.parametrize("views", VIEWS[1:])
@pytest.mark.parametrize("trainer", [FoldTrainer, FitTrainer])
def test_folds_are_scored_on_the_mean_over_views(stripes, trainer, views):
    plain = trainer(network, RECIPE, stripes, 7)
    with_views = trainer(network, dataclasses.replace(RECIPE, views=views), stripes, 7)
    clean, ours = (one.fit(0, ROWS).probabilities for one in (plain, with_views))
    assert np.abs(clean - ours).max() > 1e-3
    if trainer is FoldTrainer:
        model = with_views._model
        images = by_numpy(stripes.x[ROWS].astype(np.float32) / 255, views)
        expected = np.mean([model(view) for view in images], axis=0)
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("views", VIEWS[1:])
def test_what_is_exported_averages_over_views_with_stock_layers_alone(tmp_path, views):
    core = network()
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    scaled = images.astype(np.float32) / np.float32(255)
    expected = np.mean([core(view) for view in by_numpy(scaled, views)], axis=0)
    model = wrap(core, views)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for predicted in (model(images), loaded(images), predict_core(core, images, views)):
        np.testing.assert_allclose(np.asarray(predicted), expected, atol=1e-6)
    modules = {type(layer).__module__ for layer in loaded._flatten_layers()}
    assert all(name.startswith("keras.") for name in modules)
