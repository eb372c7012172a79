"""What commands print: results on stdout, talk on stderr."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_sem.results import Standing
    from automl_sem.search_loop import Listener
    from automl_sem.settings import Chosen


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(line: str) -> None:
    """Print a line for people on stderr."""
    print(line, file=sys.stderr, flush=True)


def say_next(command: str) -> None:
    """Say which command comes next."""
    say(f"next: automl-sem {command}")


def tell(chosen: Chosen, as_json: bool) -> None:
    """Say which options come from a file or the environment, unless JSON is wanted."""
    if not as_json and (told := chosen.told()):
        say(told)


def argument(run: Path) -> str:
    """Return ` RUN` for a command line; nothing for the latest run, which is the default."""
    from automl_sem.registry import runs

    latest = next(iter(runs()), None)
    return "" if latest is not None and latest.path == run else f" {shlex.quote(str(run))}"


@contextlib.contextmanager
def listening(
    trials: int | None, seconds: float | None, best: Standing | None = None
) -> Iterator[Listener]:
    """Yield the live display on a terminal, else one plain line per trial."""
    from automl_sem.console import stderr
    from automl_sem.progress import LineListener, LiveListener

    console = stderr()
    if not console.is_terminal:
        yield LineListener(say, best)
        return
    with LiveListener(console, trials, seconds, best) as live:
        yield live
