"""What people see while a search goes on: a live line on a terminal, else a plain line a trial.

Progress goes to stderr.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from automl_sem.costs import COSTS
from automl_sem.fresh import Entry
from automl_sem.reports.wording import (
    count,
    duration,
    loss,
    off_by,
    percent,
    share,
    short_share,
)
from automl_sem.results import Standing
from automl_sem.scoring.scores import score_of
from automl_sem.types import AnyFold, AnyScore, Candidate, Outcome


@contextmanager
def counting(console: Console) -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield what shows how many of how many things are done; None where there is no terminal."""
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda what, done, total: progress.update(
            task, description=what, completed=done, total=total
        )


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

    def fold_done(self, candidate: Candidate, result: AnyFold) -> None:
        """Stay silent: a line is said per trial."""

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Say how the trial ended."""
        line = f"trial {candidate.trial:>2}  {candidate.proposed_by:<10}  "
        if outcome.score is not None:
            best = outcome.score.objective < self._best and not candidate.over_limits
            if best:
                self._best = outcome.score.objective
            line += self._scored(outcome.score) + _costs(candidate)
            line += "  best so far" if best else ""
            line += "  breaks the limits" if candidate.over_limits else ""
            self._print(line, "green" if best else "")
        elif outcome.partial is not None:
            self._print(line + self._discarded(outcome.partial, outcome.reason), "dim")
        elif outcome.reached:
            self._print(f"{line}discarded  {outcome.reason}", "dim")
        else:
            style = "dim" if outcome.status == "infeasible" else "yellow"
            self._print(f"{line}{outcome.status.replace('_', ' ')}: {outcome.reason}", style)

    def planned(self, folds: int, fresh: int) -> None:
        """Stay silent: how much is to do shows on a terminal alone."""

    def fresh_fold_done(self, entry: Entry, result: AnyFold) -> None:
        """Say that a trial is being trained on the fresh folds."""
        if result.fold == 0:
            variant = f", {entry.variant}" if entry.variant else ""
            self._print(f"trial {entry.candidate.trial:>2}  again on fresh folds{variant}")

    def fresh_done(self, entry: Entry) -> None:
        """Stay silent: its score is told at the end."""

    def _scored(self, score: AnyScore) -> str:
        folds = _folds(score)
        self._folds_width = max(self._folds_width, len(folds))
        off = off_by(score)
        return (
            f"{score.share_word} {share(score.share, score.share_word):>7}{_stressed(score)}"
            f"{f'  {off:<12}' if off else ''}{_objective(score)}"
            f"  folds {folds}  {score.seconds:.1f} s"
        )

    def _discarded(self, partial: AnyScore, reason: str) -> str:
        """Return the end of a line in the columns of the scored ones, without an accuracy."""
        folds = _folds(partial)
        after = reason.partition(":")[0]  # "after 2 of 5 folds", without the two means
        return (
            f"{'discarded':<16}{_stressed(partial)}{_objective(partial)}"
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
        time_limit_s: Time limit in seconds, or None.
        best: The best trial so far of a search that goes on.
    """

    def __init__(
        self,
        console: Console,
        trials: int | None,
        time_limit_s: float | None,
        best: Standing | None = None,
    ) -> None:
        super().__init__(console.print, best)
        self._folds = 0
        self._time_limit_s = time_limit_s
        self._started = time.perf_counter()
        self._first_trial = self._started  # when it began
        self._fits = 0  # of this session
        self._running: dict[tuple[int, str], _Running] = {}  # by trial and variant
        self._trials = trials or 0
        self._last_trial = -1
        self._fresh_fits = 0
        self._infeasible = 0  # trials of this session that count for nothing
        self._best_text = "-"
        if best is not None:
            self._best_text = share(best.trial.share, best.folds.share_word)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[status]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, status="")

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

    def fold_done(self, candidate: Candidate, result: AnyFold) -> None:
        """Show the fold's score."""
        running = self._running.setdefault((candidate.trial, ""), _Running(0))
        running.done += 1
        running.scores.append(short_share(result.share, score_of([result]).share_word))
        self._fits += 1
        self._show()

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Print the trial's line."""
        if outcome.status == "infeasible":
            self._infeasible += 1
        better = outcome.score is not None and outcome.score.objective < self._best
        if outcome.score is not None and better and not candidate.over_limits:
            self._best_text = share(outcome.score.share, outcome.score.share_word)
        super().trial_done(candidate, outcome)
        self._running.pop((candidate.trial, ""), None)
        self._show()

    def planned(self, folds: int, fresh: int) -> None:
        """Count the folds of all trials, those on the fresh folds among them, as what is to do."""
        self._folds = folds
        if self._trials:
            self._progress.update(self._task, total=(self._trials + fresh) * folds)

    def fresh_fold_done(self, entry: Entry, result: AnyFold) -> None:
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
            counted = max(self._last_trial + 1 - self._infeasible, self._trials)
            return counted * self._folds + self._fresh_fits
        ended = self._last_trial + 1 - len(self._running) - self._infeasible
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


def _folds(score: AnyScore) -> str:
    return " ".join(short_share(fold.share, score.share_word) for fold in score.folds)


def _stressed(score: AnyScore) -> str:
    """Return the share of distorted copies that are right, as a column; empty without stress."""
    withstood = score.stress_accuracy
    return "" if withstood is None else f"  stressed {percent(withstood):>7}"


def _objective(score: AnyScore) -> str:
    """Return the objective as a column; nothing where the share says it already."""
    word = score.objective_word
    return "" if word == score.share_word else f"  {word} {loss(score.quoted):<6}"


def _costs(candidate: Candidate) -> str:
    """Return what a candidate costs to run, as far as it was asked for."""
    return "".join(f"  {COSTS[name].text(value)}" for name, value in candidate.costs.items())
