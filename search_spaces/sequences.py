"""Building blocks of networks for series and clips, each as in its paper.

    from automl_sem.search_spaces.sequences import convolutions, pool, real_steps, recurrent

Series are as long as they are: zeros fill the end of shorter ones. Every block takes a tensor
(batch, time, channels) and a mask (batch, time) which is True where a step is real, and gives
the same whether much or little padding stands behind. All are made of Keras's own layers and
operations, so that an exported network needs nothing of this project to be loaded.

On a GPU, recurrent layers run on the fast kernel of cuDNN, which takes all steps in one call. It
knows one kind of LSTM and GRU alone: padding behind, as here, and all else as Keras has it by
default. Another activation, `use_bias=False`, `unroll=True` or `recurrent_dropout` forbids it
(https://keras.io/api/layers/recurrent_layers/lstm/), so nothing here sets any of these.
"""

from keras import layers, ops

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}
FAR_LONGER = 4
COARSE = 128  # steps; fronts halve more than that after a block
KERNELS = (8, 5, 3)  # of the three convolutions in both papers


# Where a series ends


def real_steps(x):
    """Return the mask, (batch, time): True up to the last step that is not 0 in all channels.

    The first step is always real, since nothing can be made of no step at all.
    """
    seen = ops.cast(ops.any(ops.not_equal(x, 0), axis=-1), "int32")
    position = ops.cumsum(ops.ones_like(seen), axis=1)  # 1, 2, 3, ...
    length = ops.max(ops.multiply(position, seen), axis=1, keepdims=True)
    return ops.less_equal(position, ops.maximum(length, 1))


def blank(x, mask):
    """Return features with zeros in place of padding."""
    return ops.multiply(x, ops.cast(ops.expand_dims(mask, -1), x.dtype))


def shorten(x, mask, every):
    """Return the means of `every` steps at a time, and their mask.

    Args:
        x: Features, (batch, time, channels).
        mask: Real steps, (batch, time).
        every: How many steps become one; padding is not part of their mean.

    Returns:
        Features and mask, time divided by `every` and rounded up.
    """
    if every == 1:
        return x, mask
    # Padding behind and "valid" windows: "same" would begin elsewhere where time is odd.
    real = ops.cast(ops.expand_dims(mask, -1), x.dtype)
    both = layers.ZeroPadding1D((0, every - 1))(ops.concatenate([blank(x, mask), real], axis=-1))
    both = layers.AveragePooling1D(every, padding="valid")(both)
    x, share = ops.split(both, [x.shape[-1]], axis=-1)
    return ops.divide(x, ops.maximum(share, 0.5 / every)), ops.greater(ops.squeeze(share, -1), 0)


def shorten_to(x, mask, usual, most):
    """Return series of the usual length as at most `most` steps: `shorten` all if need be.

    Of one that is far longer than usual the first steps are read, `FAR_LONGER` times `most`: it
    should neither blur the others nor make all of them wait.
    """
    x, mask = shorten(x, mask, -(-usual // most))
    return x[:, : FAR_LONGER * most], mask[:, : FAR_LONGER * most]


# Convolutions


def convolution(x, mask, filters, kernel):
    """Convolution over time and batch normalisation, both blind to padding.

    What stands where the padding is is zeroed first, so that a series ends as if it were alone.
    """
    x = layers.Conv1D(filters, kernel, padding="same", use_bias=False)(blank(x, mask))
    # Keras's default momentum of 0.99 lags behind in trainings of a few hundred steps.
    return layers.BatchNormalization(momentum=0.9)(x, mask=mask)


def halve(x, mask, time):
    """Return the means of two steps each, their mask and usual length, of more than `COARSE`."""
    if time <= COARSE:
        return x, mask, time
    return *shorten(x, mask, 2), -(-time // 2)


def plain_front(x, mask, filters, time):
    """Three convolutions, the one in the middle twice as wide: a fully convolutional network.

    Wang, Yan and Oates 2016, Time Series Classification from Scratch with Deep Neural Networks
    (arXiv 1611.06455), figure 1b; there with 128 filters, and as many steps all the way. Here the
    fine detail of long series is read by the first convolution, and the others are spared it.

    Args:
        x: Series, (batch, time, channels).
        mask: Real steps, (batch, time).
        filters: Of the first convolution.
        time: Usual number of steps.

    Returns:
        Features, their mask, and their usual number of steps.
    """
    widths = filters, 2 * filters, filters
    for block, (width, kernel) in enumerate(zip(widths, KERNELS, strict=True)):
        if block:
            x, mask, time = halve(x, mask, time)
        x = layers.Activation("relu")(convolution(x, mask, width, kernel))
    return x, mask, time


def residual_front(x, mask, filters, time):
    """Three blocks of three convolutions that learn what to add to their input: a ResNet.

    The same paper, figure 1c; there with 64 filters, and as many steps all the way. Arguments and
    result are those of `plain_front`.
    """
    for block, width in enumerate((filters, 2 * filters, 2 * filters)):
        if block:
            x, mask, time = halve(x, mask, time)
        y = x
        for kernel in KERNELS[:-1]:
            y = layers.Activation("relu")(convolution(y, mask, width, kernel))
        y = convolution(y, mask, width, KERNELS[-1])
        x = layers.Activation("relu")(layers.Add()([convolution(x, mask, width, 1), y]))
    return x, mask, time


# Memory


def recurrent(x, mask, cell, units, count=1, *, both_ways=False, drop=0.0):
    """Recurrent layers, one on another; each step's output knows the steps before it.

    Hochreiter and Schmidhuber 1997, Long Short-Term Memory; Cho et al. 2014 (arXiv 1406.1078) for
    the GRU, which has three quarters of an LSTM's weights; Schuster and Paliwal 1997 for both ways.

    Args:
        x: Features, (batch, time, channels).
        mask: Real steps, (batch, time); None where all are.
        cell: One of `CELLS`.
        units: Size of the state, and of each direction's output.
        count: Number of layers.
        both_ways: Whether a second one reads each series from its end.
        drop: Share of a layer's outputs that the next one does not see while training, the same
            in all steps (Gal and Ghahramani 2015, arXiv 1512.05287).

    Returns:
        The output in each step, (batch, time, units), or twice the units if both ways.
    """
    for number in range(count):
        if number and drop:
            x = layers.SpatialDropout1D(drop)(x)
        layer = CELLS[cell](units, return_sequences=True)
        # Forward, what is read at real steps has not met the padding behind them: no mask, which
        # would make a step on a CPU a third slower.
        x = layers.Bidirectional(layer)(x, mask=mask) if both_ways else layer(x)
    return x


# From steps to one vector


def pool(x, mask, how, *, both_ways=False):
    """Return one vector for each series, (batch, channels).

    Args:
        x: Features, (batch, time, channels).
        mask: Real steps, (batch, time); None where all are.
        how: `"last"` real step, `"mean"` or `"max"` of all real steps, or `"attention"`.
        both_ways: Whether the second half of the channels was read from the end: its last
            state is that of the first step.
    """
    if how == "mean":
        return layers.GlobalAveragePooling1D()(x, mask=mask)
    if how == "max":
        seen = x if mask is None else ops.where(ops.expand_dims(mask, -1), x, -1e4)
        return ops.max(seen, axis=1)
    if how == "attention":
        return attention(x, mask)
    if both_ways:
        forward, backward = ops.split(x, 2, axis=-1)
        return ops.concatenate([last_step(forward, mask), ops.take(backward, 0, axis=1)], axis=-1)
    return last_step(x, mask)


def last_step(x, mask):
    """Return the features of each series' last real step, (batch, channels)."""
    if mask is None:
        return ops.take(x, -1, axis=1)
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    all_seen = ops.equal(count, ops.max(count, axis=1, keepdims=True))  # then, and ever after
    return ops.sum(blank(x, ops.logical_and(mask, all_seen)), axis=1)


def attention(x, mask):
    """Return a weighed mean of all steps, whose weights the network chooses for each series.

    Raffel and Ellis 2015, Feed-Forward Networks with Attention Can Solve Some Long-Term Memory
    Problems (arXiv 1512.08756), equation 1.
    """
    score = layers.Dense(1)(layers.Dense(x.shape[-1], activation="tanh")(x))
    real = None if mask is None else ops.expand_dims(mask, -1)
    weights = layers.Softmax(axis=1)(score, mask=real)
    return ops.sum(ops.multiply(x, weights), axis=1)


# Clips


def difference(x, how):
    """Return frames, (batch, time, height, width, channels), as a network is to see them.

    Args:
        x: Frames.
        how: `"frames"` as they are, the `"differences"` of each to the one before, or `"both"`
            as channels. What stands still is gone in differences (Simonyan and Zisserman 2014,
            arXiv 1406.2199, gave a network what moves as an input of its own).
    """
    if how == "frames":
        return x
    moved = layers.ZeroPadding3D(((1, 0), (0, 0), (0, 0)))(ops.diff(x, axis=1))
    return moved if how == "differences" else ops.concatenate([x, moved], axis=-1)


def each_frame(x):
    """Return all frames of all clips as one batch of images, and how to undo that.

    Keras's TimeDistributed does the same, one frame after another.
    """
    time = x.shape[1]
    images = ops.reshape(x, (-1, *x.shape[2:]))
    return images, lambda features: ops.reshape(features, (-1, time, features.shape[-1]))
