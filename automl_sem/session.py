"""One sitting of a search: trials until a limit, finalists on fresh folds, the report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from automl_sem import environment
from automl_sem.config import search_options
from automl_sem.costs import Demands
from automl_sem.data import Dataset
from automl_sem.data.dataset import TrainingPart
from automl_sem.engines.base import Engine
from automl_sem.engines.make import make_engine, open_engine
from automl_sem.errors import NegativeResult
from automl_sem.fakes_check import DRAWN, check_fakes, design_of, forgers_of, sentence
from automl_sem.fakes_check import to_train as to_train_for_fakes
from automl_sem.finalists import Scored, contenders, further_trainings, score_finalists
from automl_sem.fresh import missing_folds, those_that_fit, train_on_fresh_folds
from automl_sem.manifest import Manifest
from automl_sem.objectives.measure import Measure
from automl_sem.reports.wording import count
from automl_sem.results import Results, Standing, read_results
from automl_sem.run import RunDirectory
from automl_sem.search_loop import FINALISTS, Limits, Listener, search_loop
from automl_sem.spaces.space import Space, generates
from automl_sem.stress_check import check_stress, read_findings, to_train
from automl_sem.types import DataInfo, Ints
from automl_sem.workers.base import Pool
from automl_sem.workers.measuring import MeasuringPool
from automl_sem.workers.plan import WorkerPlan

JUDGES = "judges"  # folder of a run


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a search that can be resumed.

    Args:
        run: The run directory.
    """

    def __init__(self, run: Path) -> None:
        super().__init__("interrupted")
        self.run = run


@dataclass
class Session:
    """What changes while a run goes on.

    Args:
        trials: Trials in all.
        time_limit_s: Time limit in seconds, over all sessions, or None.
        wall_s: Seconds that searching took so far.
        finished: Whether it has ended as planned.
    """

    trials: int
    time_limit_s: float | None
    wall_s: float = 0.0
    finished: bool = False

    @classmethod
    def read(cls, directory: RunDirectory) -> Session:
        """Return the session of a run, as an earlier process left it or new."""
        manifest = directory.manifest
        saved = directory.read_json("session.json")
        if saved is None:
            return cls(manifest.trials, manifest.time_limit_s)
        return cls(**saved)

    def extend(self, trials: int | None, seconds: float | None) -> None:
        """Set new limits, trials in all and seconds from now on; they replace the old ones."""
        if trials is None and seconds is None:
            return
        self.trials = search_options(trials=trials, time_limit_s=seconds).trial_limit
        self.time_limit_s = None if seconds is None else self.wall_s + seconds
        self.finished = False

    def write(self, directory: RunDirectory) -> None:
        """Keep it in the run."""
        directory.write_json("session.json", asdict(self))


def work(
    directory: RunDirectory,
    space: Space,
    dataset: Dataset,
    started: float,
    listener: Listener,
    session: Session,
    workers: WorkerPlan,
    stopped: Callable[[], bool] = lambda: False,
    measures: Sequence[Measure] = (),
) -> None:
    """Search, score the finalists, write result and report.

    Args:
        directory: The run.
        space: Builds the models.
        dataset: The examples.
        started: `time.perf_counter()` when the person's call began.
        listener: Is told what happens.
        session: The run's limits and time so far.
        workers: Who trains.
        stopped: Whether somebody has ended the search early: no new trial starts then.
        measures: What is computed of each fold for the objectives.

    Raises:
        NegativeResult: If no trial gave a score.
    """
    earlier = session.wall_s

    def clock() -> float:
        return earlier + time.perf_counter() - started

    manifest = directory.manifest
    with directory.lock():
        directory.log(f"search with automl-sem {environment.versions()['automl-sem']}")
        session.write(directory)  # a killed extension must not look finished
        study = directory.open_study()
        engine = _engine(manifest, study, space, dataset.info)
        checks = len(manifest.stress) if manifest.check_stress else 0
        checks += further_trainings(manifest.generates, len(manifest.goals))
        checks += manifest.augment_with is not None
        listener.planned(directory.manifest.folds, FINALISTS + checks)
        limits = Limits(session.trials, session.time_limit_s, clock, checks, stopped)

        def keep_time(every_s: float = 0.0) -> None:
            if clock() - session.wall_s >= every_s:
                session.wall_s = clock()
                session.write(directory)

        try:
            with pool_of(directory, space, dataset.train, workers, listener.note) as trained:
                pool = MeasuringPool(trained, measures, dataset.train.y)
                search_loop(directory, engine, pool, limits, listener, lambda: keep_time(1.0))
                _score_finalists(directory, pool, listener, limits)
                keep_time()
                _check_fakes(directory, pool, listener, dataset.train.y)
                keep_time()
                _check_stress(directory, pool, listener, limits)
                keep_time()
            results = read_results(directory)
            if results.best is not None:
                _describe_winner(directory, space, dataset, results.best)
            keep_time()
            results = replace(results, wall_s=session.wall_s, finished=True)
            directory.write_json("result.json", results.to_json())
            write_report(results, dataset)
            session.finished = True
            session.write(directory)
        except KeyboardInterrupt:
            keep_time()
            raise Interrupted(directory.path) from None
        except BaseException:
            keep_time()
            raise
    if results.best is None:
        reasons = {t.reason for t in results.trials if t.reason}
        lacks = "no trial that keeps the limits" if manifest.limits else "no trial"
        raise NegativeResult(
            f"{lacks} gave a score: {'; '.join(sorted(reasons)[:3])}", where=directory.path
        )


def _engine(manifest: Manifest, study: Any, space: Space, data: DataInfo) -> Engine:
    """Return what proposes the candidates of a run."""
    return open_engine(
        make_engine(manifest.engine_choice),
        study,
        space,
        data,
        manifest.seed,
        space.starts(data),
        warm=manifest.warm_start.starts if manifest.warm_start else (),
        goals=manifest.goals,
        demands=Demands(manifest.limits, manifest.costs),
    )


@contextlib.contextmanager
def pool_of(
    directory: RunDirectory,
    space: Space,
    part: TrainingPart,
    workers: WorkerPlan,
    say: Callable[[str], None],
) -> Iterator[Pool]:
    """Yield the workers of a run; they end with the block, at once if it fails.

    Args:
        directory: The run, whose copy of the space the workers load.
        space: The space.
        part: The training part.
        workers: How many; 0 trains in this process.
        say: Called with a line for people.
    """
    from automl_sem.scoring.gan.judges import Judges
    from automl_sem.scoring.stress import stress_folds
    from automl_sem.workers.inline import InlinePool
    from automl_sem.workers.processes import ProcessPool
    from automl_sem.workers.setup import Setup, travelling

    if workers.workers == 0:
        stress = stress_folds(directory.manifest.stress, part, directory.manifest.seed)
        judges = Judges(part, directory.manifest.seed, directory.path / JUDGES)
        yield InlinePool(space, part, stress, judges, forgers_of(directory, part))
        return
    kept = directory.manifest.space
    light, mapped = travelling(part)
    setup = Setup(
        slot=0,
        space=directory.path / "space.py",
        name=space.name,
        beside=Path(kept["origin"]).parent,
        fixed=dict(space.fixed),
        part=light,
        mapped=mapped,
        threads=workers.threads,
        stress=directory.manifest.stress,
        seed=directory.manifest.seed,
        weights=space.weights,
        judges=directory.path / JUDGES,
        design=design_of(directory),
        drawn=directory.path / DRAWN,
    )
    log = directory.path / "workers.log"
    pool = ProcessPool(setup, workers, log, environment.memory_limit(), say)
    try:
        yield pool
        pool.finish()
    finally:
        pool.close()


def _score_finalists(
    directory: RunDirectory, pool: Pool, listener: Listener, limits: Limits
) -> None:
    """Train the best trials and the baseline on the fresh folds, as far as there is time."""
    results = read_results(directory)
    best_first = [trial.number for trial in results.eligible]
    may_win = contenders(best_first, Scored.read(directory), directory.manifest.generates)
    if may_win and len(directory.manifest.goals) > 1:
        may_win = list(dict.fromkeys([*may_win, *results.picks.values()]))
    leading = [results.searched(number) for number in may_win]
    score_finalists(
        directory,
        pool,
        [trial.candidate() for trial in leading],
        results.baseline.trial.candidate() if results.baseline else None,
        limits.room(leading[0].seconds, pool.slots) if leading else 0.0,
        listener,
    )


def _check_fakes(directory: RunDirectory, pool: Pool, listener: Listener, y: Ints) -> None:
    """Find out whether fakes help, if there is a GAN and a winner to try it on."""
    results = read_results(directory)
    if results.best is None or directory.manifest.augment_with is None:
        return
    best = results.searched(results.best.trial.number).candidate()
    entries = to_train_for_fakes(directory, best)
    for entry in entries:
        if fits := missing_folds(directory, entry):
            listener.note(
                f"do fake images help? the best trial is trained again, {entry.variant}: "
                f"{count(fits, 'fold fit')}"
            )
    ended = train_on_fresh_folds(directory, pool, entries, listener)
    listener.note(sentence(check_fakes(directory, best, ended, y)))


def _check_stress(directory: RunDirectory, pool: Pool, listener: Listener, limits: Limits) -> None:
    """Find out whether labels survive the stress, if there is one and a winner to try it on."""
    results = read_results(directory)
    if results.best is None or not directory.manifest.stress:
        return
    best = results.searched(results.best.trial.number).candidate()
    baseline = None if results.baseline is None else results.baseline.trial.candidate()
    room = limits.room(results.best.trial.seconds, pool.slots)
    entries = those_that_fit(directory, to_train(directory, best), room)
    fits = sum(missing_folds(directory, entry) for entry in entries)
    if fits:
        variants = ", then ".join(entry.variant for entry in entries)
        listener.note(
            "do labels survive the stress? the best trial is trained again, "
            f"{variants}: {count(fits, 'fold fit')}"
        )
    ended = train_on_fresh_folds(directory, pool, entries, listener)
    check_stress(directory, best, baseline, ended)
    findings = read_findings(directory)
    for line in (*(f"warning: {warning}" for warning in findings.warnings), *findings.unknown):
        listener.note(line)


def _describe_winner(
    directory: RunDirectory, space: Space, dataset: Dataset, best: Standing
) -> None:
    from automl_sem.scoring.architecture import describe_architecture

    model = space.rebuild(best.trial.hyperparameters, dataset.info)
    described: dict[str, Any] = {}
    if generates(model):
        networks = {"generator": model.generator, "discriminator": model.discriminator}
        described["networks"] = {n: describe_architecture(made) for n, made in networks.items()}
    else:
        described = describe_architecture(model)
    directory.write_json("architecture.json", {"trial": best.trial.number, **described})


def write_report(results: Results, dataset: Dataset | None) -> Path:
    """Write the report of a run and return its path; None as dataset leaves the pictures out."""
    from automl_sem.reports.build import build_report

    return build_report(results, dataset)
