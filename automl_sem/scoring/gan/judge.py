"""Judge generated images by a held-out fold, all candidates by the same eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.data.evenly import evenly
from automl_sem.scoring.fold import train_rows
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.kid import Floor, floor_of, kid
from automl_sem.scoring.gan.neighbours import (
    copying,
    density_and_coverage,
    expected_coverage,
    two_sample_accuracy,
)
from automl_sem.scoring.gan.result import Measures
from automl_sem.scoring.gan.standard import Standard
from automl_sem.seeds import derive_seed
from automl_sem.types import Bytes, Floats, Ints

FEWEST_FAKES = 500  # so that chance in the generated images is no reason for a bad score
MOST_IMAGES = 2000  # of each kind that are compared; every pair is


Labelled = tuple[Bytes, Ints]


@dataclass(frozen=True)
class Judge:
    """What a fold is judged by: a network trained on its training rows, frozen for the run.

    Args:
        network: Its features say how alike images are; judges may share one.
        weights: Those that it has for this judge.
        standard: The scale of the features.
        train: Features of training images, (m, d).
        held_out: Features of held-out images, (n, d).
        floor: Distance of training images from held-out ones.
        images: The held-out images, (n, height, width, channels).
        labels: Their classes, (n,).
        real_usefulness: Accuracy on them of the network itself, a classifier of the training
            images; None without classes.
    """

    network: FeatureNetwork
    weights: Sequence[Floats]
    standard: Standard
    train: Floats
    held_out: Floats
    floor: Floor
    images: Bytes
    labels: Ints
    real_usefulness: float | None

    @property
    def fakes(self) -> int:
        """How many generated images are to be judged."""
        return min(MOST_IMAGES, max(FEWEST_FAKES, len(self.held_out)))

    def distance(self, fakes: Bytes) -> float:
        """Return how far images are above the floor, in its standard deviations.

        Args:
            fakes: (n, height, width, channels), 0 to 255.
        """
        return self.floor.above(kid(self.features(fakes), self.held_out))

    def measures(self, fakes: Bytes, usefulness: float | None = None) -> Measures:
        """Return all that is measured of generated images.

        Args:
            fakes: At least as many as there are held-out features, (n, height, width, channels),
                0 to 255.
            usefulness: What `usefulness` found, for the record.
        """
        seen, held_out = self.features(fakes), self.held_out
        found = kid(seen, held_out)
        alike = seen[: len(held_out)]
        density, coverage = density_and_coverage(held_out, alike)
        rows = evenly(len(self.train), len(held_out))
        return Measures(
            score=self.floor.above(found),
            kid=found,
            floor=self.floor.mean,
            deviation=self.floor.deviation,
            density=density,
            coverage=coverage,
            expected_coverage=expected_coverage(len(held_out), len(alike)),
            two_sample=two_sample_accuracy(held_out, alike),
            copying=copying(alike, self.train[rows], held_out[: len(rows)]),
            usefulness=usefulness,
            real_usefulness=None if usefulness is None else self.real_usefulness,
        )

    def usefulness(self, fakes: Bytes, labels: Ints, seed: int) -> float:
        """Return the accuracy on held-out images of a classifier that learned from fakes alone.

        Args:
            fakes: (n, height, width, channels), 0 to 255.
            labels: The class that each was to show, (n,).
            seed: Of its training.
        """
        self.network.fit(fakes, labels, seed)
        return float((self.network.classify(self.images) == self.labels).mean())

    def features(self, images: Bytes) -> Floats:
        """Return the features of images on one scale, (n, d).

        Args:
            images: (n, height, width, channels), 0 to 255.
        """
        self.network.set_weights(self.weights)
        return self.standard.scaled(self.network.features(images))


def judge_of(
    network: FeatureNetwork,
    part: TrainingPart,
    held_out: Ints,
    seed: int,
    weights: Sequence[Floats] | None = None,
) -> Judge:
    """Return the judge of a fold; the same fold and seed give the same one.

    Args:
        network: Is trained on the training rows of the fold.
        part: The training part of the data.
        held_out: Rows that are held out, (n,).
        seed: Decides the network's training: candidates share it.
        weights: Those that this training came to before; None trains.
    """
    rows = train_rows(part.y, held_out)
    train = read_rows(part.x, rows), part.y[rows]
    return judge_by(network, train, (read_rows(part.x, held_out), part.y[held_out]), seed, weights)


def judge_by(
    network: FeatureNetwork,
    known: Labelled,
    new: Labelled,
    seed: int,
    weights: Sequence[Floats] | None = None,
) -> Judge:
    """Return a judge that knows some images and compares generated ones with new ones.

    Args:
        network: Is trained on the known images.
        known: Images that the generator has seen, (n, height, width, channels), and their
            classes, (n,).
        new: Images that it has not.
        seed: Decides the network's training.
        weights: Those that this training came to before; None trains.
    """
    if weights is None:
        network.fit(*known, derive_seed(seed, "judge"))
    else:
        network.set_weights(weights)
    some = evenly(len(new[0]), MOST_IMAGES)
    images, labels = new[0][some], new[1][some]
    found = network.features(known[0][evenly(len(known[0]), MOST_IMAGES)])
    standard = Standard.of(found)
    train = standard.scaled(found)
    theirs = standard.scaled(network.features(images))
    right = float((network.classify(images) == labels).mean()) if network.labelled else None
    return Judge(
        network=network,
        weights=network.get_weights(),
        standard=standard,
        train=train,
        held_out=theirs,
        floor=floor_of(train, theirs, derive_seed(seed, "floor")),
        images=images,
        labels=labels,
        real_usefulness=right,
    )


def as_pixels(images: Floats) -> Bytes:
    """Return images from 0 to 1 as they would be saved, uint8."""
    pixels: Bytes = np.clip(np.rint(images * 255.0), 0, 255).astype(np.uint8)
    return pixels
