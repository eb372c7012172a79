"""Read IDX files, the format of MNIST's own: http://yann.lecun.com/exdb/mnist

Bytes 0, 0, the type of the values, the number of dimensions; then each dimension as a
big-endian 32-bit number; then the values.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.npz import Rows
from automl_sem.data.pixels import denied
from automl_sem.errors import UserError

_NAME = re.compile(r"(train|t10k|test)[-.](images|labels)[-.]idx[13]-ubyte(\.gz)?", re.IGNORECASE)
UNSIGNED_BYTES = 8


@dataclass(frozen=True)
class IdxRows(Rows):
    """The array of an IDX file, to be read some rows at a time."""

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, some at a time.

        Raises:
            UserError: If the file is damaged, or is not as long as it says.
        """
        with _open(self.path) as file:
            _read_header(file, self.path, len(self.shape))
            try:
                yield from self.read_chunks(file)
            except EOFError:
                raise _truncated(self) from None
            if file.read(1):
                raise UserError(
                    f"it is longer than {self.nbytes} values, which its first bytes announce",
                    where=self.path,
                    hint="Get the file again",
                )

    def whole(self) -> NDArray[Any]:
        """Return all rows."""
        chunks = list(self.chunks())
        return np.concatenate(chunks) if chunks else np.empty(self.shape, self.dtype)


def is_idx_name(name: str) -> bool:
    """Return whether a file has the name of one of MNIST's files."""
    return _NAME.fullmatch(name) is not None


def find_idx(folder: Path) -> dict[str, Path]:
    """Return MNIST's files in a folder by the names of their arrays, such as `x_train`.

    Raises:
        UserError: If there are images without labels, labels without images, or no
            training part.
    """
    found: dict[str, Path] = {}
    for path in sorted(_files(folder), reverse=True):  # of X and X.gz, X comes last
        if match := _NAME.fullmatch(path.name):
            part = "train" if match[1].lower() == "train" else "test"
            found[f"{'x' if match[2].lower() == 'images' else 'y'}_{part}"] = path
    for key, other in (("x_train", "y_train"), ("y_train", "x_train")):
        if found and key not in found:
            there = found.get(other) or next(iter(found.values()))
            what = "images" if key[0] == "x" else "labels"
            raise UserError(
                f"there is {there.name} but no train-{what}-idx{3 if key[0] == 'x' else 1}-ubyte",
                where=folder,
                hint="Put the four files of MNIST into one folder",
            )
    if ("x_test" in found) != ("y_test" in found):
        there = found.get("x_test") or found["y_test"]
        other = "labels-idx1" if "x_test" in found else "images-idx3"
        raise UserError(f"there is {there.name} but no t10k-{other}-ubyte", where=folder)
    return found


def read_idx(path: Path, key: str) -> IdxRows:
    """Return the array of a file, of which only the first bytes are read.

    Args:
        path: The file, packed by gzip if its name ends in `.gz`.
        key: Name of the array: one that begins with x has 3 dimensions, else 1.

    Raises:
        UserError: If it is no such file.
    """
    with _open(path) as file:
        shape = _read_header(file, path, 3 if key.startswith("x") else 1)
    return IdxRows(path, key, shape, np.dtype(np.uint8))


def _read_header(file: IO[bytes], path: Path, dimensions: int) -> tuple[int, ...]:
    start = file.read(4)
    expected = bytes([0, 0, UNSIGNED_BYTES, dimensions])
    if start != expected:
        raise UserError(
            f"this is no IDX file of {'images' if dimensions == 3 else 'labels'}: it begins with "
            f"{start.hex(' ') or 'nothing'}, expected {expected.hex(' ')}",
            where=path,
            hint="Get the file again",
        )
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise UserError("the file is truncated: it ends within its first bytes", where=path)
    return struct.unpack(f">{dimensions}I", sizes)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, packed or not, and turn what a damaged one raises into one line."""
    try:
        with path.open("rb") as plain:
            if path.suffix.lower() == ".gz":
                with gzip.open(plain) as file:
                    yield cast(IO[bytes], file)
            else:
                yield plain
    except PermissionError as error:
        denied(error)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise UserError(
            "it cannot be unpacked: it is damaged or truncated",
            where=path,
            hint="Get the file again",
        ) from None


def _truncated(rows: IdxRows) -> UserError:
    what = "images" if len(rows.shape) == 3 else "labels"
    return UserError(
        f"the file is truncated: it announces {rows.shape[0]} {what}, but ends before",
        where=rows.path,
        hint="Get the file again",
    )


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except PermissionError as error:
        denied(error)
