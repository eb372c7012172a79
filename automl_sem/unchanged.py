"""What a run was started with, kept and found again: data, space and weights must not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data import Dataset, load_dataset
from automl_sem.errors import UserError, one_line
from automl_sem.manifest import ImageNetFile, Manifest, WeightsFile
from automl_sem.pretrained import imagenet_file
from automl_sem.run import GAN_SPACE, RunDirectory
from automl_sem.scoring.gan.fakes import SHARES
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space
from automl_sem.weights import FLAG, fingerprint, weights_file


def data_record(dataset: Dataset, from_memory: bool) -> dict[str, Any]:
    """Return what the manifest keeps of the data.

    Args:
        dataset: The data.
        from_memory: Whether the run keeps the examples.
    """
    return {
        "name": dataset.name,
        "kind": dataset.info.kind,
        "task": dataset.info.task,
        "source": "data.npz in the run directory" if from_memory else dataset.source,
        "in_run": from_memory,
        "options": dict(dataset.options),
        "train_examples": len(dataset.train.y),
        "test_examples": len(dataset.test.y),
        "input_shape": list(dataset.info.input_shape),
        "class_names": list(dataset.class_names),
        "train_sha256": dataset.train.fingerprint(),
        "test_sha256": dataset.test.fingerprint(),
        "groups_sha256": dataset.train.groups_fingerprint(),
    }


def weights_record(space: Space) -> WeightsFile | None:
    """Return what the manifest keeps of the pretrained model; None without one."""
    if space.weights is None:
        return None
    return WeightsFile(file=space.weights, sha256=fingerprint(Path(space.weights)))


def imagenet_record(networks: Iterable[str]) -> list[ImageNetFile]:
    """Return the weights in Keras's cache of some networks, those that it holds."""
    files = {name: imagenet_file(name) for name in sorted(networks)}
    return [
        ImageNetFile(network=name, file=str(file), sha256=fingerprint(file))
        for name, file in files.items()
        if file.exists()
    ]


def _unchanged_weights(manifest: Manifest) -> str | None:
    """Return the file of the pretrained model that a run builds on, or None.

    Raises:
        UserError: If it is gone or no longer the same, or ImageNet weights in Keras's cache.
    """
    for kept in manifest.imagenet:
        file = imagenet_file(kept.network)
        _unchanged(file, kept.sha256, f"{kept.network} in {file}")
    weights = manifest.weights
    if weights is None:
        return None
    _unchanged(Path(weights.file), weights.sha256, f"{FLAG} {weights.file}")
    return weights.file


def _unchanged(file: Path, sha256: str, where: str) -> None:
    gone = not file.exists()
    if gone or fingerprint(weights_file(file)) != sha256:
        raise UserError(
            f"the weights {'are gone' if gone else 'changed'} since the run was started",
            where=where,
            hint="Put the file back, or start anew with `automl-sem search`",
        )


def unchanged_dataset(directory: RunDirectory) -> Dataset:
    """Load a run's dataset again.

    Raises:
        UserError: If it is gone or no longer the same, naming what changed.
    """
    then: Mapping[str, Any] = directory.manifest.data
    if then["in_run"]:
        with np.load(directory.path / "data.npz") as file:
            dataset = Dataset.from_saved_arrays(then["name"], dict(file))
    else:
        dataset = load_dataset(then["source"], **then["options"])
    current = data_record(dataset, then["in_run"])
    labels = {
        "class_names": "class names",
        "input_shape": "image size" if dataset.info.kind == "images" else "shape of the examples",
        "train_examples": "number of training examples",
        "test_examples": "number of test examples",
        "train_sha256": "training examples",
        "test_sha256": "test examples",
        "groups_sha256": "groups",
    }
    for key, label in labels.items():
        if current[key] != then.get(key):
            values = "" if key.endswith("sha256") else f": {then[key]} then, {current[key]} now"
            raise UserError(
                f"the {label} changed since the run was started{values}",
                where=then["source"],
                hint="Put the data back, or start anew with `automl-sem search`",
            )
    return dataset


def unchanged_space(directory: RunDirectory) -> Space:
    """Load a run's space from its snapshot.

    Raises:
        UserError: If the file it came from is no longer the same, naming the line.
    """
    manifest = directory.manifest
    snapshot = snapshot_of(directory)
    origin = Path(manifest.space["origin"])
    if origin.exists():
        then, current = snapshot.source.splitlines(), _lines(origin)
        if then != current:
            pairs = enumerate(zip(then, current, strict=False), 1)
            line = next((i for i, (a, b) in pairs if a != b), min(len(then), len(current)) + 1)
            raise UserError(
                "the space changed since the run was started",
                where=f"{origin}:{line}",
                hint=f"Put it back (the run keeps a copy: {snapshot.path}), "
                "or start anew with `automl-sem search`",
            )
    return snapshot.with_fixed(**manifest.fixed)


def snapshot_of(directory: RunDirectory) -> Space:
    """Load the copy of the space that a run keeps.

    Raises:
        UserError: If the copy was changed.
    """
    kept = directory.manifest.space
    space = load_space(
        directory.path / "space.py", name=kept["name"], beside=Path(kept["origin"]).parent
    )
    if space.fingerprint() != kept["sha256"]:
        raise UserError("the run's copy of the space was changed", where=space.path)
    gan = directory.manifest.augment_with
    if gan is not None:
        drawing = directory.path / GAN_SPACE
        if load_space(drawing, beside=Path(gan.beside)).fingerprint() != gan.space["sha256"]:
            raise UserError("the run's copy of the GAN's space was changed", where=drawing)
    space = space.with_weights(_unchanged_weights(directory.manifest))
    return space.with_shares(SHARES if directory.manifest.augment_with else ())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the space file: {one_line(error)}", where=path) from error
