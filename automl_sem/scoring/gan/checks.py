"""Whether data can be learnt to be drawn, and judged, before any time is spent on it."""

from __future__ import annotations

import math

from automl_sem.data.dataset import TrainingPart
from automl_sem.data.examples import stays_on_disk
from automl_sem.errors import UserError
from automl_sem.types import AnyInts

FEWEST_HELD_OUT = 10
FEW_HELD_OUT = 50


def check_drawable(part: TrainingPart, where: object = "data") -> None:
    """Refuse data that a GAN cannot learn to draw.

    Raises:
        UserError: If they are no images, not square, or too many for memory.
    """
    if part.kind != "images":
        raise UserError(f"a GAN draws images, but the data are {part.kind}", where=where)
    height, width = part.x.shape[1:3]
    if height != width:
        raise UserError(
            f"a GAN draws square images, but these are {height} pixels high and {width} wide",
            where=where,
            hint="Pass --image-size 32 to make them square, with --pad to fill them up instead of "
            "stretching them",
        )
    if stays_on_disk(part.x):
        raise UserError(
            f"{len(part.x):,} images of {height}x{width} are too large to be held in memory",
            where=where,
            hint="Pass a smaller --image-size",
        )


def check_judgeable(folds: AnyInts, where: object = "data") -> str:
    """Return a note where folds are small; empty where they are not.

    The distance of two samples of n images has a standard error that goes down with n: with
    fewer than 50, good and very good generators cannot be told apart.

    Args:
        folds: Number of the fold of each training image, (n,).
        where: What the data are.

    Raises:
        UserError: If one has too few images to judge by.
    """
    count = int(folds.max()) + 1
    smallest = min(int((folds == fold).sum()) for fold in range(count))
    if smallest < FEWEST_HELD_OUT:
        raise UserError(
            f"{len(folds)} training images in {count} folds leave {smallest} to judge by: at least "
            f"{FEWEST_HELD_OUT} are needed",
            where=where,
            hint="Add images, or pass fewer --folds",
        )
    if smallest >= FEW_HELD_OUT:
        return ""
    wider = math.sqrt(FEW_HELD_OUT / smallest)
    return (
        f"a fold has {smallest} images to judge by: scores are uncertain, their intervals about "
        f"{wider:.1f} times as wide as with {FEW_HELD_OUT}"
    )
