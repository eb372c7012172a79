"""From which depth on does a network need skip connections? The same depth with and without.

    automl-sem search residual --trials 12 --discard none

Twelve trials: six depths, each once plain and once with a skip connection around every two
convolutions (He et al. 2015, arXiv 1512.03385, figures 1 and 6). Nothing else differs. The
report then draws score against depth, a line for each. With `--discard none` every trial is
trained on all folds, the bad ones too: they are what this is about.
"""

from keras import Input, Model, layers

from automl_sem import Recipe

KIND = "images"
DATA = "digits"

DEPTHS = [2, 4, 8, 12, 16, 24]
FILTERS = 16

# The whole plan: without skip connections and with, from shallow to deep.
BASELINE, *GOOD_STARTS = [
    {"depth": depth, "residual": residual} for depth in DEPTHS for residual in (False, True)
]


def build(hp, data):
    """Return `depth` convolutions of equal width, then global pooling and a classifier."""
    depth = hp.Choice("depth", DEPTHS)
    residual = hp.Boolean("residual")

    inputs = Input(data.input_shape)
    x = shrink(inputs)
    for _ in range(depth // 2):
        # No normalisation: it would help the plain network as well, and hide the lesson.
        y = layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(x)
        if residual:
            # The last convolution starts at zero, so that every block first does nothing
            # (Zhang et al. 2019, Fixup Initialization, arXiv 1901.09321).
            y = layers.Conv2D(FILTERS, 3, padding="same", kernel_initializer="zeros")(y)
            x = layers.Activation("relu")(layers.Add()([x, y]))
        else:
            x = layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(y)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))


def shrink(x):
    """Return `FILTERS` channels of an image of at most 16x16, so that depth costs little."""
    x = layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(x)
    while min(x.shape[1:3]) >= 8 and max(x.shape[1:3]) > 16:
        x = layers.MaxPooling2D(2)(x)
    return x


def recipe(_hp, data):
    """Return the one recipe for all: depth alone shall make the difference."""
    return Recipe(
        optimizer="adam",
        learning_rate=3e-3,
        schedule="cosine",
        batch_size=32,
        steps=400 + data.n_train // 10,
    )
