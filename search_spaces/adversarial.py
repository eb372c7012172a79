"""Building blocks of GANs: a generator of images and a discriminator.

    from automl_sem.search_spaces.adversarial import discriminator, generator

Made of Keras's own layers, so that an exported generator needs nothing of this project.
Images are floats from 0 to 1, (batch, height, width, channels), height and width alike.
"""

from keras import Input, Model, layers

from automl_sem.search_spaces.blocks import normalize

FEWEST = 4  # pixels a side: from there a generator enlarges, to there a discriminator reduces
NARROWEST = 8  # channels, however large images are


def halvings(side, most=FEWEST):
    """Return how often a side is halved, rounded up, until it is no longer than `most`."""
    count = 0
    while side > most:
        side, count = -(-side // 2), count + 1
    return count


def channels(width, level):
    """Return the channels at a size: half as many each time that sides are doubled.

    So every size takes about as long as the one before, and large images are not hopeless.

    Args:
        width: Channels at the smallest size.
        level: How often sides were doubled since.
    """
    return max(min(NARROWEST, width), width // 2**level)


def generator(data, latent_dim, width, depth, up_sampling, normalization, conditional):
    """Return a model that draws images from noise, and if `conditional` of a given class.

    Radford et al. 2015, DCGAN (arXiv 1511.06434): enlarge step by step, with half as many
    channels each time.

    Args:
        data: Description of the data.
        latent_dim: Numbers that an image is drawn from.
        width: Channels at the smallest size.
        depth: Further convolutions after each enlargement.
        up_sampling: `"transposed"` convolutions, or `"resize"` and then convolve, which leaves
            no checkerboard (Odena et al. 2016, distill.pub/2016/deconv-checkerboard).
        normalization: Of `blocks.NORMALIZATIONS`.
        conditional: Whether it takes class numbers as well.
    """
    side = data.input_shape[0]
    times = max(1, halvings(side))
    smallest = -(-side // 2**times)
    bias = normalization == "none"
    noise = Input((latent_dim,), name="noise")
    inputs, x = [noise], noise
    if conditional:
        label = Input((), dtype="int32", name="label")
        inputs.append(label)
        x = layers.Concatenate()([noise, layers.Embedding(data.classes, latent_dim)(label)])
    x = layers.Dense(smallest * smallest * width, use_bias=bias)(x)
    x = layers.Reshape((smallest, smallest, width))(x)
    x = layers.Activation("relu")(normalize(x, normalization))
    for level in range(1, times + 1):
        filters = channels(width, level)
        if up_sampling == "transposed":
            x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=bias)(x)
        else:
            x = layers.UpSampling2D(2)(x)
            x = layers.Conv2D(filters, 3, padding="same", use_bias=bias)(x)
        x = layers.Activation("relu")(normalize(x, normalization))
        for _ in range(depth):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=bias)(x)
            x = layers.Activation("relu")(normalize(x, normalization))
    x = layers.Conv2D(data.input_shape[-1], 3, padding="same", activation="sigmoid")(x)
    extra = x.shape[1] - side  # sides that are no multiple of a power of 2
    if extra:
        ends = (extra // 2, extra - extra // 2)
        x = layers.Cropping2D((ends, ends))(x)
    return Model(inputs, x, name="generator")


def discriminator(data, width, depth, normalization, conditional):
    """Return a model that tells real images from generated ones, by one logit each.

    DCGAN's: halve step by step, with twice as many channels each time. With a class given, its
    answer is also how well the image's features and the class go together (Miyato and
    Koyama 2018, cGANs with Projection Discriminator, arXiv 1802.05637).

    Args:
        data: Description of the data.
        width: Channels at the smallest size; half as many at each before.
        depth: Further convolutions at each size.
        normalization: Of `blocks.NORMALIZATIONS`, or `"spectral"`, which keeps each layer's
            largest gain at 1 (Miyato et al. 2018, arXiv 1802.05957).
        conditional: Whether it takes class numbers as well.
    """
    spectral = normalization == "spectral"
    among = "none" if spectral else normalization
    limited = layers.SpectralNormalization if spectral else lambda layer: layer
    bias = among == "none"
    image = Input(data.input_shape, name="image")
    inputs, x = [image], image
    times = max(2, halvings(data.input_shape[0]))
    for number in range(times):
        filters = channels(width, times - 1 - number)
        for layer in range(1 + depth):
            strides = 1 if layer else 2
            first = number == layer == 0  # which DCGAN leaves as it is
            x = limited(
                layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=first or bias)
            )(x)
            x = layers.LeakyReLU(0.2)(x if first else normalize(x, among))
    x = layers.Flatten()(x)
    answer = limited(layers.Dense(1))(x)
    if conditional:
        label = Input((), dtype="int32", name="label")
        inputs.append(label)
        wanted = limited(layers.Embedding(data.classes, x.shape[-1]))(label)
        answer = layers.Add()([answer, layers.Dot(axes=-1)([wanted, x])])
    return Model(inputs, answer, name="discriminator")
