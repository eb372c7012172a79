"""Changes in time against NumPy: what is read where, and what padding leaves alone."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from automl_sem.augment import AUGMENT_LIMITS
from automl_sem.augmentation import RandomDrop, RandomMute, RandomNoise, RandomTime
from automl_sem.augmentation.unseen import RandomDrift, RandomSmoothing

pytestmark = pytest.mark.usefixtures("reproducible")

SEED = np.array([5, 6], np.int32)
STRONGEST = {"speed": 3.0, "start": 1.0, "warp": 0.15, "crop": 0.9}
LENGTHS = (1, 2, 7, 24, 40)
OF_SERIES = [
    RandomTime(speed=0.5, start=0.2, warp=0.1, crop=0.4),
    RandomDrop(0.8),
    RandomMute(0.9),
    RandomNoise(0.5),
    RandomDrift(0.5),
    RandomSmoothing(0.4),
]
OFF = [RandomTime(), RandomDrop(), RandomMute(), RandomNoise(), RandomDrift(0), RandomSmoothing(0)]


def name_of(layer):
    return type(layer).__name__


def padded(lengths, channels=3, more=0, seed=0):
    """Return series of some lengths, padded with NaN to that of the longest and more."""
    rng = np.random.default_rng(seed)
    series = np.full((len(lengths), max(lengths) + more, channels), np.nan, np.float32)
    for values, length in zip(series, lengths, strict=True):
        values[:length] = rng.normal(size=(length, channels))
    return series


def changed(layer, series, seed=SEED):
    draws = layer.draw(len(series), series.shape[1:], np.asarray(seed, np.int32))
    return np.asarray(layer.change(tf.constant(series), draws, 0.0))


def places_of(layer, drawn, length):
    """Return where each step is read, in NumPy, change by change from the last one on."""
    at = np.arange(length, dtype=float)
    last = length - 1
    if layer.warp:
        curve = BSpline(np.arange(-3, 8), drawn[4:], 3)
        at = at + layer.warp * length * curve((at + 0.5) * 4 / length)
    pace = (1 + layer.speed) ** drawn[0]
    at = last / 2 + pace * (at - layer.start * length * drawn[1] - last / 2)
    cut = layer.crop * (1 + drawn[2]) / 2
    window = cut * last * (1 + drawn[3]) / 2 + np.array([0, (1 - cut) * last])
    if last:
        at = window[0] + at / last * (window[1] - window[0])
    return np.clip(at, 0, last)


@pytest.mark.parametrize(
    "options",
    [{"speed": 0.5}, {"start": 0.3}, {"warp": 0.15}, {"crop": 0.6}, STRONGEST],
    ids=" ".join,
)
def test_series_are_read_between_steps_as_numpy_does(options):
    layer, series = RandomTime(**options), padded(LENGTHS)
    draws = layer.draw(len(series), series.shape[1:], SEED).numpy()
    ours = layer.change(series, draws, 0.0).numpy()
    for values, result, drawn, length in zip(series, ours, draws, LENGTHS, strict=True):
        places = places_of(layer, drawn, length)
        for channel in range(3):
            wanted = np.interp(places, np.arange(length), values[:length, channel])
            np.testing.assert_allclose(result[:length, channel], wanted, atol=1e-4)


def test_clips_show_the_nearest_frame():
    layer = RandomTime(speed=0.5, start=0.2, warp=0.1, crop=0.3)
    clips = np.random.default_rng(0).uniform(0, 255, (6, 15, 4, 5, 2)).astype(np.float32)
    draws = layer.draw(6, clips.shape[1:], SEED).numpy()
    ours = layer.change(clips, draws, 0.0).numpy()
    for clip, result, drawn in zip(clips, ours, draws, strict=True):
        frames = np.floor(places_of(layer, drawn, 15) + 0.5).astype(int)
        np.testing.assert_array_equal(result, clip[frames])


# Between the third knot and the fourth, time all but stands still.
STANDSTILL = [1.0, 0.0, -1.0, 0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]


@settings(max_examples=60, deadline=None)
@example(drawn=STANDSTILL, length=300)
@given(
    drawn=st.lists(
        st.sampled_from([-1.0, 1.0]) | st.floats(-1, 1, width=32), min_size=11, max_size=11
    ),
    length=st.integers(1, 300),
)
def test_time_never_runs_backwards(drawn, length):
    layer = RandomTime(**STRONGEST)
    draws, long = np.float32([drawn]), np.float32([[length]])
    (places,) = layer.places(tf.constant(draws), length, tf.constant(long)).numpy()
    assert places.min() >= 0
    assert places.max() <= length - 1
    assert np.diff(places).min(initial=0) >= -1e-4


def test_a_stronger_warp_than_the_strongest_would_make_time_run_backwards():
    draws, long = np.float32([STANDSTILL]), np.float32([[300]])
    for warp, least in ((AUGMENT_LIMITS["warp"], 0.1), (0.17, -0.02)):
        places = RandomTime(warp=warp).places(tf.constant(draws), 300, tf.constant(long))
        assert np.diff(places[0, 100:200]).min() == pytest.approx(least, abs=0.005)


def test_a_thing_moves_by_the_shift_and_gets_shorter_with_pace():
    step = np.zeros((1, 100, 1), np.float32)
    step[:, 40:60] = 1
    draws = np.zeros((1, 11), np.float32)
    draws[0, 1] = 1
    later = RandomTime(start=0.1).change(step, draws, 0.0).numpy()
    np.testing.assert_allclose(later[0, 50:70], 1, atol=1e-4)
    assert later.sum() == pytest.approx(20, abs=0.01)
    draws[0, :2] = 1, 0  # twice as fast
    faster = RandomTime(speed=1.0).change(step, draws, 0.0).numpy()
    assert faster.sum() == pytest.approx(10, abs=0.01)
    np.testing.assert_allclose(faster, faster[:, ::-1], atol=1e-3)  # about the middle


def test_beyond_the_ends_the_first_or_the_last_step_is_held():
    series = np.arange(10, dtype=np.float32)[None, :, None]
    draws = np.zeros((1, 11), np.float32)
    for way, wanted in ((1, [0, 0, *range(8)]), (-1, [*range(2, 10), 9, 9])):
        draws[0, 1] = way
        result = RandomTime(start=0.2).change(series, draws, 0.0).numpy()[0, :, 0]
        np.testing.assert_allclose(result, wanted, atol=1e-4)


def test_a_crop_is_a_window_stretched_to_the_whole_length():
    series = np.linspace(0, 1, 21, dtype=np.float32)[None, :, None]
    draws = np.zeros((1, 11), np.float32)
    draws[0, 2:4] = 1  # all of the crop, and the window at the end
    result = RandomTime(crop=0.25).change(series, draws, 0.0).numpy()[0, :, 0]
    np.testing.assert_allclose(result, np.linspace(0.25, 1, 21), atol=1e-5)


def test_dropped_steps_repeat_the_last_one_that_is_kept():
    layer, series = RandomDrop(0.7), padded(LENGTHS)
    dropped = layer.draw(len(series), series.shape[1:], SEED).numpy()
    ours = layer.change(series, dropped, 0.0).numpy()
    for values, result, lost, length in zip(series, ours, dropped, LENGTHS, strict=True):
        source = 0
        for step in range(length):
            source = source if lost[step] and step else step
            np.testing.assert_array_equal(result[step], values[source])
    clips = np.random.default_rng(0).uniform(0, 255, (5, 40, 2, 3, 1)).astype(np.float32)
    stalled = layer.change(clips, dropped, 0.0).numpy()
    like_series = layer.change(clips.reshape(5, 40, 6), dropped, 0.0).numpy()
    np.testing.assert_array_equal(stalled.reshape(5, 40, 6), like_series)


def test_each_example_has_its_own_share_of_dropped_steps_and_muted_channels():
    dropped = RandomDrop(0.6).draw(500, (400, 2), SEED).numpy().mean(axis=1)
    muted = RandomMute(0.6).draw(500, (5, 400), SEED).numpy().mean(axis=1)
    for shares in (dropped, muted):
        assert shares.mean() == pytest.approx(0.3, abs=0.03)
        assert shares.min() < 0.02
        assert 0.55 < shares.max() < 0.68


@pytest.mark.parametrize("channels", [1, 2, 9])
def test_muted_channels_are_0_and_never_all_of_them(channels):
    series = padded([6] * 300, channels)
    ours = changed(RandomMute(1.0), series)
    muted = (ours == 0).all(axis=1)
    assert muted.sum(axis=1).max() == channels - 1
    np.testing.assert_array_equal(ours, np.where(muted[:, None], 0, series))


def test_noise_of_series_is_a_share_of_a_channels_deviation():
    zeros = np.zeros((300, 50, 4), np.float32)
    added = changed(RandomNoise(0.4), zeros)
    deviations = added.std(axis=(1, 2))
    assert deviations.mean() == pytest.approx(0.2, rel=0.1)
    assert deviations.min() < 0.02
    assert added.min() < -0.5  # not cut off at 0
    steps = added / deviations[:, None, None]
    assert np.abs(np.corrcoef(steps.reshape(300, -1)[:, :8].T) - np.eye(8)).max() < 0.25


@pytest.mark.parametrize("layer", OFF, ids=name_of)
def test_a_strength_of_0_changes_nothing_at_all(layer):
    series = padded(LENGTHS, more=3)
    np.testing.assert_allclose(changed(layer, series), series, atol=1e-6)
    if isinstance(layer, RandomTime | RandomDrop | RandomNoise):
        clips = np.random.default_rng(0).uniform(0, 255, (3, 8, 4, 5, 1)).astype(np.float32)
        np.testing.assert_array_equal(changed(layer, clips), clips)


@pytest.mark.parametrize("layer", OF_SERIES, ids=name_of)
@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    more=st.integers(1, 40),
    seed=st.integers(0, 2**31 - 1),
)
def test_padding_stays_and_more_of_it_changes_nothing(layer, lengths, more, seed):
    shorter, longer = padded(lengths), padded(lengths, more=more)
    first, second = (changed(layer, series, [seed, 3]) for series in (shorter, longer))
    np.testing.assert_array_equal(np.isnan(first), np.isnan(shorter))
    np.testing.assert_array_equal(np.isnan(second), np.isnan(longer))
    # The last steps of a row are computed one by one, those before them several at a time, and
    # round otherwise: places of up to 60 steps by 4e-6.
    apart = 1e-4 if isinstance(layer, RandomTime) else 0.0
    if isinstance(layer, RandomDrift | RandomSmoothing):
        apart = 1e-6
    np.testing.assert_allclose(second[:, : max(lengths)], first, rtol=0, atol=apart)


@pytest.mark.parametrize("layer", OF_SERIES, ids=name_of)
def test_lengths_from_1_to_10000_may_be_mixed(layer):
    lengths = [1, 10_000, 3, 777]
    series = padded(lengths)
    mixed = changed(layer, series)
    np.testing.assert_array_equal(np.isnan(mixed), np.isnan(series))
    assert np.abs(mixed[1] - series[1]).max() > 0.1
    few = series[:, :777].copy()
    few[1] = padded([777])[0]
    np.testing.assert_allclose(changed(layer, few)[[0, 2, 3]], mixed[[0, 2, 3], :777], atol=1e-5)


@pytest.mark.parametrize("layer", OF_SERIES, ids=name_of)
def test_a_part_of_a_batch_of_series_changes_as_in_the_whole(layer):
    series = padded(LENGTHS)
    draws = layer.draw(len(series), series.shape[1:], SEED)
    whole = layer.change(series, draws, 0.0).numpy()
    part = layer.change(series[2:4], draws[2:4], 0.0).numpy()
    np.testing.assert_allclose(part, whole[2:4], atol=1e-5)


@pytest.mark.parametrize("layer", OF_SERIES, ids=name_of)
def test_a_graph_for_any_batch_and_any_time_gives_the_same(layer):
    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def graph(series):
        size = tf.shape(series)
        draws = layer.draw(size[0], (size[1], 3), tf.constant(SEED))
        return layer.change(series, draws, tf.constant(0.0))

    for lengths in (LENGTHS, (1,), (9, 4)):
        series = padded(lengths)
        np.testing.assert_allclose(graph(series), changed(layer, series), atol=1e-3)


@pytest.mark.parametrize("layer", OF_SERIES, ids=name_of)
def test_the_seed_decides_the_draws_of_a_series(layer):
    first, again, other = (
        layer.draw(6, (30, 3), np.array(seed, np.int32)).numpy().reshape(6, -1)
        for seed in ([5, 6], [5, 6], [5, 7])
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) > 1


def test_drift_is_a_smooth_curve_of_each_channel():
    layer = RandomDrift(0.5)
    series = np.zeros((3, 80, 2), np.float32)
    series[1, 50:] = np.nan
    draws = layer.draw(3, (80, 2), SEED).numpy()
    ours = layer.change(series, draws, 0.0).numpy()
    for result, drawn, length in zip(ours, draws, (80, 50, 80), strict=True):
        for channel in range(2):
            curve = BSpline(np.arange(-3, 8), drawn[:, channel], 3)
            wanted = 0.5 * curve((np.arange(length) + 0.5) * 4 / length)
            np.testing.assert_allclose(result[:length, channel], wanted, atol=1e-5)


def test_smoothing_is_a_moving_average_within_the_series():
    layer, series = RandomSmoothing(0.4), padded(LENGTHS)
    draws = layer.draw(len(series), series.shape[1:], SEED).numpy()
    ours = layer.change(series, draws, 0.0).numpy()
    for values, result, drawn, length in zip(series, ours, draws[:, 0], LENGTHS, strict=True):
        width = 1 + drawn * 0.4 * length
        edges = np.arange(length)
        for step in range(length):
            low, high = max(step + 0.5 - width / 2, 0), min(step + 0.5 + width / 2, length)
            # How much of each step lies within.
            part = np.clip(np.minimum(edges + 1, high) - np.maximum(edges, low), 0, None)
            wanted = part @ values[:length] / part.sum()
            np.testing.assert_allclose(result[step], wanted, atol=1e-4)
    assert np.nanstd(ours[3:]) < 0.8 * np.nanstd(series[3:])
