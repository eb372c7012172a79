"""Small series that several test files share."""

from __future__ import annotations

import numpy as np

LENGTHS = (5, 3, 7, 4, 6, 5, 8, 3, 4, 6, 5, 7)
Y = np.arange(12) % 2
LABELS = np.array(["run", "walk"])[Y]


def ragged(channels: int = 2, lengths=LENGTHS, seed: int = 0) -> list[np.ndarray]:
    """Series (time, channels) of these lengths."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, channels)).astype(np.float32) for length in lengths]


def padded(series: list[np.ndarray], fill: float = np.nan) -> np.ndarray:
    """One array (n, time, channels) of them."""
    longest = max(map(len, series))
    x = np.full((len(series), longest, series[0].shape[1]), fill, np.float32)
    for row, values in enumerate(series):
        x[row, : len(values)] = values
    return x


def same(x: np.ndarray, series: list[np.ndarray]) -> bool:
    """Whether padded series hold these."""
    return np.array_equal(x, padded(series), equal_nan=True)


def has(notes, start: str) -> bool:
    """Whether a note begins with, or holds, some words."""
    return any(start in note for note in notes)
