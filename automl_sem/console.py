"""What people see: a live line on a terminal, one plain line a trial when piped, tables.

Progress goes to stderr; results go to stdout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from automl_sem.fresh import Entry
from automl_sem.reports.wording import count, duration, loss, percent
from automl_sem.results import Results, Standing, TrialRecord
from automl_sem.run import RunDirectory
from automl_sem.scoring.stress import stress_scores
from automl_sem.stress_check import read_findings
from automl_sem.types import Candidate, FoldResult, Outcome, Score


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
        best_loss = best.trial.objective if best is not None else None
        self._best = float("inf") if best_loss is None else best_loss
        self._folds_width = 0  # of the longest list of fold scores said so far

    def note(self, line: str) -> None:
        """Say something that people should know."""
        self._print(line, "yellow")

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """Say that a trial of an earlier session goes on."""
        if folds_done:
            self._print(f"trial {candidate.trial:>2}  goes on after {folds_done} finished folds")

    def fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Stay silent: a line is said per trial."""

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Say how the trial ended."""
        line = f"trial {candidate.trial:>2}  {candidate.proposed_by:<10}  "
        if outcome.score is not None:
            best = outcome.score.objective < self._best
            self._best = min(self._best, outcome.score.objective)
            line += self._scored(outcome.score) + ("  best so far" if best else "")
            self._print(line, "green" if best else "")
        elif outcome.partial is not None:
            self._print(line + self._discarded(outcome.partial, outcome.reason), "dim")
        else:
            self._print(f"{line}{outcome.status.replace('_', ' ')}: {outcome.reason}", "yellow")

    def fresh_planned(self, trials: int) -> None:
        """Stay silent: how much is to do shows on a terminal alone."""

    def fresh_fold_done(self, entry: Entry, result: FoldResult) -> None:
        """Say that a trial is being trained on the fresh folds."""
        if result.fold == 0:
            variant = f", {entry.variant}" if entry.variant else ""
            self._print(f"trial {entry.candidate.trial:>2}  again on fresh folds{variant}")

    def fresh_done(self, entry: Entry) -> None:
        """Stay silent: its score is told at the end."""

    def _scored(self, score: Score) -> str:
        folds = " ".join(_whole(f.accuracy) for f in score.folds)
        self._folds_width = max(self._folds_width, len(folds))
        return (
            f"accuracy {percent(score.accuracy):>7}{_stressed(score)}"
            f"  {score.objective_word} {loss(score.objective):<6}"
            f"  folds {folds}  {score.seconds:.1f} s"
        )

    def _discarded(self, partial: Score, reason: str) -> str:
        """Return the end of a line in the columns of the scored ones, without an accuracy."""
        folds = " ".join(_whole(f.accuracy) for f in partial.folds)
        after = reason.partition(":")[0]  # "after 2 of 5 folds", without the two means
        return (
            f"{'discarded':<16}{_stressed(partial)}"
            f"  {partial.objective_word} {loss(partial.objective):<6}"
            f"  folds {folds:<{self._folds_width}}  {partial.seconds:.1f} s  {after}"
        )

    def _print(self, line: str, style: str = "") -> None:  # noqa: ARG002, the style is for terminals
        self._say(line)


@dataclass
class _Running:
    """A trial under way: how many folds are done, and the accuracies of this session's."""

    done: int
    scores: list[str] = field(default_factory=list)


class LiveListener(LineListener):
    """A live line below the finished trials: what runs, the best, fold scores, time left.

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
        super().__init__(console.print, best)
        self._folds = folds
        self._time_limit_s = time_limit_s
        self._started = time.perf_counter()
        self._first_trial = self._started  # when it began
        self._fits = 0  # of this session
        self._running: dict[tuple[int, str], _Running] = {}  # by trial and variant
        self._trials = trials or 0
        self._last_trial = -1
        self._fresh_fits = 0
        self._best_text = percent(best.trial.accuracy) if best is not None else "-"
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[status]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, status="")
        self.fresh_planned(2)

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

    def _print(self, line: str, style: str = "") -> None:
        self._progress.console.print(Text(line, style))  # the style of the line alone

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """Show the trial."""
        super().trial_started(candidate, folds_done)
        if self._last_trial < 0:
            self._first_trial = time.perf_counter()
        self._running[candidate.trial, ""] = _Running(folds_done)
        self._last_trial = max(self._last_trial, candidate.trial)
        self._show()

    def fold_done(self, candidate: Candidate, result: FoldResult) -> None:
        """Show the fold's score."""
        running = self._running.setdefault((candidate.trial, ""), _Running(0))
        running.done += 1
        running.scores.append(_whole(result.accuracy))
        self._fits += 1
        self._show()

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Print the trial's line."""
        if outcome.score is not None and outcome.score.objective < self._best:
            self._best_text = percent(outcome.score.accuracy)
        super().trial_done(candidate, outcome)
        self._running.pop((candidate.trial, ""), None)
        self._show()

    def fresh_planned(self, trials: int) -> None:
        """Count the trials on the fresh folds among what is to do."""
        if self._trials:
            self._progress.update(self._task, total=(self._trials + trials) * self._folds)

    def fresh_fold_done(self, entry: Entry, result: FoldResult) -> None:
        """Show the fold of a trial on the fresh folds."""
        key = entry.candidate.trial, entry.variant
        running = self._running.setdefault(key, _Running(0))
        running.done = result.fold + 1
        self._fresh_fits += 1
        self._fits += 1
        self._show(fresh=True)

    def fresh_done(self, entry: Entry) -> None:
        """Leave the trial out."""
        self._running.pop((entry.candidate.trial, entry.variant), None)

    def _show(self, fresh: bool = False) -> None:
        """Bring the live line up to date; between two trials it stays as it is."""
        fits = self._fold_fits(fresh)
        self._progress.update(self._task, completed=fits)
        if not self._running:
            return
        label = "fresh folds, " if fresh else ""
        status = f"best {self._best_text}"
        if len(self._running) == 1:
            ((key, running),) = self._running.items()
            what = f"trial {_named(key)}, fold {min(running.done + 1, self._folds)}/{self._folds}"
            if running.scores:
                status += f"  folds {' '.join(running.scores)}"
        else:
            what = f"trials {', '.join(map(_named, sorted(self._running)))}"
            total = self._progress.tasks[self._task].total
            status += f"  {fits}/{total:.0f} fold fits" if total else f"  {count(fits, 'fold fit')}"
        status += self._time_left()
        self._progress.update(self._task, description=label + what, status=status)

    def _fold_fits(self, fresh: bool) -> int:
        """Return the fold fits done or spared: all of the trials that are not under way."""
        if fresh:  # the search is over
            return max(self._last_trial + 1, self._trials) * self._folds + self._fresh_fits
        ended = self._last_trial + 1 - len(self._running)
        return ended * self._folds + sum(running.done for running in self._running.values())

    def _time_left(self) -> str:
        """Return what is left at the pace of this session, whatever number of workers set it."""
        task, now = self._progress.tasks[self._task], time.perf_counter()
        left: list[float] = []
        if task.total is not None and self._fits:
            pace = (now - self._first_trial) / self._fits
            left.append(pace * (task.total - task.completed))
        if self._time_limit_s is not None:
            left.append(self._time_limit_s - (now - self._started))
        return f"  about {duration(max(0.0, min(left)))} left" if left else ""


def _named(key: tuple[int, str]) -> str:
    trial, variant = key
    return f"{trial} {variant}".rstrip()


def _stressed(score: Score) -> str:
    """Return the share of distorted copies that are right, as a column; empty without stress."""
    share = score.stress_accuracy
    return "" if share is None else f"  stressed {percent(share):>7}"


def _whole(share: float) -> str:
    return f"{100 * share:.0f}"


def summary(results: Results) -> str:
    """Return the outcome of a search in a few lines."""
    lines = []
    if results.best is not None:
        lines.append(_standing_line("best", results.best))
    if results.baseline is not None:
        lines.append(_standing_line("baseline", results.baseline))
    lines += _stress_lines(results)
    if results.verdict is not None or results.undecided:
        lines.append(f"verdict   {verdict_sentence(results)}")
    states = [t.state for t in results.trials]
    dropped = "".join(
        f", {states.count(state)} {state}"
        for state in ("pruned", "failed", "running")
        if state in states
    )
    if results.discarded:
        saved = count(results.fold_fits_saved, "fold fit")
        dropped = f", {results.discarded} discarded early ({saved} saved){dropped}"
    lines.append(
        f"search    {count(len(states), 'trial')}, {results.proposed_by_model} of them proposed by "
        f"the sampler's model{dropped}, {results.fold_fits} fold fits, {duration(results.wall_s)}"
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
    interval, share = standing.accuracy_interval, standing.folds.stress_accuracy
    stressed = "" if share is None else f", stressed {percent(share)}"
    return (
        f"{name:<8}  trial {standing.trial.number}: accuracy {percent(standing.accuracy)} "
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
    asked = ", ".join(f"{s.condition} {percent(s.accuracy)}" for s in found if s.scored)
    unseen = ", ".join(f"{s.condition} {percent(s.accuracy)}" for s in found if not s.scored)
    return [
        f"stressed  trial {results.best.trial.number}: {asked}",
        f"unseen    {unseen}: distortions that nothing was trained or chosen for",
        "          objective: the mean of the log-loss on images as they are and on distorted ones",
        *(f"warning   {warning}" for warning in findings.warnings),
        *(f"open      {unknown}" for unknown in findings.unknown),
    ]


def trials_table(results: Results) -> Table:
    """Return the trials of a run, best first, then the discarded ones, then the failed ones."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    stressed = bool(results.run.manifest.stress)
    columns = ["trial", "proposed by", "accuracy", results.objective_word, "folds", "weights", "s"]
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
        "discarded" if discarded else percent(trial.accuracy),
        loss(trial.mean_so_far if discarded else trial.objective),
        " ".join(map(_whole, trial.fold_accuracies)),
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
