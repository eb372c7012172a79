"""Kernel inception distance, and how far real images are from real ones by it.

Binkowski et al. 2018, Demystifying MMD GANs (arXiv 1801.01401), equations 3 and 4. Unlike FID
it is unbiased: a few hundred images do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automl_sem.types import Floats

FLOOR_DRAWS = 50


@dataclass(frozen=True)
class Floor:
    """The distance of training images from held-out ones: no generator can be expected nearer.

    Args:
        mean: Mean over samples of the training images.
        deviation: Standard deviation over them, above 0.
        size: How many images are on each side.
    """

    mean: float
    deviation: float
    size: int

    def above(self, distance: float) -> float:
        """Return by how many standard deviations a distance is above the floor."""
        return (distance - self.mean) / self.deviation


def kid(ours: Floats, theirs: Floats) -> float:
    """Return the squared distance of two samples, unbiased: about 0 or below for one source.

    Args:
        ours: Features, (m, d), m of at least 2.
        theirs: Features, (n, d), n of at least 2.
    """
    return _squared_distance(kernel(ours, ours), kernel(ours, theirs), kernel(theirs, theirs))


def kernel(ours: Floats, theirs: Floats) -> Floats:
    """Return k(x, y) = (x.y / d + 1)^3 of each pair, (m, n), in double precision."""
    products = ours.astype(np.float64) @ theirs.astype(np.float64).T
    similar: Floats = (products / ours.shape[1] + 1.0) ** 3
    return similar


def floor_of(train: Floats, held_out: Floats, seed: int, draws: int = FLOOR_DRAWS) -> Floor:
    """Return the distance of samples of training images from held-out ones.

    Args:
        train: Features of training images, (m, d), m of at least 4.
        held_out: Features of held-out ones, (n, d), n of at least 2.
        seed: Of the choice of samples.
        draws: How many samples; each has n images, or half of m if that is fewer.
    """
    size = min(len(held_out), len(train) // 2)
    within, across = kernel(train, train), kernel(train, held_out)
    theirs = kernel(held_out, held_out)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        some = rng.choice(len(train), size, replace=False)
        found.append(_squared_distance(within[np.ix_(some, some)], across[some], theirs))
    return Floor(float(np.mean(found)), max(float(np.std(found, ddof=1)), 1e-9), size)


def _squared_distance(ours: Floats, across: Floats, theirs: Floats) -> float:
    """Return the unbiased squared distance from the kernels within and across two samples."""
    m, n = across.shape
    within_ours = (ours.sum() - np.trace(ours)) / (m * (m - 1))
    within_theirs = (theirs.sum() - np.trace(theirs)) / (n * (n - 1))
    return float(within_ours + within_theirs - 2.0 * across.mean())
