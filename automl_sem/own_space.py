"""A space of one's own: a file to begin with, and a check of it before hours are spent on it."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl_sem.backend import use_tensorflow
from automl_sem.config import parse_duration, search_options
from automl_sem.errors import UserError, did_you_mean
from automl_sem.files import write_atomic
from automl_sem.spaces.find import builtin_spaces, find_space
from automl_sem.spaces.findings import Finding, SpaceCheck, Tick

STARTER = "_starter.py"
# What a space for a kind of data is copied with, and checked on, where it names no data.
USUAL_DATA = {"images": "digits", "clips": "motion", "series": "strokes"}
SAMPLES = 50
LIMIT = "3m"
PLACEHOLDER = "my_space.py"  # the name of a copy in docstrings


def write_space(path: Path, origin: str | None = None, *, force: bool = False) -> None:
    """Write a copy of a built-in space, or a short one to begin with, that runs as it is.

    Args:
        path: The new file.
        origin: Name of the built-in space; None for the short one.
        force: Whether to replace a file.

    Raises:
        UserError: If there is no such space, or the file cannot be written.
    """
    spaces = builtin_spaces()
    if origin is not None and origin not in spaces:
        raise UserError(
            f"no built-in space is called {origin!r}",
            where="--from",
            hint=did_you_mean(origin, spaces),
        )
    if path.suffix != ".py":
        raise UserError("a space is a Python file", where=path, hint=f"Say {path}.py")
    if path.is_dir():
        raise UserError("there is a folder of this name", where=path)
    if not path.parent.is_dir():
        raise UserError("there is no such folder", where=path.parent)
    if path.exists() and not force:
        raise UserError("there is such a file", where=path, hint="--force replaces it")
    source = spaces[origin] if origin else next(iter(spaces.values())).with_name(STARTER)
    text = adapted(source.read_text(encoding="utf-8"), origin, shlex.quote(str(path)))
    write_atomic(path, text.encode())


def check_named(
    name: str,
    data: str | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    time_limit: str = LIMIT,
    tick: Tick | None = None,
    **options: Any,
) -> SpaceCheck:
    """Build candidates of a space at random, without training, and return what is wrong with it.

    What the space prints is not shown.

    Args:
        name: Name of a built-in space, or a file.
        data: Name or path of the data to build for; the space's own by default, or built-in data
            of its kind.
        samples: Candidates to build.
        seed: Another one draws other candidates.
        time_limit: After which no further candidate is built, `90s` or `3m`.
        tick: Is told how far it is.
        **options: Those of `automl_sem.search` that say how data are read, and `weights`.

    Raises:
        UserError: If there is no such space, or it does not run or fit the data.
    """
    if samples < 1:
        raise UserError(f"it must be at least 1. Received: {samples}", where="--samples")
    try:
        limit_s = parse_duration(time_limit)
    except ValueError as error:
        raise UserError(str(error), where="--time") from error
    path = find_space(name)
    given = {"space": name, "seed": seed, **options}
    search_options(**given)
    use_tensorflow()
    from automl_sem.augmentation.kinds import checked_stress
    from automl_sem.resolve import resolve
    from automl_sem.spaces.check import check
    from automl_sem.spaces.load import load_space

    with contextlib.redirect_stdout(io.StringIO()):
        space = load_space(path)
        if data is None and space.data is None:
            data = USUAL_DATA.get(space.kind or "images")
        space, dataset = resolve(search_options(data=data, **given), None)
        found = check(
            space,
            dataset.info,
            dataset.source,
            samples=samples,
            seed=seed,
            limit_s=limit_s,
            tick=tick,
        )
    try:
        checked_stress(space.stress, f"STRESS in {space.path}", dataset.info.kind)
    except UserError as error:
        wrong = Finding("refused", f"{error.what}. {error.hint}", error.where)
        found = replace(found, defects=(wrong, *found.defects))
    words = ["search", name, *(["--data", data] if data else [])]
    for flag in ("weights", "kind", "task"):
        words += [f"--{flag}", str(options[flag])] if options.get(flag) else []
    return replace(found, search=shlex.join(words))


def adapted(text: str, origin: str | None, file: str) -> str:
    """Return the text of a built-in space with the commands of a copy.

    Args:
        text: The built-in file.
        origin: Its name; None where its commands name the placeholder alone.
        file: The copy, as it is written on a command line.
    """
    text = re.sub(
        r"\bCopy this file,\s+change\s+it,\s+and\s+run\b", "Change this file, and run", text
    )
    command = re.compile(r"^    automl-sem (search|spaces check) (\S+)(.*?)( +#.*)?$", re.MULTILINE)
    text = command.sub(lambda match: _command(match, origin, file), text)
    kind = re.search(r'^KIND = "(\w+)"\n', text, re.MULTILINE)
    if kind and not re.search(r"^DATA = ", text, re.MULTILINE):
        data = f'DATA = "{USUAL_DATA[kind[1]]}"  # or the path of your data\n'
        text = text[: kind.end()] + data + text[kind.end() :]
    return text


def _command(match: re.Match[str], origin: str | None, file: str) -> str:
    """Return a command of a docstring, about a copy."""
    verb, target, options, comment = match.groups(default="")
    if target in (origin, PLACEHOLDER):
        target = file
    elif f"--space {origin}" in options:
        options = options.replace(f"--space {origin}", f"--space {file}")
    else:
        options += f" --space {file}"
    line = f"    automl-sem {verb} {target}{options}"
    if not comment:
        return line
    column = match.start(4) - match.start() + len(comment) - len(comment.lstrip())
    return f"{line:<{column - 2}}  {comment.lstrip()}"
