"""Decoded examples on disk, of clips and of data larger than memory: a cache with a limit.

$XDG_CACHE_HOME/automl-sem/examples/KEY/
  x_train.npy  x_test.npy   examples as they are trained on, opened memory-mapped
  entry.json                the size of each file, and facts about the data
  used                      locked while a process uses the entry; its date is the last use

An entry is made under a name with a dot and renamed when it is whole. Entries that were
not used for longest are removed first, but none that a running process uses.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from automl_sem.errors import UserError
from automl_sem.files import disk_error, sync

LIMIT_VARIABLE = "AUTOML_SEM_CACHE_GB"
LIMIT_GIB = 20.0
GIB = 2**30
ABANDONED_S = 60.0  # a half entry that nobody has locked for so long is nobody's

# Descriptors that keep the locks of this process's entries until it ends.
_used: dict[Path, int] = {}


@dataclass(frozen=True)
class Entry:
    """Examples in the cache.

    Args:
        path: The entry's folder.
        facts: What was found out when they were decoded.
    """

    path: Path
    facts: Any

    def open(self, name: str) -> NDArray[Any]:
        """Return an array, memory-mapped from its file (one without rows is just an array)."""
        array: NDArray[Any] = np.load(self.path / f"{name}.npy", mmap_mode="r")
        return array

    def read(self, name: str) -> NDArray[Any]:
        """Return an array, read into memory."""
        array: NDArray[Any] = np.load(self.path / f"{name}.npy")
        return array


class ExampleCache:
    """A folder of entries.

    Args:
        folder: Where; None for the person's cache directory.
        limit: Most bytes of all entries together; None for `AUTOML_SEM_CACHE_GB` or 20 GiB.
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = folder or _default_folder()
        self._limit = limit

    def find(self, key: str) -> Entry | None:
        """Return an entry that is whole, and keep it from being removed; None without one."""
        path = self.folder / key
        if path not in _used:
            lock = _lock(path / "used", fcntl.LOCK_SH)
            if lock is None:
                return None
            _used[path] = lock
        facts = _whole(path)
        if facts is None:
            os.close(_used.pop(path))
            return None
        with contextlib.suppress(OSError):  # a cache that is read-only serves as well
            os.utime(path / "used")
        return Entry(path, facts["facts"])

    def make(self, key: str, size: int, write: Callable[[Path], Any]) -> Entry:
        """Make an entry and return it; if another process was faster, return its entry.

        Args:
            key: Name of the entry.
            size: Bytes that it will take.
            write: Writes `.npy` files into the folder that it is given, and returns facts
                that JSON can keep.

        Raises:
            UserError: If it does not fit into the cache or onto the disk.
        """
        path = self.folder / key
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(size)
            with self._half_entry() as half:
                _write_record(half, write(half))
                self._put(half, path)
                entry = self.find(key)
        except OSError as error:
            raise disk_error(error, self.folder, go_on="the same command") from error
        if entry is None:
            raise UserError("an entry is gone as soon as it was made", where=path)
        return entry

    @contextlib.contextmanager
    def _half_entry(self) -> Iterator[Path]:
        """Give a folder to write to, locked as long as it is being written."""
        half = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
        (half / "used").touch()
        lock = _lock(half / "used", fcntl.LOCK_SH)
        try:
            yield half
        finally:
            if lock is not None:
                os.close(lock)
            shutil.rmtree(half, ignore_errors=True)

    def _put(self, half: Path, path: Path) -> None:
        if path.exists() and _whole(path) is None:
            _remove(path)
        try:
            half.rename(path)
        except OSError:
            if _whole(path) is None:
                raise
            return  # another process made it meanwhile
        sync(self.folder)

    def _make_room(self, size: int) -> None:
        limit = _limit() if self._limit is None else self._limit
        for half in self.folder.glob(".*"):
            if time.time() - _date(half) > ABANDONED_S:
                _remove_unused(half)
        entries = sorted(self._entries(), key=lambda path: _date(path / "used"))
        sizes = {path: _size(path) for path in entries}
        for path in entries:
            if sum(sizes.values()) + size <= limit:
                break
            if _remove_unused(path):
                del sizes[path]
        taken = sum(sizes.values())
        if taken + size > limit:
            in_use = f", {taken / GIB:.1f} of them in use" if taken else ""
            raise UserError(
                f"the decoded examples take {size / GIB:.1f} GiB, but the cache may have "
                f"{limit / GIB:.1f} GiB{in_use}",
                where=self.folder,
                hint=f"Allow more with {LIMIT_VARIABLE}, or take fewer examples or smaller ones: "
                "images and clips have --image-size, clips --frames",
            )
        free = shutil.disk_usage(self.folder).free
        if size > free:
            raise UserError(
                f"the decoded examples take {size / GIB:.1f} GiB, but only "
                f"{free / GIB:.1f} GiB of the disk are free",
                where=self.folder,
                hint="Free some, or set XDG_CACHE_HOME to a folder on a larger disk",
            )

    def _entries(self) -> list[Path]:
        return [p for p in self.folder.iterdir() if p.is_dir() and not p.name.startswith(".")]


def cache_key(files: Iterable[Path], options: Mapping[str, object]) -> str:
    """Return the name of the entry for files as they are now, decoded with these options.

    Args:
        files: Files that the examples come from, in order.
        options: What else decides the result.
    """
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for path in files:
        try:
            state = path.stat()
            seen = f"{state.st_size}\0{state.st_mtime_ns}"
        except OSError:  # the loader will say so, or leave it out
            seen = "unreadable"
        digest.update(os.fsencode(f"\0{path.absolute()}\0{seen}"))
    return digest.hexdigest()


def write_npy(
    path: Path,
    shape: tuple[int, ...],
    chunks: Iterable[NDArray[Any]],
    dtype: DTypeLike = np.uint8,
) -> None:
    """Write an array that is never in memory as a whole.

    Args:
        path: The `.npy` file.
        shape: Shape of the whole array.
        chunks: Its rows in order, (some, ...).
        dtype: Type of its values.
    """
    rows = 0
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).tobytes())
            rows += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    if rows != shape[0]:
        raise ValueError(f"{path.name} should have {shape[0]} rows but got {rows}")


def _default_folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "automl-sem", "examples")


def _limit() -> int:
    text = os.environ.get(LIMIT_VARIABLE, "").strip() or str(LIMIT_GIB)
    try:
        limit = int(float(text) * GIB)
    except (ValueError, OverflowError):
        limit = 0
    if limit <= 0:
        raise UserError(
            f"must be a number of GiB above 0. Received: {text!r}", where=LIMIT_VARIABLE
        )
    return limit


def _write_record(folder: Path, facts: Any) -> None:
    files = {path.name: path.stat().st_size for path in folder.glob("*.npy")}
    with (folder / "entry.json").open("w", encoding="utf-8") as file:
        json.dump({"files": files, "facts": facts}, file)
        file.flush()
        os.fsync(file.fileno())


def _whole(path: Path) -> dict[str, Any] | None:
    """Return the record of an entry, or None if a file of it is missing or has another size."""
    try:
        record: dict[str, Any] = json.loads((path / "entry.json").read_text(encoding="utf-8"))
        sizes = {name: (path / name).stat().st_size for name in record["files"]}
        whole = sizes == record["files"] and "facts" in record and (path / "used").exists()
        return record if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(path: Path, kind: int) -> int | None:
    """Return a descriptor that holds the lock, or None if the file is gone or the lock taken."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_unused(path: Path) -> bool:
    """Remove an entry, whole or half, unless a process uses it."""
    used = path / "used"
    lock = _lock(used, fcntl.LOCK_EX)
    if lock is None and used.exists():
        return False
    _remove(path)
    if lock is not None:
        os.close(lock)
    return True


def _remove(path: Path) -> None:
    """Remove an entry; a crash meanwhile leaves a half entry, which nobody takes for whole."""
    gone = path.with_name(f".gone-{os.getpid()}-{path.name}")
    with contextlib.suppress(OSError):
        path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _date(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process was removing it
        return 0.0


def _size(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except OSError:
        return 0
