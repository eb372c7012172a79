"""What is to be learnt of each example: its class, several labels, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.labels import class_numbers, class_values, read_labels
from automl_sem.data.split import check_classes
from automl_sem.errors import UserError, did_you_mean
from automl_sem.types import Task, task_named

SEPARATORS = "|;"  # between the labels of one example in a table
LARGEST_CLASS = 2**53  # above, all floats are whole numbers, and no classes
COARSE = 0.01  # of the deviation of a number, by which float32 may round it
SPLIT = "--task multi-label splits labels at | and ;"


@dataclass(frozen=True)
class Targets:
    """What is to be learnt.

    Args:
        task: `"classification"`, `"multi-label"` or `"regression"`.
        names: Name of each class, label or number.
        train: Of training examples: class numbers, int64 (n,); 0 or 1 for each label, int64
            (n, labels); or numbers, float32 (n, outputs).
        test: Of test examples, likewise; None without a test part.
        notes: What was decided, one sentence each.
    """

    task: Task
    names: tuple[str, ...]
    train: NDArray[Any]
    test: NDArray[Any] | None
    notes: tuple[str, ...] = field(default=())


def read_targets(
    y: NDArray[Any],
    examples: int,
    y_test: NDArray[Any] | None = None,
    examples_test: int = 0,
    *,
    names: Sequence[str] | None = None,
    task: str | None = None,
    fewest: int = 2,
    where: object = "",
) -> Targets:
    """Return what arrays say is to be learnt.

    Args:
        y: As people save it, (n,) or (n, outputs).
        examples: How many examples there are.
        y_test: The same of the test part, or None.
        examples_test: How many test examples there are.
        names: Names of the classes, labels or numbers; None for those that follow from `y`.
        task: What a person says that it is; None to find out.
        fewest: Classes that there must be.
        where: What errors are about.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If it cannot be used.
    """
    found = task_of(y, where) if task is None else task_named(task)
    if found == "regression":
        return _numbers(y, examples, y_test, examples_test, names, where)
    if found == "multi-label":
        return _several(y, examples, y_test, examples_test, names, where)
    labels = read_labels(y, "y_train", examples, where)
    values = class_values(labels, names, where)
    shown = tuple(map(str, values if names is None else names))
    numbers = class_numbers(labels, values, where)
    check_classes(numbers, shown, where, fewest=fewest)
    tested = None
    if y_test is not None:
        tested = class_numbers(read_labels(y_test, "y_test", examples_test, where), values, where)
    joined = joined_note(shown) if task is None and labels.dtype.kind == "U" else ()
    return Targets("classification", shown, numbers, tested, joined)


def task_of(y: NDArray[Any], where: object = "") -> Task:
    """Return what is to be learnt, as `y` tells by itself.

    Fractions are numbers to predict; several columns of 0 and 1 are labels unless each row has a
    single 1; all else are classes, such as whole numbers and text.

    Args:
        y: As people save it, (n,) or (n, outputs).
        where: What errors are about.

    Raises:
        UserError: If a number is NaN or infinite.
    """
    if y.dtype.kind == "U" and y.ndim == 1 and len(y) and _fractions(y):
        return "regression"
    if y.dtype.kind not in "biuf" or not y.size:
        return "classification"
    if not np.isfinite(y).all():
        raise _not_finite("y_train", where)
    if (y != np.rint(y)).any() or (y.dtype.kind == "f" and np.abs(y).max() > LARGEST_CLASS):
        return "regression"
    columns = y.ndim == 2 and y.shape[1] > 1
    if columns and np.isin(y, (0, 1)).all() and (y.sum(axis=1) != 1).any():
        return "multi-label"
    return "classification"


def _fractions(y: NDArray[Any]) -> bool:
    """Whether all texts are numbers, and some of them fractions."""
    try:
        values = y.astype(np.float64)
    except ValueError:
        return False
    return bool(np.isfinite(values).all() and (values != np.rint(values)).any())


def joined_note(classes: Sequence[str]) -> tuple[str, ...]:
    """Return a note, or none, if names of classes look like several labels in one.

    Args:
        classes: The names.
    """
    such = [name for name in classes if {*name.strip(SEPARATORS)} & {*SEPARATORS}]
    if not such:
        return ()
    return (f"labels such as '{such[0]}' are taken as classes of their own: {SPLIT}",)


def _numbers(
    y: NDArray[Any],
    examples: int,
    y_test: NDArray[Any] | None,
    examples_test: int,
    names: Sequence[str] | None,
    where: object,
) -> Targets:
    train = _as_numbers(y, "y_train", examples, where)
    whole = _columns(y, "y_train", examples, where).astype(np.float64)
    test = None if y_test is None else _as_numbers(y_test, "y_test", examples_test, where)
    shown = _names(names, train, test, "output", where)
    if examples < 2:
        raise UserError(
            "there is a single example to train on", where=where, hint="Add more, hundreds if any"
        )
    coarse = np.flatnonzero(np.abs(whole - train).max(axis=0) > COARSE * whole.std(axis=0))
    if len(coarse):
        raise UserError(
            f"'{shown[coarse[0]]}' differs too little for its size, around "
            f"{whole[:, coarse[0]].mean():g}: networks have some seven digits",
            where=where,
            hint="Subtract what all have in common",
        )
    same = np.flatnonzero(train.min(axis=0) == train.max(axis=0))
    if len(same):
        raise UserError(
            f"'{shown[same[0]]}' is {train[0, same[0]]:g} for all training examples: there is "
            "nothing to learn",
            where=where,
        )
    return Targets("regression", shown, train, test)


def _as_numbers(y: NDArray[Any], key: str, examples: int, where: object) -> NDArray[np.float32]:
    y = _columns(y, key, examples, where)
    if y.dtype.kind not in "biufUSO":
        raise UserError(f"{key} must hold numbers for a regression, not {y.dtype}", where=where)
    try:
        values = y.astype(np.float64)
    except (ValueError, TypeError):
        text = [v for v in np.ravel(y) if not _is_number(v)]
        such = f", such as {str(text[0])!r}" if text else ""
        raise UserError(
            f"{key} must hold numbers for a regression, but holds others{such}", where=where
        ) from None
    with np.errstate(over="ignore"):
        found: NDArray[np.float32] = values.astype(np.float32)
    if not np.isfinite(found).all():
        raise _not_finite(key, where)
    return found


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _several(
    y: NDArray[Any],
    examples: int,
    y_test: NDArray[Any] | None,
    examples_test: int,
    names: Sequence[str] | None,
    where: object,
) -> Targets:
    if y.dtype.kind in "USO" and y.ndim == 1:
        return _split_up(y, examples, y_test, examples_test, names, where)
    train = _as_labels(y, "y_train", examples, where)
    test = None if y_test is None else _as_labels(y_test, "y_test", examples_test, where)
    shown = _names(names, train, test, "label", where)
    check_labels(train, shown, where)
    return Targets("multi-label", shown, train, test)


def _split_up(
    y: NDArray[Any],
    examples: int,
    y_test: NDArray[Any] | None,
    examples_test: int,
    names: Sequence[str] | None,
    where: object,
) -> Targets:
    """Return labels that stand in one text for each example."""
    _columns(y, "y_train", examples, where)
    train = [labels_in(str(text)) for text in y]
    shown = tuple(names or sorted({label for labels in train for label in labels}))
    test = None
    if y_test is not None:
        _columns(y_test, "y_test", examples_test, where)
        test = marked([labels_in(str(text)) for text in y_test], shown, where)
    marks = marked(train, shown, where)
    check_labels(marks, shown, where)
    return Targets("multi-label", shown, marks, test)


def labels_in(text: str) -> tuple[str, ...]:
    """Return the labels in a cell such as `cat|dog` or `cat; dog`; none of an empty one."""
    parts = (part.strip() for part in text.replace(SEPARATORS[1], SEPARATORS[0]).split("|"))
    return tuple(part for part in parts if part)


def marked(
    labels: Sequence[Sequence[str]], names: Sequence[str], where: object
) -> NDArray[np.int64]:
    """Return 0 or 1 for each label of each example, (n, labels).

    Args:
        labels: Of each example.
        names: All labels, in order.
        where: What errors are about.

    Raises:
        UserError: If one is not among them.
    """
    places = {name: place for place, name in enumerate(names)}
    marks = np.zeros((len(labels), len(names)), np.int64)
    for row, given in enumerate(labels):
        for label in given:
            if label not in places:
                raise UserError(
                    f"there is no label '{label}' in the training part",
                    where=where,
                    hint=did_you_mean(label, places),
                )
            marks[row, places[label]] = 1
    return marks


def check_labels(marks: NDArray[np.int64], names: Sequence[str], where: object) -> None:
    """Refuse labels of which nothing can be learnt.

    Args:
        marks: 0 or 1 for each label of each training example, (n, labels).
        names: The labels.
        where: What errors are about.

    Raises:
        UserError: If all training examples have a label, or none has it.
    """
    if not len(names):
        raise UserError("there is no label", where=where)
    if len(marks) < 2:
        raise UserError("there is a single example to train on", where=where, hint="Add more")
    for name, count in zip(names, marks.sum(axis=0).tolist(), strict=True):
        if count in (0, len(marks)):
            raise UserError(
                f"{'no' if count == 0 else 'every'} training example has the label '{name}': there "
                "is nothing to learn",
                where=where,
                hint="Leave the label out, or add examples",
            )


def _as_labels(y: NDArray[Any], key: str, examples: int, where: object) -> NDArray[np.int64]:
    y = _columns(y, key, examples, where)
    if y.dtype.kind not in "biuf" or not np.isin(y, (0, 1)).all():
        raise UserError(
            f"{key} must hold 0 or 1 for each label, (examples, labels). Received: {y.dtype}",
            where=where,
        )
    return y.astype(np.int64)


def _columns(y: NDArray[Any], key: str, examples: int, where: object) -> NDArray[Any]:
    """Return what is to be learnt with a column for each output, (n, outputs)."""
    if not y.shape or len(y) != examples:
        count = len(y) if y.shape else "no"
        raise UserError(
            f"{key.replace('y', 'x')} has {examples} rows, {key} has {count}", where=where
        )
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or not y.shape[1]:
        raise UserError(f"{key} must be (n,) or (n, outputs). Received: {y.shape}", where=where)
    return y


def _names(
    names: Sequence[str] | None,
    train: NDArray[Any],
    test: NDArray[Any] | None,
    one: str,
    where: object,
) -> tuple[str, ...]:
    """Return the name of each output."""
    outputs = train.shape[1]
    if test is not None and test.shape[1] != outputs:
        raise UserError(f"y_train has {outputs} columns, y_test has {test.shape[1]}", where=where)
    if names is None:
        return tuple(f"{one} {number}" for number in range(outputs))
    if len(names) != outputs or len(set(names)) != outputs:
        raise UserError(
            f"class_names must name each of {outputs} {one}s, once. Received: {len(names)}",
            where=where,
        )
    return tuple(map(str, names))


def _not_finite(key: str, where: object) -> UserError:
    return UserError(
        f"{key} has NaN or infinite values",
        where=where,
        hint="Leave out examples whose target is not known",
    )
