"""The clips `motion` can be told apart by the order of their frames, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from automl_sem.data.motion import FRAMES, MOTIONS, draw_clips, load_motion, states

OPPOSITES = [(0, 1), (2, 3), (4, 5), (6, 7)]


@pytest.fixture(scope="module")
def clips():
    """Clips as (n, frames, 24, 24), with their classes: to train on, and to test on."""
    parts = draw_clips("train", 640), draw_clips("test", 480)
    return [(x[..., 0], y) for x, y, _ in parts]


def test_they_are_clips_of_eight_classes_in_equal_shares():
    dataset = load_motion()
    assert dataset.info.kind == "clips"
    assert dataset.info.input_shape == (12, 24, 24, 1)
    assert dataset.class_names == MOTIONS
    assert np.bincount(dataset.train.y).tolist() == [40] * 8
    assert np.bincount(dataset.test.y).tolist() == [20] * 8


def test_a_clip_is_the_same_whatever_the_size():
    small, large = load_motion(16), load_motion(32)
    np.testing.assert_array_equal(small.train.x, large.train.x[:16])
    assert small.options == {"size": 16}


def test_place_angle_and_size_are_spread_alike_in_every_frame_of_every_class():
    rng = np.random.default_rng(0)
    for motion in range(len(MOTIONS)):
        drawn = np.array([states(motion, rng) for _ in range(1500)])
        shares = [np.histogram(v, 4, (0, 1))[0] / 1500 for v in drawn.reshape(1500, -1).T]
        assert np.abs(np.array(shares) - 0.25).max() < 0.06


def test_single_frames_say_nothing(clips):
    (x, y), (x_test, y_test) = clips
    forest = RandomForestClassifier(60, random_state=0, max_depth=12)
    for frame in (0, FRAMES // 2, FRAMES - 1):
        forest.fit(x[:, frame].reshape(len(x), -1), y)
        assert forest.score(x_test[:, frame].reshape(len(x_test), -1), y_test) < 0.2  # chance: .125


def test_frames_without_their_order_do_not_tell_opposites_apart(clips):
    (x, y), (x_test, y_test) = clips
    for pair in OPPOSITES:
        rows, rows_test = np.isin(y, pair), np.isin(y_test, pair)
        forest = RandomForestClassifier(60, random_state=0)
        forest.fit(unordered(x[rows]), y[rows])
        score = forest.score(unordered(x_test[rows_test]), y_test[rows_test])
        assert abs(score - 0.5) < 0.17  # 120 clips: three standard errors


def unordered(x):
    """Return what is known of all frames together: per pixel and of the whole, (n, ...)."""
    ink, phases = darkness(x), centre(x)
    sums = np.sort(ink.sum(axis=(2, 3)), axis=1)
    return np.concatenate(
        [ink.mean(1).reshape(len(x), -1), ink.std(1).reshape(len(x), -1), sums]
        + [np.sort(phase, axis=1) for phase in phases],
        axis=1,
    )


def test_the_order_tells_them_apart(clips):
    (x, y), (x_test, y_test) = clips
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    for pair in OPPOSITES:
        rows, rows_test = np.isin(y, pair), np.isin(y_test, pair)
        model.fit(ordered(x[rows]), y[rows])
        assert model.score(ordered(x_test[rows_test]), y_test[rows_test]) > 0.85


def test_classes_are_named_after_what_is_seen(clips):
    _, (x, y) = clips
    found = ordered(x)
    for motion, (feature, sign) in enumerate(
        [(0, -1), (0, 1), (1, -1), (1, 1), (3, 1), (3, -1), (2, 1), (2, -1)]
    ):
        values = found[y == motion, feature]
        assert (np.sign(values) == sign).mean() > 0.8, MOTIONS[motion]


def ordered(x):
    """Return by how much place, angle and size change from frame to frame as a rule, (n, 4)."""
    steps = [(np.diff(phase, axis=1) + np.pi) % (2 * np.pi) - np.pi for phase in centre(x)]
    grown = np.diff(darkness(x).sum(axis=(2, 3)), axis=1)
    return np.stack([*(np.median(step, axis=1) for step in [*steps, grown]), turned(x)], axis=1)


def turned(x):
    """Return whether frames are more like the last turned clockwise than anticlockwise, (n,)."""
    ink = ndimage.gaussian_filter(darkness(x), (0, 0, 1, 1))
    votes = np.zeros((len(x), FRAMES - 1))
    middle = [np.rint(phase * 24 / (2 * np.pi)).astype(int) for phase in centre(x)]
    for i in range(len(x)):
        put = [
            np.roll(ink[i, t], (12 - middle[1][i, t], 12 - middle[0][i, t]), (0, 1))
            for t in range(FRAMES)
        ]
        ways = [ndimage.rotate(np.array(put[:-1]), a, (1, 2), False, order=1) for a in (-27, 27)]
        off = [np.square(way - put[1:]).sum(axis=(1, 2)) for way in ways]
        votes[i] = off[1] - off[0]
    return np.median(votes, axis=1)


def darkness(x):
    """Return how much darker pixels are than the background, (n, frames, 24, 24)."""
    light = np.median(x, axis=(2, 3), keepdims=True)
    return np.clip(light - x.astype(np.float64) - 50, 0, None)


def centre(x):
    """Return where the ink is on a picture whose sides meet: angles of x and y, (n, frames)."""
    waves = np.exp(2j * np.pi * np.arange(24) / 24)
    ink = darkness(x)
    return np.angle(ink.sum(axis=2) @ waves), np.angle(ink.sum(axis=3) @ waves)
