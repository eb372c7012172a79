"""`saved_model/`: TensorFlow's format, for TensorFlow Serving and for use without Keras.

https://www.tensorflow.org/guide/saved_model
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from automl_sem.export.base import Format, Predict
from automl_sem.scoring.kernels import without_gpu_kernels


def write(model: Any, path: Path, class_names: Sequence[str]) -> None:  # noqa: ARG001
    """Write a SavedModel whose signature takes what the model takes."""
    import keras

    signature = [keras.InputSpec(dtype=taken.dtype, shape=taken.shape) for taken in model.inputs]
    archive = keras.export.ExportArchive()
    archive.track(model)
    with without_gpu_kernels(model):  # it must run on a CPU, wherever it is written
        archive.add_endpoint("serve", functools.partial(_serve, model), signature)
        archive.write_out(path, verbose=False)


def _serve(model: Any, *inputs: Any) -> Any:
    return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)


def load(path: Path) -> Predict:
    """Load a SavedModel with TensorFlow alone."""
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda *inputs: model.serve(*inputs).numpy()


SAVED_MODEL = Format(
    name="saved-model",
    file="saved_model",
    write=write,
    load=load,
    usage="""
import tensorflow as tf
model = tf.saved_model.load("saved_model")
probabilities = model.serve({examples}).numpy()
""",
    without=("keras",),
)
