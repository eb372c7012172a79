"""`.npz` files larger than memory: read by rows, kept in the cache, the same as in memory."""

from __future__ import annotations

import numpy as np
import pytest

from automl_sem.data import examples, npz
from automl_sem.data.arrays import load_npz
from automl_sem.data.npz import Rows, large_arrays
from automl_sem.errors import UserError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(npz, "CHUNK_BYTES", 1000)  # some rows at a time


def images(n=40, shape=(9, 8), top=255, dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).random((n, *shape)) * top
    return values.astype(dtype)


def save(path, save=np.savez, **arrays):
    n = len(arrays["x_train"])
    save(path, y_train=np.arange(n) % 2, **arrays)
    return path


def both(path, monkeypatch, **options):
    """The dataset in memory, then memory-mapped."""
    in_memory = load_npz(path, **options)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    return in_memory, load_npz(path, **options)


def equal(ours, theirs):
    for part in ("train", "test"):
        mine, other = getattr(ours, part), getattr(theirs, part)
        np.testing.assert_array_equal(mine.x, other.x)
        assert mine.x.dtype == other.x.dtype == np.uint8
        assert (mine.names, mine.fingerprint()) == (other.names, other.fingerprint())
    assert (ours.class_names, ours.options) == (theirs.class_names, theirs.options)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": images()},
        {"x_train": images(shape=(9, 8, 3))},
        {"x_train": images(top=1, dtype=np.float64)},
        {"x_train": images(dtype=np.float32)},
        {
            "x_train": images(top=200, dtype=np.int64),
            "x_test": images(6),
            "y_test": np.arange(6) % 2,
        },
    ],
    ids=["grey", "colour", "0..1", "fractions", "with a test part"],
)
@pytest.mark.parametrize("options", [{}, {"seed": 3}, {"image_size": 12}], ids=str)
def test_mapped_arrays_equal_those_in_memory(tmp_path, monkeypatch, arrays, options):
    in_memory, mapped = both(save(tmp_path / "data.npz", **arrays), monkeypatch, **options)
    equal(mapped, in_memory)
    assert isinstance(mapped.train.x, np.memmap)
    assert not isinstance(in_memory.train.x, np.memmap)
    assert mapped.notes[:-1] == in_memory.notes
    assert "kept in" in mapped.notes[-1]


def test_each_part_is_one_whole_file(tmp_path, monkeypatch):
    _, mapped = both(save(tmp_path / "data.npz", x_train=images()), monkeypatch)
    for part in (mapped.train, mapped.test):
        np.testing.assert_array_equal(np.load(part.x.filename), part.x)


def test_a_compressed_file_is_read_once(tmp_path, monkeypatch):
    path = save(tmp_path / "data.npz", np.savez_compressed, x_train=images(top=1, dtype=np.float32))
    in_memory, mapped = both(path, monkeypatch)
    monkeypatch.setattr(Rows, "chunks", lambda _: pytest.fail("read again"))
    again = load_npz(path)
    equal(again, in_memory)
    assert again.notes == mapped.notes


def test_a_file_that_only_becomes_too_large_is_mapped_too(tmp_path, monkeypatch):
    path = save(tmp_path / "data.npz", x_train=images())
    monkeypatch.setattr(examples, "memory_limit", lambda: 4 * 40 * 20 * 20 - 1)
    assert isinstance(load_npz(path, image_size=20).train.x, np.memmap)
    monkeypatch.setattr(examples, "memory_limit", lambda: 4 * 40 * 20 * 20)
    path.touch()
    assert not isinstance(load_npz(path, image_size=20).train.x, np.memmap)


def test_floats_that_fit_once_they_are_bytes_are_held_in_memory(tmp_path, monkeypatch):
    path = save(tmp_path / "data.npz", x_train=images(top=1, dtype=np.float64))
    in_memory = load_npz(path)
    monkeypatch.setattr(examples, "memory_limit", lambda: 4 * 40 * 9 * 8)
    assert large_arrays(path, ["x_train"], lambda x: examples.too_large(sum(r.nbytes for r in x)))
    streamed = load_npz(path)
    assert not isinstance(streamed.train.x, np.memmap)
    equal(streamed, in_memory)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": images(top=300, dtype=np.int64)}, "must lie in 0..255"),
        ({"x_train": np.full((40, 9, 8), np.nan)}, "NaN or infinite"),
        ({"x_train": images(shape=(9, 8, 2))}, "with n above 0. Received: "),
        ({"x_train": images(shape=(4, 4))}, "too small"),
        ({"x_train": images(), "x_test": images(6)}, "there is x_test but no y_test"),
        (
            {"x_train": images(), "x_test": images(6, (9, 9)), "y_test": np.arange(6) % 2},
            "x_train has images of 9x8x1, x_test of 9x9x1",
        ),
    ],
    ids=["range", "nan", "channels", "small", "pair", "shapes"],
)
def test_what_is_refused_in_memory_is_refused_in_the_same_words(
    tmp_path, monkeypatch, arrays, message
):
    path = save(tmp_path / "data.npz", **arrays)
    with pytest.raises(UserError, match=message):
        load_npz(path)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    with pytest.raises(UserError, match=message):
        load_npz(path)
    assert not list((tmp_path / "caches").rglob("*.npy"))


def test_a_damaged_file_leaves_no_entry(tmp_path, monkeypatch):
    path = save(tmp_path / "data.npz", x_train=images())
    content = bytearray(path.read_bytes())
    content[600] ^= 255  # within x_train: its checksum no longer fits
    path.write_bytes(content)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    with pytest.raises(UserError, match=r"no \.npz file"):
        load_npz(path)
    assert not list((tmp_path / "caches").rglob("*.npy"))


def test_arrays_in_fortrans_order_are_loaded_as_a_whole(tmp_path, monkeypatch):
    path = save(tmp_path / "data.npz", x_train=np.asfortranarray(images()))
    in_memory, large = both(path, monkeypatch)
    equal(large, in_memory)
    assert not isinstance(large.train.x, np.memmap)
