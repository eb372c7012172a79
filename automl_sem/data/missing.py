"""Values that are missing within series: counted, and filled in by one rule.

A value within a channel lies on the line between its neighbours in time; one before the first or
after the last that is there takes the nearest. That is `na_interpolation` of imputeTS (Moritz and
Bartz-Beielstein 2017, The R Journal 9/1, doi:10.32614/RJ-2017-009). A channel without any value in
a series takes the channel's mean over the training part (Little and Rubin 2019, Statistical
Analysis with Missing Data, section 4.2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.types import Floats


def without_padding(values: NDArray[Any]) -> NDArray[Any]:
    """Return a series up to the last step that has a value in any channel.

    Args:
        values: (time, channels), NaN where there is no value.
    """
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    return values[: there[-1] + 1] if len(there) else values[:0]


def filled(
    values: NDArray[Any], means: NDArray[np.float64], times: NDArray[np.float64] | None = None
) -> Floats:
    """Return a series without missing values, float32 (time, channels).

    Args:
        values: (time, channels), NaN where a value is missing.
        means: Mean of each channel over the training part, (channels,).
        times: When values were taken, increasing, (time,); None for even steps.
    """
    whole: Floats = values.astype(np.float32) + np.float32(0)  # -0.0 becomes 0.0
    gaps = np.isnan(values)
    if not gaps.any():
        return whole
    at = np.arange(len(values), dtype=np.float64) if times is None else times
    for channel in np.flatnonzero(gaps.any(axis=0)):
        gap = gaps[:, channel]
        if gap.all():
            whole[:, channel] = means[channel]
        else:
            whole[gap, channel] = np.interp(at[gap], at[~gap], values[~gap, channel])
    return whole
