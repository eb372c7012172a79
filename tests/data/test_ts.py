"""`.ts` files of the UEA and UCR archives: read as aeon reads them, refused with the line."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from series_made import has, ragged, same

from automl_sem.data.load import load_dataset, source_kind
from automl_sem.data.missing import without_padding
from automl_sem.data.ts import find_ts
from automl_sem.errors import UserError, one_line

HEADER = """# Movements, measured by hand.

@problemName Moves
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength {equal}
@classLabel true run Walk
@data
"""
UNEQUAL = HEADER.format(equal="false")


def line_of(values, label):
    return ":".join([*(",".join(f"{v:.9g}" for v in channel) for channel in values.T), label])


@pytest.fixture
def ts(tmp_path):
    folder = tmp_path / "Moves"
    folder.mkdir()

    def write(lines, header=UNEQUAL, name="Moves_TRAIN.ts"):
        (folder / name).write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
        return str(folder / name)

    write.folder = str(folder)
    return write


GOOD = [line_of(values, ("run", "Walk")[row % 2]) for row, values in enumerate(ragged())]


def refusal(path):
    with pytest.raises(UserError) as caught:
        load_dataset(path)
    line = one_line(caught.value)
    assert "\n" not in line
    return line


def test_a_folder_of_two_files_is_a_training_and_a_test_part(ts):
    ts(GOOD)
    ts(GOOD[:5], name="Moves_TEST.ts")
    dataset = load_dataset(ts.folder)
    assert source_kind(ts.folder) == "ts"
    assert same(dataset.train.x, ragged())
    assert dataset.test.y.tolist() == [0, 1, 0, 1, 0]
    assert (dataset.name, dataset.class_names) == ("Moves", ("run", "Walk"))
    assert dataset.train.names[0] == "Moves_TRAIN.ts:11"
    assert load_dataset(dataset.source, **dataset.options).test.fingerprint() == (
        dataset.test.fingerprint()
    )


def test_one_file_gets_a_test_part_split_off_and_the_other_beside_it_is_found(ts):
    path = ts(GOOD)
    assert has(load_dataset(path).notes, "no test part")
    ts(GOOD[:5], name="Moves_TEST.ts")
    assert has(load_dataset(path).notes, "Moves_TEST.ts beside it taken as the test part")
    alone = ts(GOOD, name="other.ts")
    assert has(load_dataset(alone).notes, "no test part")


def test_of_several_data_sets_a_folder_means_the_one_of_its_name(ts):
    ts(GOOD)
    ts(GOOD, name="Moves_eq_TRAIN.ts")
    assert find_ts(Path(ts.folder))["train"].name == "Moves_TRAIN.ts"
    (Path(ts.folder) / "Moves_TRAIN.ts").rename(Path(ts.folder) / "Turns_TRAIN.ts")
    assert "several data sets: Moves_eq_TRAIN.ts, Turns_TRAIN.ts" in refusal(ts.folder)


def test_films_and_programs_that_end_in_ts_are_no_series(ts):
    (Path(ts.folder) / "film.ts").write_bytes(b"\x47\x00\x11@x" * 188)
    (Path(ts.folder) / "page.ts").write_text("@Component({})\nclass Page {}\n")
    assert source_kind(ts.folder) == "folder"


def test_series_of_one_length_and_one_channel_are_read(ts):
    header = "@problemName a\n@univariate true\n@classLabel true 1 2\n@data\n"
    dataset = load_dataset(ts(["1,2.5,-3e-1:1", "4,5,6:2"] * 3, header))
    assert dataset.info.input_shape == (3, 1)
    assert dataset.train.x[0, :, 0].tolist() == np.float32([1, 2.5, -0.3]).tolist()


@pytest.mark.parametrize("missing", ["?", "NaN", "nan"])
def test_missing_values_are_filled_in(ts, missing):
    dataset = load_dataset(ts([f"1,{missing},3:4,5,6:run", *GOOD, *GOOD[1::2]]))
    row = dataset.train.names.index("Moves_TRAIN.ts:11")
    assert dataset.train.x[row, :3, 0].tolist() == [1, 2, 3]
    assert dataset.inspection.series.filled == 1


def test_missing_values_at_the_end_are_padding_as_the_archive_has_it(ts):
    equal = HEADER.format(equal="true")
    dataset = load_dataset(ts(["1,2,?:3,4,?:run", "1,2,3:4,5,6:Walk"] * 3, equal))
    assert sorted({len(without_padding(x)) for x in dataset.train.x}) == [2, 3]
    assert dataset.inspection.series.filled == 0


STAMPED = "@problemName a\n@timeStamps true\n@univariate false\n@classLabel true 1 2\n@data\n"


@pytest.mark.parametrize(
    "times",
    [("0", "1", "4"), ("2026-01-01 00:00:00", "2026-01-01 00:00:01", "2026-01-01 00:00:04")],
)
def test_time_stamps_are_numbers_or_dates_and_values_keep_signs(ts, times):
    a, b, c = times
    case = f"({a},-1.5),({b},?),({c},3e0):({a},1),({b},2),({c},3):"
    dataset = load_dataset(ts([f"{case}1", f"{case}2"] * 2, STAMPED))
    assert dataset.train.x[0].T.tolist() == [[-1.5, -0.375, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*GOOD, "1,2:3,4:swim"], "Moves_TRAIN.ts:23: the label 'swim' is no class of @classLabel"),
        (
            [*GOOD, "1,2:3,4"],
            "Moves_TRAIN.ts:23: channels in this line: 1, expected: 2. Is the line",
        ),
        ([*GOOD, "1,2,3"], "Moves_TRAIN.ts:23: a truncated line"),
        ([*GOOD, "1,2:run"], "Moves_TRAIN.ts:23: channels in this line: 1, expected: 2"),
        ([*GOOD, "1,2:3:run"], "Moves_TRAIN.ts:23: channel 2 has 1 values, channel 1 has 2"),
        ([*GOOD, "1,x:3,4:run"], "Moves_TRAIN.ts:23: no number in channel 1. Received: 'x'"),
        ([*GOOD, "1,:3,4:run"], "Moves_TRAIN.ts:23: no number in channel 1. Received: ''"),
        ([*GOOD, "1,2:3,inf:run"], "Moves_TRAIN.ts:23: an infinite value"),
        ([*GOOD, "1:2:3:run"], "Moves_TRAIN.ts:23: channels in this line: 3, expected: 2"),
        ([*GOOD, "::run"], "Moves_TRAIN.ts:23: this series is empty"),
        ([*GOOD, "?,?:?,?:run"], "Moves_TRAIN.ts:23: this series is empty"),
        ([line for line in GOOD if line.endswith("run")], "class 'Walk' has no example"),
        ([], "no series after @data"),
    ],
)
def test_wrong_lines_are_named(ts, lines, message):
    assert message in refusal(ts(lines))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@data\n", "", "Moves_TRAIN.ts:10: wrong header: before @data every line"),
        ("@data\n1", "@data\n", "is no class"),
        ("@timeStamps false", "@timeStamps maybe", ":4: wrong header: @timestamps must be true"),
        ("@classLabel true run Walk", "@classLabel true", "names no classes"),
        ("@classLabel true run Walk", "@classLabel false", "it names no classes"),
        ("@classLabel true run Walk", "@targetLabel true", "its targets are numbers"),
        ("@timeStamps false", "@timeStamps true", "must hold (time,value),(time,value)"),
        ("@equalLength false", "@equalLength true", "a series of 3 steps, 5 expected"),
        ("@univariate false", "@univariate true", "channels in this line: 2, expected: 1"),
    ],
)
def test_wrong_headers_are_one_clear_line(ts, old, new, message):
    path = Path(ts(GOOD))
    text = path.read_text()
    if old == "@data\n1":
        text = text.replace("run Walk", "jog Walk")
    path.write_text(text.replace(old, new))
    assert message in refusal(str(path))


def test_a_file_without_any_header_is_no_ts_file(tmp_path):
    path = tmp_path / "a.ts"
    path.write_bytes(b"\x47\x00" * 400)
    assert "wrong header" in refusal(str(path))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("(0,1),(0,2):(0,1),(0,2):1", "time stamp 2 is not later than the one before it"),
        ("(1,1),(0,2):(1,1),(0,2):1", "time stamp 2 is not later than the one before it"),
        ("(0,1),(1,2):(0,1),(2,2):1", "the time stamps of its channels differ"),
        ("(0,1),(soon,2):(0,1),(1,2):1", "the time must be a number or a date"),
    ],
)
def test_wrong_time_stamps_are_named_with_their_line(ts, case, message):
    line = refusal(ts([case, case], STAMPED))
    assert f"Moves_TRAIN.ts:6: {message}" in line


DATA_SETS = ("JapaneseVowels", "BasicMotions", "GunPoint", "ArrowHead", "PickupGestureWiimoteZ")


@pytest.mark.parametrize("name", DATA_SETS)
def test_archive_files_are_read_as_aeon_reads_them(name):
    pytest.importorskip(
        "aeon", reason="aeon is not installed: its numba asks for an older NumPy than ours"
    )
    datasets = importlib.import_module("aeon.datasets")
    folder = Path(datasets.__file__).parent / "data" / name
    dataset = load_dataset(str(folder))
    for part, held in (("TRAIN", dataset.train), ("TEST", dataset.test)):
        x, y = datasets.load_from_ts_file(str(folder / f"{name}_{part}.ts"))
        assert len(x) == len(held.x)
        for theirs, ours in zip(x, held.x, strict=True):
            assert np.array_equal(theirs.T.astype(np.float32), without_padding(ours))
        assert [dataset.class_names[label].lower() for label in held.y] == y.tolist()
