"""The examples that the best trial gets most wrong, as pictures."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.data.dataset import Dataset
from automl_sem.reports.context import Context
from automl_sem.reports.predictions import OutOfFold
from automl_sem.types import Bytes, Ints

TITLE = "Mistakes"

SHOWN = 12
FEW = 4  # mistakes below which doubtful hits are shown as well
SIDE = 112  # pixels that the longer side of a picture is enlarged to, about


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
    return context.render(
        "mistakes.html",
        mistakes=[picture(dataset, found, i) for i in wrong[:SHOWN]],
        doubtful=[picture(dataset, found, i) for i in _doubtful(wrong, doubtful)],
        wrong=len(wrong),
        total=len(found.rows),
        trial=best.trial.number,
        scored_on=best.scored_on,
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


def picture(dataset: Dataset, found: OutOfFold, i: int) -> dict[str, Any]:
    """Return one picture with what was said about it."""
    row = int(found.rows[i])
    return {**_describe(dataset, found, i), "source": data_uri(dataset.train.x[row])}


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


def data_uri(image: Bytes) -> str:
    """Return an image as a PNG in a data URI, its pixels enlarged.

    Args:
        image: (height, width, channels), grey or colour.
    """
    from PIL import Image

    shown = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    zoom = max(1, SIDE // max(shown.shape[:2]))
    large = shown.repeat(zoom, axis=0).repeat(zoom, axis=1)
    drawn = Image.fromarray(
        np.ascontiguousarray(large.squeeze(-1) if large.shape[-1] == 1 else large)
    )
    drawn.thumbnail((2 * SIDE, 2 * SIDE))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
