"""From a recipe to an optimizer and a number of steps."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from automl_sem.errors import UserError, did_you_mean
from automl_sem.scoring.fused import as_fused, fused_optimizers
from automl_sem.scoring.rates import backbone_variables, multiply_rate
from automl_sem.spaces.compiled import is_compiled
from automl_sem.types import Recipe

# Of Keras's optimizers, those that only hold others.
WRAPPERS = ("lossscaleoptimizer", "multioptimizer", "optimizermap")


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the steps of one epoch; the last batch may be smaller, and there is at least one."""
    return math.ceil(examples / batch_size)


def fold_epochs(recipe: Recipe, examples: int) -> int:
    """Return the epochs of a fold fit on so many examples."""
    if recipe.steps is None:
        return recipe.epochs
    return math.ceil(recipe.steps / steps_per_epoch(examples, recipe.batch_size))


def fold_steps(recipe: Recipe, examples: int) -> int:
    """Return the steps of a fold fit on so many examples."""
    return fold_epochs(recipe, examples) * steps_per_epoch(examples, recipe.batch_size)


def retrain_epochs(recipe: Recipe, fold_examples: int, all_examples: int) -> int:
    """Return the epochs on all examples that come nearest to the steps of a fold fit."""
    steps = fold_steps(recipe, fold_examples)
    return max(1, round(steps / steps_per_epoch(all_examples, recipe.batch_size)))


def make_optimizer(recipe: Recipe, steps: Any, *, fused: bool = False, model: Any = None) -> Any:
    """Return the optimizer of a recipe, be it one of `OPTIMIZERS` or another that Keras has.

    A model that a person compiled has its own.

    Args:
        recipe: Names optimizer, learning rate, schedule, weight decay and clipping.
        steps: Steps of the whole training, over which a cosine schedule decays to zero: a
            number, or a `tf.Variable` that holds it.
        fused: Whether its steps should be single kernels, where there are some
            (`automl_sem.scoring.fused`).
        model: What it trains; a recipe with a `backbone_rate` needs it, and it may be compiled.

    Raises:
        UserError: If Keras has no optimizer of that name, or the model no backbone.
    """
    import keras

    if is_compiled(model):
        return as_fused(model.optimizer) if fused else model.optimizer
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, decay_steps=steps)
    optimizer = keras_optimizer(recipe.optimizer)
    if fused:
        optimizer = fused_optimizers().get(recipe.optimizer, optimizer)
    takes = inspect.signature(optimizer).parameters
    settings: dict[str, Any] = {}
    if recipe.optimizer == "sgd":
        settings = {"momentum": 0.9, "nesterov": True}
    # Muon decays the weights that it leaves to Adam by a value of their own, unless told.
    # AdamW always decays, by 0 if it must.
    decay = recipe.weight_decay if recipe.optimizer == "adamw" else recipe.weight_decay or None
    settings |= {name: decay for name in ("weight_decay", "adam_weight_decay") if name in takes}
    made = optimizer(learning_rate=rate, global_clipnorm=recipe.clip_norm or None, **settings)
    if recipe.backbone_rate != 1:
        multiply_rate(made, backbone_variables(model), recipe.backbone_rate)
    return made


def keras_optimizer(name: str) -> Callable[..., Any]:
    """Return the class of an optimizer of Keras, by its name in small letters.

    Args:
        name: Such as `"lion"`, `"nadam"` or `"adafactor"`.

    Raises:
        UserError: If Keras has none of that name.
    """
    import keras

    base = keras.optimizers.Optimizer
    found = {
        key.lower(): value
        for key, value in vars(keras.optimizers).items()
        if isinstance(value, type) and issubclass(value, base) and value is not base
    }
    known = {key: value for key, value in found.items() if key not in WRAPPERS}
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"unknown optimizer '{name}'", where="recipe", hint=hint)
    optimizer: Callable[..., Any] = known[name]
    return optimizer
