"""The space `gan`: any candidate draws images as the data are, and every hyperparameter counts."""

import keras_tuner
import numpy as np
import optuna
import pytest
from test_builtin_spaces import choices

from automl_sem.spaces.find import find_space
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

MOST_WEIGHTS = 8_000_000
DIGITS = DataInfo("images", (8, 8, 1), 10, 1000)


@pytest.fixture(scope="module")
def space():
    return load_space(find_space("gan"))


def layers_of(network):
    found = []
    for layer in network.layers:
        config = {k: v for k, v in layer.get_config().items() if k not in ("name", "layer")}
        inner = getattr(layer, "layer", None)
        found.append((type(layer).__name__, type(inner).__name__, config))
    return repr(found)


def outcome(space, values):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    gan = space.build(hp, DIGITS)
    recipe = space.recipe(hp, DIGITS, gan)
    active = {h: hp.values[h.name] for h in hp.space if hp.is_active(h)}
    return active, (layers_of(gan.generator), layers_of(gan.discriminator), recipe)


@pytest.mark.parametrize("shape", [(8, 8, 1), (24, 24, 1), (13, 13, 3), (64, 64, 3)], ids=str)
def test_any_candidate_draws_images_of_the_shape_of_the_data(space, shape):
    info = DataInfo("images", shape, 4, 300)
    for seed in range(3):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        hp = OptunaHyperParameters(study.ask())
        gan = space.build(hp, info)
        assert space.recipe(hp, info, gan).steps > 0
        assert gan.image_shape == shape
        assert gan.count_params() < MOST_WEIGHTS
        drawn = gan.draw(2, np.array([0, 3]))
        assert drawn.shape == (2, *shape)
        assert drawn.min() >= 0
        assert drawn.max() <= 1


def test_its_starts_are_in_range(space):
    assert len(space.starts(DIGITS)) == 1 + len(space.good_starts)
    assert space.generates(DIGITS)


def test_every_hyperparameter_changes_the_networks_or_the_recipe(space):
    critic = {"loss": "wgan-gp", "critic_normalization": "none"}
    kept = {k: v for k, v in space.good_starts[0].items() if k not in ("regularize", "r1")}
    found = {}
    for start in (space.baseline, *space.good_starts, {**kept, **critic}):
        active, first = outcome(space, start)
        for h in active:
            if found.get(h.name):
                continue
            values = {each.name: v for each, v in active.items()}
            others = [v for v in choices(h) if v != active[h]]
            changed = (outcome(space, {**values, h.name: v})[1] != first for v in others)
            found[h.name] = any(changed)
    assert [name for name, changes in found.items() if not changes] == []
    assert "critic_normalization" in found
