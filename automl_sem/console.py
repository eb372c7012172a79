"""What people see: the outcome in a few lines, tables of trials and of runs.

Results go to stdout, hints and errors to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from automl_sem.costs import COSTS
from automl_sem.fakes_check import sentence
from automl_sem.reports.wording import (
    count,
    duration,
    loss,
    off_by,
    percent,
    share,
    share_range,
    short_share,
)
from automl_sem.results import Results, Standing, TrialRecord, own_metrics
from automl_sem.run import RunDirectory
from automl_sem.scoring.stress import stress_scores
from automl_sem.stress_check import read_findings

FEW = 5  # candidates beyond the limits that are told one by one


def stdout() -> Console:
    """Return the console for results."""
    piped = None if sys.stdout.isatty() else 200
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, width=piped)


def stderr() -> Console:
    """Return the console for progress, hints and errors."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def summary(results: Results) -> str:
    """Return the outcome of a search in a few lines."""
    lines = []
    if results.best is not None:
        lines.append(_standing_line("best", results.best))
    if results.baseline is not None:
        lines.append(_standing_line("baseline", results.baseline))
    lines += _front_lines(results)
    lines += _stress_lines(results)
    if results.fakes is not None:
        lines.append(f"fakes     {sentence(results.fakes).removeprefix('Fake images ')}")
    if results.verdict is not None or results.undecided:
        lines.append(f"verdict   {verdict_sentence(results)}")
    states = [t.state for t in results.trials]
    dropped = "".join(
        f", {states.count(state)} {state}"
        for state in ("pruned", "failed", "repeated", "running")
        if state in states
    )
    if results.infeasible:
        dropped += f", {count(len(results.infeasible), 'other candidate')} broke the limits"
    if results.discarded:
        saved = count(results.fold_fits_saved, "fold fit")
        dropped = f", {results.discarded} discarded early ({saved} saved){dropped}"
    model = results.proposed_by_model
    learned = f", {model} of them proposed by the sampler's model" if results.models else ""
    trials = count(len(states) - len(results.infeasible), "trial")
    lines.append(
        f"search    {trials}{learned}{dropped}, "
        f"{results.fold_fits} fold fits, {duration(results.wall_s)}"
    )
    lines.append(f"run       {results.run.path}")
    report = results.run.path / "report.html"
    if report.exists():
        lines.append(f"report    {report}")
    return "\n".join(lines)


def verdict_sentence(results: Results) -> str:
    """Return the verdict in one sentence."""
    verdict, best = results.verdict, results.best
    if results.undecided:
        return f"not decided: {results.undecided}"
    if verdict is None or best is None:
        return "not decided yet: the fresh folds are missing"
    if verdict.interval is None:
        alone = len(results.complete) + results.discarded == 1
        return "the baseline is the only trial" if alone else "no trial beat the baseline"
    low, high = verdict.interval.low, verdict.interval.high
    side = "ahead of" if verdict.ahead else "behind"
    over = results.baseline is not None and results.baseline.trial.over_limits
    answer = {
        "better": "better than the baseline",
        "worse": "worse than the baseline, "
        + ("which breaks the limits" if over else "its search score was luck"),
        "not distinguishable": f"{side} the baseline, but it could be luck: not distinguishable",
    }[verdict.word]
    return (
        f"trial {best.trial.number} is {answer} "
        f"({results.objective_word} difference {_signed(verdict.difference)} on fresh folds, "
        f"95 % interval {_signed(low)} to {_signed(high)})"
    )


def _signed(value: float) -> str:
    """Return a difference with its sign, `+0.178` or `-1,964`."""
    return ("-" if value < 0 else "+") + loss(abs(value))


def _standing_line(name: str, standing: Standing) -> str:
    withstood = standing.folds.stress_accuracy
    stressed = "" if withstood is None else f", stressed {percent(withstood)}"
    word, off = standing.folds.share_word, off_by(standing.folds)
    costs = [COSTS[n].text(c) for n, c in standing.trial.costs.items() if n != "params"]
    return (
        f"{name:<8}  trial {standing.trial.number}: {word} {share(standing.share, word)} "
        f"(95 % interval {share_range(standing.share_interval, word)})"
        f"{stressed}{f', {off}' if off else ''}{_objective(standing)}, "
        f"{', '.join([f'{standing.trial.parameters:,} weights', *costs])}, "
        f"on {standing.scored_on}{', breaks the limits' if standing.trial.over_limits else ''}"
    )


def _objective(standing: Standing) -> str:
    """Return the objective behind a comma; nothing where the share says it already."""
    word = standing.folds.objective_word
    return "" if word == standing.folds.share_word else f", {word} {loss(standing.quoted)}"


def _front_lines(results: Results) -> list[str]:
    """Return the front of a search for several objectives, and what stands for a part of it."""
    if len(results.goals) < 2 or not results.front:
        return []
    words = " and ".join(goal.word for goal in results.goals)
    named = ", ".join(f"{pick} trial {number}" for pick, number in results.picks.items())
    return [
        f"front     {count(len(results.front), 'trial')} by {words}: "
        f"{', '.join(map(str, results.front))}",
        f"picks     {named} (`automl-sem export --pick knee`)",
    ]


def _stress_lines(results: Results) -> list[str]:
    """Return how the best trial fares under each distortion, and what the objective is."""
    if results.best is None or not results.run.manifest.stress:
        return []
    found, findings = stress_scores(results.best.folds), read_findings(results.run)
    kind = results.run.manifest.kind
    asked = ", ".join(f"{s.condition} {percent(s.accuracy)}" for s in found if s.scored)
    unseen = ", ".join(f"{s.condition} {percent(s.accuracy)}" for s in found if not s.scored)
    return [
        f"stressed  trial {results.best.trial.number}: {asked}",
        f"unseen    {unseen}: distortions that nothing was trained or chosen for",
        f"          objective: {_what_ranks(results, kind)}",
        *(f"warning   {warning}" for warning in findings.warnings),
        *(f"open      {unknown}" for unknown in findings.unknown),
    ]


def _what_ranks(results: Results, kind: str) -> str:
    word = results.run.manifest.of_stress
    if not word:
        return f"{results.objective_word} on {kind} as they are"
    return f"the mean of the {word} on {kind} as they are and on distorted ones"


def trials_table(results: Results) -> Table:
    """Return the trials of a run, best first, then the discarded ones, then the failed ones."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    stressed = bool(results.run.manifest.stress)
    columns = [
        "trial",
        "proposed by",
        results.share_word,
        results.objective_word,
        "folds",
        "weights",
        "s",
    ]
    if stressed:
        columns.insert(3, "stressed")
    twice = results.objective_word == results.share_word
    if twice:
        del columns[3]
    first = columns.index("weights")
    metrics = own_metrics(results.trials)
    columns[first:first] = metrics
    costs = [n for n in COSTS if n != "params" and any(n in t.costs for t in results.trials)]
    columns += [COSTS[name].word for name in costs]
    several = len(results.goals) > 1
    columns += ["front"] * several
    for column in columns:
        right = column not in ("proposed by", "folds", "front")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    failed = [t for t in results.trials if t.objective is None and t.state != "discarded"]
    failed.sort(key=lambda t: t.state == "infeasible")
    for trial in (*results.complete, *results.discarded_trials, *failed):
        style = "dim" if trial.state == "discarded" else None
        cells = _trial_cells(trial, results.share_word)
        if twice:
            del cells[3]
        if stressed:
            withstood = trial.stress_accuracy
            cells.insert(3, "" if withstood is None else percent(withstood))
        cells[first:first] = [loss(trial.metrics.get(name)) for name in metrics]
        cells += [loss(trial.costs[n]) if n in trial.costs else "" for n in costs]
        cells += [_front_cell(results, trial.number)] * several
        table.add_row(*cells, style=style)
    return table


def reasons(results: Results) -> list[str]:
    """Return a line for each trial that failed; to be discarded is not to fail."""
    failed = [t for t in results.trials if t.reason and t.state not in ("discarded", "infeasible")]
    broken = results.infeasible
    lines = [f"trial {t.number} {t.state}: {t.reason}" for t in (*failed, *broken[:FEW])]
    if len(broken) > FEW:
        lines.append(f"and {len(broken) - FEW} others broke the limits")
    return lines


def _front_cell(results: Results, number: int) -> str:
    """Return how a trial stands to the front."""
    picks = [pick for pick, picked in results.picks.items() if picked == number]
    return "* " + ", ".join(picks) if number in results.front else ", ".join(picks)


def _trial_cells(trial: TrialRecord, word: str) -> list[str]:
    if trial.objective is None and trial.state != "discarded":
        weights = f"{trial.parameters:,}" if trial.state == "infeasible" else ""
        return [str(trial.number), trial.proposed_by, trial.state, "", "", weights, ""]
    discarded = trial.state == "discarded"
    return [
        str(trial.number),
        trial.proposed_by,
        "discarded" if discarded else share(trial.share, word),
        loss(trial.quoted_so_far if discarded else trial.quoted),
        " ".join(short_share(value, word) for value in trial.fold_shares),
        f"{trial.parameters:,}",
        f"{trial.seconds:.1f}",
    ]


def runs_table(found: Iterable[tuple[RunDirectory, Results | str]]) -> Table:
    """Return the runs in their order.

    Args:
        found: Each run with its results, or with why it cannot be read.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("run", "trials", "best", "score", "state"):
        table.add_column(column, no_wrap=True, overflow="ignore")
    for run, results in found:
        inside = run.path.is_relative_to(Path.cwd())
        path = run.path.relative_to(Path.cwd()) if inside else run.path
        cells = ["-", "-", "-", "damaged"]
        if isinstance(results, Results):
            best = results.best
            cells = [
                str(len(results.trials)),
                f"trial {best.trial.number}" if best else "-",
                _best_share(results),
                "finished" if results.finished else "unfinished",
            ]
        table.add_row(*(escape(cell) for cell in (str(path), *cells)))
    return table


def _best_share(results: Results) -> str:
    """Return what people are shown of the best trial, with its name unless it is an accuracy."""
    if results.best is None:
        return percent(None)
    word = results.share_word
    text = share(results.best.share, word)
    return text if word == "accuracy" else f"{word} {text}"
