"""Arrays: what they may be, what becomes of them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_sem.data.arrays import from_arrays, load_npz
from automl_sem.errors import UserError, one_line

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (20, 10, 9), dtype=np.uint8)
Y = np.arange(20) % 2


def test_grey_images_get_a_channel_and_keep_their_values():
    dataset = from_arrays(X, Y, 255 - X[:4], Y[:4])
    assert dataset.info.input_shape == (10, 9, 1)
    assert (dataset.train.x[..., 0] == X).all()
    assert (dataset.test.x[..., 0] == 255 - X[:4]).all()
    assert dataset.train.y.tolist() == Y.tolist()
    assert dataset.notes == ()
    assert dataset.source == ""


def test_colour_images_keep_their_channels():
    x = RNG.integers(0, 256, (20, 10, 9, 3), dtype=np.uint8)
    assert from_arrays(x, Y).info.input_shape == (10, 9, 3)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint32, np.float32, np.float64])
def test_whole_values_up_to_255_are_taken_as_they_are(dtype):
    dataset = from_arrays(X.astype(dtype), Y, 255 - X[:4], Y[:4])
    assert (dataset.train.x[..., 0] == X).all()
    assert dataset.notes == ()


@given(st.sampled_from([np.float16, np.float32, np.float64]), st.integers(0, 99))
def test_floats_up_to_one_are_rounded_to_eight_bits_and_a_note_says_so(dtype, seed):
    x = np.random.default_rng(seed).random((20, 8, 8)).astype(dtype)
    dataset = from_arrays(x, Y, x[:4], Y[:4])
    error = np.abs(dataset.train.x[..., 0] / 255 - x.astype(np.float64))
    assert error.max() <= 0.5 / 255 + 2e-3 * (dtype == np.float16) + 1e-6
    assert (dataset.test.x == dataset.train.x[:4]).all()
    assert any("8 bits" in note for note in dataset.notes)


def test_test_images_are_scaled_as_the_training_images_are():
    dark = np.full((4, 10, 9), 1.0)
    dataset = from_arrays(X.astype(float), Y, dark, Y[:4])
    assert np.unique(dataset.test.x).tolist() == [1]


def test_an_image_size_resizes_both_parts():
    dataset = from_arrays(X, Y, X[:4], Y[:4], image_size=16)
    assert dataset.train.x.shape[1:] == dataset.test.x.shape[1:] == (16, 16, 1)
    assert "images resized to 16x16" in dataset.notes
    assert dataset.options == {"image_size": 16}


def test_a_fifth_is_split_off_where_there_is_no_test_part():
    dataset = from_arrays(X, Y)
    assert np.bincount(dataset.test.y).tolist() == [2, 2]
    assert any("4 of 20" in note for note in dataset.notes)
    for name, image in zip(dataset.test.names, dataset.test.x, strict=True):
        assert (image[..., 0] == X[int(name.split()[-1])]).all()


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y, ("0", "1")),
        (Y * 8 - 3, ("-3", "5")),
        (Y[:, None], ("0", "1")),
        (Y.astype(float), ("0", "1")),
        (Y.astype(bool), ("0", "1")),
        (np.eye(2)[Y], ("0", "1")),
        (np.eye(2, dtype=int)[Y], ("0", "1")),
        (np.array(["cat", "dog"])[Y], ("cat", "dog")),
        (np.array([b"cat", b"dog"])[Y], ("cat", "dog")),
        (np.array(["cat", "dog"], object)[Y], ("cat", "dog")),
        (["cat", "dog"] * 10, ("cat", "dog")),
    ],
)
def test_labels_of_many_kinds_become_class_numbers(y, names):
    dataset = from_arrays(X, y, X, y)
    assert dataset.train.y.dtype == np.int64
    assert dataset.train.y.tolist() == dataset.test.y.tolist() == Y.tolist()
    assert dataset.class_names == names


def test_class_names_belong_to_the_sorted_labels():
    assert from_arrays(X, Y * 8 - 3, class_names=["low", "high"]).class_names == ("low", "high")


def test_class_names_give_the_order_of_labels_that_are_names():
    y = np.array(["cat", "dog"])[Y]
    dataset = from_arrays(X, y, X, y, class_names=["dog", "cat"])
    assert dataset.class_names == ("dog", "cat")
    assert dataset.train.y.tolist() == (1 - Y).tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((X[0], Y), "x_train must be"),
        ((X[..., None, None], Y), "x_train must be"),
        ((RNG.random((20, 8, 8, 4)), Y), r"x_train must be .* Received: \(20, 8, 8, 4\)"),
        ((X[:0], Y[:0]), "n above 0"),
        ((X[:, :7], Y), "too small"),
        ((X > 9, Y), "must hold numbers. Received: bool"),
        ((X.astype(str), Y), "must hold numbers"),
        ((X.astype(int) + 1000, Y), "0..255. Received: 1000 to 1255"),
        ((X.astype(int) - 1, Y), "0..255. Received: -1"),
        ((X / 128 - 1, Y), "0..255. Received: -1"),
        ((np.where(X > 250, np.nan, X), Y), "NaN or infinite"),
        ((np.where(X > 250, np.inf, X), Y), "NaN or infinite"),
        ((X, Y[:5]), "x_train has 20 rows, y_train has 5"),
        ((X, Y, X[:4]), "x_test but no y_test"),
        ((X, Y, None, Y[:4]), "y_test but no x_test"),
        ((X, Y, X[:4], Y[:3]), "x_test has 4 rows, y_test has 3"),
        ((X, Y, X[:4, :9], Y[:4]), "x_train has images of 10x9x1, x_test of 9x9x1"),
        ((X / 255, Y, X[:4], Y[:4]), "x_test must lie in 0..1"),
        ((X, Y, X[:4], Y[:4] + 1), "not among the classes of y_train: 2"),
        ((X, Y, X[:4], ["cat"] * 4), "not among the classes of y_train: cat"),
        ((X, np.where(Y, np.nan, 0.5)), "y_train has NaN or infinite values"),
        ((X, np.full((20, 2), 3)), "one-hot"),
        ((X, np.ones((20, 2))), "every training example has the label 'label 0'"),
        ((X, Y * 0), "only one class, '0'"),
        ((X, np.arange(20) == 3), "class '1' has a single example"),
        ((X, 18 + np.arange(20)), "If these are numbers to predict, say --task regression"),
        ((X, [[1], [1, 2]]), "rows differ in length"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_arrays_that_cannot_be_used_are_refused_in_one_line(arrays, message):
    with pytest.raises(UserError, match=message) as caught:
        from_arrays(*arrays)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "c"], "class 'c' has no example"),
        (["a"], "1 names, y_train has 2 classes"),
        (["a", "a"], "a name twice"),
    ],
)
def test_class_names_that_do_not_fit_are_refused(names, message):
    with pytest.raises(UserError, match=message):
        from_arrays(X, Y, class_names=names)


def test_an_npz_file_is_loaded_with_its_names(tmp_path):
    names = np.array(["cat", "dog"])
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, y_test=Y, class_names=names)
    dataset = load_npz(tmp_path / "a.npz")
    assert (dataset.train.x[..., 0] == X).all()
    assert dataset.class_names == ("cat", "dog")
    assert dataset.name == "a"


def test_missing_arrays_are_refused_with_those_that_are_there(tmp_path):
    np.savez(tmp_path / "a.npz", images=X, y_train=Y)
    with pytest.raises(UserError) as caught:
        load_npz(tmp_path / "a.npz")
    assert "no x_train in this file, only: images, y_train" in one_line(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.npz"))


def test_a_text_file_is_no_npz(tmp_path):
    (tmp_path / "a.npz").write_text("x,y")
    with pytest.raises(UserError, match=r"this is no \.npz file"):
        load_npz(tmp_path / "a.npz")


def test_an_empty_file_is_no_npz(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(UserError, match=r"this is no \.npz file"):
        load_npz(tmp_path / "a.npz")


def test_a_truncated_file_is_no_npz(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:500])
    with pytest.raises(UserError, match=r"this is no \.npz file"):
        load_npz(tmp_path / "a.npz")


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(UserError, match="a single array"):
        load_npz(tmp_path / "a.npy")


def test_python_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=np.array([{}] * 20, object))
    with pytest.raises(UserError, match="Python objects"):
        load_npz(tmp_path / "a.npz")
