"""Which recurrent layers a GPU must run step by step, and why; and keeping all from its kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


def slow_on_gpu(model: Any) -> list[str]:
    """Return why recurrent layers of a model cannot use the fast kernel of a GPU (cuDNN).

    It knows one kind of LSTM and GRU alone, that with Keras's defaults
    (https://keras.io/api/layers/recurrent_layers/lstm/).

    Args:
        model: A Keras model.

    Returns:
        One reason a layer, `"lstm has recurrent_dropout 0.2"`; empty if all can.
    """
    import keras

    known = keras.layers.LSTM | keras.layers.GRU
    reasons = []
    for layer in _leaves(model):
        if isinstance(layer, known):
            odd = _odd_settings(layer)
            reasons += [f"{layer.name} has {' and '.join(odd)}"] if odd else []
        elif isinstance(layer, keras.layers.RNN):
            reasons.append(f"{layer.name} is a {type(layer).__name__}")
    return reasons


@contextlib.contextmanager
def without_gpu_kernels(model: Any) -> Iterator[None]:
    """Keep every LSTM and GRU of a model from the kernel that GPUs alone have (cuDNN).

    Keras takes it wherever there is a GPU, also on another device and in graphs that are to run
    elsewhere (https://keras.io/api/layers/recurrent_layers/lstm/, `use_cudnn`).

    Args:
        model: A Keras model; afterwards its layers are as they were.
    """
    import keras

    known = keras.layers.LSTM | keras.layers.GRU
    before = [(x, x.use_cudnn) for x in model._flatten_layers() if isinstance(x, known)]
    try:
        for layer, _ in before:
            layer.use_cudnn = False
        yield
    finally:
        for layer, used in before:
            layer.use_cudnn = used


def _leaves(layer: Any) -> Iterator[Any]:
    """Yield a layer, or all that are within it."""
    import keras

    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _leaves(inner)
    elif isinstance(layer, keras.layers.Bidirectional):
        yield from _leaves(layer.forward_layer)
        yield from _leaves(layer.backward_layer)
    elif isinstance(layer, keras.layers.Wrapper):
        yield from _leaves(layer.layer)
    else:
        yield layer


def _odd_settings(layer: Any) -> list[str]:
    """Return which settings of an LSTM or GRU the fast kernel does not know."""
    import keras

    odd = []
    if layer.recurrent_dropout:
        odd.append(f"recurrent_dropout {layer.recurrent_dropout:g}")
    for name, usual in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        used = keras.activations.serialize(getattr(layer, name))
        if used != usual:
            odd.append(f"{name} {used}")
    for name, wanted in (("use_bias", True), ("unroll", False), ("reset_after", True)):
        if getattr(layer, name, wanted) is not wanted:
            odd.append(f"{name}={not wanted}")
    if layer.use_cudnn is False:
        odd.append("use_cudnn=False")
    return odd
