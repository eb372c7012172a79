"""`automl-sem init`, `spaces` and `spaces check`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from automl_sem import flags
from automl_sem.cli.looking import DATA_OPTIONS
from automl_sem.cli.output import print_json, say, say_next, tell

app = typer.Typer(rich_markup_mode=None)
# Options of `search` that say for what a space is checked; its seed is another one.
OF_SEARCH = ("data", "weights", *(name for name in DATA_OPTIONS if name != "seed"))


def init(
    file: Annotated[Path, Argument(help="The file to write, such as my_space.py.")],
    origin: Annotated[
        str | None,
        Option(
            "--from",
            metavar="SPACE",
            help="The built-in space to copy.",
            show_default="a short one to begin with",
        ),
    ] = None,
    force: Annotated[bool, Option("--force", help="Replace that file.")] = False,
) -> None:
    """Write a search space of your own to begin with."""
    from automl_sem.own_space import write_space

    write_space(file, origin, force=force)
    print(file)
    say("change it, then see whether it can be searched:")
    say_next(f"spaces check {shlex.quote(str(file))}")


@app.callback(invoke_without_command=True)
def spaces(context: typer.Context) -> None:
    """List the built-in search spaces and datasets, or check a space."""
    if context.invoked_subcommand is not None:
        return
    from automl_sem.data.builtin import BUILTIN
    from automl_sem.spaces.find import builtin_spaces, summary

    print("Search spaces (automl-sem init my_space.py --from NAME copies one):")
    for name, path in builtin_spaces().items():
        print(f"  {name:<10}  {summary(path)}\n  {'':<10}  {path}")
    print("Datasets:")
    for name, (description, *_) in BUILTIN.items():
        print(f"  {name:<10}  {description}")
    say_next("search shapes")


@app.command("check")
def check_space(
    space: Annotated[str, Argument(help="A file, or the name of a built-in space.")],
    data: Annotated[
        str | None,
        Option(
            help="Data to build for.", show_default="the space's own, or built-in data of its kind"
        ),
    ] = None,
    samples: Annotated[int, Option(help="Candidates to build.")] = 50,
    seed: Annotated[int, Option(help="Another one draws other candidates.")] = 0,
    time: Annotated[str, Option(help="Build no more after this time.")] = "3m",
    weights: flags.Weights = None,
    kind: flags.Kind = None,
    task: flags.Task = None,
    config: flags.Config = None,
    as_json: flags.Json = False,
) -> None:
    """Build candidates of a space at random, without training, and report what is wrong."""
    given = {name: value for name, value in locals().items() if name in OF_SEARCH}
    from automl_sem.settings import read_settings

    chosen = read_settings(config).choose("search", given).only(OF_SEARCH)
    tell(chosen, as_json)
    from automl_sem.console import stderr
    from automl_sem.own_space import check_named
    from automl_sem.progress import counting

    options = {name: getattr(chosen.checked, name) for name in OF_SEARCH}
    with chosen.blamed(), counting(stderr()) as tick:
        found = check_named(
            space, samples=samples, seed=seed, time_limit=time, tick=tick, **options
        )
    if as_json:
        print_json(found.to_json())
    else:
        print(found.summary())
    if not found.fine:
        sys.exit(1)
    say_next(found.search)
