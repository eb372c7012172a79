"""Search, export, and count what the export gets right: the steps of several benchmarks.

Each step is the command that a person would give, in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hard_drawings import hard_drawings
from measure import Measured, run_measured

from automl_sem import load_run
from automl_sem.data import builtin
from automl_sem.export import predict
from automl_sem.export.record import ExportResult, read_export

GRACE = 120.0  # seconds that an interrupted search gets


def search(
    words: Sequence[str],
    run: Path,
    options: Mapping[str, int | str],
    until: Callable[[], bool] | None = None,
) -> Measured:
    """Search with the command line.

    Args:
        words: What to search: a space, a dataset, `--data` and so on.
        run: The run directory to be made.
        options: Further flags with their values.
        until: As for `run_measured`.
    """
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return _automl_sem(["search", *words, "--out", str(run), *flags], run.parent, until)


def export(run: Path, trial: int | None = None) -> tuple[Measured, ExportResult]:
    """Export a trial with the command line, the best by default.

    Raises:
        RuntimeError: If it does not come about.
    """
    choice = ["--best"] if trial is None else ["--trial", str(trial)]
    measured = _automl_sem(["export", str(run), *choice], run.parent, None)
    number = load_run(run).best.trial.number if trial is None else trial
    result = read_export(run / "export" / f"trial-{number}")
    if result is None:
        raise RuntimeError(f"no export of trial {number} in {run}")
    return measured, result


def write_drawings(folder: Path, count: int, seed: int) -> Path:
    """Write drawings by other hands as folder/CLASS/NNN.png; return the folder."""
    from PIL import Image

    x, y = hard_drawings(count, seed)
    for number, (drawing, label) in enumerate(zip(x, y, strict=True)):
        place = folder / builtin.SHAPES[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing[..., 0]).save(place / f"{number:03d}.png")
    return folder


def right(exported: Path, drawings: Path) -> int:
    """Return how many images of folder/CLASS/*.png an export gets right."""
    return sum(p.label == Path(p.file).parent.name for p in predict(exported, [drawings]))


def check_classes(class_names: Sequence[str]) -> None:
    """Leave unless the classes are those of the drawings by other hands."""
    if set(class_names) != set(builtin.SHAPES):
        names = ", ".join(builtin.SHAPES)
        raise SystemExit(f"the drawings need the classes {names}. Received: {class_names}")


def _automl_sem(words: Sequence[str], folder: Path, until: Callable[[], bool] | None) -> Measured:
    command = [sys.executable, "-m", "automl_sem", *words]
    return run_measured(command, cwd=folder, until=until, grace=GRACE)
