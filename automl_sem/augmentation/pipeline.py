"""What an `Augment` does to a batch: its layers, one after the other, then mixup."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from automl_sem.augmentation.affine import RandomAffine
from automl_sem.augmentation.base import RandomChange
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
        draws = [
            layer.draw(batch, self._shape, seed + np.array([104729 * number, 0], np.int32))
            for number, layer in enumerate(self._layers)
        ]

        def changed(which: slice) -> Any:
            chosen = images[which]
            for layer, drawn in zip(self._layers, draws, strict=True):
                chosen = layer.change(chosen, drawn[which], fill)
            return chosen

        return changed(share), targets[share]


def layers_of(augment: Augment) -> list[RandomChange]:
    """Return the layers of an augmentation, in the order in which they are applied."""
    layers: list[RandomChange] = []
    affine = (augment.rotation, augment.scale, augment.aspect, augment.shear, augment.shift)
    if any(affine) or augment.flip:
        layers.append(RandomAffine(*affine, flip=augment.flip))
    return layers
