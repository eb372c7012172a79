"""Series in a CSV table in long form, a line for each step of a series.

id,time,label,ch1,ch2[,group][,split]    every other column is a channel

Lines may stand in any order: those of an id are sorted by time. An empty value, `NaN` or `?` is
missing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset
from automl_sem.data.lines import Lines
from automl_sem.data.missing import without_padding
from automl_sem.data.moments import Moments
from automl_sem.data.series import SeriesPart, series_dataset
from automl_sem.data.table import (
    GROUP_COLUMN,
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMN,
    columns_of,
    part_named,
)
from automl_sem.errors import UserError

ID_COLUMN = "id"
TIME_COLUMN = "time"
MISSING = ("", "nan", "na", "?", "null", "none")
_KNOWN = (ID_COLUMN, TIME_COLUMN, *LABEL_COLUMNS, GROUP_COLUMN, SPLIT_COLUMN)
_HEADER = "Its first line must name the columns id, time, label and one a channel"
_CHANNELS = (
    "Every column but id, time, label, group and split is a channel: leave others out; --groups "
    "names one of groups"
)


@dataclass
class Gathered:
    """The lines of one id.

    Args:
        label: Its label.
        group: Its group, empty without groups.
        split: The part that it is in.
        lines: Number of each line.
        times: Time of each line.
        values: Values of all lines, one after the other.
    """

    label: str
    group: str
    split: str
    lines: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))


def is_series_table(path: Path) -> bool:
    """Return whether a CSV table has the columns of series, and none for image files."""
    columns = {name.lower() for name in columns_of(path)}
    return {ID_COLUMN, TIME_COLUMN} <= columns and not columns & {*PATH_COLUMNS}


def load_series_table(
    path: Path,
    *,
    kind: str | None = None,
    groups: str | None = None,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the series of a CSV table.

    Args:
        path: The table; without a column `split` a test part is split off.
        kind: What a person said that it holds, to be remembered.
        groups: Column with the group of each series; None for `group`, if it is there.
        task: What is to be learnt; None to find out.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the table cannot be used, with the line.
    """
    series, channels, joined = _read(path, groups)
    notes = [f"{' and '.join(joined)} joined to the training part"] if joined else []
    unsorted = sum(bool((np.diff(found.times) < 0).any()) for found in series.values())
    if unsorted:
        notes.append(f"lines of {unsorted} series were not in the order of their times: sorted")
    parts = {
        split: _part(path, {k: v for k, v in series.items() if v.split == split}, len(channels))
        for split in ("train", "test")
    }
    if not parts["train"].series:
        raise UserError("no series to train on in this table", where=path, hint=_HEADER)
    return series_dataset(
        parts["train"],
        parts["test"] if parts["test"].series else None,
        channels=channels,
        name=path.resolve().stem,
        source=str(path.resolve()),
        where=path,
        files=[path],
        options={"kind": kind, "groups": groups},
        notes=notes,
        task=task,
        seed=seed,
    )


def unlabelled_table(path: Path, channels: Sequence[str] | None) -> SeriesPart:
    """Return the series of a CSV table, whatever their labels, groups and splits.

    Args:
        path: The table, which needs no column of labels.
        channels: Columns that are channels, in order; None for every column that is not known.

    Raises:
        UserError: If the table cannot be used, with the line.
    """
    found, columns, _ = _read(path, with_labels=False, wanted=channels)
    return _part(path, found, len(columns))


def _read(
    path: Path,
    groups: str | None = None,
    *,
    with_labels: bool = True,
    wanted: Sequence[str] | None = None,
) -> tuple[dict[str, Gathered], list[str], list[str]]:
    """Return the lines of each id, the names of the channels, and what joined the training part."""
    found: dict[str, Gathered] = {}
    joined: list[str] = []
    moments = Moments()
    with Lines(path, _HEADER) as lines:
        columns = lines.header(_KNOWN)
        at = _places(path, columns, groups, with_labels)
        channels = [i for i, name in enumerate(columns) if name not in _KNOWN and name != groups]
        if wanted is not None:
            channels = [_place_of(name, columns, path) for name in wanted]
        if not channels:
            raise UserError("there is no column with values", where=path, hint=_HEADER)
        for row in lines.rows(columns):
            said = {name: row[place].strip() for name, place in at.items()}
            for name in ("id", "time", "label", "group"):
                if name in said and not said[name]:
                    column = columns[at[name]]
                    raise UserError(f"no value for '{column}'", where=lines.at, hint="Fill it in")
            split = part_named(said["split"], lines.at) if "split" in said else "train"
            if said.get("split", "").lower() in ("val", "validation"):
                joined += [said["split"].lower()] * (said["split"].lower() not in joined)
            new = Gathered(said.get("label", ""), said.get("group", ""), split)
            one = found.setdefault(said["id"], new)
            _check_same(one, new, said["id"], lines.at)
            one.lines.append(lines.line_num)
            one.times.append(moments.read(said["time"], lines.at))
            try:
                one.values.extend([float(row[i]) for i in channels])
            except ValueError:
                del one.values[(len(one.lines) - 1) * len(channels) :]
                one.values.extend([_value(row[i], columns[i], lines.at) for i in channels])
    if not found:
        raise UserError("no usable line in this table", where=path, hint=_HEADER)
    return found, [columns[i] for i in channels], joined


def _places(
    path: Path, columns: Sequence[str], groups: str | None, with_labels: bool
) -> dict[str, int]:
    """Return where the columns that are no channels stand; without labels id and time alone."""
    at = {}
    known = (
        ("id", (ID_COLUMN,)),
        ("time", (TIME_COLUMN,)),
        ("label", LABEL_COLUMNS),
        ("group", (groups or GROUP_COLUMN,)),
        ("split", (SPLIT_COLUMN,)),
    )
    for name, choices in known if with_labels else known[:2]:
        there = [choice for choice in choices if choice in columns]
        if there:
            at[name] = columns.index(there[0])
        elif name not in ("group", "split") or (name == "group" and groups is not None):
            raise UserError(
                f"there is no column '{choices[0]}', only: {', '.join(columns) or 'nothing'}",
                where=path,
                hint="Groups of series are named by a column" if name == "group" else _HEADER,
            )
    return at


def _place_of(channel: str, columns: Sequence[str], path: Path) -> int:
    if channel not in columns:
        raise UserError(
            f"there is no column '{channel}', which the model was trained on, only: "
            f"{', '.join(columns) or 'nothing'}",
            where=path,
        )
    return columns.index(channel)


def _check_same(one: Gathered, new: Gathered, name: str, where: str) -> None:
    for what in ("label", "group", "split"):
        before, now = getattr(one, what), getattr(new, what)
        if before != now:
            first = f"{before!r} in line {one.lines[0]}"
            raise UserError(
                f"the id '{name}' has two values for its {what}: {now!r}, and {first}",
                where=where,
                hint="A series has one; give another series another id",
            )


def _value(text: str, column: str, where: str) -> float:
    if text.strip().lower() in MISSING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        hint = "Write decimals with a point" if "," in text else _CHANNELS
        raise UserError(
            f"no number in the column '{column}'. Received: {text.strip()!r}",
            where=where,
            hint=hint,
        ) from None


def _part(path: Path, found: dict[str, Gathered], channels: int) -> SeriesPart:
    series, times = [], []
    for name, one in found.items():
        values = np.frombuffer(one.values, np.float64).reshape(-1, channels)
        at = np.frombuffer(one.times, np.float64)
        infinite = np.argwhere(np.isinf(values))
        if len(infinite):
            raise UserError(
                "an infinite value", where=f"{path}:{one.lines[infinite[0, 0]]}", hint=_EMPTY
            )
        order = np.argsort(at, kind="stable")
        _check_times(path, name, at[order], [one.lines[i] for i in order])
        values = without_padding(values[order])
        series.append(values)
        times.append(at[order][: len(values)])
    groups = [one.group for one in found.values()]
    return SeriesPart(
        series,
        np.array([one.label for one in found.values()], np.str_),
        tuple(found),
        groups=np.array(groups, np.str_) if any(groups) else None,
        times=times,
        places=[f"{path}:{one.lines[0]}: '{name}'" for name, one in found.items()],
    )


_EMPTY = "Leave it empty if it is missing"


def _check_times(path: Path, name: str, times: NDArray[np.float64], lines: Sequence[int]) -> None:
    double = np.flatnonzero(np.diff(times) == 0)
    if len(double):
        first, second = sorted((lines[double[0]], lines[double[0] + 1]))
        raise UserError(
            f"the id '{name}' has the same time as in line {first}",
            where=f"{path}:{second}",
            hint="Times of a series must differ; give another series another id",
        )
