"""Scores of out-of-fold predictions, and intervals for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl_sem.types import Floats, Ints

T_METHOD = "corrected resampled t (Nadeau and Bengio 2003)"
WILSON_METHOD = "Wilson score on pooled out-of-fold hits"


def log_loss(labels: Ints, probabilities: Floats) -> float:
    """Return the mean of -log p(true class) in nats, p bounded below by 1e-7."""
    p = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(p, 1e-7, 1.0)).mean())


def accuracy(labels: Ints, probabilities: Floats) -> float:
    """Return the share of rows whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == labels).mean())


@dataclass(frozen=True)
class Interval:
    """A two-sided 95 % interval.

    Args:
        metric: What it is an interval of, e.g. `"log_loss"`.
        method: How it was computed.
        low: Lower end.
        high: Upper end.
        level: Nominal coverage.
    """

    metric: str
    method: str
    low: float
    high: float
    level: float = 0.95


def fold_interval(
    values: Sequence[float],
    metric: str,
    *,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Interval:
    """Return the corrected resampled t interval for a mean over k folds.

    mean +- t(k-1, .975) * s * sqrt(1/k + 1/(k-1)): folds share training examples, so
    the plain standard error is too small (Nadeau and Bengio 2003, Machine Learning 52).

    Args:
        values: One value per fold, at least two.
        metric: Name of what the values are.
        lowest: No value can be below; the interval ends there.
        highest: No value can be above, likewise.

    Raises:
        ValueError: If there are fewer than two values.
    """
    from scipy import stats

    k = len(values)
    if k < 2:
        raise ValueError(f"an interval needs at least two folds. Received: {k}")
    mean, s = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, k - 1)) * s * math.sqrt(1 / k + 1 / (k - 1))
    return Interval(metric, T_METHOD, max(lowest, mean - half), min(highest, mean + half))


def wilson_interval(hits: float, n: int) -> Interval:
    """Return the Wilson score interval for a share (Wilson 1927, JASA 22).

    Args:
        hits: Number of right answers.
        n: Number of answers, above 0.
    """
    z = 1.959964
    share = hits / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval("accuracy", WILSON_METHOD, max(0.0, center - half), min(1.0, center + half))
