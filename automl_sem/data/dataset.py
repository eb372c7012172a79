"""The dataset: training examples for the search, test examples locked away."""

from __future__ import annotations

import functools
import hashlib
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.channels import SeriesFacts
from automl_sem.data.copies import Copies, digest, same_rows
from automl_sem.data.sums import StepSums
from automl_sem.types import DataInfo, Ints, Task, task_named

DIGEST_BYTES = 2**24  # read at a time
USUAL = 0.9  # share of the series that are no longer than usual


@dataclass(frozen=True)
class TrainingPart:
    """All that a search may see.

    Args:
        x: Examples: images, uint8 (n, height, width, channels); clips, uint8
            (n, frames, height, width, channels); or series, float32 (n, time, channels), of which
            NaN in all channels fills the end of shorter ones.
        y: What is to be learnt: class numbers, int64 (n,); of several labels 0 or 1 for each,
            int64 (n, labels); or numbers, float32 (n, outputs).
        names: File name or row of each example, for people.
        class_names: Name of each class, in the order of their numbers; of each label, or of
            each number that is predicted.
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        groups: Number of the group of each example, int64 (n,): examples of one writer, patient
            or recording, which must stay in one fold. None if each stands for itself.
        task: What is learnt: `"classification"`, `"multi-label"` or `"regression"`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    kind: str = "images"
    groups: Ints | None = None
    task: Task = "classification"

    @functools.cached_property
    def info(self) -> DataInfo:
        """What a space may know of it."""
        usual = 0
        if self.kind == "series" and len(self.x):
            usual = int(np.quantile(self.step_sums.lengths, USUAL, method="higher"))
        return DataInfo(
            kind=self.kind,
            input_shape=tuple(self.x.shape[1:]),
            classes=0 if self.task == "regression" else len(self.class_names),
            n_train=len(self.x),
            usual_length=usual,
            task=self.task,
            outputs=len(self.class_names),
        )

    @functools.cached_property
    def step_sums(self) -> StepSums:
        """Of series, what means and deviations of their channels follow from."""
        sums = StepSums.of(self.x)
        release_pages(self.x)
        return sums

    def copies(self) -> Ints | None:
        """Return a number for each example, the same for copies of one in one class, (n,).

        Of examples without classes, copies are the same whatever their labels or numbers are.
        None with groups: these say themselves what stays in one fold.
        """
        if self.groups is not None:
            return None
        digests = [digest(example) for rows in _some_rows(self.x) for example in rows]
        if self.task != "classification":
            return same_rows(digests)
        return same_rows([f"{key} {label}" for key, label in zip(digests, self.y, strict=True)])

    def fingerprint(self) -> str:
        """Return a SHA-256 over shapes, values, labels and class names."""
        return _digest(self.x, self.y, self.class_names)

    def groups_fingerprint(self) -> str | None:
        """Return a SHA-256 over the groups, or None without groups."""
        if self.groups is None:
            return None
        first = np.unique(self.groups, return_inverse=True)[1]  # whatever their numbers are
        return hashlib.sha256(first.astype("<i8").tobytes()).hexdigest()


@dataclass(frozen=True)
class HeldOutPart:
    """The held-out test set: scored at export, never seen by a search."""

    x: NDArray[Any]
    y: NDArray[Any]
    names: tuple[str, ...]

    def fingerprint(self) -> str:
        """Return a SHA-256 over shapes, values and labels."""
        return _digest(self.x, self.y, ())


@dataclass(frozen=True)
class Inspection:
    """What loading showed of the examples as they were saved, for people.

    Args:
        sizes: Height and width in pixels, of each image or of all, int64 (m, 2); of series
            their time steps and channels.
        copies: Which examples are the same; None if nobody looked.
        unreadable: What was left out, with the reason.
        frames: Number of frames of each clip, int64 (m,); None of other examples.
        seconds: How long each clip lasts, (m,), 0 where nothing says so; likewise.
        series: What series hold; None of other examples.
    """

    sizes: Ints
    copies: Copies | None = None
    unreadable: tuple[str, ...] = ()
    frames: Ints | None = None
    seconds: NDArray[np.float64] | None = None
    series: SeriesFacts | None = None


@dataclass(frozen=True)
class Dataset:
    """Examples with their labels, in a training part and a held-out test part.

    Args:
        name: Short name, used for the run directory.
        source: What loads it again: a built-in name or an absolute path.
        options: Loader options that `source` was loaded with.
        train: What the search sees.
        test: What it never sees.
        notes: What the loader decided, to be said aloud (resized, split, skipped).
        pad: Value 0..255 that fills up images of another shape; None stretches them.
        inspection: What loading showed of the examples as they were saved.
    """

    name: str
    source: str
    train: TrainingPart
    test: HeldOutPart
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pad: int | None = None
    inspection: Inspection | None = field(default=None, compare=False)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays, to be kept in an .npz file."""
        optional = {"groups": self.train.groups, "pad": self.pad}
        facts = None if self.inspection is None else self.inspection.series
        return {
            "x_train": self.train.x,
            "y_train": self.train.y,
            "names_train": np.array(self.train.names),
            "x_test": self.test.x,
            "y_test": self.test.y,
            "names_test": np.array(self.test.names),
            "class_names": np.array(self.class_names),
            "kind": np.array(self.train.kind),
            "task": np.array(self.train.task),
            **{name: np.array(value) for name, value in optional.items() if value is not None},
            **({} if facts is None else facts.to_arrays()),
        }

    @classmethod
    def from_saved_arrays(cls, name: str, arrays: Mapping[str, NDArray[Any]]) -> Dataset:
        """Return the dataset that `to_arrays` took apart."""
        facts = SeriesFacts.from_arrays(arrays)
        return cls(
            name=name,
            source=name,
            train=TrainingPart(
                x=arrays["x_train"],
                y=arrays["y_train"],
                names=tuple(map(str, arrays["names_train"])),
                class_names=tuple(map(str, arrays["class_names"])),
                kind=str(arrays.get("kind", "images")),
                groups=arrays.get("groups"),
                task=task_named(str(arrays.get("task", "classification"))),
            ),
            test=HeldOutPart(
                x=arrays["x_test"],
                y=arrays["y_test"],
                names=tuple(map(str, arrays["names_test"])),
            ),
            pad=int(arrays["pad"]) if "pad" in arrays else None,
            inspection=None if facts is None else Inspection(facts.sizes(), series=facts),
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class, in the order of their numbers."""
        return self.train.class_names

    @property
    def info(self) -> DataInfo:
        """What a space may know of it."""
        return self.train.info


def _digest(x: NDArray[Any], y: NDArray[Any], class_names: tuple[str, ...]) -> str:
    sha = hashlib.sha256()
    for array in (x, y):
        sha.update(f"{array.dtype}{array.shape}".encode())
        for rows in _some_rows(array):
            sha.update(np.ascontiguousarray(rows).tobytes())
    sha.update("\0".join(class_names).encode())
    return sha.hexdigest()


def _some_rows(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield some rows at a time: examples may be larger than memory."""
    rows = max(1, DIGEST_BYTES // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        yield array[first : first + rows]
        release_pages(array)


def read_rows(x: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows of an array, read in the order in which they lie on the disk.

    Args:
        x: Examples, (n, ...), which may be memory-mapped.
        rows: Row numbers, (m,), in any order.
    """
    if not isinstance(x, np.memmap):
        return np.take(x, rows, axis=0)
    order = np.argsort(rows, kind="stable")
    read = np.empty((len(rows), *x.shape[1:]), x.dtype)
    read[order] = x[rows[order]]
    release_pages(x)
    return read


def release_pages(array: NDArray[Any]) -> None:
    """Let go of the pages of a memory-mapped array that were read; others are left alone.

    The system may keep them, but they no longer count as memory of this process, by which
    a search decides how many workers it can afford.
    """
    mapping = array.base
    if isinstance(array, np.memmap) and array.mode == "r" and isinstance(mapping, mmap.mmap):
        mapping.madvise(mmap.MADV_DONTNEED)
