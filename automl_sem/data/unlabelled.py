"""Read series whose classes are to be found, as training read those that it had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.missing import filled
from automl_sem.data.series import check_series
from automl_sem.data.series_arrays import unlabelled_npz
from automl_sem.data.series_table import unlabelled_table
from automl_sem.data.ts import unlabelled_ts
from automl_sem.errors import UserError
from automl_sem.types import Floats

SUFFIXES = (".ts", ".npz", ".csv", ".tsv")
KNOWN = ".ts, .npz, .csv or .tsv"


def read_series(
    path: Path, channels: int, names: Sequence[str] | None, means: NDArray[np.float64]
) -> Iterator[tuple[str, Floats]]:
    """Yield the name of each series of a file, and its values, float32 (time, channels).

    Values that are missing are filled in as for training.

    Args:
        path: A `.ts` file, an `.npz` file, or a CSV table in long form.
        channels: How many channels the model takes.
        names: Their names, which are columns of a table; None for all columns.
        means: Mean of each channel over the training part, (channels,).

    Raises:
        UserError: If the file cannot be used.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"no file of series: a {KNOWN} file holds them", where=path)
    if suffix == ".ts":
        part = unlabelled_ts(path)
    elif suffix == ".npz":
        part = unlabelled_npz(path)
    else:
        part = unlabelled_table(path, names)
    check_series(part, channels, path, "the model was trained on")
    for row, values in enumerate(part.series):
        at = None if part.times is None else part.times[row]
        name = part.names[row].replace(f"{path.name}:", "line ")  # as those of a `.ts` file begin
        yield f"{path}: {name}", filled(values, means, at)
