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

from automl_sem.fakes_check import sentence
from automl_sem.reports.wording import count, duration, loss, percent, whole_percent
from automl_sem.results import Results, Standing, TrialRecord
from automl_sem.run import RunDirectory
from automl_sem.scoring.stress import stress_scores
from automl_sem.stress_check import read_findings


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
    if results.discarded:
        saved = count(results.fold_fits_saved, "fold fit")
        dropped = f", {results.discarded} discarded early ({saved} saved){dropped}"
    model = results.proposed_by_model
    learned = f", {model} of them proposed by the sampler's model" if results.models else ""
    lines.append(
        f"search    {count(len(states), 'trial')}{learned}{dropped}, "
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
    side = "ahead of" if verdict.difference < 0 else "behind"
    answer = {
        "better": "better than the baseline",
        "worse": "worse than the baseline, its search score was luck",
        "not distinguishable": f"{side} the baseline, but it could be luck: not distinguishable",
    }[verdict.word]
    return (
        f"trial {best.trial.number} is {answer} "
        f"({results.objective_word} difference {verdict.difference:+.3g} on fresh folds, "
        f"95 % interval {low:+.3g} to {high:+.3g})"
    )


def _standing_line(name: str, standing: Standing) -> str:
    interval, share = standing.share_interval, standing.folds.stress_accuracy
    stressed = "" if share is None else f", stressed {percent(share)}"
    word = standing.folds.share_word
    return (
        f"{name:<8}  trial {standing.trial.number}: {word} {percent(standing.share)} "
        f"(95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %)"
        f"{stressed}, {standing.folds.objective_word} {loss(standing.score)}, "
        f"{standing.trial.parameters:,} weights, "
        f"on {standing.scored_on}"
    )


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
        f"          objective: the mean of the log-loss on {kind} as they are and on distorted "
        "ones",
        *(f"warning   {warning}" for warning in findings.warnings),
        *(f"open      {unknown}" for unknown in findings.unknown),
    ]


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
    for column in columns:
        right = column not in ("proposed by", "folds")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    failed = [t for t in results.trials if t.objective is None and t.state != "discarded"]
    for trial in (*results.complete, *results.discarded_trials, *failed):
        style = "dim" if trial.state == "discarded" else None
        cells = _trial_cells(trial)
        if stressed:
            share = trial.stress_accuracy
            cells.insert(3, "" if share is None else percent(share))
        table.add_row(*cells, style=style)
    return table


def reasons(results: Results) -> list[str]:
    """Return a line for each trial that failed; to be discarded is not to fail."""
    failed = [t for t in results.trials if t.reason and t.state != "discarded"]
    return [f"trial {t.number} {t.state}: {t.reason}" for t in failed]


def _trial_cells(trial: TrialRecord) -> list[str]:
    if trial.objective is None and trial.state != "discarded":
        return [str(trial.number), trial.proposed_by, trial.state, "", "", "", ""]
    discarded = trial.state == "discarded"
    return [
        str(trial.number),
        trial.proposed_by,
        "discarded" if discarded else percent(trial.share),
        loss(trial.mean_so_far if discarded else trial.objective),
        " ".join(map(whole_percent, trial.fold_shares)),
        f"{trial.parameters:,}",
        f"{trial.seconds:.1f}",
    ]


def runs_table(found: Iterable[tuple[RunDirectory, Results | str]]) -> Table:
    """Return the runs in their order.

    Args:
        found: Each run with its results, or with why it cannot be read.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("run", "trials", "best", "accuracy", "state"):
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
                percent(best.share if best else None),
                "finished" if results.finished else "unfinished",
            ]
        table.add_row(*(escape(cell) for cell in (str(path), *cells)))
    return table
