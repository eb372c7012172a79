"""Image files with their labels in a CSV table.

labels.csv                          path,label[,group][,split]; paths relative to the table
DIR/metadata.csv                    file_name,label, as Hugging Face's imagefolder has it
DIR/train/metadata.csv  DIR/test/metadata.csv
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from automl_sem.data.folders import PARTS, Found, ImageFile
from automl_sem.data.lines import Lines
from automl_sem.data.pixels import denied
from automl_sem.errors import UserError

METADATA = "metadata.csv"
PATH_COLUMNS = ("path", "file_name")
LABEL_COLUMNS = ("label", "class")
GROUP_COLUMN = "group"
SPLIT_COLUMN = "split"
LONGEST = 200  # characters of a path that an error shows
_HEADER = "Its first line must name the columns path and label, and may name group and split"
_FILL = "Fill it in"
_ALL_GROUPED = "If one table names groups, every table of training images must"

Row = Mapping[str, str]


def find_tables(folder: Path) -> list[Path]:
    """Return the tables of a folder: in it, or in its parts such as `train` and `test`.

    A `metadata.csv` without labels beside class folders is about something else.
    """
    if _has_table(folder):
        return [folder / METADATA]
    parts = [path for path in _inside(folder) if path.name.lower() in PARTS]
    tables = [path / METADATA for path in parts if path.is_dir() and _has_table(path)]
    return tables if any(PARTS[path.parent.name.lower()] == "train" for path in tables) else []


def _has_table(folder: Path) -> bool:
    inside = _inside(folder)
    if folder / METADATA not in inside:
        return False
    columns = columns_of(folder / METADATA)
    labelled = all({*names} & {*columns} for names in (PATH_COLUMNS, LABEL_COLUMNS))
    return labelled or not any(path.is_dir() for path in inside)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except PermissionError as error:
        denied(error)


def read_tables(
    tables: list[Path],
    root: Path,
    *,
    groups: str | None = GROUP_COLUMN,
    asked: bool = False,
    skip_bad: bool = False,
    may_lack: bool = False,
) -> Found:
    """Return the image files of tables, without looking into them.

    Args:
        tables: CSV files. One in a folder named `train`, `val` or `test` below the root is
            about that part, unless it has a column `split`. Without that column, paths that
            all begin with such a folder say the part.
        root: The folder that names of files are relative to.
        groups: Name of the column with the groups: if one of the tables has it, every training
            image needs a group, while test images need none. None reads no groups.
        asked: Whether a person asked for these groups; otherwise a column that is there for test
            images alone says nothing.
        skip_bad: Leave rows out whose label or file is missing.
        may_lack: Whether an image may have no label, as one with none of several.

    Raises:
        UserError: If a table cannot be used, with the line.
    """
    found = Found(root)
    ungrouped: list[tuple[ImageFile, UserError]] = []
    for table in tables:
        part = PARTS.get(table.parent.name.lower()) if table.parent != root else None
        if table.parent != root and table.parent.name.lower() in ("val", "validation"):
            found.joined.append(table.parent.name)
        ungrouped += _read(found, table, part or "train", groups, asked, skip_bad, may_lack)
        if part is None and SPLIT_COLUMN not in columns_of(table):
            _split_by_folder(found)
    if found.grouped and ungrouped:
        trained = {*found.files["train"]}
        for file, error in ungrouped:
            if file in trained:
                raise error
    return found


def _split_by_folder(found: Found) -> None:
    """Put files into parts by the first folder of their paths, if that names a part for each."""
    firsts = [
        file.path.relative_to(found.root).parts[0].lower()
        if file.path.is_relative_to(found.root)
        else ""
        for file in found
    ]
    if not all(first in PARTS for first in firsts) or "train" not in firsts:
        return
    files = list(found)
    found.files = {
        part: [file for file, first in zip(files, firsts, strict=True) if PARTS[first] == part]
        for part in found.files
    }
    found.joined += [name for name in ("val", "validation") if name in firsts]


def columns_of(table: Path) -> list[str]:
    """Return the names of a table's columns."""
    with Lines(table, _HEADER) as lines:
        return lines.header(_KNOWN)


def _read(
    found: Found,
    table: Path,
    part: str,
    groups: str | None,
    asked: bool,
    skip_bad: bool,
    may_lack: bool,
) -> list[tuple[ImageFile, UserError]]:
    """Add the files of a table; return those without a group, each with what to say of it.

    Of a table without the column one training file stands for all.
    """
    ungrouped: list[tuple[ImageFile, UserError]] = []
    with Lines(table, _HEADER) as lines:
        columns = lines.header(_KNOWN)
        path_column = _column(table, columns, PATH_COLUMNS)
        label_column = _column(table, columns, LABEL_COLUMNS)
        grouped = groups in columns
        found.grouped |= grouped and asked
        for row in lines.rows(columns):
            values = {name: value.strip() for name, value in zip(columns, row, strict=True)}
            file = ImageFile(
                path=table.parent / _value(lines.at, values, path_column),
                label=values[label_column],
                group=values[groups] if grouped and groups else "",
            )
            if reason := _missing(file, may_lack):
                if not skip_bad:
                    raise UserError(
                        reason,
                        where=lines.at,
                        hint="Correct the line, or leave such lines out with --skip-bad",
                    )
                found.bad.append((file.path, reason))
                continue
            split = part
            if SPLIT_COLUMN in columns:
                split = part_named(values[SPLIT_COLUMN], lines.at)
                joined = values[SPLIT_COLUMN].lower()
                if joined in ("val", "validation") and joined not in found.joined:
                    found.joined.append(joined)
            found.files[split].append(file)
            found.grouped |= grouped and split == "train"
            if grouped and not file.group:
                error = UserError(f"no value for '{groups}'", where=lines.at, hint=_FILL)
                ungrouped.append((file, error))
            elif not grouped and split == "train" and not ungrouped:
                error = _no_column(table, columns, str(groups), _ALL_GROUPED)
                ungrouped.append((file, error))
    if not any(found.files.values()):
        raise UserError("no usable line in this table", where=table, hint=_HEADER)
    return ungrouped


def _missing(file: ImageFile, may_lack: bool) -> str:
    """Return why a row stands for no example; empty if nothing is missing."""
    if not file.label and not may_lack:
        return f"no label for '{file.path.name}'"
    try:
        return "" if file.path.is_file() else f"no such file: {file.path}"
    except PermissionError as error:
        denied(error)
    except OSError as error:  # such as a name that is too long
        shown = f"{str(file.path)[:LONGEST]}..." if len(str(file.path)) > LONGEST else file.path
        return f"no such file ({error.strerror}): {shown}"


def part_named(value: str, where: str) -> str:
    """Return the part that a value of the column `split` means, `"train"` or `"test"`.

    Raises:
        UserError: If it is none.
    """
    if value.lower() not in PARTS:
        raise UserError(f"the split must be train, val or test. Received: {value!r}", where=where)
    return PARTS[value.lower()]


def _value(where: str, values: Row, column: str) -> str:
    if not values[column]:
        raise UserError(f"no value for '{column}'", where=where, hint=_FILL)
    return values[column]


def _column(table: Path, columns: list[str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in columns:
            return name
    raise _no_column(table, columns, names[0], _HEADER)


def _no_column(table: Path, columns: list[str], name: str, hint: str) -> UserError:
    there = ", ".join(columns) or "nothing"
    return UserError(f"there is no column '{name}', only: {there}", where=table, hint=hint)


_KNOWN = (*PATH_COLUMNS, *LABEL_COLUMNS, GROUP_COLUMN, SPLIT_COLUMN)
