"""Series in `.ts` files of the UEA and UCR archives: NAME_TRAIN.ts, NAME_TEST.ts, or one file.

We read this simple text ourselves, since aeon 1.6's loader drops signs and whole numbers of values
with time stamps, turns class names to small letters, names no line in its errors, and brings numba
with its pins of NumPy along; a test compares the two on what both read.

The format: https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html, and with time
stamps https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset
from automl_sem.data.missing import without_padding
from automl_sem.data.moments import Moments
from automl_sem.data.pixels import denied
from automl_sem.data.series import SeriesPart, series_dataset
from automl_sem.errors import UserError

SUFFIX = ".ts"
MISSING = ("?", "nan")
HEAD_BYTES = 2**20  # within which a file's first tag must stand
_HEAD = re.compile(rb"^\s*@(problemname|classlabel|targetlabel|data)\b", re.I | re.M)
_TRAIN = re.compile(r"(.+)_train\.ts$", re.IGNORECASE)
_TEST = re.compile(r"(.+)_test\.ts$", re.IGNORECASE)
_CLASSES = "It must have a line such as: @classLabel true walking running"
_COLON = re.compile(r":(?![^(]*\))")  # not within a time stamp
_STAMPED = re.compile(r"\(([^()]*),([^(),]*)\)")
_BOOLEANS = ("timestamps", "univariate", "equallength", "targetlabel", "missing")

Files = dict[str, Path]  # train, and test if there is one


@dataclass
class Header:
    """What a file says of its series.

    Args:
        classes: Name of each class.
        said: The values of its other tags, by their names in small letters.
        labelled: Whether a class stands behind each series.
    """

    classes: list[str] = field(default_factory=list)
    labelled: bool = False
    said: dict[str, str] = field(default_factory=dict)

    def is_true(self, tag: str) -> bool:
        """Return whether a tag is there and true."""
        return self.said.get(tag) == "true"

    def number(self, tag: str) -> int | None:
        """Return the number that a tag gives, or None."""
        value = self.said.get(tag, "")
        return int(value) if value.isdecimal() else None


def find_ts(path: Path) -> Files:
    """Return the `.ts` files of a folder, or those that a file stands for; {} without any.

    Args:
        path: A folder with NAME_TRAIN.ts and perhaps NAME_TEST.ts, or one file. A file that ends
            in _TRAIN is joined by the one beside it that ends in _TEST.

    Raises:
        UserError: If a folder holds several data sets and none has its name.
    """
    if path.is_file():
        match = _TRAIN.match(path.name)
        beside = _named(path.parent, f"{match.group(1)}_test.ts") if match else None
        return {"train": path} | ({"test": beside} if beside else {})
    files = sorted(p for p in path.iterdir() if p.suffix.lower() == SUFFIX and _is_text(p))
    trains = [file for file in files if _TRAIN.match(file.name)]
    if not trains:
        trains = [file for file in files if not _TEST.match(file.name)]
    if len(trains) > 1:
        own = f"{path.resolve().name}_train.ts".lower()
        trains = [file for file in trains if file.name.lower() == own] or trains
    if len(trains) > 1:
        raise UserError(
            f"several data sets: {', '.join(file.name for file in trains[:5])}",
            where=path,
            hint="Name one of these files",
        )
    return find_ts(trains[0]) if trains else {}


def load_ts(
    path: Path, *, kind: str | None = None, task: str | None = None, seed: int = 0
) -> Dataset:
    """Return the series of `.ts` files.

    Args:
        path: A folder or a file, as for `find_ts`.
        kind: What a person said that it holds, to be remembered.
        task: What is to be learnt; None for classes.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If a file cannot be used, with the line.
    """
    files = find_ts(path)
    if not files:
        raise UserError("no .ts file in this folder", where=path)
    classes, train = _read(files["train"])
    test = _read(files["test"])[1] if "test" in files else None
    match = _TRAIN.match(files["train"].name)
    notes = []
    if path.is_file() and test is not None:
        notes.append(f"{files['test'].name} beside it taken as the test part")
    return series_dataset(
        train,
        test,
        class_names=classes if task in (None, "classification") else None,
        name=match.group(1) if match else files["train"].stem,
        source=str(path.resolve()),
        where=files["train"],
        files=list(files.values()),
        options={"kind": kind} if kind else {},
        notes=notes,
        task=task,
        seed=seed,
    )


def _named(folder: Path, name: str) -> Path | None:
    return next((p for p in sorted(folder.iterdir()) if p.name.lower() == name.lower()), None)


def _is_text(path: Path) -> bool:
    """Return whether a file has a header: films and TypeScript end in .ts as well."""
    try:
        with path.open("rb") as file:
            return _HEAD.search(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def unlabelled_ts(path: Path) -> SeriesPart:
    """Return the series of one `.ts` file, whatever their labels; there may be none.

    Args:
        path: The file.

    Raises:
        UserError: If it cannot be used, with the line.
    """
    return _read(path, with_labels=False)[1]


def _read(path: Path, *, with_labels: bool = True) -> tuple[list[str], SeriesPart]:
    """Return the classes and the series of a file."""
    try:
        # Descriptions may be in any encoding; what counts is ASCII as a rule.
        file = path.open(encoding="utf-8-sig", errors="replace")
    except PermissionError as error:
        denied(error)
    with file:
        lines = enumerate(file, 1)
        header = _read_header(path, lines)
        if with_labels:
            _check_classes(path, header)
        series, labels, times, numbers = [], [], [], []
        first: tuple[int, ...] = ()
        moments = Moments()
        for number, text in lines:
            line = text.strip()
            if not line or line.startswith(("#", "%")):
                continue
            where = f"{path}:{number}"
            values, at, label = _read_case(line, header, moments, where)
            first = first or values.shape
            _check_case(values.shape, first, header, where)
            values = without_padding(values)
            series.append(values)
            labels.append(_class(label, header.classes, where) if with_labels else "")
            numbers.append(number)
            if at is not None:
                times.append(at[: len(values)])
    if not series:
        raise UserError("no series after @data", where=path)
    return header.classes, SeriesPart(
        series,
        np.array(labels, np.str_),
        tuple(f"{path.name}:{number}" for number in numbers),
        times=times or None,
        places=[f"{path}:{number}" for number in numbers],
    )


def _read_header(path: Path, lines: Iterator[tuple[int, str]]) -> Header:
    """Read the lines up to @data."""
    header = Header()
    for number, text in lines:
        line, where = text.strip(), f"{path}:{number}"
        if not line or line.startswith(("#", "%")):
            continue
        if not line.startswith("@"):
            raise UserError(
                "wrong header: before @data every line begins with @, or # for a remark",
                where=where,
                hint="Is this a .ts file of the UEA and UCR archives?",
            )
        tag, *values = line[1:].split()
        tag = tag.lower()
        if tag == "data":
            break
        if tag in _BOOLEANS and [value.lower() for value in values] not in (["true"], ["false"]):
            raise UserError(f"wrong header: @{tag} must be true or false", where=where)
        if tag == "classlabel":
            header.labelled = bool(values) and values[0].lower() == "true"
            header.classes = values[1:]
            if header.labelled and not header.classes:
                raise UserError("wrong header: @classLabel names no classes", where=where)
        elif values:
            header.said[tag] = values[0].lower()
    else:
        raise UserError("wrong header: there is no line @data", where=path)
    return header


def _check_classes(path: Path, header: Header) -> None:
    if header.is_true("targetlabel"):
        raise UserError(
            "its targets are numbers (@targetLabel true), no classes",
            where=path,
            hint="Only classes can be learned",
        )
    if not header.labelled:
        raise UserError("it names no classes", where=path, hint=_CLASSES)


def _read_case(
    line: str, header: Header, moments: Moments, where: str
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, str]:
    """Return the values (time, channels), the times if there are any, and the label of a line."""
    channels = _COLON.split(line) if header.is_true("timestamps") else line.split(":")
    label = channels.pop() if header.labelled or header.is_true("targetlabel") else ""
    if not channels:
        raise UserError(
            "a truncated line: no label behind the last colon", where=where, hint=_FORMAT
        )
    values, times = [], []
    for number, channel in enumerate(channels, 1):
        name = f"channel {number}"
        text = channel.strip()
        if header.is_true("timestamps"):
            stamped = _STAMPED.findall(text)
            if re.sub(r"[\s,]", "", _STAMPED.sub("", text)):
                raise UserError(
                    f"{name} must hold (time,value),(time,value). Received: {_short(text)!r}",
                    where=where,
                )
            times.append([moments.read(time.strip(), where) for time, _ in stamped])
            values.append([_number(value, name, where) for _, value in stamped])
        else:
            values.append(_numbers(text, name, where))
    lengths = [len(channel) for channel in values]
    if len(set(lengths)) > 1:
        other = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise UserError(
            f"channel {other + 1} has {lengths[other]} values, channel 1 has {lengths[0]}",
            where=where,
        )
    if not lengths[0]:
        raise UserError("this series is empty", where=where, hint="Leave the line out")
    at = _times(times, where) if times else None
    return np.array(values, np.float64).T, at, label.strip()


_FORMAT = "A line is: 1,2,3:4,5,6:label, with a colon behind each channel"


def _times(times: list[list[float]], where: str) -> NDArray[np.float64]:
    at = np.array(times[0])
    if any(other != times[0] for other in times):
        raise UserError("the time stamps of its channels differ", where=where)
    if len(back := np.flatnonzero(np.diff(at) <= 0)):
        raise UserError(
            f"time stamp {back[0] + 2} is not later than the one before it", where=where
        )
    return at


def _numbers(text: str, name: str, where: str) -> list[float]:
    parts = text.split(",") if text else []
    try:
        return list(map(float, parts))
    except ValueError:
        return [_number(part, name, where) for part in parts]


def _number(text: str, name: str, where: str) -> float:
    value = text.strip()
    if value.lower() in MISSING:
        return float("nan")
    try:
        return float(value)
    except ValueError:
        raise UserError(f"no number in {name}. Received: {_short(value)!r}", where=where) from None


def _check_case(shape: tuple[int, ...], first: tuple[int, ...], header: Header, where: str) -> None:
    """Refuse a line of another shape, (time, channels), than header or first line say."""
    length, channels = shape
    expected = header.number("dimensions") or first[1]
    if header.is_true("univariate"):
        expected = 1
    if channels != expected:
        raise UserError(
            f"channels in this line: {channels}, expected: {expected}",
            where=where,
            hint="Is the line truncated? " + _FORMAT,
        )
    steps = header.number("serieslength") or first[0]
    if header.is_true("equallength") and length != steps:
        raise UserError(
            f"a series of {length} steps, {steps} expected, since @equalLength is true",
            where=where,
            hint="A truncated line, or @equalLength must be false",
        )


def _class(label: str, classes: list[str], where: str) -> str:
    """Return the class that a label means; capital letters may differ."""
    same = [name for name in classes if name == label]
    same = same or [name for name in classes if name.casefold() == label.casefold()]
    if len(same) != 1:
        raise UserError(
            f"the label {_short(label)!r} is no class of @classLabel: {', '.join(classes[:10])}",
            where=where,
            hint="A truncated line, or a class that the header lacks",
        )
    return same[0]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
