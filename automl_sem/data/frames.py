"""The frames of a clip, one after another: of a folder of images, an animation or a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from automl_sem.data.folders import is_image, natural, visible
from automl_sem.data.pixels import denied, on_white, open_rgb
from automl_sem.errors import UserError, one_line
from automl_sem.types import Bytes

VIDEOS = (".mp4", ".m4v", ".avi", ".webm", ".mov", ".mkv")
ANIMATIONS = (".gif", ".webp", ".png", ".apng")
KNOWN_CLIPS = "video (MP4, AVI, WebM, MOV, MKV), animation (GIF, WebP, APNG) or folder of frames"
_ANIMATION_FORMATS = ("GIF", "WEBP", "PNG")


@dataclass(frozen=True)
class Frame:
    """One frame of a clip.

    Args:
        start: When it is shown, in seconds; None if nothing says so.
        end: Until when.
        pixels: Returns it as uint8 (height, width, 3).
    """

    start: float | None
    end: float | None
    pixels: Callable[[], Bytes]


class EndsEarly(Exception):
    """A clip breaks off after some of its frames."""


def is_video(path: Path) -> bool:
    """Return whether a file is named like a video."""
    return path.suffix.lower() in VIDEOS


def animated(path: Path) -> bool | None:
    """Return whether an image file holds several frames; None if it cannot be read."""
    from PIL import Image

    if path.suffix.lower() not in ANIMATIONS:
        return False
    try:
        with Image.open(path, formats=_ANIMATION_FORMATS) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # decoders of broken files raise errors of many kinds
        return None


def frame_files(folder: Path) -> list[Path]:
    """Return the frames of a folder in order, 2 before 10."""
    return sorted((path for path in visible(folder) if is_image(path)), key=natural)


def frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a clip in order; only one is in memory at a time.

    Args:
        path: A folder of frames, an animation or a video.

    Raises:
        UserError: If it is none, or cannot be read.
        EndsEarly: After its last frame, if it breaks off there.
    """
    if path.is_dir():
        return _of_folder(path)
    if is_video(path):
        from automl_sem.data.video import video_frames

        return video_frames(path)
    return _of_animation(path)


def _of_folder(folder: Path) -> Iterator[Frame]:
    for path in frame_files(folder):
        yield Frame(None, None, partial(_read, path))


def _read(path: Path) -> Bytes:
    pixels: Bytes = np.asarray(open_rgb(path), np.uint8)
    return pixels


def _same(pixels: Bytes) -> Bytes:
    return pixels


def _of_animation(path: Path) -> Iterator[Frame]:
    from PIL import Image, ImageSequence

    shown = 0.0
    count = 0
    try:
        with Image.open(path, formats=_ANIMATION_FORMATS) as image:
            for frame in ImageSequence.Iterator(image):
                pixels: Bytes = np.asarray(on_white(frame), np.uint8)
                lasts = float(frame.info.get("duration") or 0) / 1000
                start, end = (shown, shown + lasts) if lasts else (None, None)
                yield Frame(start, end, partial(_same, pixels))
                shown += lasts
                count += 1
    except PermissionError as error:
        denied(error)
    except GeneratorExit:
        raise
    except Exception as error:  # decoders of broken files raise errors of many kinds
        if count:
            raise EndsEarly from error
        raise UserError(f"cannot be read as an animation: {one_line(error)}", where=path) from None
