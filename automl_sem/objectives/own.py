"""A person's own metric: a function of a file, or of Python."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from automl_sem.errors import UserError, did_you_mean, one_line

WHERE = "--objective"
_NAMED = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")


def file_and_function(text: str) -> tuple[Path, str] | None:
    """Return what `FILE.py:function` names, or None if it is something else."""
    found = _NAMED.fullmatch(text)
    return (Path(found["file"]).expanduser(), found["function"]) if found else None


def read_source(file: Path) -> str:
    """Return the text of a file with a metric.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a UTF-8 text file"
        raise UserError(f"cannot read {file}: {reason}", where=WHERE) from error


def load_function(file: Path, name: str, beside: Path) -> Callable[..., Any]:
    """Run a file and return a function of it.

    Args:
        file: The file, or a copy.
        name: Name of the function.
        beside: Folder whose modules it may import.

    Raises:
        UserError: If the file does not run or has no such function.
    """
    if str(beside) not in sys.path:
        sys.path.append(str(beside))
    module = ModuleType(f"automl_sem_objective_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # so that its classes can be inspected
    try:
        exec(compile(read_source(file), str(file), "exec"), module.__dict__)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"{file} does not run: {one_line(error)}", where=WHERE) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, made in vars(module).items() if callable(made) and not n.startswith("_")]
        hint = did_you_mean(name, known)
        raise UserError(f"{file} has no function {name}", where=WHERE, hint=hint)
    return function  # type: ignore[no-any-return]
