"""How large an LSTM does it take to see how things move, and on top of which CNN? For short clips.

    automl-sem search motion
    automl-sem search my_clips/ --space motion

A CNN turns each frame into a vector, the same CNN for all; an LSTM reads the vectors in their
order; its last state, or a mean of its states, is classified. The blocks stand in `sequences.py`
and `blocks.py`, with their papers.

What the size of an LSTM costs and buys: `lstm_units` is how many numbers it carries from frame to
frame. Twice as many are up to four times the weights, 4 * units * (units + frame_units + 1), so
that a few clips are soon learnt by heart. Time they hardly cost: a clip has few frames, and the
CNN sees each pixel of them. The report draws score against `lstm_units`. Copy this file, change
it, and run

    automl-sem search my_space.py
"""

from keras import Input, Model, layers

from automl_sem import Augment, Recipe
from automl_sem.search_spaces import blocks, sequences

KIND = "clips"
DATA = "motion"

# Trial 0: the textbook's two convolutions and a dense layer for each frame, then an LSTM.
BASELINE = {
    "view": "frames", "depth": 2, "filters": 16, "normalization": "none", "head": "flatten",
    "frame_units": 64, "cell": "lstm", "lstm_units": 64, "lstm_layers": 1, "both_ways": False,
    "pooling": "last", "dropout": 0.0,
    "training": "short", "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0,
    "augment": False, "label_smoothing": 0.0, "class_weight": "none",
}  # fmt: skip

WELL_TRAINED = {
    "training": "long", "learning_rate": 3e-3, "schedule": "cosine", "weight_decay": 1e-4,
    "augment": True, "shift": 0.1, "rotation": 20, "scale": 0.2, "noise": 0.05,
    "contrast": 0.5, "speed": 0.25, "drop": 0.0, "mixup": 0.0,
    "label_smoothing": 0.0, "class_weight": "none",
}  # fmt: skip
# Frames show where and how large a thing is, differences where it goes. The mean over places
# forgets the place: what was learnt at one is known at all.
EVERYWHERE = {
    "view": "both", "depth": 3, "filters": 32, "normalization": "batch", "head": "global",
    "frame_units": 64, "cell": "lstm", "lstm_units": 64, "lstm_layers": 1, "both_ways": False,
    "pooling": "last", "dropout": 0.2,
}  # fmt: skip
# Where all clips are taken alike, training for longer on what is there does better.
ALIKE = {"training": "longest", "rotation": 0, "scale": 0.0, "noise": 0.0, "dropout": 0.0}
GOOD_STARTS = [
    {**WELL_TRAINED, **EVERYWHERE},
    {**WELL_TRAINED, **EVERYWHERE, **ALIKE},
]


def build(hp, data):
    """Return one network: a CNN for each frame, an LSTM over all, pooling and a classifier."""
    view = hp.Choice("view", ["frames", "differences", "both"])
    depth = hp.Int("depth", 1, 5)  # convolutions
    filters = hp.Choice("filters", [8, 16, 32])  # of the first; the others have twice as many
    normalization = hp.Choice("normalization", ["none", "batch"])
    head = hp.Choice("head", ["global", "flatten"])
    frame_units = hp.Choice("frame_units", [32, 64, 128])  # numbers that are left of a frame
    cell = hp.Choice("cell", ["lstm", "gru"])
    units = hp.Choice("lstm_units", [8, 16, 32, 64, 128])
    count = hp.Int("lstm_layers", 1, 2)
    both_ways = hp.Boolean("both_ways")
    with hp.conditional_scope("lstm_layers", [2]):
        between = hp.Choice("layer_dropout", [0.0, 0.2, 0.4]) or 0.0
    pooling = hp.Choice("pooling", ["last", "mean", "max", "attention"])
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)

    inputs = Input(data.input_shape)  # (frames, height, width, channels)
    x, as_clips = sequences.each_frame(sequences.difference(inputs, view))
    while max(x.shape[1:3]) > 64 and min(x.shape[1:3]) >= 32:
        x = layers.AveragePooling2D(2)(x)
    for layer in range(depth):
        strides = 2 if not layer and max(x.shape[1:3]) > 20 else 1
        x = blocks.plain_block(
            x, 2 * filters if layer else filters, 3, normalization, strides=strides
        )
        if min(x.shape[1:3]) >= 4:
            x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x) if head == "global" else layers.Flatten()(x)
    x = as_clips(layers.Dense(frame_units, activation="relu")(x))

    x = sequences.recurrent(x, None, cell, units, count, both_ways=both_ways, drop=between)
    x = sequences.pool(x, None, pooling, both_ways=both_ways)
    x = layers.Dropout(dropout)(x)
    return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))


def recipe(hp, data):
    """Return how to train it: how long follows from the number of clips."""
    steps = 250 + data.n_train // 8
    longer = {"short": 1, "long": 2, "longest": 4}
    return Recipe(
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        schedule=hp.Choice("schedule", ["cosine", "constant"]),
        weight_decay=hp.Choice("weight_decay", [0.0, 1e-4, 1e-3]),
        batch_size=16 if data.n_train < 5000 else 32,
        steps=steps * longer[hp.Choice("training", [*longer])],
        clip_norm=1.0,  # an LSTM's gradients can grow with every step back in time
        augment=augmentation(hp),
        label_smoothing=hp.Choice("label_smoothing", [0.0, 0.05, 0.1]),
        class_weight=hp.Choice("class_weight", ["none", "balanced", "sampling"]),
    )


def augmentation(hp):
    """Return how training clips are changed, all frames alike: not at all, or by strengths.

    Nothing is mirrored, since left and right are classes; if they are none of yours, add `flip`.
    """
    augment = hp.Boolean("augment")
    with hp.conditional_scope("augment", [True]):
        strengths = {
            "shift": hp.Choice("shift", [0.0, 0.1, 0.3]),  # of the side
            "rotation": hp.Choice("rotation", [0, 10, 20]),  # degrees
            "scale": hp.Choice("scale", [0.0, 0.2]),
            "noise": hp.Choice("noise", [0.0, 0.05]),  # of the full range
            "contrast": hp.Choice("contrast", [0.0, 0.5]),
            "speed": hp.Choice("speed", [0.0, 0.25]),
            "drop": hp.Choice("drop", [0.0, 0.2]),  # of the frames
            "mixup": hp.Choice("mixup", [0.0, 0.2]),
        }
    return Augment(**strengths) if augment else Augment()
