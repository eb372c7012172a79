"""A small CNN for 8x8 digits: the space that benchmarks search, ours and KerasTuner's alike.

It is a space as any other (`automl-sem search benchmarks/small_cnn.py --data digits`), and
`kerastuner_loop.py` builds and compiles its models from the same two functions.
"""

from keras import Input, Model, layers

from automl_sem import Recipe

KIND = "images"
EPOCHS = 10
BATCH_SIZE = 64


def build(hp, data):
    """Return `depth` convolutions, each but the last followed by pooling, and a classifier."""
    depth = hp.Int("depth", 1, 3)
    filters = hp.Choice("filters", [16, 32, 64])
    inputs = Input(data.input_shape)
    x = inputs
    for layer in range(depth):
        if layer:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(hp.Choice("dense", [32, 64, 128]), activation="relu")(x)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1))(x)
    outputs = layers.Dense(data.classes, activation="softmax")(x)
    return Model(inputs, outputs)


def recipe(hp):
    """Return how to train it: Adam at a constant rate, which is what is searched."""
    return Recipe(
        optimizer="adam",
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        schedule="constant",
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
    )
