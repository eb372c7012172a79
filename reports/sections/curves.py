"""How the best trial learned, on each of its folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import loss, share
from automl_sem.scoring.output_folds import OutputFold, OutputScore
from automl_sem.scoring.words import words_of
from automl_sem.types import AnyRecipe, FoldResult, Recipe, Score

TITLE = "Learning curves"

BOTH = (
    "The loss on what the model trains on, and on the fold held out: if the held-out "
    "loss turns up while the training loss goes on falling, it overfits; if both still fall at "
    "the end, more epochs would help. With augmentation or dropout the training loss may lie above "
    "the other."
)
HELD_OUT = (
    "The {loss} on the fold held out: if it turns up, the model overfits; if it still falls at the "
    "end, more epochs would help. What the model trains on, {own}, is in other units and not drawn."
)
PANELS = (
    " The other panel: {share} on the held-out folds. Thin lines are folds, thick lines their "
    "mean. The score is that of the last epoch, never of the best one."
)

AS_THEY_ARE = " Both held-out curves are of {examples} as they are, without distortions."


def render(context: Context) -> Markup | None:
    """Return the learning curves of the best trial; None if there are none."""
    best = context.results.best
    if best is None:
        return None
    score = best.folds
    assert isinstance(score, Score | OutputScore)
    folds = [fold for fold in score.folds if len(fold.curve) > 1]
    if not folds:
        return None
    word = words_of(context.task).objective
    own = _other_loss(best.trial.recipe, context.task)
    look_for = HELD_OUT.format(loss=word, own=own) if own else BOTH
    look_for += PANELS.format(share=score.share_word)
    as_they_are = AS_THEY_ARE.format(examples=context.examples)
    return context.chart(
        _figure(folds, word, score.share_word, trained=not own),
        title=f"Trial {best.trial.number} while it trains, on {best.scored_on}",
        look_for=look_for + (as_they_are if context.manifest.stress else ""),
        height=340,
    )


def _other_loss(recipe: AnyRecipe, task: str) -> str:
    """Return the loss of a compiled model in words, if what is held out is not scored by it.

    Numbers are scored standardised, and a compiled model learns them as they are.
    """
    own = recipe.own_loss if isinstance(recipe, Recipe) else ""
    alike = task != "regression" and "crossentropy" in own.lower().replace("_", "")
    return "" if alike else own


def _figure(
    folds: Sequence[FoldResult | OutputFold], loss_word: str, share_word: str, *, trained: bool
) -> charts.Figure:
    def shown(value: float | None) -> str:
        return share(value, share_word)

    panels = (
        *([("training loss", "loss", "x", charts.ORANGE, loss)] if trained else []),
        ("held-out loss", "val_loss", "x", charts.BLUE, loss),
        (f"held-out {share_word}", "val_share", "x2", charts.BLUE, shown),
    )
    traces: list[charts.Trace] = []
    drawn: list[float] = []
    for name, field, axis, color, text in panels:
        where = {"xaxis": axis, "yaxis": axis.replace("x", "y")}
        dash = "dot" if name == "training loss" else "solid"
        series = [[float(getattr(point, field)) for point in fold.curve] for fold in folds]
        drawn += [v for values in series for v in values if field != "val_share"]
        for fold, values in zip(folds, series, strict=True):
            epochs = [point.epoch for point in fold.curve]
            thin = charts.line(
                epochs, values, name=name, color=color, width=1, line={"dash": dash}, opacity=0.35
            )
            traces.append({**thin, **where, "showlegend": False})
        shortest = min(folds, key=lambda fold: len(fold.curve)).curve
        means = [sum(column) / len(column) for column in zip(*series, strict=False)]
        epochs = [point.epoch for point in shortest]
        hover = [f"epoch {e}: mean {name} {text(m)}" for e, m in zip(epochs, means, strict=True)]
        thick = charts.line(epochs, means, name=name, color=color, width=3, line={"dash": dash})
        thick |= {"customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"}
        traces.append({**thick, **where, "hoverinfo": "text", "showlegend": axis == "x"})
    epochs_axis: dict[str, Any] = {"showgrid": False, "rangemode": "tozero"}
    if max(point.epoch for fold in folds for point in fold.curve) <= 10:
        epochs_axis["dtick"] = 1
    shares = [point.val_share for fold in folds for point in fold.curve]
    return charts.figure(
        traces,
        legend=True,
        xaxis=charts.axis("epoch", domain=charts.LEFT_PANEL, **epochs_axis),
        xaxis2=charts.axis("epoch", domain=charts.RIGHT_PANEL, **epochs_axis),
        yaxis=charts.loss_axis(loss_word, drawn),
        yaxis2=charts.share_axis(f"held-out {share_word}", share_word, shares, anchor="x2"),
    )
