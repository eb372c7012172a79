"""Views of an image or a clip that predictions are averaged over: test-time augmentation.

They are made of plain Keras operations, so that an exported model has them inside and loads
without us.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def averaged(predict: Callable[[Any], Any], images: Any, views: str) -> Any:
    """Return the mean prediction over the views of images, (batch, classes).

    Args:
        predict: Returns class probabilities, (batch, classes), of images.
        images: Images or a symbolic input, (batch, height, width, channels), or clips, (batch,
            frames, height, width, channels).
        views: One of `automl_sem.recipe.VIEWS`.
    """
    import keras

    made = views_of(images, views)
    if len(made) == 1:
        return predict(images)
    # One after the other rather than as one batch, which an export would have to take apart.
    return keras.ops.mean(keras.ops.stack([predict(view) for view in made]), axis=0)


def views_of(images: Any, views: str) -> list[Any]:
    """Return the views, each of the shape of the images; all frames of a clip are changed alike.

    Args:
        images: As for `averaged`.
        views: One of `automl_sem.recipe.VIEWS`. Images that are not square have two turns.
    """
    from keras import ops

    upright, across = -3, -2  # axes, of images and of clips
    if views == "flip":
        return [images, ops.flip(images, axis=across)]
    if views == "turn":
        half = ops.flip(ops.flip(images, axis=upright), axis=across)
        if images.shape[upright] != images.shape[across]:
            return [images, half]
        quarter = ops.flip(ops.swapaxes(images, upright, across), axis=upright)
        return [images, quarter, half, ops.flip(ops.flip(quarter, axis=upright), axis=across)]
    if views == "shift":
        # What comes into view repeats the border.
        top, bottom = images[..., :1, :, :], images[..., -1:, :, :]
        left, right = images[..., :1, :], images[..., -1:, :]
        return [
            images,
            ops.concatenate([top, images[..., :-1, :, :]], axis=upright),
            ops.concatenate([images[..., 1:, :, :], bottom], axis=upright),
            ops.concatenate([left, images[..., :-1, :]], axis=across),
            ops.concatenate([images[..., 1:, :], right], axis=across),
        ]
    return [images]
