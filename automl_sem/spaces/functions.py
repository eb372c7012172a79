"""A space that is a Python function, a hypermodel or a module, not a file.

Of a function `build` in a module beside the script, the module's file is the space, as if it had
been named. Whatever else is given, also in a notebook, is copied into a file of its own: the source
for people, and for machines a copy by value with all that it refers to. So workers, `resume` and
`export` find it in the run, without the script or notebook that it came from.
"""

from __future__ import annotations

import base64
import inspect
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from automl_sem.errors import UserError, one_line
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space

CONSTANTS = ("KIND", "DATA", "SIZE", "BASELINE", "GOOD_STARTS", "STRESS")
LARGEST = 32 * 2**20  # bytes of a copy: what is larger holds examples, which a space never sees
OWN_FILE = "Put it into a file of its own, and name that: space='my_space.py'"
FILE = """{doc}

# A copy of what was given from Python, made by automl-sem.
# The source, for people:
#
{source}

import base64
import pickle

globals().update(pickle.loads(base64.b64decode(
{kept}
)))
"""


def is_space(value: object) -> bool:
    """Whether something is a space given from Python: a function, or what has a `build`."""
    return isinstance(value, FunctionType) or callable(getattr(value, "build", None))


def space_from_python(value: Any, recipe: Callable[..., Any] | None = None) -> Space:
    """Return the space that a Python function or object is.

    Args:
        value: A function `build(hp)` or `build(hp, data)`; a KerasTuner `HyperModel` or its class;
            or a module or another object with `build` and, if it likes, `recipe`, `BASELINE`,
            `GOOD_STARTS`, `STRESS`, `KIND`.
        recipe: A function `recipe(hp, data)`; by default that of the object.

    Raises:
        UserError: If it cannot be copied, or is no space.
    """
    if inspect.isclass(value):
        value = _instance(value)
    home = _home(value)
    file = _file_of(value, home) if recipe is None else None
    if file is not None:
        return load_space(file)
    name = _name(value, home)
    given = _parts(value)
    if recipe is not None:
        given["recipe"] = recipe
    text = FILE.format(
        doc=_docstring((inspect.getdoc(value) or "").split("\n")[0] or f"Space {name}."),
        source=_commented([value, recipe]),
        kept=_quoted(_copied(given, home, name)),
    )
    origin = _root(home) / f"{_place(home)}:{name}"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{name}.py"
        copy.write_text(text, encoding="utf-8")
        space = load_space(copy, name=name, beside=origin.parent)
    return replace(space, path=origin)


def _instance(kind: Any) -> Any:
    try:
        return kind()
    except TypeError as error:
        raise UserError(
            f"{kind.__name__} cannot be made without arguments",
            where="space",
            hint=f"Give one that is made: {kind.__name__}(...)",
        ) from error


def _home(value: Any) -> ModuleType:
    """Return the module that something was defined in."""
    if isinstance(value, ModuleType):
        return value
    owner = value if isinstance(value, FunctionType) else type(value)
    return sys.modules.get(owner.__module__) or sys.modules["__main__"]


def _file_of(value: Any, home: ModuleType) -> Path | None:
    """Return the file that is the space itself: a module's whose `build` this is.

    That of the script is not, since loading it would run it again; nor one in a package, which
    cannot run alone.
    """
    file = getattr(home, "__file__", None)
    alone = home.__name__ != "__main__" and "." not in home.__name__
    is_build = value is home or value is getattr(home, "build", None)
    found = file is not None and alone and is_build and str(file).endswith(".py")
    return Path(str(file)) if found else None


def _parts(value: Any) -> dict[str, Any]:
    """Return what a space file would hold, by name."""
    if isinstance(value, FunctionType):
        return {"build": value}
    if any(base.__name__ == "HyperModel" for base in type(value).__mro__):
        return {"hypermodel": value}
    names = ("build", "recipe", *CONSTANTS)
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _copied(given: dict[str, Any], home: ModuleType, name: str) -> bytes:
    """Return a copy of some objects with the functions and classes of their module in it."""
    import cloudpickle

    by_value = home.__name__ != "__main__" and "site-packages" not in str(
        getattr(home, "__file__", "site-packages")
    )
    try:
        if by_value:
            cloudpickle.register_pickle_by_value(home)
        copy: bytes = cloudpickle.dumps(given)
    except Exception as error:  # whatever a person's objects raise when they are copied
        raise UserError(
            f"it refers to what cannot be copied to the run: {one_line(error)}",
            where=f"space {name}",
            hint=OWN_FILE,
        ) from error
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(home)
    if len(copy) > LARGEST:
        raise UserError(
            f"it refers to {len(copy) / 2**20:.0f} MB of other objects",
            where=f"space {name}",
            hint="A space sees no examples: take shapes and numbers of classes from `data`",
        )
    return copy


def _name(value: Any, home: ModuleType) -> str:
    name = getattr(value, "__name__", type(value).__name__)
    name = name.rpartition(".")[2]
    if name in ("build", "build_model", "<lambda>"):
        return Path(_place(home)).stem
    return str(name)


def _place(home: ModuleType) -> str:
    """Return what people call a module: `script.py`, `package.module`, `notebook`."""
    if home.__name__ != "__main__":
        return home.__name__
    file = getattr(home, "__file__", None)
    return Path(file).name if file else "notebook"


def _root(home: ModuleType) -> Path:
    """Return the folder that modules beside something are imported from."""
    file = getattr(home, "__file__", None)
    if file is None:
        return Path.cwd()
    path = Path(file).resolve()
    depth = 0 if home.__name__ == "__main__" else home.__name__.count(".")
    depth += path.name == "__init__.py"
    return path.parents[depth]


def _commented(values: list[Any]) -> str:
    """Return the source of functions and classes as comments, as far as there is one."""
    lines: list[str] = []
    for value in values:
        if value is None:
            continue
        described = isinstance(value, FunctionType | ModuleType)
        try:
            source = inspect.getsource(value if described else type(value))
        except (OSError, TypeError):
            source = f"(not known: {value!r})"
        lines += textwrap.dedent(source).splitlines()
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _docstring(line: str) -> str:
    """Return a line as the docstring of a file."""
    plain = '"' not in line and "\\" not in line
    return f'"""{line}"""' if plain else repr(line)


def _quoted(copy: bytes) -> str:
    text = base64.b64encode(copy).decode()
    return "\n".join(f'    "{text[i : i + 90]}"' for i in range(0, len(text), 90))
