"""The series `strokes` can be told apart by the path of the pen, not by length or a single step."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from automl_sem import UserError
from automl_sem.data import load_dataset
from automl_sem.data.strokes import DRAWN, draw_strokes, load_strokes


@pytest.fixture(scope="module")
def strokes():
    """Strokes with their classes: to train on, and to test on."""
    return draw_strokes("train", 240)[:2], draw_strokes("test", 120)[:2]


def test_they_are_series_of_three_classes_in_equal_shares():
    dataset = load_strokes()
    assert dataset.info.kind == "series"
    assert dataset.train.x.dtype == np.float32
    assert dataset.class_names == DRAWN
    assert np.bincount(dataset.train.y).tolist() == [80] * 3
    assert np.bincount(dataset.test.y).tolist() == [40] * 3
    assert (dataset.options, dataset.source) == ({}, "strokes")
    facts = dataset.inspection.series
    assert [channel.name for channel in facts.channels] == ["x", "y"]
    assert (facts.train_lengths.min(), facts.train_lengths.max()) == (20, 60)
    assert dataset.inspection.copies.repeated == 0
    assert not dataset.inspection.copies.leaks


def test_they_are_quickly_made_and_the_same_on_every_machine():
    started = time.process_time()
    dataset = load_strokes()
    assert time.process_time() - started < 1
    train, test = dataset.train.fingerprint(), dataset.test.fingerprint()
    assert train == "c33f013773aa53ead860f2a34fd593a0066a83e811f0de8e26e71bba07d2524b"
    assert test == "e1b756e71952638f6ebaca7067b8258b88b8b8e01ce48fbd9e05d8c68da245e0"
    assert (draw_strokes("train", 3, data_seed=77)[0][0][:9] != dataset.train.x[0][:9]).any()


def test_a_stroke_is_the_same_whatever_the_size():
    small, large = load_dataset("strokes", size=30), load_dataset("strokes", size=60)
    assert (len(small.train.y), len(small.test.y)) == (30, 15)
    shared = min(small.train.x.shape[1], large.train.x.shape[1])
    np.testing.assert_array_equal(small.train.x[:, :shared], large.train.x[:30, :shared])
    assert load_dataset(small.source, **small.options).info == small.info


def test_too_small_a_size_is_refused():
    with pytest.raises(UserError, match="at least 6"):
        load_strokes(5)


def test_strokes_stay_on_the_sheet_and_move_from_step_to_step(strokes):
    for stroke in strokes[0][0]:
        assert stroke.min() >= 0
        assert stroke.max() <= 1
        assert np.hypot(*np.diff(stroke, axis=0).T).max() < 0.35


def test_they_go_either_way_round_and_begin_anywhere(strokes):
    (train, y), _ = strokes
    for label in range(3):
        chosen = [stroke for stroke, of in zip(train, y, strict=True) if of == label]
        areas = [np.sum(s[:-1, 0] * s[1:, 1] - s[1:, 0] * s[:-1, 1]) for s in chosen]
        assert 0.35 < np.mean(np.array(areas) > 0) < 0.65
        starts = np.array([stroke[0] - stroke.mean(axis=0) for stroke in chosen]) > 0
        assert len(np.unique(starts, axis=0)) == 4  # quarters of the sheet


def score(features, strokes):
    (train, y), (test, y_test) = strokes
    model = LogisticRegression(max_iter=1000)
    x, x_test = (np.array([features(stroke) for stroke in part]) for part in (train, test))
    return model.fit(x, y).score(x_test, y_test)  # chance: 1/3, standard error .043


def test_the_length_says_nothing(strokes):
    assert score(lambda stroke: [len(stroke)], strokes) < 0.46


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_single_step_says_nothing(strokes, share):
    assert score(lambda stroke: stroke[round(share * (len(stroke) - 1))], strokes) < 0.46


def test_whole_paths_that_are_aligned_in_time_tell(strokes):
    (train, y), (test, y_test) = strokes
    nearest = warped(even(test), even(train)).argmin(axis=1)
    assert 0.85 < (y[nearest] == y_test).mean() < 1


def even(strokes, steps=20):
    """Return strokes of one length about their middle, (n, steps, 2)."""
    at = np.linspace(0, 1, steps)
    whole = [
        np.stack([np.interp(at, np.linspace(0, 1, len(s)), s[:, axis]) for axis in (0, 1)], axis=1)
        for s in strokes
    ]
    centred = np.array([stroke - stroke.mean(axis=0) for stroke in whole])
    return centred / centred.std(axis=(1, 2), keepdims=True)


def warped(a, b):
    """Return the distances by dynamic time warping (Sakoe and Chiba 1978), (len(a), len(b))."""
    row = np.full((b.shape[1] + 1, len(a), len(b)), np.inf)
    row[0] = 0
    for i in range(a.shape[1]):
        following = np.full_like(row, np.inf)
        for j in range(b.shape[1]):
            cost = np.square(a[:, None, i] - b[None, :, j]).sum(axis=-1)
            cheapest = np.minimum(np.minimum(row[j + 1], following[j]), row[j])
            following[j + 1] = cost + cheapest
        row = following
    return row[-1]


def test_the_command_shows_them(call):
    code, out, err = call("data", "strokes", "--size", 30)
    assert code == 0, err
    assert "series      30 to train, 15 held out for the test" in out
    assert "contact-sheet" in out + err


@pytest.mark.slow
def test_a_small_gru_gets_most_strokes_right_but_not_all():
    from automl_sem.backend import use_tensorflow

    use_tensorflow()
    import keras
    from keras import layers

    dataset = load_strokes()
    mean, sd = (f(dataset.train.x, axis=(0, 1)) for f in (np.nanmean, np.nanstd))
    x, x_test = (np.nan_to_num((x - mean) / sd) for x in (dataset.train.x, dataset.test.x))
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((None, 2)),
            layers.Masking(),
            layers.GRU(32),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x, dataset.train.y, batch_size=16, epochs=60, verbose=0)
    right = model.predict(x_test, verbose=0).argmax(axis=1) == dataset.test.y
    assert 0.75 < right.mean() < 1
