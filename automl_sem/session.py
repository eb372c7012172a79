"""One sitting of a search: trials until a limit, finalists on fresh folds, the report."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from automl_sem import environment
from automl_sem.config import search_options
from automl_sem.data import Dataset
from automl_sem.errors import NegativeResult
from automl_sem.finalists import fresh_seed, score_finalists
from automl_sem.results import Results, Standing, read_results
from automl_sem.run import RunDirectory
from automl_sem.search_loop import Limits, Listener, search_loop
from automl_sem.spaces.space import Space


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a search that can be resumed.

    Args:
        run: The run directory.
    """

    def __init__(self, run: Path) -> None:
        super().__init__("interrupted")
        self.run = run


class Session:
    """What changes while a run goes on: its limits, the time it took, whether it is finished."""

    def __init__(self, trials: int, time_limit_s: float | None, wall_s: float = 0.0) -> None:
        self.trials = trials
        self.time_limit_s = time_limit_s
        self.wall_s = wall_s
        self.finished = False

    @classmethod
    def read(cls, directory: RunDirectory) -> Session:
        """Return the session of a run, as an earlier process left it or new."""
        manifest = directory.manifest
        saved = directory.read_json("session.json")
        if saved is None:
            return cls(manifest.trials, manifest.time_limit_s)
        session = cls(saved["trials"], saved["time_limit_s"], saved["wall_s"])
        session.finished = saved["finished"]
        return session

    def extend(self, trials: int | None, seconds: float | None) -> None:
        """Set new limits, trials in all and seconds from now on; they replace the old ones."""
        if trials is None and seconds is None:
            return
        self.trials = search_options(trials=trials, time_limit_s=seconds).trial_limit
        self.time_limit_s = None if seconds is None else self.wall_s + seconds
        self.finished = False

    def write(self, directory: RunDirectory) -> None:
        """Keep it in the run."""
        directory.write_json("session.json", vars(self))


def work(
    directory: RunDirectory,
    space: Space,
    dataset: Dataset,
    started: float,
    listener: Listener,
    session: Session,
) -> None:
    """Search, score the finalists, write result and report.

    Args:
        directory: The run.
        space: Builds the models.
        dataset: The examples.
        started: `time.perf_counter()` when the person's call began.
        listener: Is told what happens.
        session: The run's limits and time so far.

    Raises:
        NegativeResult: If no trial gave a score.
    """
    from automl_sem.engines.optuna import OptunaEngine
    from automl_sem.workers.inline import InlineWorker

    earlier = session.wall_s

    def clock() -> float:
        return earlier + time.perf_counter() - started

    seed = directory.manifest.seed
    with directory.lock():
        directory.log(f"search with automl-sem {environment.versions()['automl-sem']}")
        session.write(directory)  # a killed extension must not look finished
        study = directory.open_study()
        engine = OptunaEngine(study, space, dataset.info, seed, space.starts(dataset.info))
        done = sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))
        limits = Limits(session.trials, session.time_limit_s, clock)
        worker = InlineWorker(space, dataset.train, seed)

        def keep_time() -> None:
            session.wall_s = clock()
            session.write(directory)

        try:
            search_loop(directory, engine, worker, limits, listener, done, keep_time)
            results = read_results(directory)
            finalists = [s.trial for s in (results.best, results.baseline) if s is not None]
            candidates = {t.number: t.candidate() for t in finalists}
            score_finalists(
                directory,
                InlineWorker(space, dataset.train, fresh_seed(seed)),
                list(candidates.values()),
                listener.finalist_fold_done,
            )
            if results.best is not None:
                _describe_winner(directory, space, dataset, results.best)
            keep_time()
            results = replace(read_results(directory), finished=True)
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
        raise NegativeResult(
            f"no trial gave a score: {'; '.join(sorted(reasons)[:3])}", where=directory.path
        )


def _describe_winner(
    directory: RunDirectory, space: Space, dataset: Dataset, best: Standing
) -> None:
    from automl_sem.scoring.architecture import describe_architecture

    model = space.rebuild(best.trial.hyperparameters, dataset.info)
    described = describe_architecture(model)
    directory.write_json("architecture.json", {"trial": best.trial.number, **described})


def write_report(results: Results, dataset: Dataset | None) -> Path:
    """Write the report of a run and return its path; None as dataset leaves the pictures out."""
    from automl_sem.reports.build import build_report

    return build_report(results, dataset)
