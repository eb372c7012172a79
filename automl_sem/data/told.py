"""Tell images and series apart where both are arrays.

The first rule that applies decides, and a note or an error says so:

1. `--kind`; `--image-size` and `--pad` are for images alone.
2. `lengths_train` or `lengths_test`: series.
3. Four dimensions: images. Two: series of one channel, if these are floats.
4. Three, and the last step of some example is NaN throughout: series, padded with NaN.
5. Three, and a side is shorter than images may be: series.
6. Three, all values within 0..255: images (n, height, width).
7. Three, other values: nobody can tell, so the person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.npz import large_arrays, read_npz
from automl_sem.data.pixels import MIN_SIDE
from automl_sem.errors import UserError

ArrayKind = Literal["images", "series"]

_ASK = 'Say --kind images or --kind series; in Python kind="series"'


def kind_of_npz(
    path: Path, kind: str | None = None, *, for_images: bool = False
) -> tuple[ArrayKind, str]:
    """Return what an `.npz` file holds, and a note if that was not plain.

    Args:
        path: The file.
        kind: What a person says that it holds, `"images"` or `"series"`, or None.
        for_images: Whether an option was given that only images have.

    Raises:
        UserError: If nobody can tell.
    """
    arrays: dict[str, Any] = {}
    if kind is None and not for_images:
        arrays = {**large_arrays(path, ("x_train", "lengths_train", "lengths_test"), bool)}
        arrays = arrays or read_npz(path, ("x_train",))
    lengths = any(key.startswith("lengths_") for key in arrays)
    return kind_of_array(arrays.get("x_train"), kind, lengths, for_images, path)


def kind_of_array(
    x: Any, kind: str | None, lengths: bool, for_images: bool, where: object
) -> tuple[ArrayKind, str]:
    """Return what an array holds, and a note if that was not plain.

    Args:
        x: The array, in memory or in a file; None if there is none.
        kind: What a person says that it holds, or None.
        lengths: Whether there are lengths of its examples.
        for_images: Whether an option was given that only images have.
        where: What errors are about.

    Raises:
        UserError: If nobody can tell.
    """
    if kind is not None:
        return ("series" if kind == "series" else "images"), ""
    if for_images or x is None or x.dtype.kind not in "uif":
        return "images", ""
    if lengths:
        return "series", "taken as series, since their lengths are given"
    shape = x.shape
    if len(shape) == 2 and x.dtype.kind == "f":
        return "series", "taken as series of one channel, since there are two dimensions"
    if len(shape) != 3 or not all(shape):
        return "images", ""
    if _padded(x):
        return "series", "taken as series, since some end in NaN"
    size = "x".join(map(str, shape[1:]))
    if min(shape[1:]) < MIN_SIDE:
        return "series", (
            f"taken as series (time, channels), since {size} is too small for images; --kind "
            "images says otherwise"
        )
    if x.dtype == np.uint8:
        return "images", ""
    low, high = _range(x)
    if not (low >= 0 and high <= 255):  # also where there is NaN
        values = "with NaN" if np.isnan(low) else f"values {low:g} to {high:g}"
        raise UserError(
            f"images of {size} pixels, or series of {shape[1]} steps in {shape[2]} channels? "
            f"Nobody can tell from x_train {shape}, {values}",
            where=where,
            hint=_ASK,
        )
    if x.dtype.kind != "f":
        return "images", ""
    return "images", (
        f"taken as images of {size} pixels, since values are within 0..255; --kind series says "
        "otherwise"
    )


def _padded(x: Any) -> bool:
    """Return whether the last step of an example is NaN throughout, but not all of it."""
    if x.dtype.kind != "f":
        return False
    for chunk in _chunks(x):
        ended = np.isnan(chunk[:, -1]).all(axis=-1)
        if not np.isnan(chunk[ended]).all():
            return True
    return False


def _range(x: Any) -> tuple[float, float]:
    """Return the smallest and the largest value, NaN if one is NaN."""
    ends = [(float(chunk.min()), float(chunk.max())) for chunk in _chunks(x) if chunk.size]
    return float(np.min([low for low, _ in ends])), float(np.max([high for _, high in ends]))


def _chunks(x: Any) -> Iterable[NDArray[Any]]:
    return [x] if isinstance(x, np.ndarray) else x.chunks()
