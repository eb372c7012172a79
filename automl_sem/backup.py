"""A training on disk, so that a killed one goes on with the very same numbers."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError
from automl_sem.files import write_atomic

State = list[NDArray[Any]]


@dataclass(frozen=True)
class Saved:
    """A training as it stood after an epoch: variables of the model, then of the optimizer."""

    epoch: int
    seconds: float
    devices: int
    state: State


class Backup:
    """All variables after an epoch on disk, replaced atomically.

    Keras's own BackupAndRestore leaves the seed states of Dropout out, so that a resumed
    training would end elsewhere.

    Args:
        path: The file.
        settings: Fingerprint of what is trained; a backup of anything else is passed over.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self.path = path
        self._settings = settings

    def read(self) -> Saved | None:
        """Return the last backup of this very training, or None.

        Raises:
            UserError: If the file is damaged.
        """
        try:
            with np.load(self.path) as file:
                if str(file["settings"]) != self._settings:
                    return None
                epoch, devices = (int(n) for n in file["progress"])
                state = [file[f"v{i}"] for i in range(len(file.files) - 3)]
                return Saved(epoch, float(file["seconds"]), devices, state)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            hint = "Remove it to train from the start"
            raise UserError("cannot read the checkpoint", where=self.path, hint=hint) from error

    def write(self, saved: Saved) -> None:
        """Replace the backup."""
        arrays: dict[str, Any] = {f"v{i}": value for i, value in enumerate(saved.state)}
        arrays["settings"] = np.array(self._settings)
        arrays["progress"] = np.array([saved.epoch, saved.devices], np.int64)
        arrays["seconds"] = np.array(saved.seconds)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomic(self.path, buffer.getvalue())
