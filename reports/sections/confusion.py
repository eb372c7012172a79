"""Which classes the best trial takes for which."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import percent

TITLE = "Confusion"

TABLE_CLASSES = 12  # more of them are drawn as a heat map
PAIRS = 5


def render(context: Context) -> Markup | None:
    """Return the confusion matrix of out-of-fold predictions; None without a best trial or data."""
    best, found = context.results.best, context.out_of_fold
    if best is None or found is None:
        return None
    counts = found.confusion()
    names = context.class_names or tuple(map(str, range(len(counts))))
    rows = []
    for name, row in zip(names, counts, strict=True):
        total = int(row.sum())
        cells = [{"count": int(n), "share": float(n) / total if total else 0.0} for n in row]
        rows.append({"name": name, "cells": cells, "total": total})
    return context.render(
        "confusion.html",
        names=names,
        rows=rows,
        pairs=_pairs(names, counts),
        trial=best.trial.number,
        scored_on=best.scored_on,
        examples=context.examples,
        chart=_chart(context, names, counts) if len(names) > TABLE_CLASSES else None,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the counts: a row a true class, a column a predicted class."""
    if context.out_of_fold is None:
        return None
    counts = context.out_of_fold.confusion()
    return {"class_names": list(context.class_names), "counts": counts.tolist()}


def _pairs(names: tuple[str, ...], counts: Any) -> list[dict[str, Any]]:
    """Return the most frequent confusions."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(wrong, axis=None, kind="stable")[::-1][:PAIRS]
    places = [divmod(int(i), len(counts)) for i in order]
    return [
        {"true": names[row], "predicted": names[column], "count": int(wrong[row, column])}
        for row, column in places
        if wrong[row, column]
    ]


def _chart(context: Context, names: tuple[str, ...], counts: Any) -> Markup:
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    labels = [charts.label(name) for name in names]
    hover = [
        [
            f"{labels[row]} taken for {labels[column]}: {counts[row, column]} of {totals[row, 0]} "
            f"({percent(shares[row, column])})"
            for column in range(len(names))
        ]
        for row in range(len(names))
    ]
    heat = {
        "type": "heatmap",
        "z": shares.tolist(),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, charts.PAPER], [1, charts.BLUE]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    ticks = {"tickvals": list(range(len(names))), "ticktext": labels, "showgrid": False}
    figure = charts.figure(
        [heat],
        xaxis=charts.axis("taken for", **ticks),
        yaxis=charts.axis("true class", autorange="reversed", **ticks),
    )
    return context.chart(
        figure,
        title="Share of each true class by what it was taken for",
        look_for="A dark diagonal is good; a dark cell beside it is a pair of classes that "
        "the model mixes up.",
        height=min(820, 120 + 28 * len(names)),
    )
