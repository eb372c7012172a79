"""What a model must end with, and what its recipe can say, by what is to be learnt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from automl_sem.errors import UserError
from automl_sem.spaces.compiled import is_compiled, loss_words
from automl_sem.types import DataInfo, Recipe

ONE_OUTPUT = {
    "classification": "probability per class",
    "multi-label": "probability per label",
    "regression": "number per output",
}
HEAD = "End it with Dense(data.outputs, activation=data.activation)"


def check_head(model: Any, data: DataInfo, where: str) -> None:
    """Refuse a softmax where nothing is to add up to 1, and a loss that takes class numbers there.

    Args:
        model: The model.
        data: Description of the data.
        where: The function that built it, for people.

    Raises:
        UserError: If it has one of them.
    """
    import keras

    if data.task == "classification":
        return
    what = "labels" if data.task == "multi-label" else "numbers"
    if is_compiled(model) and "sparse" in (words := loss_words(model.loss)).lower():
        usual = "binary_crossentropy" if data.task == "multi-label" else "mse"
        raise UserError(
            f"the model is compiled with {words}, which takes class numbers, but the data have "
            f"{what}",
            where=where,
            hint=f'Compile it with another loss, such as "{usual}"',
        )
    if not getattr(model, "outputs", None):
        return
    last = model.outputs[0]._keras_history.operation
    softmax = isinstance(last, keras.layers.Softmax)
    if softmax or getattr(last, "activation", None) is keras.activations.softmax:
        raise UserError(
            f"the model ends with a softmax, but {what} do not add up to 1", where=where, hint=HEAD
        )


def for_task(recipe: Recipe, data: DataInfo) -> Recipe:
    """Return a recipe without what says nothing where there are no classes.

    Nothing balances classes then, and numbers are not smoothed.

    Args:
        recipe: As a space says it.
        data: Description of the data.
    """
    if data.task == "classification":
        return recipe
    recipe = replace(recipe, class_weight="none")
    return replace(recipe, label_smoothing=0.0) if data.task == "regression" else recipe
