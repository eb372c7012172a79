"""The examples whose labels or numbers the best trial misses most, as pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.arrays import Floats, Ints
from automl_sem.reports.context import Context
from automl_sem.reports.pictures import pictures_of
from automl_sem.reports.wording import number
from automl_sem.scoring.measures import THRESHOLD, spread_of
from automl_sem.scoring.output_folds import OutputScore

TITLE = "Mistakes"

SHOWN = 12


@dataclass(frozen=True)
class Missed:
    """Predictions with what is true, the worst first.

    Args:
        rows: Rows of the training data, (n,).
        score: What was wanted and predicted, in another order.
        order: Positions in it, the worst first, (n,).
        wrong: How many of them are wrong; of numbers all are, more or less.
    """

    rows: Ints
    score: OutputScore
    order: Ints
    wrong: int

    @classmethod
    def of(cls, score: OutputScore) -> Missed:
        """Put the folds of a score in order.

        Numbers by their error in standard deviations, the largest of an example; labels by the
        probability of what is true, the smallest of an example.
        """
        rows = np.concatenate([fold.indices for fold in score.folds])
        wanted, predicted = score.wanted, score.predicted
        if score.task == "regression":
            off = (np.abs(predicted - wanted) / spread_of(wanted)).max(axis=1)
            wrong = len(rows)
        else:
            off = np.abs(predicted - wanted).max(axis=1)
            wrong = int(((predicted >= THRESHOLD) != (wanted > 0)).any(axis=1).sum())
        return cls(rows, score, np.argsort(-off, kind="stable"), wrong)


def render(context: Context) -> Markup | None:
    """Return the pictures; a note where the data is gone; None without a best trial."""
    best, dataset = context.results.best, context.dataset
    if best is None:
        return None
    if dataset is None:
        return context.render(
            "note.html",
            text="The data is not there any more, or it has changed since the search. So there "
            "are no pictures of mistakes here. Put the data back and run `automl-sem report`.",
        )
    missed, pictures = Missed.of(best.outputs), pictures_of(dataset)
    shown = []
    for place in missed.order[: min(SHOWN, missed.wrong)]:
        row = int(missed.rows[place])
        told = _told(context, missed, int(place))
        alt = f"{dataset.train.names[row]}: {told['true']}, predicted {told['predicted']}"
        picture = pictures.draw(dataset.train.x[row], alt)
        shown.append({**told, "name": dataset.train.names[row], "picture": picture})
    return context.render(
        "output_mistakes.html",
        shown=shown,
        legend=pictures.legend(),
        task=context.task,
        wrong=missed.wrong,
        total=len(missed.rows),
        trial=best.trial.number,
        scored_on=best.scored_on,
        kind=context.manifest.kind,
        examples=context.examples,
        several=len(context.class_names) > 1,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the worst predictions, the worst first."""
    best, dataset = context.results.best, context.dataset
    if best is None or dataset is None:
        return None
    missed = Missed.of(best.outputs)
    return {
        "mistakes": [
            {
                "name": dataset.train.names[int(missed.rows[place])],
                "row": int(missed.rows[place]),
                "true": missed.score.wanted[place].tolist(),
                "predicted": missed.score.predicted[place].tolist(),
            }
            for place in missed.order[: missed.wrong]
        ]
    }


def _told(context: Context, missed: Missed, place: int) -> dict[str, Any]:
    """Return what is true of an example and what was predicted, in words."""
    wanted, predicted = missed.score.wanted[place], missed.score.predicted[place]
    names = context.class_names
    if context.task == "regression":
        return {"true": _numbers(names, wanted), "predicted": _numbers(names, predicted)}
    said = predicted >= THRESHOLD
    left_out = [names[i] for i in np.flatnonzero((wanted > 0) & ~said)]
    too_many = [names[i] for i in np.flatnonzero((wanted == 0) & said)]
    return {
        "true": ", ".join(names[i] for i in np.flatnonzero(wanted > 0)) or "no label",
        "predicted": ", ".join(names[i] for i in np.flatnonzero(said)) or "no label",
        "left_out": ", ".join(left_out),
        "too_many": ", ".join(too_many),
    }


def _numbers(names: tuple[str, ...], values: Floats) -> str:
    if len(names) == 1:
        return number(float(values[0]))
    return ", ".join(
        f"{name} {number(float(value))}" for name, value in zip(names, values, strict=True)
    )
