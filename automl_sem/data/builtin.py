"""Datasets that are always there: drawings, scikit-learn's digits, clips, and strokes of a pen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.motion import load_motion
from automl_sem.data.split import hold_out_test
from automl_sem.data.strokes import load_strokes
from automl_sem.data.turns import in_turns
from automl_sem.errors import UserError
from automl_sem.types import Bytes

SHAPES = ("circle", "rectangle", "triangle")
SHAPES_SIZE = 45
SHAPES_SEED = 2
SIDE = 24  # pixels
POINTS = 360  # along a stroke: some five to a pixel

# How far drawings differ. Tuned so that the textbook CNN gets most of them but not all,
# while a person gets every one.
MAX_TILT = np.radians(18)
LENGTH = (13.5, 20.0)  # longer side of a drawing, pixels
MARGIN = 1.3  # between a drawing and the border, pixels
OFF_CENTER = 0.55  # share of the free room that a drawing is moved about in

Points = NDArray[np.float64]  # (n, 2), x and y


class Builtin(NamedTuple):
    """A dataset that is always there.

    Args:
        description: One line for people.
        load: Makes it, from a size (None for the usual one) and the seed of its split.
        kind: Kind of data.
    """

    description: str
    load: Callable[[int | None, int], Dataset]
    kind: str = "images"


def load_shapes(size: int | None = None) -> Dataset:
    """Return drawings of circles, rectangles and triangles, as if made by hand.

    Dark strokes on white, 24x24 pixels, the same on every machine. A drawing is the
    same whatever the size.

    Args:
        size: Number of training drawings; a third as many are there to test on.

    Raises:
        UserError: If `size` is below 9.
    """
    wanted = SHAPES_SIZE if size is None else size
    if wanted < 9:
        raise UserError(f"shapes needs a size of at least 9. Received: {wanted}", where="size")
    x, y, names = draw_shapes("train", wanted)
    test = draw_shapes("test", wanted // 3)
    return Dataset(
        name="shapes",
        source="shapes",
        train=TrainingPart(x, y, names, SHAPES),
        test=HeldOutPart(*test),
        options={} if wanted == SHAPES_SIZE else {"size": wanted},
    )


def load_digits(size: int | None = None, seed: int = 0) -> Dataset:
    """Return scikit-learn's handwritten digits: 1797 of 8x8 pixels, light on dark.

    Args:
        size: Must be None: their number is given.
        seed: Seed of the choice of the test part, a fifth of them.

    Raises:
        UserError: If `size` is given.
    """
    from sklearn import datasets

    if size is not None:
        raise UserError(
            "digits has no size to choose", where="size", hint="Only shapes, motion and strokes do"
        )
    images, labels = datasets.load_digits(return_X_y=True)
    x = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    names = tuple(f"digit {i:04d}" for i in range(len(x)))
    part = TrainingPart(x, labels.astype(np.int64), names, tuple("0123456789"))
    train, test, _ = hold_out_test(part, seed)
    return Dataset("digits", "digits", train, test, options={"seed": seed} if seed else {})


BUILTIN: dict[str, Builtin] = {
    "shapes": Builtin(
        "circles, rectangles and triangles as drawn by hand, 24x24, 45 to train on, 15 to test on",
        lambda size, _seed: load_shapes(size),
    ),
    "digits": Builtin(
        "scikit-learn's handwritten digits, 8x8, 1438 to train on, 359 to test on", load_digits
    ),
    "motion": Builtin(
        "clips of a figure that moves, turns, grows or shrinks, 12 frames of 24x24, 320 to train "
        "on, 160 to test on: only the order of the frames tells",
        lambda size, _seed: load_motion(size),
        "clips",
    ),
    "strokes": Builtin(
        "series of a pen that draws circles, rectangles and triangles, x and y at 20 to 60 steps, "
        "240 to train on, 120 to test on",
        lambda size, _seed: load_strokes(size),
        "series",
    ),
}


def draw_shapes(
    part: str, size: int, data_seed: int = SHAPES_SEED
) -> tuple[Bytes, NDArray[np.int64], tuple[str, ...]]:
    """Return `size` drawings with their class numbers and names, classes taking turns.

    Args:
        part: `"train"` or `"test"`.
        size: How many.
        data_seed: Another seed, other drawings.
    """
    drawings, y, names = in_turns(
        part, size, SHAPES, data_seed, lambda shape, rng: draw(SHAPES[shape], rng), digits=2
    )
    return np.stack(drawings), y, names


def draw(shape: str, rng: np.random.Generator) -> Bytes:
    """Return one drawing, (24, 24, 1): an outline traced by an unsteady hand.

    Only uniform draws are taken from `rng`: their values are the same in every
    version of NumPy.
    """
    path = trace(outline(shape, rng), rng)
    path = place(turn(path, rng.uniform(-MAX_TILT, MAX_TILT)), rng)
    return render(path, *pressure(rng))


def outline(shape: str, rng: np.random.Generator) -> Points:
    """Return a closed outline about two units long, (POINTS, 2)."""
    if shape == "circle":
        angles = 2 * np.pi * (np.arange(POINTS) / POINTS + rng.random())
        radius = 1 + rng.uniform(0.0, 0.03) * np.sin(3 * angles + rng.uniform(0, 7))
        squash = rng.uniform(0.72, 1.0)
        return np.stack([radius * np.cos(angles), squash * radius * np.sin(angles)], axis=1)
    if shape == "rectangle":
        squash = rng.uniform(0.55, 1.0)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [1, squash]
        if rng.random() < 0.5:
            corners = corners[:, ::-1]
        corners = corners + rng.uniform(-0.12, 0.12, (4, 2))
    else:
        angles = np.radians([-90, 30, 150]) + rng.uniform(-0.25, 0.25, 3)
        corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        corners = corners * [1, rng.uniform(0.8, 1.2)]
    return rounded(along(np.roll(corners, rng.integers(len(corners)), axis=0)), rng)


def along(corners: Points) -> Points:
    """Return POINTS equally spaced points on the closed polygon through `corners`."""
    closed = np.concatenate([corners, corners[:1]])
    lengths = np.hypot(*np.diff(closed, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = np.linspace(0, at[-1], POINTS, endpoint=False)
    return np.stack([np.interp(steps, at, closed[:, axis]) for axis in (0, 1)], axis=1)


def rounded(path: Points, rng: np.random.Generator) -> Points:
    """Cut the corners a little: each point becomes the mean of its neighbours."""
    reach = int(rng.uniform(1, POINTS * 0.025))
    around = np.arange(-reach, reach + 1)
    smooth: Points = path[(np.arange(POINTS)[:, None] + around) % POINTS].mean(axis=1)
    return smooth


def trace(path: Points, rng: np.random.Generator) -> Points:
    """Follow a closed outline: wobbling, drifting, stopping before or after the start."""
    u = np.linspace(0, 1 + rng.uniform(-0.035, 0.06), POINTS)
    traced: Points = path[np.rint(u * POINTS).astype(int) % POINTS]
    traced += wobble(u, 0.032, rng)
    traced += (u - 0.5)[:, None] * rng.uniform(-0.05, 0.05, 2)  # where it drifts to
    return traced


def wobble(u: NDArray[np.float64], strength: float, rng: np.random.Generator) -> Points:
    """Return smooth displacements along a stroke: a few waves that differ in x and y."""
    waves = np.array([1.3, 2.3, 4.1, 6.7])[:, None, None]
    phases = rng.uniform(0, 2 * np.pi, (4, 1, 2))
    strengths = rng.uniform(-strength, strength, (4, 1, 2))
    displacements: Points = (strengths * np.sin(2 * np.pi * waves * u[:, None] + phases)).sum(0)
    return displacements


def turn(path: Points, angle: float) -> Points:
    """Rotate by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Points = path @ np.array([[cos, sin], [-sin, cos]])
    return turned


def place(path: Points, rng: np.random.Generator) -> Points:
    """Scale to a size and shift to a place, both drawn, within the canvas; in pixels."""
    low = path.min(axis=0)
    extent = np.ptp(path, axis=0)
    scale = rng.uniform(*LENGTH) / extent.max()
    room = SIDE - 1 - 2 * MARGIN - extent * scale
    move = 0.5 + OFF_CENTER * rng.uniform(-0.5, 0.5, 2)
    placed: Points = (path - low) * scale + MARGIN + room * move
    return placed


def pressure(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return half the width in pixels, and the darkness 0..1, along a stroke."""
    u = np.linspace(0, 1, POINTS)
    waves = wobble(u, 0.2, rng)
    lift = 1 - 0.45 * np.clip((u - 0.9) / 0.1, 0, 1) * rng.random()  # the pen leaves the paper
    width = rng.uniform(0.45, 0.95) * np.clip(1 + waves[:, 0], 0.6, 1.4)
    dark = np.clip(rng.uniform(0.75, 1.0) * (1 + waves[:, 1] / 2), 0.55, 1.0)
    return width, dark * lift


def render(path: Points, width: NDArray[np.float64], dark: NDArray[np.float64]) -> Bytes:
    """Return the anti-aliased stroke in black on white, (24, 24, 1).

    A pixel is as dark as the darkest point that touches it, less where only its rim does.
    """
    rows, columns = np.mgrid[:SIDE, :SIDE]
    distance = np.hypot(columns[..., None] - path[:, 0], rows[..., None] - path[:, 1])
    ink = (np.clip(width - distance + 0.5, 0, 1) * dark).max(axis=-1)  # (24, 24)
    image: Bytes = np.rint(255 * (1 - ink)).astype(np.uint8)[..., None]
    return image
