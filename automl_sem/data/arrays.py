"""Arrays: `.npz` files with x_train, y_train and the like, IDX files, NumPy arrays from Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_sem.data.cache import ExampleCache, cache_key
from automl_sem.data.copies import digest, find_copies
from automl_sem.data.dataset import Dataset, HeldOutPart, Inspection, TrainingPart
from automl_sem.data.examples import Source, hold, in_memory, too_large
from automl_sem.data.folders import ANY
from automl_sem.data.groups import read_groups
from automl_sem.data.idx import find_idx, read_idx
from automl_sem.data.npz import Rows, check_names, large_arrays, read_npz
from automl_sem.data.parts import make_parts, row_names, rows
from automl_sem.data.pixels import WILD_SHAPE, Size, border, check_size, resize
from automl_sem.data.targets import read_targets
from automl_sem.errors import UserError
from automl_sem.types import Bytes

Images = NDArray[Any] | Rows  # as they were saved, in memory or in a file

KEYS = ("x_train", "y_train", "x_test", "y_test", "class_names", "groups", "groups_test")


@dataclass(frozen=True)
class Scan:
    """What going through all images once showed.

    Args:
        top: The value that stands for white.
        fractions: Whether values are fractions of whole numbers.
        digests: What is the same for copies, of each image of x_train and of x_test.
        borders: Value 0..255 along the border of each image of x_train; empty if nobody asked.
    """

    top: float
    fractions: bool
    digests: Mapping[str, Sequence[str]]
    borders: Sequence[int]


def load_npz(
    path: Path,
    *,
    image_size: int | None = None,
    pad: bool = False,
    unlabelled: bool = False,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the images of an `.npz` file; those too large for memory are memory-mapped.

    Args:
        path: Holds `x_train` and `y_train`, and may hold `x_test` with `y_test`,
            `class_names`, `groups` and `groups_test`. `from_arrays` says what they may be.
        image_size: Height and width of all images; None leaves them as they are.
        pad: Fill images of another shape up with the background, do not stretch them.
        unlabelled: Take all as of one class, whatever `y_train` says or if it is not there.
        task: What is to be learnt; None to find out.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If the file or an array in it cannot be used.
    """
    large = large_arrays(path, ("x_train", "x_test"), lambda x: _too_large(x, image_size))
    arrays = read_npz(path, [key for key in KEYS if key not in large])
    check_names({"y_train": None, **arrays} if unlabelled else arrays, KEYS, path)
    names = arrays.get("class_names")
    return _dataset(
        {key: large.get(key, arrays.get(key)) for key in KEYS},
        class_names=None if names is None else [str(name) for name in np.ravel(names)],
        unlabelled=unlabelled,
        task=task,
        name=path.stem,
        source=str(path.resolve()),
        where=path,
        files=[path],
        image_size=image_size,
        pad=pad,
        seed=seed,
    )


def load_idx(
    folder: Path,
    *,
    image_size: int | None = None,
    pad: bool = False,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the images of a folder with MNIST's own files.

    Args:
        folder: Holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and may hold
            those of `t10k`; with a dot for a hyphen, or with `.gz`, they are found too.
        image_size: Height and width of all images; None leaves them as they are.
        pad: Fill images of another shape up with the background, do not stretch them.
        task: What is to be learnt; None for classes.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If a file is missing or damaged, or images and labels do not fit together.
    """
    files = find_idx(folder)
    found = {key: read_idx(path, key) for key, path in files.items()}
    large = _too_large([x for key, x in found.items() if key.startswith("x")], image_size)
    arrays: dict[str, Images | None] = dict.fromkeys(KEYS)
    for key, array in found.items():
        arrays[key] = array if large and key.startswith("x") else array.whole()
    return _dataset(
        arrays,
        class_names=None,
        name=folder.resolve().name or "images",
        source=str(folder.resolve()),
        where=folder,
        files=list(files.values()),
        image_size=image_size,
        pad=pad,
        task=task,
        seed=seed,
    )


def from_arrays(
    x: ArrayLike,
    y: ArrayLike | None,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    groups: ArrayLike | None = None,
    name: str = "arrays",
    image_size: int | None = None,
    pad: bool = False,
    unlabelled: bool = False,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return a dataset made of arrays; its `source` is empty, since nothing loads it again.

    The background that `pad` fills up with is that of the training part alone. What stands for
    white, 1 or 255, is read from all of `x`, before a test part is split off: it says how
    numbers were saved, not what images show, and copies are not found without it.

    Args:
        x: Images, (n, height, width) or (n, height, width, 1 or 3); whole numbers
            0..255, or floats in [0, 1] or 0..255.
        y: Classes, (n,) or (n, 1) whole numbers or strings, or one-hot (n, classes); several
            labels, (n, labels) of 0 and 1; or numbers to predict, (n,) or (n, outputs), of which
            some are fractions. None if `unlabelled`.
        x_test: Images of the test part; without it a fifth is split off.
        y_test: Classes of the test part.
        class_names: Names in the order of the sorted classes, or of the columns of `y`; None for
            the classes.
        groups: Group of each training example, (n,) whole numbers or strings: examples of
            one writer or patient, which must stay in one fold.
        name: Short name of the dataset.
        image_size: Height and width of all images; None leaves them as they are.
        pad: Fill images of another shape up with the background, do not stretch them.
        unlabelled: Take all as of one class.
        task: What is to be learnt, `"classification"`, `"multi-label"` or `"regression"`; None
            to find out by `y`.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If an array cannot be used.
    """
    given = dict.fromkeys(KEYS) | {
        "x_train": x,
        "y_train": y,
        "x_test": x_test,
        "y_test": y_test,
        "groups": groups,
    }
    return _dataset(
        {key: None if value is None else _array(value, key, name) for key, value in given.items()},
        class_names=class_names,
        name=name,
        source="",
        where=name,
        files=[],
        image_size=image_size,
        pad=pad,
        unlabelled=unlabelled,
        task=task,
        seed=seed,
    )


def _dataset(
    arrays: Mapping[str, Images | None],
    *,
    class_names: Sequence[str] | None,
    name: str,
    source: str,
    where: object,
    files: Sequence[Path],
    image_size: int | None,
    pad: bool,
    seed: int,
    unlabelled: bool = False,
    task: str | None = None,
) -> Dataset:
    if unlabelled:
        arrays, class_names = _of_one_class(arrays), (ANY,)
    x, y, x_test, y_test = (arrays[key] for key in KEYS[:4])
    assert x is not None
    assert isinstance(y, np.ndarray)
    if (x_test is None) != (y_test is None):
        there, missing = ("x_test", "y_test") if y_test is None else ("y_test", "x_test")
        raise UserError(f"there is {there} but no {missing}", where=where, hint="Give both or none")
    options = {
        "image_size": image_size,
        "pad": pad,
        "unlabelled": unlabelled,
        "task": task,
        "seed": seed,
    }
    shape = _form(x, "x_train", image_size, where)
    targets = read_targets(
        y,
        shape[0],
        y_test if isinstance(y_test, np.ndarray) else None,
        0 if x_test is None or not x_test.shape else x_test.shape[0],
        names=class_names,
        task=None if unlabelled else task,
        fewest=1 if unlabelled else 2,
        where=where,
    )
    if x_test is not None:
        _same_shape(shape, _form(x_test, "x_test", image_size, where), where)
    chosen = {name: value for name, value in options.items() if name != "task" or value}
    key = cache_key(files, {**chosen, "version": 3}) if isinstance(x, Rows) else ""
    entry = ExampleCache().find(key) if key else None
    scan = _scan(x, x_test, pad, where) if entry is None else Scan(**entry.facts)
    test = _test_part(arrays, targets.test)
    parts = make_parts(
        TrainingPart(
            rows(shape[0]),
            targets.train,
            row_names("train", shape[0]),
            targets.names,
            task=targets.task,
        ),
        test,
        groups=_groups(arrays["groups"], "groups", shape[0], where),
        groups_test=None
        if test is None
        else _groups(arrays["groups_test"], "groups_test", len(test.y), where),
        digests=scan.digests["x_train"],
        seed=seed,
    )
    part, test = parts.train, parts.test
    tested = (x, "x_train") if x_test is None else (x_test, "x_test")
    origin = {"x_train": (x, "x_train"), "x_test": tested}
    places = {"x_train": part.x, "x_test": test.x}
    fill = round(float(np.median(np.take(scan.borders, part.x)))) if pad else None
    notes = [*_notes(x, shape, scan, fill), *targets.notes, *parts.notes]
    digests = [[scan.digests[origin[side][1]][row] for row in places[side]] for side in places]
    copies = find_copies(digests[0], part.y, part.names, digests[1], test.names)
    sources = {
        side: _source(images, places[side], shape[1:], scan, image_size, fill, where)
        for side, (images, _) in origin.items()
    }
    if key:
        held, kept = hold(sources, key, entry, asdict(scan))
    else:
        held, kept = {side: in_memory(source) for side, source in sources.items()}, []
    return Dataset(
        name=name,
        source=source,
        train=replace(part, x=held["x_train"]),
        test=replace(test, x=held["x_test"]),
        options={key: value for key, value in options.items() if value},
        notes=(*notes, *copies.notes(grouped=part.groups is not None), *kept),
        pad=fill,
        inspection=Inspection(np.array([x.shape[1:3]], np.int64), copies),
    )


def _of_one_class(arrays: Mapping[str, Images | None]) -> dict[str, Images | None]:
    labels = {
        f"y_{part}": np.zeros(x.shape[0], np.int64)
        for part in ("train", "test")
        if (x := arrays[f"x_{part}"]) is not None and x.shape
    }
    return {**arrays, "y_test": None, **labels}


def _test_part(
    arrays: Mapping[str, Images | None], targets: NDArray[Any] | None
) -> HeldOutPart | None:
    """Return the test part with row numbers for images, or None if there is none."""
    x = arrays["x_test"]
    if x is None or targets is None:
        return None
    n = x.shape[0]
    return HeldOutPart(rows(n), targets, row_names("test", n))


def _array(value: ArrayLike, key: str, where: object) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        raise UserError(
            f"{key} is no array: its rows differ in length",
            where=where,
            hint='For series of different lengths say kind="series"',
        ) from None


def _groups(groups: Images | None, key: str, examples: int, where: object) -> NDArray[Any] | None:
    return None if groups is None else read_groups(groups, key, examples, where)


def _too_large(images: Collection[Rows], image_size: int | None) -> bool:
    """Whether images are too large for memory, as they were saved or as they will be."""
    saved = sum(array.nbytes for array in images)
    resized = sum(array.shape[0] * (image_size or 0) ** 2 for array in images)
    return too_large(max(saved, resized))


def _source(
    images: Images,
    places: NDArray[Any],
    shape: tuple[int, ...],
    scan: Scan,
    image_size: int | None,
    fill: int | None,
    where: object,
) -> Source:
    """Return some of the rows of an array, as images of one shape."""
    chosen = np.zeros(images.shape[0], np.bool_)
    chosen[places] = True

    def chunks() -> Iterator[Bytes]:
        first = 0
        for chunk in _chunks(images):
            picked = chunk[chosen[first : first + len(chunk)]]
            first += len(chunk)
            if len(picked):
                yield _resized(_bytes(picked, "", scan.top, where), image_size, fill)

    return Source((len(places), *shape), chunks)


def _chunks(x: Images) -> Iterable[NDArray[Any]]:
    return x.chunks() if isinstance(x, Rows) else [x]


def _scan(x: Images, x_test: Images | None, pad: bool, where: object) -> Scan:
    """Go through all images."""
    top, fractions = _scale(x, where)
    digests: dict[str, list[str]] = {"x_train": [], "x_test": []}
    borders: list[int] = []
    for key, images in (("x_train", x), ("x_test", x_test)):
        for chunk in () if images is None else _chunks(images):
            values = _bytes(chunk, key, top, where)
            digests[key] += [digest(image) for image in values]
            if pad and key == "x_train":
                borders += border(values).tolist()
    return Scan(top, fractions, digests, borders)


def _scale(x: Images, where: object) -> tuple[float, bool]:
    """Return the value that stands for white, and whether there are fractions of whole numbers.

    White is 1 for floats in [0, 1], else 255.
    """
    if x.dtype.kind != "f":
        return 255.0, False
    low, high, fractions = np.inf, -np.inf, False
    for chunk in _chunks(x):
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
    check_size((size[0], size[1]), where)
    return (shape[0], *size, shape[3])


def _resized(images: Bytes, image_size: int | None, fill: int | None) -> Bytes:
    size: Size = images.shape[1:3] if image_size is None else (image_size, image_size)
    return resize(images, size, fill)


def _bytes(x: NDArray[Any], key: str, top: float, where: object) -> Bytes:
    """Return images of any numbers as uint8 (n, height, width, channels), in their own size."""
    x = x[..., None] if x.ndim == 3 else x
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise UserError(f"{key} has NaN or infinite values", where=where, hint="Replace them")
    if not (x.min() >= 0 and x.max() <= top):
        raise UserError(
            f"{key} must lie in 0..{top:g}. Received: {x.min():g} to {x.max():g}",
            where=where,
            hint="Scale the values first, those of x_test like those of x_train",
        )
    return x if x.dtype == np.uint8 else np.rint(x * (255 / top)).astype(np.uint8)


def _same_shape(train: tuple[int, ...], test: tuple[int, ...], where: object) -> None:
    shapes = ["x".join(map(str, shape[1:])) for shape in (train, test)]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"x_train has images of {shapes[0]}, x_test of {shapes[1]}",
            where=where,
            hint="Bring them to one size with --image-size, and to the same channels",
        )


def _notes(x: Images, shape: tuple[int, ...], scan: Scan, fill: int | None) -> list[str]:
    """Return what is done to the images, one sentence each."""
    notes = []
    if scan.top == 1.0:
        notes.append("values in [0, 1] taken times 255 and rounded to 8 bits")
    elif scan.fractions:
        notes.append("values in 0..255 rounded to 8 bits")
    if x.shape[1:3] != shape[1:3]:
        how = "" if fill is None else f", filled up with {fill} (0 black, 255 white)"
        notes.append(f"images resized to {shape[1]}x{shape[2]}{how}")
        if fill is None and max(x.shape[1:3]) > WILD_SHAPE * min(x.shape[1:3]):
            notes.append("images are stretched to another shape, --pad keeps theirs")
    return notes
