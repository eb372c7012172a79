"""Arrays: `.npz` files with x_train, y_train and the like, and NumPy arrays from Python."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.pixels import check_size, resize
from automl_sem.data.split import check_classes, hold_out_test
from automl_sem.errors import UserError
from automl_sem.types import Bytes, Ints

KEYS = ("x_train", "y_train", "x_test", "y_test", "class_names")

_SAVE = "Make one with numpy.savez(file, x_train=..., y_train=...)"


def load_npz(path: Path, *, image_size: int | None = None, seed: int = 0) -> Dataset:
    """Return the images of an `.npz` file.

    Args:
        path: Holds `x_train` and `y_train`, and may hold `x_test` with `y_test`, and
            `class_names`. `from_arrays` says what they may be.
        image_size: Height and width of all images; None leaves them as they are.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the file or an array in it cannot be used.
    """
    arrays = _read(path)
    if missing := [key for key in ("x_train", "y_train") if key not in arrays]:
        raise UserError(
            f"there is no {' and no '.join(missing)} in this file, only: "
            + (", ".join(sorted(arrays)) or "nothing"),
            where=path,
            hint=f"Known names: {', '.join(KEYS)}",
        )
    names = arrays.get("class_names")
    return _dataset(
        {key: arrays.get(key) for key in KEYS[:4]},
        class_names=None if names is None else [str(name) for name in np.ravel(names)],
        name=path.stem,
        source=str(path.resolve()),
        where=path,
        image_size=image_size,
        seed=seed,
    )


def from_arrays(
    x: ArrayLike,
    y: ArrayLike,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
    image_size: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Return a dataset made of arrays; its `source` is empty, since nothing loads it again.

    Args:
        x: Images, (n, height, width) or (n, height, width, 1 or 3); whole numbers
            0..255, or floats in [0, 1] or 0..255.
        y: Classes, (n,) or (n, 1) whole numbers or strings, or one-hot (n, classes).
        x_test: Images of the test part; without it a fifth is split off.
        y_test: Classes of the test part.
        class_names: Names in the order of the sorted classes; None for the classes.
        name: Short name of the dataset.
        image_size: Height and width of all images; None leaves them as they are.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If an array cannot be used.
    """
    given = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
    return _dataset(
        {key: None if value is None else _array(value, key, name) for key, value in given.items()},
        class_names=class_names,
        name=name,
        source="",
        where=name,
        image_size=image_size,
        seed=seed,
    )


def _dataset(
    arrays: Mapping[str, NDArray[Any] | None],
    *,
    class_names: Sequence[str] | None,
    name: str,
    source: str,
    where: object,
    image_size: int | None,
    seed: int,
) -> Dataset:
    x, y, x_test, y_test = (arrays[key] for key in KEYS[:4])
    assert x is not None
    assert y is not None
    if (x_test is None) != (y_test is None):
        there, missing = ("x_test", "y_test") if y_test is None else ("y_test", "x_test")
        raise UserError(f"there is {there} but no {missing}", where=where, hint="Give both or none")
    top = _top(x, where)
    images = _images(x, "x_train", top, image_size, where)
    labels = _labels(y, "y_train", len(images), where)
    values = _values(labels, class_names, where)
    names = tuple(map(str, values if class_names is None else class_names))
    part = TrainingPart(images, _numbers(labels, values, where), _rows("train", images), names)
    check_classes(part.y, names, where)
    notes = _notes(x, images, top)
    if x_test is None or y_test is None:
        part, test, note = hold_out_test(part, seed)
        notes.append(note)
    else:
        images = _images(x_test, "x_test", top, image_size, where)
        _same_shape(part.x, images, where)
        labels = _labels(y_test, "y_test", len(images), where)
        test = HeldOutPart(images, _numbers(labels, values, where), _rows("test", images))
    options = {"image_size": image_size, "seed": seed}
    return Dataset(
        name=name,
        source=source,
        train=part,
        test=test,
        options={key: value for key, value in options.items() if value},
        notes=tuple(notes),
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name; those of other names are not loaded."""
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise UserError("this is no .npz file but a single array", where=path, hint=_SAVE)
        with file:
            unread = np.empty(0)
            return {key: file[key] if key in KEYS else unread for key in file.files}
    except PermissionError:
        raise UserError(
            "permission denied", where=path, hint="Check that you may read it"
        ) from None
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        if "allow_pickle" in str(error) and zipfile.is_zipfile(path):
            what = "it holds Python objects, which are not loaded since they may run code"
            raise UserError(what, where=path, hint="Save plain arrays of numbers") from None
        raise UserError("this is no .npz file", where=path, hint=_SAVE) from None


def _array(value: ArrayLike, key: str, where: object) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        raise UserError(f"{key} is no array: its rows differ in length", where=where) from None


def _top(x: NDArray[Any], where: object) -> float:
    """Return the value that stands for white: 1 for floats in [0, 1], else 255."""
    if x.dtype.kind == "f" and x.size and not np.isfinite(x).all():
        raise UserError("x_train has NaN or infinite values", where=where, hint="Replace them")
    return 1.0 if x.dtype.kind == "f" and x.size and x.min() >= 0 and x.max() <= 1 else 255.0


def _images(x: NDArray[Any], key: str, top: float, image_size: int | None, where: object) -> Bytes:
    """Return images as uint8 (n, height, width, channels)."""
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3) or not len(x):
        raise UserError(
            f"{key} must be (n, height, width) or (n, height, width, 1 or 3), with n above 0."
            f" Received: {x.shape[:-1] if x.ndim == 4 and x.shape[-1] == 1 else x.shape}",
            where=where,
        )
    if x.dtype.kind not in "uif":
        raise UserError(f"{key} must hold numbers. Received: {x.dtype}", where=where)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise UserError(f"{key} has NaN or infinite values", where=where, hint="Replace them")
    if not (x.min() >= 0 and x.max() <= top):
        raise UserError(
            f"{key} must lie in 0..{top:g}. Received: {x.min():g} to {x.max():g}",
            where=where,
            hint="Scale the values first, those of x_test like those of x_train",
        )
    images = x if x.dtype == np.uint8 else np.rint(x * (255 / top)).astype(np.uint8)
    size = images.shape[1:3] if image_size is None else (image_size, image_size)
    check_size((size[0], size[1]), where)
    return resize(images, (size[0], size[1]))


def _labels(y: NDArray[Any], key: str, examples: int, where: object) -> NDArray[Any]:
    """Return one whole number or string per example, (n,)."""
    if len(y.shape) == 0 or len(y) != examples:
        count = len(y) if y.shape else "no"
        images = key.replace("y", "x")
        raise UserError(f"{images} has {examples} rows, {key} has {count}", where=where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "S" or (y.dtype.kind == "O" and all(isinstance(v, str) for v in y.flat)):
        y = y.astype(np.str_)
    if y.dtype.kind == "b":
        y = y.astype(np.int64)
    if y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.rint(y)).all():
        y = y.astype(np.int64)
    if _is_one_hot(y):
        y = y.argmax(axis=1)
    if y.ndim != 1 or y.dtype.kind not in "uiU":
        raise UserError(
            f"{key} must hold one whole number or string per image, or be one-hot."
            f" Received: {y.dtype} {y.shape}",
            where=where,
        )
    return y


def _is_one_hot(y: NDArray[Any]) -> bool:
    if y.ndim != 2 or y.dtype.kind not in "ui" or y.shape[1] < 2:
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def _values(labels: NDArray[Any], class_names: Sequence[str] | None, where: object) -> NDArray[Any]:
    """Return the label of each class, in the order of their numbers."""
    found = np.unique(labels)
    if class_names is None:
        return found
    if len(set(class_names)) != len(class_names):
        raise UserError("class_names has a name twice", where=where)
    if labels.dtype.kind == "U":  # the names give the order
        return np.array(class_names, np.str_)
    if len(found) and found[0] >= 0 and found[-1] < len(class_names):
        return np.arange(len(class_names))
    if len(found) != len(class_names):
        raise UserError(
            f"class_names has {len(class_names)} names, y_train has {len(found)} classes",
            where=where,
        )
    return found


def _numbers(labels: NDArray[Any], values: NDArray[Any], where: object) -> Ints:
    """Return the class number of each label, (n,)."""
    if labels.dtype.kind == "U" or values.dtype.kind == "U":
        labels, values = labels.astype(np.str_), values.astype(np.str_)
    unknown = np.setdiff1d(labels, values)
    if len(unknown):
        raise UserError(
            f"labels that are not among the classes of y_train: {_few(unknown)}",
            where=where,
            hint=f"The classes are {_few(values)}",
        )
    order = np.argsort(values)
    return order[np.searchsorted(values[order], labels)].astype(np.int64)


def _few(values: NDArray[Any]) -> str:
    return ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")


def _same_shape(train: Bytes, test: Bytes, where: object) -> None:
    shapes = ["x".join(map(str, images.shape[1:])) for images in (train, test)]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"x_train has images of {shapes[0]}, x_test of {shapes[1]}",
            where=where,
            hint="Bring them to one size with --image-size, and to the same channels",
        )


def _rows(part: str, images: Bytes) -> tuple[str, ...]:
    return tuple(f"{part} row {row}" for row in range(len(images)))


def _notes(x: NDArray[Any], images: Bytes, top: float) -> list[str]:
    """Return what was done to the images, one sentence each."""
    notes = []
    if top == 1.0:
        notes.append("values in [0, 1] taken times 255 and rounded to 8 bits")
    elif x.dtype.kind == "f" and (x != np.rint(x)).any():
        notes.append("values in 0..255 rounded to 8 bits")
    if x.shape[1:3] != images.shape[1:3]:
        notes.append(f"images resized to {images.shape[1]}x{images.shape[2]}")
    return notes
