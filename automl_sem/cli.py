"""The command line: parse, call, print.

Exit codes: 0 done; 1 finished with a negative result; 2 wrong use, bad configuration
or data, unknown run; 3 a defect of ours; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from automl_sem.errors import AutomlSemError, UserError
from automl_sem.files import disk_error

if TYPE_CHECKING:
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

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="Run directory; the latest by default.")
]
TRIALS_HELP = "Trials in all, the baseline included."
TIME_HELP = "Start no new trial after this time: 90s, 5m, 1h30m."


# Full, over quota, read-only, forbidden, worn out: what a person can do something about.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


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
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
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


@contextlib.contextmanager
def _listener(trials: int | None, folds: int, seconds: float | None) -> Iterator[Listener]:
    """Yield the live display on a terminal, else one plain line per trial."""
    from automl_sem.console import LineListener, LiveListener, stderr

    console = stderr()
    if not console.is_terminal:
        yield LineListener(_say)
        return
    with LiveListener(console, trials, folds, seconds) as live:
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
    target: Annotated[
        str | None,
        typer.Argument(help="A space, a .py file, a dataset or a path to data."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Dataset, folder or .npz file.")] = None,
    space: Annotated[str | None, typer.Option(help="Space: a name or a .py file.")] = None,
    trials: Annotated[int | None, typer.Option(help=TRIALS_HELP, show_default="13")] = None,
    time: Annotated[str | None, typer.Option(help=TIME_HELP)] = None,
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    epochs: Annotated[int | None, typer.Option(help="Fix the epochs of every trial.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Fix the batch size.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the whole run.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Run directory.", show_default="runs/DATE-TIME-NAME")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Training drawings of the built-in shapes.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Resize images to this many pixels a side.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave unreadable images out.")] = False,
    as_json: Json = False,
) -> None:
    """Search for the best architecture.

    automl-sem search shapes | digits | my_drawings/ | my_space.py
    """
    from automl_sem.config import search_options

    options: dict[str, Any] = {
        "data": data,
        "space": space,
        "trials": trials,
        "folds": folds,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "out": out,
        "size": size,
        "image_size": image_size,
        "skip_bad": skip_bad,
    }
    checked = search_options(target=target, time_limit_s=time, **options)
    from automl_sem import api

    limit = checked.trial_limit if checked.time_limit_s is None or trials else None
    with _resume_hint(out), _listener(limit, folds, checked.time_limit_s) as listener:
        run = api.search(target, time_limit=time, listener=listener, say=_say, **options)
    _print_results(run, as_json)


@app.command()
def resume(
    run: RunArgument = None,
    trials: Annotated[int | None, typer.Option(help=TRIALS_HELP)] = None,
    time: Annotated[str | None, typer.Option(help="More time: 90s, 5m, 1h30m.")] = None,
    as_json: Json = False,
) -> None:
    """Go on with a search from the last finished fold, or extend a finished one."""
    from automl_sem import api
    from automl_sem.registry import find_run

    directory = find_run(run)
    saved = directory.read_json("session.json") or {}
    limit = trials or saved.get("trials", directory.manifest.trials)
    with (
        _resume_hint(directory.path),
        _listener(limit if limit < 100_000 else None, directory.manifest.folds, None) as listener,
    ):
        found = api.resume(
            directory.path, trials=trials, time_limit=time, listener=listener, say=_say
        )
    _print_results(found, as_json)


@contextlib.contextmanager
def _resume_hint(run: Path | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        name = f" {run}" if run else ""
        _say("\ninterrupted; every finished fold is kept")
        _say(f"next: automl-sem resume{name}")
        sys.exit(130)


def _print_results(run: Any, as_json: bool) -> None:
    from automl_sem.console import summary

    results = run.results
    if as_json:
        _print_json(results.to_json())
        return
    print(summary(results))
    print("next: automl-sem export --best")


@app.command()
def export(
    run: RunArgument = None,
    best: Annotated[bool, typer.Option("--best", help="The best trial (the default).")] = False,
    trial: Annotated[int | None, typer.Option(help="Another trial, by its number.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Formats, separated by commas.")
    ] = "keras,saved-model",
    gpus: Annotated[str, typer.Option(help="GPUs to train on: all, or how many.")] = "all",
    force: Annotated[bool, typer.Option(help="Retrain even if the export is there.")] = False,
    as_json: Json = False,
) -> None:
    """Retrain the best on all training data, export it and verify the export."""
    if best and trial is not None:
        raise UserError("--best and --trial exclude each other", where="export")
    if gpus != "all" and not gpus.isdigit():
        raise UserError(f"--gpus takes all or a number. Received: {gpus!r}", where="export")
    from automl_sem import api

    found = api.load_run(run)
    try:
        result = found.export(
            trial,
            formats=[name.strip() for name in formats.split(",") if name.strip()],
            gpus="all" if gpus == "all" else int(gpus),
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
    print(f"next: automl-sem predict {result.path} DRAWING.png")


@app.command()
def predict(
    exported: Annotated[Path, typer.Argument(metavar="EXPORT", help="An export directory.")],
    files: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    as_json: Json = False,
) -> None:
    """Say what an exported model sees in images."""
    from automl_sem.export import predict as predict_files

    predictions = predict_files(exported, files)
    if as_json:
        _print_json({"schema_version": 1, "predictions": [p.to_json() for p in predictions]})
        return
    width = max(len(p.file) for p in predictions)
    for prediction in predictions:
        print(f"{prediction.file:<{width}}  {prediction.label}  {prediction.probability:.3f}")


@app.command()
def report(
    run: RunArgument = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of a run anew."""
    from automl_sem import api

    path = api.load_run(run).report()
    print(path)
    if open_it:
        typer.launch(str(path))


@app.command()
def show(run: RunArgument = None, as_json: Json = False) -> None:
    """Show a run: its trials and its verdict."""
    from automl_sem import api
    from automl_sem.console import stdout, summary, trials_table

    results = api.load_run(run).results
    if as_json:
        _print_json(results.to_json())
        return
    stdout().print(trials_table(results))
    print()
    print(summary(results))
    print("next: " + ("automl-sem export --best" if results.finished else "automl-sem resume"))


@app.command()
def runs(as_json: Json = False) -> None:
    """List the runs started from this directory, the latest first."""
    from automl_sem import registry
    from automl_sem.console import runs_table, stdout
    from automl_sem.results import read_results

    found = registry.runs()
    results = [read_results(run) for run in found]
    if as_json:
        _print_json({"schema_version": 1, "runs": [r.to_json() for r in results]})
    elif found:
        stdout().print(runs_table(found, results))
    else:
        print("no runs yet")
        print("next: automl-sem search shapes")


@app.command()
def spaces() -> None:
    """List the built-in search spaces and datasets."""
    from automl_sem.data.builtin import BUILTIN
    from automl_sem.spaces.find import builtin_spaces, summary

    print("Search spaces (copy one to make your own):")
    for name, path in builtin_spaces().items():
        print(f"  {name:<10}  {summary(path)}\n  {'':<10}  {path}")
    print("Datasets:")
    for name, (description, _) in BUILTIN.items():
        print(f"  {name:<10}  {description}")
    print("next: automl-sem search shapes")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check versions and devices, and train one real epoch."""
    from automl_sem.doctor import check

    found = check()
    if as_json:
        _print_json(found.to_json())
    else:
        print(found.summary())
    if not found.healthy:
        sys.exit(1)
