"""How to take the winner out and use it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from markupsafe import Markup

from automl_sem.export.build import CARD
from automl_sem.export.record import RECORD
from automl_sem.export.usage import IMPORTS, Usage, image_lines, usage_of
from automl_sem.reports.context import Context

TITLE = "Use it"

TAKES = {
    "images": "raw pixels go in (uint8, any size) and {out} come out; scaling and "
    "resizing are inside",
    "clips": "raw pixels go in (uint8, any number of frames of any size) and {out} "
    "come out; taking frames, scaling and resizing are inside",
    "series": "values in their own units go in (float32, of any length) and {out} "
    "come out; standardising is inside",
}

COMES_OUT = {
    "classification": "class probabilities",
    "multi-label": "the probability of each label",
    "regression": "numbers in their own units",
}


def render(context: Context) -> Markup | None:
    """Return the commands and the lines of Python; None without a best trial."""
    best = context.results.best
    if best is None:
        return None
    path = context.results.run.path
    exported = path / "export" / f"trial-{best.trial.number}"
    return context.render(
        "usage.html",
        run=shlex.quote(str(path)),
        exported=shlex.quote(str(exported)),
        there=(exported / RECORD).exists(),
        saved_model=str(exported / "saved_model"),
        keras_file=str(exported / "model.keras"),
        takes=TAKES.get(context.manifest.kind, "").format(out=COMES_OUT[context.task]),
        task=context.task,
        answer="numbers" if context.task == "regression" else "probabilities",
        reads=_reads(context, exported),
        card=CARD,
        class_names=list(context.class_names),
        trial=best.trial.number,
        examples=context.examples,
    )


def _reads(context: Context, exported: Path) -> Usage | None:
    """Return how an example is read in Python; None where only an export knows that."""
    manifest = context.manifest
    if manifest.kind == "images":
        channels = manifest.data.get("input_shape", (0, 0, 1))[-1]
        return Usage("image.png", IMPORTS, image_lines(channels), "images")
    try:
        record = json.loads((exported / RECORD).read_text(encoding="utf-8"))
        return None if context.dataset is None else usage_of(record, context.dataset)
    except (OSError, ValueError, KeyError):  # no export yet, or half of one
        return None
