"""How well can a small CNN read handwritten digits? Depth, width, and how it is trained.

    automl-sem search digits
    automl-sem search mnist.npz --space digits

For scikit-learn's 8x8 digits, and as well for 28x28 ones as in MNIST. A digit may be moved,
turned and stretched a little and stays what it is, but its mirror image may not: that is why
nothing is mirrored here. Copy this file, change it, and run

    automl-sem search my_space.py
"""

from keras import Input, Model, layers

from automl_sem import Augment, Recipe
from automl_sem.search_spaces.blocks import answer, plain_block

KIND = "images"
DATA = "digits"

# Trial 0: the CNN from the textbook, two convolutions, pooling and a dense layer.
BASELINE = {
    "depth": 2, "filters": 32, "pool_every": 2, "normalization": "none",
    "head": "flatten", "dense": 128, "dropout": 0.0,
    "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0, "batch_size": 32,
    "augment": False, "label_smoothing": 0.0, "views": "none",
}  # fmt: skip

WELL_TRAINED = {
    "learning_rate": 3e-3, "schedule": "cosine", "weight_decay": 1e-4, "batch_size": 32,
    "augment": True, "rotation": 10, "stretch": 0.1, "shift": 0.06, "shear": 5, "elastic": 0.0,
    "label_smoothing": 0.0, "views": "none",
}  # fmt: skip
GOOD_STARTS = [
    {
        **WELL_TRAINED, "depth": 4, "filters": 32, "pool_every": 2, "normalization": "batch",
        "head": "global", "dense": 0, "dropout": 0.3,
    },
    {
        **WELL_TRAINED, "depth": 4, "filters": 32, "pool_every": 2, "normalization": "batch",
        "head": "flatten", "dense": 128, "dropout": 0.3,
    },
]  # fmt: skip


def build(hp, data):
    """Return one CNN: `depth` convolutions, pooling in between, then a classifier."""
    depth = hp.Int("depth", 2, 6)
    filters = hp.Choice("filters", [16, 32, 48])  # of the first; the others have twice as many
    pool_every = hp.Int("pool_every", 1, 2)
    normalization = hp.Choice("normalization", ["none", "batch"])

    inputs = Input(data.input_shape)
    x = inputs
    while max(x.shape[1:3]) > 32 and min(x.shape[1:3]) >= 8:
        x = layers.AveragePooling2D(2)(x)  # a digit needs no more pixels than that
    for layer in range(depth):
        x = plain_block(x, 2 * filters if layer else filters, 3, normalization)
        if (layer + 1) % pool_every == 0 and min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D(2)(x)

    head = hp.Choice("head", ["global", "flatten"])
    dense = hp.Choice("dense", [0, 64, 128])
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)
    return Model(inputs, answer(x, head, dense, dropout, data))


def recipe(hp, data):
    """Return how to train it: how long follows from the number of digits."""
    return Recipe(
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        schedule=hp.Choice("schedule", ["cosine", "constant"]),
        weight_decay=hp.Choice("weight_decay", [0.0, 1e-4, 1e-3]),
        batch_size=hp.Choice("batch_size", [16, 32, 64]),
        steps=600 + data.n_train // 10,
        augment=augmentation(hp),
        label_smoothing=hp.Choice("label_smoothing", [0.0, 0.05, 0.1]),
        views=hp.Choice("views", ["none", "shift"]),
    )


def augmentation(hp):
    """Return how training digits are changed: not at all, or each change by its strength."""
    augment = hp.Boolean("augment")
    with hp.conditional_scope("augment", [True]):
        strengths = {
            "rotation": hp.Choice("rotation", [5, 10, 15]),  # degrees
            "scale": hp.Choice("stretch", [0.05, 0.1, 0.2]),
            "shift": hp.Choice("shift", [0.03, 0.06, 0.12]),  # shares of the side
            "shear": hp.Choice("shear", [0, 5, 10]),  # degrees
            "elastic": hp.Choice("elastic", [0.0, 0.03]),
        }
    if not augment:
        return Augment()
    return Augment(**strengths, aspect=strengths["scale"])
