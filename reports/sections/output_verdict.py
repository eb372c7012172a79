"""What came out of a search for a model of labels or numbers, and whether it is luck."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from automl_sem.reports.context import Context
from automl_sem.reports.intervals import Row, interval_chart
from automl_sem.reports.verdict_words import (
    FEW,
    costs_of,
    counts,
    difference_chart,
    exported_tests,
    limits,
    luck,
    maximum,
    ranked_by,
    said_by_all,
)
from automl_sem.reports.wording import (
    count,
    loss,
    loss_range,
    off_by,
    percent,
    share,
    share_range,
)
from automl_sem.results import Results, Standing
from automl_sem.scoring.measures import absolute_errors

TITLE = "Verdict"

MEANS = {
    "regression": "R2 is the share of the numbers\u2019 variance that is predicted: 1 is perfect, "
    "and to answer with their mean always is worth 0.",
    "multi-label": "A label is said where its probability is at least 50 %. F1 of a label is high "
    "if what is said is right and nothing is left out; macro F1 is the mean over labels, however "
    "rare.",
}
USUAL = {
    "regression": "What the search minimizes is the mean squared error, each number measured in "
    "its standard deviation; the mean\u2019s is 1.",
    "multi-label": "What the search minimizes is the cross-entropy: minus the logarithm of the "
    "probability that the truth got, a label at a time. 0 is perfect, and to say 50 % always "
    "costs 0.69.",
}


def render(context: Context) -> Markup:
    """Return the verdict of the run, whatever there is of it."""
    results = context.results
    return context.render(
        "output_verdict.html",
        headline=headline(results),
        luck=luck(results),
        drop=maximum(results),
        few=few(results, context.examples),
        means=" ".join(filter(None, (MEANS[context.task], ranks(context), limits(results)))),
        names=[name for name, _ in _shown(results)],
        standings=[standing for _, standing in _shown(results)],
        rows=_rows(context),
        charts=_charts(results),
        tests=exported_tests(results),
        **said_by_all(context),
    )


def facts(context: Context) -> dict[str, Any]:
    """Return the headline and the sentences below it."""
    results = context.results
    return {
        "headline": headline(results),
        "luck": luck(results),
        "counts": counts(results),
        "measures": {name: standing.outputs.measures for name, standing in _shown(results)},
        "test_looks": results.run.test_looks(),
    }


def headline(results: Results) -> str:
    """Return the outcome in one sentence."""
    best, baseline, verdict = results.best, results.baseline, results.verdict
    if best is None:
        end = "No trial gave a score" if results.finished else "No trial has a score yet"
        return f"{end}, so there is no winner."
    word = best.folds.share_word
    ours = _said(best, f" (95 % interval {share_range(best.share_interval, word)})")
    name = f"Trial {best.trial.number}"
    if baseline is None and best.trial.number != 0:
        lead = f"{name} is the best, with no baseline to compare it with"
        return f"{lead}: {ours}, on {best.scored_on}."
    if baseline is None or best.trial.number == 0:
        alone = len(results.complete) == 1 and not results.discarded
        lead = "Only the baseline has a score so far" if alone else "No trial beat the baseline"
        return f"{lead}: {ours}, on {best.scored_on}."
    against, by = f"against {_said(baseline)} of the baseline", _by(results, best, baseline)
    if verdict is None:
        return f"{name} is ahead of the baseline so far{by}: {ours}, {against}."
    worse = f"{name} won the search by luck, the baseline is better"
    if baseline.trial.over_limits:
        worse = f"{name} is the best that keeps the limits, but the baseline is better"
    ahead = "ahead of" if verdict.ahead else "not ahead of"
    lead = {"better": f"{name} is better than the baseline", "worse": worse}.get(
        verdict.word, f"{name} is {ahead} the baseline, but it could be luck"
    )
    return f"{lead}{by}: {ours}, {against}, on {best.scored_on}."


def _by(results: Results, best: Standing, baseline: Standing) -> str:
    """Return what ranks trials, where what people are shown says otherwise; empty else."""
    if (best.share > baseline.share) == (best.score < baseline.score):
        return ""
    word = results.objective_word
    return f" by {word} ({loss(best.quoted)} against {loss(baseline.quoted)}), which ranks trials"


def _said(standing: Standing, interval: str = "") -> str:
    """Return the share of a standing, and by how much it misses a number."""
    word, off = standing.folds.share_word, off_by(standing.folds)
    text = f"{word} {share(standing.share, word)}{interval}"
    return f"{text}, {off} on average" if off else text


def ranks(context: Context) -> str:
    """Return what ranks trials."""
    manifest, goal = context.manifest, context.results.goal
    return ranked_by(goal) if manifest.objectives else USUAL[context.task]


def few(results: Results, examples: str) -> str:
    """Return a warning where there are too few examples for a narrow interval."""
    if results.best is None:
        return ""
    n = len(results.best.outputs.wanted)
    if n >= FEW:
        return ""
    return f"With {n} {examples} the intervals are wide. Read them, not only the numbers."


def _shown(results: Results) -> list[tuple[str, Standing]]:
    best, baseline = results.best, results.baseline
    shown: list[tuple[str, Standing]] = []
    if best is not None and best.trial.number != 0:
        shown.append((f"Trial {best.trial.number}", best))
    if baseline is not None:
        shown.append(("Baseline (trial 0)", baseline))
    return shown


def _rows(context: Context) -> list[dict[str, Any]]:
    """Return the lines of the table, each with a cell for winner and baseline."""
    standings = [standing for _, standing in _shown(context.results)]
    if not standings:
        return []
    first = standings[0]
    word, folds = first.folds.share_word, count(len(first.folds.folds), "fold")
    rows = [
        _row(f"{word}, on {first.scored_on}", [share(s.share, word) for s in standings], True),
        _row(
            f"95 % interval ({first.share_interval.method})",
            [share_range(s.share_interval, word) for s in standings],
        ),
    ]
    if context.task == "regression":
        errors = [absolute_errors(s.outputs.wanted, s.outputs.predicted) for s in standings]
        for column, name in enumerate(context.class_names):
            cells = [loss(float(each[column])) for each in errors]
            rows.append(_row(f"Mean absolute error of {name}, in its own unit", cells, True))
    else:
        for name, measure in (
            ("All labels of an example right", "exact_match"),
            ("Labels right, of all labels of all examples", "label_accuracy"),
        ):
            cells = [percent(s.outputs.measures[measure]) for s in standings]
            rows.append(_row(name, cells, True))
    goal = context.results.goal
    rows += [
        _row(
            f"{goal.word[:1].upper()}{goal.word[1:]}, {goal.better} is better (what the search "
            f"{goal.direction}s)",
            [loss(s.quoted) for s in standings],
            True,
        ),
        _row(
            f"95 % interval ({first.interval.method})",
            [loss_range(s.interval, goal.lowest) for s in standings],
        ),
    ]
    if first.fresh:
        cells = [f"{share(s.trial.share, word)}, {loss(s.trial.quoted)}" for s in standings]
        rows.append(_row(f"In the search: {word}, {goal.word}", cells, True))
    rows.append(_row("Weights", [f"{s.trial.parameters:,}" for s in standings], True))
    if any(s.trial.costs for s in standings):
        rows.append(_row("What it costs to run", [costs_of(s.trial) for s in standings], True))
    return [
        *rows,
        _row(
            f"Training time, all {folds}",
            [context.environment.filters["duration"](s.folds.seconds) for s in standings],
            True,
        ),
    ]


def _row(name: str, cells: list[str], main: bool = False) -> dict[str, Any]:
    return {"name": name, "cells": cells, "main": main}


def _charts(results: Results) -> list[dict[str, Any]]:
    """Return the interval of each share, and that of the difference."""
    shown = _shown(results)
    if not shown:
        return []
    word = shown[0][1].folds.share_word
    rows = [
        Row(
            name.partition(" (")[0],
            "baseline" if s.trial.number == 0 else "winner",
            s.share,
            s.share_interval.low,
            s.share_interval.high,
            dots=tuple(fold.share for fold in s.folds.folds),
        )
        for name, s in shown
    ]
    charts = [
        {
            "title": f"{word} on {shown[0][1].scored_on}",
            "note": "small rings: folds \u00b7 dot: all folds \u00b7 bar: 95 % interval \u00b7 "
            "further right is better",
            **interval_chart(rows, lambda value: share(value, word), upper=1.0),
        }
    ]
    return charts + difference_chart(results)
