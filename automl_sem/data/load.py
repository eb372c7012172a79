"""Load a dataset by what a person names: a built-in one, an image folder, an `.npz` file."""

from __future__ import annotations

from pathlib import Path

from automl_sem.data.arrays import load_npz
from automl_sem.data.builtin import BUILTIN
from automl_sem.data.dataset import Dataset
from automl_sem.data.images import load_images
from automl_sem.data.pixels import MIN_SIDE, SUFFIXES
from automl_sem.errors import UserError, did_you_mean


def load_dataset(
    source: str,
    *,
    size: int | None = None,
    image_size: int | None = None,
    skip_bad: bool = False,
    seed: int = 0,
) -> Dataset:
    """Return a dataset; `load_dataset(d.source, **d.options)` loads `d` again.

        load_dataset("shapes", size=90)
        load_dataset("my_drawings", image_size=32)

    Args:
        source: A built-in name, a folder of images, or an `.npz` file.
        size: Number of training drawings, for `shapes` alone.
        image_size: Height and width that images of a folder or file get.
        skip_bad: Leave images of a folder out that cannot be read.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If there is no such dataset, it cannot be used, or an option does
            not fit it.
    """
    if source in BUILTIN:
        _refuse(source, {"image_size": image_size is not None, "skip_bad": skip_bad})
        return BUILTIN[source].load(size, seed)
    path = Path(source).expanduser()
    kind = _kind(source, path)
    _refuse(source, {"size": size is not None})
    if image_size is not None and image_size < MIN_SIDE:
        raise UserError(
            f"must be at least {MIN_SIDE} pixels. Received: {image_size}", where="image_size"
        )
    if path.suffix.lower() in SUFFIXES:
        raise UserError(
            "this is a single image", where=path, hint="Give the folder that holds DIR/CLASS/*.png"
        )
    if kind == "folder":
        return load_images(path, image_size=image_size, skip_bad=skip_bad, seed=seed)
    _refuse(source, {"skip_bad": skip_bad})
    return load_npz(path, image_size=image_size, seed=seed)


def _kind(source: str, path: Path) -> str:
    try:
        if path.is_dir():
            return "folder"
        if path.is_file():
            return "file"
    except PermissionError:
        raise UserError(
            "permission denied", where=source, hint="Check that you may read it"
        ) from None
    raise UserError(
        f"no dataset, folder or .npz file named '{source}'", hint=did_you_mean(source, BUILTIN)
    )


def _refuse(source: str, options: dict[str, bool]) -> None:
    """Refuse the options that were given but mean nothing for this source."""
    for name, given in options.items():
        if given:
            raise UserError(
                f"the option {name} does not apply to '{source}'",
                hint={
                    "size": "Only shapes has a size to choose",
                    "image_size": "Only folders and .npz files are resized",
                    "skip_bad": "Only folders can have unreadable images",
                }[name],
            )
