"""Image folders: one folder per class, as Keras's `flow_from_directory` expects.

DIR/CLASS/*.png                            a test part is split off
DIR/train/CLASS/*.png  DIR/test/CLASS/*.png    `val` or `validation` joins the training part
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.pixels import SUFFIXES, Size, check_size, decode_image, denied, resize
from automl_sem.data.split import check_classes, hold_out_test
from automl_sem.errors import UserError
from automl_sem.types import Bytes, Ints

MAX_SIDE = 64  # larger images are shrunk to this, unless --image-size says otherwise
GREY_TOLERANCE = 2  # of 255: saving transparent strokes rounds red, green and blue apart
PARTS = {"train": "train", "val": "train", "validation": "train", "test": "test"}

_ARRANGE = "Put the images of each class into a folder of its own: DIR/CLASS/image.png"
_SKIP = "Repair or remove it, or leave such images out with --skip-bad"


@dataclass(frozen=True)
class _File:
    """An image file with its class and what looking into it showed."""

    path: Path
    label: str
    size: Size = (0, 0)
    grey: bool = True


@dataclass
class _Found:
    """What a folder holds.

    Args:
        files: Image files of the training and the test part, in order.
        other: Number of files that are no images of a class.
        joined: Folders that joined the training part.
        beside: Folders beside `train` that mean nothing.
        bad: Images that cannot be read.
    """

    files: dict[str, list[_File]] = field(default_factory=lambda: {"train": [], "test": []})
    other: int = 0
    joined: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    bad: list[Path] = field(default_factory=list)


def load_images(
    folder: Path, *, image_size: int | None = None, skip_bad: bool = False, seed: int = 0
) -> Dataset:
    """Return the images of a folder, resized to one size, grey if all of them are.

    Size and number of channels are chosen from the training part alone.

    Args:
        folder: Holds a folder per class, or `train` and `test` with these.
        image_size: Height and width of all images; None for a size that suits them.
        skip_bad: Leave images out that cannot be read.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the folder or an image in it cannot be used.
    """
    found = _find(folder)
    _check_labels(folder, found)
    class_names = sorted({file.label for file in found.files["train"]})
    found = _inspect(found, skip_bad)
    labels = {name: number for number, name in enumerate(class_names)}
    train_files, test_files = found.files["train"], found.files["test"]
    check_classes(_numbers(train_files, labels), class_names, folder)
    size = _choose_size(folder, train_files, image_size)
    channels = 1 if all(file.grey for file in train_files) else 3
    notes = _notes(folder, found, size)
    part = TrainingPart(
        x=_read(train_files, size, channels),
        y=_numbers(train_files, labels),
        names=_names(folder, train_files),
        class_names=tuple(class_names),
    )
    if test_files:
        test = HeldOutPart(
            _read(test_files, size, channels),
            _numbers(test_files, labels),
            _names(folder, test_files),
        )
    else:
        part, test, note = hold_out_test(part, seed)
        notes.append(note)
    options: dict[str, Any] = {"image_size": image_size, "skip_bad": skip_bad, "seed": seed}
    return Dataset(
        name=folder.resolve().name or "images",
        source=str(folder.resolve()),
        train=part,
        test=test,
        options={name: value for name, value in options.items() if value},
        notes=tuple(notes),
    )


def _find(folder: Path) -> _Found:
    """Return the image files of a folder, in order, without looking into them."""
    found = _Found()
    if not folder.is_dir():
        raise UserError("no such folder", where=folder)
    parts = _parts(folder)
    if not parts:
        _add_classes(found, folder, "train")
    for inner in parts:
        found.joined += [inner.name] if inner.name.lower() in ("val", "validation") else []
        _add_classes(found, inner, PARTS[inner.name.lower()])
    if parts:
        rest = [path for path in _visible(folder) if path not in parts]
        found.beside = [path.name for path in rest if path.is_dir()]
        found.other += len(rest) - len(found.beside)
    return found


def _parts(folder: Path) -> list[Path]:
    """Return the folders `train`, `test` and the like, if the folder is arranged that way."""
    parts = [path for path in _folders(folder) if path.name.lower() in PARTS]
    names = [path.name.lower() for path in parts]
    alone = len(parts) == len(_folders(folder))
    nested = all(_holds_classes(path) for path in parts if path.name.lower() == "train")
    if "train" in names and (alone or nested):
        return parts
    if parts and alone:
        raise UserError(
            f"there is '{parts[0].name}' but no 'train'",
            where=folder,
            hint="Name the folder with the training images 'train'",
        )
    return []


def _holds_classes(folder: Path) -> bool:
    return bool(_folders(folder)) and not any(_is_image(path) for path in _visible(folder))


def _add_classes(found: _Found, folder: Path, part: str) -> None:
    """Add the class folders of one part."""
    classes = _folders(folder)
    loose = [path for path in _visible(folder) if not path.is_dir()]
    if not classes:
        if any(_is_image(path) for path in loose):
            what = "images lie directly in this folder, without a folder per class"
        else:
            what = "no class folders in this folder" if loose else "this folder is empty"
        raise UserError(what, where=folder, hint=_ARRANGE)
    found.other += len(loose)
    for inner in classes:
        files = list(_walk(inner))
        images = [path for path in files if _is_image(path)]
        if not images:
            raise UserError(
                "this class folder holds no PNG, JPEG, BMP or GIF image",
                where=inner,
                hint="Add images or remove the folder",
            )
        found.other += len(files) - len(images)
        found.files[part] += [_File(path, _printable(inner.name)) for path in images]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    """Return what lies in a folder and is not hidden, sorted."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except PermissionError as error:
        denied(error)


def _walk(folder: Path) -> list[Path]:
    """Return all files in and below a folder that are not hidden, 2 before 10."""
    files = []
    for top, inner, names in os.walk(folder, onerror=denied):
        inner[:] = [name for name in inner if not name.startswith(".")]
        files += [Path(top, name) for name in names if not name.startswith(".")]
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    pieces = re.split(r"([0-9]+)", str(path))
    return [(int(piece), piece) if i % 2 else (0, piece) for i, piece in enumerate(pieces)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _check_labels(folder: Path, found: _Found) -> None:
    """Refuse a test part with other classes than the training part."""
    train, test = ({file.label for file in found.files[part]} for part in ("train", "test"))
    if not test or train == test:
        return
    only = [
        f"only in {part}: {', '.join(sorted(names))}"
        for part, names in (("train", train - test), ("test", test - train))
        if names
    ]
    raise UserError(
        f"train and test have different classes ({'; '.join(only)})",
        where=folder,
        hint="Both need the same class folders",
    )


def _inspect(found: _Found, skip_bad: bool) -> _Found:
    """Look into every file for its size and whether it is grey."""
    seen = replace(found, files={"train": [], "test": []}, bad=[])
    for part, files in found.files.items():
        for file in files:
            try:
                pixels = decode_image(file.path, 3)
            except UserError as error:
                if not skip_bad:
                    raise UserError(error.what, where=error.where, hint=_SKIP) from None
                seen.bad.append(file.path)
                continue
            grey = int(np.ptp(pixels, axis=-1).max()) <= GREY_TOLERANCE
            height, width = pixels.shape[:2]
            seen.files[part].append(_File(file.path, file.label, (height, width), grey))
    return seen


def _choose_size(folder: Path, files: Sequence[_File], image_size: int | None) -> Size:
    """Return the one height and width that all images get."""
    if image_size is not None:
        size = (image_size, image_size)
    else:
        height, width = np.median([file.size for file in files], axis=0)
        scale = min(1.0, MAX_SIDE / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
    check_size(size, folder)
    return size


def _read(files: Sequence[_File], size: Size, channels: int) -> Bytes:
    images = np.empty((len(files), *size, channels), np.uint8)
    for row, file in enumerate(files):
        images[row] = resize(decode_image(file.path, channels)[None], size)[0]
    return images


def _numbers(files: Iterable[_File], labels: Mapping[str, int]) -> Ints:
    return np.array([labels[file.label] for file in files], np.int64)


def _names(folder: Path, files: Iterable[_File]) -> tuple[str, ...]:
    return tuple(_printable(file.path.relative_to(folder).as_posix()) for file in files)


def _printable(name: str) -> str:
    """Return a name with marks in place of bytes that are not UTF-8, as from old archives."""
    return os.fsencode(name).decode("utf-8", "replace")


def _notes(folder: Path, found: _Found, size: Size) -> list[str]:
    """Return what was decided, one sentence each."""
    files = found.files["train"] + found.files["test"]
    other_sizes = sum(file.size != size for file in files)
    notes = []
    if found.joined:
        notes.append(f"{' and '.join(found.joined)} joined to the training part")
    if found.beside:
        notes.append(f"folders beside train ignored: {', '.join(found.beside)}")
    if other_sizes:
        notes.append(f"{other_sizes} of {len(files)} images resized to {size[0]}x{size[1]}")
    if found.other:
        what = "file" if found.other == 1 else "files"
        notes.append(f"{found.other} {what} ignored: not an image in a class folder")
    if found.bad:
        names = [path.relative_to(folder).as_posix() for path in found.bad]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        images = "image" if len(names) == 1 else "images"
        notes.append(f"{len(names)} unreadable {images} left out: {', '.join(names[:3])}{more}")
    return notes
