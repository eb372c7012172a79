"""Change real and generated images alike, so that gradients reach the generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_sem.gan_recipe import DiffAugment


def draw(batch: Any, seed: Any) -> Any:
    """Return what is random about a batch, (batch, 6) in 0..1.

    Args:
        batch: Number of images.
        seed: int32 (2,), a stateless seed.
    """
    import tensorflow as tf

    return tf.random.stateless_uniform((batch, 6), seed)


def change(images: Any, draws: Any, augment: DiffAugment, fill: Any) -> Any:
    """Return the images as the discriminator sees them; the same draws give the same changes.

    Light, then translation, then cutout, as in Zhao et al. 2020 (arXiv 2006.10738). What comes
    into view, and the square that is cut out, have the background value: the paper's 0 is the
    middle of its range, which on drawings would be one more shape.

    Args:
        images: (batch, height, width, channels), 0 to 1.
        draws: What `draw` returned for them: brightness, contrast, shift in y and x, middle of
            the square in y and x.
        augment: How strongly.
        fill: Background value, 0 to 1.
    """
    if augment.brightness or augment.contrast:
        images = _light(images, draws[:, :2] * 2.0 - 1.0, augment)
    if augment.translation:
        images = _translate(images, draws[:, 2:4], augment.translation, fill)
    if augment.cutout:
        images = _cut_out(images, draws[:, 4:6], augment.cutout, fill)
    return images


def _light(images: Any, draws: Any, augment: DiffAugment) -> Any:
    """Not clipped: beyond the range a generator would get no gradient."""
    import tensorflow as tf

    draws = draws[:, :, None, None, None]
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    contrasted = mean + (1.0 + draws[:, 1] * augment.contrast) * (images - mean)
    return contrasted + draws[:, 0] * augment.brightness


def _translate(images: Any, draws: Any, most: float, fill: Any) -> Any:
    import tensorflow as tf

    for axis, side in ((1, images.shape[1]), (2, images.shape[2])):
        far = int(most * side + 0.5)
        if not far:
            continue
        shift = tf.cast(tf.floor(draws[:, axis - 1] * (2 * far + 1)), tf.int32) - far
        source = np.arange(side, dtype=np.int32) - shift[:, None]  # (batch, side)
        inside = (source >= 0) & (source < side)
        moved = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        shape = [-1, 1, 1, 1]
        shape[axis] = side
        images = tf.where(tf.reshape(inside, shape), moved, fill)
    return images


def _cut_out(images: Any, draws: Any, share: float, fill: Any) -> Any:
    import tensorflow as tf

    covered = []
    for axis, side in enumerate(images.shape[1:3]):
        length = int(share * side + 0.5)
        first = tf.floor(draws[:, axis] * (side + 1 - length % 2)) - length // 2
        pixels = np.arange(side, dtype=np.float32)
        covered.append((pixels >= first[:, None]) & (pixels < first[:, None] + length))
    square = covered[0][:, :, None] & covered[1][:, None, :]
    return tf.where(square[..., None], fill, images)
