"""The fold trainer against Keras's `fit`: the same weights, and the same scores where drawn.

Optimizers, schedules and class weights of the `fit` side are written out here, so that
neither side can borrow a mistake from the other.
"""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.utils.class_weight import compute_class_weight

from automl_sem.recipe import OPTIMIZERS
from automl_sem.scoring.batches import epoch_order
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Recipe

SEED, FOLD = 7, 3
ROWS = np.arange(0, 60, 5)  # held out; 48 remain
# The last batch of an epoch has 8 examples.
RECIPE = Recipe(learning_rate=0.003, batch_size=20, epochs=3)
# Adam and RMSprop divide by the size of a gradient: rounding grows to this at most.
ATOL = 2e-5
MATTERS = 100 * ATOL


def plain(**options):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", **options),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def normalized(layer=None):
    """No bias before BatchNorm: its gradient is rounding alone, which Adam would enlarge."""
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layer(x) if layer else x
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def regularized():
    return plain(kernel_regularizer=keras.regularizers.L2(0.05))


class PenaltyPerExample(layers.Layer):
    """Adds one loss for each example, not one for the batch."""

    def call(self, x):
        self.add_loss(0.05 * keras.ops.mean(x**2, axis=(1, 2, 3)))
        return x


def penalized():
    inputs = keras.Input((8, 8, 1))
    x = PenaltyPerExample()(layers.Conv2D(4, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def regularized_activity():
    return plain(activity_regularizer=keras.regularizers.L2(0.05))


def unbalanced(part):
    """26 training examples of one class, 4 of another and 18 of the third."""
    train = np.setdiff1d(np.arange(60), ROWS)
    y = part.y.copy()
    y[train] = np.repeat([0, 1, 2], [26, 4, 18])
    return dataclasses.replace(part, y=y)


def optimizer_of(recipe):
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        steps = recipe.epochs * -(-48 // recipe.batch_size)
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    options = {"learning_rate": rate, "global_clipnorm": recipe.clip_norm or None}
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=recipe.weight_decay, **options)
    options["weight_decay"] = recipe.weight_decay or None
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, **options)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[recipe.optimizer](
        **options
    )


def by_fit(build, recipe, part):
    """Return the variables of a new model that Keras's `fit` trained, in our order."""
    rows = np.setdiff1d(np.arange(60), ROWS)
    fold_seed = derive_seed(SEED, FOLD)
    with seeded(fold_seed):
        model = build()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer_of(recipe), loss, jit_compile=False)
    one_hot = np.eye(len(part.class_names), dtype=np.float32)
    weights = None
    if recipe.class_weight == "balanced":
        present = np.unique(part.y[rows])
        balanced = compute_class_weight("balanced", classes=present, y=part.y[rows])
        weights = dict(zip(present.tolist(), balanced.tolist(), strict=True))
    for epoch in range(1, recipe.epochs + 1):
        order = epoch_order(rows, part.y, recipe, derive_seed(fold_seed, epoch))
        model.fit(
            part.x[order] / np.float32(255),
            one_hot[part.y[order]],
            batch_size=recipe.batch_size,
            class_weight=weights,
            shuffle=False,
            verbose=0,
        )
    return values(model)


def by_us(build, recipe, part):
    """Return the variables of the fold trainer's model after a fold."""
    trainer = FoldTrainer(build, recipe, part, SEED)
    trainer.fit(FOLD, ROWS)
    return values(trainer._model)


def values(model):
    """Return all variables, with statistics and the states of random generators."""
    return [np.asarray(v, np.float64) for v in model.variables]


def distance(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


def prove(build, recipe, part):
    ours = by_us(build, recipe, part)
    assert distance(ours, by_fit(build, recipe, part)) < ATOL
    return ours


# The same weights after three epochs


@pytest.mark.parametrize("changes", [{"label_smoothing": 0.2}, {"class_weight": "sampling"}])
def test_what_is_learnt_is_what_fit_learns(stripes, changes):
    ours = prove(normalized, dataclasses.replace(RECIPE, **changes), stripes)
    assert distance(ours, by_us(normalized, RECIPE, stripes)) > 10 * ATOL


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_every_optimizer_and_schedule_gives_the_weights_of_fit(stripes, optimizer, schedule):
    recipe = dataclasses.replace(
        RECIPE, optimizer=optimizer, schedule=schedule, weight_decay=0.01, clip_norm=0.5
    )
    prove(normalized, recipe, stripes)


@pytest.mark.parametrize("batch_size", [48, 20, 47])
def test_whole_and_partial_batches_give_the_weights_of_fit(stripes, batch_size):
    prove(plain, dataclasses.replace(RECIPE, batch_size=batch_size), stripes)


@pytest.mark.parametrize(
    ("change", "off"),
    [
        ({"clip_norm": 0.1, "optimizer": "sgd"}, {"clip_norm": 0.0}),
        ({"weight_decay": 0.5}, {"weight_decay": 0.0}),
        ({"weight_decay": 0.5, "optimizer": "adamw"}, {"weight_decay": 0.0}),
        ({"class_weight": "balanced"}, {"class_weight": "none"}),
    ],
    ids=["clipping", "weight decay of adam", "weight decay of adamw", "class weights"],
)
def test_a_setting_gives_the_weights_of_fit_and_matters(stripes, change, off):
    recipe, part = dataclasses.replace(RECIPE, **change), unbalanced(stripes)
    ours = prove(plain, recipe, part)
    assert distance(ours, by_us(plain, dataclasses.replace(recipe, **off), part)) > MATTERS


@pytest.mark.parametrize("build", [regularized, regularized_activity, penalized])
def test_regularizers_give_the_weights_of_fit_and_matter(stripes, build):
    assert distance(prove(build, RECIPE, stripes), by_us(plain, RECIPE, stripes)) > MATTERS


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dropout(0.0),
        lambda: layers.Dropout(0.3),
        lambda: layers.SpatialDropout2D(0.3),
        lambda: layers.GaussianNoise(0.3),
    ],
    ids=["Dropout(0)", "Dropout", "SpatialDropout2D", "GaussianNoise"],
)
def test_random_layers_draw_what_they_draw_in_fit(stripes, layer):
    """Also the states of the random generators are alike: the same number of draws."""
    prove(lambda: normalized(layer()), RECIPE, stripes)


# Scores of random layers that draw something else in `fit`: the same on average

PAIRS = 20
DRAWN = Recipe(learning_rate=0.01, batch_size=30, epochs=8, schedule="constant")
HELD_OUT = np.flatnonzero(np.arange(150) % 5 < 2)  # 90 of 150 remain: whole batches


def drawing(layer):
    x = inputs = keras.Input((8, 8, 1))
    x = layer(layers.Conv2D(8, 3, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def more_stripes(part):
    """150 images: the given 60, with noise of their own."""
    rows = np.arange(150) % 60
    noise = np.random.default_rng(1).normal(0, 20, (150, 8, 8, 1))
    x = (part.x[rows] + noise).clip(0, 255).astype(np.uint8)
    return dataclasses.replace(
        part, x=x, y=part.y[rows], names=tuple(f"row {row}" for row in range(150))
    )


class FitSide:
    """A model that Keras's `fit` trains again and again, its random layers drawing anew."""

    def __init__(self, build, part):
        self.part = part
        self.rows = np.setdiff1d(np.arange(150), HELD_OUT)
        self.build = build
        self.model = build()
        self.model.compile(
            optimizer_of(DRAWN), "sparse_categorical_crossentropy", jit_compile=False
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.slots = [v.numpy() for v in self.model.optimizer.variables]

    def score(self, pair):
        """Return the log-loss from the initial weights and the order of our fold `pair`."""
        seed = derive_seed(SEED, pair)
        with seeded(seed):
            fresh = self.build()
        for variable, value in zip(self.model.variables, fresh.variables, strict=True):
            random = "seed_generator" in variable.path
            variable.assign(value.numpy() + 12345 if random else value)
        for variable, value in zip(self.model.optimizer.variables, self.slots, strict=True):
            variable.assign(value)
        # Batches fill an epoch, so that all epochs can be one.
        epochs = range(1, DRAWN.epochs + 1)
        labels = self.part.y
        order = [epoch_order(self.rows, labels, DRAWN, derive_seed(seed, e)) for e in epochs]
        x = self.part.x / np.float32(255)
        rows = np.concatenate(order)
        self.model.fit(
            x[rows], self.part.y[rows], batch_size=DRAWN.batch_size, shuffle=False, verbose=0
        )
        predicted = np.asarray(self.model(x[HELD_OUT], training=False))
        return -np.log(predicted[np.arange(len(HELD_OUT)), self.part.y[HELD_OUT]]).mean()


def standard_errors(differences):
    """Return how many standard errors the mean of paired differences is away from zero."""
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return abs(differences.mean()) / error


@pytest.mark.slow
def test_random_layers_score_as_in_fit_and_a_wrong_rate_would_show(stripes):
    part = more_stripes(stripes)

    def with_rate(rate):
        return lambda: drawing(layers.Dropout(rate))

    trainer = FoldTrainer(with_rate(0.3), DRAWN, part, SEED)
    ours = np.array([trainer.fit(pair, HELD_OUT).log_loss for pair in range(PAIRS)])
    fit, wrong = (FitSide(with_rate(rate), part) for rate in (0.3, 0.6))
    theirs = np.array([fit.score(pair) for pair in range(PAIRS)])
    astray = np.array([wrong.score(pair) for pair in range(PAIRS)])
    assert np.abs(ours - theirs).max() > 1e-3  # they did draw something else
    assert standard_errors(ours - theirs) < 3
    assert standard_errors(ours - astray) > 3


# The proofs can fail


def everything():
    return normalized(layers.Dropout(0.3))


class Forgetful(FoldTrainer):
    """Leaves some variables as the fold before left them."""

    kept = staticmethod(lambda _: [])

    def _reset(self, rows, seed):
        before = [(v, v.numpy()) for v in self.kept(self)] if self._optimizer else []
        super()._reset(rows, seed)
        for variable, value in before:
            variable.assign(value)


STATES = {
    "nothing": lambda _: [],
    "weights": lambda t: t._model.trainable_variables,
    "statistics": lambda t: [v for v in t._model.variables if "moving" in v.path],
    "random generators": lambda t: [v for v in t._model.variables if "seed" in v.path],
    "optimizer slots": lambda t: t._optimizer.variables[2:],
    "step count": lambda t: [t._optimizer.iterations],
}


@pytest.mark.parametrize("name", STATES)
def test_what_a_fold_would_leave_to_the_next_shows(stripes, name):
    trainer = Forgetful(everything, RECIPE, stripes, SEED)
    trainer.kept = STATES[name]
    trainer.fit(0, ROWS + 1)
    assert name == "nothing" or trainer.kept(trainer)
    second = trainer.fit(FOLD, ROWS)
    fresh = FoldTrainer(everything, RECIPE, stripes, SEED).fit(FOLD, ROWS)
    same = np.array_equal(second.probabilities, fresh.probabilities)
    assert same == (name == "nothing")


@pytest.mark.parametrize("change", [{"learning_rate": 0.0031}, {"optimizer": "adamw"}])
def test_another_recipe_in_fit_shows(stripes, change):
    recipe = dataclasses.replace(RECIPE, weight_decay=0.5 if "optimizer" in change else 0.0)
    other = dataclasses.replace(recipe, weight_decay=0.0, **change)
    assert distance(by_us(plain, recipe, stripes), by_fit(plain, other, stripes)) > 3 * ATOL
