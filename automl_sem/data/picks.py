"""The frames that are taken of a clip, brought to their final size some at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from automl_sem.data.pixels import Size, resize
from automl_sem.data.sampling import Wanted
from automl_sem.types import Bytes

RESIZED_AT_ONCE = 2**25  # bytes of frames as they were saved


class Picks:
    """Picks frames while a clip is decoded; few are in memory as they were saved.

    Args:
        wanted: Which frames.
        size: Height and width that they get.
        channels: Numbers of channels that they get, 1 or 3 or both: it makes a clip of each.
        fill: Value 0..255 that fills up frames of another shape; None stretches them.
    """

    def __init__(
        self, wanted: Wanted, size: Size, channels: Sequence[int], fill: int | None
    ) -> None:
        self._wanted = wanted
        self._size = size
        self._fill = fill
        self._batches: dict[int, list[Bytes]] = {number: [] for number in channels}
        self._parts: dict[int, list[Bytes]] = {number: [] for number in channels}
        self.numbers: list[int] = []  # of the frames that were picked

    @property
    def left(self) -> int:
        """How many frames were not met yet."""
        return self._wanted.left

    def meet(self, number: int, end: float | None, pixels: Callable[[], Bytes]) -> None:
        """Take a frame as often as it is wanted.

        Args:
            number: Its number, from 0; those before were met already.
            end: Until when it is shown, in seconds from the beginning; None if nothing says so.
            pixels: Returns it as uint8 (height, width, 3); called only if it is wanted.
        """
        self._take(number, pixels, self._wanted.times(number, end))

    def fill_up(self, number: int, pixels: Callable[[], Bytes]) -> None:
        """Take the last frame of the clip in place of those that never came."""
        self._take(number, pixels, self.left)

    def drop(self, channels: int) -> None:
        """Make no clip of so many channels after all."""
        self._batches.pop(channels, None)
        self._parts.pop(channels, None)

    def clips(self) -> dict[int, Bytes]:
        """Return uint8 (frames, height, width, channels) by its number of channels."""
        for channels in self._batches:
            self._resize(channels)
        return {channels: np.concatenate(parts) for channels, parts in self._parts.items()}

    def _take(self, number: int, pixels: Callable[[], Bytes], times: int) -> None:
        if not times:
            return
        self.numbers += [number] * times
        coloured = pixels()
        for channels, batch in self._batches.items():
            frame = _grey(coloured) if channels == 1 else coloured
            for _ in range(times):
                batch.append(frame)
                if len(batch) * coloured.nbytes > RESIZED_AT_ONCE:
                    self._resize(channels)

    def _resize(self, channels: int) -> None:
        batch = self._batches[channels]
        if batch:
            self._parts[channels].append(resize(np.stack(batch), self._size, self._fill))
            batch.clear()


def _grey(pixels: Bytes) -> Bytes:
    """Return a frame in one channel, as images are brought there."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
