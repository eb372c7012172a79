"""The model that is exported: preprocessing and network in one, of stock Keras layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_sem.data.pixels import resize, resizing_layer
from automl_sem.scoring.inputs import wants_raw_values
from automl_sem.scoring.views import averaged
from automl_sem.types import Bytes, Floats


def wrap(core: Any, views: str = "none", *, pad: int | None = None) -> Any:
    """Return a model from raw images to class probabilities.

    Args:
        core: The network as trained, for images of one size.
        views: What its predictions are averaged over, as in its recipe.
        pad: Value 0..255 that fills up images of another shape; None stretches them.

    Returns:
        A Keras model from uint8 (batch, height, width, channels), height and width being
        free, to float32 (batch, classes).
    """
    import keras

    _, height, width, channels = core.input_shape
    images = keras.Input((None, None, channels), dtype="uint8", name="images")
    x = resizing_layer((height, width), pad)(images)
    # A network that scales by itself gets 0..255, but as floats.
    x = keras.layers.Rescaling(1.0 if wants_raw_values(core) else 1.0 / 255.0)(x)
    # Resizing takes itself to be training unless told otherwise, and tells the layers after it:
    # without training=False, Dropout would drop when the model is simply called.
    network = without_augmentation(core)
    predicted = averaged(lambda view: network(view, training=False), x, views)
    return keras.Model(images, predicted, name="classifier")


def without_augmentation(model: Any) -> Any:
    """Return a model without the layers of this package, with the same weights.

    They do nothing in predictions, but could not be loaded where this package is not
    installed. A model with a `call` of its own stays as it is.

    Args:
        model: A model as `build` returns it, or one within it.
    """
    import keras

    from automl_sem.augmentation.base import RandomChange

    def changes(layer: Any) -> bool:
        return isinstance(layer, RandomChange) or any(map(changes, getattr(layer, "layers", [])))

    def call(layer: Any, *args: Any, **options: Any) -> Any:
        if isinstance(layer, RandomChange):
            return args[0]
        inner = without_augmentation(layer) if isinstance(layer, keras.Model) else layer
        return inner(*args, **options)

    if not changes(model) or not getattr(model, "inputs", None):
        return model
    ends = (
        tensors[0] if len(tensors) == 1 else tensors for tensors in (model.inputs, model.outputs)
    )
    graph = keras.Model(*ends, name=model.name)
    if type(model).call not in (type(graph).call, keras.Sequential.call):
        return model
    return keras.models.clone_model(graph, clone_function=lambda x: x, call_function=call)


def predict_core(
    core: Any,
    images: Bytes,
    views: str = "none",
    *,
    batch_size: int = 512,
    pad: int | None = None,
) -> Floats:
    """Return what the network itself predicts, without the wrapping, (n, classes).

    Args:
        core: The network as trained.
        images: uint8 (n, height, width, channels) in any size.
        views: What its predictions are averaged over, as in its recipe.
        batch_size: Images at a time.
        pad: Value 0..255 that fills up images of another shape; None stretches them.
    """
    _, height, width, _ = core.input_shape
    scale = np.float32(1.0 if wants_raw_values(core) else 1.0 / 255.0)
    parts = []
    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size]
        if batch.shape[1:3] != (height, width):
            batch = resize(batch, (height, width), pad)
        x = batch.astype(np.float32) * scale
        parts.append(np.asarray(averaged(lambda view: core(view, training=False), x, views)))
    return np.concatenate(parts).astype(np.float32)
