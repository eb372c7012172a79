"""The command line: parse, call, print.

Exit codes: 0 done; 1 finished with a negative result; 2 wrong use, bad configuration
or data, unknown run; 3 a defect of ours; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from automl_sem import flags
from automl_sem.errors import AutomlSemError, UserError
from automl_sem.files import disk_error

if TYPE_CHECKING:
    from automl_sem.results import Results, Standing
    from automl_sem.run import RunDirectory
    from automl_sem.search_loop import Listener

app = typer.Typer(
    name="automl-sem",
    help="Search neural network architectures with honest k-fold scores; "
    "retrain, export and explain the best.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="First steps: automl-sem search shapes, then automl-sem export --best.",
)


# What `predict` may be given, by the kind of data.
EXAMPLES = {"images": "IMAGE.png", "clips": "CLIP.mp4", "series": "SERIES.ts"}

# Full, over quota, read-only, forbidden, worn out: what a person can do something about.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def main() -> None:
    """Run the command line and turn errors into one line and an exit code."""
    if sys.platform == "win32":
        _fail("automl-sem runs on Linux and macOS; on Windows use it in WSL2", 2)
    try:
        app()
    except AutomlSemError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            _fail(f"{str(error.filename)[:60]}...: this name is too long for a file", 2)
        if error.errno not in DISK_ERRORS:
            _defect(error)
        _fail(str(disk_error(error, Path.cwd())), 2)
    except Exception as error:
        _defect(error)


def _defect(error: Exception) -> NoReturn:
    traceback.print_exc()
    _fail(f"a defect of automl-sem, please report it: {type(error).__name__}: {error}", 3)


def _fail(line: str, code: int) -> NoReturn:
    print(f"error: {line}" if code != 130 else line, file=sys.stderr)
    sys.exit(code)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _next(command: str) -> None:
    _say(f"next: automl-sem {command}")


def _argument(run: Path) -> str:
    """Return ` RUN` for a command line; nothing for the latest run, which is the default."""
    from automl_sem.registry import runs

    latest = next(iter(runs()), None)
    return "" if latest is not None and latest.path == run else f" {shlex.quote(str(run))}"


def _number_or(text: str, word: str, where: str) -> int | str:
    """Return a number, or the word that may stand for one."""
    if text == word or text.isdecimal():
        return text if text == word else int(text)
    raise UserError(f"it takes {word} or a number. Received: {text!r}", where=where)


@contextlib.contextmanager
def _listener(
    trials: int | None, seconds: float | None, best: Standing | None = None
) -> Iterator[Listener]:
    """Yield the live display on a terminal, else one plain line per trial."""
    from automl_sem.console import stderr
    from automl_sem.progress import LineListener, LiveListener

    console = stderr()
    if not console.is_terminal:
        yield LineListener(_say, best)
        return
    with LiveListener(console, trials, seconds, best) as live:
        yield live


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from automl_sem import __version__

        print(f"automl-sem {__version__}")
        raise typer.Exit
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115


@app.command()
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
    seed: flags.Seed = 0,
    out: flags.Out = None,
    size: flags.Size = None,
    image_size: flags.ImageSize = None,
    pad: flags.Pad = False,
    groups: flags.Groups = None,
    skip_bad: flags.SkipBad = False,
    kind: flags.Kind = None,
    frames: flags.Frames = None,
    rate: flags.Rate = None,
    workers: flags.Workers = "auto",
    workers_per_gpu: flags.WorkersPerGpu = 1,
    gpus: flags.SearchGpus = "all",
    stress: flags.Stress = None,
    objective: flags.Objective = None,
    max_params: flags.MaxParams = None,
    max_size_mb: flags.MaxSizeMb = None,
    max_latency_ms: flags.MaxLatencyMs = None,
    max_memory: flags.MaxMemory = None,
    discard: flags.Discard = "forgiving",
    deterministic: flags.Deterministic = False,
    yes: flags.Yes = False,
    dry_run: flags.DryRun = False,
    as_json: flags.Json = False,
) -> None:
    """Search for the best architecture.

    automl-sem search shapes | photos/ | clips/ | labels.csv | waves.ts | my.py
    """
    from automl_sem.config import search_options

    options: dict[str, Any] = {
        "data": data,
        "space": space,
        "trials": trials,
        "folds": folds,
        "epochs": epochs,
        "batch_size": batch_size,
        "weights": weights,
        "warm_start": warm_start,
        "augment_with": augment_with,
        "seed": seed,
        "out": out,
        "size": size,
        "image_size": image_size,
        "pad": pad,
        "groups": groups,
        "skip_bad": skip_bad,
        "kind": kind,
        "frames": frames,
        "rate": rate,
        "workers": _number_or(workers, "auto", "--workers"),
        "workers_per_gpu": workers_per_gpu,
        "gpus": _number_or(gpus, "all", "--gpus"),
        "stress": stress,
        "objective": objective,
        "max_params": max_params,
        "max_size_mb": max_size_mb,
        "max_latency_ms": max_latency_ms,
        "max_memory": max_memory,
        "discard": discard,
        "deterministic": deterministic,
        "yes": yes,
    }
    checked = search_options(target=target, time_limit_s=time, **options)
    from automl_sem import api

    if dry_run:
        for line in api.dry_run(target, time_limit=time, **options):
            print(line)
        return
    limit = checked.trial_limit if checked.time_limit_s is None or trials else None
    with _resume_hint(), _listener(limit, checked.time_limit_s) as listener:
        run = api.search(target, time_limit=time, listener=listener, say=_say, **options)
    _print_results(run.results, as_json)


@app.command()
def resume(
    run: flags.Run = None,
    trials: Annotated[int | None, typer.Option(help=flags.TRIALS_HELP)] = None,
    time: Annotated[str | None, typer.Option(help="More time: 90s, 5m, 1h30m.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; as many as before by default.")
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
    with (
        _resume_hint(),
        _listener(limit, None, results.best) as listener,
    ):
        found = api.resume(
            directory.path,
            trials=trials,
            time_limit=time,
            workers=workers,
            listener=listener,
            say=_say,
        )
    _print_results(found.results, as_json)


@contextlib.contextmanager
def _resume_hint() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        run = getattr(interrupt, "run", None)
        if run is None:
            _say("\ninterrupted before the search began")
        else:
            _say("\ninterrupted; every finished fold is kept")
            _next(f"resume{_argument(run)}")
        sys.exit(130)


def _print_results(results: Results, as_json: bool) -> None:
    from automl_sem.console import summary

    if as_json:
        _print_json(results.to_json())
        return
    print(summary(results))
    _next(f"export --best{_argument(results.run.path)}")


@app.command()
def export(
    run: flags.Run = None,
    best: Annotated[bool, typer.Option("--best", help="The best trial (the default).")] = False,
    trial: Annotated[int | None, typer.Option(help="Another trial, by its number.")] = None,
    pick: flags.Pick = None,
    formats: Annotated[
        str, typer.Option("--format", help="Formats, separated by commas.")
    ] = "keras,saved-model",
    gpus: Annotated[str, typer.Option(help="GPUs to train on: all, or how many.")] = "all",
    force: Annotated[bool, typer.Option(help="Retrain even if the export is there.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Retrain the best trial, export it, verify it."""
    if best + (trial is not None) + (pick is not None) > 1:
        raise UserError("--best, --trial and --pick exclude each other", where="export")
    if pick == "smallest-within" and run == Path("1se") and not run.exists():
        run = None  # said as two words
    wanted_gpus = _number_or(gpus, "all", "--gpus")
    from automl_sem import api

    found = api.load_run(run)
    if pick is not None:
        trial = found.pick(pick)
        _say(f"--pick {pick}: trial {trial}")
    try:
        result = found.export(
            trial,
            formats=[name.strip() for name in formats.split(",") if name.strip()],
            gpus=wanted_gpus,
            force=force,
            say=_say,
        )
    except KeyboardInterrupt:
        _say("\ninterrupted; the same command goes on where it was")
        sys.exit(130)
    if as_json:
        _print_json(result.to_json())
        return
    print(result.summary())
    exported = shlex.quote(str(result.path))
    if result.generates:
        _next(f"generate {exported} --n 64")
    else:
        _next(f"predict {exported} {EXAMPLES[result.kind]}")


@app.command()
def predict(
    exported: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="An export directory, or a run.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Images; clips (videos, animations, folders of frames); or series (.ts, .npz or "
            "CSV files): what the model was trained on. Or folders of such."
        ),
    ],
    as_json: flags.Json = False,
) -> None:
    """Say what an exported model sees in images, clips or series."""
    from automl_sem.export import predict as predict_files

    predictions = predict_files(exported, files)
    if as_json:
        _print_json({"schema_version": 1, "predictions": [p.to_json() for p in predictions]})
        return
    width = max(len(p.file) for p in predictions)
    for prediction in predictions:
        print(f"{prediction.file:<{width}}  {prediction.label}  {prediction.probability:.3f}")


@app.command()
def generate(
    exported: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="An export of a GAN, or a run.")
    ],
    n: Annotated[int, typer.Option("--n", help="How many images.")] = 64,
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="What they show.", show_default="each class"),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write them.")] = Path("drawn"),
    seed: Annotated[int, typer.Option(help="Another one draws other images.")] = 0,
) -> None:
    """Draw images with an exported generator."""
    from automl_sem.export.generate import SHEET
    from automl_sem.export.generate import generate as draw_files

    files = draw_files(exported, out, n, class_name, seed)
    print(f"{len(files)} images in {out}, many of them on {out / SHEET}")


@app.command()
def data(
    target: Annotated[str, typer.Argument(help="A dataset, or a path to data.")],
    size: flags.Size = None,
    image_size: flags.ImageSize = None,
    pad: flags.Pad = False,
    groups: flags.Groups = None,
    kind: flags.Kind = None,
    frames: flags.Frames = None,
    rate: flags.Rate = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of a test part.")] = 0,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write a PNG with some examples.",
            show_default="contact-sheet.png, or a free name like it",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Show what is understood of your data, with some examples."""
    from automl_sem.config import search_options

    options: dict[str, Any] = {
        "size": size,
        "image_size": image_size,
        "pad": pad,
        "groups": groups,
        "kind": kind,
        "frames": frames,
        "rate": rate,
        "seed": seed,
    }
    search_options(**options)
    from automl_sem.data.overview import SHEET, check_sheet, describe, write_sheet

    sheet = SHEET if force and sheet is None else sheet
    if sheet is not None:
        check_sheet(sheet, force)
    found = describe(target, **options)
    written = write_sheet(found.dataset, sheet)
    if as_json:
        _print_json({**found.to_json(), "sheet": str(written)})
        return
    print(found.summary())
    other = (
        "" if sheet or written == SHEET else f" (there was another {SHEET}: --force replaces it)"
    )
    _say(f"examples of each class: {written}{other}")
    given = "".join(
        f" --{name} {shlex.quote(str(value))}"
        for name, value in (
            ("size", size),
            ("image-size", image_size),
            ("groups", groups),
            ("kind", kind),
            ("frames", frames),
            ("rate", rate),
        )
        if value is not None
    )
    given += f" --seed {seed}" if seed else ""
    given += " --pad" if pad else ""
    given += " --skip-bad" if found.inspection.unreadable else ""
    _next(f"search {shlex.quote(target)}{given}")


@app.command()
def report(
    run: flags.Run = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of a run anew."""
    from automl_sem import api

    found = api.load_run(run)
    path = found.report()
    print(path)
    if open_it:
        typer.launch(str(path))
    else:
        _next(f"report --open{_argument(found.path)}")


@app.command()
def show(run: flags.Run = None, as_json: flags.Json = False) -> None:
    """Show a run: its trials and its verdict."""
    from automl_sem import api
    from automl_sem.console import reasons, stdout, summary, trials_table

    results = api.load_run(run).results
    if as_json:
        _print_json(results.to_json())
        return
    stdout().print(trials_table(results))
    print(*reasons(results), "", sep="\n")
    print(summary(results))
    _next(f"{'export --best' if results.finished else 'resume'}{_argument(results.run.path)}")


@app.command()
def runs(as_json: flags.Json = False) -> None:
    """List the runs started from this directory, the latest first."""
    from automl_sem.console import runs_table, stdout
    from automl_sem.registry import runs as known_runs

    found = [(run, _results_or_reason(run)) for run in known_runs()]
    if as_json:
        entries = [
            {"run": str(run.path), "error": results}
            if isinstance(results, str)
            else results.to_json()
            for run, results in found
        ]
        _print_json({"schema_version": 1, "runs": entries})
    elif found:
        stdout().print(runs_table(found))
        for run, results in found:
            if isinstance(results, str):
                _say(f"{run.path}: {results}")
        _next("show RUN")
    else:
        print("no runs yet")
        _next("search shapes")


def _results_or_reason(run: RunDirectory) -> Results | str:
    """Return a run's results, or why they cannot be read."""
    from automl_sem.errors import one_line
    from automl_sem.results import read_results

    try:
        return read_results(run)
    except Exception as error:  # one damaged run must not hide the others
        return one_line(error)


@app.command()
def spaces() -> None:
    """List the built-in search spaces and datasets."""
    from automl_sem.data.builtin import BUILTIN
    from automl_sem.spaces.find import builtin_spaces, summary

    print("Search spaces (copy one to make your own):")
    for name, path in builtin_spaces().items():
        print(f"  {name:<10}  {summary(path)}\n  {'':<10}  {path}")
    print("Datasets:")
    for name, (description, *_) in BUILTIN.items():
        print(f"  {name:<10}  {description}")
    _next("search shapes")


@app.command()
def doctor(as_json: flags.Json = False) -> None:
    """Check versions and devices, and train one real epoch."""
    from automl_sem.doctor import check

    found = check()
    if as_json:
        _print_json(found.to_json())
    else:
        print(found.summary())
    if found.healthy:
        _next("search shapes")
    else:
        sys.exit(1)
