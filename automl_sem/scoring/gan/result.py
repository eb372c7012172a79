"""What a fold says of a GAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from automl_sem.goals import Measured
from automl_sem.types import Bytes, Ints

MEASURES = ("kid", "density", "coverage", "two_sample", "copying", "usefulness")
OBJECTIVE_WORD = "distance"
SHARE_WORD = "coverage"
FOLD_SHARES = "fold_coverages"  # in a trial's record


@dataclass(frozen=True)
class Measures:
    """How good generated images are, by held-out ones.

    Args:
        score: Distance above the floor, in standard deviations of the floor: what is minimised.
            About 0 for images that could be real.
        kid: Kernel inception distance of generated from held-out images.
        floor: The same of training images, mean over samples.
        deviation: Standard deviation of the floor.
        density: How densely generated images lie among held-out ones, 1 is ideal.
        coverage: Share of held-out images with a generated one nearby.
        expected_coverage: The coverage that as many real images would have.
        two_sample: How often the nearest neighbour tells generated from held-out, 0.5 is ideal.
        copying: Share of generated images nearer to a training image than to a held-out one,
            0.5 is ideal.
        usefulness: Accuracy on held-out images of a classifier that learned from generated ones
            alone (Ravuri and Vinyals 2019, Classification Accuracy Score, arXiv 1905.10887);
            None where the generator draws no given class.
        real_usefulness: The same of as many training images; None likewise.
    """

    score: float
    kid: float
    floor: float
    deviation: float
    density: float
    coverage: float
    expected_coverage: float
    two_sample: float
    copying: float
    usefulness: float | None = None
    real_usefulness: float | None = None


@dataclass(frozen=True)
class GanCurvePoint:
    """One point of a GAN's learning curve.

    Args:
        step: Steps of the generator done, from 1.
        d_loss: Mean loss of the discriminator since the point before.
        g_loss: Mean loss of the generator since the point before.
        score: Distance above the floor, in standard deviations of the floor.
    """

    step: int
    d_loss: float
    g_loss: float
    score: float


@dataclass(frozen=True)
class GanFoldResult:
    """One fold fit: a GAN trained on k-1 folds and judged by the held-out one.

    Args:
        fold: Number of the fold, from 0.
        indices: Rows of the training data that were held out, (n,).
        measures: How good its images are.
        fakes: Generated images, those that were judged, (m, height, width, channels).
        labels: The class that each was to show, (m,); all 0 where none was asked for.
        curve: At most ten points.
        by_step: Some images at each point, from the same noise, (points, some, height, width,
            channels).
        between: Images on the way from one noise to another, row by row, (rows, columns, height,
            width, channels).
        seconds: Wall-clock time of the fit.
    """

    fold: int
    indices: Ints
    measures: Measures
    fakes: Bytes
    labels: Ints
    curve: Sequence[GanCurvePoint]
    by_step: Bytes
    between: Bytes
    seconds: float = 0.0

    @property
    def objective(self) -> float:
        """What is minimised: the distance above the floor."""
        return self.measures.score

    @property
    def share(self) -> float:
        """The coverage."""
        return self.measures.coverage


def mean_of_seeds(fits: Sequence[GanFoldResult]) -> GanFoldResult:
    """Return fits of one fold with different seeds as one: the mean of what is measured.

    Images and curve are those of the first.

    Args:
        fits: At least one.
    """
    found: dict[str, float | None] = {}
    for each in fields(Measures):
        values = [getattr(fit.measures, each.name) for fit in fits]
        found[each.name] = None if None in values else float(np.mean(values))
    return replace(
        fits[0],
        measures=Measures(**found),  # type: ignore[arg-type]
        seconds=sum(fit.seconds for fit in fits),
    )


@dataclass(frozen=True)
class GanScore:
    """What a GAN gets: its fold results and their means.

    Args:
        folds: One result per fold, in order.
    """

    folds: tuple[GanFoldResult, ...]

    @property
    def objective(self) -> float:
        """What is minimised: the mean of the folds' distances above their floors."""
        return self.mean("score")

    @property
    def objective_word(self) -> str:
        """What the objective is called."""
        return OBJECTIVE_WORD

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Nothing: a GAN is scored by its distance alone."""
        return ()

    @property
    def quoted(self) -> float:
        """The objective as people quote it."""
        return self.objective

    @property
    def curve(self) -> tuple[float, ...]:
        """Distances along the first fold."""
        return tuple(point.score for point in self.folds[0].curve)

    @property
    def share(self) -> float:
        """Mean coverage of the held-out images."""
        return self.mean("coverage")

    @property
    def share_word(self) -> str:
        """What the share is called."""
        return SHARE_WORD

    @property
    def seconds(self) -> float:
        """Time of all fold fits."""
        return float(sum(fold.seconds for fold in self.folds))

    @property
    def stress_accuracy(self) -> None:
        """None: nothing is distorted."""
        return

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over the folds.

        Args:
            measure: Name of a field of `Measures` that is a number.
        """
        return float(np.mean([getattr(fold.measures, measure) for fold in self.folds]))

    def record(self) -> dict[str, Any]:
        """Return what a trial's record keeps of it."""
        useful = self.folds[0].measures.usefulness is not None
        measures = [name for name in MEASURES if useful or name != "usefulness"]
        return {
            "fold_scores": [fold.objective for fold in self.folds],
            FOLD_SHARES: [fold.share for fold in self.folds],
            **{name: self.mean(name) for name in measures},
            "seconds": self.seconds,
        }
