"""Series in an `.npz` file: x_train (n, time, channels), y_train and the like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from automl_sem.data.dataset import Dataset
from automl_sem.data.npz import read_npz
from automl_sem.data.series import from_series
from automl_sem.errors import UserError

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


def load_series_npz(
    path: Path, *, kind: str | None = None, notes: Sequence[str] = (), seed: int = 0
) -> Dataset:
    """Return the series of an `.npz` file.

    Args:
        path: Holds `x_train` (n, time, channels) or (n, time), and `y_train`; may hold `x_test`
            with `y_test`, `lengths_train` and `lengths_test` (n,), `class_names`, `groups` and
            `groups_test`. Without lengths, NaN at the end fills up shorter series.
        kind: What a person said that it holds, to be remembered.
        notes: What was decided so far.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the file or an array in it cannot be used.
    """
    arrays = read_npz(path, KEYS)
    if missing := [key for key in ("x_train", "y_train") if key not in arrays]:
        raise UserError(
            f"there is no {' and no '.join(missing)} in this file, only: "
            + (", ".join(sorted(arrays)) or "nothing"),
            where=path,
            hint=f"Known names: {', '.join(KEYS)}",
        )
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
        seed=seed,
    )
