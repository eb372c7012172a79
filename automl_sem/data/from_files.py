"""Files with labels to a dataset: the same for images and for clips.

All files are looked into first: to refuse those that cannot be read, and for the split to keep
copies together. Size, number of channels and background are chosen from the training part alone,
after a test part is split off.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.cache import ExampleCache, cache_key
from automl_sem.data.copies import find_copies
from automl_sem.data.dataset import Dataset, HeldOutPart, Inspection, TrainingPart
from automl_sem.data.examples import Source, hold
from automl_sem.data.folders import Found, ImageFile, Look, name_of
from automl_sem.data.labels import check_case
from automl_sem.data.parts import make_parts, rows
from automl_sem.data.pixels import WILD_SHAPE, Size, check_size
from automl_sem.data.table import find_tables
from automl_sem.data.targets import Targets, joined_note, read_targets, task_of
from automl_sem.errors import UserError
from automl_sem.types import Bytes, Task, task_named

MAX_SIDE = 64  # larger images are shrunk to this, unless --image-size says otherwise
WILD_SIZE = 4  # times

Looks = dict[str, list[Look | str]]  # of each part; a text: why it cannot be read


@dataclass(frozen=True)
class Plan:
    """How examples are read once it is known what they look like.

    Args:
        lead: Shape of an example before height, width and channels: the frames of a clip.
        read: Returns an example, uint8 (*lead, height, width, channels), from its file, the
            wanted height and width, number of channels, and value that fills it up.
        notes: What was decided, one sentence each.
    """

    lead: tuple[int, ...]
    read: Callable[[ImageFile, Size, int, int | None], Bytes]
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads examples of one kind."""

    kind: str  # of data, which is what several examples are called: "images"
    one: str  # what a single one is called
    keep: bool  # whether small data are kept in the cache, too, since reading takes long

    def files(self, path: Path) -> list[Path]:
        """Return all files that an example comes from: if one changes, it is read anew."""
        ...

    def expect(self, train: Sequence[ImageFile], image_size: int | None, pad: bool) -> None:
        """Hear what will be looked into; not called if the cache knows it already."""
        ...

    def look(self, path: Path) -> Look:
        """Return what looking into an example shows.

        Raises:
            UserError: If it cannot be read.
        """
        ...

    def plan(self, train: Sequence[ImageFile], test: Sequence[ImageFile]) -> Plan:
        """Return how examples are read, now that all were looked into.

        Raises:
            UserError: If they cannot be read as a person wants it.
        """
        ...


def from_files(
    found: Found,
    source: Path,
    reader: Reader,
    *,
    image_size: int | None = None,
    pad: bool = False,
    groups: str | None = None,
    skip_bad: bool = False,
    unlabelled: bool = False,
    task: str | None = None,
    seed: int = 0,
    own: Mapping[str, Any] | None = None,
) -> Dataset:
    """Return examples of one size, grey if all of them are.

    Args:
        found: Where they are, with their labels and groups.
        source: The folder or table.
        reader: Reads them.
        image_size: Height and width of all; None for a size that suits them.
        pad: Keep their shape: fill them up with the background, do not stretch them.
        groups: What `found` was grouped by.
        skip_bad: Leave those out that cannot be read.
        unlabelled: Whether they may all be of one class.
        task: What is to be learnt; None to find out: a class of each, unless a table has fractions.
        seed: Seed of the choice of a test part, where there is none.
        own: Further options of the loader.

    Raises:
        UserError: If labels or an example cannot be used.
    """
    class_names = sorted({file.label for file in found.files["train"]})
    learnt = _task(source, found, task)
    if learnt == "classification":
        _check_labels(source, found)
    options: dict[str, Any] = {
        "image_size": image_size,
        "pad": pad,
        "groups": groups,
        "skip_bad": skip_bad,
        "unlabelled": unlabelled,
        "seed": seed,
        **(own or {}),
        **({"task": task} if task else {}),
    }
    key = _key(found, reader, options)
    entry = ExampleCache().find(key)
    if entry is None:
        reader.expect(found.files["train"], image_size, pad)
    looks = _look(found, reader, skip_bad) if entry is None else _looks(entry.facts)
    found = _seen(found, looks)
    train, test = found.files["train"], found.files["test"]
    try:
        targets = _targets(source, found, class_names, learnt, 1 if unlabelled else 2)
    except UserError as error:
        raise _with_left_out(error, found) from None
    names = _names(train, found)
    parts = make_parts(
        TrainingPart(
            rows(len(train)),
            targets.train,
            names,
            targets.names,
            reader.kind,
            task=targets.task,
        ),
        None
        if targets.test is None
        else HeldOutPart(rows(len(test)), targets.test, _names(test, found)),
        groups=_groups(train, found),
        groups_test=_groups(test, found),
        digests=[file.seen.digest for file in train],
        seed=seed,
    )
    origin = train if parts.split_off else test
    train_files = [train[row] for row in parts.train.x]
    test_files = [origin[row] for row in parts.test.x]
    found = replace(found, files={"train": train_files, "test": test_files})
    size = _choose_size(source, train_files, image_size)
    channels = 1 if all(file.seen.grey for file in train_files) else 3
    fill = round(float(np.median([file.seen.border for file in train_files]))) if pad else None
    plan = reader.plan(train_files, test_files)
    notes = [*plan.notes, *_notes(found, reader, size, fill), *targets.notes, *parts.notes]
    sides = {"x_train": train_files, "x_test": test_files}
    sources = {name: _source(files, plan, size, channels, fill) for name, files in sides.items()}
    x, kept = hold(sources, key, entry, looks, keep=reader.keep)
    digests = [[file.seen.digest for file in files] for files in sides.values()]
    copies = find_copies(digests[0], parts.train.y, parts.train.names, digests[1], parts.test.names)
    seen = [file.seen for file in found]
    told = copies.notes(grouped=found.grouped, one=reader.one, many=reader.kind)
    return Dataset(
        name=_name(source),
        source=str(source.resolve()),
        train=replace(parts.train, x=x["x_train"]),
        test=replace(parts.test, x=x["x_test"]),
        options={name: value for name, value in options.items() if value},
        notes=(*notes, *told, *kept),
        pad=fill,
        inspection=Inspection(
            sizes=np.array([look.size for look in seen], np.int64),
            copies=copies,
            unreadable=tuple(f"{name_of(path, found.root)}: {why}" for path, why in found.bad),
            frames=np.array([look.frames for look in seen], np.int64) if plan.lead else None,
            seconds=np.array([look.seconds for look in seen]) if plan.lead else None,
        ),
    )


def _name(source: Path) -> str:
    path = source.resolve()
    return (path.stem if source.is_file() else path.name) or "data"


def _with_left_out(error: UserError, found: Found) -> UserError:
    """Return an error that names a file that was left out, which may be why."""
    if not found.bad:
        return error
    path, why = found.bad[0]
    count = f"{len(found.bad)} files are" if len(found.bad) > 1 else "a file is"
    such_as = "such as " if len(found.bad) > 1 else ""
    left_out = f"{count} left out, {such_as}{name_of(path, found.root)}: {why}"
    return type(error)(f"{error.what} ({left_out})", where=error.where, hint=error.hint)


def _task(source: Path, found: Found, task: str | None) -> Task:
    """Return what is to be learnt: a class of each, unless a person or fractions in a table say."""
    if task is not None:
        return task_named(task)
    if not _listed(source):
        return "classification"
    return task_of(np.array([file.label for file in found.files["train"]], np.str_))


def _listed(source: Path) -> bool:
    return source.is_file() or bool(find_tables(source))


def _targets(
    source: Path, found: Found, class_names: Sequence[str], task: Task, fewest: int
) -> Targets:
    """Return what is to be learnt of the examples that can be read."""
    labels = {part: [file.label for file in files] for part, files in found.files.items()}
    train, test = (np.array(labels[part], np.str_) for part in ("train", "test"))
    names = {"classification": class_names, "regression": ["label"], "multi-label": None}[task]
    targets = read_targets(
        train,
        len(train),
        test if len(test) else None,
        len(test),
        names=names,
        task=task,
        fewest=fewest,
        where=source,
    )
    if task == "classification" and _listed(source):
        return replace(targets, notes=joined_note(class_names))
    return targets


def _check_labels(source: Path, found: Found) -> None:
    """Refuse a test part with other classes than the training part."""
    train, test = ({file.label for file in found.files[part]} for part in ("train", "test"))
    check_case(train | test, source)
    listed = _listed(source)
    if not test or train == test or (listed and test <= train):
        return
    only = [
        f"only in {part}: {', '.join(sorted(names))}"
        for part, names in (("train", train - test), ("test", test - train))
        if names
    ]
    raise UserError(
        f"train and test have different classes ({'; '.join(only)})",
        where=source,
        hint="Both need the same classes" if listed else "Both need the same class folders",
    )


def _key(found: Found, reader: Reader, options: Mapping[str, object]) -> str:
    """Return the name of the cache entry: size and channels follow from the files."""
    parts = {part: len(files) for part, files in found.files.items()}
    said = json.dumps([(file.label, file.group) for file in found]).encode()
    return cache_key(
        [path for file in found for path in reader.files(file.path)],
        {
            **options,
            "reads": reader.kind,
            "parts": parts,
            "labels": hashlib.sha256(said).hexdigest(),
            "largest": MAX_SIDE,
            "version": 3,
        },
    )


def _look(found: Found, reader: Reader, skip_bad: bool) -> Looks:
    """Look into every file."""
    looks: Looks = {part: [] for part in found.files}
    for part, files in found.files.items():
        for file in files:
            try:
                looks[part].append(reader.look(file.path))
            except UserError as error:
                if not skip_bad:
                    raise UserError(
                        error.what, where=error.where, hint=_skip(reader, error)
                    ) from None
                looks[part].append(error.what)
    return looks


def _skip(reader: Reader, error: UserError) -> str:
    """Return what to do about an example that cannot be read."""
    skip = f"Repair or remove it, or leave such {reader.kind} out with --skip-bad"
    return f"{error.hint}; {skip[0].lower()}{skip[1:]}" if error.hint else skip


def _looks(facts: Mapping[str, Any]) -> Looks:
    """Return what a cache entry remembers."""
    return {
        part: [look if isinstance(look, str) else Look(*look) for look in looks]
        for part, looks in facts.items()
    }


def _seen(found: Found, looks: Looks) -> Found:
    """Return what a folder holds, with what looking into its files showed."""
    seen = replace(found, files={"train": [], "test": []}, bad=[*found.bad])
    for part, files in found.files.items():
        for file, look in zip(files, looks[part], strict=True):
            if isinstance(look, str):
                seen.bad.append((file.path, look))
            else:
                seen.files[part].append(replace(file, look=look))
    return seen


def _choose_size(source: Path, files: Sequence[ImageFile], image_size: int | None) -> Size:
    """Return the one height and width that all examples get."""
    size = usual_size([file.seen.size for file in files], image_size)
    check_size(size, source)
    return size


def usual_size(sizes: Sequence[Size], image_size: int | None) -> Size:
    """Return the height and width that suit most examples.

    Args:
        sizes: Height and width of each.
        image_size: Both, if a person chose them.
    """
    if image_size is not None:
        return image_size, image_size
    height, width = np.median(sizes, axis=0)
    scale = min(1.0, MAX_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _source(
    files: Sequence[ImageFile], plan: Plan, size: Size, channels: int, fill: int | None
) -> Source:
    def chunks() -> Iterator[Bytes]:
        for file in files:
            yield plan.read(file, size, channels, fill)[None]

    return Source((len(files), *plan.lead, *size, channels), chunks)


def _names(files: Iterable[ImageFile], found: Found) -> tuple[str, ...]:
    return tuple(name_of(file.path, found.root) for file in files)


def _groups(files: Iterable[ImageFile], found: Found) -> NDArray[Any] | None:
    return np.array([file.group for file in files]) if found.grouped else None


def _notes(found: Found, reader: Reader, size: Size, fill: int | None) -> list[str]:
    """Return what was decided, one sentence each."""
    files = list(found)
    other_sizes = sum(file.seen.size != size for file in files)
    notes = []
    if found.joined:
        notes.append(f"{' and '.join(found.joined)} joined to the training part")
    if found.beside:
        notes.append(f"folders beside train ignored: {', '.join(found.beside)}")
    if other_sizes:
        how = "" if fill is None else f", filled up with {fill} (0 black, 255 white)"
        notes.append(
            f"{other_sizes} of {len(files)} {reader.kind} resized to {size[0]}x{size[1]}{how}"
        )
        notes += _wild(files, reader.kind, size) if fill is None else []
    notes += _colours(found, reader)
    if found.other:
        what = "file" if found.other == 1 else "files"
        article = "an" if reader.one == "image" else "a"
        notes.append(f"{found.other} {what} ignored: not {article} {reader.one} in a class folder")
    if found.bad:
        names = [name_of(path, found.root) for path, _ in found.bad]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        which = reader.one if len(names) == 1 else reader.kind
        notes.append(f"{len(names)} unreadable {which} left out: {', '.join(names[:3])}{more}")
    return notes


def _wild(files: Sequence[ImageFile], many: str, size: Size) -> list[str]:
    """Return a note if examples differ so much that one size does not suit them all."""
    sizes = np.array([file.seen.size for file in files], np.float64)
    shapes = np.append(sizes[:, 1] / sizes[:, 0], size[1] / size[0])
    sides = sizes.max(axis=1)
    stretched = shapes.max() > WILD_SHAPE * shapes.min()
    if not stretched and sides.max() <= WILD_SIZE * sides.min():
        return []
    (h1, w1), (h2, w2) = (sizes[i].astype(int) for i in (sides.argmin(), sides.argmax()))
    keep = ", --pad keeps their shape" if stretched else "; --pad keeps the shape of each"
    return [
        f"{many} differ widely, from {h1}x{w1} to {h2}x{w2}, and are stretched to one size{keep}"
    ]


def _colours(found: Found, reader: Reader) -> list[str]:
    """Return a note where colours are not taken as they were saved."""
    if not all(file.seen.grey for file in found.files["train"]):
        return []
    kinds = Counter((file.seen.coloured, file.seen.grey) for file in found)
    notes = []
    if n := kinds[True, True]:
        files = "colour file shows" if n == 1 else "colour files show"
        notes.append(f"{n} {files} only grey: read as one channel")
    if n := kinds[True, False]:
        are = f"{reader.one} is" if n == 1 else f"{reader.kind} are"
        notes.append(f"{n} test {are} in colour, read as grey like the training {reader.kind}")
    return notes
