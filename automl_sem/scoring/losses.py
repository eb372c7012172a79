"""What a model is trained by, and what its outputs mean: by its own `compile`, or by the task.

A model that a person compiled keeps its loss, in the encoding of labels that this loss takes; an
uncompiled one gets the usual loss of its task. Both as functions for graphs: losses example by
example, so that they can be weighed and summed over devices.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal

from automl_sem.scoring.batches import cross_entropy
from automl_sem.spaces.compiled import is_compiled, output_shape
from automl_sem.types import DataInfo

Labels = Literal["integers", "one-hot", "column"]

# Of Keras's reductions, those that make the mean over a batch of losses example by example.
MEANS = ("sum_over_batch_size", "mean")


def loss_of(model: Any, info: DataInfo) -> Callable[[Any, Any], Any]:
    """Return the loss of a model, for graphs: (wanted, outputs) -> losses, float32 (batch,).

    `wanted` is (batch, classes) for a classification, one-hot unless smoothed or mixed;
    (batch, labels) of 0 and 1 for several labels; (batch, outputs) for a regression. `outputs`
    are what the model returns. Without a compiled loss it is the cross-entropy, the mean binary
    cross-entropy of the labels, or the mean squared error of the outputs.

    Args:
        model: The model, as `build` returned it.
        info: Says the task.
    """
    if not is_compiled(model):
        return _DEFAULTS[info.task]
    loss, weight = _only_loss(model, info), _loss_weight(model)
    labels = labels_of(model, info)
    if _is_plain_sparse(loss):  # the same number; to gather is slow where it must be reproducible
        loss, labels = _dense_twin(loss), "one-hot"
    call = loss.call if _is_loss(loss) else loss

    def losses(wanted: Any, outputs: Any) -> Any:
        import tensorflow as tf

        outputs = tf.cast(outputs, tf.float32)
        each = tf.cast(call(encoded(wanted, labels), outputs), tf.float32)
        if each.shape.rank == 0:  # a function may return the mean
            return tf.fill(tf.shape(outputs)[:1], weight * each)
        return weight * tf.reduce_mean(each, axis=list(range(1, each.shape.rank)))

    return losses


def predictions_of(model: Any, info: DataInfo) -> Callable[[Any], Any]:
    """Return what makes predictions of a model's outputs, for graphs and symbolic tensors.

    Predictions are probabilities, (batch, classes) or (batch, labels), or the outputs of a
    regression, (batch, outputs). Outputs that the compiled loss takes for logits become
    probabilities; the one unit that tells two classes apart becomes two columns; sigmoids, one a
    class, are scaled to add up to 1.

    Args:
        model: The model, as `build` returned it.
        info: Says the task.
    """
    if not is_compiled(model) or info.task == "regression":
        return as_they_are
    units, loss = output_shape(model, info)[-1], _only_loss(model, info)
    logits, one_by_one = takes_logits(loss), _is_binary(loss) or info.task == "multi-label"
    sigmoid = (logits and (one_by_one or units == 1)) or _ends_with_sigmoid(model)
    if not (logits or (info.task == "classification" and (sigmoid or units == 1))):
        return as_they_are

    def predictions(outputs: Any) -> Any:
        from keras import ops

        made = ops.cast(outputs, "float32")
        if logits:
            made = ops.sigmoid(made) if one_by_one or units == 1 else ops.softmax(made)
        if info.task == "multi-label":
            return made
        if units == 1:
            return ops.concatenate([1.0 - made, made], axis=-1)
        if sigmoid:
            return made / ops.maximum(ops.sum(made, axis=-1, keepdims=True), 1e-7)
        return made

    return predictions


def labels_of(model: Any, info: DataInfo) -> Labels:
    """Return how the compiled loss of a classification takes labels.

    As class numbers, (batch,), as rows with a 1, (batch, classes), or for one output unit as a
    column of 0 and 1, (batch, 1). Other tasks have their targets as they are, `"one-hot"`.

    Args:
        model: A compiled model.
        info: Says the task.
    """
    if info.task != "classification":
        return "one-hot"
    if output_shape(model, info)[-1] == 1:
        return "column"
    if model.loss is None:  # its own training step knows it; labels come as data have them
        return "integers"
    return "integers" if "sparse" in _name(_only_loss(model, info)).lower() else "one-hot"


def encoded(wanted: Any, labels: Labels) -> Any:
    """Return targets as a loss takes them, for graphs.

    Args:
        wanted: Targets as for `loss_of`, (batch, ...).
        labels: How.
    """
    import tensorflow as tf

    if labels == "integers":
        return tf.cast(tf.argmax(wanted, axis=-1), tf.float32)
    wanted = tf.cast(wanted, tf.float32)
    return wanted[:, 1:2] if labels == "column" else wanted


def takes_logits(loss: Any) -> bool:
    """Whether a loss, or a metric, takes outputs before their sigmoid or softmax."""
    if isinstance(loss, functools.partial) and "from_logits" in loss.keywords:
        return bool(loss.keywords["from_logits"])
    given = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    told = getattr(loss, "from_logits", given)
    if told is None and inspect.isroutine(loss):
        parameter = inspect.signature(loss).parameters.get("from_logits")
        told = parameter is not None and parameter.default is True
    return bool(told)


def only_keras_can(model: Any) -> str:
    """Return why the loss of a compiled model is one for Keras's `fit` alone; empty if not so."""
    import keras

    losses = [loss for loss in keras.tree.flatten(model.loss) if loss is not None]
    if len(losses) != 1:
        return f"its model is compiled with {len(losses) or 'no'} losses"
    loss = losses[0]
    if not _is_loss(loss):
        return ""
    if loss.reduction not in MEANS:
        return f"its loss has the reduction '{loss.reduction}'"
    if getattr(loss, "ignore_class", None) is not None:
        return "its loss leaves out a class"
    own = type(loss).__call__ is not keras.losses.Loss.__call__
    return f"its loss {type(loss).__name__} has a __call__ of its own" if own else ""


def _binary_cross_entropy(wanted: Any, outputs: Any) -> Any:
    import keras
    import tensorflow as tf

    return keras.losses.binary_crossentropy(wanted, tf.cast(outputs, tf.float32))


def _squared_error(wanted: Any, outputs: Any) -> Any:
    import tensorflow as tf

    errors = tf.cast(wanted, tf.float32) - tf.cast(outputs, tf.float32)
    return tf.reduce_mean(tf.square(errors), axis=-1)


_DEFAULTS: dict[str, Callable[[Any, Any], Any]] = {
    "classification": cross_entropy,
    "multi-label": _binary_cross_entropy,
    "regression": _squared_error,
}


def _only_loss(model: Any, info: DataInfo) -> Any:
    """Return the one loss of a compiled model: a `keras.losses.Loss` or a function."""
    import keras

    loss = keras.tree.flatten(model.loss)[0] if model.loss is not None else None
    if loss is None:  # its own training step knows it
        return _DEFAULTS[info.task]
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        one_by_one = output_shape(model, info)[-1] == 1 or info.task == "multi-label"
        loss = "binary_crossentropy" if one_by_one else "categorical_crossentropy"
    return keras.losses.get(loss)


def _loss_weight(model: Any) -> float:
    import keras

    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    given = keras.tree.flatten(weights) if weights is not None else []
    return float(given[0]) if given else 1.0


def _is_loss(loss: Any) -> bool:
    import keras

    return isinstance(loss, keras.losses.Loss)


def _name(loss: Any) -> str:
    if isinstance(loss, functools.partial):
        return _name(loss.func)
    return str(getattr(loss, "__name__", type(loss).__name__))


def _is_binary(loss: Any) -> bool:
    return _name(loss).lower().replace("_", "").startswith("binary")


def _is_plain_sparse(loss: Any) -> bool:
    import keras

    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return getattr(loss, "ignore_class", None) is None
    return loss is keras.losses.sparse_categorical_crossentropy


def _dense_twin(loss: Any) -> Callable[[Any, Any], Any]:
    import keras

    return functools.partial(keras.losses.categorical_crossentropy, from_logits=takes_logits(loss))


def as_they_are(outputs: Any) -> Any:
    """Return outputs that are predictions, float32."""
    from keras import ops

    return ops.cast(outputs, "float32")


def _ends_with_sigmoid(model: Any) -> bool:
    import keras

    outputs = getattr(model, "outputs", None)
    last = outputs[0]._keras_history.operation if outputs else None
    return getattr(last, "activation", None) is keras.activations.sigmoid
