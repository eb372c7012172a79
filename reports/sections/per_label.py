"""How well the best trial finds each of several labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.reports.context import Context
from automl_sem.scoring.measures import f1_scores, label_counts
from automl_sem.scoring.output_folds import OutputScore

TITLE = "Label by label"

RARE = 10  # examples of a label below which its row says little


def render(context: Context) -> Markup | None:
    """Return a table with a row for each label; None where there are none."""
    best = context.results.best
    if best is None or context.task != "multi-label":
        return None
    rows = _rows(best.outputs, context.class_names)
    worst = sorted((row for row in rows if row["f1"] is not None), key=lambda row: row["f1"])
    return context.render(
        "per_label.html",
        rows=rows,
        weakest=worst[0] if len(worst) > 1 and worst[0]["f1"] < 1 else None,
        rare=[row["name"] for row in rows if row["examples"] < RARE],
        few=RARE,
        trial=best.trial.number,
        scored_on=best.scored_on,
        examples=context.examples,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return precision, recall and F1 of each label."""
    best = context.results.best
    if best is None or context.task != "multi-label":
        return None
    return {"labels": _rows(best.outputs, context.class_names)}


def _rows(score: OutputScore, names: tuple[str, ...]) -> list[dict[str, Any]]:
    counts = label_counts(score.wanted, score.predicted)
    f1 = f1_scores(score.wanted, score.predicted)
    rows = []
    for label, name in enumerate(names):
        hits, alarms, missed = (int(counts[key][label]) for key in counts)
        rows.append(
            {
                "name": name,
                "examples": hits + missed,
                "said": hits + alarms,
                "hits": hits,
                "precision": hits / (hits + alarms) if hits + alarms else None,
                "recall": hits / (hits + missed) if hits + missed else None,
                "f1": None if np.isnan(f1[label]) else float(f1[label]),
            }
        )
    return rows
