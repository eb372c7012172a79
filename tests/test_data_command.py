"""`automl-sem data` says what was understood of the data, and shows examples."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from automl_sem.data.builtin import load_shapes
from automl_sem.data.overview import SHEET_EXAMPLES, contact_sheet, describe
from automl_sem.data.series_overview import curves


@pytest.fixture
def pets(tmp_path):
    """A folder with every kind of trouble."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 8), ("test", 3)):
        for label in ("cat", "dog"):
            (tmp_path / "pets" / part / label).mkdir(parents=True)
            for i in range(n):
                size = (12, 20) if i == 0 else (14, 10)
                image = Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8))
                image.save(tmp_path / "pets" / part / label / f"{'ab'[i % 2]}{i // 4}_{i}.png")
    train, test = tmp_path / "pets" / "train", tmp_path / "pets" / "test"
    (train / "dog" / "a0_9.png").write_text("no image")
    shutil.copy(train / "cat" / "b0_1.png", train / "dog" / "b0_1.png")
    shutil.copy(train / "cat" / "b0_3.png", test / "cat" / "b0_1.png")
    return tmp_path / "pets"


@pytest.fixture
def moves(tmp_path):
    """A table of 24 series of 4 to 9 steps that go up or down, by 6 people."""
    rows = ["id,time,label,height,still,who"]
    for i in range(24):
        label, length = ("up", "down")[i % 2], 4 + i // 4
        for step in range(length):
            height = (step if label == "up" else -step) + i / 100
            value = "" if (i, step) == (0, 1) else height
            rows.append(f"m{i},{step},{label},{value},5,p{i // 2 % 6}")
    (tmp_path / "moves.csv").write_text("\n".join(rows))
    return tmp_path / "moves.csv"


def test_what_was_left_out_is_named_where_too_little_is_left(call, tmp_path):
    image = Image.fromarray(np.zeros((8, 8), np.uint8))
    for name in "ab":
        image.save(tmp_path / f"{name}.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label\na.png,circle\nb.png,circle\nc.png,square\n")
    code, _, err = call("data", table)
    assert code == 2
    assert "there is only one class, 'circle' (a file is left out, c.png: no such file" in err


def test_every_trouble_is_said_and_none_stops_it(call, pets):
    code, out, err = call("data", pets, "--groups", "^([^_]+)_")
    assert code == 0, err
    lines = out.splitlines()
    assert "images      16 to train, 6 held out for the test" in lines
    assert "as saved    heights 12 to 14 (median 14), widths 10 to 20 (median 10)" in lines
    assert "as trained  14x10, grey" in lines
    assert "groups      4" in lines
    assert "copies      1 in train and test, 0 within train, 2 with different labels" in lines
    assert "            test: test/cat/b0_1.png is train: train/cat/b0_3.png" in lines
    at = lines.index("unreadable  1")
    assert lines[at + 1].strip().startswith("train/dog/a0_9.png: cannot be read as an image")
    assert any(line.startswith("note") and "--pad" in line for line in lines)
    assert [line.split() for line in lines[-2:]] == [["cat", "8", "3"], ["dog", "8", "3"]]
    assert err.splitlines()[-1] == (
        f"next: automl-sem search {pets} --groups '^([^_]+)_' --skip-bad"
    )


def test_scripts_get_one_object(call, pets):
    code, out, _ = call("data", pets, "--json", "--image-size", 16, "--pad")
    assert code == 0
    found = json.loads(out)
    assert found["schema_version"] == 1
    assert found["classes"] == [
        {"name": "cat", "train": 8, "test": 3},
        {"name": "dog", "train": 8, "test": 3},
    ]
    assert found["input_shape"] == [16, 16, 1]
    assert found["pad"] is not None
    assert found["saved_sizes"] == {"smallest": [12, 10], "median": [14, 10], "largest": [14, 20]}
    assert found["copies"]["leaks"] == [
        {"test": "test/cat/b0_1.png", "train": "train/cat/b0_3.png"}
    ]
    assert len(found["copies"]["conflicts"]) == 2
    assert len(found["unreadable"]) == 1
    assert found["sheet"] == "contact-sheet.png"


def test_the_sheet_has_a_row_per_class_with_the_examples_as_the_network_sees_them(call):
    code, _, err = call("data", "shapes", "--sheet", "some.png")
    assert code == 0
    assert "some.png" in err
    sheet = np.asarray(Image.open(call.directory / "some.png").convert("L"))
    dataset = load_shapes()
    for label in range(3):
        rows = np.flatnonzero(dataset.train.y == label)
        for row in (rows[0], rows[-1]):
            assert holds(sheet, np.kron(dataset.train.x[row, ..., 0], np.ones((3, 3), np.uint8)))


def holds(sheet, image):
    """Whether a picture is somewhere within a sheet."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, image.shape)
    corners = np.argwhere(
        (windows[..., 0, 0] == image[0, 0]) & (windows[..., -1, -1] == image[-1, -1])
    )
    return any((windows[y, x] == image).all() for y, x in corners)


def test_there_are_at_most_twelve_examples_of_a_class():
    few, many = (contact_sheet(load_shapes(size)) for size in (36, 90))
    assert SHEET_EXAMPLES == 12
    assert few.size == many.size


def test_a_file_that_is_named_is_not_replaced_without_being_asked(call):
    (call.directory / "some.png").write_text("mine")
    code, out, err = call("data", "shapes", "--sheet", "some.png")
    assert (code, out) == (2, "")
    assert "some.png: the file is there already. Replace it with --force" in err
    assert (call.directory / "some.png").read_text() == "mine"
    assert call("data", "shapes", "--sheet", "some.png", "--force")[0] == 0
    assert Image.open(call.directory / "some.png").format == "PNG"


def test_a_second_look_at_the_data_keeps_the_sheet(call):
    for _ in range(2):
        code, _, err = call("data", "shapes")
        assert code == 0, err
        assert "examples of each class: contact-sheet.png" in err.splitlines()
        assert [path.name for path in call.directory.iterdir()] == ["contact-sheet.png"]


def test_other_sheets_get_free_names_that_are_said(call):
    (call.directory / "contact-sheet.png").write_text("mine")
    for _ in range(2):
        code, _, err = call("data", "shapes")
        assert code == 0, err
        assert (
            "examples of each class: contact-sheet-2.png "
            "(there was another contact-sheet.png: --force replaces it)"
        ) in err.splitlines()
    code, out, _ = call("data", "shapes", "--size", 36, "--json")
    assert code == 0
    assert json.loads(out)["sheet"] == "contact-sheet-3.png"
    assert (call.directory / "contact-sheet.png").read_text() == "mine"
    code, _, err = call("data", "shapes", "--force")
    assert code == 0
    assert "examples of each class: contact-sheet.png" in err.splitlines()
    assert Image.open(call.directory / "contact-sheet.png").format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "shaeps"), "Did you mean 'shapes'?"),
        (("data", "shapes", "--sheet", "gone/x.png"), "gone: no such folder"),
        (("data", "shapes", "--sheet", "."), "this is a folder"),
        (("data", "x" * 300), "xxx...: this name is too long for a file"),
        (("data", "shapes", "--sheet", "x" * 300), "xxx...: this name is too long for a file"),
        (("data", "shapes", "--pad"), "the option pad does not apply"),
        (("data", "shapes", "--image-size", "4"), "--image-size"),
    ],
)
def test_wrong_use_is_one_clear_line(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list(call.directory.iterdir())


def test_arrays_in_a_file_are_shown_too(call, stripes_npz):
    code, out, _ = call("data", stripes_npz)
    assert code == 0
    assert "images      60 to train, 15 held out for the test" in out
    assert (call.directory / "contact-sheet.png").exists()


def test_built_in_data_are_looked_through_for_copies():
    found = describe("digits")
    assert found.copies.leaks == ()
    assert found.groups is None


def test_data_that_cannot_be_folded_are_shown_with_a_note(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (20, 9, 9), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(20) % 2, groups=np.arange(20) % 2)
    found = describe(str(tmp_path / "a.npz"))
    assert "no folds can be made: all training examples of class '0' are of one group" in (
        found.notes
    )


def test_series_are_shown_with_their_lengths_channels_and_what_is_missing(call, moves):
    code, out, err = call("data", moves, "--groups", "who", "--sheet", "moves.png")
    assert code == 0, err
    lines = out.splitlines()
    assert "series      20 to train, 4 held out for the test" in lines
    assert "lengths     4 to 9 steps (median 6), filled up to 9" in lines
    assert "missing     1 value filled in" in lines
    assert "constant    still" in lines
    at = lines.index("channels    2, in the training part:")
    assert lines[at + 1].split() == ["name", "mean", "sd", "min", "max", "missing"]
    assert [line.split()[0] for line in lines[at + 2 : at + 4]] == ["height", "still"]
    assert lines[at + 3].split()[1:5] == ["5", "0", "5", "5"]
    assert "groups      5" in lines
    assert [line.split() for line in lines[-2:]] == [["down", "10", "2"], ["up", "10", "2"]]
    assert err.splitlines()[-1] == f"next: automl-sem search {moves} --groups who"
    assert Image.open(call.directory / "moves.png").format == "PNG"


def test_scripts_get_what_is_known_of_series(call, moves):
    code, out, _ = call("data", moves, "--json", "--groups", "who")
    assert code == 0
    found = json.loads(out)
    assert (found["kind"], found["input_shape"]) == ("series", [9, 2])
    assert found["lengths"] == {"shortest": 4, "median": 6.5, "longest": 9}
    assert [channel["constant"] for channel in found["channels"]] == [False, True]
    assert found["filled"] == 1
    assert "saved_sizes" not in found


def test_the_sheet_draws_series_that_rise_and_fall(moves):
    dataset = describe(str(moves), groups="who").dataset
    (height, width), picture = curves(dataset.train)
    blue = [0, 0x72, 0xB2]
    for label, rises in ((0, False), (1, True)):
        row = int(np.flatnonzero(dataset.train.y == label)[0])
        down, across = np.nonzero((np.asarray(picture(row)) == blue).all(axis=2))
        assert height > down.max()
        assert (np.corrcoef(across, -down)[0, 1] > 0.9) == rises
        length = int((~np.isnan(dataset.train.x[row, :, 0])).sum())
        assert across.max() == pytest.approx((length - 1) / 8 * (width - 3) + 1, abs=1)


def test_a_group_that_holds_a_whole_class_is_noted_of_series_too(moves, tmp_path):
    rows = [line.split(",") for line in moves.read_text().splitlines()]
    lines = [",".join([*row[:-1], row[2] if i else row[-1]]) for i, row in enumerate(rows)]
    moves.write_text("\n".join(lines))
    assert any(
        note.startswith("no folds can be made: all training examples of class 'down' are of one")
        for note in describe(str(moves), groups="who").notes
    )


def test_series_of_a_single_step_are_drawn(tmp_path):
    x = np.full((12, 9, 1), np.nan)
    x[:, 0] = np.arange(12)[:, None]
    x[0] = 3
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(12) % 2)
    assert contact_sheet(describe(str(tmp_path / "a.npz")).dataset).size[1] > 0


def test_a_kind_that_does_not_exist_is_one_clear_line(call):
    code, _, err = call("data", "digits", "--kind", "films")
    assert code == 2
    assert err.startswith("error: --kind: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("y", "task", "told"),
    [
        (np.linspace(1, 90, 40) + 0.5, "regression", "number"),
        (np.arange(80).reshape(40, 2) % 3 > 0, "multi-label", "labels of an example: 1.34"),
    ],
)
def test_numbers_and_labels_are_described(y, task, told, call, tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8)
    path = tmp_path / "pictures.npz"
    np.savez(path, x_train=x, y_train=y)
    code, out, err = call("data", path)
    assert code == 0, err
    assert f"task        {task}" in out
    assert told in out
    found = json.loads(call("data", path, "--json", "--force")[1])
    assert found["task"] == task
    if task == "regression":
        (number,) = found["outputs"]
        assert 1 <= number["smallest"] < number["median"] < number["largest"] <= 91
    else:
        assert [label["name"] for label in found["labels"]] == ["label 0", "label 1"]
