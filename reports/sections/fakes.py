"""Whether images that a GAN drew helped, and what they look like."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.data.dataset import read_rows
from automl_sem.fakes_check import DRAWN, sentence
from automl_sem.reports.context import Context
from automl_sem.reports.pictures import sheet
from automl_sem.reports.wording import count
from automl_sem.scoring.gan.fakes import CONFIDENT, Fakes, fakes_key, read_fakes
from automl_sem.types import Ints

TITLE = "Fake images"

OF_CLASS = 8  # images of a class
MOST_CLASSES = 12


def render(context: Context) -> Markup | None:
    """Return whether fakes helped, and some beside real images; None in a run without a GAN."""
    if context.manifest.augment_with is None:
        return None
    found = context.results.fakes
    drawn = _drawn(context)
    return context.render(
        "fakes.html",
        sentence="" if found is None else sentence(found),
        filtering="" if drawn is None else filtering(drawn[1]),
        rows=[] if drawn is None else _rows(context, *drawn),
        more_classes=max(0, len(context.class_names) - MOST_CLASSES),
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the sentence and its numbers, and how many the filter rejected in the first fold."""
    found, drawn = context.results.fakes, _drawn(context)
    if found is None:
        return None
    kept = None if drawn is None else {"kept": len(drawn[1].labels), "reason": drawn[1].reason}
    rejected = None if drawn is None else drawn[1].rejected.tolist()
    return {
        **found.to_json(),
        "sentence": sentence(found),
        "first_fold": kept and {**kept, "rejected": rejected},
    }


def filtering(fakes: Fakes) -> str:
    """Return in words how many images a fold got, and how many the filter rejected."""
    if fakes.reason:
        return f"This fold had no fake images: {fakes.reason}."
    kept, rejected = len(fakes.labels), int(fakes.rejected.sum())
    return (
        f"{count(kept, 'image')} kept, and {count(rejected, 'image')} rejected of which a "
        f"classifier of the same training images was less than {100 * CONFIDENT:.0f} % sure that "
        "they show the class that was asked for."
    )


def _drawn(context: Context) -> tuple[Ints, Fakes] | None:
    """Return the held-out rows of the first fresh fold, and the fakes of its other rows."""
    run = context.results.run
    held_out = np.flatnonzero(run.splits("fresh") == 0)
    found = read_fakes(run.path / DRAWN, fakes_key(context.manifest.seed, held_out))
    return None if found is None else (held_out, found)


def _rows(context: Context, held_out: Ints, fakes: Fakes) -> list[dict[str, Any]]:
    """Return some fakes of each class, beside some of the images that the GAN learnt from."""
    dataset, rows = context.dataset, []
    for number, name in enumerate(context.class_names[:MOST_CLASSES]):
        drawn = fakes.images[fakes.labels == number][:OF_CLASS]
        real = None
        if dataset is not None:
            own = np.setdiff1d(np.flatnonzero(dataset.train.y == number), held_out)[:OF_CLASS]
            if len(own):
                real = sheet(read_rows(dataset.train.x, own), OF_CLASS, f"real images of {name}")
        shown = sheet(drawn, OF_CLASS, f"fake images of {name}") if len(drawn) else None
        rows.append(
            {
                "name": name,
                "fakes": shown,
                "real": real,
                "kept": int((fakes.labels == number).sum()),
                "rejected": int(fakes.rejected[number]),
            }
        )
    return rows
