"""What a person compiled a model with, in words for reports, and whether it fits the data."""

from __future__ import annotations

import functools
from typing import Any

from automl_sem.errors import UserError
from automl_sem.types import DataInfo

KERAS_BATCH = 32  # what Keras's `fit` takes where nobody says


def is_compiled(model: Any) -> bool:
    """Whether a person compiled a model: its loss, optimizer and metrics are to be kept."""
    return bool(getattr(model, "compiled", False))


def check_compiled(model: Any, where: str) -> None:
    """Raise a UserError if a compiled model cannot be trained as it is.

    Args:
        model: The model.
        where: The function that built it, for people.
    """
    import keras

    own = type(model).train_step is not keras.Model.train_step
    if model.loss is None and not own and type(model).compute_loss is keras.Model.compute_loss:
        raise UserError(
            "it returned a model compiled without a loss",
            where=where,
            hint='Name one: model.compile(..., loss="sparse_categorical_crossentropy")',
        )


def built_for(model: Any, data: DataInfo, where: str) -> Any:
    """Return a model that knows its shapes: one without an input is called on the data's.

    Args:
        model: A Keras model.
        data: Description of the data.
        where: The function that built it, for people.

    Raises:
        UserError: If it takes inputs of another shape, or has several outputs.
    """
    import keras

    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *data.input_shape))
    elif not model.built:
        model(keras.Input(data.input_shape))
    inputs, shape = getattr(model, "inputs", None), (None, *data.input_shape)
    if inputs and not _takes(tuple(inputs[0].shape), shape):
        raise UserError(
            f"the model takes inputs of shape {tuple(inputs[0].shape)}, but the data have {shape}",
            where=where,
            hint="Name the shape of the data, or for images pass --image-size",
        )
    outputs = output_shape(model, data)
    if isinstance(outputs, list | dict) or (outputs and isinstance(outputs[0], tuple)):
        raise UserError(
            f"the model has {len(outputs)} outputs, but the data one target", where=where
        )
    return model


def output_shape(model: Any, data: DataInfo) -> Any:
    """Return the shape of what a model returns: `(None, 3)`; of several outputs all of them.

    Args:
        model: A Keras model, also of a class of its own.
        data: Description of the data.
    """
    import keras

    if getattr(model, "output_shape", None) is not None:
        return model.output_shape
    outputs = model.compute_output_spec(keras.KerasTensor((None, *data.input_shape)))
    return keras.tree.map_structure(lambda output: output.shape, outputs)


def optimizer_words(optimizer: Any) -> str:
    """Return an optimizer in a few words: `Adam, learning rate 0.001`.

    Args:
        optimizer: Of Keras.
    """
    import keras

    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(inner, "_learning_rate", None)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        words = type(rate).__name__
    else:
        words = f"{float(inner.learning_rate):.3g}"
    said = [type(inner).__name__, f"learning rate {words}"]
    for name in ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"):
        value = getattr(inner, name, None)
        said += [f"{name} {value:.3g}"] if isinstance(value, float | int) and value else []
    return ", ".join(said)


def loss_words(loss: Any) -> str:
    """Return a loss by the name that it has in code.

    Args:
        loss: What was given to `compile`, or None.
    """
    import keras

    def word(one: Any) -> str:
        if isinstance(one, functools.partial):
            return word(one.func)
        if isinstance(one, str):
            return one
        return str(getattr(one, "__name__", type(one).__name__))

    named = [word(one) for one in keras.tree.flatten(loss) if one is not None]
    return ", ".join(named) or "its own"


def _takes(wanted: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    """Whether an input takes examples of a shape: Keras leaves out, or adds, a last axis of 1."""
    if len(wanted) == len(shape) - 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(wanted) == len(shape) + 1 and wanted[-1] == 1:
        shape = (*shape, 1)
    if len(wanted) != len(shape):
        return False
    pairs = zip(wanted, shape, strict=True)
    return all(a is None or b is None or a == b for a, b in pairs)
