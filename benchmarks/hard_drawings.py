"""Drawings as other people make them: turned, small and large, off the middle, thin and thick.

The outlines and the unsteady hand are those of the built-in shapes; what the built-in data hold
still varies here. Nothing is trained on them, and nothing was chosen on these: how strongly the
good starts of `shapes` augment was tried on drawings of the same kind from another stream of hands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl_sem.data import builtin
from automl_sem.types import Bytes

LENGTH = (12.0, 20.0)  # longer side of a drawing, pixels
STREAM = 8  # 7 was for trying strengths out
HALF_WIDTH = (0.45, 1.3)  # of a stroke, pixels


def hard_drawings(size: int = 60, seed: int = 0) -> tuple[Bytes, NDArray[np.int64]]:
    """Return drawings (size, 24, 24, 1), dark on white, with their class numbers.

    Args:
        size: How many, classes taking turns.
        seed: Another seed, other hands.
    """
    y = np.arange(size, dtype=np.int64) % len(builtin.SHAPES)
    hands = [np.random.default_rng([seed, STREAM, i]) for i in range(size)]
    drawings = [_draw(builtin.SHAPES[c], hand) for c, hand in zip(y, hands, strict=True)]
    return np.stack(drawings), y


def _draw(shape: str, hand: np.random.Generator) -> Bytes:
    path = builtin.trace(builtin.outline(shape, hand), hand)
    path = builtin.turn(path, hand.uniform(-np.pi, np.pi))
    extent = np.ptp(path, axis=0)
    path = (path - path.min(axis=0)) * hand.uniform(*LENGTH) / extent.max()
    room = builtin.SIDE - 1 - np.ptp(path, axis=0)
    path = path + room * hand.random(2)
    width, dark = builtin.pressure(hand)
    return builtin.render(path, width / width.mean() * hand.uniform(*HALF_WIDTH), dark)
