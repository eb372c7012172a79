"""What a person does with the tool, from Python: search, resume, export, report.

The command line is a thin layer over this module.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_sem.backend import use_tensorflow
from automl_sem.config import SearchOptions, search_options
from automl_sem.data.load import GIVE
from automl_sem.data.stream import is_tf_dataset, read_tf_dataset
from automl_sem.errors import UserError
from automl_sem.finalists import Verdict
from automl_sem.objectives.choose import functions_of, measures_of
from automl_sem.pareto import parse_pick
from automl_sem.prepare import (
    Arrays,
    create_run,
    describe_plan,
    expected_time,
    plan_run,
    resolve,
    snapshot_of,
    unchanged_dataset,
    unchanged_space,
    workers_of,
)
from automl_sem.progress import LineListener
from automl_sem.registry import find_run, register
from automl_sem.results import Results, Standing, read_results
from automl_sem.run import RunDirectory, check_free
from automl_sem.search_loop import Listener
from automl_sem.session import Session, work, write_report

if TYPE_CHECKING:
    import pandas as pd
    import tensorflow as tf

    from automl_sem.export import ExportResult


class Run:
    """A search on disk, to look at and to go on with.

    Args:
        directory: The run directory.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def results(self) -> Results:
        """Everything found so far."""
        return read_results(self.directory)

    @property
    def best(self) -> Standing:
        """The best trial with its score.

        Raises:
            NegativeResult: If no trial is complete.
        """
        return self.results.require_best()

    @property
    def baseline(self) -> Standing | None:
        """Trial 0, the textbook model, or None if it is not complete."""
        return self.results.baseline

    @property
    def verdict(self) -> Verdict | None:
        """Best against baseline on fresh folds, or None while unfinished."""
        return self.results.verdict

    def trials_dataframe(self) -> pd.DataFrame:
        """Return one row per trial: score, state, recipe and hyperparameters."""
        import pandas as pd

        rows = [
            {
                "trial": t.number,
                "state": t.state,
                "proposed_by": t.proposed_by,
                "objective": t.quoted,
                **t.costs,
                **t.values,
                "log_loss": t.log_loss,
                "accuracy": t.accuracy,
                "stress_accuracy": t.stress_accuracy,
                "parameters": t.parameters,
                "seconds": t.seconds,
                "reason": t.reason,
                **{f"fold_{i}": score for i, score in enumerate(t.fold_scores)},
                **{f"hp_{name}": value for name, value in t.hyperparameters.items()},
            }
            for t in self.results.trials
        ]
        return pd.DataFrame(rows)

    def pick(self, how: str = "best") -> int:
        """Return the number of a trial that the whole of the run speaks for.

        Args:
            how: `"best"`; `"knee"`, where the front of score and cost bends; or
                `"smallest-within-1se"`, that with the fewest weights within one standard error
                of the best.

        Raises:
            UserError: If there is no such pick.
            NegativeResult: If no trial is complete.
        """
        results = self.results
        results.require_best()
        return results.picks[parse_pick(how)]

    def export(
        self,
        trial: int | None = None,
        *,
        formats: Sequence[str] = ("keras", "saved-model"),
        gpus: str | int = "all",
        force: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> ExportResult:
        """Retrain a trial on all training data, export it and verify the export.

        Args:
            trial: Number of the trial; the best by default.
            formats: What to write: `"keras"`, `"saved-model"`.
            gpus: `"all"`, or how many; 0 trains on the CPU.
            force: Retrain even if the export is there already.
            say: Called with a line for people now and then.

        Raises:
            UserError: If the trial, a format or the data is not there.
            NegativeResult: If an export does not give the same predictions.
        """
        from automl_sem.export import export_gan, export_trial

        results = self.results
        if not results.finished and say is not None:
            say("the search is not finished: `automl-sem resume` goes on with it")
        record = results.require_best().trial if trial is None else results.trial(trial)
        use_tensorflow()
        dataset = unchanged_dataset(self.directory)
        space = snapshot_of(self.directory)
        with self.directory.lock():
            make = export_gan if self.directory.manifest.generates else export_trial
            exported = make(
                self.directory,
                results,
                dataset,
                space,
                record,
                formats=tuple(formats),
                gpus=gpus,
                force=force,
                say=say or (lambda _: None),
            )
            write_report(self.results, dataset)
        return exported

    def report(self) -> Path:
        """Write `report.html` anew and return its path."""
        try:
            dataset = unchanged_dataset(self.directory)
        except UserError:
            dataset = None
        return write_report(self.results, dataset)


def search(
    target: str | Path | Arrays | tf.data.Dataset | None = None,
    *,
    listener: Listener | None = None,
    say: Callable[[str], None] | None = None,
    time_limit: str | float | None = None,
    **options: Any,
) -> Run:
    """Search for the best architecture and return the run.

    Args:
        target: A space, a .py file, a dataset, a path, or a pair (x, y) of arrays:
            images (n, height, width[, channels]) and labels (n,); or a finite
            `tf.data.Dataset` of such pairs, batched or not; or series (n, time, channels),
            or a list of arrays (time, channels), with `kind="series"`.
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.
        time_limit: `"5m"` or seconds after which no new trial starts.
        **options: See `automl_sem.config.SearchOptions`: data, space, trials, folds,
            epochs, batch_size, weights, warm_start, augment_with, seed, out, size, image_size,
            pad, groups, skip_bad, kind, frames, rate, workers, workers_per_gpu, gpus, stress,
            objective, direction, max_params, max_size_mb, max_latency_ms, max_memory, discard,
            deterministic, yes. For arrays `groups` is an array with the group of each
            example.

    Raises:
        UserError: If an option, the data or the space is wrong. Nothing is written then.
        NegativeResult: If the search ends without a single valid trial.

    Example:
        ```python
        from automl_sem import search

        run = search("shapes", trials=10)
        print(run.best.accuracy)
        ```
    """
    started = time.perf_counter()
    say = say or _print_line
    checked, arrays = _read_options(target, time_limit, options)
    if checked.out is not None:
        check_free(checked.out)
    space, dataset = resolve(checked, arrays)
    directory = create_run(checked, space, dataset, arrays is not None)
    register(directory.path)
    takes = expected_time(directory.manifest)
    expected = [f"expected time: {takes}"] if takes else []
    for line in (*directory.manifest.notes, *expected, f"run {directory.path}"):
        say(line)
    session, workers = Session.read(directory), workers_of(directory)
    measures = measures_of(
        directory.manifest.objectives, directory.path, functions_of(checked.objective)
    )
    listener = listener or LineListener(say)
    work(directory, space, dataset, started, listener, session, workers, measures)
    return Run(directory)


def dry_run(
    target: str | Path | Arrays | tf.data.Dataset | None = None,
    *,
    time_limit: str | float | None = None,
    **options: Any,
) -> list[str]:
    """Return lines that say what `search` would do with the same arguments; write nothing.

    Raises:
        UserError: As `search` does.
    """
    checked, arrays = _read_options(target, time_limit, options)
    space, dataset = resolve(checked, arrays)
    manifest, _ = plan_run(checked, space, dataset, arrays is not None)
    return describe_plan(manifest, checked, space)


def _read_options(
    target: str | Path | Arrays | tf.data.Dataset | None,
    time_limit: str | float | None,
    options: Mapping[str, Any],
) -> tuple[SearchOptions, Mapping[str, Any] | None]:
    """Return the options checked, and data from memory as arguments of `from_memory`."""
    options = dict(options)
    arrays: dict[str, Any] | None = None
    if isinstance(target, tuple):
        if not 2 <= len(target) <= 4:
            raise UserError(f"{len(target)} arrays are no dataset", where="search", hint=GIVE)
        arrays = dict(zip(("x", "y", "x_test", "y_test"), target, strict=False))
    elif is_tf_dataset(target):
        if options.get("kind") == "series":
            raise UserError("a tf.data.Dataset of series is not read", hint="Give arrays (x, y)")
        use_tensorflow()
        arrays = read_tf_dataset(target)
    if arrays is not None:
        for name in ("data", "size", "skip_bad", "frames", "rate"):
            if options.get(name):
                raise UserError(f"{name} does not go with arrays", where="search")
        arrays["groups"] = options.pop("groups", None)
        if isinstance(arrays["groups"], str):
            raise UserError("groups must be an array where the data are arrays", where="search")
    checked = search_options(
        target=None if target is None or arrays is not None else str(target),
        time_limit_s=time_limit,
        **options,
    )
    return checked, arrays


def resume(
    run: Path | str | None = None,
    *,
    trials: int | None = None,
    time_limit: str | float | None = None,
    workers: int | None = None,
    objective: Callable[..., Any] | None = None,
    listener: Listener | None = None,
    say: Callable[[str], None] | None = None,
) -> Run:
    """Go on with a search from the next fold of its running trial.

    Args:
        run: The run directory; the latest by default.
        trials: New number of trials in all.
        time_limit: More time, `"5m"` or seconds.
        workers: Number of worker processes; as many as before by default.
        objective: The function that the search is for, where it was one: no run keeps it.
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.

    Raises:
        UserError: If there is no such run, it is in use, or data or space have changed.
        NegativeResult: If the search ends without a single valid trial.
    """
    started = time.perf_counter()
    given = {} if workers is None else {"workers": workers}
    extend = search_options(trials=trials, time_limit_s=time_limit, **given)
    directory = find_run(run)
    session = Session.read(directory)
    say = say or _print_line
    earlier = read_results(directory)
    ended = sum(t.state not in ("running", "infeasible") for t in earlier.trials)
    if trials is not None and trials <= ended:
        say(f"the run has {ended} trials already; --trials counts all of them")
        trials = None
    session.extend(trials, extend.time_limit_s)
    if session.finished:
        earlier.require_best()
        return Run(directory)
    use_tensorflow()
    measures = measures_of(directory.manifest.objectives, directory.path, functions_of(objective))
    space = unchanged_space(directory)
    dataset = unchanged_dataset(directory)
    say(f"run {directory.path}")
    listener = listener or LineListener(say, earlier.best)
    plan = workers_of(directory, workers)
    if plan.note:
        say(plan.note)
    work(directory, space, dataset, started, listener, session, plan, measures)
    return Run(directory)


def load_run(run: Path | str | None = None) -> Run:
    """Return a run to look at; the latest by default.

    Raises:
        UserError: If there is no such run.
    """
    return Run(find_run(run))


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
