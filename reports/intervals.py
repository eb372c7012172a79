"""Dots with interval bars on a common axis, laid out for an inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, LEFT, RIGHT = 640, 110, 28  # pixels
ROW, TOP, AXIS = 36, 8, 30


@dataclass(frozen=True)
class Row:
    """One line of the chart.

    Args:
        name: Stands to its left.
        kind: `"winner"`, `"baseline"` or `"neutral"`: its colour and shape.
        value: Where the dot is.
        low: Where the bar begins.
        high: Where the bar ends.
        dots: Small rings beside the dot.
    """

    name: str
    kind: str
    value: float
    low: float
    high: float
    dots: tuple[float, ...] = ()


def interval_chart(
    rows: Sequence[Row],
    text: Callable[[float], str],
    *,
    upper: float | None = None,
    include: float | None = None,
) -> dict[str, Any]:
    """Return the places of everything in the chart, in pixels, for `intervals.svg`.

    Args:
        rows: From top to bottom.
        text: Writes a value of the axis.
        upper: Where the axis ends, if it is known.
        include: A value that the axis must show, drawn as a line.
    """
    values = [v for r in rows for v in (r.low, r.high, r.value, *r.dots)]
    if include is not None:
        values.append(include)
    low, high = min(values), max(values) if upper is None else upper
    ticks = round_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return round(LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT), 1)

    height = TOP + ROW * len(rows)
    return {
        "width": WIDTH,
        "height": height + AXIS,
        "axis_y": height,
        "ticks": [{"x": at(t), "text": tick_text(t, text)} for t in ticks],
        "line_x": None if include is None else at(include),
        "rows": [
            {
                "name": row.name,
                "kind": row.kind,
                "y": TOP + ROW * i + ROW / 2,
                "x": at(row.value),
                "low": at(row.low),
                "high": at(row.high),
                "dots": [at(dot) for dot in row.dots],
                "text": f"{text(row.value)} ({text(row.low)} to {text(row.high)})",
            }
            for i, row in enumerate(rows)
        ],
    }


def tick_text(value: float, text: Callable[[float], str]) -> str:
    """Return the label of a tick: without the decimals that all ticks share."""
    if value == 0:
        return "0"
    written = text(value)
    if written.endswith("%"):
        return written.replace(".0 %", " %")
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return about `wanted` round numbers, the first at or below `low`, to `high` or above."""
    span = (high - low) or 1.0
    magnitude = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if span / (m * magnitude) <= wanted)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = 12 - min(0, math.floor(math.log10(magnitude)))
    return [round(step * i, digits) for i in range(first, last + 1)]
