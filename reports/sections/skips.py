"""From which depth on a network needs skip connections (He et al. 2015, arXiv 1512.03385)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from markupsafe import Markup

from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.lines import ACCURACY, OBJECTIVE, Line, Point, differing, points_of, traces
from automl_sem.reports.wording import count, loss, loss_range, percent
from automl_sem.results import Results, TrialRecord
from automl_sem.scoring.metrics import Interval, fold_interval

TITLE = "Depth and skip connections"

MIN_DEPTHS = 3  # with and without skip connections; two are no line yet
LINES = {
    False: ("without skip connections", charts.ORANGE, "diamond"),
    True: ("with skip connections", charts.BLUE, "circle"),
}
LOOK_FOR = (
    "Each sign is one trial at its depth, with skip connections or without; a line joins the "
    "means. Bars are 95 % intervals over the folds. A network with more layers "
    "could do all that one with fewer does: where a line turns for the worse with depth, the "
    "network is not too small for the task; most often it has become too hard to train."
)
LOOK_FOR_DISCARDED = (
    " A hollow sign was discarded early: it stands at the mean of the folds that it was given, "
    "and no line goes through it. With --discard none every trial is trained on all folds."
)


@dataclass(frozen=True)
class Gap:
    """By how much the objective without skip connections is worse than with them.

    Args:
        depth: At which depth.
        difference: Mean over the folds, paired.
        interval: Its 95 % interval.
    """

    depth: float
    difference: float
    interval: Interval


Lines = Mapping[bool, Sequence[Point]]


def render(context: Context) -> Markup | None:
    """Return score against depth, a line with and one without skip connections.

    None unless the trials have hyperparameters `depth` and `residual`, with at least
    `MIN_DEPTHS` different depths each.
    """
    lines = lines_of(context.results)
    if lines is None:
        return None
    dropped = [t for t in context.results.discarded_trials if t.fold_scores and _is_one(t)]
    chart = context.chart(
        _figure(lines, dropped, context.results.objective_word),
        title="Score against depth, with skip connections and without",
        look_for=LOOK_FOR + (LOOK_FOR_DISCARDED if dropped else ""),
        height=400,
    )
    return Markup("").join(
        (chart, context.render("note.html", text=finding(lines, context.results.objective_word)))
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the sentence, and by how much plain networks are worse at each depth."""
    lines = lines_of(context.results)
    if lines is None:
        return None
    return {
        "finding": finding(lines, context.results.objective_word),
        "plain_minus_residual": [
            {
                "depth": gap.depth,
                "objective_difference": gap.difference,
                "low": gap.interval.low,
                "high": gap.interval.high,
            }
            for gap in gaps(lines)
        ],
    }


def lines_of(results: Results) -> Lines | None:
    """Return the points without and with skip connections, by depth; None if too few."""
    trials = [t for t in results.complete if _is_one(t) and len(t.fold_scores) > 1]
    lines: dict[bool, list[Point]] = {}
    for residual in LINES:
        chosen = [t for t in trials if t.hyperparameters["residual"] is residual]
        points = points_of(chosen, "depth")
        if len(points) < MIN_DEPTHS:
            return None
        lines[residual] = points
    return lines


def gaps(lines: Lines) -> list[Gap]:
    """Return plain against residual at each depth that both have, fold by fold."""
    residual = {point.at: point.folds for point in lines[True]}
    found = []
    for point in lines[False]:
        if point.at in residual:
            pairs = zip(point.folds, residual[point.at], strict=True)
            differences = [plain - skip for plain, skip in pairs]
            interval = fold_interval(differences, "objective difference")
            found.append(Gap(point.at, fmean(differences), interval))
    return found


def finding(lines: Lines, word: str) -> str:
    """Return in words from which depth on plain networks are worse, if from any."""
    compared = gaps(lines)
    if not compared:
        return "No depth was tried both with and without skip connections: nothing to compare."
    worse = [gap.interval.low > 0 for gap in compared]
    worse_way = "lower" if lines[True][0].maximize else "higher"
    start = len(worse)
    while start and worse[start - 1]:
        start -= 1
    if start < len(worse):
        first = compared[start]
        sentence = (
            f"From depth {first.depth:g} on, the network without skip connections is worse: at "
            f"depth {first.depth:g} its {word} is {loss(first.difference)} {worse_way} "
            f"(95 % interval {loss_range(first.interval)}) than with them, on the same folds."
        )
        if start == 0:
            sentence += " That is the shallowest depth that was tried both ways."
    elif any(worse):
        some = _depths(gap for gap, is_worse in zip(compared, worse, strict=True) if is_worse)
        sentence = (
            f"The network without skip connections is worse at {some}, but not at "
            f"{_depths(compared[-1:])}: these trials show no depth from which on it needs them."
        )
    else:
        sentence = (
            "No difference seen: at no depth is the network without skip connections worse by "
            "more than the folds' uncertainty."
        )
    better = [gap for gap in compared if gap.interval.high < 0]
    if better:
        sentence += f" At {_depths(better)} it is better without them."
    trials = [t for points in lines.values() for point in points for t in point.trials]
    if others := len(differing(trials, {"depth", "residual"})):
        sentence += (
            f" The trials differ in {count(others, 'other hyperparameter')} too, "
            "so take this as a hint; the space `residual` changes nothing else."
        )
    return sentence


def _depths(found: Any) -> str:
    names = [f"{gap.depth:g}" for gap in found]
    return f"depth{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _is_one(trial: TrialRecord) -> bool:
    depth, residual = (trial.hyperparameters.get(name) for name in ("depth", "residual"))
    number = isinstance(depth, int | float) and not isinstance(depth, bool)
    return number and isinstance(residual, bool)


def _figure(lines: Lines, dropped: Sequence[TrialRecord], score_word: str) -> charts.Figure:
    drawn: list[charts.Trace] = []
    for residual, (name, color, symbol) in LINES.items():
        hollow = [t for t in dropped if t.hyperparameters["residual"] is residual]
        drawn += traces(
            Line(name, color, symbol, lines[residual], hollow),
            (ACCURACY, OBJECTIVE),
            name="depth",
            hover=partial(_hover, kind=name, score_word=score_word),
        )
    return charts.figure(drawn, legend=True, **_axes(lines, dropped, score_word))


def _axes(lines: Lines, dropped: Sequence[TrialRecord], score_word: str) -> dict[str, Any]:
    points = [point for each in lines.values() for point in each]
    trials = [*(t for point in points for t in point.trials), *dropped]
    depths = sorted({t.hyperparameters["depth"] for t in trials})
    room = 0.05 * (depths[-1] - depths[0])
    depth = {"tickvals": depths, "range": [depths[0] - room, depths[-1] + room], "showgrid": False}
    losses = [t.quoted_so_far for t in trials if t.quoted_so_far is not None]
    shares = [fmean(t.fold_shares) for t in trials if t.fold_shares]
    return {
        "xaxis": charts.axis("depth", domain=charts.LEFT_PANEL, **depth),
        "xaxis2": charts.axis("depth", domain=charts.RIGHT_PANEL, **depth),
        "yaxis": charts.percent_axis("accuracy", min(shares, default=0.0)),
        "yaxis2": charts.loss_axis(score_word, losses, anchor="x2"),
    }


def _hover(trial: TrialRecord, kind: str, score_word: str) -> str:
    depth = f"depth {trial.hyperparameters['depth']:g}, {kind}"
    score = f"{score_word} {loss(trial.quoted)}, {percent(trial.accuracy)} right"
    if trial.objective is None:
        done = count(len(trial.fold_scores), "fold")
        score = f"discarded after {done}: mean {score_word} {loss(trial.quoted_so_far)} so far"
    return f"<b>trial {trial.number}</b>, {depth}<br>{score}"
