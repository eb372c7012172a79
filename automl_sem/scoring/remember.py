"""Keep what was made last, where all of it would fill the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


def remembered(known: dict[int, Made], key: int, most: int, make: Callable[[], Made]) -> Made:
    """Return what is known under a key, or make it and forget the oldest where there are many.

    Args:
        known: What was made before, by key.
        key: Which one is wanted.
        most: How many may be known.
        make: Makes it.
    """
    if key not in known:
        while len(known) >= most:
            known.pop(next(iter(known)))
        known[key] = make()
    return known[key]
