"""The examples that the best trial gets most wrong, as pictures."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from automl_sem.data.dataset import Dataset
from automl_sem.reports.context import Context
from automl_sem.reports.pictures import Pictures, pictures_of
from automl_sem.reports.predictions import OutOfFold
from automl_sem.types import Ints

TITLE = "Mistakes"

SHOWN = 12
FEW = 4  # mistakes below which doubtful hits are shown as well


def render(context: Context) -> Markup | None:
    """Return the pictures; a note where the data is gone; None without a best trial."""
    best, found, dataset = context.results.best, context.out_of_fold, context.dataset
    if best is None:
        return None
    if found is None or dataset is None:
        return context.render(
            "note.html",
            text="The data is not there any more, or it has changed since the search. So there "
            "are no pictures of mistakes here, and no confusion matrix: both need the true "
            "classes. Put the data back and run `automl-sem report`.",
        )
    wrong, doubtful = found.mistakes(), found.doubtful()
    pictures = pictures_of(dataset)
    return context.render(
        "mistakes.html",
        mistakes=[_shown(dataset, found, i, pictures) for i in wrong[:SHOWN]],
        doubtful=[_shown(dataset, found, i, pictures) for i in _doubtful(wrong, doubtful)],
        legend=pictures.legend(),
        wrong=len(wrong),
        total=len(found.rows),
        trial=best.trial.number,
        scored_on=best.scored_on,
        kind=context.manifest.kind,
        examples=context.examples,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return all mistakes, the one most off first."""
    found, dataset = context.out_of_fold, context.dataset
    if found is None or dataset is None:
        return None
    keys = ("name", "row", "true", "predicted", "probability", "true_probability")
    described = [_describe(dataset, found, i) for i in found.mistakes()]
    return {"mistakes": [{key: entry[key] for key in keys} for entry in described]}


def _doubtful(wrong: Ints, doubtful: Ints) -> Ints:
    """Return some hits to show when there are hardly any mistakes."""
    return doubtful[: 6 - len(wrong)] if len(wrong) < FEW else doubtful[:0]


def _shown(dataset: Dataset, found: OutOfFold, i: int, pictures: Pictures) -> dict[str, Any]:
    """Return the picture of one example with what was said about it."""
    told = _describe(dataset, found, i)
    alt = f"{told['name']}: {told['true']}, taken for {told['predicted']}"
    return {**told, "picture": pictures.draw(dataset.train.x[told["row"]], alt)}


def _describe(dataset: Dataset, found: OutOfFold, i: int) -> dict[str, Any]:
    row, predicted = int(found.rows[i]), int(found.predicted[i])
    return {
        "name": dataset.train.names[row],
        "row": row,
        "true": dataset.class_names[int(found.labels[i])],
        "predicted": dataset.class_names[predicted],
        "probability": float(found.probabilities[i, predicted]),
        "true_probability": float(found.sureness[i]),
    }
