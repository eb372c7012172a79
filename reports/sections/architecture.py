"""The winning network: a drawing of its layers, and how it is trained."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from automl_sem.reports.context import Context
from automl_sem.reports.drawing import BOX_HEIGHT, BOX_WIDTH, draw
from automl_sem.reports.lines import recipe_names
from automl_sem.reports.wording import value

TITLE = "Winning network"

# What the networks of a GAN return.
ENDS = {"generator": "the image", "discriminator": "the answer"}
LAST = {
    "classification": "the class probabilities",
    "multi-label": "the probability of each label",
    "regression": "the numbers",
}


def render(context: Context) -> Markup | None:
    """Return the drawing, if the run has one of its best trial; None without a best trial."""
    best = context.results.best
    if best is None:
        return None
    described = context.results.run.read_json("architecture.json")
    ours = described is not None and described.get("trial") == best.trial.number
    recipe, told = best.trial.recipe, recipe_names([best.trial])
    space = {k: v for k, v in best.trial.hyperparameters.items() if k not in told}
    networks = described.get("networks", {"": described}) if described and ours else {}
    return context.render(
        "architecture.html",
        networks=[
            {"name": name, "drawing": draw(network), "graph": network.get("graph", True)}
            for name, network in networks.items()
        ],
        ends={**ENDS, "": LAST[context.task]},
        size={"width": BOX_WIDTH, "height": BOX_HEIGHT},
        trial=best.trial,
        space=_rows(space),
        recipe=_rows(recipe.shown()),
        examples=context.examples,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the layers of the best trial."""
    described = context.results.run.read_json("architecture.json")
    best = context.results.best
    if described is None or best is None or described.get("trial") != best.trial.number:
        return None
    return described


def _rows(settings: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), value(setting)) for name, setting in settings.items()]
