"""Recurrent layers that a GPU must run step by step are named, with the reason."""

import keras
import pytest
from keras import layers
from sequence_parts import make_series

from automl_sem import environment
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.kernels import slow_on_gpu
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


@pytest.mark.parametrize(("gpus", "said"), [([], ""), (["a card"], "a has recurrent_dropout 0.2")])
def test_it_is_said_where_there_is_a_gpu(monkeypatch, gpus, said):
    monkeypatch.setattr(environment, "gpus", lambda: gpus)
    build = lambda: model(SLOW["a has recurrent_dropout 0.2"]())  # noqa: E731
    trainer = choose_trainer(build, Recipe(), make_series(longest=9), 7)
    assert trainer.note == (said and f"without the fast kernel of a GPU: {said}")
