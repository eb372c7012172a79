"""The space `gan` draws images as the data are, whatever the candidate."""

import numpy as np
import optuna
import pytest

from automl_sem.spaces.find import find_space
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

MOST_WEIGHTS = 8_000_000
DIGITS = DataInfo("images", (8, 8, 1), 10, 1000)


@pytest.fixture(scope="module")
def space():
    return load_space(find_space("gan"))


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
