"""What came out of a search for a GAN: the winner, the baseline, and whether it is luck."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from automl_sem.reports.context import Context
from automl_sem.reports.intervals import Row, interval_chart
from automl_sem.reports.verdict_words import (
    counts,
    difference_chart,
    luck,
    said_by_all,
)
from automl_sem.reports.wording import (
    loss,
    percent,
)
from automl_sem.results import Results, Standing
from automl_sem.scoring.gan.result import GanScore

TITLE = "Verdict"

COPIES = 0.6  # share of images nearer to a training image from which on it is said


def render(context: Context) -> Markup:
    """Return the verdict of the run, whatever there is of it."""
    results = context.results
    return context.render(
        "gan_verdict.html",
        headline=headline(results),
        luck=luck(results),
        standings=[_row(name, standing) for name, standing in _shown(results)],
        finalists=[_finalist(standing) for standing in results.finalists],
        chosen=chosen(results),
        charts=_charts(results),
        warnings=warnings(results),
        tests=[],
        **said_by_all(context),
    )


def facts(context: Context) -> dict[str, Any]:
    """Return the headline and the sentences below it."""
    return {
        "headline": headline(context.results),
        "luck": luck(context.results),
        "counts": counts(context.results),
        "warnings": warnings(context.results),
        "chosen": chosen(context.results),
    }


def headline(results: Results) -> str:
    """Return the outcome in one sentence."""
    best, baseline, verdict = results.best, results.baseline, results.verdict
    if best is None:
        end = "No trial gave a score" if results.finished else "No trial has a score yet"
        return f"{end}, so there is no winner."
    ours = f"distance {loss(best.score)} (95 % interval {_range(best)})"
    covered = f"{percent(best.share)} of the held-out images covered"
    if baseline is None or best.trial.number == 0:
        lead = "No trial beat the baseline" if len(results.complete) > 1 else "Only the baseline"
        return f"{lead}: {ours}, {covered}, on {best.scored_on}."
    theirs = f"{loss(baseline.score)} and {percent(baseline.share)} of the baseline"
    name = f"Trial {best.trial.number}"
    if verdict is None:
        return f"{name} is ahead of the baseline so far: {ours}, {covered}, against {theirs}."
    ahead = "ahead of" if verdict.difference < 0 else "not ahead of"
    lead = {
        "better": f"{name} draws better than the baseline",
        "worse": f"{name} won the search by luck, the baseline draws better",
    }.get(verdict.word, f"{name} is {ahead} the baseline, but it could be luck")
    return f"{lead}: {ours}, {covered}, against {theirs}, on {best.scored_on}."


def chosen(results: Results) -> str:
    """Return how the winner was chosen among the best trials; empty where there was no choice."""
    best = results.best
    if best is None or not results.chosen_on_fresh:
        return ""
    leading = results.complete[0].number
    seeds = f", each with {len(best.by_seed)} seeds a fold" if best.by_seed else ""
    same = (
        "which also led the search"
        if best.trial.number == leading
        else (f"while trial {leading} led the search")
    )
    return (
        f"The best trials were trained again on fresh folds{seeds}. There trial "
        f"{best.trial.number} is nearest to held-out images, {same}. It was chosen by these "
        "numbers, so that its own is a little too good."
    )


def warnings(results: Results) -> list[str]:
    """Return what speaks against the best trial though its distance is small."""
    best = results.best
    if best is None or not isinstance(best.folds, GanScore):
        return []
    found = []
    copies = best.folds.mean("copying")
    if copies > COPIES:
        found.append(
            f"Trial {best.trial.number} may copy: {percent(copies)} of its images are nearer to a "
            "training image than to a held-out one, 50 % would be ideal. Look at the nearest "
            "training images below."
        )
    expected = best.folds.mean("expected_coverage")
    if best.share < 0.5 * expected:
        found.append(
            f"Trial {best.trial.number} draws only part of what there is: it covers "
            f"{percent(best.share)} of the held-out images, real ones would cover "
            f"{percent(expected)}."
        )
    return found


def _shown(results: Results) -> list[tuple[str, Standing]]:
    best, baseline = results.best, results.baseline
    shown: list[tuple[str, Standing]] = []
    if best is not None and best.trial.number != 0:
        shown.append((f"Trial {best.trial.number}", best))
    if baseline is not None:
        shown.append(("Baseline", baseline))
    return shown


def _row(name: str, standing: Standing) -> dict[str, Any]:
    score = standing.folds
    assert isinstance(score, GanScore)
    useful = score.folds[0].measures.usefulness is not None
    return {
        "name": name,
        "standing": standing,
        "distance": loss(standing.score),
        "range": _range(standing),
        "kid": loss(score.mean("kid")),
        "floor": loss(score.mean("floor")),
        "coverage": percent(standing.share),
        "expected": percent(score.mean("expected_coverage")),
        "density": f"{score.mean('density'):.2f}",
        "two_sample": percent(score.mean("two_sample")),
        "copying": percent(score.mean("copying")),
        "usefulness": percent(score.mean("usefulness")) if useful else "",
        "real_usefulness": percent(score.mean("real_usefulness")) if useful else "",
        "networks": standing.trial.networks,
    }


def _finalist(standing: Standing) -> dict[str, Any]:
    """Return a line of the table of what was trained on the fresh folds."""
    number = standing.trial.number
    return {
        "name": "Baseline (trial 0)" if number == 0 else f"Trial {number}",
        "search": loss(standing.trial.objective),
        "distance": loss(standing.score),
        "range": _range(standing),
        "by_seed": "; ".join(loss(score) for score in standing.by_seed),
        "coverage": percent(standing.share),
    }


def _range(standing: Standing) -> str:
    return f"{loss(standing.interval.low)} to {loss(standing.interval.high)}"


def _charts(results: Results) -> list[dict[str, Any]]:
    """Return the interval of each distance, and that of the difference."""
    shown = _shown(results)
    if not shown:
        return []
    rows = [
        Row(
            name,
            "baseline" if standing.trial.number == 0 else "winner",
            standing.score,
            standing.interval.low,
            standing.interval.high,
            dots=tuple(fold.objective for fold in standing.folds.folds),
        )
        for name, standing in shown
    ]
    named = {standing.trial.number for _, standing in shown}
    rows[1:1] = [
        Row(
            f"Trial {standing.trial.number}",
            "neutral",
            standing.score,
            standing.interval.low,
            standing.interval.high,
            dots=tuple(fold.objective for fold in standing.folds.folds),
        )
        for standing in results.finalists
        if standing.trial.number not in named
    ]
    charts = [
        {
            "title": f"Distance from held-out images on {shown[0][1].scored_on}",
            "note": "small rings: folds · dot: mean · bar: 95 % interval · 0: as near as real "
            "images are · further left is better",
            **interval_chart(rows, loss, include=0.0),
        }
    ]
    return charts + difference_chart(results)
