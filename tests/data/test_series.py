"""Series from Python: one shape with NaN behind shorter ones, and nothing else is NaN."""

from __future__ import annotations

import numpy as np
import pytest
from series_made import LABELS, LENGTHS, Y, has, padded, ragged, same

from automl_sem.data import cache, examples
from automl_sem.data.dataset import Dataset
from automl_sem.data.missing import filled, without_padding
from automl_sem.data.series_arrays import from_series
from automl_sem.errors import UserError, one_line


def refusal(*arguments, **options):
    with pytest.raises(UserError) as caught:
        from_series(*arguments, **options)
    line = one_line(caught.value)
    assert "\n" not in line
    return line


def test_ragged_lists_are_padded_with_nan_up_to_the_longest():
    x = ragged()
    dataset = from_series(x, LABELS, x[:4], LABELS[:4])
    assert dataset.info.kind == "series"
    assert dataset.info.input_shape == (8, 2)
    assert dataset.train.x.dtype == dataset.test.x.dtype == np.float32
    assert same(dataset.train.x, x)
    assert dataset.test.x.shape == (4, 7, 2)
    assert np.isnan(dataset.test.x).all(axis=2).sum(axis=1).tolist() == [2, 4, 0, 3]
    assert dataset.class_names == ("run", "walk")
    assert has(dataset.notes, "series of 3 to 8 steps (median 5), shorter ones filled up with NaN")


@pytest.mark.parametrize(
    "x",
    [
        padded(ragged()),
        padded(ragged()).astype(np.float64),
        [values.tolist() for values in ragged()],
        np.array([*ragged(), None], object)[:-1],
    ],
    ids=["padded", "float64", "lists", "objects"],
)
def test_padded_arrays_lists_and_arrays_of_objects_give_the_same(x):
    assert same(from_series(x, Y, x[:4], Y[:4]).train.x, ragged())


def test_lengths_say_where_series_end_whatever_stands_behind():
    x = ragged()
    dataset = from_series(
        padded(x, fill=9),
        Y,
        padded(x[:4], fill=9),
        Y[:4],
        lengths=LENGTHS,
        lengths_test=LENGTHS[:4],
    )
    assert same(dataset.train.x, x)
    assert np.nanmax(dataset.test.x) < 9


def test_one_channel_needs_no_axis_of_its_own():
    x = ragged(1)
    flat = [values[:, 0] for values in x]
    assert same(from_series(flat, Y, flat, Y).train.x, x)
    assert same(from_series(padded(x)[..., 0], Y, flat, Y).train.x, x)


def test_missing_values_lie_between_their_neighbours_in_time_and_at_the_ends_with_the_nearest():
    nan = np.nan
    values = np.array([[nan, 1], [2, nan], [nan, nan], [8, 4], [nan, 5]])
    means = np.array([0.0, 0.0])
    assert filled(values, means).T.tolist() == [[2, 2, 5, 8, 8], [1, 2, 3, 4, 5]]
    times = np.array([0.0, 1, 2, 4, 5])
    assert filled(values, means, times).T.tolist() == [[2, 2, 4, 8, 8], [1, 1.75, 2.5, 4, 5]]


def test_a_channel_that_a_series_lacks_gets_the_mean_of_the_training_part_alone():
    x, y = [np.full((3, 2), value, float) for value in (1, 2, 3, 6)], [0, 1, 0, 1]
    test = [np.full((3, 2), 100.0), np.full((3, 2), 100.0)]
    x[0][:, 1] = test[0][:, 1] = np.nan
    dataset = from_series(x, y, test, [0, 1])
    assert (dataset.train.x[0, :, 1] == np.float32(11 / 3)).all()
    assert (dataset.test.x[0, :, 1] == np.float32(11 / 3)).all()
    assert dataset.inspection.series.filled == 6
    assert has(dataset.notes, "6 of 36 values are missing")
    assert has(dataset.notes, "(2 times) with the training mean")


def test_only_steps_at_the_end_without_any_value_are_padding():
    nan = np.nan
    values = np.array([[nan, nan], [1, nan], [nan, 2], [nan, nan]])
    assert len(without_padding(values)) == 3
    assert len(without_padding(values[:1])) == 0


def test_lengths_of_one_to_ten_thousand_are_read_and_said():
    lengths = [1, 10_000, *[50] * 10]
    dataset = from_series(ragged(1, lengths), Y, seed=1)
    assert dataset.info.input_shape == (10_000, 1)
    assert has(dataset.notes, "series of 1 to 10000 steps (median 50)")


def test_the_size_of_what_is_padded_is_said_where_it_is_large(monkeypatch):
    monkeypatch.setattr("automl_sem.data.series.LARGE_BYTES", 100)
    x = ragged()
    share = sum(LENGTHS) / (8 * 12)
    assert has(from_series(x, Y).notes, f"0.0 GiB, {share:.0%} of it values")


def test_a_longest_series_in_the_test_part_is_said_and_leaves_training_as_it_is():
    dataset = from_series(ragged(), Y, ragged(2, (20, 5)), [0, 1])
    assert (dataset.train.x.shape[1], dataset.test.x.shape[1]) == (8, 20)
    assert dataset.info == from_series(ragged(), Y, ragged(2, (4, 5)), [0, 1]).info
    assert has(dataset.notes, "the longest series is in the test part, in training it has 8 steps")


def test_the_fingerprint_sees_where_series_end():
    x = [np.zeros((length, 1), np.float32) for length in LENGTHS]
    longer = [np.zeros((length + (row == 1), 1), np.float32) for row, length in enumerate(LENGTHS)]
    one, again, other = (from_series(s, Y, s, Y).train.fingerprint() for s in (x, x, longer))
    assert one == again != other


def test_copies_are_found_by_their_values_also_where_they_have_gaps():
    x = ragged()
    x[0][1, 0] = np.nan
    x[0][2, 1] = 0.0
    twin = x[0].copy()
    twin[2, 1] = -0.0
    dataset = from_series([*x, twin], [*Y, 0], [x[3], x[0]], [Y[3], 1])
    assert dataset.inspection.copies.repeated == 1
    assert [train for _, train in dataset.inspection.copies.leaks] == ["train row 3", "train row 0"]
    assert has(dataset.notes, "leakage: 2 test series are in the training part too")
    assert has(dataset.notes, "1 training series repeats an earlier one")
    together = dataset.train.copies()
    assert together[0] == together[12]
    assert len(set(together.tolist())) == 12


def test_a_test_part_is_split_off_class_by_class_and_copies_stay_on_one_side():
    x = ragged(2, LENGTHS * 3)
    x[24:] = x[12:24]
    y = np.tile(Y, 3)
    dataset = from_series(x, y, seed=3)
    assert has(dataset.notes, "no test part")
    assert dataset.inspection.copies.leaks == ()
    assert (np.bincount(dataset.test.y) > 0).all()
    for name, values in zip(dataset.test.names, dataset.test.x, strict=True):
        assert np.array_equal(without_padding(values), x[int(name.split()[-1])])


def test_groups_are_kept_and_split_off_as_a_whole():
    groups = np.repeat(["anna", "ben", "cleo", "dan", "eva", "finn"], 4)
    dataset = from_series(ragged(2, LENGTHS * 2), np.tile(Y, 2), groups=groups)
    assert has(dataset.notes, "groups among the training examples")
    kept = {groups[int(name.split()[-1])] for name in dataset.train.names}
    assert len(np.unique(dataset.train.groups)) == len(kept)
    assert not kept & {groups[int(name.split()[-1])] for name in dataset.test.names}


def test_shared_groups_of_train_and_test_are_said():
    g = np.arange(12) // 2
    dataset = from_series(ragged(), Y, ragged(), Y, groups=g, groups_test=g + 5)
    assert has(dataset.notes, "leakage: 1 group is in train and in test, such as '5'")


def test_channels_are_described_by_the_training_part_alone():
    x, test = ragged(), [values + 100 for values in ragged()]
    x[0][0, 0] = np.nan
    facts = from_series(x, Y, test, Y).inspection.series
    joined = np.concatenate(x).astype(np.float64)
    for number, channel in enumerate(facts.channels):
        values = joined[:, number]
        assert channel.mean == pytest.approx(np.nanmean(values))
        assert channel.sd == pytest.approx(np.nanstd(values))
        assert (channel.low, channel.high) == (np.nanmin(values), np.nanmax(values))
    assert [channel.missing for channel in facts.channels] == [1, 0]


def test_the_spread_of_a_channel_far_from_zero_is_not_lost():
    x = [values + 1e6 for values in ragged(1)]
    (channel,) = from_series(x, Y, x, Y).inspection.series.channels
    assert channel.sd == pytest.approx(np.concatenate(x).astype(np.float64).std(), rel=1e-6)


def test_a_channel_with_one_value_is_said_and_no_error():
    x = ragged()
    for values in x:
        values[:, 1] = 7
    dataset = from_series(x, Y)
    assert dataset.inspection.series.constant == ("channel 2",)
    assert has(dataset.notes, "1 channel has one value throughout the training part: 'channel 2'")


def test_what_a_run_keeps_of_arrays_is_series_again():
    x = ragged()
    dataset = from_series(x, LABELS, x[:4], LABELS[:4], name="strokes")
    again = Dataset.from_saved_arrays("strokes", dataset.to_arrays())
    assert again.info == dataset.info
    assert again.train.fingerprint() == dataset.train.fingerprint()
    assert again.test.fingerprint() == dataset.test.fingerprint()


def test_what_a_run_keeps_of_arrays_says_what_their_channels_held():
    x = ragged()
    x[0][:, 1] = NAN
    dataset = from_series(x, LABELS, x[1:5], LABELS[1:5])
    again = Dataset.from_saved_arrays("series", dataset.to_arrays()).inspection
    assert dataset.inspection.series.channels[1].missing == len(x[0])
    assert again.series.channels == dataset.inspection.series.channels
    assert again.series.filled == dataset.inspection.series.filled == len(x[0])
    np.testing.assert_array_equal(again.sizes, dataset.inspection.sizes)
    before = {k: v for k, v in dataset.to_arrays().items() if not k.startswith("facts")}
    assert Dataset.from_saved_arrays("series", before).inspection is None


def test_padded_series_larger_than_memory_are_memory_mapped(tmp_path, monkeypatch):
    file = tmp_path / "a.npz"
    file.write_bytes(b"")
    x = ragged()
    in_memory = from_series(x, Y, x, Y, files=[file])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(examples, "memory_limit", lambda: 1000)
    for _ in range(2):
        mapped = from_series(x, Y, x, Y, files=[file])
        assert isinstance(mapped.train.x, np.memmap)
        assert mapped.train.x.dtype == np.float32
        assert mapped.train.fingerprint() == in_memory.train.fingerprint()
        assert has(mapped.notes, "kept in")
    monkeypatch.setattr(cache, "_used", {})


NAN, INF = np.nan, np.inf
GAPS = [np.full((3, 2), NAN), *ragged()[1:]]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((2, 3, 4, 5)), Y), {}, "x_train must be (n, time, channels)"),
        (([], Y), {}, "x_train has no series"),
        ((GAPS, Y), {}, "series: train row 0: this series is empty"),
        (([ragged()[0][:0], *ragged()[1:]], Y), {}, "train row 0: this series is empty"),
        ((ragged(), Y[:5]), {}, "x_train has 12 rows, y_train has 5"),
        (([*ragged()[:11], ragged(3)[0]], Y), {}, "row 11: 3 channels, but the first series has 2"),
        (([*ragged()[:11], np.full((4, 2), INF)], Y), {}, "train row 11: an infinite value"),
        (
            ([*ragged()[:11], np.full((4, 2), 1e39)], Y),
            {},
            "too large for 32 bits: 1e+39 in step 0",
        ),
        (([*ragged()[:11], np.full((4, 2), "a")], Y), {}, "Received: <U1 (4, 2) in row 11"),
        (([*ragged()[:11], [[1, 2], [3]]], Y), {}, "in row 11"),
        ((ragged(), Y * 0), {}, "there is only one class"),
        ((ragged(), Y), {"class_names": ["a", "b", "c"]}, "class 'c' has no example to train on"),
        ((ragged(), Y, ragged()), {}, "there is x_test but no y_test"),
        ((ragged(), Y, ragged(3), Y), {}, "test row 0: 3 channels, but the first series has 2"),
        ((ragged(), Y, ragged(), Y + 1), {}, "not among the classes of y_train: 2"),
        ((padded(ragged()), Y), {"lengths": [1, 2]}, "lengths_train must hold one whole number"),
        ((padded(ragged()), Y), {"lengths": [9] * 12}, "row 0 has 8 steps, its length is 9"),
        ((padded(ragged()), Y), {"lengths": [-1] * 12}, "its length is -1"),
        ((padded(ragged()), Y), {"lengths": [0, *[3] * 11]}, "train row 0: this series is empty"),
        ((padded(ragged()), Y), {"lengths": [0.5] * 12}, "Received: float64 (12,)"),
        (
            (padded(ragged()), Y, padded(ragged()), Y),
            {"lengths": LENGTHS},
            "there is lengths_train but no lengths_test",
        ),
        ((ragged(), Y), {"groups": [1, 2]}, "groups must hold one whole number or string"),
        (
            ([values * [1, NAN] for values in ragged()], Y),
            {},
            "'channel 2' has no value in the whole training part",
        ),
    ],
)
def test_wrong_series_are_one_clear_line(arguments, options, message):
    assert message in refusal(*arguments, **options)
