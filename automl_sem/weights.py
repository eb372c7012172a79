"""The file of a pretrained model: which one a path means, its fingerprint, loading it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from automl_sem.errors import UserError, one_line
from automl_sem.seeds import seeded

FLAG = "--weights"
MODEL = "model.keras"
WEIGHTS_ONLY = ".weights.h5"
SUFFIXES = (".keras", ".h5", ".hdf5")
DIGEST_BYTES = 2**20  # read at a time


def weights_file(path: Path) -> Path:
    """Return the file of the model that a person means.

    Args:
        path: A `.keras` or `.h5` file, a `.weights.h5` file with the model's `to_json()` beside
            it, an export, one of its formats, or a run, which stands for its newest export.

    Raises:
        UserError: If there is none, or it holds no layers.
    """
    path = path.expanduser().resolve()
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise UserError("there is no such file", where=f"{FLAG} {path}")
    if not path.name.endswith(SUFFIXES):
        raise UserError(
            "it is no Keras model",
            where=f"{FLAG} {path}",
            hint="Save it with model.save(NAME.keras)",
        )
    if path.name.endswith(WEIGHTS_ONLY) and not _architecture(path).exists():
        raise UserError(
            "it holds weights, but not the layers that they belong to",
            where=f"{FLAG} {path}",
            hint="Save the whole model with model.save(NAME.keras), or put what its "
            f"model.to_json() returns beside it as {_architecture(path).name}",
        )
    return path


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a model's file, its architecture included if it is beside it."""
    files = [path, *([_architecture(path)] if path.name.endswith(WEIGHTS_ONLY) else [])]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while part := content.read(DIGEST_BYTES):
                digest.update(part)
    return digest.hexdigest()


_SAVE = (
    "Save a whole model with model.save(NAME.keras); layers of your own need "
    "@keras.saving.register_keras_serializable() in the space file"
)


def load_model(path: Path) -> Any:
    """Return the whole Keras model of a file, uncompiled, as it was saved.

    The layers' initializers draw from Python's generator, whose state stays as it was, so that
    what is built next does not depend on whether the file was read before.

    Raises:
        UserError: If Keras cannot load it.
    """
    import keras

    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise UserError("no Keras file: it is no zip archive", where=f"{FLAG} {path}", hint=_SAVE)
    try:
        with seeded(0, tensorflow=False):
            if not path.name.endswith(WEIGHTS_ONLY):
                return keras.models.load_model(path, compile=False)
            model = keras.models.model_from_json(_architecture(path).read_text(encoding="utf-8"))
            model.load_weights(path)
            return model
    except Exception as error:  # a file may hold anything
        raise UserError(
            f"Keras cannot load it: {one_line(error).rstrip('.')}",
            where=f"{FLAG} {path}",
            hint=_SAVE,
        ) from error


def _in_folder(folder: Path) -> Path:
    """Return the model in a run, an export, or a SavedModel of an export."""
    if (folder / "run.json").exists():
        made = [record.parent for record in folder.glob("export/*/export.json")]
        if not made:
            raise UserError(
                "this run has no export yet",
                where=f"{FLAG} {folder}",
                hint=f"Make one with `automl-sem export {folder}`",
            )
        folder = max(made, key=lambda export: (export / "export.json").stat().st_mtime)
    export = folder.parent if (folder / "saved_model.pb").exists() else folder
    # Beside an export with no Keras file in it, its retraining left a checkpoint of the same.
    for file in (export / MODEL, export.parent.parent / "checkpoints" / export.name / MODEL):
        if (export / "export.json").exists() and file.exists():
            return file
    what = "it is neither an export nor a run"
    if export != folder:
        what = "a SavedModel holds a computation, without the layers to build on"
    hint = "Take the .keras file of the model, as model.save(NAME.keras) writes it"
    raise UserError(what, where=f"{FLAG} {folder}", hint=hint)


def _architecture(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(WEIGHTS_ONLY) + ".json")
