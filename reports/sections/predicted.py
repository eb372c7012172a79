"""Predicted against true numbers, and by how much they miss."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from automl_sem.data.evenly import evenly
from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import number, share
from automl_sem.scoring.measures import r2
from automl_sem.scoring.words import R2

TITLE = "Predicted and true"

POINTS = 2000  # drawn, of more some evenly chosen
OUTPUTS = 6  # drawn
LOOK_FOR = (
    "Each point is one of the {examples}, predicted by a network that had not seen it. Left: on "
    "the line the prediction is right. Right: what was predicted minus what is true. A slope "
    "there, low ends too high and high ends too low, means that the network plays safe; a funnel, "
    "that some are harder than others; points far off are worth a look, see Mistakes."
)


def render(context: Context) -> Markup | None:
    """Return both charts for each number; None where there are none."""
    best = context.results.best
    if best is None or context.task != "regression":
        return None
    score, parts = best.outputs, []
    for column, name in enumerate(context.class_names[:OUTPUTS]):
        wanted, said = score.wanted[:, column], score.predicted[:, column]
        fit = share(r2(score.wanted[:, [column]], score.predicted[:, [column]]), R2)
        parts.append(
            context.chart(
                _figure(wanted, said, _names(context), name),
                title=f"{name}: R2 {fit}, trial {best.trial.number} on {best.scored_on}",
                look_for=LOOK_FOR.format(examples=context.examples),
                height=380,
            )
        )
    return Markup("").join(parts)


def facts(context: Context) -> dict[str, Any] | None:
    """Return truth and prediction of every example."""
    best = context.results.best
    if best is None or context.task != "regression":
        return None
    rows = np.concatenate([fold.indices for fold in best.outputs.folds])
    return {
        "outputs": list(context.class_names),
        "rows": rows.tolist(),
        "true": best.outputs.wanted.tolist(),
        "predicted": best.outputs.predicted.tolist(),
    }


def _names(context: Context) -> list[str]:
    """Return what examples are called, in the order of the predictions."""
    best = context.results.best
    assert best is not None
    rows = np.concatenate([fold.indices for fold in best.outputs.folds])
    if context.dataset is None:
        return [f"row {row}" for row in rows]
    return [context.dataset.train.names[row] for row in rows]


def _figure(wanted: NDArray[Any], said: NDArray[Any], names: list[str], name: str) -> charts.Figure:
    shown = evenly(len(wanted), POINTS)
    x, y = wanted[shown].tolist(), said[shown].tolist()
    hover = [
        f"{charts.label(names[row])}: {number(t)}, predicted {number(p)}"
        for row, t, p in zip(shown, x, y, strict=True)
    ]
    style: dict[str, Any] = {"name": "example", "color": charts.BLUE, "size": 7, "hover": hover}
    low, high = min(*x, *y), max(*x, *y)
    line = charts.line([low, high], [low, high], name="right", color=charts.MUTED, width=1.5)
    zero = charts.line([min(x), max(x)], [0, 0], name="right", color=charts.MUTED, width=1.5)
    errors = charts.points(x, [p - t for t, p in zip(x, y, strict=True)], **style)
    title = charts.label(name)
    return charts.figure(
        [
            {**line, "xaxis": "x"},
            {**charts.points(x, y, **style), "opacity": 0.7},
            {**zero, "xaxis": "x2", "yaxis": "y2"},
            {**errors, "opacity": 0.7, "xaxis": "x2", "yaxis": "y2"},
        ],
        xaxis=charts.axis(f"true {title}", domain=charts.LEFT_PANEL),
        yaxis=charts.axis(f"predicted {title}"),
        xaxis2=charts.axis(f"true {title}", domain=charts.RIGHT_PANEL, anchor="y2"),
        yaxis2=charts.axis("predicted minus true", anchor="x2"),
    )
