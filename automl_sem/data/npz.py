"""Read `.npz` files: their arrays as a whole, or some rows at a time where they are large."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import Unlabelled, UserError

CHUNK_BYTES = 2**24

_PLAIN = (
    "Save plain arrays of numbers; series of different lengths filled up with NaN, or with "
    "their lengths_train"
)
_SAVE = "Make one with numpy.savez(file, x_train=..., y_train=...)"


@dataclass(frozen=True)
class Rows:
    """An array in a file, to be read some rows at a time.

    Args:
        path: The `.npz` file.
        key: Name of the array.
        shape: Its shape.
        dtype: Its type.
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, some at a time.

        Raises:
            UserError: If the file is damaged.
        """
        with (
            _checked(self.path),
            zipfile.ZipFile(self.path) as archive,
            archive.open(f"{self.key}.npy") as file,
        ):
            _header(file)
            yield from self.read_chunks(file)

    def read_chunks(self, file: IO[bytes]) -> Iterator[NDArray[Any]]:
        """Yield all rows from a file that is at the first of them.

        Raises:
            EOFError: If it ends too early.
        """
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        rows = max(1, CHUNK_BYTES // max(1, row))
        for first in range(0, self.shape[0], rows):
            n = min(rows, self.shape[0] - first)
            content = _exactly(file, n * row)
            yield np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])


def read_npz(path: Path, keys: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name; those of other names are not loaded.

    Args:
        path: The file.
        keys: Names of the arrays to load.

    Raises:
        UserError: If it is not such a file, or an array is damaged or holds Python objects.
    """
    with _checked(path):
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise UserError("this is no .npz file but a single array", where=path, hint=_SAVE)
        with file:
            unread = np.empty(0)
            return {key: file[key] if key in keys else unread for key in file.files}


def large_arrays(
    path: Path, keys: Collection[str], too_large: Callable[[Collection[Rows]], bool]
) -> dict[str, Rows]:
    """Return the arrays of these names if together they are too large, else none.

    Nothing is returned for what cannot be read by rows, such as arrays in Fortran's order,
    or what is no `.npz` file at all: `read_npz` takes it, or says why not.

    Args:
        path: The file.
        keys: Names of arrays.
        too_large: Whether these are.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for key in {f"{key}.npy" for key in keys} & set(archive.namelist()):
                with archive.open(key) as file:
                    shape, fortran, dtype = _header(file)
                if fortran or dtype.hasobject or not shape:
                    return {}
                found[key[:-4]] = Rows(path, key[:-4], shape, dtype)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError):
        return {}
    return found if too_large(found.values()) else {}


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: its shape, whether it is in Fortran's order, its type."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise EOFError("the array ends too early")
    return content


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    """Turn what a damaged or forbidden file raises into one line."""
    try:
        yield
    except PermissionError:
        raise UserError(
            "permission denied", where=path, hint="Check that you may read it"
        ) from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        if "allow_pickle" in str(error) and zipfile.is_zipfile(path):
            what = "it holds Python objects, which are not loaded since they may run code"
            raise UserError(what, where=path, hint=_PLAIN) from None
        raise UserError("this is no .npz file", where=path, hint=_SAVE) from None


def check_names(arrays: Mapping[str, Any], known: Sequence[str], path: Path) -> None:
    """Raise an error unless a file holds `x_train` and `y_train`; Unlabelled without the latter.

    Args:
        arrays: What it holds, by name.
        known: All names that mean something there.
        path: The file.
    """
    if missing := [key for key in ("x_train", "y_train") if key not in arrays]:
        refuse = Unlabelled if missing == ["y_train"] else UserError
        raise refuse(
            f"there is no {' and no '.join(missing)} in this file, only: "
            + (", ".join(sorted(arrays)) or "nothing"),
            where=path,
            hint=f"Known names: {', '.join(known)}",
        )
