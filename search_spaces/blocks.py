"""Building blocks of image networks, each as in the figure of its paper.

    from automl_sem.search_spaces.blocks import residual_block

Every block takes a tensor (batch, height, width, channels) and returns one of the same
height and width with `filters` channels. All are made of Keras's own layers, so that an
exported network needs nothing of this project to be loaded.
"""

from math import gcd

from keras import layers

NORMALIZATIONS = ["none", "batch", "group", "layer"]


def normalize(x, normalization):
    """Normalise activations, one of `NORMALIZATIONS`.

    batch: Ioffe and Szegedy 2015, Batch Normalization (arXiv 1502.03167).
    group: Wu and He 2018, Group Normalization (arXiv 1803.08494), which small batches do not harm.
    layer: Ba, Kiros and Hinton 2016, Layer Normalization (arXiv 1607.06450), over the channels.
    """
    if normalization == "batch":
        # Keras's default momentum of 0.99 lags behind in trainings of a few hundred steps.
        return layers.BatchNormalization(momentum=0.9)(x)
    if normalization == "group":
        return layers.GroupNormalization(groups=gcd(8, x.shape[-1]))(x)  # groups must divide
    if normalization == "layer":
        return layers.LayerNormalization()(x)
    return x


def convolution(x, filters, kernel=3, normalization="none", *, strides=1):
    """Convolution and normalisation, which brings a bias of its own."""
    bias = normalization == "none"
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=bias)(x)
    return normalize(x, normalization)


def plain_block(x, filters, kernel=3, normalization="none", *, strides=1):
    """Convolution, normalisation, ReLU."""
    return layers.Activation("relu")(
        convolution(x, filters, kernel, normalization, strides=strides)
    )


def residual_block(x, filters, kernel=3, normalization="batch", *, squeeze=False, drop=0.0):
    """Two convolutions that learn what to add to their input: the basic block of a ResNet.

    He et al. 2015, Deep Residual Learning for Image Recognition (arXiv 1512.03385), figure 2.
    """
    y = plain_block(x, filters, kernel, normalization)
    y = convolution(y, filters, kernel, normalization)
    return layers.Activation("relu")(add(shortcut(x, filters), y, squeeze, drop))


def preactivation_block(x, filters, kernel=3, normalization="batch", *, squeeze=False, drop=0.0):
    """A residual block that normalises before it convolves: nothing is in the skip's way.

    He et al. 2016, Identity Mappings in Deep Residual Networks (arXiv 1603.05027), figure 4e.
    """
    y = layers.Activation("relu")(normalize(x, normalization))
    y = plain_block(y, filters, kernel, normalization)
    y = layers.Conv2D(filters, kernel, padding="same")(y)
    return add(shortcut(x, filters), y, squeeze, drop)


def separable_block(x, filters, kernel=3, normalization="batch"):
    """A convolution in two steps: in each channel over space, then over the channels.

    Chollet 2016, Xception (arXiv 1610.02357); Howard et al. 2017, MobileNets (arXiv 1704.04861),
    figure 3.
    """
    x = depthwise(x, kernel, normalization)
    return plain_block(x, filters, 1, normalization)


def inverted_block(
    x, filters, kernel=3, normalization="batch", *, expand=4, squeeze=False, drop=0.0
):
    """Widen, convolve each channel, narrow again without ReLU, add the input.

    Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks
    (arXiv 1801.04381), figure 3b.
    """
    y = plain_block(x, expand * x.shape[-1], 1, normalization)
    y = depthwise(y, kernel, normalization)
    y = convolution(y, filters, 1, normalization)
    return add(shortcut(x, filters), y, squeeze, drop)


def depthwise(x, kernel, normalization):
    """A convolution in each channel by itself, normalisation, ReLU."""
    x = layers.DepthwiseConv2D(kernel, padding="same", use_bias=normalization == "none")(x)
    return layers.Activation("relu")(normalize(x, normalization))


def squeeze_excite(x, ratio=4):
    """Look at the whole image, then turn each channel up or down.

    Hu et al. 2017, Squeeze-and-Excitation Networks (arXiv 1709.01507), figure 1.
    """
    channels = x.shape[-1]
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (batch, 1, 1, channels)
    scale = layers.Dense(max(4, channels // ratio), activation="relu")(scale)
    scale = layers.Dense(channels, activation="sigmoid")(scale)
    return layers.Multiply()([x, scale])


def stochastic_depth(x, drop):
    """Leave a branch out for a share `drop` of the images while training.

    Huang et al. 2016, Deep Networks with Stochastic Depth (arXiv 1603.09382). Dropout with one
    draw an image does just that; what is kept is scaled up, so that nothing changes in use.
    """
    return layers.Dropout(drop, noise_shape=(None, 1, 1, 1))(x) if drop else x


def answer(x, head, dense, dropout, data):
    """From what the last block sees to a probability of each class or label, or to numbers.

    Args:
        x: Features, (batch, height, width, channels) or (batch, units).
        head: `"flatten"` keeps every place, `"global"` the mean of each channel.
        dense: Units of a hidden layer, 0 for none.
        dropout: Share of features left out while training.
        data: Says how many outputs there are, and their activation: softmax for classes, sigmoid
            for labels, none for numbers.
    """
    pooled = head == "global" and len(x.shape) == 4
    x = layers.GlobalAveragePooling2D()(x) if pooled else layers.Flatten()(x)
    if dense:
        x = layers.Dense(dense, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    return layers.Dense(data.outputs, activation=data.activation)(x)


def shortcut(x, filters):
    """The input itself, or a 1x1 projection of it where the number of channels changes."""
    return x if x.shape[-1] == filters else layers.Conv2D(filters, 1)(x)


def add(skip, branch, squeeze=False, drop=0.0):
    """Add a branch to the skip connection, each of its channels weighed if `squeeze`."""
    if squeeze:
        branch = squeeze_excite(branch)
    return layers.Add()([skip, stochastic_depth(branch, drop)])
