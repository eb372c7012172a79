"""What a fold fit says, whatever was trained, and what a classifier's folds say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.arrays import Floats, Ints
from automl_sem.goals import Measured, mean_measured


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve.

    Args:
        epoch: Epochs done, from 1.
        loss: Mean training loss of the epoch.
        val_loss: Log-loss on the validation part, or what else is minimised.
        val_share: Accuracy on the validation part, or what else people are shown.
    """

    epoch: int
    loss: float
    val_loss: float
    val_share: float


@dataclass(frozen=True)
class StressResult:
    """What a fold's model makes of distorted copies of held-out images.

    A condition is a kind of distortion at a strength, `"rotate 180"`; each image has some
    copies in each.

    Args:
        conditions: Their names, (c,).
        scored: Whether each is part of the objective; the others are kept back, (c,).
        rows: Rows of the training data that were distorted, (n,).
        labels: Their class numbers, (n,).
        true: Probability of the true class, (c, copies, n).
        guesses: Most probable class, (c, copies, n).
    """

    conditions: tuple[str, ...]
    scored: tuple[bool, ...]
    rows: Ints
    labels: Ints
    true: Floats
    guesses: Ints

    @property
    def log_losses(self) -> tuple[float, ...]:
        """Log-loss of each condition in nats, (c,)."""
        losses = -np.log(np.clip(self.true.astype(np.float64), 1e-7, 1.0))
        return tuple(losses.mean(axis=(1, 2)).tolist())

    @property
    def log_loss(self) -> float:
        """Mean log-loss of the scored conditions, in nats."""
        pairs = zip(self.log_losses, self.scored, strict=True)
        return float(np.mean([loss for loss, scored in pairs if scored]))

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each guess is right, (c, copies, n)."""
        return np.equal(self.guesses, self.labels)


class AnyFold(Protocol):
    """What a search needs to know of a fold fit, whatever was trained."""

    @property
    def fold(self) -> int:
        """Number of the fold, from 0."""

    @property
    def indices(self) -> Ints:
        """Rows of the training data that were held out, (n,)."""

    @property
    def seconds(self) -> float:
        """Wall-clock time of the fit."""

    @property
    def objective(self) -> float:
        """What is minimised."""

    @property
    def share(self) -> float:
        """What people are shown, 0 to 1, more is better."""


class AnyScore(Protocol):
    """What a candidate gets: its fold results and what follows from them."""

    @property
    def folds(self) -> Sequence[AnyFold]:
        """One result per fold, in order."""

    @property
    def objective(self) -> float:
        """What is minimised: the mean of the folds' objectives."""

    @property
    def objective_word(self) -> str:
        """What the objective is called."""

    @property
    def measured(self) -> tuple[Measured, ...]:
        """What it comes to by the metrics that were asked for; empty for the usual objective."""

    @property
    def quoted(self) -> float:
        """The objective as people quote it: of an accuracy, more is better."""

    @property
    def share(self) -> float:
        """What people are shown, 0 to 1, more is better."""

    @property
    def share_word(self) -> str:
        """What the share is called."""

    @property
    def seconds(self) -> float:
        """Time of all fold fits."""

    @property
    def stress_accuracy(self) -> float | None:
        """Share of distorted copies that are right, or None where none were made."""

    @property
    def curve(self) -> tuple[float, ...]:
        """Objectives along the first fold; empty where there is none before the end."""

    def record(self) -> dict[str, Any]:
        """Return what a trial's record keeps of it."""


@dataclass(frozen=True)
class FoldResult:
    """One fold fit: a candidate trained on k-1 folds and scored on the held-out one.

    Args:
        fold: Number of the fold, from 0.
        indices: Rows of the training data that were held out, (n,).
        probabilities: Out-of-fold class probabilities of the last epoch, (n, classes).
        log_loss: Mean of -log p(true class) over the held-out rows, in nats.
        accuracy: Share of held-out rows whose most probable class is the true one.
        curve: At most ten points.
        seconds: Wall-clock time of the fit.
        stress: What it makes of distorted copies, or None where there are none.
        metrics: What the compiled metrics of the model, if it has some, tell of the held-out rows.
        measured: What it comes to by the metrics of `--objective`, the one that ranks trials
            first; empty for the usual objective.
    """

    fold: int
    indices: Ints
    probabilities: Floats
    log_loss: float
    accuracy: float
    curve: Sequence[CurvePoint] = field(default=())
    seconds: float = 0.0
    stress: StressResult | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()

    @property
    def predictions(self) -> Floats:
        """The class probabilities, (n, classes)."""
        return self.probabilities

    @property
    def objective(self) -> float:
        """What is minimised: by default the log-loss, or its mean with that under stress."""
        if self.measured:
            return self.measured[0].objective
        if self.stress is None:
            return self.log_loss
        return (self.log_loss + self.stress.log_loss) / 2

    @property
    def share(self) -> float:
        """The accuracy."""
        return self.accuracy


@dataclass(frozen=True)
class Score:
    """What a classifier gets: its fold results and their mean.

    Args:
        folds: One result per fold, in order.
    """

    folds: tuple[FoldResult, ...]

    @property
    def objective(self) -> float:
        """What is minimised: the mean of the folds' objectives."""
        return float(np.mean([f.objective for f in self.folds]))

    @property
    def log_loss(self) -> float:
        """Mean of the folds' log-losses on examples as they are, in nats."""
        return float(np.mean([f.log_loss for f in self.folds]))

    @property
    def accuracy(self) -> float:
        """Share of all held-out rows that are right (pooled, not the mean of folds)."""
        hits = sum(f.accuracy * len(f.indices) for f in self.folds)
        return float(hits / sum(len(f.indices) for f in self.folds))

    @property
    def seconds(self) -> float:
        """Time of all fold fits."""
        return float(sum(f.seconds for f in self.folds))

    @property
    def stress_accuracy(self) -> float | None:
        """Share of distorted copies that are right in the scored conditions, or None."""
        parts = [f.stress for f in self.folds if f.stress is not None]
        if not parts:
            return None
        hits = [part.hits[np.array(part.scored)] for part in parts]
        return float(sum(h.sum() for h in hits) / sum(h.size for h in hits))

    @property
    def stress_log_loss(self) -> float | None:
        """Mean of the folds' log-losses on distorted copies in the scored conditions, or None."""
        losses = [f.stress.log_loss for f in self.folds if f.stress is not None]
        return float(np.mean(losses)) if losses else None

    @property
    def metrics(self) -> dict[str, float]:
        """Mean over the folds of each compiled metric of the model."""
        return mean_metrics(self.folds)

    @property
    def objective_word(self) -> str:
        """What the objective is called."""
        if self.measured:
            return self.measured[0].goal.word
        return objective_word(any(fold.stress is not None for fold in self.folds))

    @property
    def measured(self) -> tuple[Measured, ...]:
        """What it comes to by the metrics of `--objective`: the means of the folds."""
        return mean_measured([fold.measured for fold in self.folds])

    @property
    def quoted(self) -> float:
        """The objective as people quote it."""
        return self.measured[0].value if self.measured else self.objective

    @property
    def curve(self) -> tuple[float, ...]:
        """Nothing: with a learning rate that decays, only the end tells."""
        return ()

    @property
    def share(self) -> float:
        """The accuracy."""
        return self.accuracy

    @property
    def share_word(self) -> str:
        """What the share is called."""
        return "accuracy"

    def record(self) -> dict[str, Any]:
        """Return what a trial's record keeps of it."""
        return {
            "fold_scores": [fold.objective for fold in self.folds],
            "fold_accuracies": [fold.accuracy for fold in self.folds],
            "accuracy": self.accuracy,
            "log_loss": self.log_loss,
            "stress_accuracy": self.stress_accuracy,
            "seconds": self.seconds,
            **({"metrics": self.metrics} if self.metrics else {}),
            **record_of(self.measured),
        }


class WithMetrics(Protocol):
    """A fold result of a model that may be compiled with metrics."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """What they tell of the held-out rows."""


def mean_metrics(folds: Sequence[WithMetrics]) -> dict[str, float]:
    """Return the mean over folds of each compiled metric of a model; none without any."""
    names = folds[0].metrics if folds else {}
    return {n: float(np.mean([fold.metrics[n] for fold in folds])) for n in names}


def record_of(measured: Sequence[Measured]) -> dict[str, Any]:
    """Return what a trial's record keeps of the metrics of `--objective`, by name."""
    found = {each.goal.name: each.value for each in measured}
    return {"measured": found} if found else {}


def classified(score: AnyScore | None) -> Score | None:
    """Return the score of a classifier as such, for code that no GAN comes to."""
    assert score is None or isinstance(score, Score)
    return score


def objective_word(stressed: bool) -> str:
    """Return what the score that ranks trials is called.

    Args:
        stressed: Whether log-loss under stress is part of it.
    """
    return "objective" if stressed else "log-loss"
