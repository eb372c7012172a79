"""Arrays in a file or from Python: told apart from images, and read as series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from series_made import LABELS, LENGTHS, Y, has, padded, ragged, same

from automl_sem.data.load import from_memory, load_dataset
from automl_sem.data.told import kind_of_npz
from automl_sem.errors import UserError, one_line

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 10, 9), dtype=np.uint8)
SENSORS = RNG.normal(size=(12, 30, 9))


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return str(tmp_path / "data.npz")

    return write


def refusal(*arguments, **options):
    with pytest.raises(UserError) as caught:
        load_dataset(*arguments, **options)
    line = one_line(caught.value)
    assert "\n" not in line
    return line


def test_all_arrays_of_a_file_are_read(save):
    x = ragged()
    path = save(
        x_train=padded(x, fill=0),
        y_train=Y,
        lengths_train=np.array(LENGTHS),
        x_test=padded(x[:4], fill=0),
        y_test=Y[:4],
        lengths_test=np.array(LENGTHS[:4]),
        class_names=np.array(["run", "walk"]),
        groups=np.arange(12) // 2,
        groups_test=np.arange(4) + 10,
    )
    dataset = load_dataset(path)
    assert same(dataset.train.x, x)
    assert dataset.class_names == ("run", "walk")
    assert dataset.train.groups.tolist() == (np.arange(12) // 2).tolist()
    assert has(dataset.notes, "taken as series, since their lengths are given")
    again = load_dataset(dataset.source, **dataset.options)
    assert again.train.fingerprint() == dataset.train.fingerprint()
    assert again.test.fingerprint() == dataset.test.fingerprint()


@pytest.mark.parametrize(
    ("x", "extra", "note"),
    [
        (SENSORS, {"lengths_train": np.full(12, 20)}, "since their lengths are given"),
        (padded(ragged()), {}, "since some end in NaN"),
        (np.asfortranarray(padded(ragged())), {}, "since some end in NaN"),
        (RNG.random((12, 50)), {}, "series of one channel, since there are two dimensions"),
        (RNG.random((12, 50, 3)), {}, "since 50x3 is too small for images"),
        (RNG.integers(0, 9, (12, 50, 6)), {}, "since 50x6 is too small for images"),
    ],
)
def test_series_are_known_by_what_images_cannot_be_and_a_note_says_so(save, x, extra, note):
    dataset = load_dataset(save(x_train=x, y_train=Y, **extra))
    assert dataset.info.kind == "series"
    assert has(dataset.notes, note)
    if not extra:
        dataset = from_memory(x, Y)
        assert dataset.info.kind == "series"
        assert has(dataset.notes, note)


@pytest.mark.parametrize(
    "x",
    [GREY, GREY[..., None], GREY.astype(np.int64), GREY / 255, GREY.astype(np.float32)],
    ids=["bytes", "channel", "whole", "fractions", "floats"],
)
def test_files_of_images_are_read_as_before(save, x):
    for dataset in (load_dataset(save(x_train=x, y_train=Y)), from_memory(x, Y)):
        assert dataset.info.kind == "images"
        assert dataset.info.input_shape == (10, 9, 1)
        plain = x.ndim == 4 or x.dtype.kind != "f"
        assert has(dataset.notes, "--kind series says otherwise") != plain


def test_a_size_for_images_says_that_they_are_images(save):
    path = save(x_train=RNG.random((12, 50, 6)), y_train=Y)
    assert kind_of_npz(Path(path))[0] == "series"
    assert kind_of_npz(Path(path), for_images=True) == ("images", "")


@pytest.mark.parametrize(
    "x",
    [SENSORS, GREY / 127.5 - 1, GREY.astype(np.int16) * 9, np.where(GREY > 250, np.nan, GREY)],
    ids=["normal", "centred", "whole", "gaps"],
)
def test_where_nobody_can_tell_the_person_is_asked(save, x):
    path = save(x_train=x, y_train=Y)
    line = refusal(path)
    assert "images of" in line
    assert "Say --kind images or --kind series" in line
    dataset = load_dataset(path, kind="series")
    assert dataset.info.kind == "series"
    assert load_dataset(dataset.source, **dataset.options).info == dataset.info
    assert refusal(path, kind="images").split(": ")[1].startswith("x_train ")
    with pytest.raises(UserError, match="Nobody can tell"):
        from_memory(x, Y)
    assert from_memory(x, Y, kind="series").info == dataset.info


def test_what_was_said_of_images_is_remembered(save):
    dataset = load_dataset(save(x_train=GREY / 255, y_train=Y), kind="images")
    assert dataset.options["kind"] == "images"
    assert not has(dataset.notes, "otherwise")


def test_ragged_lists_from_python_ask_for_the_kind(save):
    with pytest.raises(UserError, match='kind="series"'):
        from_memory(ragged(), LABELS)
    dataset = from_memory(ragged(), LABELS, kind="series")
    assert max(dataset.train.x.shape[1], dataset.test.x.shape[1]) == 8


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"x_train": SENSORS}, {"kind": "series"}, "there is no y_train in this file"),
        (
            {"x_train": np.array([*ragged(), None], object), "y_train": Y},
            {},
            "filled up with NaN, or with",
        ),
        ({"x_train": padded(ragged()), "y_train": Y}, {"image_size": 16}, "NaN or infinite"),
        (
            {"x_train": SENSORS, "y_train": Y},
            {"kind": "series", "pad": True},
            "the option pad does not apply",
        ),
        (
            {"x_train": SENSORS, "y_train": Y, "lengths_train": np.full(12, 31)},
            {},
            "lengths_train does not fit: row 0 has 30 steps, its length is 31",
        ),
        (
            {"x_train": SENSORS, "y_train": Y, "lengths_train": np.full(9, 31)},
            {},
            "for each of 12 series",
        ),
        (
            {"x_train": SENSORS, "y_train": Y, "class_names": np.array(["a", "b", "c"])},
            {"kind": "series"},
            "class 'c' has no example",
        ),
    ],
)
def test_wrong_files_are_one_clear_line(save, arrays, options, message):
    assert message in refusal(save(**arrays), **options)


def test_a_kind_that_the_data_are_not_is_refused(tmp_path):
    with pytest.raises(UserError, match="this holds images, no series"):
        load_dataset("digits", kind="series")
