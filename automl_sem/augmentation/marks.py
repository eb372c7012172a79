"""How a model tells the padding behind a series from its steps."""

from __future__ import annotations

from typing import Any

# A step that is there but all but zero is moved by so many standard deviations: zero in all
# channels is padding. Half precision holds it.
NUDGE = 1e-4


def marked(series: Any) -> Any:
    """Return series in which zero in all channels is padding and nothing else.

    Keras's own `Masking` layer then finds the padding. Made of plain Keras operations, so that an
    exported model has it inside and loads without us.

    Args:
        series: Series or a symbolic input, (batch, time, channels), NaN where there is padding.
    """
    from keras import ops

    padding = ops.isnan(series[..., :1])
    small = ops.all(ops.abs(series) < NUDGE, axis=-1, keepdims=True)
    there = ops.where(small, ops.full_like(series, NUDGE), series)
    return ops.where(padding, ops.zeros_like(series), there)
