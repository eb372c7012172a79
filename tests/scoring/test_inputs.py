"""How examples of each kind reach a model: standardised on training rows, padding told apart."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers
from sequence_parts import (
    convolutional_recurrent,
    make_clips,
    make_series,
    padded,
    recurrent,
)

from automl_sem.augmentation.marks import marked
from automl_sem.data import sums
from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.inputs import inputs_of, wants_raw_values
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.spaces.find import find_space
from automl_sem.spaces.load import load_space
from automl_sem.types import Recipe

ROWS = np.arange(0, 48, 4)
OTHERS = np.setdiff1d(np.arange(48), ROWS)
RECIPE = Recipe(learning_rate=0.02, batch_size=16, epochs=4)


def part_of(x):
    n = len(x)
    return TrainingPart(
        np.asarray(x, np.float32), np.arange(n) % 2, ("",) * n, ("a", "b"), kind="series"
    )


# What is learnt of training rows


@given(
    lengths=st.lists(st.integers(1, 9), min_size=2, max_size=8),
    place=st.sampled_from([0.0, -1e4, 3e6]),
    spread=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_mean_and_deviation_are_those_of_all_steps_of_the_training_rows(
    lengths, place, spread, seed
):
    spread = max(spread, abs(place) * 1e-3)  # what 32 bits can tell apart
    rng = np.random.default_rng(seed)
    x = np.full((len(lengths), 9, 2), np.nan, np.float32)
    for row, length in enumerate(lengths):
        x[row, :length] = rng.normal(place, spread, (length, 2))
    rows = np.arange(1, len(lengths))
    mean, deviation = inputs_of(part_of(x)).fit(rows)
    there = np.concatenate([x[row, : lengths[row]] for row in rows]).astype(np.float64)
    np.testing.assert_allclose(mean, there.mean(axis=0), rtol=1e-6, atol=1e-6 * spread)
    if len(there) > 1:
        np.testing.assert_allclose(deviation, there.std(axis=0), rtol=1e-4)


def test_held_out_rows_have_no_part_in_it():
    part = make_series()
    x = part.x.copy()
    x[ROWS] = x[ROWS] * 1000
    changed = dataclasses.replace(part, x=x)
    np.testing.assert_array_equal(inputs_of(part).fit(OTHERS), inputs_of(changed).fit(OTHERS))
    assert not np.allclose(inputs_of(part).fit(ROWS), inputs_of(changed).fit(ROWS))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e7])
def test_a_constant_channel_is_only_moved(value):
    x = np.full((4, 6, 1), value)
    brought = inputs_of(part_of(x))
    fitted = brought.fit(np.arange(4))
    assert fitted[1] == 1
    np.testing.assert_allclose(brought.values(np.float32(x), fitted), 0, atol=1e-6 * (1 + value))


def test_a_part_on_disk_is_read_in_pieces_with_the_same_result(tmp_path, monkeypatch):
    part = make_series()
    np.save(tmp_path / "x.npy", part.x)
    mapped = dataclasses.replace(part, x=np.load(tmp_path / "x.npy", mmap_mode="r"))
    expected = inputs_of(part).fit(OTHERS)
    monkeypatch.setattr(sums, "READ_BYTES", 7 * part.x[0].nbytes)
    np.testing.assert_allclose(inputs_of(mapped).fit(OTHERS), expected, rtol=1e-6)


def test_raw_examples_come_back():
    part = make_series()
    brought = inputs_of(part)
    fitted = brought.fit(OTHERS)
    there = brought.as_saved(np.asarray(brought.values(part.x, fitted)), fitted)
    np.testing.assert_allclose(there, part.x, rtol=1e-5)
    assert there.dtype == np.float32


def test_a_network_that_normalises_gets_values_as_they_are():
    model = keras.Sequential([keras.Input((None, 2)), layers.Normalization(mean=0.0, variance=1.0)])
    part = make_series()
    brought = inputs_of(part, model)
    fitted = brought.fit(OTHERS)
    given = brought.ready(brought.values(part.x, fitted), fitted)
    there = ~np.isnan(part.x)
    np.testing.assert_allclose(np.asarray(given)[there], part.x[there], rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(given)[~there], 0)


# What tells padding from values


def test_masking_of_keras_finds_padding_and_nothing_else():
    values = np.array([[[0, 0], [1e-6, 0], [0, 3], [np.nan] * 2], [[2, -2]] + [[np.nan] * 2] * 3])
    given = marked(tf.constant(values, tf.float32))
    mask = layers.Masking().compute_mask(given)
    np.testing.assert_array_equal(mask, [[True, True, True, False], [True, False, False, False]])
    np.testing.assert_allclose(given, np.nan_to_num(values), atol=2e-4)
    np.testing.assert_array_equal(np.asarray(given)[np.isnan(values)], 0)
    halves = layers.Masking(dtype="float16").compute_mask(tf.cast(given, tf.float16))
    np.testing.assert_array_equal(halves, mask)


@pytest.mark.parametrize("trainer", [FoldTrainer, FitTrainer])
@pytest.mark.parametrize("more", [1, 30])
def test_scores_do_not_depend_on_how_much_padding_there_is(trainer, more):
    part = make_series()
    plain = trainer(recurrent(), RECIPE, part, 7).fit(0, ROWS)
    longer = trainer(recurrent(), RECIPE, padded(part, more), 7).fit(0, ROWS)
    np.testing.assert_allclose(longer.probabilities, plain.probabilities, atol=1e-4)
    np.testing.assert_allclose(longer.log_loss, plain.log_loss, rtol=1e-4)


# The same trainers for all kinds


CASES = {"series": (make_series, recurrent()), "clips": (make_clips, convolutional_recurrent)}


@pytest.mark.parametrize("kind", CASES)
def test_it_learns_and_an_architecture_is_traced_once(kind):
    make, build = CASES[kind]
    part = make()
    recipe = dataclasses.replace(RECIPE, epochs=40, batch_size=8)
    trainer = choose_trainer(build, recipe, part, 7)
    assert isinstance(trainer, FoldTrainer)
    held_out = np.arange(0, len(part.y), 4)
    first = trainer.fit(0, held_out)
    assert first.accuracy > 0.9
    trainer.fit(1, held_out + 1)
    assert trainer._epoch.experimental_get_tracing_count() == 1
    np.testing.assert_array_equal(trainer.fit(0, held_out).probabilities, first.probabilities)


@pytest.mark.parametrize("kind", CASES)
def test_both_trainers_give_the_same(kind):
    make, build = CASES[kind]
    part = make()
    held_out = np.arange(0, len(part.y), 4)
    ours, theirs = (t(build, RECIPE, part, 7).fit(0, held_out) for t in (FoldTrainer, FitTrainer))
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-4)


@pytest.mark.parametrize("kind", CASES)
def test_a_memory_mapped_part_gives_the_same(kind, tmp_path):
    make, build = CASES[kind]
    part = make()
    np.save(tmp_path / "x.npy", part.x)
    mapped = dataclasses.replace(part, x=np.load(tmp_path / "x.npy", mmap_mode="r"))
    held_out = np.arange(0, len(part.y), 4)
    for trainer in (FoldTrainer, FitTrainer):
        results = [trainer(build, RECIPE, p, 7).fit(0, held_out) for p in (part, mapped)]
        np.testing.assert_array_equal(results[0].probabilities, results[1].probabilities)


# One very long series


def test_one_long_series_is_no_measure_for_the_others():
    part = make_series(longest=20)
    usual = int(np.quantile((~np.isnan(part.x[..., 0])).sum(axis=1), 0.9, method="higher"))
    assert part.info.usual_length == usual < 20
    longer = padded(part, 980)
    longer.x[1] = 1.0
    assert longer.info.input_shape == (1000, 2)
    assert abs(longer.info.usual_length - usual) <= 1


def test_a_network_of_the_space_series_reads_usual_series_as_without_a_long_one():
    """How many steps become one must not follow from the longest."""
    space = load_space(find_space("series"))
    part = make_series(longest=20)
    longer = padded(part, 9980)
    longer.x[1] = 1.0
    for number in (0, 1):
        values = [space.baseline, *space.good_starts][number]
        given = []
        for one in (part, longer):
            keras.utils.set_random_seed(1)
            model = space.rebuild(values, one.info)
            brought = inputs_of(part)
            standard = brought.values(part.x, brought.fit(OTHERS))
            given.append(np.asarray(model(brought.ready(standard, brought.fit(OTHERS)))))
        np.testing.assert_allclose(given[0], given[1], atol=1e-5)


def test_a_ragged_network_is_given_steps_without_padding():
    part = make_series()

    def build():
        inputs = keras.Input((None, 2), ragged=True)
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(Ends()(inputs)))

    results = [FitTrainer(build, RECIPE, p, 7).fit(0, ROWS) for p in (part, padded(part, 9))]
    np.testing.assert_allclose(results[0].probabilities, results[1].probabilities, atol=1e-6)


class Ends(layers.Layer):
    """The last step of each series, whatever that is."""

    def call(self, x):
        return x[:, -1:].to_tensor()[:, 0]

    def compute_output_spec(self, x):
        return keras.KerasTensor((None, x.shape[-1]), x.dtype)


@pytest.mark.parametrize(
    ("first", "raw"),
    [
        ([layers.Rescaling(1 / 255)], True),
        ([layers.Resizing(4, 4), layers.RandomFlip(), layers.Rescaling(2.0)], True),
        ([layers.Normalization(mean=1, variance=1)], True),
        ([layers.Resizing(4, 4), layers.Conv2D(2, 1), layers.Rescaling(2.0)], False),
        ([layers.RandomRotation(0.1)], False),
    ],
)  # fmt: skip
def test_a_model_that_scales_before_it_computes_gets_raw_values(first, raw):
    model = keras.Sequential([keras.Input((8, 8, 1)), *first, layers.Flatten()])
    assert wants_raw_values(model) == raw
