"""Commands that only look: `data`, `show`, `runs`, `report`, `doctor`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from automl_sem import flags
from automl_sem.cli.output import argument, print_json, say, say_next, tell

if TYPE_CHECKING:
    from automl_sem.results import Results
    from automl_sem.run import RunDirectory

# Options of `search` that say how data are read.
DATA_OPTIONS = ("size", "image_size", "pad", "groups", "kind", "task", "frames", "rate", "seed")


def data(
    target: Annotated[str, Argument(help="A dataset, or a path to data.")],
    size: flags.Size = None,
    image_size: flags.ImageSize = None,
    pad: flags.Pad = None,
    groups: flags.Groups = None,
    kind: flags.Kind = None,
    task: flags.Task = None,
    frames: flags.Frames = None,
    rate: flags.Rate = None,
    seed: flags.TestSeed = None,
    sheet: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Where to write a PNG with some examples.",
            show_default="contact-sheet.png, or a free name like it",
        ),
    ] = None,
    config: flags.Config = None,
    force: Annotated[bool, Option("--force", help="Replace that file.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Show what is understood of your data, with some examples."""
    given = {name: value for name, value in locals().items() if name in DATA_OPTIONS}
    from automl_sem.settings import read_settings

    chosen = read_settings(config).choose("search", given).only(DATA_OPTIONS)
    tell(chosen, as_json)
    from automl_sem.data.overview import SHEET, check_sheet, describe, write_sheet

    sheet = SHEET if force and sheet is None else sheet
    if sheet is not None:
        check_sheet(sheet, force)
    with chosen.blamed():
        found = describe(target, **{name: getattr(chosen.checked, name) for name in DATA_OPTIONS})
    written = write_sheet(found.dataset, sheet)
    if as_json:
        print_json({**found.to_json(), "sheet": str(written)})
        return
    print(found.summary())
    other = (
        "" if sheet or written == SHEET else f" (there was another {SHEET}: --force replaces it)"
    )
    say(f"examples of each class: {written}{other}")
    flagged = [
        f" --{name.replace('_', '-')} {shlex.quote(str(given[name]))}"
        for name in DATA_OPTIONS
        if name != "pad" and given[name] is not None
    ]
    if pad is not None:
        flagged.append(" --pad" if pad else " --no-pad")
    if found.inspection.unreadable:
        flagged.append(" --skip-bad")
    say_next(f"search {shlex.quote(target)}{''.join(flagged)}")


def report(
    run: flags.Run = None,
    open_it: Annotated[bool, Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of a run anew."""
    from automl_sem import api

    found = api.load_run(run)
    path = found.report()
    print(path)
    if open_it:
        typer.launch(str(path))
    else:
        say_next(f"report --open{argument(found.path)}")


def show(run: flags.Run = None, as_json: flags.Json = False) -> None:
    """Show a run: its trials and its verdict."""
    from automl_sem import api
    from automl_sem.console import reasons, stdout, summary, trials_table

    results = api.load_run(run).results
    if as_json:
        print_json(results.to_json())
        return
    stdout().print(trials_table(results))
    print(*reasons(results), "", sep="\n")
    print(summary(results))
    say_next(f"{'export --best' if results.finished else 'resume'}{argument(results.run.path)}")


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
        print_json({"schema_version": 1, "runs": entries})
    elif found:
        stdout().print(runs_table(found))
        for run, results in found:
            if isinstance(results, str):
                say(f"{run.path}: {results}")
        say_next("show RUN")
    else:
        print("no runs yet")
        say_next("search shapes")


def _results_or_reason(run: RunDirectory) -> Results | str:
    """Return a run's results, or why they cannot be read."""
    from automl_sem.errors import one_line
    from automl_sem.results import read_results

    try:
        return read_results(run)
    except Exception as error:  # one damaged run must not hide the others
        return one_line(error)


def doctor(as_json: flags.Json = False) -> None:
    """Check versions and devices, and train one real epoch."""
    from automl_sem.doctor import check

    found = check()
    if as_json:
        print_json(found.to_json())
    else:
        print(found.summary())
    if found.healthy:
        say_next("search shapes")
    else:
        sys.exit(1)
