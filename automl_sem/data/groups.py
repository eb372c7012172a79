"""Groups of examples that belong together: writers, patients, recordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.folders import Found, name_of
from automl_sem.data.table import GROUP_COLUMN, columns_of
from automl_sem.errors import UserError
from automl_sem.types import Ints

_EXAMPLE = "Such as --groups '^([^_]+)_' for anna_01.png, or the name of a column of a CSV table"


def group_column(tables: Sequence[Path], groups: str | None) -> str | None:
    """Return the column that names the groups, or None if `groups` is a regular expression.

    Args:
        tables: CSV tables; without any, there is no column.
        groups: A column that one of them has, or a regular expression; None for `group`.

    Raises:
        UserError: If it is neither.
    """
    if not tables:
        return None
    if groups is None:
        return GROUP_COLUMN
    columns = [columns_of(table) for table in tables]
    if any(groups in names for names in columns):
        return groups
    if "(" not in groups:
        raise UserError(
            f"there is no column '{groups}', only: {', '.join(columns[0])}",
            where=tables[0],
            hint=_EXAMPLE,
        )
    return None


def group_by_name(found: Found, pattern: str) -> Found:
    """Return the files with the group that a regular expression finds in their names.

    Args:
        found: Files without groups.
        pattern: Its first group is the group. It is searched in the name of the file, or
            in the path from the data's folder if it has a `/`.

    Raises:
        UserError: If it is no such expression, or does not match a file.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"no regular expression ({error}). Received: {pattern!r}", where="groups", hint=_EXAMPLE
        ) from None
    if not compiled.groups:
        raise UserError(
            f"the regular expression needs a part in parentheses. Received: {pattern!r}",
            where="groups",
            hint=_EXAMPLE,
        )
    names = [name_of(file.path, found.root) if "/" in pattern else file.path.name for file in found]
    matches = [compiled.search(name) for name in names]
    missed = [n for n, match in zip(names, matches, strict=True) if not (match and match.group(1))]
    if missed:
        raise UserError(
            f"{len(missed)} of {len(names)} file names do not match {pattern!r}, such as "
            f"'{missed[0]}'",
            where="groups",
            hint=_EXAMPLE,
        )
    groups = iter([match.group(1) for match in matches if match])
    files = {
        part: [replace(file, group=next(groups)) for file in files]
        for part, files in found.files.items()
    }
    return replace(found, files=files, grouped=True)


def read_groups(groups: Any, key: str, examples: int, where: object) -> NDArray[Any]:
    """Return one number or name of a group per example, (n,).

    Raises:
        UserError: If these are no groups of so many examples.
    """
    values = np.asarray(groups)
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values.flat):
        values = values.astype(np.str_)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all():
        values = values.astype(np.int64)
    if values.shape != (examples,) or values.dtype.kind not in "uiUS":
        raise UserError(
            f"{key} must hold one whole number or string for each of {examples} examples."
            f" Received: {values.dtype} {values.shape}",
            where=where,
        )
    return values


def group_numbers(groups: Sequence[str] | NDArray[Any]) -> Ints:
    """Return a number for each group, from 0 in sorted order, (n,)."""
    numbers: Ints = np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
    return numbers


def shared_groups_note(
    train: Sequence[str] | NDArray[Any], test: Sequence[str] | NDArray[Any]
) -> list[str]:
    """Return a note if groups are in both parts, else nothing."""
    both = np.intersect1d(np.asarray(train), np.asarray(test)) if len(test) else np.empty(0)
    if not len(both):
        return []
    are = "group is" if len(both) == 1 else "groups are"
    return [f"leakage: {len(both)} {are} in train and in test, such as '{both[0]}'"]


def groups_note(groups: Ints) -> str:
    """Return the note that says how many groups there are to train on."""
    return f"{len(np.unique(groups))} groups among the training examples: none is split by a fold"
