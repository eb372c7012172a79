"""Share examples out among folds so that each gets its share of every label or range of numbers.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, On the Stratification of
Multi-Label Data, ECML PKDD): again and again the rarest label that is left is shared out, each of
its examples to the fold that still lacks it most. What must stay together is shared out as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl_sem.arrays import Ints

MAX_BINS = 10


def even_folds(marks: NDArray[np.bool_], together: Ints, folds: int, seed: int) -> NDArray[np.int8]:
    """Return the fold number of every example, (n,).

    Args:
        marks: What each fold should have its share of, (n, labels).
        together: A number for each example, the same for those that stay together, (n,).
        folds: Number of folds, at most as many as there are different numbers.
        seed: Seed of the order among equals.
    """
    rng = np.random.default_rng(seed)
    unit = np.unique(together, return_inverse=True)[1]
    units = int(unit.max()) + 1
    counts = np.zeros((units, marks.shape[1]))
    np.add.at(counts, unit, marks)
    sizes = np.bincount(unit).astype(np.float64)
    lacks = np.tile(counts.sum(axis=0) / folds, (folds, 1))  # (folds, labels)
    room = np.full(folds, sizes.sum() / folds)
    number = np.full(units, -1, np.int8)
    # Large ones first, as long as there is room for them everywhere; equal ones in any order.
    order = rng.permutation(units)
    order = order[np.argsort(-sizes[order], kind="stable")]

    def assign(one: int, label: int | None) -> None:
        needs = room if label is None else lacks[:, label]
        best = np.flatnonzero(needs == needs.max())
        best = best[room[best] == room[best].max()]
        fold = int(rng.choice(best))
        number[one] = fold
        lacks[fold] -= counts[one]
        room[fold] -= sizes[one]

    left = counts.sum(axis=0)
    while (left > 0).any():
        label = int(np.where(left > 0, left, np.inf).argmin())
        for one in order[(number[order] < 0) & (counts[order, label] > 0)].tolist():
            assign(one, label)
            left -= counts[one]
    for one in order[number[order] < 0].tolist():
        assign(one, None)
    return number[unit]


def ranges(targets: NDArray[np.float32], units: int, folds: int) -> NDArray[np.bool_]:
    """Return in which range of each target an example lies, (n, ranges of all targets).

    The ranges hold about equally many examples, and enough for every fold to have some.

    Args:
        targets: Numbers, (n, targets).
        units: How many examples, or groups of them, are shared out.
        folds: Number of folds.
    """
    bins = max(1, min(MAX_BINS, units // folds))
    marks = []
    for values in targets.T:
        edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
        place = np.searchsorted(edges, values, side="right")
        marks.append(place[:, None] == np.arange(len(edges) + 1))
    return np.concatenate(marks, axis=1)
