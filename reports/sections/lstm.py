"""What more units of an LSTM or GRU buy, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import mul
from statistics import fmean
from typing import Any

from markupsafe import Markup

from automl_sem.goals import turned
from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.lines import (
    ACCURACY,
    OBJECTIVE,
    Line,
    Panel,
    Point,
    differing,
    points_of,
    recipe_names,
    traces,
)
from automl_sem.reports.wording import count, duration, loss, percent, signed_loss
from automl_sem.results import Results, TrialRecord
from automl_sem.scoring.metrics import Interval, fold_interval

TITLE = "LSTM size"

UNITS, CELL = "lstm_units", "cell"  # hyperparameters
MIN_SIZES = 3  # of one cell; two are no line yet
NAMES = {"lstm": "LSTM", "gru": "GRU"}
STYLES = ((charts.BLUE, "circle"), (charts.ORANGE, "diamond"), (charts.GREEN, "square"))
APART = 1.08  # ratio of the places of two cells on the axis of units
LOOK_FOR = (
    "Each sign is one trial; a line joins the means of the trials with as many units. Bars are "
    "95 % intervals over the folds. Above stands what more units buy, below what they cost. Where "
    "the lines above are flat, the smaller network is the better choice: it has less room to learn "
    "the training {examples} by heart, and answers sooner."
)
LOOK_FOR_DISCARDED = (
    " A hollow sign was discarded early: it stands at the mean of the folds that it was given, "
    "and no line goes through it."
)


@dataclass(frozen=True)
class Change:
    """What a step from one size to another changed.

    Args:
        first: The one.
        last: The other.
        difference: What is minimised of the other minus that of the one, mean over the folds,
            paired.
        interval: Its 95 % interval.
    """

    first: Point
    last: Point
    difference: float
    interval: Interval

    @classmethod
    def between(cls, first: Point, last: Point) -> Change:
        """Compare two sizes fold by fold."""
        differences = [b - a for a, b in zip(first.folds, last.folds, strict=True)]
        interval = fold_interval(differences, "objective difference")
        return cls(first, last, fmean(differences), interval)


def render(context: Context) -> Markup | None:
    """Return score and cost against the number of units, a line for each kind of cell.

    None unless the trials of one cell have a hyperparameter `lstm_units` with at least
    `MIN_SIZES` different values.
    """
    results = context.results
    lines = lines_of(results)
    if lines is None:
        return None
    look_for = LOOK_FOR.format(examples=context.examples)
    chart = context.chart(
        _figure(lines, results.objective_word),
        title="Score and cost against the number of units",
        look_for=look_for + (LOOK_FOR_DISCARDED if any(line.dropped for line in lines) else ""),
        height=600,
    )
    found = findings(lines, results.objective_word)
    notes = [context.render("note.html", text=text) for text in found]
    return Markup("").join((chart, *notes))


def facts(context: Context) -> dict[str, Any] | None:
    """Return the sentence, what each size scored and cost, and what the largest changed."""
    lines = lines_of(context.results)
    if lines is None:
        return None
    return {
        "finding": " ".join(findings(lines, context.results.objective_word)),
        "cells": [
            {
                "cell": line.name,
                "sizes": [_size_facts(point) for point in line.points],
                "largest_minus_smallest": _change_facts(line),
            }
            for line in lines
        ],
    }


def lines_of(results: Results) -> list[Line] | None:
    """Return the trials by cell and size; None if too few sizes were tried."""
    complete = [t for t in results.complete if _is_one(t) and len(t.fold_scores) > 1]
    dropped = [t for t in results.discarded_trials if _is_one(t) and t.fold_scores]
    cells = sorted({_cell(t) for t in complete}, key=lambda cell: (cell != NAMES["lstm"], cell))
    lines = []
    for number, cell in enumerate(cells):
        points = points_of([t for t in complete if _cell(t) == cell], UNITS)
        hollow = [t for t in dropped if _cell(t) == cell]
        lines.append(Line(cell, *STYLES[number % len(STYLES)], points, hollow))
    return lines if any(len(line.points) >= MIN_SIZES for line in lines) else None


def findings(lines: Sequence[Line], word: str) -> list[str]:
    """Return in words what more units changed, at what cost, and which size is enough."""
    compared = [line for line in lines if len(line.points) > 1]
    sentences = [_sentences(line, word, named=len(lines) > 1) for line in compared]
    others = {n for line in compared for n in differing(line.trials, {UNITS, CELL})}
    if not others:
        return sentences
    return [
        f"The trials differ in {count(len(others), 'other hyperparameter')} too, so take this as "
        "a hint: a space in which only `lstm_units` is left open tells more.",
        *sentences,
    ]


def _sentences(line: Line, word: str, named: bool) -> str:
    change = Change.between(line.points[0], line.points[-1])
    low, high = change.interval.low, change.interval.high
    more = line.points[0].maximize
    shown = [turned(end, more) for end in ((high, low) if more else (low, high))]
    best, enough = _enough(line)
    start = f"{line.name}: from" if named else "From"
    changed = (
        f"{start} {change.first.at:g} to {change.last.at:g} units the {word} changes by "
        f"{signed_loss(turned(change.difference, more))} (95 % interval {signed_loss(shown[0])} "
        f"to {signed_loss(shown[1])}, paired by fold)"
    )
    lowest = f"{'highest' if more else 'lowest'} mean {word} is at {best.at:g} units"
    if high < 0 and enough is change.first:
        return (
            f"{changed}, but the {lowest}, and {enough.at:g} are not clearly worse than those: "
            f"whether more units help is open. {_cost(change)}"
        )
    outcome = "no difference seen between the two"
    if high < 0:
        outcome = "more units helped"
    elif low > 0:
        outcome = "more units did harm" if best is change.first else "so many units did harm"
    if best is change.first:
        end = ", the smallest size tried."
    elif enough is None:
        end = "; all smaller sizes are clearly worse."
    else:
        end = f", but {enough.at:g} are not clearly worse on the same folds."
    return f"{changed}: {outcome}. {_cost(change)} The {lowest}{end}"


def _cost(change: Change) -> str:
    """Return what the larger size costs, as far as nothing else makes a difference to that."""
    trials = [*change.first.trials, *change.last.trials]
    others = set(differing(trials, {UNITS, CELL}))
    if others - recipe_names(trials):
        return "What that costs is not told: these networks differ in more than their units."
    weights = _weights(change.last) / max(1.0, _weights(change.first))
    cost = f"That takes {_times(weights, 'many')} weights"
    before, after = _seconds(change.first), _seconds(change.last)
    if before and after and not others:
        cost += f", and training takes {_times(after / before, 'long')}"
    return f"{cost}."


def _times(ratio: float, word: str) -> str:
    """Return `3.1 times as long`, `144 times as many` or `about as many`."""
    if 0.95 < ratio < 1.05:
        return f"about as {word}"
    return f"{ratio:.0f} times as {word}" if ratio >= 10 else f"{ratio:.1f} times as {word}"


def _enough(line: Line) -> tuple[Point, Point | None]:
    """Return the size with the best mean, and the smallest one not clearly worse, if any is."""
    best = min(line.points, key=lambda point: point.objective)
    smaller = line.points[: line.points.index(best)]
    enough = (p for p in smaller if Change.between(p, best).interval.high >= 0)
    return best, next(enough, None)


def _size_facts(point: Point) -> dict[str, Any]:
    interval = point.interval
    return {
        UNITS: point.at,
        "trials": [t.number for t in point.trials],
        "objective": point.quoted,
        "low": interval.low,
        "high": interval.high,
        "accuracy": point.accuracy,
        "parameters": _weights(point),
        "seconds_per_fold_fit": _seconds(point),
    }


def _change_facts(line: Line) -> dict[str, Any] | None:
    if len(line.points) < 2:
        return None
    change = Change.between(line.points[0], line.points[-1])
    return {
        "smallest": change.first.at,
        "largest": change.last.at,
        "objective_difference": change.difference,
        "low": change.interval.low,
        "high": change.interval.high,
    }


def _is_one(trial: TrialRecord) -> bool:
    units = trial.hyperparameters.get(UNITS)
    return isinstance(units, int | float) and not isinstance(units, bool) and units > 0


def _cell(trial: TrialRecord) -> str:
    cell = str(trial.hyperparameters.get(CELL, "lstm"))
    return NAMES.get(cell.lower(), cell)


def _weights(point: Point) -> float:
    return fmean(trial.parameters for trial in point.trials)


def _seconds(point: Point) -> float:
    return fmean(_seconds_of(trial) for trial in point.trials)


def _seconds_of(trial: TrialRecord) -> float:
    """Return how long a fold fit took."""
    return trial.seconds / len(trial.fold_scores)


def _figure(lines: Sequence[Line], score_word: str) -> charts.Figure:
    panels = (
        ACCURACY,
        OBJECTIVE,
        Panel(3, _weights, lambda trial: trial.parameters),
        Panel(4, _seconds, _seconds_of),
    )
    drawn: list[charts.Trace] = []
    for number, line in enumerate(lines):
        # Side by side: signs of one size would hide each other.
        aside = APART ** (number - (len(lines) - 1) / 2)
        drawn += traces(
            replace(line, name=charts.label(line.name)),
            panels,
            UNITS,
            hover=partial(_hover, score_word=score_word),
            place=partial(mul, aside),
        )
    return charts.figure(drawn, legend=True, **_axes(lines, score_word))


def _axes(lines: Sequence[Line], score_word: str) -> dict[str, Any]:
    complete = [trial for line in lines for trial in line.trials]
    trials = [*complete, *(trial for line in lines for trial in line.dropped)]
    sizes = sorted({t.hyperparameters[UNITS] for t in trials})
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])
    room = 0.06 * (high - low)
    units = {
        "type": "log",
        "tickvals": sizes,
        "ticktext": [f"{size:g}" for size in sizes],
        "range": [low - room, high + room],
        "showgrid": False,
    }
    left, right = {"domain": [0, 0.42]}, {"domain": [0.6, 1]}
    above, below = {"domain": [0.58, 1]}, {"domain": [0, 0.4]}
    losses = [t.quoted_so_far for t in trials if t.quoted_so_far is not None]
    shares = [fmean(t.fold_shares) for t in trials if t.fold_shares]
    weights = [trial.parameters for trial in complete]
    wide = min(weights) > 0 and max(weights) > 10 * min(weights)
    return {
        "xaxis": charts.axis("units", **units, **left),
        "xaxis2": charts.axis("units", **units, **right),
        "xaxis3": charts.axis("units", **units, **left, anchor="y3"),
        "xaxis4": charts.axis("units", **units, **right, anchor="y4"),
        "yaxis": charts.percent_axis("accuracy", min(shares, default=0.0), **above),
        "yaxis2": charts.loss_axis(score_word, losses, **above, anchor="x2"),
        "yaxis3": charts.axis(
            "weights",
            **below,
            anchor="x3",
            tickformat="~s",
            rangemode="tozero",
            type="log" if wide else "linear",
            **({"dtick": 1} if wide else {}),
        ),
        "yaxis4": charts.axis("seconds a fold fit", **below, anchor="x4", rangemode="tozero"),
    }


def _hover(trial: TrialRecord, score_word: str) -> str:
    score = f"{score_word} {loss(trial.quoted)}, {percent(trial.accuracy)} right"
    if trial.objective is None:
        done = count(len(trial.fold_scores), "fold")
        score = f"discarded after {done}: mean {score_word} {loss(trial.quoted_so_far)} so far"
    cost = f"{trial.parameters:,} weights, {duration(_seconds_of(trial))} a fold fit"
    name = charts.label(_cell(trial))
    size = f"{name}, {trial.hyperparameters[UNITS]:g} units"
    return f"<b>trial {trial.number}</b>, {size}<br>{score}<br>{cost}"
