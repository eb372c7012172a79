"""What came out, in words first: the winner, the baseline, and whether it is luck."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, get_args

from markupsafe import Markup

from automl_sem.augmentation.kinds import described
from automl_sem.costs import COSTS
from automl_sem.export.record import kind_of, says, test_of
from automl_sem.finalists import Verdict
from automl_sem.goals import LOG_LOSS, Goal
from automl_sem.manifest import Manifest
from automl_sem.reports.context import Context
from automl_sem.reports.intervals import Row, interval_chart
from automl_sem.reports.predictions import OutOfFold
from automl_sem.reports.wording import (
    count,
    discarding,
    example_shape,
    loss,
    loss_range,
    named_share,
    noun,
    percent,
    percent_range,
    signed_loss,
    times,
)
from automl_sem.results import Results, Standing, State, TrialRecord
from automl_sem.scoring.stress import stress_interval
from automl_sem.stress_check import read_findings

TITLE = "Verdict"

FEW = 200  # examples below which intervals are wide enough to say so


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


def said_by_all(context: Context) -> dict[str, Any]:
    """Return what the verdict says alike of classes, labels, numbers and drawn images."""
    results, manifest = context.results, context.manifest
    return {
        "counts": counts(results),
        "proposers": proposers(results),
        "discarded": discarded(results),
        "reasons": sorted({t.reason for t in results.trials if t.reason}),
        "results": results,
        "manifest": manifest,
        "examples": context.examples,
        "size_of_each": example_shape(manifest.kind, manifest.data.get("input_shape", ())),
        "test_looks": results.run.test_looks(),
    }


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


def ranked_by(goal: Goal) -> str:
    """Return what ranks trials, where a person said so."""
    return (
        f"Trials are ranked by {goal.word}, computed on each fold held out: {goal.better} is "
        "better."
    )


def costs_of(trial: TrialRecord) -> str:
    """Return what a trial's model costs to run, as far as that was asked for."""
    costs = ", ".join(COSTS[name].text(cost) for name, cost in trial.costs.items())
    return f"{costs} (breaks the limits)" if trial.over_limits else costs


def limits(results: Results) -> str:
    """Return what limits there were, and what broke them; empty without."""
    asked = results.run.manifest.limits
    if not asked:
        return ""
    text = f"Limits: {', '.join(f'at most {COSTS[n].text(most)}' for n, most in asked.items())}."
    broken = len(results.infeasible)
    text += (
        f" {count(broken, 'candidate')} broke them and {'was' if broken == 1 else 'were'} never "
    )
    text += "trained; they do not count as trials of the search."
    over = results.baseline and results.baseline.trial.over_limits
    if over:
        text += f" The baseline breaks them as well ({over}): it is there to compare with."
    return text


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


def luck(results: Results) -> str:
    """Return what speaks for or against luck, in plain words."""
    best, verdict = results.best, results.verdict
    if best is None:
        return ""
    if results.undecided:
        return f"It cannot be told: {results.undecided}."
    if verdict is None:
        return (
            "Not decided yet. Once the search has ended, the best trial and the baseline are "
            "trained again on a new shuffle of the folds; only that comparison tells luck from "
            "skill."
        )
    word = results.objective_word
    if verdict.interval is None:
        return (
            f"There is nothing to compare: the search found no trial with a {results.goal.better} "
            f"{word} than the "
            "baseline. More trials, or a wider search space, may find one."
        )
    low, high = verdict.interval.low, verdict.interval.high
    good, bad = ("above", "below") if verdict.maximize else ("below", "above")
    difference = signed_loss(verdict.difference)
    method = f"{signed_loss(low)} to {signed_loss(high)}, {verdict.interval.method}"
    fold_by_fold = (
        "Both were trained again on the same fresh folds and compared fold by fold: "
        f"{word} of trial {best.trial.number} minus the baseline's is {difference} on "
        f"average (95 % interval {method})."
    )
    if results.chosen_on_fresh:
        fold_by_fold += (
            " The winner was chosen by its numbers on these very folds, so that the difference is "
            "a little too good."
        )
    if verdict.word == "better":
        return (
            f"Probably not. {fold_by_fold} The whole interval lies {good} 0, where "
            f"{results.goal.better} is better."
        )
    if verdict.word == "worse" and _over(results):
        return (
            f"No, but the baseline, which breaks the limits, is better. {fold_by_fold} The whole "
            f"interval lies {bad} 0."
        )
    if verdict.word == "worse":
        return f"Yes. {fold_by_fold} The whole interval lies {bad} 0: take the baseline."
    return (
        f"It could be. {fold_by_fold} The interval includes 0, so there may be no difference: with "
        f"{len(best.folds.folds)} folds only one that is large and steady shows."
    )


def _over(results: Results) -> bool:
    """Whether the baseline breaks the limits."""
    return results.baseline is not None and bool(results.baseline.trial.over_limits)


def maximum(results: Results) -> str:
    """Return how the search score of the best differs from its fresh score, and why."""
    best = results.best
    if best is None or best.scored_on != "fresh folds" or best.trial.objective is None:
        return ""
    word, tries = results.share_word, len(results.complete)
    search, fresh = best.trial.objective, best.score
    numbers = (
        f"In the search, trial {best.trial.number} had {best.folds.objective_word} "
        f"{loss(best.trial.quoted)} ({named_share(best.trial.share, word)}); on fresh folds it has "
        f"{loss(best.quoted)} ({named_share(best.share, word)})."
    )
    if tries == 1:
        return numbers
    if fresh > search:
        return (
            f"{numbers} The best of {tries} scores is partly the luckiest, so it is usually "
            "too good; the fresh score is the one to quote."
        )
    return (
        f"{numbers} The best of {tries} scores is partly the luckiest, so it is usually worse on "
        "fresh folds; this time it is not. The fresh score is the one to quote."
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


def counts(results: Results) -> str:
    """Return how many trials there are of each kind."""
    states = [trial.state for trial in results.trials]
    order = get_args(State)
    kinds = [f"{states.count(s)} {s}" for s in order]
    kinds = [kind for kind in kinds if not kind.startswith("0 ")]
    return f"{count(len(states), 'trial')}: {', '.join(kinds)}" if kinds else "no trials"


def proposers(results: Results) -> str:
    """Return who proposed how many trials, naming only those who did; empty without trials."""
    found = Counter(trial.proposed_by for trial in results.trials)
    words = {
        "baseline": "the baseline",
        "warm start": count(found["warm start"], "warm start"),
        "good start": count(found["good start"], "good start"),
        "start-up": f"{found['start-up']} drawn at random to start with",
        "random": f"{found['random']} drawn at random",
        "qmc": f"{found['qmc']} of a quasi-random sequence",
        "grid": f"{found['grid']} of the grid",
        "promoted": f"{found['promoted']} promoted to a higher rung",
        "model": f"{found['model']} proposed by the sampler's model",
    }
    parts = [text for origin, text in words.items() if found[origin]]
    if other := sum(n for origin, n in found.items() if origin not in words):
        parts.append(f"{other} of unknown origin")
    if not parts:
        return ""
    *first, last = parts
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{'It is' if len(results.trials) == 1 else 'They are'} {listed}."


def discarded(results: Results) -> str:
    """Return what was discarded and what that saved; empty if nothing was."""
    behind = sum(not trial.fold_scores for trial in results.discarded_trials)
    rule = results.run.manifest.discard
    return discarding(results.discarded, results.fold_fits_saved, rule, behind)


def exported_tests(results: Results) -> list[dict[str, Any]]:
    """Return what exports measured on the held-out test set, in words."""
    found = []
    for path in sorted(results.run.path.glob("export/*/export.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            n, said = int(record["test"]["n"]), says(test_of(record), noun(kind_of(record)).many)
            if n:
                found.append({"trial": int(record["trial"]), "n": n, "says": said})
        except (OSError, ValueError, KeyError, TypeError):  # half an export, or a newer one
            continue
    return found


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


def difference_chart(results: Results) -> list[dict[str, Any]]:
    """Return the chart of the objective of the best minus the baseline's, or none without both."""
    best, baseline, verdict = results.best, results.baseline, results.verdict
    if verdict is None or verdict.interval is None or best is None or baseline is None:
        return []
    pairs = zip(best.quoted_folds, baseline.quoted_folds, strict=True)
    row = Row(
        "Difference",
        "winner" if verdict.word == "better" else "neutral",
        verdict.difference,
        verdict.interval.low,
        verdict.interval.high,
        dots=tuple(ours - theirs for ours, theirs in pairs),
    )
    word = results.objective_word.capitalize()
    side = "right" if verdict.maximize else "left"
    return [
        {
            "title": f"{word} of trial {best.trial.number} minus the baseline's, by fold",
            "note": "small rings: folds · dot and bar: mean with 95 % interval · "
            f"{side} of 0 the trial is better",
            **interval_chart([row], signed_loss, include=0.0),
        }
    ]
