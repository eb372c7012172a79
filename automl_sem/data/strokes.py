"""The built-in series `strokes`: the path of a pen that draws a circle, a rectangle or a triangle.

A stroke begins at any corner and goes either way round, unsteady, and slower where it turns. Place,
size, proportions, angle and number of steps are drawn from the same ranges for all classes: neither
the length of a series nor a single step tells what is drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset
from automl_sem.data.series import SeriesPart, series_dataset
from automl_sem.data.turns import in_turns
from automl_sem.errors import UserError
from automl_sem.types import Floats, Ints

DRAWN = ("circle", "rectangle", "triangle")
CHANNELS = ("x", "y")
STROKES_SIZE = 240
STROKES_SEED = 6
STEPS = (20, 60)  # of a series, the fewest and the most
FINE = 200  # moments that the speed of the pen is drawn for
DECIMALS = 4  # rounded, numbers are the same on every machine

# Tuned so that a small GRU gets most strokes but not all, and a single step says little.
EXTENT = (0.7, 0.9)  # longer side of a drawing; the sheet has sides of 1
OFF_CENTER = 0.5  # share of the free room that a drawing is moved about in
SQUASH = (0.7, 1.0)  # share of its length that one side keeps
MAX_TILT = np.radians(20)
CLOSING = (-0.05, 0.07)  # share of the way round that is left out, or drawn twice
UNEVEN = 0.12  # by how much a corner is off, at most; sides are about 2
WOBBLE = 0.03  # strength of each slow wave along a stroke
TREMBLE = 0.02  # by how much each step is off, at most
SLOW = (0.3, 0.9)  # share of the speed that is lost in a corner
CORNER = 0.05  # how far from a corner the pen is slow, as a share of the way round
PACE = 0.35  # by how much the speed changes otherwise, at most

Points = NDArray[np.float64]  # (n, 2), x and y; y goes down, as on a screen
Values = NDArray[np.float64]  # (n,)


def load_strokes(size: int | None = None) -> Dataset:
    """Return the paths of a pen: x and y at 20 to 60 steps each, on a sheet with sides of 1.

    They are the same on every machine, and a stroke is the same whatever the size.

    Args:
        size: Number of training strokes; half as many are there to test on.

    Raises:
        UserError: If `size` is below 6.
    """
    wanted = STROKES_SIZE if size is None else size
    if wanted < 2 * len(DRAWN):
        raise UserError(f"strokes needs a size of at least 6. Received: {wanted}", where="size")
    return series_dataset(
        SeriesPart(*draw_strokes("train", wanted)),
        SeriesPart(*draw_strokes("test", wanted // 2)),
        channels=CHANNELS,
        class_names=DRAWN,
        name="strokes",
        source="strokes",
        where="strokes",
        options={} if wanted == STROKES_SIZE else {"size": wanted},
    )


def draw_strokes(
    part: str, size: int, data_seed: int = STROKES_SEED
) -> tuple[list[Floats], Ints, tuple[str, ...]]:
    """Return `size` strokes with their class numbers and names, classes taking turns.

    Args:
        part: `"train"` or `"test"`.
        size: How many.
        data_seed: Another seed, other strokes.
    """
    return in_turns(part, size, DRAWN, data_seed, lambda c, rng: draw_stroke(DRAWN[c], rng))


def draw_stroke(drawn: str, rng: np.random.Generator) -> Floats:
    """Return one stroke, float32 (steps, 2).

    Only uniform draws are taken from `rng`: their values are the same in every version of NumPy.

    Args:
        drawn: Name of the class.
        rng: Where chance comes from.
    """
    outline, corners = _outline(drawn, rng)
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    at = _timing(corners if drawn != "circle" else corners[:0], steps, rng)
    path = np.stack([np.interp(at % 1, corners, outline[:, axis]) for axis in (0, 1)], axis=1)
    path = path + _waves(at, WOBBLE, rng) + rng.uniform(-TREMBLE, TREMBLE, path.shape)
    path = _placed(path * [rng.choice((-1.0, 1.0)), 1.0], rng)  # either way round
    return path.round(DECIMALS).astype(np.float32)


def _outline(drawn: str, rng: np.random.Generator) -> tuple[Points, Values]:
    """Return points of a closed outline about two units wide, and how far round each is, 0 to 1."""
    squash = rng.uniform(*SQUASH)
    if drawn == "circle":
        angles = 2 * np.pi * (np.linspace(0, 1, 60) + rng.random())
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        if drawn == "rectangle":
            points = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
        else:
            points = np.array([[-1.0, 1], [0, -1], [1, 1]]) * rng.choice((-1.0, 1.0))
        points = points + rng.uniform(-UNEVEN, UNEVEN, points.shape)
        points = np.roll(points, rng.integers(len(points)), axis=0)
        points = np.concatenate([points, points[:1]])
    points = points * ([1, squash] if rng.random() < 0.5 else [squash, 1])
    sides = np.hypot(*np.diff(points, axis=0).T)
    return points, np.concatenate([[0.0], np.cumsum(sides)]) / sides.sum()


def _timing(corners: Values, steps: int, rng: np.random.Generator) -> Values:
    """Return how far round the pen is at each step: it slows down in corners, (steps,).

    Args:
        corners: How far round each corner is, 0 to 1.
        steps: How many.
        rng: Where chance comes from.
    """
    begin = rng.uniform(-0.02, 0.02)
    way = np.linspace(begin, 1 + rng.uniform(*CLOSING), FINE)
    away = np.abs((way[:, None] - corners + 0.5) % 1 - 0.5)  # (FINE, corners)
    slow = rng.uniform(*SLOW) * np.exp(-np.square(away / CORNER)).max(axis=1, initial=0)
    speed = (1 - slow) * (1 + PACE * np.clip(_waves(way, 0.5, rng)[:, 0], -1, 1))
    taken = np.concatenate([[0.0], np.cumsum(1 / speed[1:])])
    return np.interp(np.linspace(0, taken[-1], steps), taken, way)


def _waves(at: Values, strength: float, rng: np.random.Generator) -> Points:
    """Return smooth changes along a stroke: a few waves that differ in x and y, (n, 2)."""
    counts = np.array([1.3, 2.3, 4.1])[:, None, None]
    phases = rng.uniform(0, 2 * np.pi, (3, 1, 2))
    strengths = rng.uniform(-strength, strength, (3, 1, 2))
    changes: Points = (strengths * np.sin(2 * np.pi * counts * at[:, None] + phases)).sum(axis=0)
    return changes


def _placed(path: Points, rng: np.random.Generator) -> Points:
    """Turn a path a little, bring it to a size, and put it somewhere on the sheet."""
    angle = rng.uniform(-MAX_TILT, MAX_TILT)
    cos, sin = np.cos(angle), np.sin(angle)
    path = path @ np.array([[cos, sin], [-sin, cos]])
    path = (path - path.min(axis=0)) * (rng.uniform(*EXTENT) / np.ptp(path, axis=0).max())
    room = 1 - path.max(axis=0)
    placed: Points = path + room * (0.5 + OFF_CENTER * rng.uniform(-0.5, 0.5, 2))
    return placed
