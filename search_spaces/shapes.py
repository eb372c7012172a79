"""How deep a CNN, and with residual connections? For small drawings.

    automl-sem search shapes
    automl-sem search my_drawings/ --space shapes

A space says what may vary. `build` makes one network from the values that `hp`
hands out, `recipe` says how to train it. The search tries values, scores each
network on k folds and keeps the best. Copy this file, change it, and run

    automl-sem search my_space.py
"""

from keras import Input, Model, layers

from automl_sem import Augment, Recipe
from automl_sem.search_spaces.blocks import answer, normalize, shortcut

KIND = "images"
DATA = "shapes"

# What a drawing may suffer without becoming another shape. Held-out drawings are scored under
# these as well: tidy drawings alone would not tell candidates apart.
STRESS = {"rotate": 180, "scale": 0.5, "shear": 20, "shift": 0.15, "stroke": 1, "noise": 0.05}

# Trial 0 of every search: the CNN from the textbook, so that you see what the search gained.
BASELINE = {
    "depth": 2, "filters": 32, "widen": 2, "kernel": 3, "residual": False, "padding": "valid",
    "normalization": "none", "pooling": "max", "pool_every": 2, "head": "flatten", "dense": 128,
    "dropout": 0.0,
    "optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0,
    "augment": False,
}  # fmt: skip

# Known-good candidates are tried next; what they leave out is chosen by the search.
SMALL_RESIDUAL = {
    "depth": 5, "filters": 16, "widen": 2, "kernel": 3, "residual": True,
    "normalization": "batch", "pooling": "max", "pool_every": 1, "head": "global",
    "dense": 0, "dropout": 0.0,
    "optimizer": "adam", "learning_rate": 3e-3, "schedule": "cosine", "weight_decay": 1e-4,
}  # fmt: skip
GOOD_STARTS = [
    SMALL_RESIDUAL
    | {"augment": True, "rotation": 180.0, "scale": 0.8, "shear": 25.0, "shift": 0.25}
    | {"stroke": 1.5, "noise": 0.03, "batch_size": 64, "steps": 600},
    SMALL_RESIDUAL
    | {"depth": 4, "augment": True, "rotation": 180.0, "scale": 0.5, "shear": 15.0, "shift": 0.15}
    | {"stroke": 1.0, "noise": 0.0, "batch_size": 64, "steps": 400},
]


def build(hp, data):
    """Return one CNN: `depth` convolutions, pooling in between, then a classifier."""
    depth = hp.Int("depth", 1, 6)
    filters = hp.Choice("filters", [8, 16, 32])
    widen = hp.Choice("widen", [1, 2])  # 2: each layer has twice the filters of the one before
    kernel = hp.Choice("kernel", [3, 5])
    residual = hp.Boolean("residual")
    # Everything that exists only for some values of another hyperparameter says so,
    # in a conditional scope; then it is not searched where it has no effect.
    with hp.conditional_scope("residual", [False]):
        padding = hp.Choice("padding", ["same", "valid"]) or "same"  # None where not searched
    normalization = hp.Choice("normalization", ["none", "batch", "group"])
    pooling = hp.Choice("pooling", ["max", "average"])
    pool_every = hp.Int("pool_every", 1, 2)

    inputs = Input(data.input_shape)
    x = inputs
    for layer in range(depth):
        width = min(filters * widen**layer, 64)
        x = convolution(x, width, kernel, padding, normalization, residual)
        if (layer + 1) % pool_every == 0:
            x = pool(x, pooling)

    head = hp.Choice("head", ["flatten", "global"])
    dense = hp.Choice("dense", [0, 32, 64, 128])
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)
    return Model(inputs, answer(x, head, dense, dropout, data))


def recipe(hp, data):
    """Return how to train it. The learning rate falls to zero unless the schedule is constant.

    With few images an epoch is over before the network has learnt anything, so steps are counted.
    """
    how = {
        "optimizer": hp.Choice("optimizer", ["adam", "sgd"]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        "schedule": hp.Choice("schedule", ["cosine", "constant"]),
        "weight_decay": hp.Choice("weight_decay", [0.0, 1e-4, 1e-3]),
        "augment": augmentation(hp),
    }
    if data.n_train < 500:
        batch_size = hp.Choice("batch_size", [4, 16, 32, 64], default=4)
        return Recipe(
            batch_size=batch_size, steps=hp.Choice("steps", [200, 400, 600], default=400), **how
        )
    batch_size = hp.Choice("batch_size", [32, 64, 128], default=32)
    return Recipe(
        batch_size=batch_size, epochs=hp.Choice("epochs", [5, 10, 15, 20], default=20), **how
    )


def augmentation(hp):
    """Return how each training image is changed at random, anew in every step; 0 is off."""
    on = hp.Boolean("augment")
    with hp.conditional_scope("augment", [True]):
        strengths = {
            "rotation": hp.Float("rotation", 0.0, 180.0),  # degrees
            "scale": hp.Float("scale", 0.0, 1.0),  # 1: from half to twice the size
            "shear": hp.Float("shear", 0.0, 30.0),  # degrees
            "shift": hp.Float("shift", 0.0, 0.3),  # of the side
            "stroke": hp.Float("stroke", 0.0, 2.0),  # pixels, thicker and thinner
            "noise": hp.Float("noise", 0.0, 0.1),  # of the full range
        }
    return Augment(**strengths) if on else False


def convolution(x, filters, kernel, padding, normalization, residual):
    """Convolution, normalisation, ReLU; with a skip connection if `residual`.

    The skip adds the block's input to its output (He et al. 2015, arXiv 1512.03385),
    through a 1x1 projection where the number of filters changes.
    """
    if padding == "valid" and min(x.shape[1:3]) < kernel:
        padding = "same"  # too small an image to lose its border once more
    y = layers.Conv2D(filters, kernel, padding=padding, use_bias=normalization == "none")(x)
    y = normalize(y, normalization)
    if residual:
        y = layers.Add()([y, shortcut(x, filters)])
    return layers.Activation("relu")(y)


def pool(x, pooling):
    """Halve height and width, unless the image is already smaller than 4 pixels."""
    if min(x.shape[1:3]) < 4:
        return x
    return layers.MaxPooling2D(2)(x) if pooling == "max" else layers.AveragePooling2D(2)(x)
