"""Images that are the same are found by their pixels, and told or kept together."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import classes
from PIL import Image

from automl_sem.data import examples
from automl_sem.data.arrays import from_arrays, load_npz
from automl_sem.data.images import load_images
from automl_sem.data.split import stratified_holdout

X = np.random.default_rng(0).integers(0, 256, (20, 9, 9), dtype=np.uint8)
Y = np.arange(20) % 2


def notes_on(dataset, word):
    return [note for note in dataset.notes if word in note]


def test_test_images_that_are_trained_on_are_leakage(tmp_path):
    classes(tmp_path / "train")
    classes(tmp_path / "test", n=2)
    image = Image.open(tmp_path / "train" / "cat" / "cat3.png")
    image.convert("RGB").save(tmp_path / "test" / "cat" / "other_name.bmp")
    dataset = load_images(tmp_path)
    (note,) = notes_on(dataset, "leakage")
    assert "1 test image is in the training part too" in note
    assert "'test/cat/other_name.bmp' and 'train/cat/cat3.png'" in note
    assert dataset.inspection.copies.leaks == (("test/cat/other_name.bmp", "train/cat/cat3.png"),)


def test_the_same_image_in_two_classes_is_a_conflict(tmp_path):
    classes(tmp_path, n=10)
    shutil.copy(tmp_path / "cat" / "cat0.png", tmp_path / "dog" / "dog0.png")
    shutil.copy(tmp_path / "cat" / "cat0.png", tmp_path / "dog" / "dog1.png")
    for seed in range(20):  # one where none of the three is held out
        dataset = load_images(tmp_path, seed=seed)
        if len({"cat/cat0.png", "dog/dog0.png", "dog/dog1.png"} & set(dataset.train.names)) == 3:
            break
    (note,) = notes_on(dataset, "different labels")
    assert "3 training images are the same but have different labels" in note
    assert "'cat/cat0.png' and 'dog/dog0.png'" in note
    assert notes_on(dataset, "repeats an earlier one")


def test_other_sizes_of_the_same_bytes_are_no_copies():
    x = np.arange(20 * 9 * 16, dtype=np.int64).reshape(20, 9, 16).astype(np.uint8)
    copies = from_arrays(x, Y, x.reshape(20, 16, 9)[:4], Y[:4], image_size=12).inspection.copies
    assert not copies.leaks


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_copies_in_arrays_are_found_whatever_their_type(dtype):
    copies = from_arrays(X.astype(dtype), Y, X[2:5], Y[2:5]).inspection.copies
    assert copies.leaks == tuple((f"test row {i}", f"train row {i + 2}") for i in range(3))


def test_copies_in_large_arrays_are_found_as_in_small_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    x = np.concatenate([X, X[:3]])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[*Y, 0, 0, 0])
    small = load_npz(tmp_path / "a.npz")
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    for _ in range(2):
        large = load_npz(tmp_path / "a.npz")
        assert isinstance(large.train.x, np.memmap)
        assert large.inspection.copies == small.inspection.copies
        assert large.train.names == small.train.names
        np.testing.assert_array_equal(large.train.x, small.train.x)
    assert small.inspection.copies.conflicts


@given(
    seed=st.integers(0, 99),
    twins=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_copies_of_a_class_stay_on_one_side_of_the_split(seed, twins):
    y = np.arange(40) % 2
    digests = [str(i) for i in range(40)]
    for a, b in twins:
        digests[b] = digests[a]
    mask = stratified_holdout(y, 0.2, seed, digests)
    sides = {}
    for digest, label, held in zip(digests, y, mask, strict=True):
        sides.setdefault((digest, label), set()).add(bool(held))
    assert all(len(side) == 1 for side in sides.values())
    assert mask.sum() <= 8


def test_without_copies_the_split_is_as_without_looking_for_them():
    y = np.arange(50) % 3
    unique = [str(i) for i in range(50)]
    for seed in range(5):
        assert (stratified_holdout(y, 0.2, seed) == stratified_holdout(y, 0.2, seed, unique)).all()


def test_when_every_image_is_there_twice_none_is_on_both_sides():
    x = np.concatenate([X, X])
    dataset = from_arrays(x, np.concatenate([Y, Y]))
    assert len(dataset.test.y) == 8
    assert not dataset.inspection.copies.leaks
    assert dataset.inspection.copies.repeated == 16
