"""`saved_model/`: TensorFlow's format, for TensorFlow Serving and for use without Keras.

https://www.tensorflow.org/guide/saved_model
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from automl_sem.export.base import Format, Predict


def write(model: Any, path: Path, class_names: Sequence[str]) -> None:  # noqa: ARG001
    """Write a SavedModel whose signature takes uint8 (batch, height, width, channels)."""
    import keras

    signature = keras.InputSpec(dtype="uint8", shape=(None, None, None, model.input_shape[-1]))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda images: model(images, training=False), [signature])
    archive.write_out(path, verbose=False)


def load(path: Path) -> Predict:
    """Load a SavedModel with TensorFlow alone."""
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda images: model.serve(images).numpy()


SAVED_MODEL = Format(
    name="saved-model",
    file="saved_model",
    write=write,
    load=load,
    usage="""
import tensorflow as tf
model = tf.saved_model.load("saved_model")
probabilities = model.serve(images).numpy()
""",
    without=("keras",),
)
