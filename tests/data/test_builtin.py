"""The built-in datasets: the same everywhere, and neither too easy nor too hard."""

from __future__ import annotations

import numpy as np
import pytest

from automl_sem.data.builtin import BUILTIN, SIDE, draw_shapes, load_digits, load_shapes
from automl_sem.data.split import stratified_folds
from automl_sem.errors import UserError


@pytest.fixture(scope="module")
def shapes():
    return load_shapes()


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def test_shapes_has_fifteen_of_each_to_train_on_and_five_to_test_on(shapes):
    assert shapes.train.x.shape == (45, SIDE, SIDE, 1)
    assert shapes.train.x.dtype == np.uint8
    assert np.bincount(shapes.train.y).tolist() == [15, 15, 15]
    assert np.bincount(shapes.test.y).tolist() == [5, 5, 5]
    assert shapes.class_names == ("circle", "rectangle", "triangle")
    assert shapes.options == {}


def test_shapes_are_the_same_on_every_machine(shapes):
    train, test = shapes.train.fingerprint(), shapes.test.fingerprint()
    assert train == "837ca26976db46a4e144873849a9c08776cbd5dc46e4beccddf77a7721f8bae9"
    assert test == "0515776cecc5d3ead06d7d271807ea4ca7353aafe5838ce0b8f9635fd8cfa24c"


def test_no_drawing_is_there_twice(shapes):
    drawings = np.concatenate([shapes.train.x, shapes.test.x]).reshape(60, -1)
    assert len(np.unique(drawings, axis=0)) == 60


def test_drawings_are_dark_strokes_on_white_with_soft_edges(shapes):
    border = np.concatenate([shapes.train.x[:, [0, -1]].ravel(), shapes.train.x[:, :, 0].ravel()])
    assert border.min() == 255
    for drawing in shapes.train.x:
        assert (drawing == 255).mean() > 0.6
        assert drawing.min() < 90
        assert len(np.unique(drawing)) > 20


def test_a_drawing_is_the_same_whatever_the_size(shapes):
    larger = load_shapes(90)
    assert len(larger.test.y) == 30
    assert (larger.train.x[:45] == shapes.train.x).all()
    assert (larger.test.x[:15] == shapes.test.x).all()
    assert larger.options == {"size": 90}


def test_another_data_seed_gives_other_drawings(shapes):
    assert (draw_shapes("train", 3, data_seed=77)[0] != shapes.train.x[:3]).any()


def test_too_small_a_size_is_refused():
    with pytest.raises(UserError, match="at least 9"):
        load_shapes(8)


def test_digits_fill_the_range_of_eight_bits(digits):
    x = np.concatenate([digits.train.x, digits.test.x])
    assert x.shape == (1797, 8, 8, 1)
    assert sorted(np.unique(x)) == [round(v * 255 / 16) for v in range(17)]
    assert digits.class_names == tuple("0123456789")


def test_a_fifth_of_every_digit_is_held_out(digits):
    train, test = np.bincount(digits.train.y), np.bincount(digits.test.y)
    assert np.abs(test / (train + test) - 0.2).max() < 0.01
    assert not set(digits.train.names) & set(digits.test.names)


def test_digits_are_split_by_the_seed(digits):
    assert load_digits(seed=1).test.names != digits.test.names
    assert load_digits().test.names == digits.test.names


def test_every_builtin_has_a_line_for_people_and_loads_under_its_name():
    for name, builtin in BUILTIN.items():
        assert builtin.description
        assert builtin.load(None, 0).source == name


@pytest.mark.slow
def test_the_textbook_cnn_gets_most_drawings_right_but_not_all(shapes):
    from automl_sem.backend import use_tensorflow

    use_tensorflow()
    import keras
    from keras import layers

    x, y = shapes.train.x / np.float32(255), shapes.train.y
    folds = stratified_folds(y, 3, seed=0)
    right = 0
    for fold in range(3):
        keras.utils.set_random_seed(fold)
        model = keras.Sequential(
            [
                layers.Input((24, 24, 1)),
                layers.Conv2D(32, 3, activation="relu"),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x[folds != fold], y[folds != fold], batch_size=3, epochs=50, verbose=0)
        held = folds == fold
        right += int((model.predict(x[held], verbose=0).argmax(axis=1) == y[held]).sum())
    assert 0.7 <= right / len(y) <= 0.95
