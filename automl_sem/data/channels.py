"""What the channels of series hold: their mean, spread and range, and how long series are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.types import Ints


@dataclass(frozen=True)
class Channel:
    """One channel of the training part, by the values that are there.

    Args:
        name: Its name.
        mean: Their mean.
        sd: Their standard deviation.
        low: The smallest.
        high: The largest.
        missing: Number of values that are not there.
    """

    name: str
    mean: float
    sd: float
    low: float
    high: float
    missing: int

    @property
    def constant(self) -> bool:
        """Whether it has one value throughout."""
        return self.low == self.high


@dataclass(frozen=True)
class SeriesFacts:
    """What is known of series for people.

    Args:
        train_lengths: Time steps of each training series, int64 (n,).
        test_lengths: Time steps of each test series, int64 (m,).
        channels: What each channel holds in the training part.
        filled: Number of missing values that were filled in, in both parts.
    """

    train_lengths: Ints
    test_lengths: Ints
    channels: tuple[Channel, ...]
    filled: int

    @property
    def constant(self) -> tuple[str, ...]:
        """Names of the channels with one value throughout."""
        return tuple(channel.name for channel in self.channels if channel.constant)

    def sizes(self) -> Ints:
        """Return time steps and channels of each series, int64 (n + m, 2)."""
        lengths = np.concatenate([self.train_lengths, self.test_lengths])
        return np.stack([lengths, np.full(len(lengths), len(self.channels))], axis=1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays, to be kept in an .npz file."""
        names, *numbers = zip(*map(astuple, self.channels), strict=True)
        return {
            "facts_names": np.array(names),
            "facts_channels": np.array(numbers, np.float64),  # (5, channels)
            "facts_train_lengths": self.train_lengths,
            "facts_test_lengths": self.test_lengths,
            "facts_filled": np.array(self.filled),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SeriesFacts | None:
        """Return what `to_arrays` took apart, None if it is not there."""
        if "facts_names" not in arrays:
            return None
        numbers = arrays["facts_channels"].T.tolist()
        return cls(
            train_lengths=arrays["facts_train_lengths"],
            test_lengths=arrays["facts_test_lengths"],
            channels=tuple(
                Channel(str(name), mean, sd, low, high, int(missing))
                for name, (mean, sd, low, high, missing) in zip(
                    arrays["facts_names"], numbers, strict=True
                )
            ),
            filled=int(arrays["facts_filled"]),
        )


def describe_channels(series: Sequence[NDArray[Any]], names: Sequence[str]) -> tuple[Channel, ...]:
    """Return what each channel holds; NaN stands for a value that is not there.

    Args:
        series: Series, each (time, channels).
        names: Name of each channel.

    Returns:
        The channels; one without any value has the mean NaN.
    """
    count = len(names)
    present, total = np.zeros(count, np.int64), np.zeros(count)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    missing = np.zeros(count, np.int64)
    for values in series:
        there = ~np.isnan(values)
        present += there.sum(axis=0)
        missing += (~there).sum(axis=0)
        total += np.where(there, values, 0).sum(axis=0, dtype=np.float64)
        low = np.minimum(low, np.where(there, values, np.inf).min(axis=0))
        high = np.maximum(high, np.where(there, values, -np.inf).max(axis=0))
    mean = np.divide(total, present, out=np.full(count, np.nan), where=present > 0)
    squares = np.zeros(count)
    for values in series:
        squares += np.nansum(np.square(values.astype(np.float64) - mean), axis=0)
    sd = np.sqrt(squares / np.maximum(1, present))
    return tuple(
        Channel(name, float(mean[i]), float(sd[i]), float(low[i]), float(high[i]), int(missing[i]))
        for i, name in enumerate(names)
    )
