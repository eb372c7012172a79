"""A `tf.data.Dataset` is read once, batched or not, if it ends and fits into memory."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from automl_sem.data import examples
from automl_sem.data.arrays import from_arrays
from automl_sem.data.stream import is_tf_dataset, read_tf_dataset
from automl_sem.errors import UserError

X = np.random.default_rng(0).integers(0, 256, (20, 9, 10), dtype=np.uint8)
Y = np.arange(20) % 2


def pairs(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y))


def refusal(dataset):
    with pytest.raises(UserError) as caught:
        read_tf_dataset(dataset)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_is_told_from_arrays_and_names():
    assert is_tf_dataset(pairs())
    assert not any(map(is_tf_dataset, (X, (X, Y), "shapes", None)))


@pytest.mark.parametrize("batch", [None, 1, 6, 20])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_examples_are_gathered_batched_or_not(batch, channels):
    x = X if channels is None else np.repeat(X[..., None], channels, axis=3)
    dataset = pairs(x) if batch is None else pairs(x).batch(batch)
    read = read_tf_dataset(dataset)
    assert (read["x"] == x).all()
    assert (read["y"] == Y).all()
    assert from_arrays(**read).info.input_shape == (9, 10, channels or 1)


def test_labels_may_be_names_or_one_hot():
    named = from_arrays(**read_tf_dataset(pairs(y=np.array(["cat", "dog"])[Y]).batch(7)))
    assert named.class_names == ("cat", "dog")
    for dataset in (pairs(y=np.eye(2)[Y]), pairs(y=np.eye(2, dtype=int)[Y]).batch(7)):
        x = read_tf_dataset(dataset.map(lambda image, label: (image[..., None], label)))
        x["y"] = x["y"].astype(int)
        assert from_arrays(**x).train.y.tolist() == from_arrays(X, Y).train.y.tolist()


def test_the_class_names_of_keras_are_kept():
    dataset = pairs().batch(5)
    dataset.class_names = ["cat", "dog"]
    assert from_arrays(**read_tf_dataset(dataset)).class_names == ("cat", "dog")


def test_an_infinite_one_is_refused():
    assert "it is infinite" in refusal(pairs().repeat())


def test_one_without_end_that_does_not_say_so_is_refused_before_memory_is_full(monkeypatch):
    def forever():
        while True:
            yield X[0], 1

    spec = (tf.TensorSpec((9, 10), tf.uint8), tf.TensorSpec((), tf.int64))
    monkeypatch.setattr(examples, "memory_limit", lambda: 10**6)
    dataset = tf.data.Dataset.from_generator(forever, output_signature=spec)
    assert "too many for memory" in refusal(dataset)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (lambda: tf.data.Dataset.from_tensor_slices(X), "it yields no labels"),
        (lambda: tf.data.Dataset.from_tensor_slices((X, Y, Y)), "3 things at a time"),
        (lambda: tf.data.Dataset.from_tensor_slices({"x": X, "y": Y}), "it yields a dict"),
        (lambda: pairs(X.reshape(20, 90)), "it yields images of shape"),
        (lambda: pairs().take(0), "it yields no examples"),
    ],
)
def test_what_are_no_pairs_of_images_and_labels_is_refused(dataset, message):
    assert message in refusal(dataset())


def test_images_that_differ_in_shape_are_refused():
    spec = (tf.TensorSpec((None, None, 1), tf.uint8), tf.TensorSpec((), tf.int64))
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([(X[0, :, :, None], 0), (X[0, :8, :, None], 1)]), output_signature=spec
    )
    assert "its images differ in shape: 8x10x1, 9x10x1" in refusal(dataset)
