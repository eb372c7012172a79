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
from automl_sem.data.overview import describe
from automl_sem.data.split import stratified_folds, stratified_holdout, usable_folds
from automl_sem.errors import UserError

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
    assert notes_on(dataset, "repeats an earlier one: copies stay in one fold")


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


def test_two_different_images_of_a_class_stay_to_train_on():
    y = np.array([0, 0, 0, 1, 1, 1])
    mask = stratified_holdout(y, 0.2, 0, ["a", "a", "b", "c", "d", "e"])
    assert not mask[:3].any()
    assert mask[3:].sum() == 1


@given(
    seed=st.integers(0, 99),
    folds=st.integers(2, 5),
    twins=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_copies_of_a_class_stay_in_one_fold(seed, folds, twins):
    y, copies = np.arange(60) % 2, np.arange(60)
    for a, b in twins:
        if y[a] == y[b]:
            copies[copies == copies[b]] = copies[a]
    number = stratified_folds(y, folds, seed, copies=copies)
    assert number.dtype == np.int8
    for copy in np.unique(copies):
        assert len(set(number[copies == copy])) == 1
    for label in (0, 1):
        of_class = {copy: number[copies == copy][0] for copy in np.unique(copies[y == label])}
        per_fold = np.bincount(list(of_class.values()), minlength=folds)
        assert per_fold.max() - per_fold.min() <= 1
    if len(np.unique(copies)) == 60:
        assert (number == stratified_folds(y, folds, seed)).all()


def test_without_copies_the_folds_are_as_without_looking_for_them():
    part = from_arrays(X, Y, X[:2] // 2, Y[:2]).train
    for seed in range(5):
        expected = stratified_folds(part.y, 3, seed)
        assert (stratified_folds(part.y, 3, seed, copies=part.copies()) == expected).all()


def test_copies_are_those_of_a_class_as_they_are_trained_on():
    x = X[[0, 0, 1, 1, 2, 3, 4, 5]].astype(np.float32)
    x[7] = x[5] + 0.25  # rounded to the same
    part = from_arrays(x, [0, 0, 0, 1, 0, 1, 1, 1], X[:2] // 2, Y[:2]).train
    copies = part.copies().tolist()
    assert copies[0] == copies[1]
    assert copies[5] == copies[7]
    assert len(set(copies)) == 6


def test_where_groups_are_given_copies_of_other_groups_are_only_reported():
    x, y = np.concatenate([X, X[:2]]), [*Y, *Y[:2]]
    dataset = from_arrays(x, y, X[:2] // 2, Y[:2], groups=np.arange(22))
    assert dataset.train.copies() is None
    assert notes_on(dataset, "2 training images repeat earlier ones: where groups differ, a fold")


def test_the_different_images_of_a_class_limit_the_folds_and_the_note_names_it(tmp_path):
    x = X[[*range(12), 15, 15, 17, 17, 17, 19]]
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0] * 12 + [1] * 6, x_test=x[:2], y_test=[0, 0])
    note = "3 folds instead of 5: class '1' has 3 different images"
    assert note in describe(str(tmp_path / "a.npz")).notes
    part = load_npz(tmp_path / "a.npz").train
    assert usable_folds(part.y, 5, part.class_names, copies=part.copies()) == (3, note)
    assert usable_folds(part.y, 3, part.class_names, copies=part.copies()) == (3, None)


def test_a_class_that_is_one_image_again_and_again_is_refused():
    part = from_arrays(X[[0, 1, 2, 3, 3, 3]], [0, 0, 0, 1, 1, 1], X[5:7], [0, 1]).train
    with pytest.raises(UserError, match="all training images of class '1' are copies of one"):
        usable_folds(part.y, 5, part.class_names, copies=part.copies())
