"""What came out, in words first: the winner, the baseline, and whether it is luck."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from automl_sem.augmentation.kinds import described
from automl_sem.finalists import Verdict
from automl_sem.goals import LOG_LOSS
from automl_sem.manifest import Manifest
from automl_sem.reports.context import Context
from automl_sem.reports.intervals import Row, interval_chart
from automl_sem.reports.predictions import OutOfFold
from automl_sem.reports.verdict_words import (
    FEW,
    costs_of,
    counts,
    difference_chart,
    discarded,
    exported_tests,
    limits,
    luck,
    maximum,
    ranked_by,
    said_by_all,
)
from automl_sem.reports.wording import (
    loss,
    loss_range,
    noun,
    percent,
    percent_range,
    times,
)
from automl_sem.results import Results, Standing
from automl_sem.scoring.stress import stress_interval
from automl_sem.stress_check import read_findings

TITLE = "Verdict"


def render(context: Context) -> Markup:
    """Return the verdict of the run, whatever there is of it."""
    results, manifest = context.results, context.manifest
    return context.render(
        "verdict.html",
        headline=headline(results),
        luck=luck(results),
        one_by_one=one_by_one(context),
        standings=_standings(results),
        drop=maximum(results),
        charts=_charts(results),
        few=few(results),
        size=_size(results),
        score_means=score_means(results, len(context.class_names)),
        objective_means=objective_means(manifest, context.examples),
        limits=limits(results),
        goal=results.goal,
        stress_warnings=read_findings(results.run).warnings,
        tests=exported_tests(results),
        **said_by_all(context),
    )


def facts(context: Context) -> dict[str, Any]:
    """Return the headline and the sentences below it."""
    return {
        "headline": headline(context.results),
        "luck": luck(context.results),
        "counts": counts(context.results),
        "discarded": {
            "rule": context.manifest.discard,
            "trials": context.results.discarded,
            "fold_fits_saved": context.results.fold_fits_saved,
            "sentence": discarded(context.results),
        },
        "test_looks": context.results.run.test_looks(),
    }


def headline(results: Results) -> str:
    """Return the outcome in one sentence."""
    best, baseline, verdict = results.best, results.baseline, results.verdict
    examples = _examples(results)
    if best is None:
        end = "No trial gave a score" if results.finished else "No trial has a score yet"
        return f"{end}, so there is no winner."
    interval = f"95 % interval {percent_range(best.accuracy_interval)}"
    ours, share = best.folds.stress_accuracy, percent(best.folds.stress_accuracy)
    if baseline is None or best.trial.number == 0:
        numbers = f"{percent(best.accuracy)} of {examples} right on {best.scored_on} ({interval})"
        numbers += "" if ours is None else f", under stress {share}"
        return f"{_lead_alone(results, best)} {numbers}."
    lead, although = _lead(best, baseline, verdict, examples)
    against = f"{percent(best.accuracy)} against {percent(baseline.accuracy)} of {examples}"
    right = f", although {against} are right" if although else f": {against} right"
    stressed = ""
    if ours is not None:
        stressed = f", under stress {share} against {percent(baseline.folds.stress_accuracy)}"
    if verdict is None:
        end = "Whether that is luck is not decided yet."
        return f"{lead}{right} in the search{stressed}. {end}"
    return f"{lead}{right} on {best.scored_on} (its {interval}){stressed}."


def _lead_alone(results: Results, best: Standing) -> str:
    """Return how the headline begins when there is no pair to compare."""
    if best.trial.number != 0:
        return f"Trial {best.trial.number} is the best, with no baseline to compare it with:"
    if len(results.complete) > 1 or results.discarded:
        return "No trial beat the baseline: it gets"
    return "Only the baseline has a score so far: it gets"


def _lead(
    best: Standing, baseline: Standing, verdict: Verdict | None, examples: str
) -> tuple[str, bool]:
    """Return how the headline begins, and whether the right answers after it say otherwise.

    What ranks trials is named where right answers do not show it: they point the other way, or
    the baseline's share of them lies within the trial's 95 % interval.
    """
    name = f"Trial {best.trial.number}"
    word = best.folds.objective_word
    losses = f"{loss(best.quoted)} against {loss(baseline.quoted)}"
    by = f"by {'the ' if word == 'objective' else ''}{word} ({losses}), which ranks trials"
    sure = "by being surer" if word in ("log-loss", "objective") else "by what ranks trials"
    more, withstands = best.accuracy - baseline.accuracy, _more_withstood(best, baseline)
    right = more or withstands  # above 0: right answers speak for the trial, below: against it
    interval = best.accuracy_interval
    if verdict is None:
        return f"{name} is ahead of the baseline so far{f' {by}' if right < 0 else ''}", right < 0
    if verdict.word == "better":
        if more > 0 > withstands:
            return f"{name} is better than the baseline, but not under stress", False
        if withstands > 0 >= more:
            but = f", but not on {examples} as they are" if more < 0 else ""
            return f"{name} is better than the baseline under stress{but}", False
        if right == 0:
            return f"{name} is better than the baseline, {sure} ({word} {losses})", False
        shown = baseline.accuracy < interval.low
        return f"{name} is better than the baseline{'' if shown else f' {by}'}", right < 0
    if verdict.word == "worse":
        shown = interval.high < baseline.accuracy
        better = f"the baseline is better{'' if shown else f' {by}'}"
        if baseline.trial.over_limits:
            return f"{name} is the best that keeps the limits, but {better}", right > 0
        return f"{name} won the search by luck, {better}", right > 0
    if more == withstands == 0:
        return f"{name} and the baseline get as many right", False
    if verdict.ahead:
        if right < 0:
            return f"{name} is ahead of the baseline only {by}, and it could be luck", False
        return f"{name} is ahead of the baseline, but it could be luck", False
    return f"{name} is not ahead of the baseline{f' {by}' if right > 0 else ''}", right > 0


def _more_withstood(best: Standing, baseline: Standing) -> float:
    """Return how much more of the distorted copies the best gets right; 0 without stress."""
    ours, theirs = best.folds.stress_accuracy, baseline.folds.stress_accuracy
    return 0.0 if ours is None or theirs is None else ours - theirs


def score_means(results: Results, classes: int) -> str:
    """Return what the score that ranks trials is."""
    goal = results.goal
    if goal.name == LOG_LOSS.name or results.run.manifest.of_stress == LOG_LOSS.word:
        return log_loss_means(classes)
    return ranked_by(goal)


def log_loss_means(classes: int) -> str:
    """Return what log-loss is, with a number to compare with."""
    return (
        "Log-loss asks how sure a network is: it is minus the logarithm of the probability that "
        f"the true class got, on average. 0 is perfect, and to guess among {classes} classes costs "
        f"{math.log(classes):.2f}."
    )


def objective_means(manifest: Manifest, examples: str) -> str:
    """Return what the objective is under stress; empty without."""
    if not manifest.stress:
        return ""
    below = "\u201cUnder stress\u201d below tells the distortions apart."
    distorted = described(manifest.stress)
    if not manifest.of_stress:
        return (
            f"The objective, {manifest.goal.word}, is that of {examples} as they are; distorted "
            f"ones ({distorted}) do not decide. {below}"
        )
    word = manifest.of_stress
    what = "it is what the search minimizes" if word == LOG_LOSS.word else "it ranks trials"
    return (
        f"The objective is the mean of the {word} on {examples} as they are and on distorted "
        f"ones ({distorted}): {what}. {below}"
    )


def one_by_one(context: Context) -> str:
    """Return how many examples only one of the two gets right; empty where that is unknown."""
    best, baseline = context.results.best, context.results.baseline
    if context.results.verdict is None or context.dataset is None or best is None:
        return ""
    if baseline is None or baseline.trial == best.trial:
        return ""
    wrong = []
    for standing in (best, baseline):
        found = OutOfFold.of(standing, context.dataset)
        wrong.append(set(found.rows[found.mistakes()].tolist()))
    ours, theirs = len(wrong[1] - wrong[0]), len(wrong[0] - wrong[1])
    as_they_are = " as they are" if context.manifest.stress else ""
    return (
        f"Counting {context.examples}{as_they_are}: {ours} only trial {best.trial.number} gets "
        f"right, {theirs} only the baseline, {len(wrong[0] & wrong[1])} neither."
    )


def few(results: Results) -> str:
    """Return a warning where there are too few examples for a narrow interval."""
    if results.best is None:
        return ""
    n = sum(len(fold.indices) for fold in results.best.folds.folds)
    if n >= FEW:
        return ""
    return (
        f"With {n} {_examples(results)} the intervals are wide: one "
        f"{noun(results.run.manifest.kind).one} more or less is {percent(1 / n)}. Read them, not "
        "only the numbers in front of them."
    )


def _examples(results: Results) -> str:
    return noun(results.run.manifest.kind).many


def _standings(results: Results) -> list[dict[str, Any]]:
    best, baseline = results.best, results.baseline
    shown: list[tuple[str, Standing]] = []
    if best is not None and best.trial.number != 0:
        shown.append((f"Trial {best.trial.number}", best))
    if baseline is not None:
        shown.append(("Baseline (trial 0)", baseline))
    rows = []
    for name, standing in shown:
        stressed = stress_interval(standing.folds)
        rows.append(
            {
                "name": name,
                "standing": standing,
                "accuracy": percent(standing.accuracy),
                "accuracy_range": percent_range(standing.accuracy_interval),
                "stressed": percent(standing.folds.stress_accuracy),
                "stressed_range": percent_range(stressed) if stressed else "",
                "loss": loss(standing.quoted),
                "loss_range": loss_range(standing.interval, results.goal.lowest),
                "costs": costs_of(standing.trial),
                "clean_loss": loss(standing.classified.log_loss),
                "stressed_loss": loss(standing.classified.stress_log_loss),
            }
        )
    return rows


def _size(results: Results) -> str:
    best, baseline = results.best, results.baseline
    if best is None or baseline is None or best.trial.number == 0:
        return ""
    weights = times(best.trial.parameters, baseline.trial.parameters)
    return f"{weights} weights {'as' if weights.endswith('as many') else 'than'} the baseline"


def _charts(results: Results) -> list[dict[str, Any]]:
    """Return the interval of each accuracy, and that of the difference."""
    best, baseline = results.best, results.baseline
    shown = [] if best is None else [(f"Trial {best.trial.number}", "winner", best)]
    if baseline is not None and baseline is not (shown and shown[0][2]):
        if best is None or best.trial.number != 0:
            shown.append(("Baseline", "baseline", baseline))
        else:
            shown = [("Baseline", "baseline", baseline)]
    if not shown:
        return []
    rows = [
        Row(name, kind, s.accuracy, s.accuracy_interval.low, s.accuracy_interval.high)
        for name, kind, s in shown
    ]
    for name, kind, s in shown:
        share, interval = s.folds.stress_accuracy, stress_interval(s.folds)
        if share is not None and interval is not None:
            rows.append(Row(f"{name}, stress", kind, share, interval.low, interval.high))
    charts = [
        {
            "title": f"Share of right answers on {shown[0][2].scored_on}",
            "note": "dot: measured · bar: 95 % interval · further right is better",
            **interval_chart(rows, percent, upper=1.0),
        }
    ]
    return charts + difference_chart(results)
