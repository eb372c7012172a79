"""How large a generator and a discriminator it takes: the distance over the sizes of both."""

from __future__ import annotations

import math

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.sections.history import hover_text
from automl_sem.results import TrialRecord
from automl_sem.scoring.gan.result import SHARE_WORD

TITLE = "Capacity"

FEWEST = 3  # trials that are no map yet
LOOK_FOR = (
    "Each sign is one trial, placed by the weights of its two networks; on the dotted line both "
    "have as many. The darker, the smaller the distance from held-out images, and the better. "
    "Dark signs far below the line mean that a small discriminator is enough, far above it, a "
    "small generator. Trials differ in other hyperparameters as well: hover over one to see them."
)
DISCARDED = " An open triangle was discarded early."
SMALLEST, LARGEST = 12, 26  # pixels


def render(context: Context) -> Markup | None:
    """Return the map of the trials; None where there are too few."""
    results = context.results
    trials = [trial for trial in results.complete if trial.networks]
    discarded = [trial for trial in results.discarded_trials if trial.networks]
    if not trials or len(trials) + len(discarded) < FEWEST:
        return None
    return context.chart(
        _figure(trials, discarded, results.objective_word, results.run.manifest.folds),
        title="Distance over the size of the generator and of the discriminator",
        look_for=LOOK_FOR + (DISCARDED if discarded else ""),
        height=460,
    )


def _figure(
    trials: list[TrialRecord], discarded: list[TrialRecord], word: str, folds: int
) -> charts.Figure:
    """trials: the best first."""
    distances = [max(t.objective or 0.0, 0.1) for t in trials]
    shades = [math.log10(distance) for distance in distances]
    low, high = min(shades), max(shades)
    share = [(high - s) / ((high - low) or 1.0) for s in shades]  # 1 is the best
    x, y = _sizes(trials)
    left_x, left_y = _sizes(discarded)
    every = [*x, *y, *left_x, *left_y]
    both = [0.7 * min(every), 1.4 * max(every)]
    dots = charts.points(
        x,
        y,
        name="trial",
        color=charts.BLUE,
        hover=[hover_text(trial, word, SHARE_WORD) for trial in trials],
    )
    dots["marker"] |= {
        "size": [SMALLEST + (LARGEST - SMALLEST) * s for s in share],
        "opacity": [0.2 + 0.75 * s for s in share],
    }
    ring = charts.points(
        x[:1], y[:1], name="the best", color=charts.INK, symbol="circle-open", size=LARGEST + 8
    )
    equal = charts.line(
        both, both, name="as many weights", color=charts.MUTED, width=1, line={"dash": "dot"}
    )
    left = charts.points(
        left_x,
        left_y,
        name="discarded early",
        color=charts.MUTED,
        symbol="triangle-down-open",
        opacity=0.7,
        hover=[hover_text(trial, word, SHARE_WORD, folds) for trial in discarded],
    )
    return charts.figure(
        [equal, *([left] if discarded else []), dots, ring],
        legend=True,
        xaxis=charts.axis("weights of the generator", type="log", dtick="D2", tickformat="~s"),
        yaxis=charts.axis("weights of the discriminator", type="log", dtick="D2", tickformat="~s"),
    )


def _sizes(trials: list[TrialRecord]) -> tuple[list[int], list[int]]:
    """Return the weights of all generators, and of all discriminators."""
    return [t.networks["generator"] for t in trials], [t.networks["discriminator"] for t in trials]
