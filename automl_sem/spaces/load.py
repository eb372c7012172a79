"""Load a space from its file; built-in and user files take the same way."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError, one_line
from automl_sem.spaces.space import Space, line_of


def load_space(path: Path, *, name: str | None = None, beside: Path | None = None) -> Space:
    """Run a space file and return the space it declares.

    Args:
        path: A Python file with `build(hp, data)`.
        name: Name of the space; the file's stem by default.
        beside: Folder whose modules the file may import; its own by default.

    Raises:
        UserError: If the file is missing, does not run or has no `build`.
    """
    path = path.expanduser().resolve()
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a UTF-8 text file"
        raise UserError(f"cannot read the space file: {reason}", where=path) from error
    use_tensorflow()
    _allow_imports_from(beside or path.parent)
    module = _run(path, source)
    build = getattr(module, "build", None)
    hypermodel = getattr(module, "hypermodel", None)
    if hypermodel is not None:

        def build(hp: Any) -> Any:
            return hypermodel.build(hp)

    if not callable(build):
        raise UserError(
            "the space has no function build(hp, data)",
            where=path,
            hint="See `automl-sem spaces` for examples to copy",
        )
    recipe = getattr(module, "recipe", None)
    doc = (module.__doc__ or "").strip().splitlines()
    return Space(
        name=name or path.stem,
        path=path,
        source=source,
        doc=doc[0] if doc else "",
        kind=_constant(module, "KIND", str, path),
        data=_constant(module, "DATA", str, path),
        size=_constant(module, "SIZE", int, path),
        build_fn=build,
        recipe_fn=recipe if callable(recipe) else None,
        baseline=_constant(module, "BASELINE", dict, path) or {},
        stress=_constant(module, "STRESS", dict, path) or {},
        good_starts=tuple(_constant(module, "GOOD_STARTS", (list, tuple), path) or ()),
    )


def _run(path: Path, source: str) -> ModuleType:
    module = ModuleType(f"automl_sem_space_{path.stem}")
    module.__file__ = str(path)
    # Registered, so that classes defined in the file can be pickled and inspected.
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        where = f"{path}:{error.lineno}"
        raise UserError(f"syntax error in the space: {error.msg}", where=where) from error
    except (Exception, SystemExit) as error:
        raise UserError(
            f"the space does not run: {one_line(error)}", where=line_of(error, path)
        ) from error
    return module


def _allow_imports_from(folder: Path) -> None:
    """Let a space import the modules beside it, also later, from inside `build`."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _constant(module: ModuleType, name: str, types: Any, path: Path) -> Any:
    value = getattr(module, name, None)
    if value is None or isinstance(value, types):
        return value
    raise UserError(f"{name} has the wrong type: {type(value).__name__}", where=path)
