"""Find examples that are the same, value by value: between train and test, or with two labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST_SIZE = 8  # bytes: among a million images, two alike by chance have odds of 3e-8

Pair = tuple[str, str]


@dataclass(frozen=True)
class Copies:
    """Which examples are the same.

    Args:
        leaks: Test examples that are in the training part too, each with its twin there.
        conflicts: Training examples that have another label elsewhere in the training part,
            each with the first such twin.
        repeated: Number of training examples that repeat an earlier one of the same class.
    """

    leaks: tuple[Pair, ...] = ()
    conflicts: tuple[Pair, ...] = ()
    repeated: int = 0

    def notes(self, *, grouped: bool, one: str = "image", many: str = "images") -> list[str]:
        """Return what people should know, one sentence each.

        Args:
            grouped: Whether the examples have groups: then these say what stays in one fold.
            one: What an example is called.
            many: What several are called.
        """
        notes = []
        if self.leaks:
            are = f"{one} is" if len(self.leaks) == 1 else f"{many} are"
            notes.append(
                f"leakage: {len(self.leaks)} test {are} in the training part too, which makes the "
                f"test score too good; such as {_pair(self.leaks[0])}"
            )
        if self.conflicts:
            notes.append(
                f"{len(self.conflicts)} training {many} are the same but have different labels, "
                f"such as {_pair(self.conflicts[0])}"
            )
        if self.repeated:
            repeat = f"{one} repeats an" if self.repeated == 1 else f"{many} repeat"
            so = "copies stay in one fold"
            if grouped:
                so = "where groups differ, a fold may be scored on what it was trained on"
            notes.append(
                f"{self.repeated} training {repeat} earlier one{'s' * (self.repeated > 1)}: {so}"
            )
        return notes


def digest(example: NDArray[Any]) -> str:
    """Return what is the same for examples of the same shape and values.

    Args:
        example: Such as an image, uint8 (height, width, channels).
    """
    shape = repr(example.shape).encode()
    content = np.ascontiguousarray(example).data
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE, key=shape).hexdigest()


def find_copies(
    train: Sequence[str],
    y: NDArray[Any],
    names: Sequence[str],
    test: Sequence[str],
    test_names: Sequence[str],
) -> Copies:
    """Return which examples are the same.

    Args:
        train: Digest of each training example.
        y: Their class numbers, (n,), or their labels or numbers, (n, outputs).
        names: Their names, for people.
        test: Digest of each test example.
        test_names: Their names.
    """
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(train):
        rows.setdefault(key, []).append(row)
    conflicts: dict[int, int] = {}
    repeated = 0
    for twins in rows.values():
        labels = {row: tuple(np.ravel(y[row]).tolist()) for row in twins}
        repeated += len(twins) - len(set(labels.values()))
        if len(set(labels.values())) > 1:
            conflicts |= {
                row: next(twin for twin in twins if labels[twin] != labels[row]) for row in twins
            }
    return Copies(
        leaks=tuple(
            (name, names[rows[key][0]])
            for key, name in zip(test, test_names, strict=True)
            if key in rows
        ),
        conflicts=tuple((names[row], names[conflicts[row]]) for row in sorted(conflicts)),
        repeated=repeated,
    )


def same_rows(digests: Sequence[str]) -> NDArray[Any]:
    """Return a number for each example that is the same for copies, (n,)."""
    numbers: NDArray[Any] = np.unique(np.array(digests), return_inverse=True)[1]
    return numbers


def _pair(pair: Pair) -> str:
    return " and ".join(f"'{name}'" for name in pair)
