"""What the verdicts on classes, labels, numbers and drawn images say alike."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, get_args

from automl_sem.costs import COSTS, limits_text
from automl_sem.export.record import kind_of, says, test_of
from automl_sem.goals import Goal
from automl_sem.reports.context import Context
from automl_sem.reports.intervals import Row, interval_chart
from automl_sem.reports.wording import (
    count,
    discarding,
    example_shape,
    loss,
    named_share,
    noun,
    signed_loss,
)
from automl_sem.results import Results, State, TrialRecord

FEW = 200  # examples below which intervals are wide enough to say so


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


def ranked_by(goal: Goal) -> str:
    """Return what ranks trials, where a person said so."""
    return (
        f"Trials are ranked by {goal.word}, computed on each fold held out: {goal.better} is "
        "better."
    )


def limits(results: Results) -> str:
    """Return what limits there were, and what broke them; empty without."""
    asked = results.run.manifest.limits
    if not asked:
        return ""
    text = f"Limits: {limits_text(asked)}."
    broken = len(results.infeasible)
    text += (
        f" {count(broken, 'candidate')} broke them and {'was' if broken == 1 else 'were'} never "
    )
    text += "trained; they do not count as trials of the search."
    over = results.baseline and results.baseline.trial.over_limits
    if over:
        text += f" The baseline breaks them as well ({over}): it is there to compare with."
    return text


def costs_of(trial: TrialRecord) -> str:
    """Return what a trial's model costs to run, as far as that was asked for."""
    costs = ", ".join(COSTS[name].text(cost) for name, cost in trial.costs.items())
    return f"{costs} (breaks the limits)" if trial.over_limits else costs


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
