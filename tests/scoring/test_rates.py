"""A backbone learns at a rate of its own, by any optimizer and any trainer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from automl_sem.errors import UserError
from automl_sem.recipe import OPTIMIZERS
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.recipes import make_optimizer
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import Recipe

STEPS = 6


def network():
    backbone = keras.Sequential([keras.Input((3,)), layers.Dense(4)], name="backbone")
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(2)(backbone(inputs)))


def by_hand(recipe, values, gradients):
    """The formulas of Keras's documentation, in NumPy; the first two variables are the backbone."""
    values = [value.astype(np.float64) for value in values]
    first, second = ([np.zeros_like(value) for value in values] for _ in range(2))
    for step, gradient in enumerate(gradients):
        norm = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradient))
        scale = min(1.0, recipe.clip_norm / norm)
        cosine = 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for i in range(len(values)):
            rate = recipe.learning_rate * cosine * (recipe.backbone_rate if i < 2 else 1)
            g, t = gradient[i] * scale, step + 1
            values[i] = values[i] - values[i] * recipe.weight_decay * rate
            if recipe.optimizer in ("adam", "adamw"):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g**2
                unbiased = np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
                values[i] = values[i] - rate * unbiased * first[i] / (np.sqrt(second[i]) + 1e-7)
            elif recipe.optimizer == "rmsprop":
                second[i] = 0.9 * second[i] + 0.1 * g**2
                values[i] = values[i] - rate * g / np.sqrt(second[i] + 1e-7)
            else:
                first[i] = 0.9 * first[i] - rate * g
                values[i] = values[i] + 0.9 * first[i] - rate * g
    return values


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_does_what_a_hand_written_loop_does(optimizer, fused):
    recipe = Recipe(
        optimizer=optimizer, learning_rate=0.1, weight_decay=0.05, clip_norm=2, backbone_rate=0.1
    )
    model = network()
    start = [variable.numpy() for variable in model.trainable_variables]
    rng = np.random.default_rng(0)
    gradients = [[rng.normal(size=v.shape).astype("float32") for v in start] for _ in range(STEPS)]
    made = make_optimizer(recipe, STEPS, fused=fused, model=model)
    made.build(model.trainable_variables)
    step = tf.function(lambda given: made.apply(given, model.trainable_variables))
    for gradient in gradients:
        step([tf.constant(g) for g in gradient])
    ours = [variable.numpy() for variable in model.trainable_variables]
    for value, expected in zip(ours, by_hand(recipe, start, gradients), strict=True):
        np.testing.assert_allclose(value, expected, atol=2e-5)


def test_it_is_the_same_under_a_strategy():
    gradients = [np.full(v.shape, 0.3, np.float32) for v in network().trainable_variables]
    recipe = Recipe(optimizer="adamw", weight_decay=0.1, learning_rate=0.1, backbone_rate=0.1)
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices)
    with strategy.scope():
        model = network()
        made = make_optimizer(recipe, STEPS, model=model)
        made.build(model.trainable_variables)
    start = [variable.numpy() for variable in model.trainable_variables]
    share = [tf.constant(g / len(devices)) for g in gradients]

    @tf.function
    def step():
        strategy.run(lambda: made.apply(share, model.trainable_variables))

    for _ in range(STEPS):
        step()
    unclipped = Recipe(**{**recipe.to_dict(), "clip_norm": 1e9, "augment": False})
    expected = by_hand(unclipped, start, [gradients] * STEPS)
    for variable, value in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=2e-5)


def classifier():
    backbone = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten()],
        name="backbone",
    )
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(backbone(inputs)))


def test_both_trainers_take_it_into_account(stripes):
    held_out = np.arange(0, 60, 5)

    def predicted(trainer, rate):
        recipe = Recipe(learning_rate=0.01, batch_size=16, epochs=2, backbone_rate=rate)
        return trainer(classifier, recipe, stripes, 3).fit(0, held_out).probabilities

    slow = predicted(FoldTrainer, 0.01)
    np.testing.assert_allclose(slow, predicted(FitTrainer, 0.01), atol=1e-5)
    assert np.abs(slow - predicted(FoldTrainer, 1.0)).max() > 1e-3


def test_a_recipe_for_a_backbone_needs_one(stripes):
    def build():
        inputs = keras.Input((8, 8, 1))
        x = layers.Flatten()(inputs)
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))

    trainer = FoldTrainer(build, Recipe(backbone_rate=0.1), stripes, 3)
    with pytest.raises(UserError, match="no layer named 'backbone'"):
        trainer.fit(0, np.arange(5))


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_is_above_0(rate):
    with pytest.raises(ValueError, match="backbone_rate must be above 0"):
        Recipe(backbone_rate=rate)
