"""Two small networks, with all that must not change while they are locked."""

import numpy as np
from keras import Input, Model, layers

from automl_sem import Gan

SHAPE = (8, 8, 1)
LATENT = 6
CLASSES = 3


def small_generator(conditional=False, side=8, normalization="batch"):
    noise = Input((LATENT,))
    inputs, x = noise, noise
    if conditional:
        label = Input((), dtype="int32")
        inputs = [noise, label]
        x = layers.Concatenate()([noise, layers.Embedding(CLASSES, 4)(label)])
    x = layers.Dense(side * side // 4 * 4, use_bias=False)(x)
    x = layers.Reshape((side // 2, side // 2, 4))(x)
    if normalization != "none":
        x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid")(x)
    return Model(inputs, x)


def small_discriminator(conditional=False, normalization="batch", side=8, dropout=0.2):
    image = Input((side, side, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(image)
    if normalization == "batch":
        x = layers.BatchNormalization()(x)
    x = layers.Dropout(dropout)(layers.LeakyReLU(0.2)(x))
    last = layers.Dense(1)
    x = layers.Flatten()(x)
    answer = layers.SpectralNormalization(last)(x) if normalization == "spectral" else last(x)
    if not conditional:
        return Model(image, answer)
    label = Input((), dtype="int32")
    wanted = layers.Embedding(CLASSES, x.shape[-1])(label)
    return Model([image, label], layers.Add()([answer, layers.Dot(axes=-1)([wanted, x])]))


def small_gan(conditional=False, normalization="batch", dropout=0.2):
    generator = small_generator(conditional, normalization=normalization)
    return Gan(generator, small_discriminator(conditional, normalization, dropout=dropout), LATENT)


def some_images(n=48, seed=0):
    """Bright squares in one of three places, and which, (n, 8, 8, 1) in 0..1 and (n,)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    images = np.zeros((n, *SHAPE), np.float32)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 3, 2 * label : 2 * label + 3] = rng.uniform(0.7, 1.0)
    return images, labels.astype(np.int32)
