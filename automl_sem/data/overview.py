"""What was understood of a dataset: counts, sizes, copies, notes, and a sheet to look at."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.clip_overview import film_strips, frames_json, frames_lines
from automl_sem.data.copies import Copies, Pair, digest, find_copies
from automl_sem.data.dataset import Dataset, Inspection, TrainingPart
from automl_sem.data.evenly import evenly
from automl_sem.data.load import FILES, load_dataset, source_kind
from automl_sem.data.pixels import Size
from automl_sem.data.series_overview import curves, facts_json, facts_lines
from automl_sem.data.split import usable_folds
from automl_sem.data.target_overview import some_rows, table, targets_json
from automl_sem.errors import UserError
from automl_sem.files import write_atomic
from automl_sem.types import Bytes

SHEET = Path("contact-sheet.png")
SHEET_EXAMPLES = 12  # of a class
SHEET_ROWS = 100  # classes
CELL = 56  # pixels that an example is enlarged to, at least
LARGEST_CELL = 128  # and shrunk to, at most
GAP = 4
FONT = 14
LISTED = 5  # of each kind of trouble
USUAL_FOLDS = 5


@dataclass(frozen=True)
class Overview:
    """What was understood of a dataset.

    Args:
        dataset: As a search would get it.
        inspection: What loading showed of the examples as they were saved.
        smallest: Smallest height and smallest width, in pixels; of series their steps and
            channels.
        median: Their medians.
        largest: Largest height and largest width.
        notes: What people should know, one sentence each.
    """

    dataset: Dataset
    inspection: Inspection
    smallest: Size
    median: Size
    largest: Size
    notes: tuple[str, ...]

    @property
    def copies(self) -> Copies:
        """Which examples are the same."""
        return self.inspection.copies or Copies()

    @property
    def groups(self) -> int | None:
        """Number of groups among the training examples, or None without groups."""
        groups = self.dataset.train.groups
        return None if groups is None else len(np.unique(groups))

    def summary(self) -> str:
        """Return the overview for people."""
        data = self.dataset
        copies, facts = self.copies, self.inspection.series
        lines = [
            f"data        {data.name} ({data.source})",
            f"{data.info.kind:<10}  {len(data.train.y)} to train, {len(data.test.y)} held out for "
            "the test",
            *([] if data.info.task == "classification" else [f"task        {data.info.task}"]),
            *(self._sizes() if facts is None else facts_lines(facts)),
            f"groups      {'none' if self.groups is None else self.groups}",
            f"copies      {_count(copies.leaks)} in train and test, {copies.repeated} within "
            f"train, {_count(copies.conflicts)} with different labels",
            *_listed(copies.leaks, "test: ", "is train:"),
            *_listed(copies.conflicts, "", "has another label than"),
            *(self._unreadable() if facts is None else ()),
            *(f"note        {note}" for note in self.notes),
            "",
            *table(data),
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the overview for scripts."""
        data, facts = self.dataset, self.inspection.series
        return {
            "schema_version": 1,
            "name": data.name,
            "kind": data.info.kind,
            "source": data.source,
            "train_examples": len(data.train.y),
            "test_examples": len(data.test.y),
            "task": data.info.task,
            **targets_json(data),
            "input_shape": list(data.info.input_shape),
            **(self._sizes_json() if facts is None else facts_json(facts)),
            "groups": self.groups,
            "copies": {
                "leaks": [{"test": test, "train": train} for test, train in self.copies.leaks],
                "conflicts": [list(pair) for pair in self.copies.conflicts],
                "repeated": self.copies.repeated,
            },
            "unreadable": list(self.inspection.unreadable),
            "notes": list(self.notes),
        }

    def _sizes_json(self) -> dict[str, Any]:
        return {
            "pad": self.dataset.pad,
            "saved_sizes": {
                "smallest": list(self.smallest),
                "median": list(self.median),
                "largest": list(self.largest),
            },
            **frames_json(self.inspection),
        }

    def _sizes(self) -> list[str]:
        pad, (*frames, height, width, channels) = self.dataset.pad, self.dataset.info.input_shape
        change = "" if pad is None else f", filled up with {pad} (0 black, 255 white)"
        of = f"{frames[0]} frames of " if frames else ""
        become = f"{of}{height}x{width}, {'grey' if channels == 1 else 'in colour'}{change}"
        return [
            f"as saved    {self._saved()}",
            *frames_lines(self.inspection),
            f"as trained  {become}",
        ]

    def _unreadable(self) -> list[str]:
        unreadable = self.inspection.unreadable
        more = len(unreadable) - LISTED
        return [
            f"unreadable  {len(unreadable) or 'none'}",
            *(f"            {line}" for line in unreadable[:LISTED]),
            *([f"            and {more} more"] if more > 0 else []),
        ]

    def _saved(self) -> str:
        if self.smallest == self.largest:
            return f"{_by(self.smallest)} (height x width)"
        return (
            f"heights {self.smallest[0]} to {self.largest[0]} (median {self.median[0]}), "
            f"widths {self.smallest[1]} to {self.largest[1]} (median {self.median[1]})"
        )


def describe(source: str, **options: Any) -> Overview:
    """Return what is understood of a dataset; files that cannot be read do not stop it.

    Args:
        source: As for `load_dataset`.
        **options: Options of `load_dataset`.

    Raises:
        UserError: If there is no such dataset, or nothing of it can be used.
    """
    skip_bad = source_kind(source, options.get("kind")) in FILES
    dataset = load_dataset(source, **{**options, "skip_bad": skip_bad})
    found = dataset.inspection or Inspection(np.array([dataset.train.x.shape[-3:-1]], np.int64))
    notes, train = dataset.notes, dataset.train
    if found.copies is None:
        copies = _copies(dataset)
        found = replace(found, copies=copies)
        one = "clip" if train.kind == "clips" else "image"
        told = copies.notes(grouped=train.groups is not None, one=one, many=train.kind)
        notes += tuple(told)
    names, groups, copies_of = train.class_names, train.groups, train.copies()
    try:
        note = usable_folds(train.y, USUAL_FOLDS, names, groups, copies_of, train.kind)[1]
    except UserError as error:
        note = f"no folds can be made: {error.what}"
    sides = np.sort(found.sizes, axis=0)
    return Overview(
        dataset=dataset,
        inspection=found,
        smallest=_size(sides[0]),
        median=_size(np.median(sides, axis=0)),
        largest=_size(sides[-1]),
        notes=(*notes, *filter(None, [note])),
    )


def contact_sheet(dataset: Dataset) -> Any:
    """Return a picture of some training examples as the network sees them, a row per class.

    Or a row per label, or one for each quarter of the numbers to predict.

    Of clips there are several rows per class, each with some frames of one clip.

    Args:
        dataset: Has something to tell apart.

    Returns:
        A PIL image.
    """
    from PIL import Image, ImageDraw, ImageFont

    part = dataset.train
    (tall, wide), picture = (curves if part.kind == "series" else _images)(part)
    rows = some_rows(part, SHEET_ROWS)
    labels = [f"{_short(name)} ({len(chosen)})" for name, chosen in rows]
    places: list[list[Any]] = [list(_some(chosen)) for _, chosen in rows]
    if part.kind == "clips":
        labels, places = film_strips(labels, places, part.info.input_shape[0])
    font = ImageFont.load_default(FONT)
    column = round(max(font.getlength(label) for label in labels)) + 3 * GAP
    line = max(tall, FONT + GAP) + GAP
    columns = max(map(len, places))
    canvas = Image.new(
        "RGB", (column + columns * (wide + GAP) + GAP, len(labels) * line + GAP), (200, 205, 212)
    )
    draw = ImageDraw.Draw(canvas)
    for i, (label, row) in enumerate(zip(labels, places, strict=True)):
        top = GAP + i * line
        draw.text((GAP, top + (line - GAP) / 2), label, fill=(20, 20, 20), font=font, anchor="lm")
        for j, place in enumerate(row):
            canvas.paste(picture(place), (column + j * (wide + GAP), top))
    return canvas


def _images(part: TrainingPart) -> tuple[Size, Callable[[Any], Any]]:
    """Return the size in pixels of the pictures of images, and what makes one from its row.

    Of clips it makes one from row and frame.
    """
    from PIL import Image

    height, width, channels = part.info.input_shape[-3:]
    scale = max(1, -(-CELL // max(height, width))) * min(1.0, LARGEST_CELL / max(height, width))
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    smooth = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BILINEAR

    def picture(place: Any) -> Any:
        pixels: Bytes = np.asarray(part.x[place])
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        return image.resize((wide, tall), smooth)

    return (tall, wide), picture


def check_sheet(path: Path, force: bool) -> None:
    """Refuse a path that a sheet cannot be written to.

    Raises:
        UserError: If there is a file already and `force` is not given, or no such folder.
    """
    if path.is_dir():
        raise UserError("this is a folder", where=path, hint="Name a file, such as sheet.png")
    if path.exists() and not force:
        raise UserError(
            "the file is there already",
            where=path,
            hint="Replace it with --force, or write another with --sheet FILE",
        )
    if not path.parent.is_dir():
        raise UserError("no such folder", where=path.parent, hint="Make it first")


def write_sheet(dataset: Dataset, path: Path | None = None) -> Path:
    """Write the contact sheet as PNG, and return its file.

    Args:
        dataset: Has at least two classes.
        path: The file, which is replaced; None for `contact-sheet.png`, or if another file has
            that name, `contact-sheet-2.png` and so on.
    """
    content = io.BytesIO()
    contact_sheet(dataset).save(content, "PNG")
    path = path or _free_sheet(content.getvalue())
    write_atomic(path, content.getvalue())
    return path


def _free_sheet(content: bytes) -> Path:
    """Return the first name that is free, or that this very sheet has already."""
    path, count = SHEET, 1
    while path.exists() and not (path.is_file() and path.read_bytes() == content):
        count += 1
        path = SHEET.with_stem(f"{SHEET.stem}-{count}")
    return path


def _copies(dataset: Dataset) -> Copies:
    train, test = dataset.train, dataset.test
    return find_copies(
        [digest(image) for image in train.x],
        train.y,
        train.names,
        [digest(image) for image in test.x],
        test.names,
    )


def _some(rows: Any) -> Any:
    """Return at most `SHEET_EXAMPLES` rows, evenly from the first to the last."""
    return rows[evenly(len(rows), SHEET_EXAMPLES)]


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _size(sides: Any) -> Size:
    return round(float(sides[0])), round(float(sides[1]))


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _count(pairs: tuple[Pair, ...]) -> str:
    return str(len(pairs)) if pairs else "none"


def _listed(pairs: tuple[Pair, ...], before: str, between: str) -> list[str]:
    lines = [f"            {before}{a} {between} {b}" for a, b in pairs[:LISTED]]
    more = [f"            and {len(pairs) - LISTED} more"] if len(pairs) > LISTED else []
    return lines + more
