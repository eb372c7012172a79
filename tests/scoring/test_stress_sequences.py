"""Stress folds of clips and series."""

import numpy as np
import pytest

from automl_sem.data.dataset import TrainingPart
from automl_sem.data.ground import background
from automl_sem.scoring.stress import StressFolds

ROWS = np.arange(0, 12, 2)
ALL_OF_SERIES = {
    "noise": 0.3, "speed": 0.5, "start": 0.15, "warp": 0.1, "crop": 0.3, "drop": 0.5,
    "channels": 0.5,
}  # fmt: skip


class Watched:
    """A model of which only what it is asked about matters."""

    def __call__(self, examples):
        self.asked = examples
        return np.full((len(examples), 2), 0.5, np.float32)


def part_of(x, kind):
    return TrainingPart(x, np.arange(len(x)) % 2, ("",) * len(x), ("a", "b"), kind=kind)


@pytest.fixture
def series():
    """Twelve series of 3 to 25 steps; the second channel is large and far from 0."""
    x = np.random.default_rng(0).normal((0, 1000, 7), (1, 100, 0), (12, 25, 3))
    x = x.astype(np.float32)
    for number, values in enumerate(x):
        values[3 + 2 * number :] = np.nan
    return part_of(x, "series")


def asked(part, stress):
    """Return the distorted copies by condition, and their names."""
    watched = Watched()
    result = StressFolds(stress, part, seed=3).score(ROWS, watched)
    shape = (len(result.conditions), 2, len(ROWS), *part.x.shape[1:])
    return watched.asked.reshape(shape), result.conditions


def test_copies_of_series_are_as_they_were_recorded_but_distorted(series):
    copies, names = asked(series, ALL_OF_SERIES)
    assert names[:2] == ("noise 0.15", "noise 0.3")
    assert names[-2:] == ("drift 0.5", "smoothing 0.1")
    assert copies.dtype == np.float32
    missing = np.broadcast_to(np.isnan(series.x[ROWS]), copies.shape)
    np.testing.assert_array_equal(np.isnan(copies), missing)
    assert np.nanmax(np.abs(copies - series.x[ROWS]), axis=(1, 2, 3, 4)).min() > 1
    assert 900 < np.nanmean(copies[..., 1]) < 1100


def test_a_strength_is_a_share_of_a_channels_deviation(series):
    copies, _ = asked(series, {"noise": 1.0})
    added = copies[1] - series.x[ROWS]  # each series by up to its deviation
    low, high, constant = np.nanstd(added, axis=(0, 1, 2))
    assert low == pytest.approx(0.58, abs=0.25)
    assert high == pytest.approx(58, abs=25)
    assert constant == pytest.approx(0.58, abs=0.25)  # of a channel without one, 1


def test_copies_do_not_depend_on_how_long_the_padding_is(series):
    more = np.pad(series.x, [(0, 0), (0, 9), (0, 0)], constant_values=np.nan)
    copies, _ = asked(series, ALL_OF_SERIES)
    same, _ = asked(part_of(more, "series"), ALL_OF_SERIES)
    np.testing.assert_allclose(same[..., :25, :], copies, rtol=1e-6, atol=1e-3)


def test_clips_are_distorted_in_time_and_framewise():
    x = np.random.default_rng(0).integers(0, 256, (12, 6, 8, 8, 1)).astype(np.uint8)
    copies, names = asked(part_of(x, "clips"), {"drop": 0.9, "rotate": 180})
    assert names == (
        "drop 0.45", "drop 0.9", "rotate 90", "rotate 180", "perspective 0.3", "blur 1",
    )  # fmt: skip
    assert copies.dtype == np.uint8
    stalled = copies[1].reshape(-1, 6, 64)
    assert (stalled[:, 1:] == stalled[:, :-1]).all(axis=2).mean() > 0.25
    np.testing.assert_array_equal(stalled[:6, 0], x[ROWS, 0].reshape(6, 64))


@pytest.mark.parametrize("frames", [1, 5, 200])
def test_an_example_of_clips_is_a_copy_that_was_scored(frames):
    x = np.random.default_rng(0).integers(0, 256, (12, frames, 8, 8, 1)).astype(np.uint8)
    folds, watched = StressFolds({"shift": 0.3}, part_of(x, "clips"), 3), Watched()
    folds.score(ROWS, watched)
    copies = watched.asked.reshape(4, 2, len(ROWS), frames, 8, 8, 1)
    for place, row in enumerate(ROWS):
        shown = np.stack(list(folds.examples(ROWS, row, 1).values()))
        np.testing.assert_array_equal(shown, copies[:, 1, place])


def test_the_background_of_clips_is_at_the_border_of_all_frames():
    clips = np.zeros((3, 4, 9, 7, 1), np.uint8)
    clips[:, :, [0, -1]] = clips[:, :, :, [0, -1]] = 200
    assert background(clips) == background(clips[:, 2]) == 200
