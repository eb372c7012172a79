"""Stress folds: held-out examples are also scored under fixed distortions.

Small tidy data saturates: every candidate gets all of it right, and folds of the same data
cannot see what changes in use. The distortions of a fold are drawn from the run's seed, so
that every candidate is asked the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.scoring.inputs import Inputs, inputs_of
from automl_sem.scoring.metrics import Interval, wilson_interval
from automl_sem.seeds import derive_seed
from automl_sem.types import AnyScore, Augment, Examples, Floats, Ints, Score, StressResult

if TYPE_CHECKING:
    from automl_sem.augmentation.base import RandomChange

SHARES = (0.5, 1.0)  # of its strength, at which each kind is tried
FEW = 500  # examples below which each has two copies in each condition
MOST = 400  # examples of a fold that are distorted
CHUNK = 64  # images, frames or series distorted at a time
KEPT_BYTES = 2**27  # of distorted examples are kept for the next candidate
AT_ONCE_BYTES = 2**25  # of distorted examples a model is asked about at once, or one condition's

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
        self._inputs = inputs_of(part)
        self._fitted = self._inputs.fit(np.arange(len(part.y)))
        self._seed = derive_seed(seed, "stress")
        self._copies = 2 if len(part.y) < FEW else 1
        self._classes = len(part.class_names)
        self._kept: dict[bytes, list[Examples]] = {}
        self._kept_bytes = 0

    def score(self, held_out: Ints, predict: Predict) -> StressResult:
        """Return what a model makes of distorted copies.

        Args:
            held_out: Rows of the fold, (n,); of many, some are taken.
            predict: Returns class probabilities, (m, classes), of raw examples (m, ...).
        """
        rows = np.asarray(held_out, np.int64)
        if len(rows) > MOST:
            chosen = np.random.default_rng(self._seed).permutation(len(rows))[:MOST]
            rows = rows[np.sort(chosen)]
        labels = self._part.y[rows]
        true, guesses = [], []
        for examples in self._distorted(rows):
            probabilities = predict(examples).reshape(-1, self._copies, len(rows), self._classes)
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
            A raw example, (...), by the name of the condition.
        """
        rows = np.asarray(held_out, np.int64)
        raw = read_rows(self._part.x, rows)
        place = int(np.flatnonzero(rows == row)[0])
        first = place - place % self._chunk_size
        return {
            condition.name: self._chunk(condition, copy, rows, raw, first)[place - first]
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
        raw = read_rows(self._part.x, rows)
        each = raw.nbytes * self._copies
        at_once = max(1, AT_ONCE_BYTES // max(each, 1))
        needed = each * len(self._conditions)
        keep = self._kept_bytes + needed <= KEPT_BYTES
        made = []
        for first in range(0, len(self._conditions), at_once):
            some = self._conditions[first : first + at_once]
            each_in = self._copies * len(raw)
            copies = np.empty((len(some) * each_in, *raw.shape[1:]), raw.dtype)
            for number, condition in enumerate(some):
                own = slice(number * each_in, (number + 1) * each_in)
                self._fill(copies[own], condition, rows, raw)
            if keep:
                made.append(copies)
            yield copies
        if keep:
            self._kept[key] = made
            self._kept_bytes += needed

    def _fill(self, copies: Examples, condition: Condition, rows: Ints, raw: Examples) -> None:
        """Fill in the copies in one condition, (copies * n, ...)."""
        for copy in range(self._copies):
            for first in range(0, len(raw), self._chunk_size):
                chunk = self._chunk(condition, copy, rows, raw, first)
                place = copy * len(raw) + first
                copies[place : place + len(chunk)] = chunk

    def _chunk(
        self, condition: Condition, copy: int, rows: Ints, raw: Examples, first: int
    ) -> Examples:
        """Return a copy of the examples from place `first` on, `_chunk_size` of them."""
        # An example is distorted in another way in another fold, so that fresh folds ask anew.
        fold = hashlib.sha256(rows.tobytes()).hexdigest()
        seed = derive_seed(self._seed, condition.name, copy, fold)
        chunk = raw[first : first + self._chunk_size]
        return _changed(condition.change, chunk, [seed, first], self._inputs, self._fitted)

    @property
    def _chunk_size(self) -> int:
        """How many examples are distorted at a time; it is part of what decides their draws."""
        frames = self._part.x.shape[1] if self._part.kind == "clips" else 1
        return max(1, CHUNK // int(frames))


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
    """How all held-out examples fared in one condition.

    Args:
        condition: Its name, `"rotate 180"`.
        scored: Whether it is part of the objective; otherwise nothing was trained for it.
        accuracy: Share of distorted copies that are right.
        low: Lower end of the 95 % interval of the accuracy, which counts examples, not copies.
        high: Its upper end.
        log_loss: Mean over the copies, in nats.
    """

    condition: str
    scored: bool
    accuracy: float
    low: float
    high: float
    log_loss: float


def stress_scores(score: AnyScore) -> list[StressScore]:
    """Return how the folds of a score fared in each condition; empty without stress."""
    parts = _stressed(score)
    if not parts:
        return []
    found = []
    count = sum(len(part.rows) for part in parts)
    losses = np.array([part.log_losses for part in parts])  # (folds, conditions)
    for number, name in enumerate(parts[0].conditions):
        hits = np.concatenate([part.hits[number].ravel() for part in parts])
        interval = wilson_interval(hits.mean() * count, count)
        mean = float(np.average(losses[:, number], weights=[len(part.rows) for part in parts]))
        scored = bool(parts[0].scored[number])
        found.append(
            StressScore(name, scored, float(hits.mean()), interval.low, interval.high, mean)
        )
    return found


def _stressed(score: AnyScore) -> list[StressResult]:
    folds = score.folds if isinstance(score, Score) else ()
    return [fold.stress for fold in folds if fold.stress is not None]


def stress_interval(score: AnyScore) -> Interval | None:
    """Return the interval of `Score.stress_accuracy`, or None: it counts examples, not copies."""
    share = score.stress_accuracy
    if share is None:
        return None
    count = sum(len(part.rows) for part in _stressed(score))
    return replace(wilson_interval(share * count, count), metric="stress_accuracy")


def _changed(
    change: RandomChange, raw: Examples, seed: list[int], inputs: Inputs, fitted: Floats
) -> Examples:
    import tensorflow as tf

    with tf.device("CPU:0"):  # another device may round in another way
        draws = change.draw(len(raw), raw.shape[1:], np.array(seed, np.int32))
        values = inputs.values(tf.constant(raw), tf.constant(fitted))
        changed: Floats = change.change(values, draws, inputs.fill(fitted)).numpy()
    return inputs.as_saved(changed, fitted)
