"""`automl-sem search` and `resume`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from typer import Option

from automl_sem import flags
from automl_sem.cli.output import argument, listening, print_json, say, say_next, tell

if TYPE_CHECKING:
    from automl_sem.results import Results


def search(
    target: flags.Target = None,
    data: flags.Data = None,
    space: flags.Space = None,
    trials: flags.Trials = None,
    time: flags.Time = None,
    folds: flags.Folds = None,
    epochs: flags.Epochs = None,
    batch_size: flags.BatchSize = None,
    weights: flags.Weights = None,
    warm_start: flags.WarmStart = None,
    augment_with: flags.AugmentWith = None,
    seed: flags.Seed = None,
    out: flags.Out = None,
    size: flags.Size = None,
    image_size: flags.ImageSize = None,
    pad: flags.Pad = None,
    groups: flags.Groups = None,
    skip_bad: flags.SkipBad = None,
    kind: flags.Kind = None,
    task: flags.Task = None,
    frames: flags.Frames = None,
    rate: flags.Rate = None,
    workers: flags.Workers = None,
    workers_per_gpu: flags.WorkersPerGpu = None,
    gpus: flags.SearchGpus = None,
    stress: flags.Stress = None,
    discard: flags.Discard = None,
    engine: flags.Engine = None,
    sampler: flags.Sampler = None,
    oracle: flags.Oracle = None,
    objective: flags.Objective = None,
    max_params: flags.MaxParams = None,
    max_size_mb: flags.MaxSizeMb = None,
    max_latency_ms: flags.MaxLatencyMs = None,
    max_memory: flags.MaxMemory = None,
    deterministic: flags.Deterministic = None,
    yes: flags.Yes = None,
    config: flags.Config = None,
    dry_run: flags.DryRun = False,
    as_json: flags.Json = False,
) -> None:
    """Search for the best architecture.

    automl-sem search shapes | photos/ | clips/ | labels.csv | waves.ts | my.py
    """
    given = dict(locals())  # the flags by name, None where one was not given
    from automl_sem.config import NO_LIMIT
    from automl_sem.settings import read_settings

    chosen = read_settings(config).choose("search", given).typed_data_first()
    tell(chosen, as_json)
    from automl_sem import api

    with chosen.blamed():
        if dry_run:
            for line in api.dry_run(**chosen.arguments()):
                print(line)
            return
        options = chosen.checked
        limit = options.trial_limit if options.trial_limit < NO_LIMIT else None
        with _resume_hint(), listening(limit, options.time_limit_s) as listener:
            run = api.search(listener=listener, say=say, **chosen.arguments())
    _print_results(run.results, as_json)


def resume(
    run: flags.Run = None,
    trials: Annotated[int | None, Option(help=flags.TRIALS_HELP)] = None,
    time: Annotated[str | None, Option(help="More time: 90s, 5m, 1h30m.")] = None,
    workers: Annotated[
        int | None, Option(help="Worker processes; as many as before by default.")
    ] = None,
    as_json: flags.Json = False,
) -> None:
    """Go on with a search, or extend it."""
    from automl_sem import api
    from automl_sem.config import NO_LIMIT

    results = api.load_run(run).results
    directory = results.run
    saved = directory.read_json("session.json") or {}
    limit = trials or (None if time else saved.get("trials", directory.manifest.trials))
    if limit is not None and limit >= NO_LIMIT:
        limit = None
    with _resume_hint(), listening(limit, None, results.best) as listener:
        found = api.resume(
            directory.path,
            trials=trials,
            time_limit=time,
            workers=workers,
            listener=listener,
            say=say,
        )
    _print_results(found.results, as_json)


@contextlib.contextmanager
def _resume_hint() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        run = getattr(interrupt, "run", None)
        if run is None:
            say("\ninterrupted before the search began")
        else:
            say("\ninterrupted; every finished fold is kept")
            say_next(f"resume{argument(run)}")
        sys.exit(130)


def _print_results(results: Results, as_json: bool) -> None:
    from automl_sem.console import summary

    if as_json:
        print_json(results.to_json())
        return
    print(summary(results))
    say_next(f"export --best{argument(results.run.path)}")
