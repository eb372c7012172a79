"""Options from files and the environment, and where each value came from.

A flag counts more than the environment, this more than a file, this more than what a space says,
and that more than the default. The file is the nearest `automl-sem.toml`, or `pyproject.toml` with
a table `[tool.automl-sem]`, in the working directory or above it; of two in one folder the first
counts:

    folds = 3
    batch-size = 16        # dashes and underscores both do
    data = "drawings/"     # relative to this file

    [export]
    format = ["keras"]
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from automl_sem.config import NAMED, ExportOptions, SearchOptions, check, options_of
from automl_sem.errors import UserError, perhaps

FILE = "automl-sem.toml"
PYPROJECT = "pyproject.toml"
TABLE = ("automl-sem", "automl_sem")  # below `tool`
NO_FILE = "none"
PREFIX = "AUTOML_SEM_"
FILE_VARIABLE = "AUTOML_SEM_CONFIG"
# Variables that are no option of a command.
OTHER_VARIABLES = {FILE_VARIABLE, "AUTOML_SEM_CACHE_GB"}
FUNCTION = re.compile(r"[^,:\s][^,:]*\.py(?=:)")
ARGUMENT = "TARGET"  # the one option that is no flag
LISTED = "`automl-sem config show` lists all options"
# The options of each command: those of `search` stand at the top of a file, others in a table.
SECTIONS: Mapping[str, type[BaseModel]] = {"search": SearchOptions, "export": ExportOptions}


@dataclass(frozen=True)
class Setting:
    """A value that a person gave.

    Args:
        value: The value.
        origin: Where: `--folds`, `AUTOML_SEM_FOLDS`, `automl-sem.toml:3`.
        where: The same for an error, with the key in a file.
    """

    value: Any
    origin: str
    where: str

    @property
    def typed(self) -> bool:
        """Whether it stands on the command line."""
        return self.origin.startswith("--") or self.origin == ARGUMENT


@dataclass(frozen=True)
class Chosen:
    """The options of one command, the strongest source of each.

    Args:
        settings: What was given, by option.
        checked: All options.
    """

    settings: Mapping[str, Setting]
    checked: Any

    def arguments(self) -> dict[str, Any]:
        """Return what was given, checked, as arguments of `automl_sem.search`."""
        fields = options_of(type(self.checked))
        given = {name: getattr(self.checked, fields[name]) for name in self.settings}
        if "time" in given:
            given["time_limit"] = given.pop("time")
        return given

    def only(self, names: Collection[str]) -> Chosen:
        """Return the same without what was given for other options; `checked` keeps them."""
        return replace(self, settings={n: s for n, s in self.settings.items() if n in names})

    def typed_data_first(self) -> Chosen:
        """Return the same without the `data` of a file where a typed target names data itself.

        Raises:
            UserError: If the target is nothing that can be searched.
        """
        target, data = self.settings.get("target"), self.settings.get("data")
        if target is None or data is None or not target.typed or data.typed:
            return self
        from automl_sem.data.builtin import BUILTIN
        from automl_sem.spaces.find import find

        if find(target.value, BUILTIN, data_only="space" in self.settings).data is None:
            return self
        return replace(self, settings={n: s for n, s in self.settings.items() if n != "data"})

    def told(self) -> str:
        """Return what people should know: the options that no flag set; empty without any."""
        by_origin: dict[str, list[str]] = {}
        for name, setting in self.settings.items():
            if not setting.typed:
                source = setting.origin.rpartition(":")[0] or setting.origin
                by_origin.setdefault(source, []).append(f"{name}={setting.value}")
        told = [f"{', '.join(given)} ({source})" for source, given in by_origin.items()]
        return f"options: {'; '.join(told)}" if told else ""

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Let an error about a flag name the file or variable that gave its value."""
        try:
            yield
        except UserError as error:
            flag, *rest = error.where.split(" ", 1)
            setting = self.settings.get(flag.removeprefix("--").replace("-", "_"))
            if setting is not None and flag.startswith("--"):
                error.where = " ".join([setting.where, *rest])
            raise


@dataclass(frozen=True)
class Settings:
    """What files and the environment say.

    Args:
        file: The file that was read, or None.
        given: By command and option.
    """

    file: Path | None
    given: Mapping[str, Mapping[str, Setting]]

    def choose(self, command: str, flags: Mapping[str, Any]) -> Chosen:
        """Return the options of a command.

        Args:
            command: `"search"` or `"export"`.
            flags: Flags by name, None where not given; those that are no options are left out.

        Raises:
            UserError: If an option of any command has a wrong value.
        """
        found = {name: self._merged(name, flags if name == command else {}) for name in SECTIONS}
        return found[command]

    def _merged(self, command: str, flags: Mapping[str, Any]) -> Chosen:
        fields = options_of(SECTIONS[command])
        settings = dict(self.given.get(command, {}))
        for name in fields:
            if flags.get(name) is not None:
                flag = ARGUMENT if name == "target" else f"--{name.replace('_', '-')}"
                settings[name] = Setting(flags[name], flag, flag)
        values = {fields[name]: setting.value for name, setting in settings.items()}

        def where(name: str) -> str:
            return settings[name].where if name in settings else ""

        return Chosen(settings, check(SECTIONS[command], values, where))


def read_settings(
    file: str | Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return what files and the environment say.

    Args:
        file: The file, or `"none"`; the nearest by default, or what `AUTOML_SEM_CONFIG` names.
        environment: Variables; those of this process by default.

    Raises:
        UserError: If the file cannot be read, or an option is not known.
    """
    environment = os.environ if environment is None else environment
    file = file or environment.get(FILE_VARIABLE) or _nearest(Path.cwd())
    given: dict[str, dict[str, Setting]] = {name: {} for name in SECTIONS}
    path = None
    if file is not None and str(file) != NO_FILE:
        path = Path(file).expanduser().absolute()
        given = _from_file(path)
    for variable, value in environment.items():
        if variable.startswith(PREFIX) and variable not in OTHER_VARIABLES and value:
            command, name = _option_of(variable)
            given[command][name] = Setting(value, variable, variable)
    return Settings(path, given)


def said_by_space(options: SearchOptions) -> dict[str, Setting]:
    """Return what the space that is named says of options: its DATA, SIZE and STRESS.

    Args:
        options: What was given. A space that is none, or is not named, says nothing.
    """
    from automl_sem.spaces.find import builtin_spaces

    name = options.space or options.target or ""
    path = builtin_spaces().get(name, Path(name))
    if path.suffix != ".py" or not os.path.isfile(path):
        return {}
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return {}
    said = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constant = node.targets[0].id
            with contextlib.suppress(ValueError):
                if constant in ("DATA", "SIZE", "STRESS"):
                    origin = f"{_shown(path)}:{node.lineno}"
                    value = ast.literal_eval(node.value)
                    said[constant.lower()] = Setting(value, origin, origin)
    return said


def _option_of(variable: str) -> tuple[str, str]:
    """Return command and option of a variable: `AUTOML_SEM_FOLDS`, `AUTOML_SEM_EXPORT_GPUS`."""
    known = {
        f"{PREFIX}{'' if command == 'search' else f'{command}_'.upper()}{name.upper()}": (
            command,
            name,
        )
        for command, model in SECTIONS.items()
        for name in options_of(model)
    }
    if variable not in known:
        word = variable.removeprefix(PREFIX).lower()
        same = [full for full, (_, name) in known.items() if name == word]
        raise UserError(
            "no option has this variable of the environment",
            where=variable,
            hint=perhaps(variable, same or {*known, *OTHER_VARIABLES}) or LISTED,
        )
    return known[variable]


def _nearest(folder: Path) -> Path | None:
    """Return the file with options in a folder or the nearest one above it, or None."""
    for place in (folder, *folder.parents):
        if os.path.isfile(place / FILE):
            return place / FILE
        pyproject = place / PYPROJECT
        if os.path.isfile(pyproject) and any(name in _text(pyproject) for name in TABLE):
            tools = _toml(pyproject).get("tool", {})
            if any(name in tools for name in TABLE):
                return pyproject
    return None


def _from_file(path: Path) -> dict[str, dict[str, Setting]]:
    """Return the options that a file gives, by command."""
    table, prefix = _toml(path), ""
    if path.name == PYPROJECT:
        tools = table.get("tool", {})
        name = next((name for name in TABLE if name in tools), TABLE[0])
        table, prefix = tools.get(name, {}), f"tool.{name}"
    given: dict[str, dict[str, Setting]] = {name: {} for name in SECTIONS}
    lines = _lines(_text(path))
    for key, value in table.items():
        if key != "search" and key in SECTIONS and isinstance(value, dict):
            header = f"{prefix}.{key}".lstrip(".")
            for inner, each in value.items():
                _keep(given[key], key, inner, each, path, lines.get((header, inner)))
        else:
            _keep(given["search"], "search", key, value, path, lines.get((prefix, key)))
    return given


def _keep(
    given: dict[str, Setting], command: str, key: str, value: Any, path: Path, line: int | None
) -> None:
    """Take up a key of a file.

    Raises:
        UserError: If there is no such option, or it is there already.
    """
    origin = f"{_shown(path)}:{line}" if line else f"{_shown(path)}:{key}"
    where = f"{_shown(path)}:{line}: {key}" if line else f"{_shown(path)}: {key}"
    name = key.replace("-", "_")
    fields = options_of(SECTIONS[command])
    if name not in fields:
        raise UserError(
            f"no option of {command} has this name", where=where, hint=_elsewhere(command, name)
        )
    if name in given:
        raise UserError(f"{name} is there twice", where=where)
    annotation = SECTIONS[command].model_fields[fields[name]].annotation
    given[name] = Setting(_beside(value, annotation, path.parent), origin, where)


def _elsewhere(command: str, name: str) -> str:
    """Return where a name belongs that is no option of a command: a hint."""
    if command == "search" and name in SECTIONS:
        at_the_top = "Options of search stand at the top, in no table"
        return at_the_top if name == "search" else f"It is a table: [{name}], and options below it"
    fields = options_of(SECTIONS[command])
    tables = [other for other in SECTIONS if other != "search"] if command == "search" else []
    for other, model in SECTIONS.items():
        if other != command and name in options_of(model):
            place = "at the top of the file" if other == "search" else f"in the table [{other}]"
            return f"It is one of {other}, and stands {place}"
    return perhaps(name, [*fields, *tables]) or LISTED


def _beside(value: Any, annotation: Any, folder: Path) -> Any:
    """Return a value with a path that is relative to a folder made one from here."""
    if isinstance(value, list):
        return [_beside(each, annotation, folder) for each in value]
    if not isinstance(value, str) or folder == Path.cwd():
        return value
    if FUNCTION.search(value):  # `FILE.py:function`, of an objective
        return FUNCTION.sub(lambda found: str(folder / Path(found[0]).expanduser()), value)
    path = folder / Path(value).expanduser()
    if _mentions(annotation, NAMED):
        is_path = "/" in value or value.endswith(".py")
        return str(path) if is_path or (path.exists() and not _is_name(value)) else value
    return str(path) if _mentions(annotation, Path) else value


def _mentions(annotation: Any, wanted: Any) -> bool:
    return annotation == wanted or any(_mentions(part, wanted) for part in get_args(annotation))


def _is_name(word: str) -> bool:
    from automl_sem.data.builtin import BUILTIN
    from automl_sem.spaces.find import builtin_spaces

    return word in BUILTIN or word in builtin_spaces()


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        message = " ".join(str(error).split())
        raise UserError(f"it is not TOML: {message}", where=_shown(path)) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # a BOM, as Windows' Notepad writes it
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a UTF-8 text file"
        raise UserError(f"cannot read the options: {reason}", where=_shown(path)) from error


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each key by table and key, as far as they stand at a line's beginning."""
    found: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = re.sub(r"[\s\"']", "", header[1])
        elif key := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            found.setdefault((table, key[1]), number)
    return found


def _shown(path: Path) -> str:
    """Return a path as short as it is understood from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
