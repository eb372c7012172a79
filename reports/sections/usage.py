"""How to take the winner out and use it."""

from __future__ import annotations

import shlex

from markupsafe import Markup

from automl_sem.export.usage import image_lines
from automl_sem.reports.context import Context

TITLE = "Use it"


def render(context: Context) -> Markup | None:
    """Return the commands and the lines of Python; None without a best trial."""
    best = context.results.best
    if best is None:
        return None
    path = context.results.run.path
    exported = path / "export" / f"trial-{best.trial.number}"
    kind, shape = context.manifest.kind, context.manifest.data.get("input_shape", (0, 0, 1))
    return context.render(
        "usage.html",
        run=shlex.quote(str(path)),
        exported=shlex.quote(str(exported)),
        there=(exported / "export.json").exists(),
        saved_model=str(exported / "saved_model"),
        keras_file=str(exported / "model.keras"),
        lines="\n".join(image_lines(shape[-1])) if kind == "images" else "",
        class_names=list(context.class_names),
        trial=best.trial.number,
        examples=context.examples,
    )
