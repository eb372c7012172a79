"""The built-in spaces for series and clips: any shape fits, and padding changes nothing."""

from __future__ import annotations

import time
from functools import cache

import keras
import numpy as np
import optuna
import pytest

from automl_sem.augment import check_augment
from automl_sem.search_spaces import sequences
from automl_sem.spaces.find import find_space
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

SERIES = [(1, 1), (2, 3), (24, 1), (70, 12), (300, 2)]  # (time, channels)
CLIPS = [(12, 24, 24, 1), (2, 16, 16, 1), (5, 64, 64, 3), (3, 112, 90, 3)]
SHAPES = [("series", shape) for shape in SERIES] + [("motion", shape) for shape in CLIPS]
KINDS = {"series": "series", "motion": "clips"}
MOST_WEIGHTS = 2_000_000


@cache
def load(name):
    return load_space(find_space(name))


def info_of(name, shape, classes=3, n_train=60):
    return DataInfo(KINDS[name], shape, classes, n_train)


def drawn(name, info, seed):
    """Return a random candidate's model and recipe."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    hp = OptunaHyperParameters(study.ask())
    return load(name).build(hp, info), load(name).recipe(hp, info)


def some(shape, n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)


def ragged(time=40, channels=3):
    """Return series of 40, 23, 1 and 7 steps, in one of which a step is all zeros."""
    x = some((time, channels))
    for row, length in enumerate((time, 23, 1, 7)):
        x[row, length:] = 0
    x[0, 20] = 0
    return x


def longer(x, steps=30):
    return np.pad(x, ((0, 0), (0, steps), (0, 0)))


def started(model, x):
    """Return a model whose batch statistics are those of some examples."""
    for _ in range(3):
        model(x, training=True)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_any_candidate_is_built_quickly_trains_and_is_loaded_by_keras_alone(name, shape, tmp_path):
    for seed, classes in enumerate([2, 15]):
        info = info_of(name, shape, classes)
        x, y = some(shape), np.arange(4) % classes
        began = time.process_time()
        model, recipe = drawn(name, info, seed)
        assert time.process_time() - began < 5
        assert model.output_shape == (None, classes)
        assert model.count_params() < MOST_WEIGHTS
        assert recipe.steps * recipe.batch_size >= 100
        check_augment(recipe.augmentation, info.kind)
        assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
        before = [w.numpy() for w in model.trainable_variables]
        # Nothing is compiled: that takes longer than a step.
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
        assert np.isfinite(model.train_on_batch(x, y))
        moved = [
            not np.array_equal(a, b.numpy())
            for a, b in zip(before, model.trainable_variables, strict=True)
        ]
        assert any(moved)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(again(x), model(x), atol=1e-6)


@pytest.mark.parametrize("name", ["series", "motion"])
@pytest.mark.parametrize("n_train", [20, 1000, 60_000])
def test_the_starts_are_in_range(name, n_train):
    shape = {"series": (50, 2), "motion": (6, 32, 32, 3)}[name]
    info = info_of(name, shape, n_train=n_train)
    space = load(name)
    assert len(space.starts(info)) == 1 + len(space.good_starts)
    for start in (space.baseline, *space.good_starts):
        check_augment(space.recipe_of(start, info).augmentation, info.kind)


@pytest.mark.parametrize("name", ["series", "motion"])
def test_the_baseline_is_one_plain_lstm(name):
    shape = {"series": (50, 2), "motion": (6, 32, 32, 3)}[name]
    model = load(name).rebuild(load(name).baseline, info_of(name, shape))
    lstm = [x for x in model.layers if isinstance(x, keras.layers.LSTM)]
    assert [x.units for x in lstm] == [64]
    assert not any(isinstance(x, keras.layers.BatchNormalization) for x in model.layers)
    assert load(name).recipe_of(load(name).baseline, info_of(name, shape)).schedule == "constant"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_padding_changes_nothing_of_a_candidate_for_series(seed):
    x = ragged()
    model, _ = drawn("series", info_of("series", x.shape[1:]), seed)
    started(model, x)
    np.testing.assert_allclose(model(longer(x)), model(x), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_padding_changes_nothing_of_the_batch_statistics(seed):
    x = ragged()
    model, _ = drawn("series", info_of("series", x.shape[1:]), seed)
    norms = [y for y in model.layers if isinstance(y, keras.layers.BatchNormalization)]
    statistics = [w for norm in norms for w in (norm.moving_mean, norm.moving_variance)]
    fresh = [w.numpy() for w in statistics]
    found = []
    for inputs in (x, longer(x)):
        for variable, value in zip(statistics, fresh, strict=True):
            variable.assign(value)
        if not any(isinstance(y, keras.layers.SpatialDropout1D) for y in model.layers):
            model(inputs, training=True)
        found.append([w.numpy() for w in statistics])
    for short, long in zip(*found, strict=True):
        np.testing.assert_allclose(long, short, atol=1e-5)


# Blocks


def test_a_step_is_real_up_to_the_last_that_is_not_zero():
    x = ragged()
    x = np.concatenate([x, np.zeros((1, 40, 3), np.float32)])
    mask = np.asarray(sequences.real_steps(x))
    assert mask.sum(axis=1).tolist() == [40, 23, 1, 7, 1]  # of no step at all, the first
    assert (np.diff(mask.astype(int), axis=1) <= 0).all()  # padding behind alone: cuDNN needs that


def test_shortening_takes_the_mean_of_real_steps():
    x = np.array([[[1.0], [3.0], [5.0], [7.0], [9.0]], [[2.0], [4.0], [6.0], [0.0], [0.0]]])
    short, mask = sequences.shorten(x.astype(np.float32), sequences.real_steps(x), 2)
    np.testing.assert_allclose(np.squeeze(short), [[2, 6, 9], [3, 6, 0]])
    assert np.asarray(mask).tolist() == [[True, True, True], [True, True, False]]


@pytest.mark.parametrize(("time", "most"), [(1, 32), (32, 32), (33, 32), (300, 64), (10_000, 96)])
def test_a_series_is_shortened_to_no_more_steps_than_asked(time, most):
    x = np.ones((1, time, 1), np.float32)
    short, mask = sequences.shorten_to(x, sequences.real_steps(x), time, most)
    assert min(time, most) / 2 <= short.shape[1] <= most
    assert np.asarray(mask).all()


@pytest.mark.parametrize("front", [sequences.plain_front, sequences.residual_front])
def test_after_a_block_long_series_are_halved_and_padding_does_not_count(front):
    rng = np.random.default_rng(0)
    for steps, left in ((100, 100), (427, 107)):
        inputs = keras.Input((None, 2))
        x, mask, time = front(inputs, sequences.real_steps(inputs), 4, steps)
        model = keras.Model(inputs, [x, mask, sequences.pool(x, mask, "mean")])
        series = rng.normal(size=(2, steps, 2)).astype(np.float32)
        series[1, steps // 2 + 1 :] = 0
        started(model, series)
        features, real, pooled = model(series)
        assert features.shape[1] == time == left
        assert np.sum(real, axis=1).tolist() == [left, -(-(steps // 2 + 1) * left // steps)]
        padded = np.pad(series, ((0, 0), (0, 33), (0, 0)))
        np.testing.assert_allclose(model(padded)[2], pooled, atol=1e-5)


def test_pooling_takes_the_last_real_step_the_mean_or_the_largest():
    x = np.array([[[-1.0], [-3.0], [-2.0], [9.0]]], np.float32)
    mask = np.array([[True, True, True, False]])
    pooled = {how: np.asarray(sequences.pool(x, mask, how)).item() for how in ("last", "mean")}
    assert pooled == {"last": -2.0, "mean": -2.0}
    assert np.asarray(sequences.pool(x, mask, "max")).item() == -1.0
    without = {how: np.asarray(sequences.pool(x, None, how)).item() for how in ("last", "mean")}
    assert without == {"last": 9.0, "mean": 0.75}


def test_both_ways_ends_with_the_last_step_forward_and_the_first_backward():
    x = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    mask = np.array([[True, True, True, False]])
    assert np.asarray(sequences.pool(x, mask, "last", both_ways=True)).tolist() == [[4.0, 1.0]]


@pytest.mark.parametrize("cell", sequences.CELLS)
@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrent_layers_have_what_the_fast_kernel_needs(cell, both_ways):
    inputs = keras.Input((None, 3))
    mask = sequences.real_steps(inputs)
    out = sequences.recurrent(inputs, mask, cell, 4, 2, both_ways=both_ways, drop=0.2)
    found = [x for x in keras.Model(inputs, out).layers if "lstm" in x.name or "gru" in x.name
             or isinstance(x, keras.layers.Bidirectional)]  # fmt: skip
    cells = [x.forward_layer if both_ways else x for x in found]
    assert len(cells) == 2
    for layer in cells:
        config = layer.get_config()
        assert (config["activation"], config["recurrent_activation"]) == ("tanh", "sigmoid")
        assert config["use_bias"]
        assert not config["unroll"]
        assert config["recurrent_dropout"] == 0
        assert config.get("reset_after", True)


def test_differences_of_frames_have_a_first_frame_of_zeros():
    x = some((3, 4, 4, 1), n=2)
    moved = np.asarray(sequences.difference(x, "differences"))
    np.testing.assert_allclose(moved[:, 1:], x[:, 1:] - x[:, :-1], atol=1e-6)
    assert not moved[:, 0].any()
    assert sequences.difference(x, "both").shape == (2, 3, 4, 4, 2)
    assert sequences.difference(x, "frames") is x
