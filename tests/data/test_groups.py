"""Groups: where they come from, and that no split divides one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import picture, table

from automl_sem.data.arrays import from_arrays, load_npz
from automl_sem.data.dataset import Dataset
from automl_sem.data.images import load_images
from automl_sem.data.split import group_holdout, stratified_folds, usable_folds
from automl_sem.errors import UserError

X = np.random.default_rng(0).integers(0, 256, (40, 9, 9), dtype=np.uint8)
Y = np.arange(40) % 2
WRITERS = np.arange(40) // 4


@st.composite
def grouped(draw):
    """Labels and groups, where every class is in at least 4 groups."""
    classes = draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 6), min_size=4, max_size=9))
    y = np.concatenate([np.tile(np.arange(classes), size) for size in sizes])
    groups = np.repeat(np.arange(len(sizes)), [classes * size for size in sizes])
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(y))
    return y[order], groups[order] * 7


@given(data=grouped(), folds=st.integers(2, 4), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None)
def test_folds_split_no_group_and_leave_every_class_to_train_on(data, folds, seed):
    y, groups = data
    number = stratified_folds(y, folds, seed, groups)
    assert set(number) == set(range(folds))
    for group in np.unique(groups):
        assert len(set(number[groups == group])) == 1
    for fold in range(folds):
        assert set(y[number != fold]) == set(y)
    assert (number == stratified_folds(y, folds, seed, groups)).all()


@given(data=grouped(), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_test_part_takes_whole_groups_and_leaves_two_of_each_class(data, seed):
    y, groups = data
    mask = group_holdout(y, groups, 0.2, seed)
    assert mask.any()
    assert not set(groups[mask]) & set(groups[~mask])
    for label in np.unique(y):
        assert len(set(groups[~mask & (y == label)])) >= 2


def test_the_groups_of_a_class_limit_the_folds_and_the_note_names_it():
    y = np.array([0] * 10 + [1] * 10)
    groups = np.array([0, 1, 2, 3, 4] * 2 + [5, 6, 7] * 3 + [7])
    folds, note = usable_folds(y, 5, ("cat", "dog"), groups)
    assert folds == 3
    assert note == "3 folds instead of 5: class 'dog' is in 3 groups"
    assert usable_folds(y, 3, ("cat", "dog"), groups) == (3, None)


def test_a_class_of_one_group_is_refused():
    with pytest.raises(UserError, match="examples of class 'dog' are of one group"):
        usable_folds(np.array([0, 0, 1, 1]), 2, ("cat", "dog"), np.array([0, 1, 2, 2]))


def test_groups_that_cannot_be_shared_out_are_refused():
    y = np.array([0, 1, 0, 1, 0, 1])
    with pytest.raises(UserError, match="cannot be shared out among 4 folds"):
        stratified_folds(y, 4, 0, np.array([0, 0, 1, 1, 2, 2]))


def test_with_too_few_groups_nothing_is_held_out_and_a_note_says_so():
    dataset = from_arrays(X, Y, groups=np.arange(40) // 20)
    assert len(dataset.test.y) == 0
    assert "no test part, and too few groups to split one off" in dataset.notes
    assert "2 groups among the training examples: none is split by a fold" in dataset.notes


def test_arrays_take_numbers_or_names_as_groups():
    numbers = from_arrays(X, Y, groups=WRITERS)
    names = from_arrays(X, Y, groups=[f"writer {i}" for i in WRITERS])
    assert numbers.train.names == names.train.names
    assert numbers.train.groups.tolist() == names.train.groups.tolist()
    rows = [int(name.split()[-1]) for name in numbers.train.names]
    assert len({*WRITERS[rows]}) == 8
    assert any("8 of 40 examples (2 of 10 groups) split off" in n for n in numbers.notes)


@pytest.mark.parametrize("groups", [WRITERS[:39], WRITERS + 0.5, [[1, 2]] * 40])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(UserError, match="groups must hold one whole number or string for each of"):
        from_arrays(X, Y, groups=groups)


def test_an_npz_file_may_hold_groups_and_those_of_the_test_part(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_train=X, y_train=Y, groups=WRITERS)
    assert len(np.unique(load_npz(path).train.groups)) == 8
    np.savez(
        path,
        x_train=X[:32],
        y_train=Y[:32],
        groups=WRITERS[:32],
        x_test=X[32:],
        y_test=Y[32:],
        groups_test=[7, 7, 7, 7, 9, 9, 9, 9],
    )
    dataset = load_npz(path)
    assert "leakage: 1 group is in train and in test, such as '7'" in dataset.notes
    assert len(dataset.train.groups) == 32


@pytest.fixture
def writers(tmp_path):
    """A folder of 2 classes by 6 writers, 2 drawings each."""
    for label in ("cat", "dog"):
        for writer in ("anna", "ben", "cleo", "dan", "eva", "finn"):
            for i in range(2):
                picture(tmp_path / label / writer / f"{writer}_{i}.png")
    return tmp_path


@pytest.mark.parametrize("pattern", ["^([^_]+)_", "^[^/]+/([^/]+)/"])
def test_a_regular_expression_finds_the_group_in_the_name_or_the_path(writers, pattern):
    dataset = load_images(writers, groups=pattern)
    written = np.array([name.split("/")[1] for name in dataset.train.names])
    tested = {name.split("/")[1] for name in dataset.test.names}
    assert tested
    assert not {*written} & tested
    for writer in np.unique(written):
        assert len(set(dataset.train.groups[written == writer])) == 1
    assert len(np.unique(dataset.train.groups)) == len(np.unique(written))
    assert dataset.options == {"groups": pattern}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("^([^_+)_", "no regular expression"),
        ("^[a-z]+_", "needs a part in parentheses"),
        ("^(anna)_", "20 of 24 file names do not match '.*', such as 'ben_0.png'"),
        ("^(x?)", "24 of 24 file names do not match"),
    ],
)
def test_patterns_that_find_no_groups_are_refused(writers, pattern, message):
    with pytest.raises(UserError, match=message):
        load_images(writers, groups=pattern)


def test_another_column_of_a_table_may_hold_the_groups(tmp_path):
    rows = [f"{picture(tmp_path / f'{i}.png').name},{'ab'[i % 2]},{i // 4}" for i in range(24)]
    path = table(tmp_path / "t.csv", "path,label,writer", *rows)
    assert load_images(path).train.groups is None
    dataset = load_images(path, groups="writer")
    trained = [int(name.split(".")[0]) // 4 for name in dataset.train.names]
    assert len(np.unique(dataset.train.groups)) == len({*trained})
    assert load_images(path, groups=r"^(\d)").train.groups is not None
    with pytest.raises(UserError, match="no column 'writers', only: path, label, writer"):
        load_images(path, groups="writers")


def test_groups_of_folders_in_train_and_in_test_are_leakage(tmp_path):
    for part, names in (("train", ("anna", "ben", "cleo")), ("test", ("ben", "dan"))):
        for label in ("cat", "dog"):
            for name in names:
                picture(tmp_path / part / label / f"{name}_1.png")
    notes = load_images(tmp_path, groups="^([^_]+)_").notes
    assert "leakage: 1 group is in train and in test, such as 'ben'" in notes


def test_groups_and_padding_survive_being_kept_in_a_run():
    dataset = from_arrays(X, Y, groups=WRITERS, image_size=12, pad=True)
    kept = Dataset.from_saved_arrays("x", dataset.to_arrays())
    assert kept.train.groups.tolist() == dataset.train.groups.tolist()
    assert kept.train.groups_fingerprint() == dataset.train.groups_fingerprint() is not None
    assert kept.pad == dataset.pad is not None
    bare = from_arrays(X, Y)
    assert Dataset.from_saved_arrays("x", bare.to_arrays()).train.groups is None
    assert bare.train.groups_fingerprint() is None


def test_the_fingerprint_of_groups_tells_partitions_apart_not_numbers():
    part = from_arrays(X, Y, X[:2] // 2, Y[:2], groups=WRITERS).train
    same = replace(part, groups=part.groups * 3 + 1)
    other = replace(part, groups=np.roll(part.groups, 1))
    assert same.groups_fingerprint() == part.groups_fingerprint() != other.groups_fingerprint()
