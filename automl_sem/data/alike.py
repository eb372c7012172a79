"""Tell the frames of clips from numbered images: frames that follow one another are alike.

CLASS/A/0001.png, CLASS/A/0002.png ... may be the clip A, or drawings by the person A. A few images
are read, each shrunk to 8x8 values of grey, and the mean absolute difference is taken of those that
follow one another, of those further apart in a folder, and of those in different folders of a
class. Measured on the clips `motion`, moving squares, photos that a camera pans over and small
things on a common background, those that follow one another differed by 20 to 82 % of those further
apart; drawings, noise and parts of photos, a folder for each person or photo, by 86 to 112 %.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.evenly import evenly
from automl_sem.data.pixels import open_rgb
from automl_sem.errors import UserError

CLASSES = 3  # that are looked into
FOLDERS = 3  # of each
PAIRS = 6  # of images that follow one another, of each
SIDE = 8  # pixels that images are shrunk to: noise and small motions count less
ORDERED = 0.85  # times the difference of those further apart
STILL = 0.05  # times the difference of those in other folders: clips with little or steady motion

T = TypeVar("T")
Small = NDArray[np.float64]  # (SIDE, SIDE)


@dataclass(frozen=True)
class Alike:
    """By how much images differ, 0..255, on average.

    Args:
        next: Those that follow one another.
        apart: Those further apart in a folder; None if folders are too small.
        others: Those in other folders of the same class.
    """

    next: float
    apart: float | None
    others: float

    @property
    def frames(self) -> bool:
        """Whether they are frames of clips."""
        return self._ordered < ORDERED or self._still < STILL

    @property
    def reason(self) -> str:
        """Why they are, or are not, frames of clips."""
        if self.apart is None or self._still < STILL:
            than, share, most = "images of different folders", self._still, STILL
        else:
            than, share, most = "those further apart in a folder", self._ordered, ORDERED
        return (
            f"images that follow one another differ {share:.0%} as much as {than} (frames of clips "
            f"do by less than {most:.0%})"
        )

    @property
    def _ordered(self) -> float:
        return self.next / self.apart if self.apart else 1.0

    @property
    def _still(self) -> float:
        return self.next / self.others if self.others else 1.0


def compare(classes: Sequence[Sequence[Sequence[Path]]]) -> Alike | None:
    """Return how alike the images of some folders are; None if no class has two that can be read.

    Args:
        classes: Of each class its folders, of each folder its images in order.
    """
    near: list[float] = []
    apart: list[float] = []
    others: list[float] = []
    for folders in _some([folders for folders in classes if len(folders) > 1], CLASSES):
        read = [_pairs(files) for files in _some(folders, FOLDERS)]
        for pairs in read:
            near += [_difference(image, following) for _, image, following in pairs]
            two = itertools.combinations(pairs, 2)  # in order
            apart += [_difference(a, b) for (i, a, _), (j, b, _) in two if j - i > 1]
        for one, other in itertools.combinations(read, 2):
            others += [_difference(a, b) for _, a, _ in one for _, b, _ in other]
    if not others:
        return None
    mean = float(np.mean(apart)) if apart else None
    return Alike(float(np.mean(near)), mean, float(np.mean(others)))


def _pairs(files: Sequence[Path]) -> list[tuple[int, Small, Small]]:
    """Return some images with their numbers and those that follow them, without unreadable ones."""
    pairs = []
    for i in evenly(len(files) - 1, PAIRS).tolist():
        with contextlib.suppress(UserError):  # looking into it will say what is wrong
            pairs.append((i, _small(files[i]), _small(files[i + 1])))
    return pairs


def _small(path: Path) -> Small:
    from PIL import Image

    image = open_rgb(path).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float64)


def _difference(a: Small, b: Small) -> float:
    return float(np.abs(a - b).mean())


def _some(values: Sequence[T], count: int) -> list[T]:
    """Return at most so many of them, evenly from the first to the last."""
    return [values[place] for place in evenly(len(values), count)]
