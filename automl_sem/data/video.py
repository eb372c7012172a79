"""Video files, frame by frame, read with PyAV (https://pyav.org), which brings FFmpeg along."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.frames import EndsEarly, Frame
from automl_sem.data.pixels import Size, denied
from automl_sem.errors import UserError
from automl_sem.types import Bytes

USUAL_RATE = 25.0  # frames a second, where a file names none
LATE = 1.5  # frames: a video that ends by more before its time was cut off


def check_reader(video: Path) -> None:
    """Refuse videos where PyAV is missing.

    Args:
        video: One of them.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise UserError(
            "videos are read by the package av, which is not installed",
            where=video,
            hint="Install it with: pip install 'automl-sem[video]'",
        ) from None


def video_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a video, turned upright as the camera noted.

    Args:
        path: An MP4, AVI, WebM, MOV or MKV file.

    Raises:
        UserError: If it cannot be read, or has no pictures.
        EndsEarly: After the last frame that can be decoded, if more should follow.
    """
    check_reader(path)
    import av

    try:
        container = av.open(str(path), metadata_errors="replace")
    except PermissionError as error:
        denied(error)
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"cannot be read as a video: {_reason(path, error)}", where=path) from None
    with container:
        if not container.streams.video:
            raise UserError("there are no pictures in this file: no video stream", where=path)
        stream = container.streams.video[0]
        lasts = 1 / float(stream.average_rate or stream.guessed_rate or USUAL_RATE)
        count, end = 0, 0.0
        try:
            for frame in container.decode(stream):
                start = count * lasts if frame.time is None else frame.time
                own = frame.duration * frame.time_base if frame.duration else lasts
                end = start + float(own)
                yield Frame(start, end, partial(_upright, frame))
                count += 1
        except av.FFmpegError as error:
            if count:
                raise EndsEarly from error
            reason = _reason(path, error)
            raise UserError(f"cannot be read as a video: {reason}", where=path) from None
        if count and _breaks_off(stream, count, end + LATE * lasts):
            raise EndsEarly


def said_of_video(path: Path) -> tuple[int, Size, float] | None:
    """Return number and size of the frames, and seconds, by what the file says; None if nothing.

    Size is that before the video is turned upright. The number may be wrong: where the file has
    none, or counts frames that are not shown, it follows from the seconds.

    Args:
        path: A video.
    """
    import av

    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        start = float((stream.start_time or 0) * stream.time_base)
        seconds = _end(stream) - start if _end(stream) else (container.duration or 0) / av.time_base
        lasting = round(seconds * float(stream.average_rate or 0))
        count = min(filter(None, (stream.frames, lasting)), default=0)
        return (count, (stream.height, stream.width), seconds) if count else None


def _upright(frame: Any) -> Bytes:
    pixels: Bytes = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def _breaks_off(stream: Any, count: int, end: float) -> bool:
    """Return whether a file says both of more frames and of more time than there is.

    An MP4 file that was cut without being encoded again counts frames that are not shown.

    Args:
        stream: Of the file.
        count: Frames that were decoded.
        end: When the last of them ends at the latest, in seconds.
    """
    said = _end(stream)
    fewer, shorter = count < stream.frames, end < said
    if stream.frames and said:
        return fewer and shorter
    return fewer or shorter


def _end(stream: Any) -> float:
    """Return when a stream ends by what the file says, in seconds, 0 if it says nothing."""
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    hours, minutes, seconds = (["0"] * 3 + stream.metadata.get("DURATION", "").split(":"))[-3:]
    try:
        return 3600 * float(hours) + 60 * float(minutes) + float(seconds or 0)
    except ValueError:
        return 0.0


def _reason(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "the file is empty"
    return str(getattr(error, "strerror", None) or error).lower()
