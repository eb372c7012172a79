"""Optuna's journal of a run, to read only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from automl_sem.errors import UserError


class ReadOnlyJournal(BaseJournalBackend):
    """A journal that another process may be writing.

    Args:
        path: The file; an empty journal while it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Return the entries from a number on; a last line that is still being written waits."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return iter(())
        return (json.loads(line) for line in lines[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:  # noqa: ARG002
        """Refuse to write.

        Raises:
            UserError: Always.
        """
        raise UserError(
            "this study was opened to be read only",
            where=self._path,
            hint="`automl_sem.resume` adds trials to a run",
        )
