"""Examples from a `tf.data.Dataset`, gathered into arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.cache import GIB
from automl_sem.data.examples import too_large
from automl_sem.errors import UserError

WHERE = "tf.data.Dataset"
_PAIRS = "It must yield pairs (image, label), batched or not"


def is_tf_dataset(value: object) -> bool:
    """Return whether something is a `tf.data.Dataset`, without importing TensorFlow."""
    return hasattr(value, "element_spec") and hasattr(value, "as_numpy_iterator")


def read_tf_dataset(dataset: Any) -> dict[str, Any]:
    """Return the examples of a `tf.data.Dataset` as arguments of `from_arrays`.

    Args:
        dataset: Yields images with labels: (height, width[, channels]) each, or batches of
            these. The `class_names` of one that Keras made from a folder are kept.

    Returns:
        `x` (n, height, width[, channels]), `y` (n,) or one-hot (n, classes), `class_names`.

    Raises:
        UserError: If it is infinite, yields something else, or is too large for memory.
    """
    import tensorflow as tf

    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise UserError("it is infinite", where=WHERE, hint="Leave repeat() out, or add take(n)")
    batched = _batched(dataset.element_spec)
    x: list[NDArray[Any]] = []
    y: list[NDArray[Any]] = []
    size = 0
    for images, labels in _pairs(dataset, batched):
        x.append(images)
        y.append(labels)
        size += images.nbytes
        if too_large(2 * size):  # it is all copied once
            raise UserError(
                f"it has more than {size / GIB:.1f} GiB of images, too many for memory",
                where=WHERE,
                hint="Save them as image files, which are read bit by bit",
            )
    if not x:
        raise UserError("it yields no examples", where=WHERE)
    if len(shapes := {images.shape[1:] for images in x}) > 1:
        raise UserError(
            f"its images differ in shape: {_few(shapes)}",
            where=WHERE,
            hint="Resize them in map(), or save them as image files",
        )
    return {
        "x": np.concatenate(x),
        "y": np.concatenate(y),
        "class_names": getattr(dataset, "class_names", None),
    }


def _batched(spec: Any) -> bool:
    """Return whether a dataset yields batches, from the shapes that it announces."""
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(map(_is_tensor, spec))):
        raise UserError(f"it yields {_described(spec)}", where=WHERE, hint=_PAIRS)
    image, label = spec[0].shape, spec[1].shape
    if image.rank is None or not 2 <= image.rank <= 4 or (image.rank == 4 and label.rank == 0):
        raise UserError(f"it yields images of shape {image}", where=WHERE, hint=_PAIRS)
    if image.rank == 3:  # one image with channels, or a batch without
        return label.rank != 0 and image[-1] not in (1, 3)
    return bool(image.rank == 4)


def _is_tensor(spec: Any) -> bool:
    return hasattr(spec, "shape") and hasattr(spec, "dtype")


def _described(spec: Any) -> str:
    if isinstance(spec, tuple):
        return f"{len(spec)} things at a time"
    return "no labels" if _is_tensor(spec) else f"a {type(spec).__name__}"


def _pairs(dataset: Any, batched: bool) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for image, label in dataset.as_numpy_iterator():
        images, labels = np.asarray(image), np.asarray(label)
        if labels.dtype.kind in "OS":  # TensorFlow's strings are bytes
            text = [value.decode() for value in labels.ravel()]
            labels = np.array(text).reshape(labels.shape)
        yield (images, labels) if batched else (images[None], labels[None])


def _few(shapes: Sequence[Any] | set[Any]) -> str:
    names = sorted("x".join(map(str, shape)) for shape in shapes)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
