"""Files that a person wants predicted: which there are, and what they hold, for each kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError

Example = tuple[str, NDArray[Any]]  # its name, and what it holds, without the batch axis


@dataclass(frozen=True)
class Reading:
    """How files of one kind of data are found and read.

    Args:
        find: Returns the files that a path stands for; a folder stands for all that it holds.
        read: Yields the examples of a file, as training read them, by what `export.json` says.
    """

    find: Callable[[Path], Sequence[Path]]
    read: Callable[[Path, Mapping[str, Any]], Iterator[Example]]


def find_files(kind: str, paths: Sequence[Path | str]) -> list[Path]:
    """Return the files of one kind that paths stand for.

    Args:
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        paths: Files or folders.

    Raises:
        UserError: If one is missing, or a folder holds none.
    """
    found: list[Path] = []
    for path in (Path(path).expanduser() for path in paths):
        if not path.exists():
            raise UserError("no such file", where=path)
        found += READINGS[kind].find(path)
    return found


def read_files(kind: str, files: Sequence[Path], record: Mapping[str, Any]) -> Iterator[Example]:
    """Yield the examples of files, as the model of an export takes them.

    Args:
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        files: As `find_files` returned them.
        record: What `export.json` holds.

    Raises:
        UserError: If one cannot be read, or does not fit the model.
    """
    for file in files:
        yield from READINGS[kind].read(file, record)


def _images(path: Path) -> list[Path]:
    from automl_sem.data.pixels import SUFFIXES

    return _inside(path, SUFFIXES, "images") if path.is_dir() else [path]


def _read_image(file: Path, record: Mapping[str, Any]) -> Iterator[Example]:
    from automl_sem.data.pixels import decode_image

    yield str(file), decode_image(file, record["channels"])


def _clips(path: Path) -> list[Path]:
    from automl_sem.data.clip_folders import clips_in

    return clips_in(path)


def _read_clip(file: Path, record: Mapping[str, Any]) -> Iterator[Example]:
    from automl_sem.data.clips import read_clip
    from automl_sem.data.sampling import Sampling

    length = record["trained_frames"]
    height, width = record["trained_size"]
    sampling = Sampling(length, record["rate"])
    size = (height, width)
    yield str(file), read_clip(file, sampling, length, size, record["channels"], record["pad"])


def _series(path: Path) -> list[Path]:
    from automl_sem.data.unlabelled import SUFFIXES

    return _inside(path, SUFFIXES, "series") if path.is_dir() else [path]


def _read_series(file: Path, record: Mapping[str, Any]) -> Iterator[Example]:
    from automl_sem.data.unlabelled import read_series

    means = np.array(record["means"], np.float64)
    yield from read_series(file, record["channels"], record["channel_names"], means)


READINGS = {
    "images": Reading(_images, _read_image),
    "clips": Reading(_clips, _read_clip),
    "series": Reading(_series, _read_series),
}


def _inside(folder: Path, suffixes: Collection[str], many: str) -> list[Path]:
    """Return the files in and below a folder that end in one of these."""
    inside = sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in suffixes
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    if not inside:
        raise UserError(f"no {many} in this folder", where=folder)
    return inside
