"""What an export found: its formats, its test result, and `export.json` that keeps both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from automl_sem.recipe import recipe_from_dict
from automl_sem.types import AnyRecipe, Task, task_named

SCHEMA_VERSION = 1
RECORD = "export.json"


@dataclass(frozen=True)
class FormatResult:
    """One format of an export.

    Args:
        name: Name of the format.
        path: Its file or folder.
        verified: Whether it gives the trained model's predictions in a fresh process.
        max_abs_diff: Largest difference of a probability, or None if it does not load.
        reason: Why it is not verified; empty when it is.
    """

    name: str
    path: Path
    verified: bool
    max_abs_diff: float | None
    reason: str = ""


@dataclass(frozen=True)
class TestResult:
    """The held-out test part, scored.

    Args:
        n: Number of test examples.
        accuracy: Share of them that are right, or None without test examples, or where no class
            is predicted.
        metrics: Other metrics by name: `log_loss` in nats; of labels and numbers those of
            `automl_sem.scoring.measures.measured`.
        interval: Of the accuracy, of several labels the exact match, of one number the mean
            absolute error: (low, high), or None.
        looks: How often this run had looked at its test part, this time included.
        method: How the interval was computed; empty without one.
        objectives: What it comes to by each metric of `--objective`, on examples as they are.
    """

    __test__ = False  # no test case, whatever pytest thinks of the name

    n: int
    accuracy: float | None
    metrics: dict[str, float]
    interval: tuple[float, float] | None
    looks: int
    method: str = ""
    objectives: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportResult:
    """A finished export.

    Args:
        path: The export directory.
        trial: Number of the trial.
        recipe: How it was trained.
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        formats: What was written.
        test: The held-out test part, scored.
        epochs: Epochs of the retraining.
        devices: Devices it ran on.
        seconds: Its wall-clock time.
        generates: Whether it draws images, and does not classify them.
        task: What it predicts: classes, labels or numbers.
    """

    path: Path
    trial: int
    recipe: AnyRecipe
    kind: str
    formats: tuple[FormatResult, ...]
    test: TestResult
    epochs: int
    devices: int
    seconds: float
    generates: bool = False
    task: Task = "classification"

    def to_json(self) -> dict[str, Any]:
        """Return what `export --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "path": str(self.path),
            "trial": self.trial,
            "kind": self.kind,
            "task": self.task,
            "formats": [format_json(made, str(made.path)) for made in self.formats],
            **result_json(self),
        }

    def summary(self) -> str:
        """Return a few lines for people."""
        lines = [f"trial {self.trial} exported to {self.path}"]
        for made in self.formats:
            state = "verified" if made.verified else "NOT verified"
            lines.append(f"  {made.path.name:<12} {state}, {_difference(made)}")
        if self.test.accuracy is not None and self.test.interval is not None:
            low, high = self.test.interval
            lines.append(
                f"  test accuracy {self.test.accuracy:.1%} on {self.test.n} held-out examples "
                f"(95 % interval {low:.1%} to {high:.1%}{objectives_said(self.test)}; "
                f"look {self.test.looks} at the test set)"
            )
        if self.task != "classification" and self.test.n:
            said = f"{_measures(self.test)}{objectives_said(self.test)}"
            lines.append(f"  test {said} (look {self.test.looks} at the test set)")
        if self.generates and self.test.metrics:
            lines.append(
                f"  distance {self.test.metrics['distance']:.3g} from {self.test.n} held-out "
                f"images, coverage {self.test.metrics['coverage']:.1%} (look {self.test.looks} at "
                "the test set)"
            )
        return "\n".join(lines)


def read_export(folder: Path) -> ExportResult | None:
    """Return the export in a folder as recorded, or None if there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if record["schema_version"] != SCHEMA_VERSION:
        return None
    formats = [
        FormatResult(
            name=entry["name"],
            path=folder / entry["path"],
            verified=entry["verified"],
            max_abs_diff=entry["max_abs_diff"],
            reason=entry.get("reason", ""),
        )
        for entry in record["formats"]
    ]
    return ExportResult(
        path=folder,
        trial=record["trial"],
        recipe=recipe_from_dict(record["recipe"]),
        kind=kind_of(record),
        formats=tuple(formats),
        test=test_of(record),
        epochs=record["epochs"],
        devices=record["devices"],
        seconds=record["seconds"],
        generates=bool(record.get("generates", False)),
        task=task_of(record),
    )


def test_of(record: Mapping[str, Any]) -> TestResult:
    """Return what `export.json` says of the held-out test part."""
    test, interval = record["test"], record["accuracy_interval"] or record.get("test_interval")
    return TestResult(
        n=test["n"],
        accuracy=test["accuracy"],
        metrics=test["metrics"],
        interval=(interval["low"], interval["high"]) if interval else None,
        looks=record["looks"],
        method=interval["method"] if interval else "",
        objectives=test.get("objectives", {}),
    )


def says(test: TestResult, examples: str) -> str:
    """Return what the held-out test part showed, as a sentence goes on after the model's name.

    Args:
        test: The test part, scored.
        examples: What examples are called, `"images"`.
    """
    if test.accuracy is not None and test.interval is not None:
        low, high = test.interval
        return (
            f"gets {100 * test.accuracy:.1f} % of the {test.n} held-out test {examples} right "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %){objectives_said(test)}"
        )
    return f"has {_measures(test, examples)}{objectives_said(test)}"


def objectives_said(test: TestResult) -> str:
    """Return what a test comes to by the metrics of `--objective` that are not told anyway."""
    told = {*test.metrics, "accuracy"} if test.accuracy is not None else set(test.metrics)
    values = ((name, value) for name, value in test.objectives.items() if name not in told)
    return "".join(f", {name} {value:.4g}" for name, value in values)


def _measures(test: TestResult, examples: str = "examples") -> str:
    """Return how good predictions of labels or numbers are, `R2 0.83, mean absolute error 4.2`."""
    metrics, span = test.metrics, ""
    if "r2" in metrics:
        if test.interval is not None:
            low, high = test.interval
            span = f" (95 % interval {low:.4g} to {high:.4g})"
        error = metrics["mean_absolute_error"]
        return (
            f"R2 {metrics['r2']:.3f}, mean absolute error {error:.4g}{span} on {test.n} held-out "
            f"{examples}"
        )
    if "macro_f1" in metrics:
        if test.interval is not None:
            low, high = test.interval
            span = f" (95 % interval {low:.1%} to {high:.1%})"
        return (
            f"macro F1 {metrics['macro_f1']:.1%}, all labels right {metrics['exact_match']:.1%}"
            f"{span} on {test.n} held-out {examples}"
        )
    return f"been scored on {test.n} held-out {examples}"


def task_of(record: Mapping[str, Any]) -> Task:
    """Return what an export predicts; older ones know classes alone."""
    return task_named(str(record.get("task", "classification")))


def kind_of(record: Mapping[str, Any]) -> str:
    """Return the kind of data that `export.json` is about; older ones know images alone."""
    return str(record.get("kind", "images"))


def _difference(made: FormatResult) -> str:
    if made.max_abs_diff is None:
        return made.reason
    return f"largest difference {made.max_abs_diff:.2g}"


def format_json(made: FormatResult, path: str) -> dict[str, Any]:
    """Return a format for `export.json` or for scripts, with its path as either names it."""
    entry = asdict(made) | {"path": path}
    if made.verified:
        del entry["reason"]
    return entry


def result_json(result: ExportResult) -> dict[str, Any]:
    """Return what `export.json` and scripts are told alike of test and retraining."""
    test = result.test
    interval = None
    if test.interval is not None:
        low, high = test.interval
        interval = {"method": test.method, "level": 0.95, "low": low, "high": high}
    of_accuracy = result.task == "classification"
    return {
        "test": {
            "n": test.n,
            "accuracy": test.accuracy,
            "metrics": test.metrics,
            **({"objectives": dict(test.objectives)} if test.objectives else {}),
        },
        "accuracy_interval": interval if of_accuracy else None,
        **({} if of_accuracy else {"test_interval": interval}),
        "looks": test.looks,
        "epochs": result.epochs,
        "devices": result.devices,
        "seconds": result.seconds,
    }
