"""Both sides of a comparison as measured commands: `automl-sem search`, and KerasTuner's loop.

Each run is a fresh process. What happened in it is read from what it left on disk.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import Measured, run_measured

from automl_sem.errors import UserError
from automl_sem.run import RunDirectory

HERE = Path(__file__).parent
SPACE = HERE / "small_cnn.py"


@dataclass(frozen=True)
class Trial:
    """A finished candidate.

    Args:
        values: Its hyperparameters.
        log_losses: One per fold that was trained.
        accuracies: One per fold that was trained.
        ended: `time.time()` when it was finished.
        complete: Whether all folds were trained.
    """

    values: Mapping[str, Any]
    log_losses: Sequence[float]
    accuracies: Sequence[float]
    ended: float
    complete: bool = True

    @property
    def log_loss(self) -> float:
        """Mean over its folds."""
        return float(np.mean(self.log_losses))


@dataclass(frozen=True)
class Side:
    """One search of one side.

    Args:
        measured: The whole process.
        first_fit: `time.time()` when the first fold fit began.
        trials: Its candidates, in the order of their numbers.
    """

    measured: Measured
    first_fit: float
    trials: Sequence[Trial]

    @property
    def startup(self) -> float:
        """Seconds from the start of the process to the first fold fit."""
        return self.first_fit - self.measured.started

    @property
    def training(self) -> float:
        """Seconds from the first fold fit to the end of the last candidate."""
        return max(trial.ended for trial in self.trials) - self.first_fit

    @property
    def afterwards(self) -> float:
        """Seconds from there to the end of the process."""
        return self.measured.seconds - self.startup - self.training

    @property
    def fold_fits(self) -> int:
        """Fold fits of all candidates."""
        return sum(len(trial.log_losses) for trial in self.trials)

    @property
    def a_minute(self) -> float:
        """Fold fits a minute while it trains."""
        return 60 * self.fold_fits / self.training


def write_digits(path: Path) -> Path:
    """Write all 1,797 digits of scikit-learn as 8-bit images; return the file.

    The test part, which no side of a comparison looks at, repeats ten of them.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    y = digits.target.astype(np.int64)
    np.savez(path, x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    return path


def write_space(path: Path, candidates: Sequence[Mapping[str, Any]]) -> Path:
    """Write `small_cnn.py` with these candidates to be tried first; return the file."""
    baseline, *others = (dict(values) for values in candidates)
    source = SPACE.read_text(encoding="utf-8")
    starts = f"\n\nBASELINE = {baseline!r}\nGOOD_STARTS = {others!r}\n"
    path.write_text(source + starts, encoding="utf-8")
    return path


def keras_tuner(data: Path, out: Path, **options: int | bool) -> Side:
    """Search with KerasTuner's loop; `options` are those of `kerastuner_loop.py`."""
    flags = [f"--{name.replace('_', '-')}" for name in options]
    values = ["" if value is True else str(value) for value in options.values()]
    words = [w for pair in zip(flags, values, strict=True) for w in pair if w]
    script = str(HERE / "kerastuner_loop.py")
    measured = run_measured([sys.executable, script, str(data), str(out), *words])
    result = json.loads(out.read_text(encoding="utf-8"))
    return Side(measured, result["first_fit"], [Trial(**trial) for trial in result["trials"]])


def draw_candidates(data: Path, out: Path, trials: int) -> list[dict[str, Any]]:
    """Return the candidates that KerasTuner's random search is going to try."""
    script = str(HERE / "kerastuner_loop.py")
    words = [str(data), str(out), "--trials", str(trials), "--draw"]
    run_measured([sys.executable, script, *words])
    return [trial["values"] for trial in json.loads(out.read_text(encoding="utf-8"))["trials"]]


def automl_sem(
    space: Path,
    data: Path,
    out: Path,
    *,
    until: Callable[[], bool] | None = None,
    every: float = 0.25,
    **options: int | str,
) -> Side:
    """Search with the command line of this project; `options` are its flags."""
    flags = [word for k, v in options.items() for word in (f"--{k.replace('_', '-')}", str(v))]
    words = ["search", str(space), "--data", str(data), "--out", str(out), *flags]
    command = [sys.executable, "-m", "automl_sem", *words]
    measured = run_measured(command, cwd=out.parent, until=until, every=every)
    first_fit, trials = read_run(out)
    return Side(measured, first_fit, trials)


def read_run(path: Path) -> tuple[float, list[Trial]]:
    """Return when the first fold fit of a run began, and its finished trials.

    A fold file is written when the fit is done, and holds how long it took.
    """
    run = RunDirectory(path)
    study = run.read_study()
    first_fit = min(
        file.stat().st_mtime - run.read_folds(int(file.parent.name))[int(file.stem)].seconds
        for file in path.glob("folds/*/0.npz")
    )
    trials = []
    for trial in study.trials:
        if trial.datetime_complete is None:
            continue
        complete = trial.state.name == "COMPLETE"
        nothing = {"fold_scores": [], "fold_accuracies": []}  # it failed in its first fold
        attributes = trial.user_attrs
        score = attributes["score"] if complete else attributes.get("score", nothing)
        trials.append(
            Trial(
                values=attributes["hyperparameters"],
                log_losses=score["fold_scores"],
                accuracies=score["fold_accuracies"],
                ended=trial.datetime_complete.timestamp(),
                complete=complete,
            )
        )
    return first_fit, trials


def best_so_far(path: Path) -> float:
    """Return the best complete score of a run under way, infinite while there is none."""
    try:
        study = RunDirectory(path).read_study()
    except UserError:  # not created yet
        return float("inf")
    scores = [t.value for t in study.trials if t.state.name == "COMPLETE"] if study else []
    return min(scores, default=float("inf"))
