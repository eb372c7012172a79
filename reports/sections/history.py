"""How the search went, trial by trial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from automl_sem.costs import COSTS
from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.wording import loss, named_share, percent, values
from automl_sem.results import Results, TrialRecord

TITLE = "Search history"

LOOK_FOR = (
    "Each sign is one trial; {better} is better. The line is the best score so far: once the "
    "sampler's model has taken over from the random start-up, it should go on {going}. If it "
    "went flat long ago, more trials will probably not help. Hover over a trial to see its "
    "hyperparameters."
)
LOOK_FOR_DISCARDED = (
    " An open triangle was discarded early: it stands at the mean of the folds that it was given, "
    "which is not a score."
)
HOVER_LINE = 3  # hyperparameters on one line of a hover text


def render(context: Context) -> Markup | None:
    """Return the scores by trial with the best so far; None without a score."""
    complete = sorted(context.results.complete, key=lambda trial: trial.number)
    if not complete:
        return None
    word = context.results.objective_word
    chart = context.chart(
        _figure(context.results, complete, word),
        title=_title(word, context.results.share_word),
        look_for=_look_for(context.results),
        height=460,
    )
    return context.render("history.html", chart=chart)


def _title(word: str, share: str) -> str:
    both = word if word == share else f"{word} and {share}"
    return f"{both[:1].upper()}{both[1:]} of every trial"


def _look_for(results: Results) -> str:
    goal = results.goal
    going = "rising" if goal.maximize else "falling"
    text = LOOK_FOR.format(better=goal.better, going=going)
    return text + (LOOK_FOR_DISCARDED if results.discarded else "")


def _figure(results: Results, complete: list[TrialRecord], word: str) -> charts.Figure:
    trials = results.trials
    dropped = [t for t in results.discarded_trials if t.mean_so_far is not None]
    losses = [t.quoted for t in complete if t.quoted is not None]
    able = [t for t in complete if t.eligible]
    numbers = [t.number for t in able]
    best = list(
        accumulate(
            (t.quoted for t in able if t.quoted is not None), max if results.goal.maximize else min
        )
    )
    traces = [
        charts.line(
            [*numbers, *([trials[-1].number] if able else [])],
            [*best, *best[-1:]],
            name="best so far",
            color=charts.INK,
            width=1.5,
            line={"shape": "hv"},
        )
    ]
    known = [origin for origin in charts.ORIGINS if any(t.proposed_by == origin for t in complete)]
    other = sorted({t.proposed_by for t in complete} - set(known))
    for origin in [*known, *other]:
        chosen = [t for t in complete if t.proposed_by == origin]
        color, symbol = charts.origin_style(origin)
        name = charts.label(_origin_name(origin))
        x, hover = (
            [t.number for t in chosen],
            [hover_text(t, word, results.share_word) for t in chosen],
        )
        style: dict[str, Any] = {"name": name, "color": color, "symbol": symbol, "hover": hover}
        traces.append(charts.points(x, [t.quoted for t in chosen], **style))
        below = charts.points(x, [t.share for t in chosen], **style, showlegend=False)
        traces.append({**below, "yaxis": "y2"})
    traces += _discarded(dropped, results, word)
    losses += [t.quoted_so_far for t in dropped if t.quoted_so_far is not None]
    without = [t for t in trials if t.state in ("pruned", "infeasible", "failed")]
    if without:
        hover = [f"trial {t.number} {t.state}: {charts.label(t.reason)}" for t in without]
        x = [t.number for t in without]
        traces.append(
            charts.points(
                x,
                [min(losses) if results.goal.maximize else max(losses)] * len(x),
                name=_without(without),
                color=charts.MUTED,
                symbol="x-thin",
                hover=hover,
            )
        )
    leading = results.eligible[:1]
    ring = charts.points(
        [t.number for t in leading],
        [t.quoted for t in leading],
        name="the best",
        color=charts.INK,
        symbol="circle-open",
        size=18,
    )
    traces += [ring, {**ring, "y": [t.share for t in leading], "yaxis": "y2", "showlegend": False}]
    span = [-0.6, trials[-1].number + 0.6]
    dtick = 1 if len(trials) <= 20 else None
    shares = [t.share for t in complete if t.share is not None]
    shares += [_mean(t.fold_shares) for t in dropped if t.fold_shares]
    return charts.figure(
        traces,
        legend=True,
        xaxis=charts.axis("trial", range=span, dtick=dtick, anchor="y2", showgrid=False),
        yaxis=charts.score_axis(word, losses, results.goal.maximize, domain=[0.42, 1]),
        yaxis2=charts.share_axis(results.share_word, results.share_word, shares, domain=[0, 0.33]),
    )


def _without(trials: Sequence[TrialRecord]) -> str:
    """Return what is said of trials without a score, by what became of them."""
    broken = all(t.state == "infeasible" for t in trials)
    some = any(t.state == "infeasible" for t in trials)
    if broken:
        return "breaks the limits"
    return f"no score (pruned or failed{', or beyond the limits' if some else ''})"


def _discarded(trials: Sequence[TrialRecord], results: Results, word: str) -> list[charts.Trace]:
    """Return the discarded trials, muted: where the mean of their folds was."""
    if not trials:
        return []
    x, folds = [t.number for t in trials], results.run.manifest.folds
    style: dict[str, Any] = {
        "name": "discarded early",
        "color": charts.MUTED,
        "symbol": "triangle-down-open",
        "size": 9,
        "opacity": 0.7,
        "hover": [hover_text(t, word, results.share_word, folds) for t in trials],
    }
    above = charts.points(x, [t.quoted_so_far for t in trials], **style)
    shares = [_mean(t.fold_shares) if t.fold_shares else None for t in trials]
    below = charts.points(x, shares, **style, showlegend=False)
    return [above, {**below, "yaxis": "y2"}]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _origin_name(proposed_by: str) -> str:
    return {
        "start-up": "start-up (random)",
        "model": "sampler's model",
        "random": "at random",
        "qmc": "quasi-random sequence",
        "grid": "the grid",
        "promoted": "promoted to a higher rung",
        "": "unknown origin",
    }.get(proposed_by, proposed_by)


def hover_text(trial: TrialRecord, word: str, share_word: str, folds: int = 0) -> str:
    """Return the lines shown for a trial, escaped for plotly.

    Args:
        trial: The trial.
        word: What its score is called.
        share_word: What its share is called.
        folds: Number of folds of the run, needed for a discarded trial.
    """
    words = [charts.label(word) for word in values(trial.hyperparameters)]
    lines = [", ".join(words[i : i + HOVER_LINE]) for i in range(0, len(words), HOVER_LINE)]
    score = f"{word} {loss(trial.quoted)}, {named_share(trial.share, share_word)}"
    if trial.stress_accuracy is not None:
        score += f", {percent(trial.stress_accuracy)} under stress"
    if trial.state == "discarded" and not trial.fold_scores:
        score = charts.label(f"discarded {trial.reason}")
    elif trial.state == "discarded":
        score = (
            f"discarded after {len(trial.fold_scores)} of {folds} folds: "
            f"mean {word} {loss(trial.quoted_so_far)} so far"
        )
    head = f"<b>trial {trial.number}</b>, {charts.label(_origin_name(trial.proposed_by))}"
    if trial.over_limits:
        head += ", breaks the limits"
    costs = [COSTS[name].text(value) for name, value in trial.costs.items() if name != "params"]
    costs = [f"{trial.parameters:,} weights", *costs]
    return "<br>".join([head, score, ", ".join(costs), *lines])
