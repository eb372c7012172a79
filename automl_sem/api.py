"""What a person does with the tool, from Python: search, resume, export, report.

The command line is a thin layer over this module.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_sem import environment
from automl_sem.backend import use_tensorflow
from automl_sem.config import SearchOptions, search_options
from automl_sem.data import BUILTIN, Dataset, from_arrays, load_dataset
from automl_sem.data.split import stratified_folds, usable_folds
from automl_sem.errors import NegativeResult, UserError
from automl_sem.finalists import Verdict, fresh_seed, score_finalists
from automl_sem.registry import RUNS, find_run, register
from automl_sem.results import Results, Standing, read_results
from automl_sem.run import Manifest, RunDirectory, check_free, now
from automl_sem.search_loop import Limits, Listener, search_loop
from automl_sem.spaces.find import SPACE_FOR_KIND, find, find_space
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space

if TYPE_CHECKING:
    import pandas as pd

    from automl_sem.export import ExportResult

Arrays = tuple[Any, Any]


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
                "log_loss": t.log_loss,
                "accuracy": t.accuracy,
                "parameters": t.parameters,
                "seconds": t.seconds,
                "reason": t.reason,
                **{f"fold_{i}": score for i, score in enumerate(t.fold_scores)},
                **{f"hp_{name}": value for name, value in t.hyperparameters.items()},
            }
            for t in self.results.trials
        ]
        return pd.DataFrame(rows)

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
        from automl_sem.export import export_trial

        results = self.results
        record = results.require_best().trial if trial is None else results.trial(trial)
        use_tensorflow()
        dataset = unchanged_dataset(self.directory)
        space = load_space(self.path / "space.py", name=self.directory.manifest.space["name"])
        with self.directory.lock():
            exported = export_trial(
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
            _build_report(self.directory, dataset)
        return exported

    def report(self) -> Path:
        """Write `report.html` anew and return its path."""
        try:
            dataset = unchanged_dataset(self.directory)
        except UserError:
            dataset = None
        return _build_report(self.directory, dataset)


def search(
    target: str | Path | Arrays | None = None,
    *,
    listener: Listener | None = None,
    say: Callable[[str], None] | None = None,
    time_limit: str | float | None = None,
    **options: Any,
) -> Run:
    """Search for the best architecture and return the run.

    Args:
        target: A space, a .py file, a dataset, a path, or a pair (x, y) of arrays:
            images (n, height, width[, channels]) and labels (n,).
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.
        time_limit: `"5m"` or seconds after which no new trial starts.
        **options: See `automl_sem.config.SearchOptions`: data, space, trials, folds,
            epochs, batch_size, seed, out, size, image_size, skip_bad.

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
    arrays = target if isinstance(target, tuple) else None
    checked = search_options(
        target=None if target is None or arrays else str(target),
        time_limit_s=time_limit,
        **options,
    )
    if checked.out is not None:
        check_free(checked.out)
    space, dataset = _resolve(checked, arrays)
    directory = _create_run(checked, space, dataset, arrays is not None)
    for note in directory.manifest.notes:
        say(note)
    register(directory.path)
    return _work(directory, space, dataset, started, listener, say)


def resume(
    run: Path | str | None = None,
    *,
    trials: int | None = None,
    time_limit: str | float | None = None,
    listener: Listener | None = None,
    say: Callable[[str], None] | None = None,
) -> Run:
    """Go on with a search from the next fold of its running trial.

    Args:
        run: The run directory; the latest by default.
        trials: New number of trials in all.
        time_limit: More time, `"5m"` or seconds.
        listener: Is told what happens; by default lines on stderr.
        say: Called with lines for people; by default printed on stderr.

    Raises:
        UserError: If there is no such run, it is in use, or data or space have changed.
        NegativeResult: If the search ends without a single valid trial.
    """
    started = time.perf_counter()
    extend = search_options(trials=trials, time_limit_s=time_limit)
    directory = find_run(run)
    session = _Session.read(directory)
    session.extend(trials, extend.time_limit_s)
    if session.finished:
        return Run(directory)
    use_tensorflow()
    space = _unchanged_space(directory)
    dataset = unchanged_dataset(directory)
    return _work(directory, space, dataset, started, listener, say or _print_line, session)


def load_run(run: Path | str | None = None) -> Run:
    """Return a run to look at; the latest by default.

    Raises:
        UserError: If there is no such run.
    """
    return Run(find_run(run))


class _Session:
    """What changes while a run goes on: its limits, the time it took, whether it is finished."""

    def __init__(self, trials: int, time_limit_s: float | None, wall_s: float = 0.0) -> None:
        self.trials = trials
        self.time_limit_s = time_limit_s
        self.wall_s = wall_s
        self.finished = False

    @classmethod
    def read(cls, directory: RunDirectory) -> _Session:
        manifest = directory.manifest
        saved = directory.read_json("session.json")
        if saved is None:
            return cls(manifest.trials, manifest.time_limit_s)
        session = cls(saved["trials"], saved["time_limit_s"], saved["wall_s"])
        session.finished = saved["finished"]
        return session

    def extend(self, trials: int | None, seconds: float | None) -> None:
        if trials is not None and trials > self.trials:
            self.trials, self.finished = trials, False
        if seconds is not None:
            self.time_limit_s, self.finished = self.wall_s + seconds, False
            if trials is None:
                self.trials = search_options(time_limit_s=seconds).trial_limit

    def write(self, directory: RunDirectory) -> None:
        directory.write_json("session.json", vars(self))


def _work(
    directory: RunDirectory,
    space: Space,
    dataset: Dataset,
    started: float,
    listener: Listener | None,
    say: Callable[[str], None],
    session: _Session | None = None,
) -> Run:
    """Search, score the finalists, write the report."""
    from automl_sem.console import LineListener
    from automl_sem.engines.optuna import OptunaEngine
    from automl_sem.workers.inline import InlineWorker

    session = session or _Session.read(directory)
    listener = listener or LineListener(say)
    say(f"run {directory.path}")
    earlier = session.wall_s

    def clock() -> float:
        return earlier + time.perf_counter() - started

    seed = directory.manifest.seed
    with directory.lock():
        directory.log(f"search with automl-sem {environment.versions()['automl-sem']}")
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
            session.finished = True
        finally:
            keep_time()
        results = read_results(directory)
        directory.write_json("result.json", results.to_json())
        _build_report(directory, dataset)
    if results.best is None:
        reasons = {t.reason for t in results.trials if t.reason}
        raise NegativeResult(
            f"no trial gave a score: {'; '.join(sorted(reasons)[:3])}", where=directory.path
        )
    return Run(directory)


def _describe_winner(
    directory: RunDirectory, space: Space, dataset: Dataset, best: Standing
) -> None:
    from automl_sem.scoring.architecture import describe_architecture

    model = space.rebuild(best.trial.hyperparameters, dataset.info)
    described = describe_architecture(model)
    directory.write_json("architecture.json", {"trial": best.trial.number, **described})


def _build_report(directory: RunDirectory, dataset: Dataset | None) -> Path:
    from automl_sem.reports.build import build_report

    return build_report(read_results(directory), dataset)


def _resolve(options: SearchOptions, arrays: Arrays | None) -> tuple[Space, Dataset]:
    """Return space and dataset that the options mean."""
    target = find(options.target, BUILTIN) if options.target is not None else None
    space_path = find_space(options.space) if options.space else target and target.space
    data_name = options.data or (target and target.data)
    if space_path is None and data_name is None and arrays is None:
        raise UserError(
            "nothing to search", hint="Name a space or data, as in `automl-sem search shapes`"
        )
    use_tensorflow()
    space = (
        load_space(space_path).with_fixed(epochs=options.epochs, batch_size=options.batch_size)
        if space_path
        else None
    )
    if arrays is not None:
        dataset = from_arrays(*arrays, seed=options.seed)
    else:
        source = data_name or (space.data if space else None)
        if source is None:
            raise UserError(
                "the space names no DATA", where=space_path, hint="Pass --data NAME_OR_PATH"
            )
        dataset = load_dataset(
            source,
            size=options.size,
            image_size=options.image_size,
            skip_bad=options.skip_bad,
            seed=options.seed,
        )
    if space is None:
        name = SPACE_FOR_KIND[dataset.info.kind]
        space = load_space(find_space(name)).with_fixed(
            epochs=options.epochs, batch_size=options.batch_size
        )
    if space.kind not in (None, dataset.info.kind):
        raise UserError(
            f"space {space.name!r} is for {space.kind}, but the data are {dataset.info.kind}",
            where=space.path,
            hint="Choose another --space or --data",
        )
    return space, dataset


def _create_run(
    options: SearchOptions, space: Space, dataset: Dataset, from_memory: bool
) -> RunDirectory:
    """Check that a search can work, then write its run directory."""
    folds, note = usable_folds(dataset.train.y, options.folds, dataset.class_names)
    space.starts(dataset.info)
    manifest = Manifest(
        created=now(),
        seed=options.seed,
        folds=folds,
        trials=options.trial_limit,
        time_limit_s=options.time_limit_s,
        fixed=dict(space.fixed),
        space={"name": space.name, "origin": str(space.path), "sha256": space.fingerprint()},
        data=_data_record(dataset, from_memory),
        notes=[*dataset.notes, *([note] if note else [])],
        versions=environment.versions(),
        machine=environment.machine(),
    )
    splits = {
        "search": stratified_folds(dataset.train.y, folds, options.seed),
        "fresh": stratified_folds(dataset.train.y, folds, fresh_seed(options.seed)),
    }
    path = options.out or _free_name(dataset.name)
    arrays = dataset.to_arrays() if from_memory else None
    return RunDirectory.create(path, manifest, space.source, splits, arrays)


def _data_record(dataset: Dataset, from_memory: bool) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "source": "data.npz in the run directory" if from_memory else dataset.source,
        "in_run": from_memory,
        "options": dict(dataset.options),
        "train_examples": len(dataset.train.y),
        "test_examples": len(dataset.test.y),
        "input_shape": list(dataset.info.input_shape),
        "class_names": list(dataset.class_names),
        "train_sha256": dataset.train.fingerprint(),
        "test_sha256": dataset.test.fingerprint(),
    }


def _free_name(name: str) -> Path:
    stem = f"{datetime.now():%Y%m%d-%H%M}-{name}"
    path, count = RUNS / stem, 1
    while path.exists():
        count += 1
        path = RUNS / f"{stem}-{count}"
    return path


def unchanged_dataset(directory: RunDirectory) -> Dataset:
    """Load a run's dataset again.

    Raises:
        UserError: If it is gone or no longer the same, naming what changed.
    """
    then: Mapping[str, Any] = directory.manifest.data
    if then["in_run"]:
        with np.load(directory.path / "data.npz") as file:
            return Dataset.from_saved_arrays(then["name"], dict(file))
    dataset = load_dataset(then["source"], **then["options"])
    current = _data_record(dataset, from_memory=False)
    labels = {
        "class_names": "class names",
        "input_shape": "image size",
        "train_examples": "number of training examples",
        "test_examples": "number of test examples",
        "train_sha256": "training examples",
        "test_sha256": "test examples",
    }
    for key, label in labels.items():
        if current[key] != then[key]:
            values = "" if key.endswith("sha256") else f": {then[key]} then, {current[key]} now"
            raise UserError(
                f"the {label} changed since the run was started{values}",
                where=then["source"],
                hint="Put the data back, or start anew with `automl-sem search`",
            )
    return dataset


def _unchanged_space(directory: RunDirectory) -> Space:
    manifest = directory.manifest
    snapshot = load_space(directory.path / "space.py", name=manifest.space["name"])
    origin = Path(manifest.space["origin"])
    if origin.exists():
        then, current = snapshot.source.splitlines(), origin.read_text("utf-8").splitlines()
        if then != current:
            pairs = enumerate(zip(then, current, strict=False), 1)
            line = next((i for i, (a, b) in pairs if a != b), min(len(then), len(current)) + 1)
            raise UserError(
                "the space changed since the run was started",
                where=f"{origin}:{line}",
                hint=f"Put it back (the run keeps a copy: {snapshot.path}), "
                "or start anew with `automl-sem search`",
            )
    return snapshot.with_fixed(**manifest.fixed)


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
