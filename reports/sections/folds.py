"""How much the score of the top trials depends on the fold."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import loss, share
from automl_sem.results import Results, TrialRecord

TITLE = "Folds"

TOP = 8
# Values, their mean, how they are written, their axis.
Column = tuple[tuple[float, ...], float, Callable[[float | None], str], str]
LOOK_FOR = (
    "A ring is one fold of a trial, the bar its mean; the best trial is on top. Rings far "
    "apart mean that the score depends on which {examples} a fold holds. Where the rings of two "
    "trials overlap, their order may be chance."
)


def render(context: Context) -> Markup | None:
    """Return the fold scores of the top trials and of the baseline; None without scores."""
    top = list(context.results.complete[:TOP])
    baseline = context.results.baseline
    if baseline is not None and baseline.trial not in top:
        top.append(baseline.trial)
    top = [trial for trial in top if trial.fold_scores]
    if not top:
        return None
    return context.chart(
        _figure(top, context.results),
        title="The top trials, fold by fold, in the search",
        look_for=LOOK_FOR.format(examples=context.examples),
        height=112 + 38 * len(top),
    )


def _apart(values: list[float]) -> list[float]:
    """Return by how much of a row to move each ring, so that equal values show as several."""
    shifts = []
    for i, value in enumerate(values):
        equal = values[:i].count(value)
        shifts.append(0.13 * ((equal + 1) // 2) * (-1 if equal % 2 else 1))
    return shifts


def _figure(trials: list[TrialRecord], results: Results) -> charts.Figure:
    """Two columns with one row a trial; the best on top."""

    def shown(value: float | None) -> str:
        return share(value, results.share_word)

    names = ["baseline" if t.number == 0 else f"trial {t.number}" for t in trials]
    rows = list(range(len(trials)))
    traces: list[charts.Trace] = []
    for row, trial in enumerate(trials):
        color = charts.ORANGE if trial.number == 0 else charts.BLUE
        scores = trial.quoted_folds
        columns: list[Column] = [(scores, sum(scores) / len(scores), loss, "x2")]
        if trial.fold_shares and trial.share is not None:
            columns.append((trial.fold_shares, trial.share, shown, "x"))
        for values, mean, text, axis in columns:
            x = [*values]
            hover = [f"trial {trial.number}, fold {i}: {text(v)}" for i, v in enumerate(x)]
            ring = charts.points(
                x,
                [row + by for by in _apart(x)],
                name="fold",
                color=color,
                symbol="circle-open",
                hover=hover,
            )
            bar = charts.points(
                [mean],
                [row],
                name="mean",
                color=charts.INK,
                symbol="line-ns",
                size=22,
                hover=[f"trial {trial.number}, all folds: {text(mean)}"],
            )
            bar["marker"]["line"] = {"color": charts.INK, "width": 3}
            traces += [{**ring, "xaxis": axis}, {**bar, "xaxis": axis}]
    losses = [score for trial in trials for score in trial.quoted_folds]
    goal = results.goal
    side = "right" if goal.maximize else "left"
    shares = [each for trial in trials for each in trial.fold_shares]
    return charts.figure(
        traces,
        xaxis=charts.share_axis(
            f"{results.share_word}<br>(right is better)",
            results.share_word,
            shares,
            domain=[0, 0.44],
            nticks=4,
            tickangle=0,
        ),
        xaxis2=charts.score_axis(
            f"{charts.label(goal.word)}<br>({side} is better)",
            losses,
            goal.maximize,
            domain=[0.56, 1],
        ),
        yaxis=charts.axis(
            tickvals=rows, ticktext=names, range=[len(trials) - 0.4, -0.6], side="left"
        ),
    )
