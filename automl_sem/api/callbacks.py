"""Callbacks of a search, in the manner of Keras's: subclass, override, pass to `run`."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_sem.api.run import Run
from automl_sem.errors import UserError, one_line
from automl_sem.fresh import Entry
from automl_sem.search_loop import Listener
from automl_sem.types import AnyFold, Candidate, Outcome

Logs = Mapping[str, Any]


@dataclass
class OngoingSearch:
    """A search that is under way, as `SearchCallback.search`.

    Args:
        run: The run, to look at.
        stop_search: Set it to True to let the search start no new trial; those under way are
            finished, the best is scored on the fresh folds, and the report is written.
    """

    run: Run
    stop_search: bool = False


class SearchCallback:
    """Is told what happens in a search; override what you need.

    All methods run in the process that searches, whatever the number of workers. What one raises is
    noted in the run's `run.log`, and the callback is left out from then on: nothing of the
    search is lost. `self.search` is the ongoing search; set `self.search.stop_search` to
    end it early.

    Example:
        ```python
        class UntilGood(SearchCallback):
            def on_trial_end(self, trial, logs=None):
                if logs["status"] == "scored" and logs["accuracy"] > 0.99:
                    self.search.stop_search = True
        ```
    """

    search: OngoingSearch

    def set_search(self, search: OngoingSearch) -> None:
        """Take note of the search; called before all else."""
        self.search = search

    def on_search_begin(self, logs: Logs | None = None) -> None:
        """The search starts or goes on."""

    def on_search_end(self, logs: Logs | None = None) -> None:
        """The search is over, however it ended: done, interrupted or failed."""

    def on_trial_begin(self, trial: int, logs: Logs | None = None) -> None:
        """A trial starts, or goes on.

        Args:
            trial: Its number.
            logs: `hyperparameters`, `parameters` (number of weights), `proposed_by`, `folds_done`.
        """

    def on_fold_end(self, trial: int, fold: int, logs: Logs | None = None) -> None:
        """A fold fit of a trial ended.

        Args:
            trial: Its number.
            fold: Number of the fold, from 0.
            logs: `objective` (lower is better, whatever the metric), `seconds`.
        """

    def on_trial_end(self, trial: int, logs: Logs | None = None) -> None:
        """A trial ended, and is on record.

        Args:
            trial: Its number.
            logs: `status` (`"scored"`, `"discarded"`, `"failed"`, ...), `reason`; of a scored trial
                `objective` (lower is better), `fold_objectives`, `seconds` and `accuracy` as well
                (`macro_f1` of several labels, `r2` of numbers, `coverage` of GANs), and each metric
                of `--objective` by its name, as people quote it.
        """


class Callbacks(Listener):
    """Calls the callbacks of a person for a listener's events, and hands these on.

    Args:
        callbacks: `SearchCallback`s, or functions (study, trial) as for `study.optimize`.
        run: The run.
        listener: Is told everything, too.
    """

    def __init__(self, callbacks: Sequence[Any], run: Run, listener: Listener) -> None:
        self._search = OngoingSearch(run)
        self._listener = listener
        self._callbacks = callbacks_of(callbacks)
        self._tell("set_search", self._search)

    def stopped(self) -> bool:
        """Whether a callback has ended the search."""
        return self._search.stop_search

    @contextlib.contextmanager
    def searching(self) -> Iterator[None]:
        """Tell the callbacks that a search begins, and, whatever happens, that it ended."""
        self._tell("on_search_begin", {})
        try:
            yield
        finally:
            self._tell("on_search_end", {})

    def trial_started(self, candidate: Candidate, folds_done: int) -> None:
        """Hand it on, and call `on_trial_begin`."""
        self._listener.trial_started(candidate, folds_done)
        logs = {
            "hyperparameters": dict(candidate.values),
            "parameters": candidate.parameters,
            "proposed_by": candidate.proposed_by,
            "folds_done": folds_done,
        }
        self._tell("on_trial_begin", candidate.trial, logs)

    def fold_done(self, candidate: Candidate, result: AnyFold) -> None:
        """Hand it on, and call `on_fold_end`."""
        self._listener.fold_done(candidate, result)
        logs = {"objective": result.objective, "seconds": result.seconds}
        self._tell("on_fold_end", candidate.trial, result.fold, logs)

    def trial_done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Hand it on, and call `on_trial_end`."""
        self._listener.trial_done(candidate, outcome)
        logs: dict[str, Any] = {"status": outcome.status, "reason": outcome.reason}
        if outcome.score is not None:
            logs |= {
                "objective": outcome.score.objective,
                "fold_objectives": [fold.objective for fold in outcome.score.folds],
                self._search.run.directory.manifest.words.share_name: outcome.score.share,
                **{each.goal.name: each.value for each in outcome.score.measured},
                "seconds": sum(fold.seconds for fold in outcome.score.folds),
            }
        self._tell("on_trial_end", candidate.trial, logs)

    def planned(self, folds: int, fresh: int) -> None:
        """Hand it on."""
        self._listener.planned(folds, fresh)

    def note(self, line: str) -> None:
        """Hand it on."""
        self._listener.note(line)

    def fresh_fold_done(self, entry: Entry, result: AnyFold) -> None:
        """Hand it on."""
        self._listener.fresh_fold_done(entry, result)

    def fresh_done(self, entry: Entry) -> None:
        """Hand it on."""
        self._listener.fresh_done(entry)

    def _tell(self, method: str, *arguments: Any) -> None:
        """Call a method of all callbacks; one that fails is called no more."""
        for callback in list(self._callbacks):
            try:
                getattr(callback, method)(*arguments)
            except Exception as error:  # a person's code must not cost the search
                self._callbacks.remove(callback)
                name = getattr(callback, "name", type(callback).__name__)
                line = f"callback {name} failed in {method} and is left out: {one_line(error)}"
                self._search.run.directory.log(f"{line}\n{traceback.format_exc()}")
                self._listener.note(line)


class _OptunaCallback(SearchCallback):
    """A function (study, trial), as for `study.optimize`; `study.stop()` ends the search.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[[Any, Any], object]) -> None:
        self._function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def on_trial_end(self, trial: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Call the function with the study as it is now, to look at."""
        study = self.search.run.study
        study.stop = self._stop
        self._function(study, study.trials[trial])

    def _stop(self) -> None:
        self.search.stop_search = True


def callbacks_of(callbacks: Any) -> list[SearchCallback]:
    """Return what a person passed as callbacks, each a `SearchCallback`.

    Raises:
        UserError: If it is no list of such.
    """
    if not isinstance(callbacks, Sequence):
        raise UserError(
            f"callbacks must be a list. Received: {callbacks!r}",
            where="callbacks",
            hint="Pass callbacks=[...]",
        )
    return [as_callback(callback) for callback in callbacks]


def as_callback(callback: Any) -> SearchCallback:
    """Return what a person passed as a `SearchCallback`.

    Raises:
        UserError: If it is none, nor a function.
    """
    if isinstance(callback, SearchCallback):
        return callback
    if isinstance(callback, type) or not callable(callback):
        raise UserError(
            f"a callback is an automl_sem.SearchCallback or a function (study, trial). "
            f"Received: {callback!r}",
            where="callbacks",
        )
    return _OptunaCallback(callback)
