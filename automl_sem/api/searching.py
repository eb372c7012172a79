"""Search, go on with a search, look at one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_sem.api.callbacks import Callbacks, callbacks_of
from automl_sem.api.given import Given, given_of
from automl_sem.api.run import Run
from automl_sem.backend import use_tensorflow
from automl_sem.config import search_options
from automl_sem.objectives.choose import functions_of, measures_of
from automl_sem.plan_words import describe_plan, expected_time
from automl_sem.prepare import create_run, plan_run, workers_of
from automl_sem.progress import LineListener
from automl_sem.registry import find_run, register
from automl_sem.resolve import resolve
from automl_sem.results import read_results
from automl_sem.run import RunDirectory, check_free
from automl_sem.search_loop import Listener
from automl_sem.session import Session, work
from automl_sem.settings import read_settings
from automl_sem.unchanged import unchanged_dataset, unchanged_space

Say = Callable[[str], None]


class Search:
    """A search, said in full before it starts.

    Args:
        space: What may vary: the name of a built-in space, a .py file, a function `build(hp)` or
            `build(hp, data)`, a KerasTuner `HyperModel`, or a module; by default the space for the
            kind of data. A function, also of a notebook, is copied into the run with all that
            it refers to, so that workers, `resume` and `export` have it.
        data: Name of a dataset, a path; a pair (x, y) of arrays: images (n, height, width[,
            channels]) and labels (n,), (n, labels) of 0 and 1, or numbers (n,) or (n, outputs);
            or four with those to test on; series (n, time, channels),
            or a list of arrays (time, channels), with `kind="series"`; a finite
            `tf.data.Dataset` of pairs, batched or not; or an `automl_sem.Dataset`. By default
            the space's own.
        recipe: A function `recipe(hp, data)` that returns an `automl_sem.Recipe`, beside a function
            `build`.
        config: A file with options, `"automl-sem.toml"`; what is passed here counts more. Without
            it no file is read, nor the environment: a script does the same wherever it runs.
        target: A space or data in one word, as `automl-sem search` takes it.
        **options: See `automl_sem.config.SearchOptions`. For arrays `groups` is an array with the
            group of each example.

    Raises:
        UserError: If an option has a wrong value.

    Example:
        ```python
        from keras import Model, Input, layers

        from automl_sem import Search


        def build(hp, data):
            x = inputs = Input(data.input_shape)
            x = layers.Flatten()(x)
            x = layers.Dense(hp.Int("units", 16, 64, step=16), activation="relu")(x)
            return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


        run = Search(build, "digits", folds=3).run(trials=10, timeout="5m")
        print(run.best.accuracy)
        ```
    """

    def __init__(
        self,
        space: Any = None,
        data: Any = None,
        *,
        recipe: Callable[..., Any] | None = None,
        config: str | Path | None = None,
        target: Any = None,
        **options: Any,
    ) -> None:
        self._given = given_of(target, space, data, recipe, options)
        self._filed: Mapping[str, Any] = {}
        if config is not None:
            filed = read_settings(config, {}).choose("search", {}).arguments()
            replaced = self._given.replaced(space, data)
            self._filed = {name: value for name, value in filed.items() if name not in replaced}
        self._asked()

    def run(
        self,
        *,
        trials: int | None = None,
        timeout: str | float | None = None,
        callbacks: Sequence[Any] = (),
        listener: Listener | None = None,
        say: Say | None = None,
    ) -> Run:
        """Search, and return the run. Each call starts a run of its own.

        Args:
            trials: Trials in all, the baseline included.
            timeout: `"10m"` or seconds after which no new trial starts.
            callbacks: `SearchCallback`s, or functions (study, trial) as for `study.optimize`.
            listener: Is told what happens, to show it; by default lines on stderr.
            say: Called with lines for people; by default printed on stderr.

        Raises:
            UserError: If the data or the space is wrong. Nothing is written then.
            NegativeResult: If the search ends without a single valid trial.
        """
        started = time.perf_counter()
        say = say or _print_line
        given = self._asked(trials, timeout)
        callbacks = callbacks_of(callbacks)
        if given.checked.out is not None:
            check_free(given.checked.out)
        space, dataset = resolve(given.checked, given.data, given.space())
        directory = create_run(given.checked, space, dataset, given.in_memory)
        register(directory.path)
        takes = expected_time(directory.manifest)
        expected = [f"expected time: {takes}"] if takes else []
        for line in (*directory.manifest.notes, *expected, f"run {directory.path}"):
            say(line)
        session, workers = Session.read(directory), workers_of(directory)
        listener = listener or LineListener(say)
        functions = functions_of(given.checked.objective)
        measures = measures_of(directory.manifest.objectives, directory.path, functions)
        with _calling(callbacks, directory, listener) as told:
            work(directory, space, dataset, started, told, session, workers, told.stopped, measures)
        return Run(directory)

    def plan(self, *, trials: int | None = None, timeout: str | float | None = None) -> list[str]:
        """Return lines that say what `run` would do with the same arguments; write nothing.

        Raises:
            UserError: As `run` does.
        """
        given = self._asked(trials, timeout)
        space, dataset = resolve(given.checked, given.data, given.space())
        manifest, *_ = plan_run(given.checked, space, dataset, given.in_memory)
        return describe_plan(manifest, given.checked, space)

    def _asked(self, trials: int | None = None, timeout: str | float | None = None) -> Given:
        """Return what is searched, the options checked."""
        limits = {"trials": trials, "time_limit": timeout}
        said = {name: value for name, value in limits.items() if value is not None}
        return self._given.checked_with({**self._filed, **self._given.options, **said})


def search(
    target: Any = None,
    *,
    listener: Listener | None = None,
    say: Say | None = None,
    time_limit: str | float | None = None,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> Run:
    """Search for the best architecture and return the run: `Search` in one call.

    Args:
        target: A space, a .py file, a dataset, a path, or data or a space as `Search` takes them.
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.
        time_limit: `"5m"` or seconds after which no new trial starts.
        callbacks: `SearchCallback`s, or functions (study, trial) as for `study.optimize`.
        **options: See `Search`.

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
    asked = Search(target=target, **options)
    return asked.run(timeout=time_limit, callbacks=callbacks, listener=listener, say=say)


def dry_run(
    target: Any = None, *, time_limit: str | float | None = None, **options: Any
) -> list[str]:
    """Return lines that say what `search` would do with the same arguments; write nothing.

    Raises:
        UserError: As `search` does.
    """
    return Search(target=target, **options).plan(timeout=time_limit)


def resume(
    run: Path | str | None = None,
    *,
    trials: int | None = None,
    time_limit: str | float | None = None,
    workers: int | None = None,
    objective: Callable[..., Any] | None = None,
    callbacks: Sequence[Any] = (),
    listener: Listener | None = None,
    say: Say | None = None,
) -> Run:
    """Go on with a search from the next fold of its running trial.

    Args:
        run: The run directory; the latest by default.
        trials: New number of trials in all.
        time_limit: More time, `"5m"` or seconds.
        workers: Number of worker processes; as many as before by default.
        objective: The function that the search is for, where it was one: no run keeps it.
        callbacks: `SearchCallback`s, or functions (study, trial) as for `study.optimize`.
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.

    Raises:
        UserError: If there is no such run, it is in use, or data or space have changed.
        NegativeResult: If the search ends without a single valid trial.
    """
    started = time.perf_counter()
    callbacks = callbacks_of(callbacks)
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
    with _calling(callbacks, directory, listener) as told:
        work(directory, space, dataset, started, told, session, plan, told.stopped, measures)
    return Run(directory)


def load_run(run: Path | str | None = None) -> Run:
    """Return a run to look at; the latest by default.

    Raises:
        UserError: If there is no such run.
    """
    return Run(find_run(run))


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _calling(
    callbacks: Sequence[Any], directory: RunDirectory, listener: Listener
) -> Iterator[Callbacks]:
    """Yield a listener that calls callbacks as well; they are told of begin and end."""
    told = Callbacks(callbacks, Run(directory), listener)
    with told.searching():
        yield told
