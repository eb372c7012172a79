"""Image folders: one folder per class, as Keras's `flow_from_directory` expects.

DIR/CLASS/*.png                            a test part is split off
DIR/train/CLASS/*.png  DIR/test/CLASS/*.png    `val` or `validation` joins the training part
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from automl_sem.data.cache import ExampleCache, cache_key
from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.examples import Source, hold
from automl_sem.data.folders import Found, ImageFile, find_images, printable
from automl_sem.data.pixels import Size, check_size, decode_image, resize
from automl_sem.data.split import check_classes, hold_out_test
from automl_sem.errors import UserError
from automl_sem.types import Bytes, Ints

MAX_SIDE = 64  # larger images are shrunk to this, unless --image-size says otherwise
GREY_TOLERANCE = 2  # of 255: saving transparent strokes rounds red, green and blue apart
_SKIP = "Repair or remove it, or leave such images out with --skip-bad"

Looks = dict[str, list[tuple[int, int, bool] | None]]  # of each part; None: cannot be read


def load_images(
    folder: Path, *, image_size: int | None = None, skip_bad: bool = False, seed: int = 0
) -> Dataset:
    """Return the images of a folder, resized to one size, grey if all of them are.

    Size and number of channels are chosen from the training part alone.

    Args:
        folder: Holds a folder per class, or `train` and `test` with these.
        image_size: Height and width of all images; None for a size that suits them.
        skip_bad: Leave images out that cannot be read.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the folder or an image in it cannot be used.
    """
    found = find_images(folder)
    _check_labels(folder, found)
    class_names = sorted({file.label for file in found.files["train"]})
    options: dict[str, Any] = {"image_size": image_size, "skip_bad": skip_bad, "seed": seed}
    key = _key(found, options)
    entry = ExampleCache().find(key)
    looks = _look(found, skip_bad) if entry is None else entry.facts
    found = _seen(found, looks)
    labels = {name: number for number, name in enumerate(class_names)}
    train_files, test_files = found.files["train"], found.files["test"]
    check_classes(_numbers(train_files, labels), class_names, folder)
    size = _choose_size(folder, train_files, image_size)
    channels = 1 if all(file.grey for file in train_files) else 3
    notes = _notes(folder, found, size)
    if not test_files:
        y = _numbers(train_files, labels)
        train_files, test_files, note = _split(train_files, y, class_names, seed)
        notes.append(note)
    parts = {"x_train": train_files, "x_test": test_files}
    sources = {name: _source(files, size, channels) for name, files in parts.items()}
    x, kept = hold(sources, key, entry, looks)
    return Dataset(
        name=folder.resolve().name or "images",
        source=str(folder.resolve()),
        train=TrainingPart(
            x=x["x_train"],
            y=_numbers(train_files, labels),
            names=_names(folder, train_files),
            class_names=tuple(class_names),
        ),
        test=HeldOutPart(x["x_test"], _numbers(test_files, labels), _names(folder, test_files)),
        options={name: value for name, value in options.items() if value},
        notes=(*notes, *kept),
    )


def _check_labels(folder: Path, found: Found) -> None:
    """Refuse a test part with other classes than the training part."""
    train, test = ({file.label for file in found.files[part]} for part in ("train", "test"))
    if not test or train == test:
        return
    only = [
        f"only in {part}: {', '.join(sorted(names))}"
        for part, names in (("train", train - test), ("test", test - train))
        if names
    ]
    raise UserError(
        f"train and test have different classes ({'; '.join(only)})",
        where=folder,
        hint="Both need the same class folders",
    )


def _key(found: Found, options: Mapping[str, object]) -> str:
    """Return the name of the cache entry: size and channels follow from the files."""
    parts = {part: len(files) for part, files in found.files.items()}
    files = [file.path for part in found.files.values() for file in part]
    return cache_key(files, {**options, "parts": parts, "largest": MAX_SIDE, "version": 1})


def _look(found: Found, skip_bad: bool) -> Looks:
    """Look into every file for its height, its width and whether it is grey."""
    looks: Looks = {part: [] for part in found.files}
    for part, files in found.files.items():
        for file in files:
            try:
                pixels = decode_image(file.path, 3)
            except UserError as error:
                if not skip_bad:
                    raise UserError(error.what, where=error.where, hint=_SKIP) from None
                looks[part].append(None)
                continue
            grey = int(np.ptp(pixels, axis=-1).max()) <= GREY_TOLERANCE
            looks[part].append((pixels.shape[0], pixels.shape[1], grey))
    return looks


def _seen(found: Found, looks: Looks) -> Found:
    """Return what a folder holds, with what looking into its files showed."""
    seen = replace(found, files={"train": [], "test": []}, bad=[])
    for part, files in found.files.items():
        for file, look in zip(files, looks[part], strict=True):
            if look is None:
                seen.bad.append(file.path)
            else:
                height, width, grey = look
                seen.files[part].append(ImageFile(file.path, file.label, (height, width), grey))
    return seen


def _choose_size(folder: Path, files: Sequence[ImageFile], image_size: int | None) -> Size:
    """Return the one height and width that all images get."""
    if image_size is not None:
        size = (image_size, image_size)
    else:
        height, width = np.median([file.size for file in files], axis=0)
        scale = min(1.0, MAX_SIDE / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
    check_size(size, folder)
    return size


def _split(
    files: Sequence[ImageFile], y: Ints, class_names: Sequence[str], seed: int
) -> tuple[list[ImageFile], list[ImageFile], str]:
    """Split files as `hold_out_test` splits examples, before they are decoded."""
    places = cast(Bytes, np.arange(len(files)))
    part = TrainingPart(places, y, ("",) * len(files), tuple(class_names))
    train, test, note = hold_out_test(part, seed)
    return [files[place] for place in train.x], [files[place] for place in test.x], note


def _source(files: Sequence[ImageFile], size: Size, channels: int) -> Source:
    def chunks() -> Iterator[Bytes]:
        for file in files:
            yield resize(decode_image(file.path, channels)[None], size)

    return Source((len(files), *size, channels), chunks)


def _numbers(files: Iterable[ImageFile], labels: Mapping[str, int]) -> Ints:
    return np.array([labels[file.label] for file in files], np.int64)


def _names(folder: Path, files: Iterable[ImageFile]) -> tuple[str, ...]:
    return tuple(printable(file.path.relative_to(folder).as_posix()) for file in files)


def _notes(folder: Path, found: Found, size: Size) -> list[str]:
    """Return what was decided, one sentence each."""
    files = found.files["train"] + found.files["test"]
    other_sizes = sum(file.size != size for file in files)
    notes = []
    if found.joined:
        notes.append(f"{' and '.join(found.joined)} joined to the training part")
    if found.beside:
        notes.append(f"folders beside train ignored: {', '.join(found.beside)}")
    if other_sizes:
        notes.append(f"{other_sizes} of {len(files)} images resized to {size[0]}x{size[1]}")
    if found.other:
        what = "file" if found.other == 1 else "files"
        notes.append(f"{found.other} {what} ignored: not an image in a class folder")
    if found.bad:
        names = [path.relative_to(folder).as_posix() for path in found.bad]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        images = "image" if len(names) == 1 else "images"
        notes.append(f"{len(names)} unreadable {images} left out: {', '.join(names[:3])}{more}")
    return notes
