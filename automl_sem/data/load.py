"""Load a dataset by what a person names: a built-in one, files, a table, arrays, or from memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from automl_sem.data.arrays import from_arrays, load_idx, load_npz
from automl_sem.data.builtin import BUILTIN
from automl_sem.data.clip_folders import holds_clips
from automl_sem.data.clips import load_clips
from automl_sem.data.dataset import Dataset
from automl_sem.data.frames import animated, is_video
from automl_sem.data.idx import find_idx, is_idx_name
from automl_sem.data.images import load_images
from automl_sem.data.pixels import MIN_SIDE, SUFFIXES
from automl_sem.data.series_arrays import from_series, load_series_npz
from automl_sem.data.series_table import is_series_table, load_series_table
from automl_sem.data.table import find_tables
from automl_sem.data.told import kind_of_array, kind_of_npz
from automl_sem.data.ts import SUFFIX, find_ts, load_ts
from automl_sem.errors import Unlabelled, UserError, did_you_mean

Kind = Literal["builtin", "folder", "table", "idx", "npz", "series table", "ts"]

TABLES = (".csv", ".tsv")
FILES: tuple[Kind, ...] = ("folder", "table")  # kinds with a file for each example
GIVE = "Give examples with their labels: (x, y) or (x, y, x_test, y_test)"
SERIES: tuple[Kind, ...] = ("series table", "ts")  # kinds that hold series alone


def load_dataset(
    source: str,
    *,
    size: int | None = None,
    image_size: int | None = None,
    pad: bool = False,
    groups: str | None = None,
    skip_bad: bool = False,
    kind: str | None = None,
    frames: int | None = None,
    rate: float | None = None,
    unlabelled: bool = False,
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return a dataset; `load_dataset(d.source, **d.options)` loads `d` again.

        load_dataset("shapes", size=90)
        load_dataset("my_drawings", image_size=32)

    Args:
        source: A built-in name, a folder of images or clips, a CSV table of image files and
            labels, a folder with MNIST's IDX files, an `.npz` file, a CSV table of series, or a
            `.ts` file or a folder with such.
        size: Number of training examples, for `shapes`, `motion` and `strokes` alone.
        image_size: Height and width that images and frames of a folder or file get.
        pad: Fill those of another shape up with the background, do not stretch them.
        groups: Column of a table, or regular expression on the names of image files or clips,
            that says which examples belong together.
        skip_bad: Leave images or clips of a folder or table out that cannot be read.
        kind: What it holds, `"images"`, `"clips"` or `"series"`; None to find out.
        frames: Frames to take of each clip.
        rate: Frames to take of a clip in a second; None to take them evenly.
        unlabelled: Take the images of a folder, table or `.npz` file as of one class.
        task: What is to be learnt of each example, `"classification"`, a class; `"multi-label"`,
            any number of labels; or `"regression"`, numbers. None to find out.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If there is no such dataset, it cannot be used, or an option does
            not fit it.
    """
    found, path = source_kind(source, kind), Path(source).expanduser()
    if unlabelled and found in FILES:
        kind = "images"
    holds, note = _held(source, found, path, kind, for_images=image_size is not None or pad)
    clips = found in FILES and holds == "clips"
    _refuse(
        source,
        {
            "size": size is not None and found != "builtin",
            "image_size": image_size is not None and (found == "builtin" or holds == "series"),
            "pad": pad and (found == "builtin" or holds == "series"),
            "groups": groups is not None and found not in (*FILES, "series table"),
            "skip_bad": skip_bad and found not in FILES,
            "frames": frames is not None and not clips,
            "rate": rate is not None and not clips,
        },
    )
    if found == "builtin" and task not in (None, "classification"):
        raise UserError(f"'{source}' has classes: its task is classification", where="task")
    if image_size is not None and image_size < MIN_SIDE:
        raise UserError(
            f"must be at least {MIN_SIDE} pixels. Received: {image_size}", where="image_size"
        )
    if found == "builtin":
        return BUILTIN[source].load(size, seed)
    if clips:
        return load_clips(
            path,
            frames=frames,
            rate=rate,
            image_size=image_size,
            pad=pad,
            groups=groups,
            skip_bad=skip_bad,
            kind=kind,
            note=note,
            task=task,
            seed=seed,
        )
    if found == "series table":
        return load_series_table(path, kind=kind, groups=groups, task=task, seed=seed)
    if found == "ts":
        return load_ts(path, kind=kind, task=task, seed=seed)
    if holds == "series":
        return load_series_npz(path, kind=kind, notes=[note] if note else [], task=task, seed=seed)
    if found in FILES:
        dataset = load_images(
            path,
            image_size=image_size,
            pad=pad,
            groups=groups,
            skip_bad=skip_bad,
            unlabelled=unlabelled,
            task=task,
            seed=seed,
        )
    elif found == "idx":
        dataset = load_idx(path, image_size=image_size, pad=pad, task=task, seed=seed)
    else:
        dataset = load_npz(
            path, image_size=image_size, pad=pad, unlabelled=unlabelled, task=task, seed=seed
        )
    options = {**dataset.options, **({"kind": kind} if kind else {})}
    return replace(dataset, options=options, notes=(*([note] if note else []), *dataset.notes))


def _held(
    source: str, found: Kind, path: Path, kind: str | None, *, for_images: bool
) -> tuple[str, str]:
    """Return the kind of data that a source holds, and a note that says why."""
    holds, note = "series" if found in SERIES else "images", ""
    if found == "builtin":
        holds = BUILTIN[source].kind
    elif found == "npz":
        said = None if kind == "clips" else kind
        holds, note = kind_of_npz(path, said, for_images=for_images)
    elif found == "folder" and not find_tables(path):
        if kind in ("images", "clips"):
            return kind, ""
        clips, note = holds_clips(path)
        holds = "clips" if clips else "images"
    if kind not in (None, holds):
        raise UserError(f"this holds {holds}, no {kind}", where=source)
    return holds, note


def from_memory(
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    kind: str | None = None,
    image_size: int | None = None,
    pad: bool = False,
    unlabelled: bool = False,
    **options: Any,
) -> Dataset:
    """Return a dataset made of arrays from Python, images or series.

    Args:
        x: As for `from_arrays` or `from_series`.
        y: Classes, labels or numbers; None if `unlabelled`.
        x_test: Examples of the test part; without it a fifth is split off.
        y_test: Classes of the test part.
        kind: What they are, `"images"` or `"series"`; None to find out.
        image_size: Height and width of all images.
        pad: Fill images of another shape up with the background.
        unlabelled: Take all images as of one class.
        **options: What both functions take.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If nobody can tell what they are, or they cannot be used.
    """
    if kind == "clips":
        raise UserError("arrays hold images or series, no clips", where="kind")
    if x is None:
        raise UserError("x is None", where="arrays", hint=GIVE)
    if y is None and not unlabelled:
        raise Unlabelled("y is None", where="arrays", hint=GIVE)
    note = ""
    told: str | None = kind
    if kind is None and not isinstance(x, list | tuple):
        for_images = image_size is not None or pad
        told, note = kind_of_array(np.asarray(x), None, False, for_images, "x")
    if told != "series":
        dataset = from_arrays(
            x, y, x_test, y_test, image_size=image_size, pad=pad, unlabelled=unlabelled, **options
        )
        return replace(dataset, notes=(*([note] if note else []), *dataset.notes))
    _refuse("series", {"image_size": image_size is not None, "pad": pad})
    if unlabelled:
        raise Unlabelled("series without classes are not learnt from", where="arrays", hint=GIVE)
    return from_series(x, y, x_test, y_test, notes=[note] if note else [], **options)


def source_kind(source: str, kind: str | None = None) -> Kind:
    """Return what a person named.

    Args:
        source: As for `load_dataset`.
        kind: What a person says that it holds; a table tells by its columns otherwise.

    Raises:
        UserError: If there is no such thing, or it is no dataset.
    """
    if source in BUILTIN:
        return "builtin"
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            if find_idx(path):
                return "idx"
            return "ts" if find_ts(path) else "folder"
        if not path.is_file():
            raise UserError(
                f"no dataset, folder or .npz file named '{source}'",
                hint=did_you_mean(source, BUILTIN),
            )
    except PermissionError:
        raise UserError(
            "permission denied", where=source, hint="Check that you may read it"
        ) from None
    if is_video(path):
        raise UserError(
            "this is a single video", where=path, hint="Give the folder that holds DIR/CLASS/*.mp4"
        )
    if path.suffix.lower() in SUFFIXES:
        what = "animation" if animated(path) else "image"
        raise UserError(
            f"this is a single {what}",
            where=path,
            hint=f"Give the folder that holds DIR/CLASS/*{path.suffix.lower()}",
        )
    if is_idx_name(path.name):
        raise UserError(
            "this is one of MNIST's files", where=path, hint="Give the folder that holds all four"
        )
    if path.suffix.lower() == SUFFIX:
        return "ts"
    if path.suffix.lower() not in TABLES:
        return "npz"
    series = is_series_table(path) if kind in (None, "clips") else kind == "series"
    return "series table" if series else "table"


def _refuse(source: str, options: dict[str, bool]) -> None:
    """Refuse the options that were given but mean nothing for this source."""
    for name, given in options.items():
        if given:
            raise UserError(
                f"the option {name} does not apply to '{source}'",
                hint={
                    "size": "Only shapes, motion and strokes have a size to choose",
                    "image_size": "Only images and clips of your own are resized",
                    "pad": "Only images and clips of your own are resized",
                    "groups": "It is for folders and tables; an .npz file names its array groups",
                    "skip_bad": "It is for files of images and clips",
                    "frames": "Only clips of your own have frames to choose",
                    "rate": "Only clips of your own have frames to choose",
                }[name],
            )
