"""Stress folds: held-out examples are also scored under fixed distortions.

Small tidy data saturates: every candidate gets all of it right, and folds of the same data
cannot see what changes in use. The distortions of a fold are drawn from the run's seed, so
that every candidate is asked the same.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart, release_pages
from automl_sem.scoring.batches import background
from automl_sem.scoring.metrics import Interval, wilson_interval
from automl_sem.seeds import derive_seed
from automl_sem.types import Augment, Floats, Ints, Score, StressResult

if TYPE_CHECKING:
    from automl_sem.augmentation.base import RandomChange

SHARES = (0.5, 1.0)  # of its strength, at which each kind is tried
FEW = 500  # examples below which each has two copies in each condition
MOST = 400  # examples of a fold that are distorted
CHUNK = 64  # images, frames or series distorted at a time
KEPT_BYTES = 2**27  # of distorted examples are kept for the next candidate
AT_ONCE_BYTES = 2**25  # of distorted examples a model is asked about at once, or one condition's
UNITS = 1000  # series that say what a channel's mean and standard deviation are

Examples = NDArray[Any]  # raw: bytes of images and clips; series, NaN where they are padded
Predict = Callable[[Examples], Floats]


@dataclass(frozen=True)
class Condition:
    """A kind of distortion at a strength.

    Args:
        name: For people, `"rotate 180"`.
        change: Distorts examples at random.
        scored: Whether it is part of the objective.
    """

    name: str
    change: RandomChange
    scored: bool


def conditions(stress: Mapping[str, float], data: str) -> list[Condition]:
    """Return the conditions of a stress, then those that are kept back.

    Args:
        stress: Kinds with their strengths, of `automl_sem.augmentation.kinds`.
        data: Kind of data.
    """
    from automl_sem.augmentation.kinds import with_kind
    from automl_sem.augmentation.pipeline import layers_of
    from automl_sem.augmentation.unseen import (
        RandomBlur,
        RandomDrift,
        RandomPerspective,
        RandomSmoothing,
    )

    found = []
    for kind, strength in stress.items():
        for share in SHARES:
            (layer,) = layers_of(with_kind(Augment(), kind, share * strength), data)
            found.append(Condition(f"{kind} {share * strength:g}", layer, scored=True))
    unseen: dict[str, RandomChange]
    if data == "series":
        unseen = {"drift 0.5": RandomDrift(0.5), "smoothing 0.1": RandomSmoothing(0.1)}
    else:
        unseen = {"perspective 0.3": RandomPerspective(0.3), "blur 1": RandomBlur(1.0)}
    return found + [Condition(name, layer, scored=False) for name, layer in unseen.items()]


class StressFolds:
    """Scores models on distorted copies of held-out examples, the same for every candidate.

    Args:
        stress: Kinds with their strengths, at least one.
        part: The training part.
        seed: Seed of the run.
    """

    def __init__(self, stress: Mapping[str, float], part: TrainingPart, seed: int) -> None:
        self._conditions = conditions(stress, part.kind)
        self._part = part
        self._seed = derive_seed(seed, "stress")
        self._copies = 2 if len(part.y) < FEW else 1
        self._classes = len(part.class_names)
        self._kept: dict[bytes, list[Examples]] = {}
        self._kept_bytes = 0

    def score(self, held_out: Ints, predict: Predict) -> StressResult:
        """Return what a model makes of distorted copies.

        Args:
            held_out: Rows of the fold, (n,); of many, some are taken.
            predict: Returns class probabilities, (m, classes), of raw examples, (m, ...).
        """
        rows = np.asarray(held_out, np.int64)
        if len(rows) > MOST:
            chosen = np.random.default_rng(self._seed).permutation(len(rows))[:MOST]
            rows = rows[np.sort(chosen)]
        labels = self._part.y[rows]
        true, guesses = [], []
        for copies in self._distorted(rows):
            probabilities = predict(copies).reshape(-1, self._copies, len(rows), self._classes)
            index = np.broadcast_to(labels, probabilities.shape[:-1])[..., None]
            true.append(np.take_along_axis(probabilities, index, axis=-1)[..., 0])
            guesses.append(probabilities.argmax(axis=-1))
        return StressResult(
            conditions=tuple(c.name for c in self._conditions),
            scored=tuple(c.scored for c in self._conditions),
            rows=rows,
            labels=labels.astype(np.int64),
            true=np.concatenate(true),
            guesses=np.concatenate(guesses),
        )

    def examples(self, held_out: Ints, row: int, copy: int = 0) -> dict[str, Examples]:
        """Return a distorted copy of an example in each condition, as it was scored.

        Args:
            held_out: Rows of its fold that were distorted, `StressResult.rows`, (n,).
            row: One of them.
            copy: Number of the copy.

        Returns:
            A raw example by the name of the condition.
        """
        rows = np.asarray(held_out, np.int64)
        examples = self._part.x[rows]
        fill = self._fill(examples)
        place = int(np.flatnonzero(rows == row)[0])
        first = place - place % self._chunk_size
        return {
            condition.name: self._chunk(condition, copy, rows, examples, first, fill)[place - first]
            for condition in self._conditions
        }

    def _distorted(self, rows: Ints) -> Iterator[Examples]:
        """Yield the copies of some conditions, (conditions * copies * n, ...).

        All of a small fold come at once, so that a model is asked once.
        """
        key = rows.tobytes()
        if key in self._kept:
            yield from self._kept[key]
            return
        examples = self._part.x[rows]
        release_pages(self._part.x)
        fill = self._fill(examples)
        each = examples.nbytes * self._copies
        at_once = max(1, AT_ONCE_BYTES // max(each, 1))
        needed = each * len(self._conditions)
        keep = self._kept_bytes + needed <= KEPT_BYTES
        made = []
        for first in range(0, len(self._conditions), at_once):
            some = self._conditions[first : first + at_once]
            copies = np.concatenate([self._copies_of(c, rows, examples, fill) for c in some])
            if keep:
                made.append(copies)
            yield copies
        if keep:
            self._kept[key] = made
            self._kept_bytes += needed

    def _copies_of(
        self, condition: Condition, rows: Ints, examples: Examples, fill: Any
    ) -> Examples:
        """Return the copies in one condition, (copies * n, ...)."""
        return np.concatenate(
            [
                self._chunk(condition, copy, rows, examples, first, fill)
                for copy in range(self._copies)
                for first in range(0, len(examples), self._chunk_size)
            ]
        )

    def _chunk(
        self, condition: Condition, copy: int, rows: Ints, examples: Examples, first: int, fill: Any
    ) -> Examples:
        """Return a copy of the examples from place `first` on, `_chunk_size` of them."""
        # An example is distorted in another way in another fold, so that fresh folds ask anew.
        fold = hashlib.sha256(rows.tobytes()).hexdigest()
        seed = derive_seed(self._seed, condition.name, copy, fold)
        some, seeds = examples[first : first + self._chunk_size], [seed, first]
        if self._part.kind != "series":
            changed = _changed(condition.change, some, seeds, fill)
            return np.clip(np.rint(changed), 0, 255).astype(np.uint8)
        mean, sd = self._units
        return _changed(condition.change, (some - mean) / sd, seeds, fill) * sd + mean

    @property
    def _chunk_size(self) -> int:
        """How many examples are distorted at a time; it is part of what decides their draws."""
        frames = self._part.x.shape[1] if self._part.kind == "clips" else 1
        return max(1, CHUNK // int(frames))

    def _fill(self, examples: Examples) -> Any:
        """Return the background value."""
        return np.float32(0.0 if self._part.kind == "series" else background(examples))

    @functools.cached_property
    def _units(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each channel of series, (channels,) each.

        They only say how strong a distortion is, so all folds may share them.
        """
        x = self._part.x
        some = x[np.linspace(0, len(x) - 1, min(len(x), UNITS)).astype(int)]
        mean = np.asarray(np.nanmean(some, axis=(0, 1), dtype=np.float64), np.float32)
        sd = np.asarray(np.nanstd(some, axis=(0, 1), dtype=np.float64), np.float32)
        return mean, np.where(sd > 0, sd, np.float32(1))


def stress_folds(stress: Mapping[str, float], part: TrainingPart, seed: int) -> StressFolds | None:
    """Return what scores folds under stress, or None where there is none.

    Args:
        stress: Kinds with their strengths.
        part: The training part.
        seed: Seed of the run.
    """
    return StressFolds(stress, part, seed) if stress else None


@dataclass(frozen=True)
class StressScore:
    """How all held-out images fared in one condition.

    Args:
        condition: Its name, `"rotate 180"`.
        scored: Whether it is part of the objective; otherwise nothing was trained for it.
        accuracy: Share of distorted copies that are right.
        low: Lower end of the 95 % interval of the accuracy, which counts images, not copies.
        high: Its upper end.
        log_loss: Mean over the copies, in nats.
    """

    condition: str
    scored: bool
    accuracy: float
    low: float
    high: float
    log_loss: float


def stress_scores(score: Score) -> list[StressScore]:
    """Return how the folds of a score fared in each condition; empty without stress."""
    parts = [fold.stress for fold in score.folds if fold.stress is not None]
    if not parts:
        return []
    found = []
    images = sum(len(part.rows) for part in parts)
    losses = np.array([part.log_losses for part in parts])  # (folds, conditions)
    for number, name in enumerate(parts[0].conditions):
        hits = np.concatenate([part.hits[number].ravel() for part in parts])
        interval = wilson_interval(hits.mean() * images, images)
        mean = float(np.average(losses[:, number], weights=[len(part.rows) for part in parts]))
        scored = bool(parts[0].scored[number])
        found.append(
            StressScore(name, scored, float(hits.mean()), interval.low, interval.high, mean)
        )
    return found


def stress_interval(score: Score) -> Interval | None:
    """Return the interval of `Score.stress_accuracy`, or None: it counts images, not copies."""
    share = score.stress_accuracy
    if share is None:
        return None
    images = sum(len(fold.stress.rows) for fold in score.folds if fold.stress is not None)
    return replace(wilson_interval(share * images, images), metric="stress_accuracy")


def _changed(change: RandomChange, examples: Examples, seed: list[int], fill: Any) -> Floats:
    """Return changed examples, (n, ...)."""
    import tensorflow as tf

    with tf.device("CPU:0"):  # another device may round in another way
        draws = change.draw(len(examples), examples.shape[1:], np.array(seed, np.int32))
        changed: Floats = change.change(tf.cast(examples, tf.float32), draws, fill).numpy()
    return changed
