"""How large an LSTM do series need, and do convolutions before or beside it help?

    automl-sem search my_series.csv
    automl-sem search recordings.npz --space series --time 10m

For sensor readings, pen strokes and the like, of any length and with any number of channels.
Four networks are compared: an LSTM alone, on top of convolutions, or beside them (LSTM-FCN), and
convolutions alone. The blocks stand in `sequences.py`, with their papers.

What the size of an LSTM costs and buys: `lstm_units` is how many numbers it carries from step to
step. Twice as many are up to four times the weights, 4 * units * (units + channels + 1), so that
a few dozen series are soon learnt by heart. Steps come one after another, so time grows with
their number first of all; 8 units are hardly faster than 32, but 128 take three times as long (13,
18 and 54 ms a training step, for 16 series of 64 steps on one CPU core). More units remember more
at once, not for longer: long series are shortened first (`memory`), or read by convolutions. The
report draws score against `lstm_units`. Copy this file, change it, and run

    automl-sem search my_space.py
"""

from keras import Input, Model, layers, ops

from automl_sem import Augment, Recipe
from automl_sem.search_spaces import sequences

KIND = "series"

WITH_LSTM = ["lstm", "cnn-lstm", "lstm-fcn"]
WITH_CNN = ["cnn", "cnn-lstm", "lstm-fcn"]
FRONTS = {"plain": sequences.plain_front, "residual": sequences.residual_front}

# Trial 0: the LSTM from the textbook, whose last state is classified.
BASELINE = {
    "network": "lstm", "cell": "lstm", "lstm_units": 64, "lstm_layers": 1, "both_ways": False,
    "memory": 64, "pooling": "last", "dropout": 0.0,
    "training": "short", "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0,
    "augment": False, "label_smoothing": 0.0, "class_weight": "none",
}  # fmt: skip

WELL_TRAINED = {
    "training": "long", "learning_rate": 3e-3, "schedule": "cosine", "weight_decay": 1e-4,
    "augment": False, "label_smoothing": 0.1, "class_weight": "none", "dropout": 0.2,
}  # fmt: skip
MILD = {"augment": True, "warp": 0.03, "crop": 0.1, "noise": 0.05, "mute": 0.0, "mixup": 0.0}
LSTM_FCN = {
    "network": "lstm-fcn", "front": "plain", "filters": 32, "resolution": 128,
    "cell": "lstm", "lstm_units": 8, "lstm_layers": 1, "both_ways": False, "memory": 64,
    "pooling": "last",
}  # fmt: skip
RESIDUAL = {"network": "cnn", "front": "residual", "filters": 16, "resolution": 128}
FINE = {"resolution": 512, "training": "longest"}  # for outlines of leaves and the like
GOOD_STARTS = [
    {**WELL_TRAINED, **RESIDUAL},
    {**WELL_TRAINED, **RESIDUAL, **FINE},
    {**WELL_TRAINED, **LSTM_FCN},
    {**WELL_TRAINED, **RESIDUAL, **MILD},
]


def build(hp, data):
    """Return one network: convolutions, an LSTM, or both, then pooling and a classifier."""
    network = hp.Choice("network", ["lstm", "cnn-lstm", "lstm-fcn", "cnn"])
    with hp.conditional_scope("network", WITH_CNN):
        front = hp.Choice("front", [*FRONTS])
        filters = hp.Choice("filters", [16, 32, 64])
        resolution = hp.Choice("resolution", [128, 256, 512])  # steps that the first block sees
    with hp.conditional_scope("network", WITH_LSTM):
        cell = hp.Choice("cell", ["lstm", "gru"])
        units = hp.Choice("lstm_units", [8, 16, 32, 64, 128])
        count = hp.Int("lstm_layers", 1, 2)
        both_ways = hp.Boolean("both_ways")
        memory = hp.Choice("memory", [32, 64, 96])  # steps that the LSTM sees
        pooling = hp.Choice("pooling", ["last", "mean", "max", "attention"])
        with hp.conditional_scope("lstm_layers", [2]):
            between = hp.Choice("layer_dropout", [0.0, 0.2, 0.4]) or 0.0
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)

    inputs = Input((None, data.input_shape[-1]))  # of any length
    time = data.usual_length
    x, mask = inputs, sequences.real_steps(inputs)
    read = []
    if network in WITH_CNN:
        x, mask = sequences.shorten_to(x, mask, time, resolution)
        time = min(time, resolution)
        features, seen, length = FRONTS[front](x, mask, filters, time)
        if network == "cnn-lstm":
            x, mask, time = features, seen, length
        else:
            read.append(sequences.pool(features, seen, "mean"))
    if network in WITH_LSTM:
        x, mask = sequences.shorten_to(x, mask, time, memory)
        x = sequences.recurrent(x, mask, cell, units, count, both_ways=both_ways, drop=between)
        read.append(sequences.pool(x, mask, pooling, both_ways=both_ways))
    x = ops.concatenate(read, axis=-1) if len(read) > 1 else read[0]
    x = layers.Dropout(dropout)(x)
    return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))


def recipe(hp, data):
    """Return how to train it: how long follows from the number of series."""
    steps = 250 + data.n_train // 8
    longer = {"short": 1, "long": 2, "longest": 4}
    return Recipe(
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        schedule=hp.Choice("schedule", ["cosine", "constant"]),
        weight_decay=hp.Choice("weight_decay", [0.0, 1e-4, 1e-3]),
        batch_size=16 if data.n_train < 500 else 32 if data.n_train < 5000 else 64,
        steps=steps * longer[hp.Choice("training", [*longer])],
        clip_norm=1.0,  # an LSTM's gradients can grow with every step back in time
        augment=augmentation(hp),
        label_smoothing=hp.Choice("label_smoothing", [0.0, 0.05, 0.1]),
        class_weight=hp.Choice("class_weight", ["none", "balanced", "sampling"]),
    )


def augmentation(hp):
    """Return how training series are changed: not at all, or each change by its strength."""
    augment = hp.Boolean("augment")
    with hp.conditional_scope("augment", [True]):
        strengths = {
            "warp": hp.Choice("warp", [0.0, 0.03, 0.06, 0.1]),  # shares of the length
            "crop": hp.Choice("crop", [0.0, 0.1, 0.3]),
            "noise": hp.Choice("noise", [0.0, 0.05, 0.1, 0.2]),  # of the standard deviation
            "channels": hp.Choice("mute", [0.0, 0.3]),
            "mixup": hp.Choice("mixup", [0.0, 0.2]),
        }
    return Augment(**strengths) if augment else Augment()
