"""What people see while a search goes on: a line per trial, and a live line on a terminal."""

from __future__ import annotations

import re
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from automl_sem.fresh import Entry
from automl_sem.progress import LineListener, LiveListener
from automl_sem.types import Candidate, FoldResult, Outcome, Recipe, Score

FOLDS = 5
DIM, GREEN, YELLOW = "\x1b[2m", "\x1b[32m", "\x1b[33m"


def candidate(trial, proposed_by="model"):
    return Candidate(trial, {}, Recipe(), 10, proposed_by)


def fold(number, accuracy=0.8, loss=0.5, seconds=2.0):
    rows = np.arange(10)
    return FoldResult(number, rows, np.zeros((10, 2), np.float32), loss, accuracy, (), seconds)


def score(folds=FOLDS, **values):
    return Score(tuple(fold(i, **values) for i in range(folds)))


def scored(**values):
    return Outcome("scored", score=score(**values))


def discarded(folds):
    reason = f"after {folds} of {FOLDS} folds: mean log-loss 1.10 is worse than 0.34"
    return Outcome("discarded", reason, partial=score(folds, accuracy=1 / 3, loss=1.1))


DIVERGED = Outcome("diverged", "the training loss became nan")


# A line per trial


@pytest.fixture
def lines():
    return []


@pytest.fixture
def plain(lines):
    return LineListener(lines.append)


def test_a_discarded_trial_stands_in_the_columns_of_the_scored_ones(plain, lines):
    plain.trial_done(candidate(0, "baseline"), scored(accuracy=1.0))
    plain.trial_done(candidate(6), discarded(2))
    above, line = lines
    assert line == (
        "trial  6  model       discarded         log-loss 1.10    folds 33 33                "
        "4.0 s  after 2 of 5 folds"
    )
    assert [line.index(c) for c in ("log-loss", "folds", " s")] == [
        above.index(c) - shorter for c, shorter in (("log-loss", 0), ("folds", 0), (" s", 1))
    ]  # 10.0 s above, 4.0 s here


def test_a_discarded_trial_is_never_the_best_so_far(plain, lines):
    plain.trial_done(candidate(0), scored(loss=2.0))
    plain.trial_done(candidate(1), discarded(1))
    plain.trial_done(candidate(2), scored(loss=1.5))
    assert [line.endswith("best so far") for line in lines] == [True, False, True]


def test_a_failure_says_its_reason(plain, lines):
    plain.trial_done(candidate(7), DIVERGED)
    plain.note("trial 7: a worker ended, killed by signal 9")
    assert lines == [
        "trial  7  model       diverged: the training loss became nan",
        "trial 7: a worker ended, killed by signal 9",
    ]


# On a terminal


class Screen:
    """A terminal in memory."""

    def __init__(self):
        self.file = StringIO()
        self.console = Console(
            file=self.file, force_terminal=True, width=150, color_system="standard", highlight=False
        )

    def live(self, **options):
        options = {"trials": 13, "time_limit_s": None, **options}
        live = LiveListener(self.console, **options)
        live.planned(FOLDS, 2)
        return live

    def live_line(self, listener):
        """What the live line says now, its bar as `|`."""
        plain = Console(file=StringIO(), width=150)
        plain.print(listener._progress.get_renderable())
        return re.sub(r"\s[━╸╺\s]{8}\s", " | ", plain.file.getvalue().strip())

    def printed(self, text):
        return next(line for line in self.file.getvalue().splitlines() if text in line)


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = SimpleNamespace(perf_counter=lambda: now.seconds, seconds=0.0)
    monkeypatch.setattr("automl_sem.progress.time", now)
    return now


def fits(listener):
    (task,) = listener._progress.tasks
    return task.completed


def test_one_trial_under_way_shows_its_fold_and_its_scores(screen, clock):
    with screen.live() as live:
        clock.seconds = 100.0  # TensorFlow starts: no pace to go by
        live.trial_started(candidate(0), 0)
        clock.seconds += 2 * 2
        live.fold_done(candidate(0), fold(0, accuracy=0.7))
        live.fold_done(candidate(0), fold(1, accuracy=0.9))
        line = screen.live_line(live)
    assert line == "trial 0, fold 3/5 | best -  folds 70 90  about 2 min 26 s left"  # 73 x 2 s


def test_several_trials_under_way_show_all_of_them_and_the_fold_fits(screen, clock):
    with screen.live() as live:
        live.trial_started(candidate(0), 0)
        for number in range(FOLDS):
            live.fold_done(candidate(0), fold(number))
        live.trial_done(candidate(0), scored(accuracy=0.978))
        live.trial_started(candidate(1), 0)
        live.trial_started(candidate(2), 0)
        live.fold_done(candidate(2), fold(0))
        live.fold_done(candidate(1), fold(0))
        clock.seconds += 8 * 1
        live.fold_done(candidate(2), fold(1))
        line = screen.live_line(live)
    assert line == "trials 1, 2 | best 97.8 %  8/75 fold fits  about 1 min 7 s left"  # 67 x 1 s


def test_fold_fits_that_were_saved_count_as_done(screen):
    with screen.live() as live:
        live.trial_started(candidate(0), 0)
        live.trial_started(candidate(1), 0)
        live.fold_done(candidate(1), fold(0))
        live.fold_done(candidate(0), fold(0))
        live.fold_done(candidate(1), fold(1))
        assert fits(live) == 3
        live.trial_done(candidate(1), discarded(2))
        assert fits(live) == 1 + FOLDS
        live.trial_started(candidate(2), 0)
        live.trial_done(candidate(2), DIVERGED)
        assert fits(live) == 1 + 2 * FOLDS
        assert screen.live_line(live).startswith("trial 0, fold 2/5 | ")


def test_whatever_the_order_in_which_trials_end_no_fold_fit_is_counted_twice(screen):
    with screen.live(trials=3) as live:
        for trial in range(3):
            live.trial_started(candidate(trial), 0)
        for number in range(FOLDS):
            for trial in (2, 0, 1):
                live.fold_done(candidate(trial), fold(number))
        assert fits(live) == 3 * FOLDS
        for trial in (1, 2, 0):
            live.trial_done(candidate(trial), scored())
            assert fits(live) == 3 * FOLDS
        for trial in (1, 0):
            for number in range(FOLDS):
                live.fresh_fold_done(Entry(candidate(trial)), fold(number))
        (task,) = live._progress.tasks
        assert task.completed == task.total == 5 * FOLDS


def test_a_search_that_goes_on_counts_what_earlier_sessions_did(screen):
    with screen.live() as live:
        live.trial_started(candidate(3), 2)  # 0, 1, 2 and 4 have ended
        live.trial_started(candidate(5), 1)
        assert fits(live) == 4 * FOLDS + 2 + 1


def test_finalists_can_run_at_the_same_time(screen):
    with screen.live(trials=1) as live:
        live.fresh_fold_done(Entry(candidate(4)), fold(0))
        assert screen.live_line(live).startswith("fresh folds, trial 4, fold 2/5 | ")
        live.fresh_fold_done(Entry(candidate(0)), fold(0))
        assert screen.live_line(live).startswith("fresh folds, trials 0, 4 | best -  7/15")
        for number in range(1, FOLDS):
            live.fresh_fold_done(Entry(candidate(4)), fold(number))
        live.fresh_done(Entry(candidate(4)))
        live.fresh_fold_done(Entry(candidate(0)), fold(1))
        assert screen.live_line(live).startswith("fresh folds, trial 0, fold 3/5 | ")


def test_the_check_of_a_stress_counts_and_is_named(screen):
    with screen.live(trials=1) as live:
        live.planned(FOLDS, 4)
        live.fresh_fold_done(Entry(candidate(4), variant="with rotate"), fold(0))
        line = screen.live_line(live)
        assert line.startswith("fresh folds, trial 4 with rotate, fold 2/5 | ")
        live.fresh_fold_done(Entry(candidate(4), variant="without shift"), fold(0))
        line = screen.live_line(live)
        assert line.startswith("fresh folds, trials 4 with rotate, 4 without shift | best -  7/25")


def test_without_a_number_of_trials_the_time_limit_is_what_is_left(screen, clock):
    with screen.live(trials=None, time_limit_s=3600.0) as live:
        live.trial_started(candidate(0), 0)
        live.trial_started(candidate(1), 0)
        clock.seconds = 60.0
        live.fold_done(candidate(1), fold(0))
        line = screen.live_line(live)
    assert line == "trials 0, 1 | best -  1 fold fit  about 59 min 0 s left"


def test_colours_tell_the_kinds_of_lines_apart(screen):
    with screen.live() as live:
        live.trial_started(candidate(0), 0)
        live.trial_done(candidate(0), scored(loss=0.3))
        live.trial_done(candidate(1), discarded(2))
        live.trial_done(candidate(2), DIVERGED)
        live.trial_done(candidate(3), scored(loss=0.9))
        live.note("note [bold]as it is[/bold]")
    assert GREEN in screen.printed("best so far")
    assert DIM in screen.printed("discarded")
    assert YELLOW in screen.printed("diverged")
    assert YELLOW in screen.printed("note [bold]as it is[/bold]")
    assert not any(colour in screen.printed("trial  3") for colour in (DIM, GREEN, YELLOW))
    assert GREEN + "starting" not in screen.file.getvalue()  # the live line keeps its own
