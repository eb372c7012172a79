"""Mixed precision: 16 bit inside, float32 weights and probabilities, and nothing lost by it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from automl_sem.scoring.precision import FULL, NEEDS_SCALING, built, training_policy
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import Recipe

MIXED = ["mixed_bfloat16", "mixed_float16"]
ROWS = np.arange(0, 60, 5)
RECIPE = Recipe(learning_rate=0.01, batch_size=8, epochs=12)


def dense_softmax():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def softmax_apart():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3),
            layers.Activation("softmax"),
        ]
    )


def nested():
    head = keras.Sequential(
        [keras.Input((144,)), layers.Dense(8, "relu"), layers.Dense(3), layers.Softmax()]
    )
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), head]
    )


def normalized_end():
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(x))
    x = layers.BatchNormalization()(layers.Dense(3)(x))
    return keras.Model(inputs, layers.Softmax()(layers.Dropout(0.3)(x)))


def two_heads():
    """The mean of two softmax layers: neither is the last one with weights alone."""
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(x))
    heads = [layers.Dense(3, activation="softmax")(x) for _ in range(2)]
    return keras.Model(inputs, layers.Average()(heads))


class Head(layers.Layer):
    """A layer of a person's own that holds the last weights in another layer."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def build(self, shape):
        self.dense.build(shape)

    def call(self, inputs):
        return self.dense(inputs)


def own_head():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), Head()]
    )


def recurrent():
    """LSTM and GRU within a wrapper, a nested model and alone."""
    inner = keras.Sequential([keras.Input((8, 4)), layers.GRU(4, return_sequences=True)])
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.TimeDistributed(layers.Conv1D(4, 3, activation="relu")),
            layers.TimeDistributed(layers.GlobalAveragePooling1D()),
            inner,
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.LSTM(4),
            layers.Dense(8, "relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


MODELS = [dense_softmax, softmax_apart, nested, normalized_end, two_heads, own_head]


@pytest.mark.parametrize(
    ("capability", "policy"),
    [
        (None, "float32"),
        ((6, 1), "float32"),
        ((7, 0), "mixed_float16"),
        ((7, 5), "mixed_float16"),
        ((8, 0), "mixed_bfloat16"),
        ((9, 0), "mixed_bfloat16"),
    ],
)
def test_the_policy_of_a_gpu(capability, policy):
    assert training_policy(capability) == policy


@pytest.mark.parametrize("policy", MIXED)
@pytest.mark.parametrize("build", MODELS)
def test_probabilities_and_weights_are_float32_and_hidden_layers_16_bit(stripes, build, policy):
    model = built(build, policy)
    x = stripes.x.astype("float32") / 255
    for training in (False, True):
        outputs = model(x, training=training)
        assert outputs.dtype == tf.float32
        np.testing.assert_allclose(np.asarray(outputs).sum(axis=1), 1, atol=1e-6)
    assert {v.dtype for v in model.weights} == {"float32"}
    convolution = next(k for k in model.layers if isinstance(k, layers.Conv2D))
    assert convolution.compute_dtype == policy.removeprefix("mixed_")
    assert convolution(x).dtype == policy.removeprefix("mixed_")


@pytest.mark.parametrize(
    ("policy", "wanted"), [("mixed_bfloat16", "float32"), ("mixed_float16", "float16")]
)
def test_recurrent_layers_are_float32_where_the_kernel_of_gpus_fails_in_16_bit(
    stripes, policy, wanted
):
    model = built(recurrent, policy)
    x = stripes.x[:5].astype("float32") / 255
    hidden = list(model._flatten_layers())
    found = [k for k in hidden if isinstance(k, layers.LSTM | layers.GRU)]
    assert {type(k) for k in found} == {layers.LSTM, layers.GRU}
    for layer in found:
        assert {layer.compute_dtype, layer.cell.compute_dtype} == {wanted}
        read = np.zeros((5, 8, layer.cell.kernel.shape[0]), "float32")
        assert layer(read).dtype == wanted
    others = [k for k in hidden if isinstance(k, layers.Conv1D | layers.Bidirectional)]
    assert {k.compute_dtype for k in others} == {policy.removeprefix("mixed_")}
    with tf.GradientTape() as tape:
        outputs = model(x, training=True)
        loss = tf.reduce_mean(outputs[:, 0])
    assert outputs.dtype == tf.float32
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(np.isfinite(g.numpy()).all() for g in gradients)


@pytest.mark.parametrize("policy", [FULL, *MIXED])
def test_the_policy_of_the_caller_is_restored(policy):
    def failing():
        raise RuntimeError("no model")

    before = keras.config.dtype_policy()
    built(dense_softmax, policy)
    assert keras.config.dtype_policy() == before
    with pytest.raises(RuntimeError, match="no model"):
        built(failing, policy)
    assert keras.config.dtype_policy() == before


def test_full_precision_leaves_the_model_as_it_is():
    model = dense_softmax()
    assert built(lambda: model, FULL) is model
    assert {k.compute_dtype for k in model.layers} == {"float32"}


@pytest.mark.slow
def test_folds_learn_as_in_float32(stripes):
    def fits(policy):
        trainer = FoldTrainer(dense_softmax, RECIPE, stripes, 7, precision=policy)
        return [trainer.fit(fold, ROWS + fold) for fold in range(3)]

    full = fits(FULL)
    assert np.mean([f.log_loss for f in full]) < 0.5  # by chance: 1.1
    for policy in MIXED:
        for ours, theirs in zip(fits(policy), full, strict=True):
            assert ours.probabilities.dtype == np.float32
            assert abs(ours.accuracy - theirs.accuracy) <= 1 / 12  # one example
            assert abs(ours.log_loss - theirs.log_loss) < 0.05
            assert np.any(ours.probabilities != theirs.probabilities)  # 16 bit, indeed


@pytest.mark.slow
@pytest.mark.parametrize("policy", MIXED)
def test_the_second_fold_is_bitwise_that_of_a_new_trainer(stripes, policy):
    recipe = Recipe(learning_rate=0.01, batch_size=8, epochs=4)
    trainer = FoldTrainer(normalized_end, recipe, stripes, 7, precision=policy)
    trainer.fit(0, ROWS)
    second = trainer.fit(1, ROWS + 1)
    alone = FoldTrainer(normalized_end, recipe, stripes, 7, precision=policy)
    expected = alone.fit(1, ROWS + 1)
    np.testing.assert_array_equal(second.probabilities, expected.probabilities)
    for ours, theirs in ((trainer._model, alone._model), (trainer._optimizer, alone._optimizer)):
        for one, other in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


@tf.custom_gradient
def _steep(x):
    return x, lambda upstream: upstream * tf.cast(6e4, upstream.dtype)


class Steep(layers.Layer):
    """Passes its input on; its gradient overflows in float16."""

    def call(self, inputs):
        return _steep(inputs)


def overflowing():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            Steep(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.slow
def test_a_step_whose_gradient_overflows_is_skipped(stripes):
    trainer = FoldTrainer(
        overflowing, Recipe(batch_size=8, epochs=3), stripes, 7, precision=NEEDS_SCALING
    )
    result = trainer.fit(0, ROWS)
    assert np.isfinite(result.probabilities).all()
    assert all(np.isfinite(v.numpy()).all() for v in trainer._model.trainable_variables)
    scaling = trainer._optimizer
    skipped = 18 - int(scaling.iterations)  # 3 epochs of 6 batches
    assert 0 < skipped < 18
    assert float(scaling.dynamic_scale) == 2.0 ** (15 - skipped)
    # The next fold begins with the scale of a new optimizer, not with what was left.
    trainer.fit(1, ROWS + 1)
    assert float(scaling.dynamic_scale) == 2.0 ** (15 - (18 - int(scaling.iterations)))
    alone = FoldTrainer(
        overflowing, Recipe(batch_size=8, epochs=3), stripes, 7, precision=NEEDS_SCALING
    )
    np.testing.assert_array_equal(
        trainer.fit(0, ROWS).probabilities, alone.fit(0, ROWS).probabilities
    )
