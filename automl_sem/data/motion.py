"""The built-in clips `motion`: what happens is in the order of the frames, and nowhere else.

A drawn figure moves left, right, up or down, turns clockwise or anticlockwise, grows or shrinks.
What moves out at one side comes in at the other, and what has grown begins small again. So place,
angle and size are spread evenly over all their values in every frame of every class: a single
frame says nothing. Played backwards, a clip of one class is one of the opposite class: all
frames together, without their order, do not tell these apart.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.turns import in_turns
from automl_sem.errors import UserError
from automl_sem.types import Bytes, Ints

MOTIONS = ("left", "right", "up", "down", "clockwise", "anticlockwise", "growing", "shrinking")
MOTION_SIZE = 320
MOTION_SEED = 5
FRAMES = 12
SIDE = 24  # pixels

# What changes in each class, and in which direction; y goes down, as rows of an image do.
_X, _Y, _ANGLE, _SIZE = range(4)
_CHANGES = (
    (_X, -1.0),
    (_X, 1.0),
    (_Y, -1.0),
    (_Y, 1.0),
    (_ANGLE, 1.0),
    (_ANGLE, -1.0),
    (_SIZE, 1.0),
    (_SIZE, -1.0),
)
# A frame's changes of the state, whose values go round from 0 to 1: sides of the picture, full
# turns, and from the smallest to the largest size.
SPEED = ((0.05, 0.11), (0.05, 0.11), (0.04, 0.11), (0.05, 0.11))
UNSTEADY = (0.015, 0.015, 0.01, 0.0)  # by how much each frame is off, at most
RADIUS = (3.5, 8.5)  # pixels, the smallest and the largest
NOISE = 45  # of 255, at most

# Figures that look different at every angle: strokes from point to point, about two units long.
FIGURES = (
    ((-0.5, -1.0), (-0.5, 0.8), (0.7, 0.8)),
    ((-0.9, -0.1), (-0.3, 0.7), (0.9, -0.8)),
    ((-0.4, 1.0), (-0.4, -0.9), (0.8, -0.5), (-0.4, -0.1)),
    ((-0.7, -0.8), (0.6, -0.8), (-0.1, 0.1), (-0.1, 1.0)),
)

States = NDArray[np.float64]  # (frames, 4): x, y, angle and size, each going round from 0 to 1


def load_motion(size: int | None = None) -> Dataset:
    """Return clips of moving figures: 12 frames of 24x24 pixels, dark on light.

    They are the same on every machine, and a clip is the same whatever the size.

    Args:
        size: Number of training clips; half as many are there to test on.

    Raises:
        UserError: If `size` is below 16.
    """
    wanted = MOTION_SIZE if size is None else size
    if wanted < 2 * len(MOTIONS):
        raise UserError(f"motion needs a size of at least 16. Received: {wanted}", where="size")
    x, y, names = draw_clips("train", wanted)
    return Dataset(
        name="motion",
        source="motion",
        train=TrainingPart(x, y, names, MOTIONS, kind="clips"),
        test=HeldOutPart(*draw_clips("test", wanted // 2)),
        options={} if wanted == MOTION_SIZE else {"size": wanted},
    )


def draw_clips(
    part: str, size: int, data_seed: int = MOTION_SEED
) -> tuple[Bytes, Ints, tuple[str, ...]]:
    """Return `size` clips with their class numbers and names, classes taking turns.

    Args:
        part: `"train"` or `"test"`.
        size: How many.
        data_seed: Another seed, other clips.
    """
    clips, y, names = in_turns(part, size, MOTIONS, data_seed, draw_clip)
    return np.stack(clips), y, names


def draw_clip(motion: int, rng: np.random.Generator) -> Bytes:
    """Return one clip, (12, 24, 24, 1).

    Only uniform draws are taken from `rng`: their values are the same in every version of NumPy.

    Args:
        motion: Number of the class.
        rng: Where chance comes from.
    """
    figure = np.array(FIGURES[rng.integers(len(FIGURES))])
    figure = figure * [rng.choice((-1.0, 1.0)), 1.0] + rng.uniform(-0.12, 0.12, figure.shape)
    ink = _ink(states(motion, rng), figure, rng.uniform(0.7, 1.1))
    dark, light = rng.uniform(0, 80), rng.uniform(190, 255)
    noise = rng.uniform(-NOISE, NOISE, ink.shape)
    pixels: Bytes = np.clip(light + (dark - light) * ink + noise, 0, 255).astype(np.uint8)
    return pixels[..., None]


def states(motion: int, rng: np.random.Generator) -> States:
    """Return where the figure is in each frame, how it is turned, and how large it is.

    Args:
        motion: Number of the class.
        rng: Where chance comes from.
    """
    what, direction = _CHANGES[motion]
    start = rng.uniform(0, 1, 4)
    state = np.tile(start, (FRAMES, 1)) + rng.uniform(-1, 1, (FRAMES, 4)) * UNSTEADY
    state[:, what] += direction * rng.uniform(*SPEED[what]) * np.arange(FRAMES)
    rounds: States = state % 1.0
    return rounds


def _ink(state: States, figure: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return how dark each pixel is, 0 to 1, (frames, 24, 24).

    Args:
        state: (frames, 4).
        figure: Points that the strokes go through, (points, 2).
        width: Half the width of a stroke, in pixels.
    """
    x, y, angle, size = state.T[:, :, None, None]
    half = SIDE / 2
    rows, columns = np.mgrid[:SIDE, :SIDE]
    right = (columns - x * SIDE + half) % SIDE - half  # from the middle of the figure
    below = (rows - y * SIDE + half) % SIDE - half
    radius = RADIUS[0] * (RADIUS[1] / RADIUS[0]) ** size
    cos, sin = np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)
    at = (
        np.stack([right * cos + below * sin, below * cos - right * sin], axis=-1)
        / radius[..., None]
    )
    distance = np.min([_distance(at, a, b) for a, b in itertools.pairwise(figure)], axis=0)
    ink: NDArray[np.float64] = np.clip(width - distance * radius + 0.5, 0, 1)
    return ink


def _distance(
    at: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far points, (..., 2), are from the stroke between two points."""
    along = np.clip((at - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    apart: NDArray[np.float64] = np.linalg.norm(at - a - along[..., None] * (b - a), axis=-1)
    return apart
