"""Stop a GAN within its first fold when half of the others had got further by then.

Li et al. 2018, A System for Massively Parallel Hyperparameter Tuning (arXiv 1810.05934):
successive halving without waiting for others. It is fair since learning rates are constant: what
a GAN has come to after some of its steps does not depend on how many are to follow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CURVE_POINTS = 10  # of a fold fit
RUNGS = (0.2, 0.5)  # shares of the steps at which a candidate is looked at
KEPT = 0.5  # share that goes on
FEWEST = 2  # others that were looked at before

Curve = Sequence[float]  # distances at equal shares of the steps, the last at the end


def limits(curves: Sequence[Curve], points: int = CURVE_POINTS) -> dict[int, float]:
    """Return the largest distance with which a candidate goes on, by point of its curve.

    Args:
        curves: Of the first folds of earlier candidates, as far as each got.
        points: Points of a whole curve.
    """
    found = {}
    for rung in RUNGS:
        point = max(0, round(rung * points) - 1)
        there = sorted(curve[point] for curve in curves if len(curve) > point)
        if len(there) < FEWEST:
            continue
        # The candidate is one of them: so many, itself included, may go on.
        going_on = math.ceil(KEPT * (len(there) + 1))
        if going_on <= len(there):
            found[point] = there[going_on - 1]
    return found


def reason(step: int, steps: int, distance: float, limit: float) -> str:
    """Return why a candidate is stopped, for people."""
    return (
        f"after {step} of {steps} steps: distance {_said(distance)} is more than that of half of "
        f"the others by then, {_said(limit)}"
    )


def _said(distance: float) -> str:
    return f"{distance:,.0f}" if distance >= 1000 else f"{distance:.3g}"
