"""The lines of a CSV table, split into values, with the number of each for messages."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from automl_sem.data.pixels import denied
from automl_sem.errors import UserError


class Lines:
    """The lines of an open table, split into values.

    Args:
        table: A CSV file in UTF-8, with commas, semicolons or tabs.
        hint: What to say of a table that cannot be read.
    """

    def __init__(self, table: Path, hint: str) -> None:
        self._table = table
        self._hint = hint

    def __enter__(self) -> Lines:
        try:
            self._file = self._table.open(encoding="utf-8-sig", newline="")
            header = self._file.readline()
            self._file.seek(0)
        except PermissionError as error:
            denied(error)
        except UnicodeDecodeError:
            self._file.close()
            raise self._no_table() from None
        delimiter = max(",;\t", key=header.count)
        self._reader = csv.reader(self._file, delimiter=delimiter, strict=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except (csv.Error, UnicodeDecodeError):
            raise self._no_table() from None

    @property
    def line_num(self) -> int:
        """Number of the line that was read last."""
        return int(self._reader.line_num)

    @property
    def at(self) -> str:
        """Where errors about the line that was read last are."""
        return f"{self._table}:{self.line_num}"

    def header(self, known: Collection[str]) -> list[str]:
        """Return the names of the columns; those of `known` in small letters.

        Raises:
            UserError: If a column is there twice.
        """
        columns = [name.strip() for name in next(iter(self), [])]
        lower = [name.lower() if name.lower() in known else name for name in columns]
        if len(set(lower)) != len(lower):
            twice = next(name for name in lower if lower.count(name) > 1)
            raise UserError(f"the column '{twice}' is there twice", where=self._table)
        return lower

    def rows(self, columns: Collection[str]) -> Iterator[list[str]]:
        """Yield the values of each line that is not empty.

        Raises:
            UserError: If a line has more or fewer values than there are columns.
        """
        for row in self:
            if not any(value.strip() for value in row):
                continue
            if len(row) != len(columns):
                raise UserError(
                    f"{len(row)} values in this line, {len(columns)} columns", where=self.at
                )
            yield row

    def _no_table(self) -> UserError:
        return UserError("this is no CSV table in UTF-8", where=self._table, hint=self._hint)
