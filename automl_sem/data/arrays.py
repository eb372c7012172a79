"""Arrays: `.npz` files with x_train, y_train and the like, and NumPy arrays from Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_sem.data.cache import ExampleCache, cache_key
from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.examples import Source, hold, too_large
from automl_sem.data.labels import class_numbers, class_values, read_labels
from automl_sem.data.npz import Rows, large_arrays, read_npz
from automl_sem.data.pixels import check_size, resize
from automl_sem.data.split import check_classes, hold_out_test
from automl_sem.errors import UserError
from automl_sem.types import Bytes

Images = NDArray[Any] | Rows  # as they were saved, in memory or in a file

KEYS = ("x_train", "y_train", "x_test", "y_test", "class_names")


def load_npz(path: Path, *, image_size: int | None = None, seed: int = 0) -> Dataset:
    """Return the images of an `.npz` file; those too large for memory are memory-mapped.

    Args:
        path: Holds `x_train` and `y_train`, and may hold `x_test` with `y_test`, and
            `class_names`. `from_arrays` says what they may be.
        image_size: Height and width of all images; None leaves them as they are.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the file or an array in it cannot be used.
    """
    large = large_arrays(path, ("x_train", "x_test"), lambda x: _too_large(x, image_size))
    arrays = read_npz(path, [key for key in KEYS if key not in large])
    if missing := [key for key in ("x_train", "y_train") if key not in arrays]:
        raise UserError(
            f"there is no {' and no '.join(missing)} in this file, only: "
            + (", ".join(sorted(arrays)) or "nothing"),
            where=path,
            hint=f"Known names: {', '.join(KEYS)}",
        )
    names = arrays.get("class_names")
    return _dataset(
        {key: large.get(key, arrays.get(key)) for key in KEYS[:4]},
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
    arrays: Mapping[str, Images | None],
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
    assert isinstance(y, np.ndarray)
    if (x_test is None) != (y_test is None):
        there, missing = ("x_test", "y_test") if y_test is None else ("y_test", "x_test")
        raise UserError(f"there is {there} but no {missing}", where=where, hint="Give both or none")
    options = {"image_size": image_size, "seed": seed}
    key = cache_key([x.path], {**options, "version": 1}) if isinstance(x, Rows) else ""
    entry = ExampleCache().find(key) if key else None
    top, fractions = _scale(x, where) if entry is None else entry.facts
    shape = _form(x, "x_train", image_size, where)
    images = _places(x) if isinstance(x, Rows) else _images(x, "x_train", top, image_size, where)
    labels = read_labels(y, "y_train", len(images), where)
    values = class_values(labels, class_names, where)
    names = tuple(map(str, values if class_names is None else class_names))
    part = TrainingPart(images, class_numbers(labels, values, where), _rows("train", images), names)
    check_classes(part.y, names, where)
    notes = _notes(x, shape, top, fractions)
    if x_test is None or not isinstance(y_test, np.ndarray):
        part, test, note = hold_out_test(part, seed)
        notes.append(note)
    else:
        _same_shape(shape, _form(x_test, "x_test", image_size, where), where)
        images = (
            _places(x_test)
            if isinstance(x_test, Rows)
            else _images(x_test, "x_test", top, image_size, where)
        )
        labels = read_labels(y_test, "y_test", len(images), where)
        test = HeldOutPart(images, class_numbers(labels, values, where), _rows("test", images))
    if isinstance(x, Rows):
        rest = x_test if isinstance(x_test, Rows) else x
        places = {"x_train": (x, part.x), "x_test": (rest, test.x)}
        sources = {
            name: _source(rows, chosen, shape[1:], top, image_size, where)
            for name, (rows, chosen) in places.items()
        }
        held, kept = hold(sources, key, entry, [top, fractions])
        part, test = replace(part, x=held["x_train"]), replace(test, x=held["x_test"])
        notes += kept
    return Dataset(
        name=name,
        source=source,
        train=part,
        test=test,
        options={key: value for key, value in options.items() if value},
        notes=tuple(notes),
    )


def _array(value: ArrayLike, key: str, where: object) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        raise UserError(f"{key} is no array: its rows differ in length", where=where) from None


def _too_large(images: Collection[Rows], image_size: int | None) -> bool:
    """Whether images are too large for memory, as they were saved or as they will be."""
    saved = sum(rows.nbytes for rows in images)
    resized = sum(rows.shape[0] * (image_size or 0) ** 2 for rows in images)
    return too_large(max(saved, resized))


def _places(images: Rows) -> Bytes:
    """Return the row numbers, which stand for the images until these are decoded."""
    return cast(Bytes, np.arange(images.shape[0]))


def _source(
    images: Rows,
    places: NDArray[Any],
    shape: tuple[int, ...],
    top: float,
    image_size: int | None,
    where: object,
) -> Source:
    """Return some of the rows of a file, as images of one shape."""
    chosen = np.zeros(images.shape[0], np.bool_)
    chosen[places] = True

    def chunks() -> Iterator[Bytes]:
        first = 0
        for chunk in images.chunks():
            rows = chunk[chosen[first : first + len(chunk)]]
            first += len(chunk)
            if len(rows):
                yield _images(rows, images.key, top, image_size, where)

    return Source((len(places), *shape), chunks)


def _scale(x: Images, where: object) -> tuple[float, bool]:
    """Return the value that stands for white, and whether there are fractions of whole numbers.

    White is 1 for floats in [0, 1], else 255.
    """
    if x.dtype.kind != "f":
        return 255.0, False
    low, high, fractions = np.inf, -np.inf, False
    chunks: Iterable[NDArray[Any]] = x.chunks() if isinstance(x, Rows) else [x]
    for chunk in chunks:
        if not chunk.size:
            continue
        if not np.isfinite(chunk).all():
            raise UserError("x_train has NaN or infinite values", where=where, hint="Replace them")
        low, high = min(low, chunk.min()), max(high, chunk.max())
        fractions = fractions or bool((chunk != np.rint(chunk)).any())
    return (1.0 if low >= 0 and high <= 1 else 255.0), fractions


def _form(x: Images, key: str, image_size: int | None, where: object) -> tuple[int, ...]:
    """Return the shape that images will have, (n, height, width, channels)."""
    shape = (*x.shape, 1) if len(x.shape) == 3 else x.shape
    if len(shape) != 4 or shape[-1] not in (1, 3) or not shape[0]:
        raise UserError(
            f"{key} must be (n, height, width) or (n, height, width, 1 or 3), with n above 0."
            f" Received: {shape[:-1] if len(shape) == 4 and shape[-1] == 1 else shape}",
            where=where,
        )
    if x.dtype.kind not in "uif":
        raise UserError(f"{key} must hold numbers. Received: {x.dtype}", where=where)
    size = shape[1:3] if image_size is None else (image_size, image_size)
    return (shape[0], *size, shape[3])


def _images(x: NDArray[Any], key: str, top: float, image_size: int | None, where: object) -> Bytes:
    """Return images as uint8 (n, height, width, channels)."""
    _, height, width, _ = _form(x, key, image_size, where)
    x = x[..., None] if x.ndim == 3 else x
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise UserError(f"{key} has NaN or infinite values", where=where, hint="Replace them")
    if not (x.min() >= 0 and x.max() <= top):
        raise UserError(
            f"{key} must lie in 0..{top:g}. Received: {x.min():g} to {x.max():g}",
            where=where,
            hint="Scale the values first, those of x_test like those of x_train",
        )
    images = x if x.dtype == np.uint8 else np.rint(x * (255 / top)).astype(np.uint8)
    check_size((height, width), where)
    return resize(images, (height, width))


def _same_shape(train: tuple[int, ...], test: tuple[int, ...], where: object) -> None:
    shapes = ["x".join(map(str, shape[1:])) for shape in (train, test)]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"x_train has images of {shapes[0]}, x_test of {shapes[1]}",
            where=where,
            hint="Bring them to one size with --image-size, and to the same channels",
        )


def _rows(part: str, images: Bytes) -> tuple[str, ...]:
    return tuple(f"{part} row {row}" for row in range(len(images)))


def _notes(x: Images, shape: tuple[int, ...], top: float, fractions: bool) -> list[str]:
    """Return what is done to the images, one sentence each."""
    notes = []
    if top == 1.0:
        notes.append("values in [0, 1] taken times 255 and rounded to 8 bits")
    elif fractions:
        notes.append("values in 0..255 rounded to 8 bits")
    if x.shape[1:3] != shape[1:3]:
        notes.append(f"images resized to {shape[1]}x{shape[2]}")
    return notes
