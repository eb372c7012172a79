"""How many layers does it take to tell drawings apart? A space to begin with.

    automl-sem search my_space.py
    automl-sem spaces check my_space.py

`build` makes one network from the values that `hp` hands out, `recipe` says how to train it. The
search tries values, scores each network on folds and keeps the best. Change what you like: each
`hp.` line is a question to the search. `hp.Int(name, low, high)` and `hp.Float` hand out numbers,
`hp.Choice` one of a list, `hp.Boolean` yes or no.
"""

from keras import Input, Model, layers

from automl_sem import Recipe

DATA = "shapes"  # a built-in dataset, or the path of your data

# Trial 0, which all others are compared with. Without it, it takes the lowest or first values.
BASELINE = {"layers": 2, "filters": 16, "dense": 64, "normalize": False, "augment": False}


def build(hp, data):
    """Return a network from `data.input_shape` to a probability for each class."""
    count = hp.Int("layers", 1, 4)
    filters = hp.Choice("filters", [8, 16, 32])
    normalize = hp.Boolean("normalize")

    inputs = Input(data.input_shape)  # (height, width, channels), from 0 to 1
    x = inputs
    for _ in range(count):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        if normalize:
            x = layers.BatchNormalization(momentum=0.9)(x)
        if min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(hp.Choice("dense", [32, 64, 128]), activation="relu")(x)
    return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))


def recipe(hp, data):  # noqa: ARG001
    """Return how to train it. Leave this function out, and all are trained alike."""
    augment = hp.Boolean("augment")  # turn, move and resize the images a little while training
    # What makes no difference otherwise stands in a conditional scope: here it is None then.
    with hp.conditional_scope("augment", [True]):
        steps = hp.Choice("steps", [400, 800]) or 400
    return Recipe(
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        batch_size=16,
        steps=steps,
        augment=augment,
    )
