"""Arrays of labels and groups to a training and a test part, whatever the examples are.

The examples of these parts are row numbers: which examples they are is known before they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import HeldOutPart, TrainingPart
from automl_sem.data.groups import group_numbers, groups_note, shared_groups_note
from automl_sem.data.split import hold_out_test
from automl_sem.types import Ints


@dataclass(frozen=True)
class Parts:
    """Which examples are trained on and which are held out.

    Args:
        train: With the rows of its examples among those given for training, int64 (n,).
        test: With the rows of its examples among those given for the test, or for training
            if it was split off, int64 (n,).
        split_off: Whether the test part was split off.
        notes: What was decided, one sentence each.
    """

    train: TrainingPart
    test: HeldOutPart
    split_off: bool
    notes: tuple[str, ...]


def make_parts(
    train: TrainingPart,
    test: HeldOutPart | None,
    *,
    groups: NDArray[Any] | None,
    groups_test: NDArray[Any] | None,
    digests: Sequence[str],
    seed: int,
) -> Parts:
    """Return both parts; without a test part one is split off.

    Args:
        train: All examples to train on, row numbers for these.
        test: The test part, row numbers for examples, or None.
        groups: Name or number of the group of each training example, (n,).
        groups_test: The same of the test part.
        digests: What is the same for copies, of each training example.
        seed: Seed of the choice of a test part.
    """
    train = replace(train, groups=None if groups is None else group_numbers(groups))
    notes: list[str] = []
    split_off = test is None
    if test is None:
        train, test, note = hold_out_test(train, seed, digests)
        notes.append(note)
    elif groups is not None and groups_test is not None:
        notes += shared_groups_note(groups, groups_test)
    if train.groups is not None:
        notes.append(groups_note(train.groups))
    return Parts(train, test, split_off, tuple(notes))


def row_names(part: str, n: int) -> tuple[str, ...]:
    """Return names for examples that have none, such as `train row 3`."""
    return tuple(f"{part} row {row}" for row in range(n))


def rows(n: int) -> Ints:
    """Return the numbers of all rows, (n,)."""
    return np.arange(n, dtype=np.int64)
