"""Which hyperparameters separate the good trials from the rest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.ped_anova import GOOD, MIN_TRIALS, Importance
from automl_sem.reports.wording import elide, percent
from automl_sem.results import Results

TITLE = "What mattered"

SHOWN = 12
LABEL = 18  # characters of a line beside the bars: on a telephone half of the width is for bars
LOOK_FOR = (
    "How differently the best quarter of the trials chose each hyperparameter, compared with "
    "all complete trials (PED-ANOVA). The ring is what chance gives in 19 of 20 cases, "
    "found by shuffling the scores: a bar that ends below its ring says nothing."
)


def render(context: Context) -> Markup | None:
    """Return the importances, or a sentence where there are too few trials; None without any."""
    complete = len(context.results.complete)
    if complete == 0:
        return None
    found = context.importances
    if not found:
        return context.render("note.html", text=_too_few(context.results))
    shown = found[:SHOWN]
    row = 42 if any("[" in importance.name for importance in shown) else 28  # pixels
    outstanding = [importance.name for importance in found if importance.stands_out]
    chart = context.chart(
        _figure(shown),
        title=f"Importance of each hyperparameter for a {_good(context.results)}",
        look_for=LOOK_FOR,
        height=84 + row * len(shown),
    )
    return context.render(
        "importances.html", chart=chart, outstanding=outstanding, trials=complete, total=len(found)
    )


def facts(context: Context) -> dict[str, Any]:
    """Return the importances."""
    found = context.importances
    return {
        "method": f"PED-ANOVA, best {GOOD:.0%} against all complete trials",
        "enough_trials": bool(found),
        "hyperparameters": [
            {"name": i.name, "share": i.share, "chance": i.chance, "stands_out": i.stands_out}
            for i in found
        ],
    }


def _good(results: Results) -> str:
    """Return `low log-loss` or `high accuracy`."""
    return f"{'high' if results.goal.maximize else 'low'} {results.objective_word}"


def _too_few(results: Results) -> str:
    without = " (those discarded do not count)" if results.discarded else ""
    more = max(30, 2 * len(results.trials))
    return (
        "There are too few trials to tell which hyperparameters matter: "
        f"{len(results.complete)} complete{without}, and with fewer than {MIN_TRIALS} the answer "
        f"would be chance. `automl-sem resume {shlex.quote(str(results.run.path))} "
        f"--trials {more}` goes on with this search."
    )


def _tick(name: str) -> str:
    """Return a name as it stands beside its bar: cut, its conditions on a second line."""
    own, _, conditions = name.partition("[")
    lines = [own, conditions.removesuffix("]")] if conditions else [own]
    return "<br>".join(charts.label(elide(line, LABEL)) for line in lines)


def _figure(found: Sequence[Importance]) -> charts.Figure:
    rows = list(range(len(found)))
    names = [charts.label(importance.name) for importance in found]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": rows,
        "x": [i.share for i in found],
        "width": 0.55,
        "name": "importance",
        "marker": {"color": [charts.BLUE if i.stands_out else charts.GREY for i in found]},
        "customdata": [
            f"{name}: {percent(i.share)}, by chance up to {percent(i.chance)}"
            for name, i in zip(names, found, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    rings = charts.points(
        [i.chance for i in found],
        rows,
        name="chance",
        color=charts.INK,
        symbol="circle-open",
        size=8,
    )
    return charts.figure(
        [bars, rings],
        xaxis=charts.axis("share of all importances", tickformat=".0%", rangemode="tozero"),
        yaxis=charts.axis(
            tickvals=rows,
            ticktext=[_tick(importance.name) for importance in found],
            range=[len(found) - 0.4, -0.6],
            showgrid=False,
            tickfont={"color": charts.INK, "size": 11},
        ),
        hovermode="y",  # anywhere in a row tells the whole name
    )
