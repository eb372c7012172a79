"""Draw images with the generator of an export, and write them as PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError, did_you_mean
from automl_sem.export.predict import load_export, newest_export, read_record
from automl_sem.export.sheets import write_image, write_sheet
from automl_sem.files import disk_error
from automl_sem.gans.noise import standard_normal
from automl_sem.types import Bytes, Ints

CHUNK = 256  # images that are drawn at a time
MOST = 100_000
SHEET = "sheet.png"
MOST_ON_SHEET = 400


@dataclass(frozen=True)
class Drawn:
    """What a generator drew.

    Args:
        images: (n, height, width, channels).
        labels: The class that each was to show, (n,); None where none can be asked for.
        class_names: Name of each class.
    """

    images: Bytes
    labels: Ints | None
    class_names: tuple[str, ...]


def draw(export: Path | str, n: int = 64, class_name: str | None = None, seed: int = 0) -> Drawn:
    """Return images that the generator of an export draws.

    Args:
        export: An export directory, or a run, which stands for its newest export.
        n: How many.
        class_name: What they show; by default each class as often as in the training data.
        seed: Of the noise: the same seed draws the same images.

    Raises:
        UserError: If it is no export of a generator, or it cannot draw that class.

    Example:
        ```python
        from automl_sem.export import draw

        drawn = draw("runs/my-run/export/trial-3", 16, "circle")
        drawn.images.shape  # (16, 24, 24, 1)
        ```
    """
    if not 1 <= n <= MOST:
        raise UserError(f"it must be from 1 to {MOST:,}. Received: {n}", where="--n")
    folder = newest_export(Path(export).expanduser())
    record = read_record(folder)
    if not record.get("generates"):
        raise UserError(
            "this export classifies, it does not draw",
            where=folder,
            hint="Export a GAN: `automl-sem search gan`, then `automl-sem export --best`",
        )
    labels = _labels(record, n, class_name, seed)
    use_tensorflow()
    generator = load_export(folder, record)
    inputs = [standard_normal(n, record["latent_dim"], seed)]
    if labels is not None:
        inputs.append(labels.astype(np.int32))
    chunks = [
        np.clip(np.rint(255.0 * generator(*(v[first : first + CHUNK] for v in inputs))), 0, 255)
        for first in range(0, n, CHUNK)
    ]
    images = np.concatenate(chunks).astype(np.uint8)
    return Drawn(images, labels, tuple(record["class_names"]))


def generate(
    export: Path | str,
    out: Path,
    n: int = 64,
    class_name: str | None = None,
    seed: int = 0,
) -> list[Path]:
    """Draw images and write each as a PNG file, and many of them on `sheet.png`.

    Args:
        export: As for `draw`.
        out: A folder, which must not exist yet or be empty.
        n: As for `draw`.
        class_name: As for `draw`.
        seed: As for `draw`.

    Returns:
        The files of the images, in a folder for each class where classes can be asked for.

    Raises:
        UserError: As `draw` does, or if the folder is not empty or cannot be written.
    """
    out = out.expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            "the output directory exists and is not empty",
            where=out,
            hint="Choose another --out; nothing is overwritten",
        )
    drawn = draw(export, n, class_name, seed)
    digits = len(str(n - 1))
    files = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(drawn.images):
            folder = out
            if drawn.labels is not None:
                folder = out / _folder_name(drawn.class_names[drawn.labels[number]])
                folder.mkdir(exist_ok=True)
            files.append(folder / f"{number:0{digits}}.png")
            write_image(files[-1], image)
        write_sheet(out / SHEET, drawn.images[:MOST_ON_SHEET])
    except OSError as error:
        raise disk_error(error, out, go_on="the same command") from error
    return files


def _labels(record: dict[str, Any], n: int, class_name: str | None, seed: int) -> Ints | None:
    names = record["class_names"]
    if not record["conditional"]:
        if class_name is not None:
            raise UserError(
                "this generator cannot be told what to draw: it has learnt without classes",
                where="--class",
            )
        return None
    if class_name is None:
        counts = np.array(record["class_counts"], np.float64)
        rng = np.random.default_rng(seed)
        ends = np.floor(np.cumsum(counts / counts.sum()) * n + 1e-9).astype(int)
        return rng.permutation(np.repeat(np.arange(len(names)), np.diff([0, *ends])))
    if class_name not in names:
        raise UserError(
            f"there is no class {class_name!r}",
            where="--class",
            hint=did_you_mean(class_name, names),
        )
    return np.full(n, names.index(class_name), np.int64)


def _folder_name(name: str) -> str:
    """Return a class name as a folder can be called."""
    return name.replace("/", "_").strip(". ") or "_"
