"""Find the images of a folder and their classes, without looking into them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from automl_sem.data.pixels import KNOWN, SUFFIXES, Size, denied
from automl_sem.errors import UserError

PARTS = {"train": "train", "val": "train", "validation": "train", "test": "test"}

_ARRANGE = "Put the images of each class into a folder of its own: DIR/CLASS/image.png"


class Look(NamedTuple):
    """What looking into an image file shows.

    Args:
        height: In pixels.
        width: In pixels.
        grey: Whether it shows no colours.
        coloured: Whether it was saved with room for colours.
        border: Median value along its border, 0..255.
        digest: What is the same for files with the same pixels.
    """

    height: int
    width: int
    grey: bool
    coloured: bool
    border: int
    digest: str

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return self.height, self.width


@dataclass(frozen=True)
class ImageFile:
    """An image file with its class and what looking into it showed.

    Args:
        path: The file.
        label: Its class.
        group: Its group, empty without groups.
        look: What looking into it showed; None before.
    """

    path: Path
    label: str
    group: str = ""
    look: Look | None = None

    @property
    def seen(self) -> Look:
        """What looking into it showed."""
        assert self.look is not None
        return self.look


@dataclass
class Found:
    """What a folder or a table holds.

    Args:
        root: The folder that names of files are relative to.
        files: Image files of the training and the test part, in order.
        other: Number of files that are no images of a class.
        joined: Folders that joined the training part.
        beside: Folders beside `train` that mean nothing.
        bad: Images that cannot be read, each with the reason.
        grouped: Whether the files have groups.
    """

    root: Path
    files: dict[str, list[ImageFile]] = field(default_factory=lambda: {"train": [], "test": []})
    other: int = 0
    joined: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    bad: list[tuple[Path, str]] = field(default_factory=list)
    grouped: bool = False

    def __iter__(self) -> Iterator[ImageFile]:
        """Yield all files, the training part first."""
        for files in self.files.values():
            yield from files


def find_images(folder: Path) -> Found:
    """Return the image files of a folder, in order, without looking into them."""
    found = Found(folder)
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
                f"this class folder holds no {KNOWN} image",
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


def name_of(path: Path, root: Path) -> str:
    """Return the name of a file for people: from its root, if it lies below it."""
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return printable(inside.as_posix())


def printable(name: str) -> str:
    """Return a name with marks in place of bytes that are not UTF-8, as from old archives."""
    return os.fsencode(name).decode("utf-8", "replace")
