"""Wrong use of the command line as one line, where Typer would print four."""

from __future__ import annotations

from typing import Any

from automl_sem.errors import UserError, perhaps


def is_usage_error(error: BaseException) -> bool:
    """Whether Typer, or the Click in it, raised this on reading the command line."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def one_line_of(error: Any) -> UserError:
    """Return a usage error of Typer as ours, with the nearest option or command that exists."""
    context: Any = getattr(error, "ctx", None)
    command: Any = getattr(context, "command", None)
    path = getattr(context, "command_path", "automl-sem")
    unknown = getattr(error, "option_name", None)
    if unknown is not None and context is not None:
        options = [name for parameter in command.params for name in parameter.opts]
        what, known = f"there is no option {unknown}", options
        word = unknown
    elif context is not None and "No such command" in error.message:
        word = error.message.split("'")[1]
        what, known = f"there is no command {word!r}", list(command.commands)
    else:
        parameter = getattr(error, "param", None)
        return UserError(_said(error), where=_name(parameter) if parameter else "")
    return UserError(what, hint=perhaps(word, known) or f"`{path} --help` lists them")


def _said(error: Any) -> str:
    """Return what Typer says is wrong, without the name of the option."""
    if type(error).__name__ == "MissingParameter":
        return "it is missing"
    message = " ".join(str(error.message).split(", unable to parse")[0].split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]}"


def _name(parameter: Any) -> str:
    """Return `--folds`, or `EXPORT` of an argument."""
    if parameter.param_type_name == "option":
        return str(parameter.opts[0])
    return str(parameter.metavar or parameter.name.upper())
