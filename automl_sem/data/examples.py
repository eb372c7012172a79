"""Hold decoded examples in memory, or in the cache where they would take too much of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from automl_sem.data.cache import GIB, Entry, ExampleCache, write_npy
from automl_sem.environment import memory_limit
from automl_sem.errors import UserError

# Examples that take more are kept on disk: workers and devices need copies of their own.
SHARE_OF_MEMORY = 0.25
STREAMED_BYTES = 2**28  # a trainer that holds more, and twice while it loads, is too large itself


@dataclass(frozen=True)
class Source:
    """Examples that can be decoded.

    Args:
        shape: Shape of all of them, such as (n, height, width, channels).
        chunks: Decodes them and yields some at a time, in order, (some, ...).
        dtype: Type of their values.
    """

    shape: tuple[int, ...]
    chunks: Callable[[], Iterable[NDArray[Any]]]
    dtype: DTypeLike = np.uint8

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def hold(
    sources: Mapping[str, Source], key: str, entry: Entry | None, facts: Any, *, keep: bool = False
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return arrays by name, and notes: what is too large for memory is memory-mapped.

    Args:
        sources: What to decode, by name, such as `"x_train"`.
        key: Name that its cache entry gets.
        entry: Its cache entry, if there is one already: then nothing is decoded.
        facts: What to keep beside it.
        keep: Keep small ones in the cache as well, since decoding them takes long; they are
            memory-mapped too, so that this process does not hold what its workers hold.

    Raises:
        UserError: If the cache or the disk has no room for it.
    """
    size = sum(source.nbytes for source in sources.values())
    small = not too_large(size)
    if small and entry is None and not keep:
        return {name: in_memory(source) for name, source in sources.items()}, []

    def write(folder: Path) -> Any:
        for name, source in sources.items():
            write_npy(folder / f"{name}.npy", source.shape, source.chunks(), source.dtype)
        return facts

    if entry is None:
        try:
            entry = ExampleCache().make(key, size, write)
        except UserError:
            if not small:
                raise
            return {name: in_memory(source) for name, source in sources.items()}, []
    if small and not keep:
        return {name: entry.read(name) for name in sources}, []
    notes = [] if small else [f"examples: {size / GIB:.1f} GiB, kept in {entry.path}"]
    return {name: entry.open(name) for name in sources}, notes


def too_large(size: int) -> bool:
    """Whether so many bytes are too many to be held in memory."""
    return size > SHARE_OF_MEMORY * memory_limit()


def stays_on_disk(x: NDArray[Any]) -> bool:
    """Whether examples are to be read as they are needed: memory-mapped ones that are not small."""
    return isinstance(x, np.memmap) and (x.nbytes > STREAMED_BYTES or too_large(x.nbytes))


def in_memory(source: Source) -> NDArray[Any]:
    """Decode examples."""
    examples = np.empty(source.shape, source.dtype)
    row = 0
    for chunk in source.chunks():
        examples[row : row + len(chunk)] = chunk
        row += len(chunk)
    return examples
