"""The plotly charts, in one style, as plain values.

Colours are written `var(--blue)`: the page puts in what its style sheet says for light,
dark or paper. Text that comes from people goes through `label` first.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from automl_sem.scoring.words import R2

Figure = dict[str, Any]
Trace = dict[str, Any]

INK, MUTED, RULE, PAPER = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)"
PANEL = "var(--panel)"
BLUE, ORANGE, GREEN, PINK = "var(--blue)", "var(--orange)", "var(--green)", "var(--pink)"
GREY = "var(--grey)"
LEFT_PANEL, RIGHT_PANEL = (0, 0.44), (0.58, 1)  # shares of the width; between them is an axis

# Colour and symbol of whoever proposed a trial: two signs, so that colour is never needed.
ORIGINS: dict[str, tuple[str, str]] = {
    "baseline": (ORANGE, "diamond"),
    "warm start": (GREEN, "triangle-up"),
    "good start": (PINK, "square"),
    "start-up": (GREY, "circle-open"),
    "model": (BLUE, "circle"),
    "random": (GREY, "circle-open"),
    "qmc": (GREY, "diamond-open"),
    "grid": (GREY, "square-open"),
    "promoted": (BLUE, "star"),
}


def label(text: object) -> str:
    """Escape a string for plotly, which takes some HTML tags and entities in its labels."""
    return html.escape(str(text), quote=False)


def origin_style(proposed_by: str) -> tuple[str, str]:
    """Return colour and symbol of who proposed a trial."""
    return ORIGINS.get(proposed_by, (GREEN, "cross"))


def points(
    x: Sequence[Any],
    y: Sequence[Any],
    *,
    name: str,
    color: str,
    symbol: str = "circle",
    size: int = 10,
    hover: Sequence[str] | None = None,
    **more: Any,
) -> Trace:
    """Return markers; `hover` holds one text a point."""
    drawn_by_its_edge = symbol.endswith(("-open", "-thin"))
    edge = {"color": color if drawn_by_its_edge else PAPER, "width": 1.5}
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "name": name,
        "marker": {"color": color, "symbol": symbol, "size": size, "line": edge},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    if hover is not None:
        trace |= {
            "customdata": list(hover),
            "hoverinfo": "text",
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    return trace | more


def line(
    x: Sequence[Any], y: Sequence[Any], *, name: str, color: str, width: float = 2, **more: Any
) -> Trace:
    """Return a line without markers."""
    style = {"color": color, "width": width} | more.pop("line", {})
    trace: Trace = {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name}
    return trace | {"line": style, "hoverinfo": "skip"} | more


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Return a quiet axis."""
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "gridcolor": RULE,
        "linecolor": RULE,
        "zeroline": False,
        "automargin": True,
        "ticks": "",
        "tickfont": {"color": MUTED},
    } | more


def percent_axis(title: str, lowest: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return an axis for shares, from a round number at or below `lowest` to 100 %."""
    low = max(0.0, int(lowest * 10 - 0.5) / 10)
    room = 0.03 * (1.0 - low)
    return axis(title, tickformat=".0%", range=[low - room, 1.0 + room], **more)


def share_axis(title: str, word: str, shares: Sequence[float], **more: Any) -> dict[str, Any]:
    """Return an axis for what people are shown of scores: shares, or R2, which has no lower end.

    Args:
        title: Of the axis.
        word: What the share is called.
        shares: What is drawn; of R2 below -1 does not show, unless there is nothing else.
        **more: Plotly's properties of an axis.
    """
    lowest = min(shares, default=0.0)
    if word != R2:
        return percent_axis(title, lowest, **more)
    if max(shares, default=0.0) < -1:
        return axis(title, tickformat="~g", **more)
    low = max(-1.0, math.floor(lowest * 10 - 0.5) / 10)
    room = 0.03 * (1.0 - low)
    return axis(title, tickformat=".1f", range=[low - room, 1.0 + room], **more)


def loss_axis(title: str, values: Sequence[float], **more: Any) -> dict[str, Any]:
    """Return an axis for log-losses: logarithmic when they differ by more than 20 times."""
    positive = [value for value in values if value > 0]
    if positive and len(positive) == len(values) and max(positive) > 20 * min(positive):
        wide = max(positive) > 100 * min(positive)
        return axis(title, type="log", dtick=1 if wide else "D2", tickformat="~g", **more)
    return axis(title, rangemode="tozero", tickformat="~g", **more)


def score_axis(title: str, values: Sequence[float], maximize: bool, **more: Any) -> dict[str, Any]:
    """Return an axis for an objective: of one that is maximised, from where its values begin."""
    if maximize:
        return axis(title, tickformat="~g", **more)
    return loss_axis(title, values, **more)


def figure(traces: Sequence[Trace], *, legend: bool = False, **layout: Any) -> Figure:
    """Return a chart in the report's style.

    Args:
        traces: What is drawn.
        legend: Whether to name the traces, above the chart.
        **layout: Plotly layout: axes and so on.
    """
    style: Mapping[str, Any] = {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 12, "t": 36 if legend else 12, "b": 44},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": MUTED,
            "font": {"color": INK, "size": 13},
            "align": "left",
        },
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": INK},
    }
    return {"data": list(traces), "layout": {**style, **layout}}
