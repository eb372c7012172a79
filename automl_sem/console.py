"""What people see: a live line on a terminal, one plain line a trial when piped, tables.

Progress goes to stderr; results go to stdout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from automl_sem.reports.wording import duration, loss, percent
from automl_sem.results import Results, Standing, TrialRecord
from automl_sem.run import RunDirectory
from automl_sem.types import Candidate, FoldResult, Outcome


def stdout() -> Console:
    """Return the console for results."""
    piped = None if sys.stdout.isatty() else 200
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, width=piped)


def stderr() -> Console:
    """Return the console for progress, hints and errors."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


class LineListener:
    """Says one plain line per trial.

    Args:
        say: Takes a line.
        best: The best trial so far of a search that goes on.
    """

    def __init__(self, say: Callable[[str], None], best: Standing | None = None) -> None:
        self._say = say
        best_loss = best.trial.log_loss if best is not None else None
        self._best = float("inf") if best_loss is None else best_loss

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """Say that a trial of an earlier session goes on."""
        if folds_done:
            self._say(f"trial {candidate.trial:>2}  goes on after {folds_done} finished folds")

    def fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Stay silent: a line is said per trial."""

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Say how the trial ended."""
        self._say(self.line(candidate, outcome))

    def finalist_fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Say that a finalist is being trained on the fresh folds."""
        if result.fold == 0:
            self._say(f"trial {candidate.trial:>2}  again on fresh folds")

    def line(self, candidate: Candidate, outcome: Outcome) -> str:
        """Return the line of a finished trial."""
        start = f"trial {candidate.trial:>2}  {candidate.proposed_by:<10}"
        if outcome.score is None:
            return f"{start}  {outcome.status.replace('_', ' ')}: {outcome.reason}"
        score = outcome.score
        folds = " ".join(f"{100 * f.accuracy:.0f}" for f in score.folds)
        best = score.log_loss < self._best
        self._best = min(self._best, score.log_loss)
        return (
            f"{start}  accuracy {percent(score.accuracy):>7}  log-loss {loss(score.log_loss):<6}"
            f"  folds {folds}  {score.seconds:.1f} s{'  best so far' if best else ''}"
        )


class LiveListener(LineListener):
    """A live line below the finished trials: trial, fold, best, fold scores, time left.

    Args:
        console: A terminal.
        trials: Trials to do, or None when only time limits them.
        folds: Number of folds.
        time_limit_s: Time limit in seconds, or None.
        best: The best trial so far of a search that goes on.
    """

    def __init__(
        self,
        console: Console,
        trials: int | None,
        folds: int,
        time_limit_s: float | None,
        best: Standing | None = None,
    ) -> None:
        super().__init__(self._print, best)
        self._folds = folds
        self._time_limit_s = time_limit_s
        self._started = time.perf_counter()
        self._fold_seconds: list[float] = []
        self._fold_scores: list[str] = []
        self._best_text = percent(best.trial.accuracy) if best is not None else "-"
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[status]}"),
            console=console,
            transient=True,
        )
        finalists = 2
        fits = (trials + finalists) * folds if trials is not None else None
        self._task = self._progress.add_task("starting", total=fits, status="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def _print(self, line: str) -> None:
        text = escape(line)
        if line.endswith("best so far"):
            text = f"[green]{text}[/green]"
        elif ": " in line and "accuracy" not in line:
            text = f"[yellow]{text}[/yellow]"
        self._progress.console.print(text)

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """Show the trial."""
        super().trial_started(candidate, folds_done)
        self._fold_scores = []
        self._progress.advance(self._task, folds_done)
        self._show(candidate, folds_done)

    def fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Show the fold's score."""
        self._fold_scores.append(f"{100 * result.accuracy:.0f}")
        self._fold_seconds.append(result.seconds)
        self._progress.advance(self._task)
        self._show(candidate, result.fold + 1)

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Print the trial's line."""
        if outcome.score is not None and outcome.score.log_loss < self._best:
            self._best_text = percent(outcome.score.accuracy)
        super().trial_done(candidate, outcome)
        self._progress.update(self._task, completed=(candidate.trial + 1) * self._folds)

    def finalist_fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Show the finalist's fold."""
        self._progress.advance(self._task)
        self._fold_seconds.append(result.seconds)
        self._show(candidate, result.fold + 1, label="fresh folds, ")

    def _show(self, candidate: Candidate, fold: int, label: str = "") -> None:
        scores = "" if label else " ".join(self._fold_scores)
        status = f"best {self._best_text}" + (f"  folds {scores}" if scores else "")
        current = min(fold + 1, self._folds)
        self._progress.update(
            self._task,
            description=f"{label}trial {candidate.trial}, fold {current}/{self._folds}",
            status=status + self._time_left(),
        )

    def _time_left(self) -> str:
        task = self._progress.tasks[self._task]
        left: list[float] = []
        if task.total is not None and self._fold_seconds:
            mean = sum(self._fold_seconds) / len(self._fold_seconds)
            left.append(mean * (task.total - task.completed))
        if self._time_limit_s is not None:
            left.append(self._time_limit_s - (time.perf_counter() - self._started))
        return f"  {duration(max(0.0, min(left)))} left" if left else ""


def summary(results: Results) -> str:
    """Return the outcome of a search in a few lines."""
    lines = []
    if results.best is not None:
        lines.append(_standing_line("best", results.best))
    if results.baseline is not None:
        lines.append(_standing_line("baseline", results.baseline))
    if results.verdict is not None or results.undecided:
        lines.append(f"verdict   {verdict_sentence(results)}")
    states = [t.state for t in results.trials]
    dropped = "".join(
        f", {states.count(state)} {state}"
        for state in ("pruned", "failed", "running")
        if state in states
    )
    lines.append(
        f"search    {len(states)} trials{dropped}, {results.proposed_by_model} of them proposed "
        f"by the sampler's model, {results.fold_fits} fold fits, {duration(results.wall_s)}"
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
        alone = len(results.complete) == 1
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
        f"(log-loss difference {verdict.difference:+.3g} on fresh folds, "
        f"95 % interval {low:+.3g} to {high:+.3g})"
    )


def _standing_line(name: str, standing: Standing) -> str:
    interval = standing.accuracy_interval
    return (
        f"{name:<8}  trial {standing.trial.number}: accuracy {percent(standing.accuracy)} "
        f"(95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %), "
        f"log-loss {loss(standing.score)}, {standing.trial.parameters:,} weights, "
        f"on {standing.scored_on}"
    )


def trials_table(results: Results) -> Table:
    """Return the trials of a run, best first, those without a score last."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("trial", "proposed by", "accuracy", "log-loss", "folds", "weights", "s"):
        right = column not in ("proposed by", "folds")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    without = [t for t in results.trials if t.log_loss is None]
    for trial in (*results.complete, *without):
        table.add_row(*_trial_cells(trial))
    return table


def reasons(results: Results) -> list[str]:
    """Return a line for each trial that ended without a score."""
    return [f"trial {t.number} {t.state}: {t.reason}" for t in results.trials if t.reason]


def _trial_cells(trial: TrialRecord) -> list[str]:
    if trial.log_loss is None:
        return [str(trial.number), trial.proposed_by, trial.state, "", "", "", ""]
    return [
        str(trial.number),
        trial.proposed_by,
        percent(trial.accuracy),
        loss(trial.log_loss),
        " ".join(f"{100 * a:.0f}" for a in trial.fold_accuracies),
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
                percent(best.accuracy if best else None),
                "finished" if results.finished else "unfinished",
            ]
        table.add_row(*(escape(cell) for cell in (str(path), *cells)))
    return table
