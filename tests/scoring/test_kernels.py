"""Recurrent layers that a GPU must run step by step are named, with the reason."""

import sys

import keras
import pytest
import tensorflow as tf
from keras import layers
from sequence_parts import make_series

from automl_sem import environment
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.kernels import slow_on_gpu, without_gpu_kernels
from automl_sem.types import Recipe

FAST = [layers.LSTM(4), layers.GRU(4), layers.Bidirectional(layers.LSTM(4, dropout=0.2))]
SLOW = {
    "a has recurrent_dropout 0.2": lambda: layers.LSTM(4, recurrent_dropout=0.2, name="a"),
    "a has activation relu": lambda: layers.GRU(4, activation="relu", name="a"),
    "a has recurrent_activation hard_sigmoid and use_bias=False": lambda: layers.LSTM(
        4, recurrent_activation="hard_sigmoid", use_bias=False, name="a"
    ),
    "a has unroll=True": lambda: layers.LSTM(4, unroll=True, name="a"),
    "a has reset_after=False": lambda: layers.GRU(4, reset_after=False, name="a"),
    "a has use_cudnn=False": lambda: layers.LSTM(4, use_cudnn=False, name="a"),
    "a is a SimpleRNN": lambda: layers.SimpleRNN(4, name="a"),
    "a is a RNN": lambda: layers.RNN(layers.LSTMCell(4), name="a"),
}


def model(layer):
    x = inputs = keras.Input((9, 2))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layer(x)))


@pytest.mark.parametrize("layer", FAST, ids=lambda layer: layer.name)
def test_layers_with_usual_settings_are_fast(layer):
    assert slow_on_gpu(model(layer)) == []


@pytest.mark.parametrize("reason", SLOW)
def test_what_forbids_the_fast_kernel_is_named(reason):
    assert slow_on_gpu(model(SLOW[reason]())) == [reason]


def test_layers_within_others_are_found():
    inner = model(layers.LSTM(4, recurrent_dropout=0.1, name="inner"))
    both = layers.Bidirectional(layers.LSTM(4, activation="relu", name="way"))
    x = inputs = keras.Input((9, 2))
    outer = keras.Model(inputs, layers.Add()([inner(x), layers.Dense(3)(both(x))]))
    assert sorted(slow_on_gpu(outer)) == [
        "backward_way has activation relu",
        "forward_way has activation relu",
        "inner has recurrent_dropout 0.1",
    ]


class Own(layers.Layer):
    """A layer of a person's own, with a recurrent one in it."""

    def __init__(self):
        super().__init__()
        self.inner = layers.GRU(4)

    def call(self, x):
        return self.inner(x)


NESTED = {
    "alone": lambda: layers.LSTM(4, name="found"),
    "in both directions": lambda: layers.Bidirectional(layers.GRU(4)),
    "at each step": lambda: keras.Sequential(
        [layers.Reshape((9, 2, 1)), layers.TimeDistributed(layers.LSTM(4)), layers.Flatten()]
    ),
    "in a model": lambda: model(layers.GRU(4)),
    "in a layer": Own,
}


@pytest.mark.parametrize("where", NESTED)
def test_no_layer_takes_a_kernel_of_gpus_in_the_meantime(where, monkeypatch):
    network = model(NESTED[where]())
    rnn = sys.modules["keras.src.backend.tensorflow.rnn"]
    monkeypatch.setattr(rnn, "_is_gpu_available", lambda: True)

    def of_gpus():
        spec = tf.TensorSpec((None, 9, 2))
        traced = tf.function(lambda x: network(x, training=False), input_signature=[spec])
        graph = traced.get_concrete_function().graph
        return [op.type for op in graph.get_operations() if "Cudnn" in op.type]

    assert of_gpus()
    with without_gpu_kernels(network):
        assert not of_gpus()
    assert of_gpus()


def test_layers_are_as_they_were_after_an_error_too():
    slow, usual = layers.LSTM(4, use_cudnn=False, return_sequences=True), layers.GRU(4)
    network = model(keras.Sequential([slow, usual]))
    with pytest.raises(RuntimeError), without_gpu_kernels(network):
        raise RuntimeError
    assert (slow.use_cudnn, usual.use_cudnn) == (False, "auto")


@pytest.mark.parametrize(("gpus", "said"), [([], ""), (["a card"], "a has recurrent_dropout 0.2")])
def test_it_is_said_where_there_is_a_gpu(monkeypatch, gpus, said):
    monkeypatch.setattr(environment, "gpus", lambda: gpus)
    build = lambda: model(SLOW["a has recurrent_dropout 0.2"]())  # noqa: E731
    trainer = choose_trainer(build, Recipe(), make_series(longest=9), 7)
    assert trainer.note == (said and f"without the fast kernel of a GPU: {said}")
