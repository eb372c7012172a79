"""Image files: a folder per class, as Keras's `flow_from_directory` expects, or a CSV table.

DIR/CLASS/*.png                            a test part is split off
DIR/train/CLASS/*.png  DIR/test/CLASS/*.png    `val` or `validation` joins the training part
labels.csv  DIR/metadata.csv               files with their labels: `table.py` says how
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from automl_sem.data.copies import digest
from automl_sem.data.dataset import Dataset
from automl_sem.data.folders import (
    Found,
    ImageFile,
    Look,
    find_images,
    find_unlabelled,
    of_one_class,
)
from automl_sem.data.from_files import Plan, from_files
from automl_sem.data.groups import group_by_name, group_column
from automl_sem.data.pixels import Size, border, decode_image, resize, saved_in_colour
from automl_sem.data.table import find_tables, read_tables
from automl_sem.errors import UserError
from automl_sem.types import Bytes

GREY_TOLERANCE = 2  # of 255: saving transparent strokes rounds red, green and blue apart


def load_images(
    source: Path,
    *,
    image_size: int | None = None,
    pad: bool = False,
    groups: str | None = None,
    skip_bad: bool = False,
    unlabelled: bool = False,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the images of a folder or table, resized to one size, grey if all of them are.

    Size, number of channels and background are chosen from the training part alone, after a
    test part is split off. All files are looked into before: to refuse those that cannot be
    read, and for the split to keep copies together.

    Args:
        source: A folder that holds a folder per class, or `train` and `test` with these, or
            `metadata.csv`; or a CSV table of files and labels.
        image_size: Height and width of all images; None for a size that suits them.
        pad: Keep the shape of images: fill them up with the background, do not stretch them.
        groups: A column of the table, or a regular expression on the names of files whose
            first group is the group.
        skip_bad: Leave images out that cannot be read.
        unlabelled: Take them as of one class, wherever in the folder they lie.
        task: What is to be learnt; None to find out: fractions in a table are numbers to predict.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the folder, the table or an image cannot be used.
    """
    return from_files(
        _find(source, groups, skip_bad, unlabelled, task == "multi-label"),
        source,
        Images(),
        image_size=image_size,
        pad=pad,
        groups=groups,
        skip_bad=skip_bad,
        unlabelled=unlabelled,
        task=task,
        seed=seed,
    )


class Images:
    """Reads image files."""

    kind = "images"
    one = "image"
    keep = False

    def files(self, path: Path) -> list[Path]:
        """Return the files that an example comes from."""
        return [path]

    def look(self, path: Path) -> Look:
        """Return what looking into an image shows."""
        return _look_into(path)

    def expect(self, train: Sequence[ImageFile], image_size: int | None, pad: bool) -> None:
        """Do nothing: images are quickly decoded again."""

    def plan(self, train: Sequence[ImageFile], test: Sequence[ImageFile]) -> Plan:  # noqa: ARG002
        """Return how images are read, whatever they are."""
        return Plan((), _read)


def _find(
    source: Path, groups: str | None, skip_bad: bool, unlabelled: bool, may_lack: bool
) -> Found:
    """Return the files with labels and groups, without looking into them."""
    tables = [source] if source.is_file() else find_tables(source)
    column = group_column(tables, groups)
    if tables:
        root = source.parent if source.is_file() else source
        asked = groups is not None
        found = read_tables(
            tables, root, groups=column, asked=asked, skip_bad=skip_bad, may_lack=may_lack
        )
        found = of_one_class(found) if unlabelled else found
    else:
        found = find_unlabelled(source) if unlabelled else find_images(source)
    return found if groups is None or column is not None else group_by_name(found, groups)


def _read(file: ImageFile, size: Size, channels: int, fill: int | None) -> Bytes:
    image: Bytes = resize(decode_image(file.path, channels)[None], size, fill)[0]
    return image


def _look_into(path: Path) -> Look:
    pixels = decode_image(path, 3)
    height, width, _ = pixels.shape
    if min(height, width) < 2:
        raise UserError(f"an image of {height}x{width} pixels shows nothing", where=path)
    grey = int(np.ptp(pixels, axis=-1).max()) <= GREY_TOLERANCE
    edge = int(border(pixels[None])[0])
    return Look(height, width, grey, saved_in_colour(path), edge, digest(pixels))
