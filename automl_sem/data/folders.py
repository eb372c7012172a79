"""Find the examples of a folder and their classes, without looking into them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from automl_sem.data.pixels import KNOWN, SUFFIXES, Size, denied
from automl_sem.errors import Unlabelled, UserError

ANY = "image"  # the class of images that have none
PARTS = {"train": "train", "val": "train", "validation": "train", "test": "test"}


class Look(NamedTuple):
    """What looking into an image or a clip shows.

    Args:
        height: In pixels.
        width: In pixels.
        grey: Whether it shows no colours.
        coloured: Whether it was saved with room for colours.
        border: Median value along its border, 0..255.
        digest: What is the same for files with the same pixels.
        frames: Number of frames of a clip.
        seconds: How long it lasts, 0 if nothing says so.
        whole: Whether it can be read up to its end.
    """

    height: int
    width: int
    grey: bool
    coloured: bool
    border: int
    digest: str
    frames: int = 1
    seconds: float = 0.0
    whole: bool = True

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return self.height, self.width


@dataclass(frozen=True)
class ImageFile:
    """An image file, or a clip, with its class and what looking into it showed.

    Args:
        path: The file; of a clip also a folder of frames.
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
        files: Examples of the training and the test part, in order.
        other: Number of files that are no examples of a class.
        joined: Folders that joined the training part.
        beside: Folders beside `train` that mean nothing.
        bad: Examples that cannot be read, each with the reason.
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


@dataclass(frozen=True)
class Content:
    """What class folders hold.

    Args:
        many: What examples are called.
        known: What an example may be.
        place: Where one belongs.
        here: Whether a file is, or may belong to, an example.
        within: Returns the examples of a class folder, and the number of other files.
    """

    many: str
    known: str
    place: str
    here: Callable[[Path], bool]
    within: Callable[[Path], tuple[list[Path], int]]


def find_images(folder: Path) -> Found:
    """Return the image files of a folder, in order, without looking into them."""
    return find_examples(
        folder, Content("images", f"{KNOWN} image", "DIR/CLASS/image.png", is_image, _images)
    )


def find_unlabelled(folder: Path) -> Found:
    """Return all image files of a folder, wherever they lie in it, as of one class.

    Args:
        folder: Holds images, or `train` and `test` with these.

    Raises:
        UserError: If there are none.
    """
    found = Found(folder)
    for inner in parts_of(folder, is_image) or [folder]:
        images, other = _images(inner)
        if not images:
            raise UserError(f"this folder holds no {KNOWN} image", where=inner)
        part = "train" if inner == folder else PARTS[inner.name.lower()]
        found.files[part] += [ImageFile(path, ANY) for path in images]
        found.other += other
    return found


def of_one_class(found: Found) -> Found:
    """Return the same files without their classes."""
    files = {
        part: [replace(file, label=ANY) for file in files] for part, files in found.files.items()
    }
    return replace(found, files=files)


def find_examples(folder: Path, content: Content) -> Found:
    """Return the examples of a folder, in order, without looking into them.

    Args:
        folder: Holds a folder per class, or `train` and `test` with these.
        content: What class folders hold.

    Raises:
        Unlabelled: If there are no class folders.
        UserError: If it is not arranged like that, or there are none.
    """
    found = Found(folder)
    parts = parts_of(folder, content.here)
    if not parts:
        _add_classes(found, folder, "train", content)
    for inner in parts:
        found.joined += [inner.name] if inner.name.lower() in ("val", "validation") else []
        _add_classes(found, inner, PARTS[inner.name.lower()], content)
    if parts:
        rest = [path for path in visible(folder) if path not in parts]
        found.beside = [path.name for path in rest if path.is_dir()]
        found.other += len(rest) - len(found.beside)
    return found


def parts_of(folder: Path, here: Callable[[Path], bool]) -> list[Path]:
    """Return the folders `train`, `test` and the like, if the folder is arranged that way.

    Args:
        folder: The data's folder.
        here: Whether a file is, or may belong to, an example.

    Raises:
        UserError: If there is no such folder, or a test part without a training part.
    """
    if not folder.is_dir():
        raise UserError("no such folder", where=folder)
    parts = [path for path in folders_in(folder) if path.name.lower() in PARTS]
    names = [path.name.lower() for path in parts]
    alone = len(parts) == len(folders_in(folder))
    nested = all(_holds_classes(path, here) for path in parts if path.name.lower() == "train")
    if "train" in names and (alone or nested):
        return parts
    if parts and alone:
        raise UserError(
            f"there is '{parts[0].name}' but no 'train'",
            where=folder,
            hint="Name the folder with the training images 'train'",
        )
    return []


def _holds_classes(folder: Path, here: Callable[[Path], bool]) -> bool:
    return bool(folders_in(folder)) and not any(here(path) for path in visible(folder))


def _add_classes(found: Found, folder: Path, part: str, content: Content) -> None:
    """Add the class folders of one part."""
    classes = folders_in(folder)
    loose = [path for path in visible(folder) if not path.is_dir()]
    if not classes:
        if any(content.here(path) for path in loose):
            what = f"{content.many} lie directly in this folder, without a folder per class"
        else:
            what = "no class folders in this folder" if loose else "this folder is empty"
        hint = f"Put the {content.many} of each class into a folder of its own: {content.place}"
        raise Unlabelled(what, where=folder, hint=hint)
    found.other += len(loose)
    for inner in classes:
        examples, other = content.within(inner)
        if not examples:
            raise UserError(
                f"this class folder holds no {content.known}",
                where=inner,
                hint=f"Add {content.many} or remove the folder",
            )
        found.other += other
        found.files[part] += [ImageFile(path, printable(inner.name)) for path in examples]


def _images(folder: Path) -> tuple[list[Path], int]:
    files = list(_walk(folder))
    images = [path for path in files if is_image(path)]
    return images, len(files) - len(images)


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, sorted."""
    return [path for path in visible(folder) if path.is_dir()]


def visible(folder: Path) -> list[Path]:
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
    return sorted(files, key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """Return what paths are sorted by: 2 before 10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [(int(piece), piece) if i % 2 else (0, piece) for i, piece in enumerate(pieces)]


def is_image(path: Path) -> bool:
    """Return whether a file is named like an image."""
    return path.suffix.lower() in SUFFIXES


def name_of(path: Path, root: Path) -> str:
    """Return the name of a file for people: from its root, if it lies below it."""
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return printable(inside.as_posix())


def printable(name: str) -> str:
    """Return a name with marks in place of bytes that are not UTF-8, as from old archives."""
    return os.fsencode(name).decode("utf-8", "replace")
