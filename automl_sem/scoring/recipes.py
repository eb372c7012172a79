"""From a recipe to an optimizer and a number of steps."""

from __future__ import annotations

import math
from typing import Any

from automl_sem.types import Recipe


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the steps of one epoch; the last batch may be smaller."""
    return math.ceil(examples / batch_size)


def retrain_epochs(recipe: Recipe, fold_examples: int, all_examples: int) -> int:
    """Return the epochs on all examples that come nearest to the steps of a fold fit."""
    steps = recipe.epochs * steps_per_epoch(fold_examples, recipe.batch_size)
    return max(1, round(steps / steps_per_epoch(all_examples, recipe.batch_size)))


def make_optimizer(recipe: Recipe, steps: int) -> Any:
    """Return the Keras optimizer of a recipe.

    Args:
        recipe: Names optimizer, learning rate, schedule and weight decay.
        steps: Steps of the whole training, over which a cosine schedule decays to zero.
    """
    import keras

    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, decay_steps=steps)
    decay = recipe.weight_decay or None
    match recipe.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate, weight_decay=decay)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, weight_decay=decay)
        case _:
            return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
