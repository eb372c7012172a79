"""What an `Augment` does to a batch: its layers, one after the other, then mixup."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from automl_sem.augment import check_augment
from automl_sem.augmentation.affine import RandomAffine
from automl_sem.augmentation.base import RandomChange
from automl_sem.augmentation.cutout import RandomCutout
from automl_sem.augmentation.drop import RandomDrop
from automl_sem.augmentation.elastic import RandomElastic
from automl_sem.augmentation.light import RandomLight
from automl_sem.augmentation.mixup import draw_weights, mix, mix_series
from automl_sem.augmentation.mute import RandomMute
from automl_sem.augmentation.noise import RandomNoise
from automl_sem.augmentation.stroke import RandomStroke
from automl_sem.augmentation.time import RandomTime
from automl_sem.types import Augment

ALL = slice(None)


class Augmentation:
    """Changes training batches at random.

    Args:
        augment: What to change, and how strongly.
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        shape: Shape of an example, ([frames,] height, width, channels) or (time, channels); of
            series a batch may be shorter or longer.

    Raises:
        UserError: If a change does not apply to the kind of data.
    """

    def __init__(self, augment: Augment, kind: str, shape: tuple[int, ...]) -> None:
        self._series = kind == "series"
        self._shape = shape
        self._layers = layers_of(augment, kind)
        self._mixup = augment.mixup

    def __call__(
        self, values: Any, targets: Any, seed: Any, fill: Any, share: slice = ALL
    ) -> tuple[Any, Any]:
        """Return the changed examples and targets of a share of a batch.

        An example changes in the same way whatever the share that it is part of, and a series
        however much padding there is.

        Args:
            values: The whole batch, float32: images or clips, (batch, [frames,] height, width,
                channels), 0 to 255, or standardised series, (batch, time, channels), NaN where
                they are padded.
            targets: Class probabilities to learn, (batch, classes).
            seed: int32 (2,), a stateless seed.
            fill: Background value, 0 to 255; of series 0.
            share: Which of the batch to return.
        """
        sizes = tf.shape(values)
        batch = sizes[0]
        shape = (sizes[1], self._shape[-1]) if self._series else self._shape
        seeds = [
            seed + np.array([104729 * number, 0], np.int32)
            for number in range(len(self._layers) + 1)
        ]
        draws = [
            layer.draw(batch, shape, own) for layer, own in zip(self._layers, seeds, strict=False)
        ]

        def changed(chosen: Any, drawn: list[Any]) -> Any:
            for layer, own in zip(self._layers, drawn, strict=True):
                chosen = layer.change(chosen, own[share], fill)
            return chosen

        ours = changed(values[share], draws)
        if not self._mixup:
            return ours, targets[share]
        if share.start is None and share.stop is None:
            partners = backwards(ours)
        else:
            partners = changed(backwards(values)[share], [backwards(drawn) for drawn in draws])
        weights = draw_weights(batch, self._mixup, seeds[-1])[share]
        mixed = (mix_series if self._series else mix)(ours, partners, weights)
        return mixed, mix(targets[share], backwards(targets)[share], weights)


def backwards(values: Any) -> Any:
    """Return a batch in reverse; a slice with a step of -1 takes seven times as long."""
    return tf.reverse(values, [0])


def layers_of(augment: Augment, kind: str) -> list[RandomChange]:
    """Return the layers of an augmentation, in the order in which they are applied.

    Args:
        augment: What to change, and how strongly.
        kind: Kind of data.

    Raises:
        UserError: If a change does not apply to the kind of data.
    """
    check_augment(augment, kind)
    layers: list[RandomChange] = []
    time = (augment.speed, augment.start, augment.warp, augment.crop)
    affine = (augment.rotation, augment.scale, augment.aspect, augment.shear, augment.shift)
    # The order is that in which a picture comes about: shape, pen, gaps, light, camera. Strokes
    # come after the shape, so that their thickness is what one sees, whatever the scale. What
    # happens in time comes before all of them; a sensor fails, and a video stalls, at the end.
    if any(time):
        layers.append(RandomTime(*time))
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
    if augment.channels:
        layers.append(RandomMute(augment.channels))
    if augment.drop:
        layers.append(RandomDrop(augment.drop))
    return layers
