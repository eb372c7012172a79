"""Predict the class of image files with an export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError
from automl_sem.export.formats import FORMATS
from automl_sem.export.record import RECORD


@dataclass(frozen=True)
class Prediction:
    """What an exported model sees in an image.

    Args:
        file: The image file.
        label: The most probable class.
        probability: Its probability.
        probabilities: Probability of each class, by name.
    """

    file: str
    label: str
    probability: float
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction for scripts."""
        return {
            "file": self.file,
            "class": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
        }


def predict(export: Path | str, files: Sequence[Path | str]) -> list[Prediction]:
    """Predict the class of images, decoded as those that the model was trained on.

    Args:
        export: An export directory, or a run, which stands for its newest export.
        files: Image files of any size; a folder stands for all images in and below it.

    Raises:
        UserError: If it is not an export, or an image is missing or cannot be read.

    Example:
        ```python
        from automl_sem.export import predict

        for prediction in predict("runs/my-run/export/trial-3", ["drawing.png"]):
            print(prediction.file, prediction.label, prediction.probability)
        ```
    """
    from automl_sem.data.pixels import decode_image

    folder = _newest(Path(export).expanduser())
    record = _record(folder)
    images = [image for file in files for image in _images(Path(file).expanduser())]
    use_tensorflow()
    model = _load(folder, record)
    found = []
    for file in images:
        row = model(decode_image(file, record["channels"])[None])[0].tolist()
        probabilities = dict(zip(record["class_names"], row, strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        found.append(Prediction(str(file), label, probabilities[label], probabilities))
    return found


def _newest(path: Path) -> Path:
    """Return the newest export of a run; any other path as it is."""
    if not (path / "run.json").exists():
        return path
    made = [record.parent for record in path.glob(f"export/*/{RECORD}")]
    return max(made, key=lambda export: (export / RECORD).stat().st_mtime, default=path)


def _record(export: Path) -> dict[str, Any]:
    path = export / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"channels", "class_names", "formats"} <= record.keys():
            return record
    except (FileNotFoundError, NotADirectoryError) as error:
        inner = sorted(export.glob("**/export.json")) if export.is_dir() else []
        hint = f"Did you mean {inner[0].parent}?" if inner else "`automl-sem export` makes one"
        raise UserError(
            "not an export directory (no export.json)", where=export, hint=hint
        ) from error
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot read export.json: {reason}", where=export) from error
    raise UserError("export.json does not describe an export", where=export)


def _load(export: Path, record: dict[str, Any]) -> Any:
    """Return what predicts with the first verified format that is there."""
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


def _images(path: Path) -> Iterator[Path]:
    from automl_sem.data.pixels import SUFFIXES

    if not path.is_dir():
        if not path.exists():
            raise UserError("no such file", where=path)
        yield path
        return
    inside = sorted(
        p
        for p in path.rglob("*")
        if p.suffix.lower() in SUFFIXES
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(path).parts)
    )
    if not inside:
        raise UserError("no images in this folder", where=path)
    yield from inside
