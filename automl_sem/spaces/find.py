"""Which space and which dataset a word on the command line means."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from automl_sem.errors import UserError, did_you_mean

# The space that fits each kind of data when none is named.
SPACE_FOR_KIND = {"images": "images", "clips": "motion", "series": "series"}
# Built-in datasets that have a space of their own.
SPACE_FOR_DATA = {"shapes": "shapes", "digits": "digits", "motion": "motion"}


@dataclass(frozen=True)
class Target:
    """What to search.

    Args:
        space: The space file, or None to choose one by the kind of data.
        data: Dataset name or path, or None for the space's own.
    """

    space: Path | None
    data: str | None


def builtin_spaces() -> dict[str, Path]:
    """Return the built-in spaces: name -> file."""
    import automl_sem.search_spaces

    folder = Path(automl_sem.search_spaces.__file__).parent
    return {
        path.stem: path
        for path in sorted(folder.glob("*.py"))
        if not path.stem.startswith("_") and "build" in _functions(path)
    }


def summary(path: Path) -> str:
    """Return the first line of a space's docstring without running the file."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.splitlines()[0] if doc else ""


def find(target: str, datasets: Collection[str], *, data_only: bool = False) -> Target:
    """Resolve a word, in this order: a .py file, a space, a dataset, a path.

    Args:
        target: What the person typed.
        datasets: Names of the built-in datasets.
        data_only: Whether the space is named already, so that the word means data.

    Raises:
        UserError: If it is none of these.
    """
    spaces = builtin_spaces()
    if target.endswith(".py") and not data_only:
        return Target(find_space(target), None)
    if target in spaces and not data_only:
        return Target(spaces[target], None)
    if target in datasets or Path(target).expanduser().exists():
        return Target(None, target)
    raise UserError(
        f"no {'' if data_only else 'space, '}dataset, file or folder is called {target!r}",
        hint=did_you_mean(target, {*datasets} if data_only else {*spaces, *datasets}),
    )


def default_space(source: str, kind: str) -> Path:
    """Return the built-in space for data when none is named.

    Args:
        source: Name of a built-in dataset, or where the data came from.
        kind: Kind of data.
    """
    return find_space(SPACE_FOR_DATA.get(source, SPACE_FOR_KIND[kind]))


def find_space(name: str) -> Path:
    """Return the file of a space given by name or path.

    Raises:
        UserError: If there is none.
    """
    spaces = builtin_spaces()
    if name in spaces:
        return spaces[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    what = f"no space is called {name!r}" if path.suffix != ".py" else "no such space file"
    raise UserError(
        what, where=name if path.suffix == ".py" else "", hint=did_you_mean(name, spaces)
    )


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
