"""Time the search's own process: its real loop, on a pool that trains nothing."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from automl_sem.config import search_options
from automl_sem.engines.optuna import OptunaEngine
from automl_sem.prepare import create_run
from automl_sem.progress import LineListener
from automl_sem.resolve import resolve
from automl_sem.search_loop import Limits, search_loop
from automl_sem.session import Session
from automl_sem.types import CurvePoint, FoldResult
from automl_sem.workers.base import FoldDone, FoldTask


class Watch:
    """Adds up the time of named parts; those inside another are taken off it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside: list[float] = []

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.perf_counter()
        self._inside.append(0.0)
        yield
        taken = time.perf_counter() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + taken - self._inside.pop()
        if self._inside:
            self._inside[-1] += taken


class TimedEngine(OptunaEngine):
    """The real engine, timed.

    Args:
        watch: Where the times go.
        *args: As for `OptunaEngine`.
    """

    def __init__(self, watch: Watch, *args: Any) -> None:
        super().__init__(*args)
        self._watch = watch

    def ask(self) -> Any:
        """Time `ask`."""
        with self._watch.part("ask"):
            return super().ask()

    def tell(self, *args: Any) -> None:
        """Time `tell`."""
        with self._watch.part("tell"):
            super().tell(*args)


class NoTimePool:
    """Two slots whose fold fits are done at once, with random results.

    Args:
        classes: Number of classes.
    """

    slots = 2

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._tasks: list[tuple[int, FoldTask]] = []
        self._rng = np.random.default_rng(0)

    def submit(self, slot: int, task: FoldTask) -> None:
        """Keep the task."""
        self._tasks.append((slot, task))

    def wait(self) -> FoldDone:
        """Return a result of the right shape."""
        slot, task = self._tasks.pop(0)
        rows = task.held_out
        probabilities = self._rng.dirichlet(np.ones(self._classes), len(rows)).astype(np.float32)
        curve = tuple(CurvePoint(epoch, 1.0, 1.0, 0.5) for epoch in range(1, 11))
        loss = float(self._rng.uniform(0.1, 1.0))
        return FoldDone(slot, FoldResult(task.fold, rows, probabilities, loss, 0.5, curve, 1.0))

    def close(self) -> None:
        """Nothing to stop."""


def driver_time(out: Path, space: Path, data: Path, before: int, trials: int) -> dict[str, float]:
    """Return the milliseconds that the search's own process takes per trial, by what it does.

    Args:
        out: The run directory to write.
        space: The space file.
        data: The dataset.
        before: Finished trials in the study, drawn at random.
        trials: Trials to time.
    """
    options = search_options(
        target=str(space), data=str(data), out=out, trials=before + trials, discard="none"
    )
    loaded, dataset = resolve(options, None)
    directory, info = create_run(options, loaded, dataset, False), dataset.info
    watch = Watch()
    with directory.lock(), open(os.devnull, "w", encoding="utf-8") as nowhere:
        study = directory.open_study()
        engine = TimedEngine(watch, study, loaded, info, 0, loaded.starts(info))
        pool = NoTimePool(info.classes)
        session = Session.read(directory)
        write_fold, started = directory.write_fold, time.perf_counter()

        def timed_write_fold(*args: Any) -> None:
            with watch.part("fold files"):
                write_fold(*args)

        def keep_time() -> None:
            with watch.part("time taken"):
                session.wall_s = time.perf_counter() - started
                session.write(directory)

        directory.write_fold = timed_write_fold  # type: ignore[method-assign]
        listener = LineListener(lambda line: print(line, file=nowhere))

        def run(until: int) -> float:
            watch.seconds.clear()
            begun = time.perf_counter()
            limits = Limits(until, None, time.perf_counter)
            search_loop(directory, engine, pool, limits, listener, keep_time)
            return time.perf_counter() - begun

        first = 3
        run(first)  # what is loaded at first use
        fill(study, before)
        whole = run(first + before + trials)
    milliseconds = {name: 1000 * s / trials for name, s in watch.seconds.items()}
    ask = milliseconds.pop("ask")
    own = 1000 * whole / trials - ask
    rest = own - sum(milliseconds.values())
    return {"own time": own, **milliseconds, "the rest": rest, "beside it: ask": ask}


def fill(study: optuna.Study, trials: int) -> None:
    """Add finished trials with random values to a study that has one already."""
    example = study.get_trials(deepcopy=False)[0]
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    rng = np.random.default_rng(0)
    for _ in range(trials):
        trial = drawn.ask(fixed_distributions=example.distributions)
        losses = rng.uniform(0.1, 1.0, 5).tolist()
        score = {**example.user_attrs["score"], "fold_scores": losses}
        known = {"score": score, "hyperparameters": trial.params}
        for name, value in {**example.user_attrs, **known}.items():
            trial.set_user_attr(name, value)
        drawn.tell(trial, float(np.mean(losses)))
    study.add_trials(drawn.get_trials(deepcopy=False))
