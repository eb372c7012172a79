"""What a person names is what is loaded."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from automl_sem.api import dry_run
from automl_sem.data import Dataset, load_dataset
from automl_sem.errors import UserError


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (12, 10), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{i}.png")
    return tmp_path / "pets"


@pytest.fixture
def npz(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 10, 10), dtype=np.uint8)
    np.savez(tmp_path / "things.npz", x_train=x, y_train=np.arange(20) % 2)
    return tmp_path / "things.npz"


def same(one: Dataset, other: Dataset) -> bool:
    return (
        one.train.fingerprint() == other.train.fingerprint()
        and one.test.fingerprint() == other.test.fingerprint()
        and (one.name, one.source, one.options) == (other.name, other.source, other.options)
    )


def test_a_builtin_name_loads_it():
    assert load_dataset("shapes", size=9).train.x.shape == (9, 24, 24, 1)


def test_a_folder_is_loaded_under_its_name_and_absolute_path(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    dataset = load_dataset("pets")
    assert dataset.name == "pets"
    assert dataset.source == str(folder.resolve())


def test_an_npz_file_is_loaded_under_its_name_and_absolute_path(npz, monkeypatch):
    monkeypatch.chdir(npz.parent)
    dataset = load_dataset("things.npz")
    assert dataset.name == "things"
    assert dataset.source == str(npz.resolve())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("shapes", {"size": 12}),
        ("shapes", {"seed": 5}),
        ("digits", {"seed": 3}),
        ("folder", {}),
        ("folder", {"image_size": 16, "skip_bad": True, "seed": 2}),
        ("folder", {"image_size": 16, "pad": True, "groups": r"(\d)"}),
        ("npz", {"image_size": 16, "seed": 2}),
        ("npz", {"image_size": 16, "pad": True}),
    ],
)
def test_source_and_options_load_the_same_dataset_again(kind, options, folder, npz):
    source = {"folder": str(folder), "npz": str(npz)}.get(kind, kind)
    dataset = load_dataset(source, **options)
    assert same(dataset, load_dataset(dataset.source, **dataset.options))


def test_options_left_at_their_defaults_are_not_recorded(folder, npz):
    for source in ("shapes", "digits", str(folder), str(npz)):
        assert load_dataset(source).options == {}


def test_an_unknown_name_gets_did_you_mean():
    with pytest.raises(UserError) as caught:
        load_dataset("shaeps")
    assert "no dataset, folder or .npz file named 'shaeps'" in str(caught.value)
    assert "Did you mean 'shapes'?" in str(caught.value)


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "table.txt").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"no \.npz file"):
        load_dataset(str(tmp_path / "table.txt"))


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("digits", {"size": 30}, "size"),
        ("folder", {"size": 30}, "size"),
        ("npz", {"size": 30}, "size"),
        ("shapes", {"image_size": 32}, "image_size"),
        ("shapes", {"skip_bad": True}, "skip_bad"),
        ("npz", {"skip_bad": True}, "skip_bad"),
        ("npz", {"groups": "(.)"}, "groups"),
        ("shapes", {"groups": "(.)"}, "groups"),
        ("digits", {"pad": True}, "pad"),
    ],
)
def test_an_option_that_does_not_apply_is_refused(kind, options, name, folder, npz):
    source = {"folder": str(folder), "npz": str(npz)}.get(kind, kind)
    with pytest.raises(UserError) as caught:
        load_dataset(source, **options)
    assert name in str(caught.value)


def test_an_image_size_below_eight_is_refused(folder):
    with pytest.raises(UserError, match="at least 8 pixels"):
        load_dataset(str(folder), image_size=7)


X, Y = np.zeros((12, 9, 9)), np.arange(12) % 2


@pytest.mark.parametrize("kind", [None, "images", "series"])
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((None, Y), "arrays: x is None"),
        ((X, None), "arrays: y is None"),
        ((None, None), "arrays: x is None"),
        ((), "search: 0 arrays are no dataset"),
        ((X,), "search: 1 arrays are no dataset"),
        ((X, Y, X, Y, X), "search: 5 arrays are no dataset"),
    ],
)
def test_arrays_that_are_missing_are_one_clear_line(arrays, kind, message):
    with pytest.raises(UserError) as caught:
        dry_run(arrays, kind=kind)
    assert message in str(caught.value)
    assert "Give examples with their labels: (x, y) or (x, y, x_test, y_test)" in str(caught.value)


def test_what_is_no_series_is_one_clear_line():
    with pytest.raises(UserError, match=r"x_train must be .* or a list of arrays"):
        dry_run(({}, Y), kind="series")
