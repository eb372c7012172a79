"""Draw the examples of a built-in dataset, classes taking turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from automl_sem.types import Ints

T = TypeVar("T")


def in_turns(
    part: str,
    size: int,
    classes: Sequence[str],
    data_seed: int,
    draw: Callable[[int, np.random.Generator], T],
    digits: int = 3,
) -> tuple[list[T], Ints, tuple[str, ...]]:
    """Return `size` examples with their class numbers and names; one is the same whatever the size.

    Args:
        part: `"train"` or `"test"`.
        size: How many.
        classes: Names of the classes.
        data_seed: Another seed, other examples.
        draw: Returns an example of the class of that number, by chance.
        digits: Of the numbers in names.
    """
    y = np.arange(size, dtype=np.int64) % len(classes)
    streams = [[data_seed, ("train", "test").index(part), i] for i in range(size)]
    drawn = [draw(int(y[i]), np.random.default_rng(streams[i])) for i in range(size)]
    names = tuple(f"{part} {classes[y[i]]} {i // len(classes) + 1:0{digits}d}" for i in range(size))
    return drawn, y, names
