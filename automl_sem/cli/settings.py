"""`automl-sem config show`: each option, its value, and where it came from."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import typer

from automl_sem import flags
from automl_sem.cli.exporting import export
from automl_sem.cli.output import print_json, say
from automl_sem.cli.searching import search

app = typer.Typer(
    help="Options from files and the environment.", rich_markup_mode=None, no_args_is_help=False
)
COMMANDS = {"search": search, "export": export}


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def show(
    target: flags.Target = None, config: flags.Config = None, as_json: flags.Json = False
) -> None:
    """Show the value of each option, and where it came from.

    Flags count more than AUTOML_SEM_NAME in the environment, this more than a file, this more
    than what a space says.
    """
    from automl_sem.config import options_of
    from automl_sem.settings import PREFIX, SECTIONS, read_settings, said_by_space

    settings = read_settings(config)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for command, model in SECTIONS.items():
        chosen = settings.choose(command, {"target": target})
        values = chosen.checked.model_dump(mode="json")
        found[command] = {
            name: {
                "value": values[field],
                "from": chosen.settings[name].origin if name in chosen.settings else "default",
            }
            for name, field in options_of(model).items()
        }
        if command == "search":
            for name, setting in said_by_space(chosen.checked).items():
                if name not in chosen.settings:
                    found[command][name] = {"value": setting.value, "from": setting.origin}
    file = None if settings.file is None else str(settings.file)
    if as_json:
        print_json({"schema_version": 1, "file": file, **found})
        return
    rows = [
        (
            command,
            name.replace("_", "-"),
            _text(option["value"], unset.get(name, "")),
            option["from"],
        )
        for command, options in found.items()
        for unset in [_unset(command)]
        for name, option in options.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (1, 2)]
    for command in found:
        print("search" if command == "search" else f"\n{command}: table [{command}] of a file")
        for of, name, text, origin in rows:
            if of == command:
                print(f"  {name:<{widths[0]}}  {text:<{widths[1]}}  {origin}")
    say(f"file: {file or 'none (automl-sem.toml, or [tool.automl-sem] in pyproject.toml)'}")
    say(f"an option in the environment: {PREFIX}FOLDS=3, {PREFIX}EXPORT_GPUS=0")


def _text(value: Any, unset: str) -> str:
    if value is None:
        return unset
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ",".join(f"{name}={strength}" for name, strength in value.items())
    return ",".join(value) if isinstance(value, list) else str(value)


def _unset(command: str) -> dict[str, str]:
    """Return what holds where no value is given, as `--help` says it, by option."""
    hints = get_type_hints(COMMANDS[command], include_extras=True)
    shown = {name: get_args(hint)[1].show_default for name, hint in hints.items() if get_args(hint)}
    return {name: text for name, text in shown.items() if isinstance(text, str)}
