"""What arrays and tables say is to be learnt."""

from __future__ import annotations

import numpy as np
import pytest

from automl_sem.data import from_memory, load_dataset
from automl_sem.data.dataset import Dataset
from automl_sem.data.targets import read_targets, task_of
from automl_sem.errors import UserError


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (n, 8, 8, 1), dtype=np.uint8)


class TestTask:
    @pytest.mark.parametrize(
        ("y", "task"),
        [
            ([0, 1, 2], "classification"),
            ([0.0, 1.0, 2.0], "classification"),
            (["cat", "dog"], "classification"),
            (["1", "2"], "classification"),
            (["1.5", "2"], "regression"),
            ([0.5, 1.0], "regression"),
            ([[0.5, 1.0], [2.0, 3.0]], "regression"),
            ([[1, 0, 0], [0, 1, 0]], "classification"),  # one-hot
            ([[1, 0, 1], [0, 0, 0]], "multi-label"),
            ([[True, True], [False, True]], "multi-label"),
        ],
    )
    def test_is_told_by_the_values(self, y, task):
        assert task_of(np.array(y)) == task

    def test_numbers_that_are_not_known_are_refused(self):
        with pytest.raises(UserError, match="y_train has NaN or infinite values"):
            task_of(np.array([0.5, np.nan]))

    def test_a_person_decides_what_is_ambiguous(self):
        y = np.array([30, 40, 50, 60])
        found = read_targets(y, 4, task="regression")
        assert found.task == "regression"
        assert found.train.dtype == np.float32
        assert found.train.tolist() == [[30], [40], [50], [60]]
        one_hot = np.eye(3, dtype=int)[[0, 1, 2, 0]]
        assert read_targets(one_hot, 4, task="multi-label").train.tolist() == one_hot.tolist()

    def test_an_unknown_task_is_refused(self):
        with pytest.raises(UserError, match="there is no task 'regresion'") as caught:
            read_targets(np.array([0, 1]), 2, task="regresion")
        assert "regression" in caught.value.hint


class TestNumbers:
    def test_columns_get_names(self):
        y = np.array([[0.5, 1], [1.5, 2], [2.5, 4]])
        assert read_targets(y, 3).names == ("output 0", "output 1")
        assert read_targets(y, 3, names=["age", "height"]).names == ("age", "height")
        with pytest.raises(UserError, match="must name each of 2 outputs"):
            read_targets(y, 3, names=["age"])

    def test_what_never_changes_is_refused(self):
        with pytest.raises(UserError, match="'output 1' is 3 for all training examples"):
            read_targets(np.array([[0.5, 3], [1, 3]]), 2)

    def test_infinite_numbers_of_the_test_part_are_refused(self):
        with pytest.raises(UserError, match="y_test has NaN or infinite values"):
            read_targets(np.array([0.5, 1]), 2, np.array([np.inf]), 1)

    def test_text_is_refused(self):
        with pytest.raises(UserError, match=r"must hold numbers for a regression.*'tall'"):
            read_targets(np.array(["1.5", "tall"]), 2, task="regression")


class TestLabels:
    def test_cells_are_split(self):
        found = read_targets(np.array(["cat|dog", "", "dog; cow"]), 3, task="multi-label")
        assert found.names == ("cat", "cow", "dog")
        assert found.train.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 1]]

    def test_a_label_of_all_or_none_is_refused(self):
        with pytest.raises(UserError, match="every training example has the label 'label 0'"):
            read_targets(np.array([[1, 0, 1], [1, 1, 0]]), 2)
        with pytest.raises(UserError, match="no training example has the label 'label 2'"):
            read_targets(np.array([[1, 0, 0], [0, 1, 0]]), 2, task="multi-label")

    def test_unknown_labels_of_the_test_part_are_refused(self):
        y, test = np.array(["a|b", "b", "a"]), np.array(["c"])
        with pytest.raises(UserError, match="there is no label 'c' in the training part"):
            read_targets(y, 3, test, 1, task="multi-label")

    def test_other_numbers_are_refused(self):
        with pytest.raises(UserError, match="must hold 0 or 1 for each label"):
            read_targets(np.array([[0, 2], [1, 0]]), 2, task="multi-label")


class TestDatasets:
    def test_regression_from_arrays_is_split_evenly_and_comes_back(self):
        y = np.random.default_rng(0).normal(40, 12, 100)
        dataset = from_memory(images(100), y, class_names=["age"])
        assert dataset.info.task == "regression"
        assert (dataset.info.outputs, dataset.info.classes) == (1, 0)
        assert dataset.train.y.dtype == np.float32
        assert dataset.train.y.shape == (80, 1)
        assert abs(dataset.train.y.mean() - dataset.test.y.mean()) < 3
        again = Dataset.from_saved_arrays("arrays", dataset.to_arrays())
        assert again.info == dataset.info
        assert again.train.fingerprint() == dataset.train.fingerprint()

    def test_labels_from_an_npz_file(self, tmp_path):
        y = np.random.default_rng(0).integers(0, 2, (60, 3))
        path = tmp_path / "labels.npz"
        np.savez(path, x_train=images(60), y_train=y, class_names=["a", "b", "c"])
        dataset = load_dataset(str(path))
        assert dataset.info.task == "multi-label"
        assert (dataset.info.outputs, dataset.info.classes) == (3, 3)
        assert dataset.class_names == ("a", "b", "c")
        assert len(dataset.test.y) == 12
        assert dataset.train.y.dtype == np.int64

    def test_series_with_numbers(self):
        x = np.random.default_rng(0).normal(size=(30, 12, 2)).astype(np.float32)
        dataset = from_memory(x, x.mean(axis=(1, 2)), kind="series")
        assert dataset.info.task == "regression"

    def test_the_task_that_was_said_is_remembered(self, tmp_path):
        path = tmp_path / "ages.npz"
        np.savez(path, x_train=images(30), y_train=np.arange(30) % 7)
        dataset = load_dataset(str(path), task="regression")
        assert dataset.info.task == "regression"
        assert load_dataset(dataset.source, **dataset.options).info == dataset.info

    def test_builtin_data_have_classes(self):
        with pytest.raises(UserError, match="its task is classification"):
            load_dataset("digits", task="regression")


class TestTables:
    @pytest.fixture
    def table(self, tmp_path):
        from PIL import Image

        for number, image in enumerate(images(12)):
            Image.fromarray(image[..., 0]).save(tmp_path / f"{number}.png")

        def write(labels) -> str:
            lines = [f"{number}.png,{label}" for number, label in enumerate(labels)]
            path = tmp_path / "labels.csv"
            path.write_text("\n".join(["path,label", *lines]) + "\n")
            return str(path)

        return write

    def test_fractions_are_numbers_to_predict(self, table):
        dataset = load_dataset(table([number / 4 for number in range(12)]))
        assert dataset.info.task == "regression"
        assert dataset.class_names == ("label",)
        assert len(dataset.train.y) == 10

    def test_whole_numbers_are_classes_unless_said_otherwise(self, table):
        path = table([number % 3 for number in range(12)])
        assert load_dataset(path).info.task == "classification"
        assert load_dataset(path, task="regression").info.task == "regression"

    def test_several_labels_in_a_cell(self, table):
        path = table(["a", "a|b", "b", "", "b;a", "a", "", "b", "a", "b", "a|b", ""])
        dataset = load_dataset(path, task="multi-label")
        assert dataset.class_names == ("a", "b")
        assert len(dataset.train.y) + len(dataset.test.y) == 12

    def test_joined_labels_are_spoken_of(self, table):
        dataset = load_dataset(table(["a|b", "a"] * 6))
        assert dataset.info.task == "classification"
        assert any("--task multi-label splits labels" in note for note in dataset.notes)


def test_large_numbers_are_numbers_and_no_classes():
    found = read_targets(np.linspace(1e29, 3e30, 20), 20)
    assert found.task == "regression"
    np.testing.assert_allclose(found.train[:, 0], np.linspace(1e29, 3e30, 20), rtol=1e-6)
    assert read_targets(np.arange(20.0) % 4, 20).task == "classification"
    with pytest.raises(UserError, match="y_train has NaN or infinite values"):
        read_targets(np.linspace(1e290, 3e300, 20), 20)


def test_numbers_that_float32_cannot_tell_apart_are_refused():
    seconds = 1.7e9 + np.arange(20) + 0.5
    with pytest.raises(UserError, match=r"'output 0' differs too little for its size, around"):
        read_targets(seconds, 20)
    assert read_targets(seconds - 1.7e9, 20).task == "regression"
    with pytest.raises(UserError, match=r"is 1\.5 for all training examples"):
        read_targets(np.full(20, 1.5), 20)


@pytest.mark.parametrize("y", [np.arange(20).astype("datetime64[D]"), np.arange(20) + 1j])
def test_dates_and_complex_numbers_are_no_numbers_to_predict(y):
    with pytest.raises(
        UserError, match=f"must hold numbers for a regression, not {y.dtype.name[:8]}"
    ):
        read_targets(y, 20, task="regression")
