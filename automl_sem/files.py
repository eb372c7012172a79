"""Write files so that a crash leaves the old content or the new one, never half of it."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_sem.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write_atomic(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write through a temporary file and rename it.

    Args:
        path: The file.
        content: What it is to hold.
        durable: Whether it must outlive a power cut, and not only a killed process: each
            such write waits for the disk.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_npz(path: Path, arrays: Mapping[str, NDArray[Any]], *, durable: bool = True) -> None:
    """Write arrays to a compressed .npz file, atomically; `durable` as in `write_atomic`."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue(), durable=durable)


def disk_error(error: OSError, path: Path, *, go_on: str = "`automl-sem resume`") -> UserError:
    """Return the one line for a disk that is full, read-only or gone.

    Args:
        error: What the system said.
        path: What was being written, if the error does not name it.
        go_on: How to go on once the disk is well again.
    """
    reason = error.strerror or str(error)
    hint = f"Check free space and permissions; what was finished is kept, go on with {go_on}"
    return UserError(f"cannot write: {reason}", where=error.filename or path, hint=hint)
