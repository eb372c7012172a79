"""The built-in spaces: short files, whose candidates fit every image and are not too large."""

from __future__ import annotations

import shutil
from functools import cache

import keras
import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_sem.data import BUILTIN
from automl_sem.search_spaces import blocks
from automl_sem.spaces.find import builtin_spaces, find_space, summary
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

ALL = sorted(builtin_spaces())
KINDS = {"motion": "clips", "series": "series"}  # tests/spaces/test_sequence_spaces.py
# `pretrained` needs a file of weights to build anything: tests/test_pretrained.py has one.
# `gan` draws: tests/spaces/test_gan_space.py.
SPACES = [name for name in ALL if name not in ("pretrained", "gan", *KINDS)]
DRAWINGS = DataInfo("images", (24, 24, 1), 3, 45)
SIDES = st.integers(8, 256)
MOST_WEIGHTS = 6_000_000
# What the space `shapes` flattens grows with the image.
ANY_SIZE = [name for name in SPACES if name != "shapes"]


@cache
def load(name):
    return load_space(find_space(name))


def drawn(space, info, seed):
    """Return a random candidate's hyperparameters, model and recipe."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    hp = OptunaHyperParameters(study.ask())
    return hp, space.build(hp, info), space.recipe(hp, info)


def test_blocks_are_no_space():
    assert set(ALL) == {
        "shapes", "images", "digits", "residual", "pretrained", "motion", "series", "gan",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_space_is_short_and_opens_with_a_question_and_its_command(name):
    space = load(name)
    assert len(space.source.splitlines()) < 150
    assert "?" in summary(space.path)
    assert f"automl-sem search {name}" in space.source or f"--space {name}" in space.source
    assert space.kind == KINDS.get(name, "images")
    assert space.data is None or space.data in BUILTIN


@pytest.mark.parametrize("name", SPACES)
def test_a_copy_of_it_is_a_space_of_ones_own(name, tmp_path):
    copy = shutil.copy(builtin_spaces()[name], tmp_path / "mine.py")
    space = load_space(copy)
    assert space.name == "mine"
    assert space.rebuild(space.baseline, DRAWINGS).output_shape == (None, 3)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("shape", [(8, 8, 1), (64, 64, 3)])
def test_its_starts_are_in_range_for_any_image(name, shape):
    space = load(name)
    assert len(space.starts(DataInfo("images", shape, 4, 100))) == 1 + len(space.good_starts)


@pytest.mark.parametrize("name", ANY_SIZE)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    height=SIDES,
    width=SIDES,
    channels=st.sampled_from([1, 3]),
    n_train=st.sampled_from([20, 1000, 60_000]),
    seed=st.integers(0, 10_000),
)
def test_any_candidate_fits_any_image_with_a_bounded_number_of_weights(
    name, height, width, channels, n_train, seed
):
    info = DataInfo("images", (height, width, channels), 10, n_train)
    _, model, recipe = drawn(load(name), info, seed)
    assert model.output_shape == (None, 10)
    assert model.count_params() < MOST_WEIGHTS
    assert recipe.steps * recipe.batch_size >= 100


@pytest.mark.parametrize("name", ["images", "digits"])
def test_the_baseline_is_the_textbook_cnn(name):
    space = load(name)
    model = space.rebuild(space.baseline, DataInfo("images", (28, 28, 1), 10, 1000))
    layers = [x for x in model.layers if type(x).__name__ not in ("InputLayer", "Activation")]
    assert [type(x).__name__ for x in layers] == [
        "Conv2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert [x.filters for x in layers[:2]] == [32, 64]
    assert layers[4].units == 128


def test_the_space_residual_plans_each_depth_with_and_without_skip_connections():
    space = load("residual")
    plan = [(s["depth"], s["residual"]) for s in (space.baseline, *space.good_starts)]
    depths = {depth for depth, _ in plan}
    assert sorted(plan) == sorted((d, r) for d in depths for r in (False, True))
    counts = {}
    for depth, residual in plan:
        model = space.rebuild({"depth": depth, "residual": residual}, DRAWINGS)
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("Conv2D") == depth + 1  # one more before the first block
        assert kinds.count("Add") == (depth // 2 if residual else 0)
        counts.setdefault(depth, set()).add(model.count_params())
    assert all(len(weights) == 1 for weights in counts.values())


# Blocks


def block_of(make, normalization, **options):
    inputs = keras.Input((6, 6, 3))
    x = blocks.plain_block(inputs, 12, 3, normalization)
    return keras.Model(inputs, make(x, 20, 3, normalization, **options))


@pytest.mark.parametrize("normalization", blocks.NORMALIZATIONS)
@pytest.mark.parametrize(
    "make",
    [
        blocks.plain_block, blocks.separable_block, blocks.residual_block,
        blocks.preactivation_block, blocks.inverted_block,
    ],
)  # fmt: skip
def test_a_block_keeps_the_size_and_can_be_built_from_its_config_by_keras_alone(
    make, normalization
):
    with_skip = "drop" in (make.__kwdefaults__ or {})
    model = block_of(make, normalization, **({"squeeze": True, "drop": 0.2} if with_skip else {}))
    assert model.output_shape == (None, 6, 6, 20)
    assert ("Add" in {type(layer).__name__ for layer in model.layers}) == with_skip
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = np.random.default_rng(0).random((2, 6, 6, 3), dtype=np.float32)
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


def test_a_residual_block_whose_branch_says_nothing_is_the_identity():
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, blocks.preactivation_block(inputs, 4))
    model.layers[-2].set_weights([np.zeros_like(w) for w in model.layers[-2].get_weights()])
    x = np.random.default_rng(0).random((2, 6, 6, 4), dtype=np.float32)
    np.testing.assert_allclose(model(x), x)


def test_stochastic_depth_drops_whole_branches_and_nothing_in_use():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, blocks.stochastic_depth(inputs, 0.25))
    ones = np.ones((200, 4, 4, 2), np.float32)
    out = np.asarray(model(ones, training=True)).reshape(200, -1)
    assert np.unique(out) == pytest.approx([0, 4 / 3])
    assert (out == out[:, :1]).all()
    assert 0.15 < (out[:, 0] == 0).mean() < 0.35
    np.testing.assert_array_equal(model(ones), ones)


@pytest.mark.parametrize("channels", [6, 8, 12, 20, 7])
def test_groups_divide_the_channels(channels):
    layer = keras.Model(x := keras.Input((4, 4, channels)), blocks.normalize(x, "group")).layers[-1]
    assert channels % layer.groups == 0


def test_squeeze_and_excitation_scales_each_channel_between_0_and_1():
    inputs = keras.Input((5, 5, 8))
    model = keras.Model(inputs, blocks.squeeze_excite(inputs))
    x = np.random.default_rng(0).random((3, 5, 5, 8), dtype=np.float32) + 0.1
    scale = np.asarray(model(x)) / x
    assert (scale > 0).all()
    assert (scale < 1).all()
    np.testing.assert_allclose(scale, np.broadcast_to(scale[:, :1, :1], x.shape), rtol=1e-5)
