"""What to take where more than one thing counts: the front, and three ways to pick from it.

All values are minimised here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from automl_sem.errors import UserError, did_you_mean

Values = Sequence[Sequence[float]]
Pick = Literal["best", "knee", "smallest-within-1se"]
PICKS: tuple[Pick, ...] = ("best", "knee", "smallest-within-1se")
MEANINGS: Mapping[Pick, str] = {
    "best": "best by the first objective",
    "knee": "knee of the front, from which on more costs much and gains little",
    "smallest-within-1se": "one with the fewest weights within one standard error of the best",
}


def parse_pick(text: str) -> Pick:
    """Return the pick that is meant; `smallest-within 1se` is understood as well.

    Raises:
        UserError: If there is none of that name.
    """
    plain = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
    if plain in ("smallest", "smallest-within"):
        plain = "smallest-within-1se"
    for pick in PICKS:
        if pick == plain:
            return pick
    raise UserError(f"there is no pick {text!r}", where="--pick", hint=did_you_mean(plain, PICKS))


def front(values: Values) -> list[int]:
    """Return the places of those that no other one beats, in their order.

    One beats another if it is as good in all and better in one; of equal ones all are returned.

    Args:
        values: A row of what is minimised for each, (n, objectives).
    """
    rows = np.asarray(values, np.float64)
    found = []
    for place, row in enumerate(rows):
        as_good, better = (rows <= row).all(axis=1), (rows < row).any(axis=1)
        if not (as_good & better).any():
            found.append(place)
    return found


def knee(values: Values) -> int:
    """Return the place of the one that is farthest below the chord of the front.

    Values are scaled to [0, 1] between the least and the greatest on the front; the chord is the
    line, of three objectives the plane, on which they sum to 1, which joins the ends of the front
    of two (Das 1999, Structural Optimization 18; Branke et al. 2004, PPSN VIII). Of several
    the first is returned.

    Args:
        values: A row of what is minimised for each, at least one, (n, objectives).

    Raises:
        ValueError: If there is none.
    """
    places = front(values)
    if not places:
        raise ValueError("there is no front of nothing")
    rows = np.asarray(values, np.float64)[places]
    low, span = rows.min(axis=0), np.ptp(rows, axis=0)
    scaled = (rows - low) / np.where(span > 0, span, 1.0)
    # Rounded, so that equal sums are ties whatever the order of the additions.
    return places[int(np.argmin(np.round(scaled.sum(axis=1), 12)))]


def smallest_within_one_error(
    scores: Sequence[float], folds: Sequence[Sequence[float]], sizes: Sequence[float]
) -> int:
    """Return the place of the smallest whose score is within one standard error of the best.

    The standard error is that of the best one's mean over its folds, s / sqrt(k) (Breiman et
    al. 1984, Classification and Regression Trees, section 3.4.3). Of equal size the better one
    is returned.

    Args:
        scores: What is minimised, one each, at least one.
        folds: The same of each fold of each.
        sizes: How large each is.
    """
    best = min(range(len(scores)), key=lambda place: scores[place])
    error = 0.0
    if len(folds[best]) > 1:
        error = float(np.std(folds[best], ddof=1)) / math.sqrt(len(folds[best]))
    within = [p for p, score in enumerate(scores) if score <= scores[best] + error]
    return min(within, key=lambda place: (sizes[place], scores[place]))
