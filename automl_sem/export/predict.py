"""Predict the class, the labels or the numbers of images, clips or series in files."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError
from automl_sem.export.files import READINGS, Example, find_files, read_files
from automl_sem.export.formats import FORMATS
from automl_sem.export.record import RECORD, kind_of, task_of
from automl_sem.scoring.measures import THRESHOLD

BATCH_VALUES = 2**23  # numbers in the examples that are predicted at a time


@dataclass(frozen=True)
class Prediction:
    """The class that an exported model finds in an example.

    Args:
        file: The file or folder of an image or clip; of a series the file, and its name or row.
        label: The most probable class.
        probability: Its probability.
        probabilities: Probability of each class, by name.
    """

    file: str
    label: str
    probability: float
    probabilities: dict[str, float]

    def __str__(self) -> str:
        """Return class and probability."""
        return f"{self.label}  {self.probability:.3f}"

    def to_json(self) -> dict[str, Any]:
        """Return the prediction for scripts."""
        return {
            "file": self.file,
            "class": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class LabelsPrediction:
    """The labels of an example.

    Args:
        file: As of `Prediction`.
        labels: Those with a probability of at least one half, the most probable first.
        probabilities: Probability of each label, by name.
    """

    file: str
    labels: tuple[str, ...]
    probabilities: dict[str, float]

    def __str__(self) -> str:
        """Return labels and probabilities."""
        said = ", ".join(f"{label} {self.probabilities[label]:.3f}" for label in self.labels)
        return said or "no label"

    def to_json(self) -> dict[str, Any]:
        """Return the prediction for scripts."""
        return {
            "file": self.file,
            "labels": list(self.labels),
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class NumbersPrediction:
    """The numbers of an example.

    Args:
        file: As of `Prediction`.
        numbers: Each by its name, in its own unit.
    """

    file: str
    numbers: dict[str, float]

    def __str__(self) -> str:
        """Return names and numbers."""
        return ", ".join(f"{name} {value:.5g}" for name, value in self.numbers.items())

    def to_json(self) -> dict[str, Any]:
        """Return the prediction for scripts."""
        return {"file": self.file, "numbers": self.numbers}


AnyPrediction = Prediction | LabelsPrediction | NumbersPrediction


def predict(export: Path | str, files: Sequence[Path | str]) -> list[AnyPrediction]:
    """Predict what files of the kind that a model was trained on show, read as for training.

    A model of classes gives a `Prediction`, of several labels a `LabelsPrediction`, of numbers
    a `NumbersPrediction`.

    Args:
        export: An export directory, or a run, which stands for its newest export.
        files: Images of any size; clips, each a video, an animation or a folder of frames; or
            `.ts` files, `.npz` files and CSV tables of series, whose labels are not looked at.
            Other folders stand for all that lies in and below them.

    Raises:
        UserError: If it is not an export, or a file is missing, cannot be read or does not fit.

    Example:
        ```python
        from automl_sem.export import predict

        for prediction in predict("runs/my-run/export/trial-3", ["drawing.png"]):
            print(prediction.file, prediction)
        ```
    """
    folder = newest_export(Path(export).expanduser())
    record = read_record(folder)
    if record.get("generates"):
        raise UserError(
            "this export draws images, it does not classify them",
            where=folder,
            hint="`automl-sem generate EXPORT` has it draw some",
        )
    kind = kind_of(record)
    found = find_files(kind, files)
    use_tensorflow()
    model = load_export(folder, record)
    return [
        _prediction(name, row, record)
        for names, examples in _batches(read_files(kind, found, record))
        for name, row in zip(names, model(examples).tolist(), strict=True)
    ]


def _batches(examples: Iterable[Example]) -> Iterator[tuple[list[str], NDArray[Any]]]:
    """Yield names and examples, as many at a time as follow each other in one shape."""
    for shape, same in itertools.groupby(examples, key=lambda example: example[1].shape):
        some = max(1, BATCH_VALUES // math.prod(shape))
        while batch := list(itertools.islice(same, some)):
            yield [name for name, _ in batch], np.stack([values for _, values in batch])


def _prediction(name: str, row: Sequence[float], record: Mapping[str, Any]) -> AnyPrediction:
    values, task = dict(zip(record["class_names"], row, strict=True)), task_of(record)
    if task == "regression":
        return NumbersPrediction(name, values)
    if task == "multi-label":
        said = sorted(values, key=values.__getitem__, reverse=True)
        return LabelsPrediction(name, tuple(n for n in said if values[n] >= THRESHOLD), values)
    label = max(values, key=values.__getitem__)
    return Prediction(name, label, values[label], values)


def newest_export(path: Path) -> Path:
    """Return the newest export of a run; any other path as it is."""
    if not (path / "run.json").exists():
        return path
    made = [record.parent for record in path.glob(f"export/*/{RECORD}")]
    return max(made, key=lambda export: (export / RECORD).stat().st_mtime, default=path)


def read_record(export: Path) -> dict[str, Any]:
    """Return what `export.json` holds.

    Raises:
        UserError: If it is no export, or cannot be read.
    """
    path = export / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        needed = {"latent_dim"} if record.get("generates") else {"channels"}
        known = needed | {"class_names", "formats"} <= record.keys()
        if known and kind_of(record) in READINGS:
            return record
    except (FileNotFoundError, NotADirectoryError) as error:
        inner = sorted(export.glob("**/export.json")) if export.is_dir() else []
        hint = f"Did you mean {inner[0].parent}?" if inner else "`automl-sem export` makes one"
        there = export.exists()
        what = "not an export directory (no export.json)" if there else "no such directory"
        raise UserError(what, where=export, hint=hint) from error
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot read export.json: {reason}", where=export) from error
    raise UserError("export.json does not describe an export", where=export)


def load_export(export: Path, record: dict[str, Any]) -> Any:
    """Return what predicts, or draws, with the first verified format that is there.

    Raises:
        UserError: If none is left, or it is damaged.
    """
    verified = {entry["name"] for entry in record["formats"] if entry["verified"]}
    for made in FORMATS.values():
        path = export / made.file
        if made.name in verified and path.exists():
            try:
                return made.load(path)
            except Exception as error:  # what a damaged file raises is up to the format
                reason = " ".join(str(error).split())[:300]
                raise UserError(f"cannot load the model: {reason}", where=path) from error
    raise UserError(
        "no verified model is left in it",
        where=export,
        hint="Export again with `automl-sem export --force`",
    )
