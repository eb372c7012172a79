"""Which network for a folder of images? Blocks, depth, width and augmentation, from 8x8 to 256x256.

    automl-sem search my_images/
    automl-sem search photos.npz --space images --time 20m

The network is a stem, then stages of equal blocks with pooling in between, then a head.
The stem shrinks large images, and stages stop pooling where little is left to pool, so
that every candidate fits every size. The blocks stand in `blocks.py`, with their papers.
Copy this file, change it, and run

    automl-sem search my_space.py
"""

from keras import Input, Model, layers

from automl_sem import Augment, Recipe
from automl_sem.search_spaces import blocks

KIND = "images"

BLOCKS = {
    "plain": blocks.plain_block,
    "separable": blocks.separable_block,
    "residual": blocks.residual_block,
    "preactivation": blocks.preactivation_block,
    "inverted": blocks.inverted_block,
}
WITH_SKIP = ["residual", "preactivation", "inverted"]

# Trial 0: the CNN from the textbook, two convolutions, pooling and a dense layer.
BASELINE = {
    "width": 32, "stages": 1, "blocks": 1, "block": "plain", "normalization": "none",
    "head": "flatten", "dense": 128, "dropout": 0.0,
    "optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0,
    "training": "short", "augment": False, "label_smoothing": 0.0, "class_weight": "none",
    "views": "none",
}  # fmt: skip

# How all good starts are trained. Whether a mirror image keeps its label depends on the data:
# the search finds out.
WELL_TRAINED = {
    "training": "short", "optimizer": "adam", "schedule": "cosine", "weight_decay": 1e-4,
    "augment": True, "flip": False, "geometry": 0.5, "colour": 0.0, "cutout": 0.0, "mixup": 0.0,
    "class_weight": "none", "views": "none",
}  # fmt: skip
GOOD_STARTS = [
    {
        **WELL_TRAINED, "width": 8, "stages": 3, "blocks": 1, "block": "residual",
        "normalization": "batch", "squeeze": False, "stochastic_depth": 0.0,
        "head": "global", "dense": 0, "dropout": 0.0, "learning_rate": 3e-3,
        "label_smoothing": 0.0,
    },
    {
        **WELL_TRAINED, "width": 16, "stages": 3, "blocks": 1, "block": "plain",
        "normalization": "batch", "head": "flatten", "dense": 64, "dropout": 0.3,
        "learning_rate": 1e-3, "label_smoothing": 0.0,
    },
]  # fmt: skip


def build(hp, data):
    """Return one network: stem, stages, head."""
    width = hp.Choice("width", [8, 16, 32])  # channels of the stem, doubled in every stage
    stages = hp.Int("stages", 1, 4)
    repeat = hp.Int("blocks", 1, 2)  # in every stage
    block = hp.Choice("block", [*BLOCKS])
    options = {"normalization": hp.Choice("normalization", blocks.NORMALIZATIONS)}
    with hp.conditional_scope("block", WITH_SKIP):
        squeeze = hp.Boolean("squeeze")
        drop = hp.Choice("stochastic_depth", [0.0, 0.1, 0.2])
    if block in WITH_SKIP:
        options |= {"squeeze": squeeze, "drop": drop}

    inputs = Input(data.input_shape)
    x = stem(inputs, width, options["normalization"])
    for stage in range(stages):
        for _ in range(repeat):
            x = BLOCKS[block](x, min(width * 2 ** (stage + 1), 128), **options)
        if min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D(2)(x)

    head = hp.Choice("head", ["global", "flatten"])
    dense = hp.Choice("dense", [0, 64, 128])
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)
    return Model(inputs, blocks.answer(x, head, dense, dropout, data))


def stem(x, width, normalization):
    """A convolution; with strides, and again, until the image is at most 40 pixels wide."""
    large = max(x.shape[1:3]) > 40 and min(x.shape[1:3]) >= 16
    x = blocks.plain_block(x, width, 3, normalization, strides=2 if large else 1)
    again = max(x.shape[1:3]) > 40 and min(x.shape[1:3]) >= 16
    return stem(x, width, normalization) if large and again else x


def recipe(hp, data):
    """Return how to train it: how long follows from the number of images."""
    steps = 250 + data.n_train // 16
    if hp.Choice("training", ["short", "long"]) == "long":
        steps *= 2
    return Recipe(
        optimizer=hp.Choice("optimizer", ["adam", "sgd"]),
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        schedule=hp.Choice("schedule", ["cosine", "constant"]),
        weight_decay=hp.Choice("weight_decay", [0.0, 1e-4, 1e-3]),
        batch_size=16 if data.n_train < 500 else 32 if data.n_train < 5000 else 64,
        steps=steps,
        augment=augmentation(hp),
        label_smoothing=hp.Choice("label_smoothing", [0.0, 0.05, 0.1]),
        class_weight=hp.Choice("class_weight", ["none", "balanced", "sampling"]),
        views=hp.Choice("views", ["none", "flip", "shift"]),
    )


def augmentation(hp):
    """Return how training images are changed: not at all, or each change by its strength."""
    augment = hp.Boolean("augment")
    with hp.conditional_scope("augment", [True]):
        flip = hp.Boolean("flip")
        geometry = hp.Choice("geometry", [0.25, 0.5, 1.0])  # 1: 20 degrees, a sixth of the side
        colour = hp.Choice("colour", [0.0, 0.5, 1.0])
        cutout = hp.Choice("cutout", [0.0, 0.25, 0.5])
        mixup = hp.Choice("mixup", [0.0, 0.2])
    if not augment:
        return Augment()
    return Augment(
        rotation=20 * geometry, scale=0.3 * geometry, shift=0.16 * geometry, flip=flip,
        brightness=0.3 * colour, contrast=0.5 * colour, cutout=cutout, mixup=mixup,
    )  # fmt: skip
