"""What a person passed to a search from Python: names and paths, or objects in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl_sem.backend import use_tensorflow
from automl_sem.config import SearchOptions, search_options
from automl_sem.data import Dataset
from automl_sem.data.examples import stays_on_disk
from automl_sem.data.load import GIVE
from automl_sem.data.stream import is_tf_dataset, read_tf_dataset
from automl_sem.errors import UserError
from automl_sem.spaces.functions import is_space, space_from_python
from automl_sem.spaces.space import Space

# Options that say how files are read.
OF_FILES = ("data", "size", "skip_bad", "frames", "rate")
# Those that a `Dataset` has been loaded with already.
OF_LOADING = ("image_size", "pad", "groups", "kind", "task")


@dataclass(frozen=True)
class Given:
    """What is searched, and how.

    Args:
        options: What was said, by the names of `search`.
        data: Data in memory, as arguments of `from_memory` or a dataset; None if they are named.
        build: A space in memory; None if it is named.
        recipe: The recipe of a function `build`.
        checked: All options.
    """

    options: Mapping[str, Any]
    data: Mapping[str, Any] | Dataset | None = None
    build: Any = None
    recipe: Callable[..., Any] | None = None
    checked: SearchOptions = field(default_factory=SearchOptions)

    @property
    def in_memory(self) -> bool:
        """Whether the run has to keep the examples, since nothing loads them again."""
        if isinstance(self.data, Dataset):
            return not stays_on_disk(self.data.train.x)
        return self.data is not None

    def replaced(self, space: Any, data: Any) -> set[str]:
        """Return the options of a file that do not count beside what was passed.

        Args:
            space: What was passed as a space, or None.
            data: What was passed as data, or None.
        """
        replaced = {"target"} if space is not None or data is not None else set()
        if self.build is not None:
            replaced |= {"target", "space"}
        if self.data is not None:
            replaced |= {"target", *OF_FILES}
        return replaced | ({*OF_LOADING} if isinstance(self.data, Dataset) else set())

    def space(self) -> Space | None:
        """Return the space in memory, or None."""
        return None if self.build is None else space_from_python(self.build, self.recipe)

    def checked_with(self, options: Mapping[str, Any]) -> Given:
        """Return the same with these options, checked.

        Raises:
            UserError: If one has a wrong value, or does not go with data in memory.
        """
        options = dict(options)
        if "time_limit" in options:
            options["time_limit_s"] = options.pop("time_limit")
        data = self.data
        if data is not None:
            refused = (*OF_FILES, *OF_LOADING) if isinstance(data, Dataset) else OF_FILES
            for name in refused:
                if options.get(name):
                    word = "a Dataset" if isinstance(data, Dataset) else "arrays"
                    raise UserError(f"{name} does not go with {word}", where="search")
        if data is not None and not isinstance(data, Dataset):
            groups = options.pop("groups", None)
            if isinstance(groups, str):
                raise UserError("groups must be an array where the data are arrays", where="search")
            data = {**data, "groups": groups}
        return replace(self, data=data, checked=search_options(**options))


def given_of(
    target: Any,
    space: Any,
    data: Any,
    recipe: Callable[..., Any] | None,
    options: Mapping[str, Any],
) -> Given:
    """Return what a person passed, sorted.

    Args:
        target: A space or data, in memory or in one word.
        space: A space, likewise.
        data: Data, likewise.
        recipe: The recipe of a function `build`.
        options: All else.

    Raises:
        UserError: If two spaces or two datasets are given, or what is given is neither.
    """
    named: dict[str, str] = {}
    memory: dict[str, Any] = {}
    for role, value in (("target", target), ("space", space), ("data", data)):
        if value is None:
            continue
        if isinstance(value, str | Path):
            named[role] = str(value)
            continue
        kind = _kind_of(value, role)
        if kind in memory or kind in named:
            raise UserError(f"{kind} is given twice", where="search")
        memory[kind] = value
    if recipe is not None and "space" not in memory:
        raise UserError("recipe goes with a function build", where="recipe")
    return Given(
        options={**options, **named},
        data=_in_memory(memory["data"], options) if "data" in memory else None,
        build=memory.get("space"),
        recipe=recipe,
    )


def _kind_of(value: Any, role: str) -> str:
    """Return `"data"` or `"space"`."""
    kind = ""
    if isinstance(value, tuple | Dataset) or is_tf_dataset(value):
        kind = "data"
    elif is_space(value):
        kind = "space"
    if not kind or role not in ("target", kind):
        word = "data" if role == "data" else "a space"
        raise UserError(
            f"a {type(value).__name__} is no {word.removeprefix('a ')}", where=role, hint=GIVE
        )
    return kind


def _in_memory(value: Any, options: Mapping[str, Any]) -> Mapping[str, Any] | Dataset:
    """Return data in memory as a dataset, or as arguments of `from_memory`."""
    if isinstance(value, Dataset):
        return value
    if isinstance(value, tuple):
        if not 2 <= len(value) <= 4:
            raise UserError(f"{len(value)} arrays are no dataset", where="search", hint=GIVE)
        return dict(zip(("x", "y", "x_test", "y_test"), value, strict=False))
    if options.get("kind") == "series":
        raise UserError("a tf.data.Dataset of series is not read", hint="Give arrays (x, y)")
    use_tensorflow()
    return read_tf_dataset(value)
