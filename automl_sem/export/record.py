"""What an export found: its formats, its test result, and `export.json` that keeps both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from automl_sem.types import AnyRecipe, recipe_from_dict

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
        accuracy: Share of them that are right, or None without test examples.
        metrics: Other metrics by name: `log_loss` in nats.
        interval: Wilson interval of the accuracy, (low, high), or None.
        looks: How often this run had looked at its test part, this time included.
    """

    __test__ = False  # no test case, whatever pytest thinks of the name

    n: int
    accuracy: float | None
    metrics: dict[str, float]
    interval: tuple[float, float] | None
    looks: int


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

    def to_json(self) -> dict[str, Any]:
        """Return what `export --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "path": str(self.path),
            "trial": self.trial,
            "kind": self.kind,
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
                f"(95 % interval {low:.1%} to {high:.1%}; look {self.test.looks} at the test set)"
            )
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
    test, interval = record["test"], record["accuracy_interval"]
    return ExportResult(
        path=folder,
        trial=record["trial"],
        recipe=recipe_from_dict(record["recipe"]),
        kind=kind_of(record),
        formats=tuple(formats),
        test=TestResult(
            n=test["n"],
            accuracy=test["accuracy"],
            metrics=test["metrics"],
            interval=(interval["low"], interval["high"]) if interval else None,
            looks=record["looks"],
        ),
        epochs=record["epochs"],
        devices=record["devices"],
        seconds=record["seconds"],
        generates=bool(record.get("generates", False)),
    )


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
        interval = {"method": "Wilson score", "level": 0.95, "low": low, "high": high}
    return {
        "test": {"n": test.n, "accuracy": test.accuracy, "metrics": test.metrics},
        "accuracy_interval": interval,
        "looks": test.looks,
        "epochs": result.epochs,
        "devices": result.devices,
        "seconds": result.seconds,
    }
