"""Labels as people save them, to class numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError
from automl_sem.types import Ints


def read_labels(y: NDArray[Any], key: str, examples: int, where: object) -> NDArray[Any]:
    """Return one whole number or string per example, (n,)."""
    if len(y.shape) == 0 or len(y) != examples:
        count = len(y) if y.shape else "no"
        images = key.replace("y", "x")
        raise UserError(f"{images} has {examples} rows, {key} has {count}", where=where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "S" or (y.dtype.kind == "O" and all(isinstance(v, str) for v in y.flat)):
        y = y.astype(np.str_)
    if y.dtype.kind == "b":
        y = y.astype(np.int64)
    if y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.rint(y)).all():
        y = y.astype(np.int64)
    if _is_one_hot(y):
        y = y.argmax(axis=1)
    if y.ndim != 1 or y.dtype.kind not in "uiU":
        raise UserError(
            f"{key} must hold one whole number or string per example, or be one-hot."
            f" Received: {y.dtype} {y.shape}",
            where=where,
            hint="--task regression takes columns as numbers, --task multi-label as labels",
        )
    return y


def _is_one_hot(y: NDArray[Any]) -> bool:
    if y.ndim != 2 or y.dtype.kind not in "ui" or y.shape[1] < 2:
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def class_values(
    labels: NDArray[Any], class_names: Sequence[str] | None, where: object
) -> NDArray[Any]:
    """Return the label of each class, in the order of their numbers."""
    found = np.unique(labels)
    if labels.dtype.kind == "U":
        check_case(map(str, found), where)
    if class_names is None:
        return found
    if len(set(class_names)) != len(class_names):
        raise UserError("class_names has a name twice", where=where)
    if labels.dtype.kind == "U":  # the names give the order
        return np.array(class_names, np.str_)
    if len(found) and found[0] >= 0 and found[-1] < len(class_names):
        return np.arange(len(class_names))
    if len(found) != len(class_names):
        raise UserError(
            f"class_names has {len(class_names)} names, y_train has {len(found)} classes",
            where=where,
        )
    return found


def class_numbers(labels: NDArray[Any], values: NDArray[Any], where: object) -> Ints:
    """Return the class number of each label, (n,)."""
    if labels.dtype.kind == "U" or values.dtype.kind == "U":
        labels, values = labels.astype(np.str_), values.astype(np.str_)
    unknown = np.setdiff1d(labels, values)
    if len(unknown):
        raise UserError(
            f"labels that are not among the classes of y_train: {_few(unknown)}",
            where=where,
            hint=f"The classes are {_few(values)}",
        )
    order = np.argsort(values)
    return order[np.searchsorted(values[order], labels)].astype(np.int64)


def check_case(names: Iterable[str], where: object) -> None:
    """Refuse classes whose names differ only in capital letters: one is a slip, as a rule.

    Raises:
        UserError: If there are such.
    """
    seen: dict[str, str] = {}
    for name in sorted(names):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"the classes '{other}' and '{name}' differ only in capital letters",
                where=where,
                hint="Merge them, or give one another name",
            )


def _few(values: NDArray[Any]) -> str:
    return ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
