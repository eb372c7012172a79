"""Score against a hyperparameter: a sign for each trial, and lines through the means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from automl_sem.goals import turned
from automl_sem.reports import charts
from automl_sem.results import TrialRecord
from automl_sem.scoring.metrics import Interval, fold_interval


@dataclass(frozen=True)
class Point:
    """What the trials with one value of a hyperparameter scored.

    Args:
        at: The value.
        trials: The complete trials, at least one.
    """

    at: float
    trials: tuple[TrialRecord, ...]

    @property
    def folds(self) -> list[float]:
        """Objective of each fold, the mean over the trials."""
        return [fmean(fold) for fold in zip(*(t.fold_scores for t in self.trials), strict=True)]

    @property
    def fold_accuracies(self) -> list[float]:
        """Accuracy of each fold, likewise."""
        return [fmean(fold) for fold in zip(*(t.fold_shares for t in self.trials), strict=True)]

    @property
    def objective(self) -> float:
        """Mean objective of the trials."""
        return fmean(t.objective for t in self.trials if t.objective is not None)

    @property
    def maximize(self) -> bool:
        """Whether people want more of what the objective stands for."""
        return self.trials[0].maximize

    @property
    def quoted(self) -> float:
        """Mean objective as people quote it."""
        return turned(self.objective, self.maximize)

    @property
    def interval(self) -> Interval:
        """Interval of `quoted`."""
        values = [turned(value, self.maximize) for value in self.folds]
        return fold_interval(values, "objective", lowest=-math.inf if self.maximize else 0.0)

    @property
    def accuracy(self) -> float:
        """Mean accuracy of the trials."""
        return fmean(t.accuracy for t in self.trials if t.accuracy is not None)


@dataclass(frozen=True)
class Line:
    """The trials of one kind.

    Args:
        name: What they have in common.
        color: Of `charts`.
        symbol: Sign of a trial.
        points: The means, by value.
        dropped: Trials that were discarded after some folds.
    """

    name: str
    color: str
    symbol: str
    points: Sequence[Point]
    dropped: Sequence[TrialRecord] = field(default=())

    @property
    def trials(self) -> list[TrialRecord]:
        """The complete trials."""
        return [trial for point in self.points for trial in point.trials]


@dataclass(frozen=True)
class Panel:
    """One of several charts side by side.

    Args:
        number: From 1.
        of_point: What the line goes through.
        of_trial: Where a trial stands.
        of_dropped: Where a discarded one stands; None leaves these out.
        interval: 95 % interval of a point; None draws no bar.
    """

    number: int
    of_point: Callable[[Point], float]
    of_trial: Callable[[TrialRecord], float | None]
    of_dropped: Callable[[TrialRecord], float | None] | None = None
    interval: Callable[[Point], Interval] | None = None


ACCURACY = Panel(
    1,
    lambda point: point.accuracy,
    lambda trial: trial.accuracy,
    lambda trial: fmean(trial.fold_shares),
    lambda point: _of_shares(point.fold_accuracies),
)
OBJECTIVE = Panel(
    2,
    lambda point: point.quoted,
    lambda trial: trial.quoted,
    lambda trial: trial.quoted_so_far,
    lambda point: point.interval,
)


def points_of(trials: Sequence[TrialRecord], name: str) -> list[Point]:
    """Return the trials by the value of a hyperparameter, the smallest first."""
    values = sorted({trial.hyperparameters[name] for trial in trials})
    return [
        Point(value, tuple(t for t in trials if t.hyperparameters[name] == value))
        for value in values
    ]


def traces(
    line: Line,
    panels: Sequence[Panel],
    name: str,
    hover: Callable[[TrialRecord], str],
    place: Callable[[float], float] = lambda value: value,
) -> list[charts.Trace]:
    """Return a line with its signs in each panel.

    Args:
        line: What to draw.
        panels: Where.
        name: The hyperparameter along the horizontal axis.
        hover: What is said of a trial, escaped.
        place: Where a value stands there.
    """

    def at(trials: Sequence[TrialRecord]) -> list[float]:
        return [place(trial.hyperparameters[name]) for trial in trials]

    found: list[charts.Trace] = []
    for panel in panels:
        axis = "" if panel.number == 1 else str(panel.number)
        where = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "legendgroup": line.name}
        style: dict[str, Any] = {"color": line.color, "showlegend": panel.number == 1}
        means = [panel.of_point(point) for point in line.points]
        drawn = charts.line(
            [place(p.at) for p in line.points],
            means,
            name=line.name,
            color=line.color,
            showlegend=False,
        )
        if panel.interval is not None:
            drawn["error_y"] = _bars(means, [panel.interval(p) for p in line.points], line.color)
        signs = charts.points(
            at(line.trials),
            [panel.of_trial(t) for t in line.trials],
            name=line.name,
            symbol=line.symbol,
            hover=[hover(t) for t in line.trials],
            **style,
        )
        found += [drawn | where, signs | where]
        if line.dropped and panel.of_dropped is not None:
            rings = charts.points(
                at(line.dropped),
                [panel.of_dropped(t) for t in line.dropped],
                name=f"{line.name}, discarded early",
                symbol=f"{line.symbol}-open",
                opacity=0.7,
                hover=[hover(t) for t in line.dropped],
                **style,
            )
            found.append(rings | where)
    return found


def differing(trials: Sequence[TrialRecord], besides: set[str]) -> list[str]:
    """Return the names of the hyperparameters in which trials differ, sorted.

    Args:
        trials: Some trials.
        besides: Names that do not count.
    """
    names = {name for t in trials for name in t.hyperparameters} - besides
    return sorted(n for n in names if len({repr(t.hyperparameters.get(n)) for t in trials}) > 1)


def recipe_names(trials: Sequence[TrialRecord]) -> set[str]:
    """Return the names of the settings that train a network and do not change its layers."""
    recipes = [trial.recipe for trial in trials]
    return {name for r in recipes for name in (*r.to_dict(), *vars(r.augment))}


def _of_shares(values: Sequence[float]) -> Interval:
    interval = fold_interval(values, "accuracy", lowest=0.0)
    return replace(interval, high=min(1.0, interval.high))


def _bars(means: Sequence[float], intervals: Sequence[Interval], color: str) -> dict[str, Any]:
    pairs = list(zip(means, intervals, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        # An accuracy is of all rows, its interval one of the mean of folds: close, not equal.
        "array": [max(0.0, interval.high - mean) for mean, interval in pairs],
        "arrayminus": [max(0.0, mean - interval.low) for mean, interval in pairs],
        "color": color,
        "thickness": 1,
        "width": 4,
    }
