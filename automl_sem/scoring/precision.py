"""Mixed precision on GPUs that have it (Micikevicius et al. 2018, arXiv 1710.03740)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FULL = "float32"
WIDE = "mixed_bfloat16"  # the range of float32
NEEDS_SCALING = "mixed_float16"  # its gradients underflow


def training_policy(capability: tuple[int, int] | None) -> str:
    """Return the dtype policy that trains fastest on a GPU.

    Args:
        capability: Compute capability of the GPU, such as (8, 0); None without one.
    """
    if capability is None or capability < (7, 0):
        return FULL
    return WIDE if capability >= (8, 0) else NEEDS_SCALING


def built(build: Callable[[], Any], policy: str) -> Any:
    """Return a model built under a dtype policy; its weights and outputs are float32.

    LSTM and GRU stay in float32 under bfloat16: by the kernel of a GPU (cuDNN 9.19, TensorFlow
    2.21, on an H200) their loss was NaN after the first step, with float16 and float32 it fell.

    Args:
        build: Returns the model.
        policy: A policy of Keras, `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
    """
    import keras

    if policy == FULL:
        return build()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy(before)
    _end_in_full_precision(model)
    if policy == WIDE:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.LSTM | keras.layers.GRU):
                _in_full_precision(layer)
    return model


def _end_in_full_precision(model: Any) -> None:
    """Compute the last layer with weights of each branch, and all after it, in float32.

    A probability in 8 bits of mantissa is off by up to half a percent.
    """
    if getattr(model, "outputs", None):
        for output in model.outputs:
            _full_precision_back_from(output)
        return
    for layer in reversed(getattr(model, "layers", [])):  # no graph to follow
        _in_full_precision(layer)
        if layer.weights:
            return


def _full_precision_back_from(tensor: Any) -> None:
    """Follow a symbolic tensor back to the layers with weights that it comes from."""
    history = tensor._keras_history
    _in_full_precision(history.operation)
    if getattr(history.operation, "weights", None):
        return
    for before in history.operation._inbound_nodes[history.node_index].input_tensors:
        _full_precision_back_from(before)


def _in_full_precision(operation: Any) -> None:
    import keras

    if isinstance(operation, keras.Model):
        _end_in_full_precision(operation)
    elif isinstance(operation, keras.Layer):  # else a function of keras.ops, without a dtype
        for layer in operation._flatten_layers():  # a layer may hold others
            layer.dtype_policy = keras.DTypePolicy(FULL)
