"""The fold trainer: traced once, every fold as fresh as a new model, held-out rows unseen."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import EVERYTHING
from keras import layers

from automl_sem.augmentation import RandomNoise, RandomStroke
from automl_sem.data.ground import background
from automl_sem.failures import Diverged
from automl_sem.scoring.recipes import retrain_epochs, steps_per_epoch
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import seeded
from automl_sem.types import Recipe

ROWS = np.arange(0, 60, 5)
RECIPE = Recipe(learning_rate=0.01, batch_size=16, epochs=4)


def plain():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def with_state():
    """Every kind of state a fold must reset: statistics, dropout seeds, slots."""
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def with_augmentation():
    images = keras.Input((8, 8, 1))
    return keras.Model(images, plain()(RandomNoise(0.5)(RandomStroke(2.0)(images))))


@pytest.mark.parametrize("build", [with_state, with_augmentation])
def test_a_fold_does_not_depend_on_the_folds_before_it(stripes, build):
    trainer = FoldTrainer(build, RECIPE, stripes, seed=7)
    first = trainer.fit(0, ROWS).probabilities
    trainer.fit(1, ROWS + 1)
    again = trainer.fit(0, ROWS).probabilities
    alone = FoldTrainer(build, RECIPE, stripes, seed=7).fit(0, ROWS).probabilities
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, alone)


class DrawsFromTensorFlow(layers.Layer):
    def call(self, x, training=False):
        return x + tf.random.normal(tf.shape(x)) if training else x


class DrawsFromKeras(layers.Layer):
    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


class Counts(layers.Layer):
    calls = tf.Variable(0.0, trainable=False)

    def call(self, x):
        self.calls.assign_add(0.1)
        return x * self.calls


def tensorflow_weights(shape, dtype=None):
    return tf.random.uniform(shape, -1, 1)


def same_operation_weights(shape, dtype=None):
    return tf.random.uniform(shape, -1, 1, seed=3)


def with_layer(layer):
    def build():
        x = inputs = keras.Input((8, 8, 1))
        outputs = layers.Dense(3, activation="softmax")(layer()(layers.Flatten()(x)))
        return keras.Model(inputs, outputs)

    return build


def with_initializer(initializer):
    return with_layer(lambda: layers.Dense(5, kernel_initializer=initializer))


@pytest.mark.parametrize(
    "build",
    [
        with_layer(DrawsFromTensorFlow),
        with_layer(DrawsFromKeras),
        with_layer(Counts),
        with_initializer(tensorflow_weights),
        with_initializer(same_operation_weights),
    ],
    ids=["tf.random", "keras.random", "stray variable", "tf weights", "tf weights, seeded op"],
)
def test_state_outside_the_model_does_not_pass_from_fold_to_fold(stripes, build):
    expected = FoldTrainer(build, RECIPE, stripes, seed=7).fit(0, ROWS).probabilities
    Counts.calls.assign(0.0)
    after_others = FoldTrainer(build, RECIPE, stripes, seed=7)
    for fold in (1, 2):
        after_others.fit(fold, ROWS + fold)
    np.testing.assert_array_equal(after_others.fit(0, ROWS).probabilities, expected)


def test_tensorflows_generator_is_left_alone_where_nothing_draws_from_it(stripes):
    trainer = FoldTrainer(with_state, RECIPE, stripes, seed=7)
    trainer.fit(0, ROWS)
    tf.random.set_seed(1)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(1)
    trainer.fit(1, ROWS)
    assert float(tf.random.uniform([])) == expected


def test_folds_start_from_different_weights(stripes):
    tiny_steps = dataclasses.replace(RECIPE, learning_rate=1e-12, epochs=1)
    trainer = FoldTrainer(plain, tiny_steps, stripes, seed=7)
    first, second = trainer.fit(0, ROWS), trainer.fit(1, ROWS)
    assert np.abs(first.probabilities - second.probabilities).max() > 1e-3


def test_an_architecture_is_traced_once_for_all_its_folds(stripes):
    trainer = FoldTrainer(plain, RECIPE, stripes, seed=7)
    trainer.fit(0, ROWS)
    epoch = trainer._epoch
    for fold in range(1, 5):
        trainer.fit(fold, ROWS + fold)
    assert trainer._epoch is epoch
    assert epoch.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_folds_with_another_number_of_steps_share_the_trace(stripes, schedule):
    recipe = dataclasses.replace(RECIPE, schedule=schedule)
    trainer = FoldTrainer(plain, recipe, stripes, seed=7)
    trainer.fit(0, ROWS)  # 12 steps
    fewer = trainer.fit(1, np.arange(30)).probabilities  # 8 steps
    assert trainer._epoch.experimental_get_tracing_count() == 1
    alone = FoldTrainer(plain, recipe, stripes, seed=7).fit(1, np.arange(30)).probabilities
    np.testing.assert_array_equal(fewer, alone)


def test_labels_and_images_of_the_held_out_rows_do_not_reach_the_weights(stripes):
    recipe = dataclasses.replace(RECIPE, augment=True)
    before = FoldTrainer(with_state, recipe, stripes, seed=7).fit(0, ROWS)
    y, x = stripes.y.copy(), stripes.x.copy()
    y[ROWS] = (y[ROWS] + 1) % 3
    x[ROWS[1:]] = 0
    changed = dataclasses.replace(stripes, x=x, y=y)
    assert background(changed.x) != background(stripes.x)
    after = FoldTrainer(with_state, recipe, changed, seed=7).fit(0, ROWS)
    np.testing.assert_allclose(before.probabilities[0], after.probabilities[0], atol=1e-6)
    assert before.log_loss != after.log_loss


def test_it_learns_what_can_be_learned(stripes):
    recipe = Recipe(learning_rate=0.01, batch_size=8, epochs=20)
    result = FoldTrainer(plain, recipe, stripes, seed=0).fit(0, ROWS)
    assert result.accuracy >= 0.75
    shuffled = dataclasses.replace(stripes, y=np.random.default_rng(1).permutation(stripes.y))
    by_chance = FoldTrainer(plain, recipe, shuffled, seed=0).fit(0, ROWS)
    assert by_chance.accuracy < result.accuracy


@pytest.mark.parametrize("augment", [True, EVERYTHING], ids=["mild", "everything"])
def test_augmentation_changes_the_training(stripes, augment):
    with_it = dataclasses.replace(RECIPE, augment=augment)
    first = FoldTrainer(plain, RECIPE, stripes, seed=7).fit(0, ROWS)
    second = FoldTrainer(plain, with_it, stripes, seed=7).fit(0, ROWS)
    third = FoldTrainer(plain, with_it, stripes, seed=7).fit(0, ROWS)
    assert np.abs(first.probabilities - second.probabilities).max() > 1e-3
    np.testing.assert_array_equal(second.probabilities, third.probabilities)


def test_a_batch_larger_than_the_fold_is_filled_by_drawing_again(stripes):
    large = dataclasses.replace(RECIPE, batch_size=512)
    assert np.isfinite(FoldTrainer(plain, large, stripes, seed=7).fit(0, ROWS).log_loss)


@pytest.mark.parametrize("before", [[], [RandomStroke]])
def test_a_model_that_rescales_itself_gets_raw_values(stripes, before):
    def raw():
        model, first = plain(), [layer() for layer in before]  # of strength 0
        return keras.Sequential([keras.Input((8, 8, 1)), *first, layers.Rescaling(1 / 255), model])

    np.testing.assert_allclose(
        FoldTrainer(raw, RECIPE, stripes, seed=7).fit(0, ROWS).probabilities,
        FoldTrainer(plain, RECIPE, stripes, seed=7).fit(0, ROWS).probabilities,
        atol=1e-4,
    )


def test_a_loss_that_is_no_longer_finite_is_reported_with_its_epoch(stripes):
    wild = Recipe(optimizer="sgd", learning_rate=1e30, epochs=5)
    with pytest.raises(Diverged, match=r"in epoch \d of fold 2|predictions of fold 2"):
        FoldTrainer(plain, wild, stripes, seed=7).fit(2, ROWS)


def test_outputs_that_are_no_probabilities_fail_the_trial(stripes):
    def logits():
        model = plain()
        model.layers[-1].activation = keras.activations.linear
        return model

    with pytest.raises(ValueError, match="end it with a softmax"):
        FoldTrainer(logits, RECIPE, stripes, seed=7).fit(0, ROWS)


def test_the_curve_has_at_most_ten_points_and_ends_with_the_score(stripes):
    long = dataclasses.replace(RECIPE, epochs=23)
    result = FoldTrainer(plain, long, stripes, seed=7).fit(0, ROWS)
    assert [result.curve[0].epoch, result.curve[-1].epoch] == [1, 23]
    assert len(result.curve) == 10
    assert result.curve[-1].val_loss == result.log_loss


def test_retraining_keeps_the_steps_of_a_fold_fit():
    recipe = Recipe(batch_size=8, epochs=50)
    epochs = retrain_epochs(recipe, 36, 45)
    steps_then, steps_now = 50 * steps_per_epoch(36, 8), epochs * steps_per_epoch(45, 8)
    assert abs(steps_then - steps_now) <= steps_per_epoch(45, 8) / 2


def test_the_random_state_of_the_caller_is_left_alone():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    with seeded(1):
        tf.random.uniform((1,))
        np.random.random()
    assert np.random.random() == expected
