"""What is said, and refused, before a search for a GAN."""

import numpy as np
import pytest

from automl_sem import api
from automl_sem.config import search_options
from automl_sem.data import from_memory, load_dataset
from automl_sem.errors import UserError
from automl_sem.gan_plan import expected_seconds
from automl_sem.scoring.gan import pace
from automl_sem.scoring.gan.pace import JUDGING, PROPOSED_SHARE, expected, seconds_per_step
from automl_sem.spaces.find import find_space
from automl_sem.spaces.load import load_space


@pytest.fixture(scope="module")
def space():
    return load_space(find_space("gan"))


@pytest.fixture
def steady(monkeypatch):
    """A machine that takes 10 ms a step of the baseline, three times as long of the wider GAN."""

    def seconds(space, part, values, recipe):
        assert recipe == space.recipe_of(values, part.info)
        return {32: 0.01, 48: 0.03}[values["width"]]

    monkeypatch.setattr(pace, "seconds_per_step", seconds)


def images(side, n=60):
    x = np.random.default_rng(0).integers(0, 256, (n, side, side), dtype=np.uint8)
    return from_memory(x, None, unlabelled=True)


def test_the_time_of_a_search_is_that_of_its_fold_fits(space, steady):
    part = load_dataset("digits").train
    found = expected(space, part, folds=3, trials=13, finalists=8)
    assert found.step == pytest.approx(0.02)
    assert found.fold == pytest.approx(0.02 * 1000 * JUDGING)
    # Baseline and two good starts as a whole, a share of the other ten, and all on fresh folds.
    assert found.whole == pytest.approx(found.fold * 3 * (3 + 10 * PROPOSED_SHARE + 8))


def test_nobody_asks_how_long_a_search_of_a_few_steps_takes(space, steady):
    quick = space.with_fixed(epochs=1)
    assert expected(quick, load_dataset("digits").train, folds=3, trials=13, finalists=8) is None


def test_a_step_is_timed_and_not_what_is_done_once(space, monkeypatch):
    clock, calls = [0.0], []

    class Told:
        def numpy(self):
            return np.zeros(2)

    class Trainer:
        def __init__(self, build, *_, **__):
            assert build().latent_dim == 64  # the baseline's

        def train(self, order, *_):
            calls.append(len(order))
            clock[0] += 100.0 if len(calls) == 1 else len(order) * 0.01 * len(calls)
            return Told()

    monkeypatch.setattr(pace, "GanTrainer", Trainer)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock[0])
    part = load_dataset("digits").train
    recipe = space.recipe_of(space.baseline, part.info)
    # The first call traces; of the others the fastest counts.
    assert seconds_per_step(space, part, space.baseline, recipe) == pytest.approx(0.02)


@pytest.mark.slow
def test_steps_of_the_real_trainer_are_timed(space):
    part = load_dataset("digits").train
    recipe = space.recipe_of(space.baseline, part.info)
    assert 0.0 < seconds_per_step(space, part, space.baseline, recipe) < 10.0


def test_images_above_64_pixels_need_a_gpu_or_a_yes(space, steady):
    options = search_options(space="gan")
    large, usual = images(65), images(64)
    with pytest.raises(UserError, match=r"65x65 without a GPU: the search takes about \d+ min"):
        expected_seconds(options, space, large, 3, gpus=0)
    assert expected_seconds(options, space, large, 3, gpus=1) > 60
    assert expected_seconds(options, space, usual, 3, gpus=0) > 60
    assert expected_seconds(search_options(yes=True), space, large, 3, gpus=0) > 60


def test_four_finalists_are_trained_twice_if_there_are_so_many(space, steady):
    data = images(16)
    one, two = (expected_seconds(search_options(trials=n), space, data, 3, 0) for n in (1, 2))
    many = expected_seconds(search_options(trials=13), space, data, 3, 0)
    fold = 0.02 * 1000 * JUDGING
    assert one == pytest.approx(3 * fold * 3)
    assert two == pytest.approx(3 * fold * 6)
    assert many == pytest.approx(3 * fold * (3 + 10 * PROPOSED_SHARE + 8))


def test_a_time_limit_bounds_what_is_expected(space, steady):
    data = images(16)
    assert expected_seconds(search_options(time_limit_s=5, trials=13), space, data, 3, 0) == 5
    with pytest.raises(UserError, match="a trial takes about"):
        expected_seconds(search_options(time_limit_s=5), space, images(65), 3, 0)


def test_nothing_is_timed_where_a_limit_says_how_long_it_takes(space, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(pace, "seconds_per_step", never)
    assert expected_seconds(search_options(time_limit_s=5), space, images(16), 3, 0) is None


def test_a_plan_says_how_long_it_will_take(steady):
    lines = api.dry_run("digits", space="gan")
    assert any(line.startswith("time      about 16 min,") for line in lines)
    assert not any(line.startswith("time") for line in api.dry_run("digits", trials=2))
