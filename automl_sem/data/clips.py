"""Clips: a folder per class that holds videos, animations, or folders of frames.

DIR/CLASS/CLIP/0001.png  DIR/CLASS/clip.gif  DIR/CLASS/clip.mp4     a test part is split off
DIR/train/CLASS/...      DIR/test/CLASS/...         `val` or `validation` joins the training part

Every clip becomes the same number of frames of the same size. It is decoded frame by frame, once
as a rule: the first time that a dataset is loaded, into the cache of examples.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from automl_sem.data.clip_folders import find_clips
from automl_sem.data.copies import digest
from automl_sem.data.dataset import Dataset
from automl_sem.data.folders import ImageFile, Look, name_of
from automl_sem.data.frames import EndsEarly, frame_files, frames, is_video
from automl_sem.data.from_files import Plan, from_files, usual_size
from automl_sem.data.groups import group_by_name
from automl_sem.data.images import GREY_TOLERANCE
from automl_sem.data.picks import Picks
from automl_sem.data.pixels import Size, border, saved_in_colour
from automl_sem.data.sampling import Sampling, Wanted, probe
from automl_sem.data.spool import Spool
from automl_sem.data.video import check_reader
from automl_sem.errors import UserError
from automl_sem.types import Bytes

LOSSY_TOLERANCE = 8  # of 255: what compression makes of the colours of a grey video


def load_clips(
    source: Path,
    *,
    frames: int | None = None,
    rate: float | None = None,
    image_size: int | None = None,
    pad: bool = False,
    groups: str | None = None,
    skip_bad: bool = False,
    kind: str | None = None,
    note: str = "",
    task: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the clips of a folder, each with as many frames of one size, grey if all are.

    Args:
        source: A folder that holds a folder per class, or `train` and `test` with these.
        frames: Frames to take of each clip; None for 16, or as many as most training clips have.
        rate: Frames to take in a second, from the middle of a clip; None to take them evenly
            from the first to the last.
        image_size: Height and width of all frames; None for a size that suits them.
        pad: Keep the shape of frames: fill them up with the background, do not stretch them.
        groups: A regular expression on the names of clips whose first group is the group.
        skip_bad: Leave clips out that cannot be read.
        kind: What a person said that the folder holds.
        note: Why it is taken for clips.
        task: What is to be learnt; None for classes.
        seed: Seed of the choice of a test part, where there is none.

    Raises:
        UserError: If the folder or a clip cannot be used.
    """
    found = find_clips(source)
    videos = (file.path for file in found if is_video(file.path))
    if video := next(videos, None):
        check_reader(video)
    if groups is not None:
        found = group_by_name(found, groups)
    return from_files(
        found,
        source,
        Clips(found.root, Sampling(frames, rate), note),
        image_size=image_size,
        pad=pad,
        groups=groups,
        skip_bad=skip_bad,
        task=task,
        seed=seed,
        own={"kind": kind, "frames": frames, "rate": rate},
    )


def read_clip(
    path: Path, sampling: Sampling, length: int, size: Size, channels: int, fill: int | None
) -> Bytes:
    """Return a clip as training would read it, uint8 (frames, height, width, channels).

    Args:
        path: A folder of frames, an animation or a video.
        sampling: Which frames are taken.
        length: How many.
        size: Height and width that they get.
        channels: 1 for grey, 3 for RGB.
        fill: Value 0..255 that fills up frames of another shape; None stretches them.

    Raises:
        UserError: If it cannot be read.
    """
    clips = Clips(path.parent, sampling)
    clips.expect_only(length, size, channels, fill)
    seen = clips.look(path)
    if sampling.rate is not None:
        _check_times(path, seen, "The model was trained on videos or animations that say so")
    return clips.read(path, seen, length, size, channels, fill)


class Clips:
    """Reads clips.

    Frames that are met while a clip is looked into are spooled, if they are likely to be those
    that will be wanted in the end: then it is not decoded again.

    Args:
        root: The folder that names of clips are relative to.
        sampling: Which frames a person wants.
        note: Why these are clips, to be said aloud.
    """

    kind = "clips"
    one = "clip"
    keep = True

    def __init__(self, root: Path, sampling: Sampling, note: str = "") -> None:
        self._root = root
        self._sampling = sampling
        self._note = note
        self._spool = Spool()
        self._length: int | None = None  # frames that are likely to be wanted
        self._size: Size | None = None
        self._pad = False
        self._channels: tuple[int, ...] = (1, 3)
        self._fill: int | None = None

    def files(self, path: Path) -> list[Path]:
        """Return the files that a clip comes from."""
        return [path, *frame_files(path)] if path.is_dir() else [path]

    def expect(self, train: Sequence[ImageFile], image_size: int | None, pad: bool) -> None:
        """Guess length and size of all clips from what their files say of themselves."""
        timed = self._sampling.rate is not None
        probes = [seen for file in train if (seen := probe(file.path)) is not None]
        probes = [seen for seen in probes if seen.seconds or not timed]
        if probes:
            self._length = self._sampling.length(
                [seen.frames for seen in probes], [seen.seconds for seen in probes]
            )
            self._size = usual_size([seen.size for seen in probes], image_size)
            self._pad = pad

    def expect_only(self, length: int, size: Size, channels: int, fill: int | None) -> None:
        """Take it as known what becomes of all clips, as for `read_clip`."""
        self._length, self._size = length, size
        self._channels, self._fill = (channels,), fill

    def look(self, path: Path) -> Look:
        """Decode a clip and return what it shows."""
        picks = self._picks(path)
        digests: list[str] = []
        ends: list[float | None] = []
        size: Size | None = None
        grey, edge, whole = True, 0, True
        first = None
        tolerance = LOSSY_TOLERANCE if is_video(path) else GREY_TOLERANCE
        try:
            for number, frame in enumerate(frames(path)):
                pixels = frame.pixels()
                if size is None:
                    size, first = (pixels.shape[0], pixels.shape[1]), frame.start
                    edge = int(border(pixels[None])[0])
                if pixels.shape[:2] != size:
                    raise UserError(
                        f"its frames differ in size: {size[0]}x{size[1]} and "
                        f"{pixels.shape[0]}x{pixels.shape[1]}",
                        where=path,
                    )
                grey = grey and int(np.ptp(pixels, axis=-1).max()) <= tolerance
                ends.append(_since(first, frame.end))
                digests.append(digest(pixels))
                if picks is not None:
                    if not grey and len(self._channels) > 1:
                        picks.drop(1)
                    picks.meet(number, ends[-1], partial(np.asarray, pixels))
        except EndsEarly:
            whole = False
        if size is None or len(digests) < 2:
            raise _too_short(path, len(digests))
        if picks is not None:
            picks.fill_up(number, frame.pixels)
            self._keep(path, picks, size, ends)
        return Look(
            size[0],
            size[1],
            grey,
            _coloured(path),
            edge,
            digest(np.frombuffer("".join(digests).encode(), np.uint8)),
            len(digests),
            ends[-1] or 0.0,
            whole,
        )

    def _picks(self, path: Path) -> Picks | None:
        """Return what picks the frames that are likely to be wanted; None if nobody can tell."""
        seen = None if self._length is None else probe(path)
        if seen is None or self._length is None or self._size is None:
            return None
        if self._sampling.rate is not None and not seen.seconds:
            return None
        if self._pad and seen.size != self._size:
            return None  # what fills it up is known when all were looked into
        wanted = self._sampling.wanted(self._length, seen.frames, seen.seconds)
        return Picks(wanted, self._size, self._channels, self._fill)

    def _keep(self, path: Path, picks: Picks, size: Size, ends: Sequence[float | None]) -> None:
        """Spool the frames that were picked, if they are those wanted of a clip of this length."""
        assert self._length is not None
        wanted = self._sampling.wanted(self._length, len(ends), ends[-1] or 0.0)
        if picks.numbers == wanted.picked(ends) and not (self._pad and size != self._size):
            for clip in picks.clips().values():
                self._spool.put(path, clip)

    def plan(self, train: Sequence[ImageFile], test: Sequence[ImageFile]) -> Plan:
        """Return which frames are taken of each clip, by the training part alone."""
        for file in (*train, *test) if self._sampling.rate is not None else ():
            _check_times(file.path, file.seen, "Leave --rate out: frames are taken evenly")
        seen = [file.seen for file in train]
        length = self._sampling.length(
            [look.frames for look in seen], [look.seconds for look in seen]
        )

        def read(file: ImageFile, size: Size, channels: int, fill: int | None) -> Bytes:
            return self.read(file.path, file.seen, length, size, channels, fill)

        looks = [file.seen for file in (*train, *test)]
        notes = [self._note, self._sampling.note(length, looks)]
        cut = [name_of(file.path, self._root) for file in (*train, *test) if not file.seen.whole]
        if cut:
            ends = "clip ends early and is" if len(cut) == 1 else "clips end early and are"
            notes.append(f"{len(cut)} {ends} used as far as it goes, such as {cut[0]}")
        return Plan((length,), read, tuple(filter(None, notes)))

    def read(
        self, path: Path, seen: Look, length: int, size: Size, channels: int, fill: int | None
    ) -> Bytes:
        """Return a clip that was looked into, uint8 (frames, height, width, channels).

        Args:
            path: The clip.
            seen: What it showed.
            length: How many frames are taken.
            size: Height and width that they get.
            channels: 1 for grey, 3 for RGB.
            fill: Value 0..255 that fills up frames of another shape; None stretches them.
        """
        kept = self._spool.get(path, (length, *size, channels))
        if kept is not None:
            return kept
        wanted = self._sampling.wanted(length, seen.frames, seen.seconds)
        return _decode(path, wanted, size, channels, fill)


def _check_times(path: Path, seen: Look, hint: str) -> None:
    if not seen.seconds:
        what = "nothing says when its frames are shown, which a rate needs"
        raise UserError(what, where=path, hint=hint)


def _decode(path: Path, wanted: Wanted, size: Size, channels: int, fill: int | None) -> Bytes:
    """Return the wanted frames of a clip, uint8 (frames, height, width, channels)."""
    picks = Picks(wanted, size, (channels,), fill)
    first, frame = None, None
    with contextlib.suppress(EndsEarly):
        for number, frame in enumerate(frames(path)):
            first = frame.start if first is None else first
            picks.meet(number, _since(first, frame.end), frame.pixels)
            if not picks.left:
                break
    if frame is None:
        raise UserError("it changed while it was read", where=path)
    picks.fill_up(number, frame.pixels)
    return picks.clips()[channels]


def _since(first: float | None, end: float | None) -> float | None:
    """Return when a frame ends, in seconds from the beginning of its clip."""
    return None if first is None or end is None else end - first


def _coloured(path: Path) -> bool:
    """Return whether a clip was saved with room for colours, which all videos have."""
    if is_video(path):
        return True
    return saved_in_colour(frame_files(path)[0] if path.is_dir() else path)


def _too_short(path: Path, count: int) -> UserError:
    if count:
        what, hint = "a clip of one frame, which shows no motion", "A clip needs at least 2"
        return UserError(what, where=path, hint=f"{hint}; --kind images is for single images")
    empty = "this clip folder holds no frames" if path.is_dir() else "no frame can be read"
    return UserError(empty, where=path)
