"""Splits that keep the share of every class: folds for the search, a held-out test part.

Several labels, and numbers, are shared out by `stratify.py`: all labels, and all ranges of numbers.

With groups, the examples of one group stay on one side of every split; without, the copies of
an image that are of one class.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.copies import same_rows
from automl_sem.data.dataset import HeldOutPart, TrainingPart
from automl_sem.data.stratify import even_folds, ranges
from automl_sem.errors import Unlabelled, UserError
from automl_sem.types import Ints

TEST_SHARE = 0.2
MAX_FOLDS = 100
GROUP_SHUFFLES = 20  # tried until every fold leaves all classes to train on


def stratified_folds(
    y: NDArray[Any], folds: int, seed: int, groups: Ints | None = None, copies: Ints | None = None
) -> NDArray[np.int8]:
    """Return the fold number of every example, each fold with about the same share of each class.

    Args:
        y: Class numbers, (n,); or labels or numbers, (n, outputs).
        folds: Number of folds; `usable_folds` says how many the classes allow.
        seed: Seed of the shuffle.
        groups: Group of each example, (n,): no group is split. None without groups.
        copies: A number for each example, the same for copies of an image in one class, (n,):
            without groups, different images are shared out, and copies follow them.

    Raises:
        UserError: If the groups cannot be shared out among so many folds.
    """
    from sklearn.model_selection import StratifiedKFold

    if y.ndim > 1:
        return _even_folds(y, folds, seed, _units(y, groups, copies))
    if groups is not None:
        return _group_folds(y, folds, seed, groups)
    first = np.arange(len(y)) if copies is None else _first_copies(copies)
    different = np.unique(first)
    number = np.empty(len(y), np.int8)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    splits = splitter.split(np.zeros(len(different)), y[different])
    for fold, (_, held_out) in enumerate(splits):
        number[different[held_out]] = fold
    return number[first]


def _units(y: NDArray[Any], groups: Ints | None, copies: Ints | None) -> Ints:
    """Return a number for each example, the same for those that no split divides, (n,)."""
    if groups is not None:
        return groups
    return np.arange(len(y)) if copies is None else copies


def _even_folds(y: NDArray[Any], folds: int, seed: int, together: Ints) -> NDArray[np.int8]:
    """Return fold numbers of examples with several labels, or numbers."""
    marks = y > 0
    if y.dtype.kind == "f":
        marks = ranges(y, len(np.unique(together)), folds)
    number = even_folds(marks, together, folds, seed)
    if len(np.unique(number)) < folds:
        raise UserError(
            f"the groups cannot be shared out among {folds} folds",
            where="groups",
            hint="Use fewer folds with --folds, or smaller groups",
        )
    return number


def _first_copies(copies: Ints) -> Ints:
    """Return the row of the first copy of each example, which may be its own, (n,)."""
    _, row, copy_of = np.unique(copies, return_index=True, return_inverse=True)
    first: Ints = row[copy_of]
    return first


def _group_folds(y: Ints, folds: int, seed: int, groups: Ints) -> NDArray[np.int8]:
    """Return fold numbers such that every fold has examples, and leaves all classes to train on."""
    from sklearn.model_selection import StratifiedGroupKFold

    classes = len(np.unique(y))
    enough = folds <= _groups_of_classes(y, groups).min()
    for shuffle in range(GROUP_SHUFFLES if enough else 0):
        number = np.full(len(y), -1, np.int8)
        random = (seed + shuffle) % 2**32
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=random)
        # Groups alike are taken in the order of their numbers, whatever the seed, by some
        # versions of scikit-learn.
        shuffled = np.random.default_rng(random).permutation(int(groups.max()) + 1)[groups]
        with warnings.catch_warnings():  # of classes smaller than the folds, which may be here
            warnings.simplefilter("ignore", UserWarning)
            for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(y)), y, shuffled)):
                number[held_out] = fold
        sides = [(number == fold, np.unique(y[number != fold])) for fold in range(folds)]
        if all(held_out.any() and len(left) == classes for held_out, left in sides):
            return number
    raise UserError(
        f"the groups cannot be shared out among {folds} folds so that each leaves examples of "
        "every class to train on",
        where="groups",
        hint="Use fewer folds with --folds, or smaller groups",
    )


def usable_folds(
    y: NDArray[Any],
    wanted: int,
    class_names: Sequence[str],
    groups: Ints | None = None,
    copies: Ints | None = None,
    many: str = "images",
) -> tuple[int, str | None]:
    """Return how many folds the smallest class allows, and a note if that is fewer than wanted.

    Args:
        y: Class numbers, (n,); or labels or numbers, (n, outputs).
        wanted: Number of folds asked for.
        class_names: Name of each class or label, in the order of their numbers.
        groups: Group of each example, (n,): then a class allows as many folds as it has groups.
        copies: A number for each example, the same for copies of an image in one class, (n,):
            without groups, a class allows as many folds as it has different images.
        many: What examples are called.

    Raises:
        UserError: If a class has fewer than 2 examples, groups or
            different images, or `wanted` is not in 2..100.
    """
    if not 2 <= wanted <= MAX_FOLDS:
        raise UserError(
            f"the number of folds must be from 2 to {MAX_FOLDS}. Received: {wanted}",
            where="folds",
            hint="5 is usual",
        )
    if y.ndim > 1:
        return _usable_folds(y, wanted, class_names, _units(y, groups, copies), groups is not None)
    smallest, examples = check_classes(y, class_names, fewest=1)
    if groups is not None:
        counts = _groups_of_classes(y, groups)
        smallest, examples = class_names[int(counts.argmin())], int(counts.min())
        if examples < 2:
            raise UserError(
                f"all training examples of class '{smallest}' are of one group",
                where="groups",
                hint="Every class needs at least 2 groups: one to train on, one to score on",
            )
        if wanted > examples:
            return examples, (
                f"{examples} folds instead of {wanted}: class '{smallest}' is in {examples} groups"
            )
    kind = "examples"
    if groups is None and copies is not None:
        counts = np.bincount(y[np.unique(_first_copies(copies))])
        if counts.min() < examples:
            kind = f"different {many}"
            smallest, examples = class_names[int(counts.argmin())], int(counts.min())
        if examples < 2:
            raise UserError(
                f"all training {many} of class '{smallest}' are copies of one",
                hint="Every class needs at least 2 different ones: one to train on, one to score "
                "on. Add more",
            )
    if wanted <= examples:
        return wanted, None
    return examples, (
        f"{examples} folds instead of {wanted}: class '{smallest}' has {examples} {kind}"
    )


def _usable_folds(
    y: NDArray[Any], wanted: int, names: Sequence[str], together: Ints, grouped: bool
) -> tuple[int, str | None]:
    """Return how many folds there can be of examples with several labels, or numbers."""
    units = len(np.unique(together))
    what = "groups" if grouped else "different examples"
    if units < 2:
        raise UserError(
            f"there are fewer than 2 {what} to train on",
            where="groups" if grouped else "",
            hint="There must be at least 2: one to train on, one to score on",
        )
    folds = min(wanted, units)
    if folds < wanted:
        return folds, f"{folds} folds instead of {wanted}: there are {units} {what}"
    if y.dtype.kind == "f":
        return folds, None
    counts = [len(np.unique(together[column > 0])) for column in y.T]
    rarest = int(np.argmin(counts))
    if counts[rarest] >= folds:
        return folds, None
    where = "group" if grouped else "different example"
    return folds, (
        f"label '{names[rarest]}' is in {counts[rarest]} {where}{'s' * (counts[rarest] > 1)}, so "
        f"that some of the {folds} folds cannot score it"
    )


def _groups_of_classes(y: Ints, groups: Ints) -> Ints:
    """Return in how many groups each class has examples, (classes,)."""
    pairs = np.unique(np.stack([y, groups]), axis=1)
    return np.bincount(pairs[0])


def check_classes(
    y: Ints, class_names: Sequence[str], where: object = "", *, fewest: int = 2
) -> tuple[str, int]:
    """Return the smallest class and its number of examples.

    Args:
        y: Class numbers, (n,).
        class_names: Name of each class, in the order of their numbers.
        where: The file or folder that errors are about.
        fewest: Classes that there must be; 1 where nothing is to be told apart.

    Raises:
        Unlabelled: If there are fewer classes.
        UserError: If there are fewer than 2 examples of one.
    """
    if len(class_names) < fewest:
        names = ", ".join(f"'{name}'" for name in class_names)
        raise Unlabelled(
            f"there is only one class, {names}" if names else "there are no classes",
            where=where,
            hint="A classifier needs examples of at least two",
        )
    counts = np.bincount(y, minlength=len(class_names))
    smallest = int(counts.argmin())
    examples = int(counts[smallest])
    if examples < 2:
        number = "a single example" if examples else "no example"
        numbers = all(name.lstrip("-").isdecimal() for name in class_names)
        task = ". If these are numbers to predict, say --task regression" if numbers else ""
        raise UserError(
            f"class '{class_names[smallest]}' has {number} to train on",
            where=where,
            hint=f"Every class needs at least 2: one to train on, one to score on. Add more{task}",
        )
    return class_names[smallest], examples


def stratified_holdout(
    y: Ints, share: float, seed: int, digests: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Return which examples to hold out: about `share` of each class, True for these.

    A class gives at least one example, unless that left fewer than 2 different ones to train on.
    Copies of an image that are of one class stay together.

    Args:
        y: Class numbers, (n,).
        share: Part to hold out, 0..1.
        seed: Seed of the choice.
        digests: What is the same for copies of an image, for each example.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(y), np.bool_)
    same = np.arange(len(y)) if digests is None else same_rows(digests)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        wanted = max(0, min(max(1, round(share * len(rows))), len(rows) - 2))
        copies: dict[int, list[int]] = {}  # in the order of the permutation
        for row in rows.tolist():
            copies.setdefault(int(same[row]), []).append(row)
        different = len(copies)
        for together in copies.values():
            if len(together) <= wanted and different > 2:
                mask[together] = True
                wanted -= len(together)
                different -= 1
    return mask


def group_holdout(y: Ints, groups: Ints, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which examples to hold out: whole groups, about `share` of each class.

    Nothing is held out where that left a class with fewer than 2 groups to train on.

    Args:
        y: Class numbers, (n,).
        groups: Group of each example, (n,).
        share: Part to hold out, 0..1.
        seed: Seed of the choice.
    """
    nothing = np.zeros(len(y), np.bool_)
    parts = min(round(1 / share), int(_groups_of_classes(y, groups).min()))
    if parts < 3:
        return nothing
    try:
        number = stratified_folds(y, parts, seed, groups)
    except UserError:
        return nothing
    masks = [number == part for part in range(parts)]
    fit = [mask for mask in masks if _groups_of_classes(y[~mask], groups[~mask]).min() >= 2]
    return min(fit, key=lambda mask: abs(mask.mean() - share), default=nothing)


def even_holdout(y: NDArray[Any], share: float, seed: int, together: Ints) -> NDArray[np.bool_]:
    """Return which examples with several labels, or numbers, to hold out: about `share` of them.

    Nothing is held out where that left fewer than 2 examples or groups to train on, or a label
    that all of those that are left have, or none.

    Args:
        y: Labels or numbers, (n, outputs).
        share: Part to hold out, 0..1.
        seed: Seed of the choice.
        together: A number for each example, the same for those that stay together, (n,).
    """
    nothing = np.zeros(len(y), np.bool_)
    parts = min(round(1 / share), len(np.unique(together)))
    if parts < 3:
        return nothing
    number = even_folds(
        ranges(y, len(np.unique(together)), parts) if y.dtype.kind == "f" else y > 0,
        together,
        parts,
        seed,
    )
    masks = [number == part for part in range(parts)]
    fit = [
        mask
        for mask in masks
        if mask.any()
        and len(np.unique(together[~mask])) >= 2
        and (y[~mask].min(axis=0) < y[~mask].max(axis=0)).all()
    ]
    return min(fit, key=lambda mask: abs(mask.mean() - share), default=nothing)


def hold_out_test(
    part: TrainingPart, seed: int, digests: Sequence[str] | None = None
) -> tuple[TrainingPart, HeldOutPart, str]:
    """Split a stratified fifth off as the test part, and return both with a note that says so.

    Args:
        part: All examples; with groups, whole groups are split off.
        seed: Seed of the choice.
        digests: What is the same for copies of an image, for each example: without groups,
            copies stay on one side.
    """
    groups = part.groups
    if part.y.ndim > 1:
        same = None if digests is None else same_rows(digests)
        mask = even_holdout(part.y, TEST_SHARE, seed, _units(part.y, groups, same))
    elif groups is None:
        mask = stratified_holdout(part.y, TEST_SHARE, seed, digests)
    else:
        mask = group_holdout(part.y, groups, TEST_SHARE, seed)
    rows = [np.flatnonzero(~mask), np.flatnonzero(mask)]
    names = [tuple(part.names[row] for row in chosen) for chosen in rows]
    kept = None if groups is None else groups[rows[0]]
    train = replace(part, x=part.x[rows[0]], y=part.y[rows[0]], names=names[0], groups=kept)
    test = HeldOutPart(part.x[rows[1]], part.y[rows[1]], names[1])
    what = "examples" if groups is None else "groups"
    if not len(test.y):
        return train, test, f"no test part, and too few {what} to split one off"
    of_groups = ""
    if groups is not None:
        of_groups = f" ({len(np.unique(groups[mask]))} of {len(np.unique(groups))} groups)"
    note = (
        f"no test part: {len(test.y)} of {len(part.y)} examples{of_groups} split off as one "
        f"(seed {seed})"
    )
    return train, test, note
