"""Splits that keep the share of every class: folds for the search, a held-out test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import HeldOutPart, TrainingPart
from automl_sem.errors import UserError
from automl_sem.types import Ints

TEST_SHARE = 0.2
MAX_FOLDS = 100


def stratified_folds(y: Ints, folds: int, seed: int) -> NDArray[np.int8]:
    """Return the fold number of every example, each fold with about the same share of each class.

    Args:
        y: Class numbers, (n,).
        folds: Number of folds; `usable_folds` says how many the classes allow.
        seed: Seed of the shuffle.
    """
    from sklearn.model_selection import StratifiedKFold

    number = np.empty(len(y), np.int8)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(y)), y)):
        number[held_out] = fold
    return number


def usable_folds(y: Ints, wanted: int, class_names: Sequence[str]) -> tuple[int, str | None]:
    """Return how many folds the smallest class allows, and a note if that is fewer than wanted.

    Args:
        y: Class numbers, (n,).
        wanted: Number of folds asked for.
        class_names: Name of each class, in the order of their numbers.

    Raises:
        UserError: If there is one class only, a class has fewer than 2 examples,
            or `wanted` is not in 2..100.
    """
    if not 2 <= wanted <= MAX_FOLDS:
        raise UserError(
            f"the number of folds must be from 2 to {MAX_FOLDS}. Received: {wanted}",
            where="folds",
            hint="5 is usual",
        )
    smallest, examples = check_classes(y, class_names)
    if wanted <= examples:
        return wanted, None
    return examples, (
        f"{examples} folds instead of {wanted}: class '{smallest}' has {examples} examples"
    )


def check_classes(y: Ints, class_names: Sequence[str], where: object = "") -> tuple[str, int]:
    """Return the smallest class and its number of examples.

    Args:
        y: Class numbers, (n,).
        class_names: Name of each class, in the order of their numbers.
        where: The file or folder that errors are about.

    Raises:
        UserError: If there are fewer than 2 classes, or fewer than 2 examples of one.
    """
    if len(class_names) < 2:
        names = ", ".join(f"'{name}'" for name in class_names)
        raise UserError(
            f"there is only one class, {names}" if names else "there are no classes",
            where=where,
            hint="A classifier needs examples of at least two",
        )
    counts = np.bincount(y, minlength=len(class_names))
    smallest = int(counts.argmin())
    examples = int(counts[smallest])
    if examples < 2:
        number = "a single example" if examples else "no example"
        raise UserError(
            f"class '{class_names[smallest]}' has {number} to train on",
            where=where,
            hint="Every class needs at least 2: one to train on, one to score on. Add more",
        )
    return class_names[smallest], examples


def stratified_holdout(y: Ints, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which examples to hold out: about `share` of each class, True for these.

    A class gives at least one example, unless that left fewer than 2 to train on.

    Args:
        y: Class numbers, (n,).
        share: Part to hold out, 0..1.
        seed: Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(y), np.bool_)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        mask[rows[: max(0, min(max(1, round(share * len(rows))), len(rows) - 2))]] = True
    return mask


def hold_out_test(part: TrainingPart, seed: int) -> tuple[TrainingPart, HeldOutPart, str]:
    """Split a stratified fifth off as the test part, and return both with a note that says so.

    Args:
        part: All examples.
        seed: Seed of the choice.
    """
    mask = stratified_holdout(part.y, TEST_SHARE, seed)
    rows = [np.flatnonzero(~mask), np.flatnonzero(mask)]
    names = [tuple(part.names[row] for row in chosen) for chosen in rows]
    train = replace(part, x=part.x[rows[0]], y=part.y[rows[0]], names=names[0])
    test = HeldOutPart(part.x[rows[1]], part.y[rows[1]], names[1])
    if not len(test.y):
        return train, test, "no test part, and too few examples to split one off"
    note = f"no test part: {len(test.y)} of {len(part.y)} examples split off as one (seed {seed})"
    return train, test, note
