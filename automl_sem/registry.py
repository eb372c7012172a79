"""Find runs again: those in `./runs`, and those that `--out` put elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

from automl_sem.errors import UserError
from automl_sem.run import RunDirectory

RUNS = Path("runs")
LATEST = RUNS / "latest"


def register(path: Path) -> None:
    """Make `runs/latest` point to a new run; remember one that lies outside `./runs`."""
    try:
        if path.parent == RUNS.resolve():
            link = RUNS / ".latest.new"
            link.unlink(missing_ok=True)
            link.symlink_to(path.name)
            link.replace(LATEST)
            return
        index = _index()
        index.parent.mkdir(parents=True, exist_ok=True)
        with index.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"started_in": str(Path.cwd()), "run": str(path)}) + "\n")
    except (OSError, RuntimeError):
        return  # no home, or a read-only one: the run then has to be named by its path


def runs() -> list[RunDirectory]:
    """Return the runs started from this directory, the latest first."""
    paths = {p.parent.resolve() for p in RUNS.glob("*/run.json")}
    here = str(Path.cwd())
    try:
        lines = _index().read_text(encoding="utf-8").splitlines()
    except (OSError, RuntimeError):
        lines = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("started_in") == here and (Path(entry["run"]) / "run.json").exists():
            paths.add(Path(entry["run"]))
    found = []
    for path in paths:
        try:
            found.append(RunDirectory(path))
        except UserError:
            continue
    return sorted(found, key=lambda r: (r.manifest.created, r.path.name), reverse=True)


def find_run(path: Path | str | None) -> RunDirectory:
    """Return the run at a path, by its name in `./runs`, or the latest.

    Raises:
        UserError: If there is no such run, or no run at all.
    """
    if path is None:
        known = runs()
        if not known:
            raise UserError(
                "there is no run here yet",
                where=Path.cwd(),
                hint="Start one with `automl-sem search shapes`",
            )
        return known[0]
    path = Path(path)
    return RunDirectory(path if path.exists() or len(path.parts) > 1 else RUNS / path)


def _index() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "automl-sem" / "runs.jsonl"
