"""Which frames are taken of a clip."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from automl_sem.data.folders import Look
from automl_sem.data.frames import frame_files, is_video
from automl_sem.data.pixels import Size
from automl_sem.data.video import said_of_video

FRAMES = 16  # of a clip, unless --frames says otherwise
CLOCK = 0.002  # seconds: some formats round times to 0.001, and a moment may lie between frames


@dataclass
class Wanted:
    """Frames that are wanted of a clip, in order; it counts off those that were met.

    Args:
        numbers: Their numbers, from 0, or
        moments: seconds from its beginning at which they are shown.
    """

    numbers: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    @classmethod
    def evenly(cls, length: int, frames: int) -> Wanted:
        """Return frames from the first to the last; some are repeated if there are too few.

        Args:
            length: How many.
            frames: Of how many.
        """
        return cls(numbers=np.linspace(0, frames - 1, length).round().astype(int).tolist())

    @property
    def left(self) -> int:
        """How many were not met yet."""
        return len(self.numbers) + len(self.moments)

    def times(self, number: int, end: float | None) -> int:
        """Return how often a frame is wanted.

        Args:
            number: Its number, from 0; those before were asked for already.
            end: Until when it is shown, in seconds from the beginning; None without moments.
        """
        before = self.left
        while self.numbers and self.numbers[0] <= number:
            self.numbers.pop(0)
        while self.moments and end is not None and self.moments[0] < end + CLOCK:
            self.moments.pop(0)
        return before - self.left

    def picked(self, ends: Sequence[float | None]) -> list[int]:
        """Return the numbers of the frames that are taken of a whole clip, the last one held.

        Args:
            ends: Until when each frame is shown, as for `times`.
        """
        numbers = [n for n, end in enumerate(ends) for _ in range(self.times(n, end))]
        return numbers + [len(ends) - 1] * self.left


@dataclass(frozen=True)
class Sampling:
    """Which frames a person wants.

    Args:
        frames: How many of each clip; None for 16, or as many as most clips have.
        rate: How many of a second, from the middle of a clip; None for all of it, evenly.
    """

    frames: int | None = None
    rate: float | None = None

    def length(self, frames: Sequence[int], seconds: Sequence[float]) -> int:
        """Return how many frames are taken of each clip.

        Args:
            frames: How many there are of each.
            seconds: How long each lasts; not needed without a rate.
        """
        if self.frames is not None:
            return self.frames
        usual = np.median(frames) if self.rate is None else np.median(seconds) * self.rate
        return max(2, min(FRAMES, int(usual)))

    def wanted(self, length: int, frames: int, seconds: float) -> Wanted:
        """Return the frames that are taken of a clip.

        Args:
            length: How many.
            frames: How many there are.
            seconds: How long it lasts.
        """
        if self.rate is None:
            return Wanted.evenly(length, frames)
        begin = max(0.0, (seconds - length / self.rate) / 2)
        return Wanted(moments=[begin + (i + 0.5) / self.rate for i in range(length)])

    def note(self, length: int, looks: Sequence[Look]) -> str:
        """Return which frames are taken, in a sentence.

        Args:
            length: How many of each clip.
            looks: What all clips showed.
        """
        if self.rate is None:
            how = f"{length} frames of each clip, evenly from its first to its last"
            short = sum(look.frames < length for look in looks)
            then = "repeated in shorter ones"
        else:
            how = f"{length} frames of each clip, {self.rate:g} a second, from its middle"
            short = sum(look.seconds < (length - 0.5) / self.rate for look in looks)
            then = "the last one held in shorter ones"
        return f"{how}; {then} ({short} of {len(looks)})" if short else how


class Probe(NamedTuple):
    """What a clip says of itself.

    Args:
        frames: How many it has, or may have by its length.
        size: Their height and width.
        seconds: How long it lasts, 0 if it does not say so.
    """

    frames: int
    size: Size
    seconds: float = 0.0


def probe(path: Path) -> Probe | None:
    """Return what a clip says of itself without being decoded, None if that is nothing.

    Args:
        path: A folder of frames, an animation or a video.
    """
    from PIL import Image

    with contextlib.suppress(Exception):  # looking into it will say what is wrong
        if is_video(path):
            return Probe(*seen) if (seen := said_of_video(path)) else None
        files = frame_files(path) if path.is_dir() else []
        with Image.open(files[0] if files else path) as image:
            frames = len(files) or getattr(image, "n_frames", 1)
            return Probe(frames, (image.height, image.width))
    return None
