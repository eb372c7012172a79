"""What was understood of what is to be learnt: counts of classes and labels, ranges of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset, TrainingPart

QUANTILES = {
    "smallest": 0.0,
    "quarter": 0.25,
    "median": 0.5,
    "three quarters": 0.75,
    "largest": 1.0,
}


def counts_of(part: TrainingPart, y: NDArray[Any]) -> list[int]:
    """Return how many examples have each class or label.

    Args:
        part: Says the task and the names.
        y: What is to be learnt of some examples.
    """
    if part.task == "multi-label":
        return [int(n) for n in y.sum(axis=0)]
    return [int(n) for n in np.bincount(y, minlength=len(part.class_names))]


def table(dataset: Dataset) -> list[str]:
    """Return a table for people: a line for each class, label, or number."""
    train, test = dataset.train, dataset.test
    if train.task == "regression":
        return _numbers(train)
    head = "class" if train.task == "classification" else "label"
    wide = max(len(head), *(len(name) for name in train.class_names))
    rows = zip(train.class_names, counts_of(train, train.y), counts_of(train, test.y), strict=True)
    return [
        f"{head:<{wide}}  train   test",
        *(f"{name:<{wide}}  {ours:>5}  {theirs:>5}" for name, ours, theirs in rows),
        *(_together(train) if train.task == "multi-label" else ()),
    ]


def _together(part: TrainingPart) -> list[str]:
    """Return how many labels an example has."""
    sizes = part.y.sum(axis=1)
    none = int((sizes == 0).sum())
    return [f"labels of an example: {sizes.mean():.2f} on average; {none} to train have none"]


def _numbers(part: TrainingPart) -> list[str]:
    wide = max(len("number"), *(len(name) for name in part.class_names))
    head = "  ".join(f"{name:>14}" for name in (*QUANTILES, "mean", "deviation"))
    lines = [f"{'number':<{wide}}  {head}"]
    for name, values in zip(part.class_names, part.y.T, strict=True):
        found = [*np.quantile(values, list(QUANTILES.values())), values.mean(), values.std()]
        lines.append(f"{name:<{wide}}  " + "  ".join(f"{value:>14.5g}" for value in found))
    return lines


def targets_json(dataset: Dataset) -> dict[str, Any]:
    """Return the same for scripts."""
    train, test = dataset.train, dataset.test
    if train.task == "regression":
        return {
            "outputs": [
                {
                    "name": name,
                    **{k: float(np.quantile(values, q)) for k, q in QUANTILES.items()},
                    "mean": float(values.mean()),
                    "deviation": float(values.std()),
                }
                for name, values in zip(train.class_names, train.y.T, strict=True)
            ]
        }
    rows = zip(train.class_names, counts_of(train, train.y), counts_of(train, test.y), strict=True)
    word = "classes" if train.task == "classification" else "labels"
    return {word: [{"name": name, "train": ours, "test": theirs} for name, ours, theirs in rows]}


def distribution(part: TrainingPart) -> str:
    """Return in a few words what is to be learnt, such as `15 circle, 15 triangle`."""
    if part.task == "regression":
        spans = zip(part.class_names, part.y.min(axis=0), part.y.max(axis=0), strict=True)
        return ", ".join(f"{name} from {low:.5g} to {high:.5g}" for name, low, high in spans)
    pairs = zip(counts_of(part, part.y), part.class_names, strict=True)
    return ", ".join(f"{n} {name}" for n, name in pairs)


def some_rows(part: TrainingPart, most: int) -> list[tuple[str, NDArray[Any]]]:
    """Return rows to look at, with what they have in common: a class, a label, a range.

    Args:
        part: The training part.
        most: Classes or labels at most.
    """
    if part.task == "regression":
        values, name = part.y[:, 0], part.class_names[0]
        edges = np.quantile(values, (0.25, 0.5, 0.75))
        place = np.searchsorted(edges, values, side="right")
        ranges = [np.flatnonzero(place == i) for i in range(len(edges) + 1)]
        return [
            (f"{name} {values[rows].min():.4g} to {values[rows].max():.4g}", rows)
            for rows in ranges
            if len(rows)
        ]
    has = [
        part.y[:, i] > 0 if part.task == "multi-label" else part.y == i
        for i in range(min(most, len(part.class_names)))
    ]
    rows = [np.flatnonzero(each) for each in has]
    return [
        (name, chosen) for name, chosen in zip(part.class_names, rows, strict=False) if len(chosen)
    ]
