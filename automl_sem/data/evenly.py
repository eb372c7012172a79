"""Choose some of many, evenly."""

from __future__ import annotations

import numpy as np

from automl_sem.types import Ints


def evenly(count: int, most: int) -> Ints:
    """Return at most `most` numbers below `count`, evenly from the first to the last, (m,)."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)
