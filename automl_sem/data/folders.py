"""Find the images of a folder and their classes, without looking into them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from automl_sem.data.pixels import SUFFIXES, Size, denied
from automl_sem.errors import UserError

PARTS = {"train": "train", "val": "train", "validation": "train", "test": "test"}

_ARRANGE = "Put the images of each class into a folder of its own: DIR/CLASS/image.png"


@dataclass(frozen=True)
class ImageFile:
    """An image file with its class and what looking into it showed.

    Args:
        path: The file.
        label: Its class.
        size: Height and width in pixels.
        grey: Whether it has no colours.
    """

    path: Path
    label: str
    size: Size = (0, 0)
    grey: bool = True


@dataclass
class Found:
    """What a folder holds.

    Args:
        files: Image files of the training and the test part, in order.
        other: Number of files that are no images of a class.
        joined: Folders that joined the training part.
        beside: Folders beside `train` that mean nothing.
        bad: Images that cannot be read.
    """

    files: dict[str, list[ImageFile]] = field(default_factory=lambda: {"train": [], "test": []})
    other: int = 0
    joined: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    bad: list[Path] = field(default_factory=list)


def find_images(folder: Path) -> Found:
    """Return the image files of a folder, in order, without looking into them."""
    found = Found()
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


def _add_classes(found: Found, folder: Path, part: str) -> None:
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
        found.files[part] += [ImageFile(path, printable(inner.name)) for path in images]


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


def printable(name: str) -> str:
    """Return a name with marks in place of bytes that are not UTF-8, as from old archives."""
    return os.fsencode(name).decode("utf-8", "replace")
