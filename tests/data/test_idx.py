"""MNIST's own files: found under each of their names, and refused when damaged."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from picture_files import idx, mnist

from automl_sem.data import arrays, examples
from automl_sem.data.load import load_dataset
from automl_sem.errors import UserError, one_line


def refusal(folder):
    with pytest.raises(UserError) as caught:
        load_dataset(str(folder))
    assert "\n" not in str(caught.value)
    return one_line(caught.value)


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_the_four_files_are_found_and_read(tmp_path, dot, packed):
    dataset = load_dataset(str(mnist(tmp_path / "mnist", dot=dot, packed=packed)))
    assert dataset.name == "mnist"
    assert dataset.train.x.shape == (20, 14, 12, 1)
    assert dataset.test.x.shape == (6, 14, 12, 1)
    assert dataset.class_names == ("0", "1", "2")
    assert (dataset.train.y == np.arange(20) % 3).all()
    expected = np.random.default_rng(0).integers(0, 256, (20, 14, 12), dtype=np.uint8)
    assert (dataset.train.x[..., 0] == expected).all()


def test_without_test_files_a_fifth_is_split_off(tmp_path):
    mnist(tmp_path)
    for path in tmp_path.glob("t10k*"):
        path.unlink()
    dataset = load_dataset(str(tmp_path), image_size=16)
    assert dataset.info.input_shape == (16, 16, 1)
    assert len(dataset.test.y) == 3
    again = load_dataset(dataset.source, **dataset.options)
    assert again.train.fingerprint() == dataset.train.fingerprint()


@pytest.mark.parametrize("packed", [False, True])
def test_large_ones_go_through_the_cache(tmp_path, monkeypatch, packed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    mnist(tmp_path / "mnist", packed=packed)
    in_memory = load_dataset(str(tmp_path / "mnist"))
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    for _ in range(2):
        mapped = load_dataset(str(tmp_path / "mnist"))
        assert isinstance(mapped.train.x, np.memmap)
        assert isinstance(mapped.test.x, np.memmap)
        assert mapped.train.fingerprint() == in_memory.train.fingerprint()
        assert mapped.test.fingerprint() == in_memory.test.fingerprint()
        assert mapped.inspection.copies == in_memory.inspection.copies
    monkeypatch.setattr(arrays, "_scan", None)  # the second time nothing is read
    load_dataset(str(tmp_path / "mnist"))


def test_another_magic_number_is_refused(tmp_path):
    mnist(tmp_path, packed=False)
    idx(tmp_path / "train-images-idx3-ubyte", np.zeros((20, 14, 12)), kind=13)
    line = refusal(tmp_path)
    assert "train-images-idx3-ubyte: this is no IDX file of images" in line
    assert "begins with 00 00 0d 03, expected 00 00 08 03" in line


def test_labels_in_place_of_images_are_refused(tmp_path):
    mnist(tmp_path, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").replace(tmp_path / "train-images-idx3-ubyte")
    idx(tmp_path / "train-labels-idx1-ubyte", np.arange(20) % 3)
    assert "no IDX file of images" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("kept", [0, 3, 6, -2])
@pytest.mark.parametrize("small", [False, True])
def test_a_truncated_file_is_refused(tmp_path, monkeypatch, name, kept, small):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    if small:
        monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    mnist(tmp_path / "mnist", packed=False)
    path = tmp_path / "mnist" / name
    path.write_bytes(path.read_bytes()[:kept])
    line = refusal(path.parent)
    assert line.startswith(str(path))
    assert "truncated" in line or "no IDX file" in line


def test_a_truncated_gzip_is_refused(tmp_path):
    path = mnist(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-40])
    assert "truncated" in refusal(tmp_path)
    path.write_bytes(b"no gzip")
    assert "cannot be unpacked" in refusal(tmp_path)


def test_a_file_longer_than_it_says_is_refused(tmp_path):
    path = mnist(tmp_path) / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\0"))
    assert "longer than 20 values" in refusal(tmp_path)


def test_as_many_labels_as_images_are_needed(tmp_path):
    idx(mnist(tmp_path) / "train-labels-idx1-ubyte.gz", np.arange(19) % 3)
    assert "x_train has 20 rows, y_train has 19" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("train-labels", "but no train-labels-idx1-ubyte"),
        ("train-images", "but no train-images-idx3-ubyte"),
        ("t10k-labels", "but no t10k-labels-idx1-ubyte"),
        ("t10k-images", "but no t10k-images-idx3-ubyte"),
    ],
)
def test_a_missing_file_is_named(tmp_path, gone, message):
    mnist(tmp_path)
    next(tmp_path.glob(f"{gone}*")).unlink()
    assert message in refusal(tmp_path)


def test_a_single_one_of_the_files_is_no_dataset(tmp_path):
    path = mnist(tmp_path) / "train-images-idx3-ubyte.gz"
    assert "Give the folder that holds all four" in refusal(path)
