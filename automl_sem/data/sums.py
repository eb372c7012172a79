"""Sums over the steps of each series, which means and deviations of any of them follow from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.types import Floats, Ints

READ_BYTES = 2**26  # of series are read at a time


@dataclass(frozen=True)
class StepSums:
    """Sums over the steps of each series, channel by channel.

    Args:
        shift: A value near the mean of each channel, (channels,): sums are less that, since the
            squares of large values leave no room for small deviations.
        sums: Number of steps, sum and sum of squares, (n, 3, channels).
    """

    shift: NDArray[np.float64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[Any]) -> StepSums:
        """Return the sums of series, (n, time, channels), NaN behind the end of shorter ones."""
        shift = np.nan_to_num(np.nanmean(x[:100], axis=(0, 1), dtype=np.float64))
        found = np.empty((len(x), 3, x.shape[-1]))
        for first, some in _chunks(x):
            there = ~np.isnan(some)
            centred = np.where(there, some - shift, 0.0)
            found[first : first + len(some), 0] = there.sum(axis=1)
            found[first : first + len(some), 1] = centred.sum(axis=1)
            found[first : first + len(some), 2] = np.square(centred).sum(axis=1)
        return cls(shift, found)

    @property
    def lengths(self) -> Ints:
        """Number of steps of each series, (n,)."""
        return self.sums[:, 0, 0].astype(np.int64)

    def mean_and_deviation(self, rows: NDArray[Any]) -> Floats:
        """Return mean and standard deviation of each channel, float32 (2, channels).

        The deviation of a constant is given as 1.

        Args:
            rows: Row numbers of the series that count, (m,).
        """
        count, total, squares = self.sums[rows].sum(axis=0)
        count = np.maximum(count, 1)
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0)
        # What is left of a constant by rounding is no deviation.
        even = variance <= 1e-12 * squares / count
        deviation = np.where(even, 1.0, np.sqrt(variance))
        return np.stack([self.shift + mean, deviation]).astype(np.float32)


def _chunks(x: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    some = max(1, READ_BYTES // max(1, x[:1].nbytes))
    for first in range(0, len(x), some):
        yield first, x[first : first + some]
