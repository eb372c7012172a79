"""What an `Augment` does to a batch: its layers, one after the other, then mixup."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from automl_sem.augmentation.affine import RandomAffine
from automl_sem.augmentation.base import RandomChange
from automl_sem.augmentation.cutout import RandomCutout
from automl_sem.augmentation.elastic import RandomElastic
from automl_sem.augmentation.light import RandomLight
from automl_sem.augmentation.mixup import draw_weights, mix
from automl_sem.augmentation.noise import RandomNoise
from automl_sem.augmentation.stroke import RandomStroke
from automl_sem.types import Augment

ALL = slice(None)


class Augmentation:
    """Changes training batches at random.

    Args:
        augment: What to change, and how strongly.
        shape: Shape of an image, (height, width, channels).
    """

    def __init__(self, augment: Augment, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._layers = layers_of(augment)
        self._mixup = augment.mixup

    def __call__(
        self, images: Any, targets: Any, seed: Any, fill: Any, share: slice = ALL
    ) -> tuple[Any, Any]:
        """Return the changed images and targets of a share of a batch.

        An image changes in the same way whatever the share that it is part of.

        Args:
            images: The whole batch, float32 (batch, height, width, channels), 0 to 255.
            targets: Class probabilities to learn, (batch, classes).
            seed: int32 (2,), a stateless seed.
            fill: Background value, 0 to 255.
            share: Which of the batch to return.
        """
        batch = tf.shape(images)[0]
        seeds = [
            seed + np.array([104729 * number, 0], np.int32)
            for number in range(len(self._layers) + 1)
        ]
        draws = [
            layer.draw(batch, self._shape, own)
            for layer, own in zip(self._layers, seeds, strict=False)
        ]

        def changed(chosen: Any, drawn: list[Any]) -> Any:
            for layer, own in zip(self._layers, drawn, strict=True):
                chosen = layer.change(chosen, own[share], fill)
            return chosen

        ours = changed(images[share], draws)
        if not self._mixup:
            return ours, targets[share]
        if share.start is None and share.stop is None:
            partners = backwards(ours)
        else:
            partners = changed(backwards(images)[share], [backwards(drawn) for drawn in draws])
        weights = draw_weights(batch, self._mixup, seeds[-1])[share]
        return mix(ours, partners, weights), mix(targets[share], backwards(targets)[share], weights)


def backwards(values: Any) -> Any:
    """Return a batch in reverse; a slice with a step of -1 takes seven times as long."""
    return tf.reverse(values, [0])


def layers_of(augment: Augment) -> list[RandomChange]:
    """Return the layers of an augmentation, in the order in which they are applied."""
    layers: list[RandomChange] = []
    affine = (augment.rotation, augment.scale, augment.aspect, augment.shear, augment.shift)
    # The order is that in which a picture comes about: shape, pen, gaps, light, camera. Strokes
    # come after the shape, so that their thickness is what one sees, whatever the scale.
    if any(affine) or augment.flip:
        layers.append(RandomAffine(*affine, flip=augment.flip))
    if augment.elastic:
        layers.append(RandomElastic(augment.elastic))
    if augment.stroke:
        layers.append(RandomStroke(augment.stroke))
    if augment.cutout:
        layers.append(RandomCutout(augment.cutout))
    if augment.brightness or augment.contrast:
        layers.append(RandomLight(augment.brightness, augment.contrast))
    if augment.noise:
        layers.append(RandomNoise(augment.noise))
    return layers
