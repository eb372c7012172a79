"""What a model must end with, and what its recipe can say, by what is to be learnt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from automl_sem.errors import UserError
from automl_sem.types import DataInfo, Recipe

ONE_OUTPUT = {
    "classification": "probability per class",
    "multi-label": "probability per label",
    "regression": "number per output",
}
HEAD = "End it with Dense(data.outputs, activation=data.activation)"


def check_head(model: Any, data: DataInfo, where: str) -> None:
    """Refuse a softmax where nothing is to add up to 1.

    Args:
        model: The model.
        data: Description of the data.
        where: The function that built it, for people.

    Raises:
        UserError: If it ends with one.
    """
    import keras

    if data.task == "classification" or not getattr(model, "outputs", None):
        return
    last = model.outputs[0]._keras_history.operation
    if getattr(last, "activation", None) is keras.activations.softmax:
        what = "labels" if data.task == "multi-label" else "numbers"
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
