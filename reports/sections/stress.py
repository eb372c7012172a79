"""How the best trial and the baseline fare on distorted examples."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.backend import use_tensorflow
from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.pictures import pictures_of
from automl_sem.reports.wording import percent, percent_range
from automl_sem.results import Standing
from automl_sem.scoring.metrics import WILSON_METHOD, Interval
from automl_sem.scoring.stress import StressFolds, StressScore, stress_interval, stress_scores
from automl_sem.stress_check import read_findings
from automl_sem.types import Examples

TITLE = "Under stress"

AS_THEY_ARE = "as they are"
LOOK_FOR = (
    "The top row is {examples} as they are; in each row below, the same held-out {examples} are "
    "distorted at random, up to the strength that is named. A sign far left of the top row is a "
    "weakness. Under \u201cunseen\u201d stand distortions that nothing was trained or chosen for: "
    "the best guess at what happens with {examples} that differ in some way nobody thought of. "
    "Bars: 95 % intervals, which count {examples}, not their copies."
)


def render(context: Context) -> Markup | None:
    """Return the accuracies under each distortion; None where the run has no stress."""
    shown = _shown(context)
    if not shown:
        return None
    best = shown[0]
    return context.render(
        "stress.html",
        findings=read_findings(context.results.run),
        sentences=sentences(context),
        chart=context.chart(
            _figure(shown),
            title=f"Share of right answers under each distortion, on {best.scored_on}",
            look_for=LOOK_FOR.format(examples=context.examples),
            height=110 + 28 * (3 + len(stress_scores(best.folds))),
        ),
        strip=_strip(context, best),
        kind=context.manifest.kind,
        names=[_name(standing) for standing in shown],
        groups=_groups(shown),
        example=context.example,
        examples=context.examples,
    )


def facts(context: Context) -> dict[str, Any] | None:
    """Return the scores in each condition, the sentences and the warnings."""
    shown = _shown(context)
    if not shown:
        return None
    return {
        "sentences": sentences(context),
        **asdict(read_findings(context.results.run)),
        "trials": [
            {
                "trial": standing.trial.number,
                "scored_on": standing.scored_on,
                "accuracy": standing.accuracy,
                "stress_accuracy": standing.folds.stress_accuracy,
                "conditions": [asdict(score) for score in stress_scores(standing.folds)],
            }
            for standing in shown
        ],
    }


def sentences(context: Context) -> list[str]:
    """Return in words what distortions cost the best trial, where most, and what unseen ones do."""
    shown = _shown(context)
    if not shown:
        return []
    best = shown[0]
    name, clean, share = _name(best), best.accuracy, best.folds.stress_accuracy
    many = context.examples
    asked, unseen = _split(stress_scores(best.folds))
    overall = (
        f"{name} gets {percent(share)} of distorted {many} right, and "
        f"{percent(clean)} of them as they are"
    )
    if len(shown) > 1:
        theirs = shown[1]
        overall += (
            f"; the baseline {percent(theirs.folds.stress_accuracy)} and {percent(theirs.accuracy)}"
        )
    worst = min(asked, key=lambda score: score.accuracy)
    most = f"No distortion that it was chosen by costs {_within(name)} anything."
    if worst.accuracy < clean:
        chance = f", which with this few {many} may be chance" if worst.high > clean else ""
        most = (
            f"{name} loses most under {worst.condition}: {percent(worst.accuracy)} right, "
            f"{100 * (clean - worst.accuracy):.1f} points below {many} as they are{chance}."
        )
    return [f"{overall}.", most, _unseen(shown, unseen)]


def _unseen(shown: list[Standing], unseen: list[StressScore]) -> str:
    """Return what becomes of examples under distortions that were kept back."""
    best = shown[0]
    found = " and ".join(f"{percent(s.accuracy)} under {s.condition}" for s in unseen)
    name = _within(_name(best))
    text = f"Under unseen distortions, which nothing was trained or chosen for, {name} gets {found}"
    if len(shown) > 1:
        theirs = _split(stress_scores(shown[1].folds))[1]
        text += f" (the baseline {' and '.join(percent(s.accuracy) for s in theirs)})"
    interval = stress_interval(best.folds)
    low, high = (interval.low, interval.high) if interval else (0.0, 1.0)
    behind = [score.condition for score in unseen if score.high < low]
    if behind:
        return (
            f"{text}. Under {' and '.join(behind)} that is clearly less than under the distortions "
            "it was chosen by: what it withstands there does not carry over."
        )
    if high < best.accuracy_interval.low:  # it withstands too little to speak of
        return f"{text}. That is not clearly less than under the distortions it was chosen by."
    return (
        f"{text}. That is not clearly less than under the distortions it was chosen by, so what it "
        "withstands there may carry over to others."
    )


def _shown(context: Context) -> list[Standing]:
    """Return the best trial, then the baseline if it is another; those scored under stress."""
    best, baseline = context.results.best, context.results.baseline
    if not context.manifest.stress or best is None:
        return []
    found = [best]
    if baseline is not None and baseline.trial.number != best.trial.number:
        found.append(baseline)
    return [standing for standing in found if stress_scores(standing.folds)]


def _name(standing: Standing) -> str:
    number = standing.trial.number
    return f"Trial {number}" if number else "The baseline"


def _within(name: str) -> str:
    """Return a name as it is written within a sentence."""
    return name[0].lower() + name[1:]


def _split(scores: list[StressScore]) -> tuple[list[StressScore], list[StressScore]]:
    """Return the conditions that count, and those that were kept back."""
    return [s for s in scores if s.scored], [s for s in scores if not s.scored]


def _kinds(scores: list[StressScore]) -> dict[str, list[StressScore]]:
    """Return the conditions by kind of distortion; last those kept back, by `"unseen"`."""
    found: dict[str, list[StressScore]] = {}
    for score in scores:
        kind = score.condition.split()[0] if score.scored else "unseen"
        found.setdefault(kind, []).append(score)
    return found


def _groups(shown: list[Standing]) -> list[dict[str, Any]]:
    """Return the rows of the table by kind; each holds a cell a standing."""
    clean = [(s.accuracy, s.accuracy_interval) for s in shown]
    groups = [{"unseen": False, "rows": [{"name": AS_THEY_ARE, "cells": _cells(clean)}]}]
    scores = [{s.condition: s for s in stress_scores(standing.folds)} for standing in shown]
    for kind, conditions in _kinds(stress_scores(shown[0].folds)).items():
        rows = []
        for name in (condition.condition for condition in conditions):
            cells = _cells([(of[name].accuracy, _interval(of[name])) for of in scores])
            rows.append({"name": name, "cells": cells})
        groups.append({"unseen": kind == "unseen", "rows": rows})
    return groups


def _interval(score: StressScore) -> Interval:
    return Interval("accuracy", WILSON_METHOD, score.low, score.high)


def _cells(values: list[tuple[float, Interval]]) -> list[dict[str, str]]:
    return [{"share": percent(v), "range": percent_range(interval)} for v, interval in values]


def _figure(shown: list[Standing]) -> charts.Figure:
    """One row a condition, grouped by kind; the unseen ones on a ground of their own."""
    places, ticks, y = {AS_THEY_ARE: 0.0}, {0.0: f"<b>{AS_THEY_ARE}</b>"}, 0.4
    ground = 0.0
    for kind, conditions in _kinds(stress_scores(shown[0].folds)).items():
        y += 0.4
        if kind == "unseen":
            ground = y + 0.1
            y += 0.8
            ticks[y] = "<b>unseen</b>"
            y += 0.2
        for score in conditions:
            y += 0.8
            places[score.condition], ticks[y] = y, charts.label(score.condition)
    traces, lows = [], []
    for number, standing in enumerate(shown):
        searched = standing.trial.number != 0
        color, symbol = (charts.BLUE, "circle") if searched else charts.ORIGINS["baseline"]
        name = _name(standing).removeprefix("The ").lower()
        points = [(AS_THEY_ARE, standing.accuracy, standing.accuracy_interval)]
        for score in stress_scores(standing.folds):
            points.append((score.condition, score.accuracy, _interval(score)))
        shift = 0.15 * (2 * number - 1) if len(shown) > 1 else 0.0
        lows += [interval.low for *_, interval in points]
        traces.append(
            charts.points(
                [share for _, share, _ in points],
                [places[condition] + shift for condition, *_ in points],
                name=name,
                color=color,
                symbol=symbol,
                size=9,
                hover=[
                    f"<b>{name}</b>, {charts.label(condition)}"
                    f"<br>{percent(share)} right, 95 % interval {percent_range(interval)}"
                    for condition, share, interval in points
                ],
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [interval.high - share for _, share, interval in points],
                    "arrayminus": [share - interval.low for _, share, interval in points],
                    "color": color,
                    "thickness": 1,
                    "width": 0,
                },
            )
        )
    panel = {
        "type": "rect",
        "layer": "below",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": ground,
        "y1": y + 0.6,
        "fillcolor": charts.PANEL,
        "line": {"width": 0},
    }
    return charts.figure(
        traces,
        legend=len(shown) > 1,
        shapes=[panel],
        xaxis=charts.percent_axis("right answers (right is better)", min(lows)),
        yaxis=charts.axis(
            tickvals=list(ticks), ticktext=list(ticks.values()), range=[y + 0.6, -0.6]
        ),
    )


def _strip(context: Context, best: Standing) -> dict[str, Any] | None:
    """Return a held-out example under every distortion, the one that the best trial fails most."""
    dataset = context.dataset
    folds = [(fold, fold.stress) for fold in best.classified.folds if fold.stress is not None]
    if dataset is None or not folds:
        return None
    missed = [(~part.hits).sum(axis=0) for _, part in folds]  # (copies, n) of each fold
    number = int(np.argmax([misses.max() for misses in missed]))
    fold, part = folds[number]
    copy, place = np.unravel_index(missed[number].argmax(), missed[number].shape)
    row, true = int(part.rows[place]), int(part.labels[place])
    use_tensorflow()
    stress = StressFolds(context.manifest.stress, dataset.train, context.manifest.seed)
    made = stress.examples(part.rows, row, int(copy))

    pictures, name = pictures_of(dataset), dataset.train.names[row]

    def picture(example: Examples, condition: str, guess: int) -> dict[str, Any]:
        return {
            "picture": pictures.draw(example, f"{name}, {condition}"),
            "condition": condition,
            "taken_for": "" if guess == true else dataset.class_names[guess],
        }

    distorted = [
        {"unseen": not scored, **picture(made[condition], condition, int(guesses[copy, place]))}
        for condition, scored, guesses in zip(
            part.conditions, part.scored, part.guesses, strict=True
        )
    ]
    clean = int(fold.probabilities[fold.indices == row][0].argmax())
    return {
        "name": name,
        "true": dataset.class_names[true],
        "clean": {"unseen": False, **picture(dataset.train.x[row], "as it is", clean)},
        "pictures": distorted,
        "legend": pictures.legend(),
        "wrong": int(missed[number][copy, place]),
        "trial": best.trial.number,
    }
