"""Series in arrays: from Python, or an `.npz` file with x_train (n, time, channels) and y_train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_sem.data.dataset import Dataset
from automl_sem.data.groups import read_groups
from automl_sem.data.missing import without_padding
from automl_sem.data.npz import check_names, read_npz
from automl_sem.data.parts import row_names
from automl_sem.data.series import SeriesPart, series_dataset
from automl_sem.errors import UserError
from automl_sem.types import Ints

KEYS = (
    "x_train",
    "y_train",
    "x_test",
    "y_test",
    "lengths_train",
    "lengths_test",
    "class_names",
    "groups",
    "groups_test",
)

_FORM = "must be (n, time, channels) or (n, time) numbers, or a list of arrays (time, channels)"


def load_series_npz(
    path: Path,
    *,
    kind: str | None = None,
    notes: Sequence[str] = (),
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the series of an `.npz` file.

    Args:
        path: Holds `x_train` (n, time, channels) or (n, time), and `y_train`; may hold `x_test`
            with `y_test`, `lengths_train` and `lengths_test` (n,), `class_names`, `groups` and
            `groups_test`. Without lengths, NaN at the end fills up shorter series.
        kind: What a person said that it holds, to be remembered.
        notes: What was decided so far.
        task: What is to be learnt; None to find out.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the file or an array in it cannot be used.
    """
    arrays = read_npz(path, KEYS)
    check_names(arrays, KEYS, path)
    names = arrays.get("class_names")
    return from_series(
        arrays["x_train"],
        arrays["y_train"],
        arrays.get("x_test"),
        arrays.get("y_test"),
        lengths=arrays.get("lengths_train"),
        lengths_test=arrays.get("lengths_test"),
        class_names=None if names is None else [str(name) for name in np.ravel(names)],
        groups=arrays.get("groups"),
        groups_test=arrays.get("groups_test"),
        name=path.stem,
        source=str(path.resolve()),
        where=path,
        files=[path],
        options={"kind": kind} if kind else {},
        notes=notes,
        task=task,
        seed=seed,
    )


def from_series(
    x: ArrayLike | Sequence[ArrayLike],
    y: ArrayLike,
    x_test: ArrayLike | Sequence[ArrayLike] | None = None,
    y_test: ArrayLike | None = None,
    *,
    lengths: ArrayLike | None = None,
    lengths_test: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    groups: ArrayLike | None = None,
    groups_test: ArrayLike | None = None,
    name: str = "series",
    source: str = "",
    where: object = "",
    files: Sequence[Path] = (),
    options: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return a dataset made of arrays of series.

        from_series([stroke_1, stroke_2, ...], labels)

    Args:
        x: Series, (n, time, channels) numbers, (n, time) for one channel, or a list of arrays
            (time, channels) or (time,) of any lengths. Steps at the end that are NaN in all
            channels are no part of a series; other NaN are missing values.
        y: Classes, labels or numbers, as for `from_arrays`.
        x_test: Series of the test part; without it a fifth is split off.
        y_test: Classes of the test part.
        lengths: Time steps of each series, (n,): what comes behind them is ignored, and NaN
            before is missing. None to tell from NaN.
        lengths_test: Time steps of each test series.
        class_names: Names in the order of the sorted classes, or of the columns of `y`; None for
            the classes.
        groups: Group of each training example, (n,) whole numbers or strings.
        groups_test: Group of each test example.
        name: Short name of the dataset.
        source: What loads it again.
        where: What errors are about; the name by default.
        files: Files that they come from.
        options: Loader options to remember.
        notes: What was decided so far.
        task: What is to be learnt; None to find out by `y`.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If an array cannot be used.
    """
    where = where or name
    if (x_test is None) != (y_test is None):
        there, missing = ("x_test", "y_test") if y_test is None else ("y_test", "x_test")
        raise UserError(f"there is {there} but no {missing}", where=where, hint="Give both or none")
    if x_test is not None and (lengths is None) != (lengths_test is None):
        side = ("lengths_train", "lengths_test")
        there, missing = side if lengths_test is None else side[::-1]
        raise UserError(f"there is {there} but no {missing}", where=where, hint="Give both or none")
    train = _part(x, y, lengths, groups, "train", where)
    test = None
    if x_test is not None and y_test is not None:
        test = _part(x_test, y_test, lengths_test, groups_test, "test", where)
    return series_dataset(
        train,
        test,
        class_names=class_names,
        name=name,
        source=source,
        where=where,
        files=files,
        options=options,
        notes=notes,
        task=task,
        seed=seed,
    )


def unlabelled_npz(path: Path) -> SeriesPart:
    """Return the series of an `.npz` file without their labels.

    Args:
        path: Holds `x`, `x_test` or `x_train`, or else its first array of 2 or 3 dimensions is
            taken, (n, time, channels) or (n, time); with `lengths`, `lengths_test` or the like,
            (n,), what comes behind them is ignored.

    Raises:
        UserError: If the file or an array in it cannot be used.
    """
    there = read_npz(path, ())
    key = next((key for key in ("x", "x_test", "x_train") if key in there), "")
    others = (key for key in there if read_npz(path, (key,))[key].ndim in (2, 3))
    key = key or next(others, "")
    if not key:
        found = ", ".join(there) or "nothing"
        raise UserError(f"there is no array of series in this file, only: {found}", where=path)
    steps = f"lengths{key.removeprefix('x')}" if key.startswith("x") else "lengths"
    arrays = read_npz(path, (key, steps))
    series = _series(arrays[key], arrays.get(steps), key, steps, path)
    names = tuple(f"row {row}" for row in range(len(series)))
    return SeriesPart(series, np.empty(0), names)


def _part(
    x: Any,
    y: ArrayLike,
    lengths: ArrayLike | None,
    groups: ArrayLike | None,
    part: str,
    where: object,
) -> SeriesPart:
    series = _series(x, lengths, f"x_{part}", f"lengths_{part}", where)
    known = f"groups{'_test' * (part == 'test')}"
    return SeriesPart(
        series,
        np.asarray(y),
        row_names(part, len(series)),
        None if groups is None else read_groups(groups, known, len(series), where),
    )


def _series(
    x: Any, lengths: ArrayLike | None, key: str, lengths_key: str, where: object
) -> list[NDArray[Any]]:
    """Return series of an array or a list of arrays, without padding."""
    series = [
        _as_series(values, key, row, where) for row, values in enumerate(_listed(x, key, where))
    ]
    if lengths is None:
        return [without_padding(values) for values in series]
    steps = _read_lengths(lengths, series, lengths_key, where)
    return [values[:step] for values, step in zip(series, steps.tolist(), strict=True)]


def _listed(x: Any, key: str, where: object) -> Sequence[Any]:
    """Return the series of an array or of a list of arrays."""
    if not isinstance(x, list | tuple):
        x = np.asarray(x)
        if x.ndim not in (2, 3) and not (x.dtype.kind == "O" and x.ndim):
            raise UserError(f"{key} {_FORM}. Received: {x.shape}", where=where)
    if not len(x):
        raise UserError(f"{key} has no series", where=where)
    return x  # type: ignore[no-any-return]


def _as_series(values: Any, key: str, row: int, where: object) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, object)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "uif":
        received = f"{array.dtype} {array.shape} in row {row}"
        raise UserError(f"{key} {_FORM}. Received: {received}", where=where)
    return array


def _read_lengths(
    lengths: ArrayLike, series: Sequence[NDArray[Any]], key: str, where: object
) -> Ints:
    """Return the time steps of each series, (n,)."""
    steps = np.asarray(lengths)
    if steps.ndim == 2 and steps.shape[1] == 1:
        steps = steps[:, 0]
    whole = steps.dtype.kind in "ui" or (steps.dtype.kind == "f" and (steps % 1 == 0).all())
    if steps.shape != (len(series),) or not whole:
        raise UserError(
            f"{key} must hold one whole number for each of {len(series)} series."
            f" Received: {steps.dtype} {steps.shape}",
            where=where,
        )
    for row, (step, values) in enumerate(zip(steps.tolist(), series, strict=True)):
        if not 0 <= step <= len(values):
            raise UserError(
                f"{key} does not fit: row {row} has {len(values)} steps, its length is {step:.0f}",
                where=where,
            )
    return steps.astype(np.int64)
