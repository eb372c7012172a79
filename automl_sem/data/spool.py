"""Decoded clips, kept on disk until their dataset is made: in a file without a name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from automl_sem.data.cache import ExampleCache
from automl_sem.types import Bytes


class Spool:
    """A file that the system removes when nobody has it open any more, even after a crash.

    A full disk only ends the keeping: what is not here is decoded again.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._kept: dict[tuple[Path, tuple[int, ...]], int] = {}  # where each begins
        self._full = False

    def put(self, path: Path, clip: Bytes) -> None:
        """Keep a clip; of the same file there may be several that differ in shape.

        Args:
            path: Where it came from.
            clip: uint8, of any shape.
        """
        if self._full:
            return
        try:
            if self._file is None:
                folder = ExampleCache().folder
                folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
            offset = self._file.seek(0, os.SEEK_END)
            content = np.ascontiguousarray(clip).tobytes()
            if self._file.write(content) == len(content):
                self._kept[path, clip.shape] = offset
        except OSError:
            self._full = True

    def get(self, path: Path, shape: tuple[int, ...]) -> Bytes | None:
        """Return a clip if it is kept in this shape, else None."""
        offset = self._kept.get((path, shape))
        if self._file is None or offset is None:
            return None
        self._file.seek(offset)
        content = self._file.read(int(np.prod(shape)))
        return np.frombuffer(content, np.uint8).reshape(shape)
