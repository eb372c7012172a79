"""What nearest neighbours say of generated images: density, coverage, two samples, copies."""

from __future__ import annotations

import math

import numpy as np

from automl_sem.types import Floats

NEIGHBOURS = 5


def density_and_coverage(
    real: Floats, fake: Floats, neighbours: int = NEIGHBOURS
) -> tuple[float, float]:
    """Return how densely generated images lie among real ones, and how many of these they reach.

    Naeem et al. 2020, Reliable Fidelity and Diversity Metrics for Generative Models
    (arXiv 2002.09797), equations 5 and 6. Around each real image lies a ball that just reaches
    its k-th nearest real one. Density counts in how many balls a generated image lies, 1 where
    both have one source, above where they crowd; coverage is the share of balls with a
    generated image in it.

    Args:
        real: Features, (n, d), n above `neighbours`.
        fake: Features, (m, d).
        neighbours: k.
    """
    among = distances(real, real)
    np.fill_diagonal(among, np.inf)
    radii = np.partition(among, neighbours - 1, axis=1)[:, neighbours - 1]
    inside = distances(real, fake) < radii[:, None]
    return float(inside.sum() / (neighbours * len(fake))), float(inside.any(axis=1).mean())


def expected_coverage(n: int, m: int, neighbours: int = NEIGHBOURS) -> float:
    """Return the coverage of n real images by m more of the same source (the same, lemma 2)."""
    missed = math.prod((n - i) / (n + m - i) for i in range(1, neighbours + 1))
    return 1.0 - missed


def two_sample_accuracy(real: Floats, fake: Floats) -> float:
    """Return how often an image is of the kind of its nearest neighbour: 0.5 is ideal.

    A classifier that tries to tell two samples apart, leaving out one image at a time: 1 if
    generated images are unlike real ones, below 0.5 if they are copies of these (Lopez-Paz and
    Oquab 2017, Revisiting Classifier Two-Sample Tests, arXiv 1610.06545).

    Args:
        real: Features, (n, d).
        fake: Features of as many generated images.

    Raises:
        ValueError: If there are more of one kind.
    """
    _same_size(real, fake)
    across = distances(real, fake)
    right = [
        _nearer(_nearest_other(kind), to_other)
        for kind, to_other in ((real, across.min(axis=1)), (fake, across.min(axis=0)))
    ]
    return float(np.concatenate(right).mean())


def copying(fake: Floats, train: Floats, held_out: Floats) -> float:
    """Return the share of generated images nearer to a training image than to a held-out one.

    0.5 if both are new to the generator; 1 if it returns what it was trained on
    (cf. Meehan et al. 2020, A Non-Parametric Test to Detect Data-Copying, arXiv 2004.05675).

    Args:
        fake: Features, (m, d).
        train: Features of training images, (n, d).
        held_out: Features of as many held-out ones: among more, one would be nearer by chance.

    Raises:
        ValueError: If there are more of one kind.
    """
    _same_size(train, held_out)
    to_train = distances(fake, train).min(axis=1)
    return float(_nearer(to_train, distances(fake, held_out).min(axis=1)).mean())


def distances(ours: Floats, theirs: Floats) -> Floats:
    """Return the distance of each pair, (m, n)."""
    from scipy.spatial.distance import cdist

    found: Floats = cdist(ours, theirs)
    return found


def _nearest_other(sample: Floats) -> Floats:
    among = distances(sample, sample)
    np.fill_diagonal(among, np.inf)
    nearest: Floats = among.min(axis=1)
    return nearest


def _nearer(ours: Floats, theirs: Floats) -> Floats:
    """Return 1 where the first is nearer, 0 where the second is, and a half for ties."""
    nearer: Floats = (ours < theirs) + 0.5 * (ours == theirs)
    return nearer


def _same_size(ours: Floats, theirs: Floats) -> None:
    if len(ours) != len(theirs):
        raise ValueError(
            f"both samples must have the same size. Received: {len(ours)} and {len(theirs)}"
        )
