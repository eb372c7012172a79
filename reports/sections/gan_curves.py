"""How the best GAN learned, on each of its folds."""

from __future__ import annotations

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import loss
from automl_sem.scoring.gan.result import GanFoldResult, GanScore

TITLE = "Learning curves"

LOOK_FOR = (
    "Left, the losses of the two networks: they learn against each other, so neither goes to 0 "
    "where all is well. A discriminator near 0 is never wrong and teaches nothing; one that stays "
    "where it began cannot tell. Right, what counts: the distance of drawn images from held-out "
    "ones. If it still falls at the end, more steps would help; if it rises, fewer. Thin lines are "
    "folds, thick lines their mean. The score is that of the last step, never of the best one."
)


def render(context: Context) -> Markup | None:
    """Return the curves of the best trial; None if there are none."""
    best = context.results.best
    if best is None or not isinstance(best.folds, GanScore):
        return None
    folds = [fold for fold in best.folds.folds if len(fold.curve) > 1]
    if not folds:
        return None
    return context.chart(
        _figure(folds),
        title=f"Trial {best.trial.number} while it trains, on {best.scored_on}",
        look_for=LOOK_FOR,
        height=340,
    )


def _figure(folds: list[GanFoldResult]) -> charts.Figure:
    panels = (
        ("loss of the discriminator", "d_loss", "x", charts.ORANGE, "solid"),
        ("loss of the generator", "g_loss", "x", charts.GREEN, "dot"),
        ("distance", "score", "x2", charts.BLUE, "solid"),
    )
    traces: list[charts.Trace] = []
    distances: list[float] = []
    steps = [point.step for point in folds[0].curve]
    for name, field, axis, color, dash in panels:
        where = {"xaxis": axis, "yaxis": axis.replace("x", "y")}
        series = [[float(getattr(point, field)) for point in fold.curve] for fold in folds]
        if field == "score":
            distances = [value for values in series for value in values]
        for values in series:
            thin = charts.line(
                steps, values, name=name, color=color, width=1, line={"dash": dash}, opacity=0.35
            )
            traces.append({**thin, **where, "showlegend": False})
        means = [sum(column) / len(column) for column in zip(*series, strict=True)]
        hover = [f"step {s}: mean {name} {loss(m)}" for s, m in zip(steps, means, strict=True)]
        thick = charts.line(steps, means, name=name, color=color, width=3, line={"dash": dash})
        thick |= {"customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"}
        traces.append({**thick, **where, "hoverinfo": "text", "showlegend": axis == "x"})
    across = {"showgrid": False, "rangemode": "tozero"}
    return charts.figure(
        traces,
        legend=True,
        xaxis=charts.axis("step", domain=charts.LEFT_PANEL, **across),
        xaxis2=charts.axis("step", domain=charts.RIGHT_PANEL, **across),
        yaxis=charts.axis("loss", rangemode="tozero"),
        yaxis2=charts.loss_axis("distance", distances, anchor="x2"),
    )
