"""Series such as sensor readings and pen strokes: steps in time, each with a value per channel.

Readers (`series_arrays.py`, `series_table.py`, `ts.py`) give them as they are, each of its own
length; here they become a dataset, float32 (n, time, channels), in which NaN fills the end of
those shorter than the longest and stands for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.cache import GIB, ExampleCache, cache_key
from automl_sem.data.channels import Channel, SeriesFacts, describe_channels
from automl_sem.data.copies import digest, find_copies
from automl_sem.data.dataset import Dataset, HeldOutPart, Inspection, TrainingPart
from automl_sem.data.examples import Source, hold, in_memory, too_large
from automl_sem.data.missing import filled
from automl_sem.data.parts import make_parts, rows
from automl_sem.data.targets import read_targets
from automl_sem.errors import UserError
from automl_sem.types import Floats, Ints

CHUNK_BYTES = 2**24
LARGE_BYTES = 2**28  # padded series that take more are spoken of
LISTED = 5  # names in a note


@dataclass(frozen=True)
class SeriesPart:
    """Series of one part as they were saved.

    Args:
        series: Each (time, channels) numbers, NaN where a value is missing, without padding.
        labels: What is to be learnt of each, as for `read_targets`.
        names: Name of each, for people.
        groups: Name or number of the group of each, (n,); None without groups.
        times: When values were taken, increasing, (time,) of each; None for even steps.
        places: Where errors about each are, such as a line of a file; None for their names.
    """

    series: Sequence[NDArray[Any]]
    labels: NDArray[Any]
    names: tuple[str, ...]
    groups: NDArray[Any] | None = None
    times: Sequence[NDArray[np.float64]] | None = None
    places: Sequence[str] | None = None


def series_dataset(
    train: SeriesPart,
    test: SeriesPart | None,
    *,
    channels: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    name: str,
    source: str,
    where: object,
    files: Sequence[Path] = (),
    options: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return a dataset made of series: checked, split, missing values filled in, padded.

    Args:
        train: Series to train on.
        test: Series to test on; without any a fifth is split off.
        channels: Names of the channels; None for numbers.
        class_names: Names in the order of the sorted classes, or the order of labels that are
            names; None for the classes.
        name: Short name of the dataset.
        source: What loads it again.
        where: What errors are about.
        files: Files that they come from: padded series larger than memory are kept in the cache.
        options: Loader options to remember.
        notes: What was decided so far.
        task: What is to be learnt; None to find out.
        seed: Seed of the choice of a test part.

    Raises:
        UserError: If series or labels cannot be used.
    """
    targets = read_targets(
        train.labels,
        len(train.series),
        None if test is None else test.labels,
        0 if test is None else len(test.series),
        names=class_names,
        task=task,
        where=where,
    )
    count = train.series[0].shape[1]
    for part in filter(None, (train, test)):
        check_series(part, count, where)
    kept = {"train": [digest(_canonical(series)) for series in train.series]}
    held_out = None
    if test is not None:
        assert targets.test is not None
        held_out = HeldOutPart(rows(len(targets.test)), targets.test, test.names)
        kept["test"] = [digest(_canonical(series)) for series in test.series]
    parts = make_parts(
        TrainingPart(
            rows(len(targets.train)),
            targets.train,
            train.names,
            targets.names,
            kind="series",
            task=targets.task,
        ),
        held_out,
        groups=train.groups,
        groups_test=None if test is None else test.groups,
        digests=kept["train"],
        seed=seed,
    )
    origin = train if test is None else test
    digests = {
        "x_train": [kept["train"][row] for row in parts.train.x],
        "x_test": [kept["train" if test is None else "test"][row] for row in parts.test.x],
    }
    copies = find_copies(
        digests["x_train"], parts.train.y, parts.train.names, digests["x_test"], parts.test.names
    )
    chosen = {"x_train": _picked(train, parts.train.x), "x_test": _picked(origin, parts.test.x)}
    titles = channels or [f"channel {i + 1}" for i in range(count)]
    described = describe_channels(chosen["x_train"].series, titles)
    _check_channels(described, where)
    facts = SeriesFacts(
        train_lengths=_lengths(chosen["x_train"]),
        test_lengths=_lengths(chosen["x_test"]),
        channels=described,
        filled=sum(int(np.isnan(s).sum()) for part in chosen.values() for s in part.series),
    )
    means = np.array([channel.mean for channel in described])
    # Each part is as long as its own longest series: the test part must not shape the training.
    longest = {"x_train": facts.train_lengths.max(), "x_test": facts.test_lengths.max(initial=1)}
    sources = {
        side: _source(part, (int(longest[side]), count), means) for side, part in chosen.items()
    }
    size = sum(part.nbytes for part in sources.values())
    cached: list[str] = []
    if files and too_large(size):
        said = {**(options or {}), **({"task": task} if task else {})}
        key = cache_key(files, {**said, "seed": seed, "kind": "series", "version": 1})
        x, cached = hold(sources, key, ExampleCache().find(key), {})
    else:
        x = {side: in_memory(part) for side, part in sources.items()}
    remembered = {**(options or {}), "task": task, "seed": seed}
    grouped = parts.train.groups is not None
    return Dataset(
        name=name,
        source=source,
        train=replace(parts.train, x=x["x_train"]),
        test=replace(parts.test, x=x["x_test"]),
        options={key: value for key, value in remembered.items() if value},
        notes=(
            *notes,
            *_notes(facts, chosen, size),
            *targets.notes,
            *parts.notes,
            *copies.notes(grouped=grouped, one="series", many="series"),
            *cached,
        ),
        inspection=Inspection(
            sizes=facts.sizes(),
            copies=copies,
            series=facts,
        ),
    )


def check_series(
    part: SeriesPart, channels: int, where: object, like: str = "the first series has"
) -> None:
    """Refuse series that are empty, have other channels, or hold what is no number.

    Args:
        part: The series.
        channels: How many channels they must have.
        where: What errors are about.
        like: What has so many.

    Raises:
        UserError: If a series cannot be used.
    """
    places = part.places or [f"{where}: {name}" for name in part.names]
    for values, place in zip(part.series, places, strict=True):
        if values.shape[1] != channels:
            raise UserError(
                f"{values.shape[1]} channel{'s' * (values.shape[1] != 1)}, but {like} {channels}",
                where=place,
            )
        if not len(values) or (values.dtype.kind == "f" and np.isnan(values).all()):
            raise UserError(
                "this series is empty", where=place, hint="Leave it out, or give it values"
            )
        with np.errstate(over="ignore"):
            infinite = np.argwhere(np.isinf(values.astype(np.float32)))
        if len(infinite):
            step, channel = infinite[0]
            raise UserError(
                f"an infinite value, or one too large for 32 bits: {values[step, channel]} in step "
                f"{step} of channel {channel + 1}",
                where=place,
                hint="Leave it empty (NaN) if it is missing",
            )


def _check_channels(channels: Sequence[Channel], where: object) -> None:
    empty = [channel.name for channel in channels if np.isnan(channel.mean)]
    if empty:
        raise UserError(
            f"'{empty[0]}' has no value in the whole training part",
            where=where,
            hint="Leave it out",
        )


def _canonical(values: NDArray[Any]) -> Floats:
    """Return a series as float32 such that equal values are equal bytes, those missing too."""
    plain: Floats = values.astype(np.float32) + np.float32(0)  # -0.0 becomes 0.0
    plain[np.isnan(plain)] = np.nan
    return plain


def _picked(part: SeriesPart, chosen: Ints) -> SeriesPart:
    """Return some of the series, in this order, without labels and groups."""
    return SeriesPart(
        [part.series[row] for row in chosen],
        part.labels[:0],
        tuple(part.names[row] for row in chosen),
        times=None if part.times is None else [part.times[row] for row in chosen],
    )


def _lengths(part: SeriesPart) -> Ints:
    return np.array([len(values) for values in part.series], np.int64)


def _source(part: SeriesPart, shape: tuple[int, int], means: NDArray[np.float64]) -> Source:
    """Return series filled in and padded to one shape, (time, channels)."""
    n, times = len(part.series), part.times
    some = max(1, CHUNK_BYTES // (shape[0] * shape[1] * 4))

    def chunks() -> Iterator[Floats]:
        for first in range(0, n, some):
            padded = np.full((min(some, n - first), *shape), np.nan, np.float32)
            for row, values in enumerate(part.series[first : first + some], first):
                at = None if times is None else times[row]
                padded[row - first, : len(values)] = filled(values, means, at)
            yield padded

    return Source((n, *shape), chunks, np.float32)


def _notes(facts: SeriesFacts, parts: Mapping[str, SeriesPart], size: int) -> list[str]:
    """Return what is done to series, one sentence each."""
    notes = []
    lengths = np.concatenate([facts.train_lengths, facts.test_lengths])
    longest = int(lengths.max())
    if lengths.min() < longest:
        notes.append(
            f"series of {lengths.min()} to {longest} steps (median {np.median(lengths):.0f}), "
            f"shorter ones filled up with NaN"
        )
    if len(facts.test_lengths) and longest > (trained := int(facts.train_lengths.max())):
        notes.append(f"the longest series is in the test part, in training it has {trained} steps")
    if size > LARGE_BYTES:
        share = lengths.sum() / (len(lengths) * longest)
        notes.append(
            f"filled up, the series take {size / GIB:.1f} GiB, {share:.0%} of it values: fewer "
            "steps of the longest take less"
        )
    if facts.filled:
        total = int(lengths.sum()) * len(facts.channels)
        notes.append(
            f"{facts.filled} of {total} values are missing: filled in on a line between their "
            f"neighbours in time, at the ends with the nearest{_by_mean(parts)}"
        )
    if facts.constant:
        some = ", ".join(f"'{name}'" for name in facts.constant[:LISTED])
        more = f" and {len(facts.constant) - LISTED} more" * (len(facts.constant) > LISTED)
        are = "channel has" if len(facts.constant) == 1 else "channels have"
        notes.append(
            f"{len(facts.constant)} {are} one value throughout the training part: {some}{more}"
        )
    if uneven := sum(_uneven(part) for part in parts.values()):
        notes.append(
            f"the time between steps varies in {uneven} series: a network sees the order of values "
            "alone; give times as a channel as well if they matter"
        )
    return notes


def _by_mean(parts: Mapping[str, SeriesPart]) -> str:
    whole = sum(
        int(np.isnan(values).all(axis=0).sum()) for part in parts.values() for values in part.series
    )
    if not whole:
        return ""
    return f"; where a whole channel of a series is missing ({whole} times) with the training mean"


def _uneven(part: SeriesPart) -> int:
    """Return in how many series the time between steps varies by more than 1 %."""
    steps = [np.diff(times) for times in part.times or () if len(times) > 2]
    return sum(bool(np.ptp(step) > 0.01 * np.median(step)) for step in steps)
