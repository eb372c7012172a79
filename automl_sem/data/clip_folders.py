"""Find the clips of a folder, and tell whether a folder holds clips or images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from automl_sem.data.alike import compare
from automl_sem.data.folders import (
    Content,
    Found,
    find_examples,
    folders_in,
    is_image,
    name_of,
    parts_of,
    visible,
)
from automl_sem.data.frames import (
    ANIMATIONS,
    KNOWN_CLIPS,
    animated,
    frame_files,
    is_video,
)
from automl_sem.data.pixels import FORMATS
from automl_sem.errors import UserError

RULE = (
    "everything in the class folders is a video, an animation, or a folder of frames of one size "
    "that are numbered from 0 or 1 without a gap"
)
MOVING = (".gif", ".webp", ".apng")  # files that are clips of one frame if they do not move
HARDLY = 0.1  # share of clips, among them and such files, below which a folder holds images
MANY = 200  # that do not move before the first clip, or are none, settle it: looking takes long
FEW = 0.1  # share of other folders, among clips, up to which these are clips with a mistake
_FRAMES = "Put the frames of each clip into a folder of its own, DIR/CLASS/CLIP/0001.png"


def find_clips(folder: Path) -> Found:
    """Return the clips of a folder, in order, without looking into them.

    Args:
        folder: Holds a folder per class, or `train` and `test` with these.

    Raises:
        UserError: If it is not arranged like that, or images lie among the clips.
    """
    content = Content("clips", KNOWN_CLIPS, "DIR/CLASS/clip.mp4", _may_be_clip, _clips)
    return find_examples(folder, content)


def holds_clips(folder: Path) -> tuple[bool, str]:
    """Return whether a folder holds clips, and a note that says why; empty if nobody would ask.

    It does if everything in its class folders is a clip, as `RULE` says. A GIF or WebP of one frame
    is a bad clip among clips, and an image where there are hardly any. Folders of numbered images
    alone may also hold the drawings of a person each, so that some are looked into: frames that
    follow one another are alike.

    Args:
        folder: As for `find_clips`.

    Raises:
        UserError: If a few folders are no clips and all others are: as images, the frames of a
            clip would be torn apart by every split.
    """
    clips, files, videos = 0, False, False
    still: list[Path] = []
    odd: list[Path] = []
    folders: dict[Path, list[list[Path]]] = {}  # of each class, with their images
    for inner, path, clip in _told(folder):
        if clip is False and _may_move(path) and not path.is_dir():
            still.append(path)
            if len(still) == MANY and not clips:
                break
            continue
        if clip is False:
            odd.append(path)
            if len(odd) == MANY or not path.is_dir():
                break
            continue
        clips += clip is True
        files |= not path.is_dir()
        videos |= is_video(path)
        if clip and path.is_dir():
            folders.setdefault(inner, []).append(frame_files(path))
    if not clips:
        return False, ""
    if odd and (not odd[-1].is_dir() or len(odd) > FEW * (clips + len(odd))):
        return False, (
            f"read as images: {name_of(odd[-1], folder)} is no clip, and a folder of clips is one "
            f"where {RULE}; --kind clips says that it is one"
        )
    if clips < HARDLY * (clips + len(still)):
        return False, (
            f"read as images: of {clips + len(still)} files hardly any moves, "
            f"{name_of(still[0], folder)} does not; --kind clips says that these are clips"
        )
    otherwise = "" if videos else "; --kind images reads each file as an image"
    found = None if files else compare(list(folders.values()))
    if files or (found is not None and found.frames):
        if odd:
            raise UserError(
                f"this is no clip, though {clips} others are: its frames must be of one size and "
                "numbered from 0 or 1 without a gap",
                where=name_of(odd[0], folder),
                hint="Mend it or take it away, or say what all of them are with --kind clips or "
                "--kind images",
            )
        alike = "" if found is None else f", and {found.reason}"
        return True, f"read as clips: {RULE}{alike}{otherwise}"
    why = "no class has two such folders" if found is None else found.reason
    return False, (
        f"read as images, each file as one, though {RULE}: {why}; --kind clips reads each folder "
        "as a clip. Images that belong together are best kept on one side of every split, with "
        "--groups"
    )


def _told(folder: Path) -> Iterator[tuple[Path, Path, bool | None]]:
    """Yield each class folder with what is in it, and whether that is a clip, None if it may be."""
    try:
        parts = parts_of(folder, _may_be_clip)
    except UserError:
        return
    for part in parts or [folder]:
        for inner in folders_in(part):
            yield from ((inner, path, clip) for path, clip in _told_in(inner))


def _told_in(folder: Path) -> Iterator[tuple[Path, bool | None]]:
    for path in visible(folder):
        if path.is_dir():
            files = frame_files(path)
            if not files or any(map(_moving, files)):
                yield from _told_in(path)
            elif any(inner.is_dir() or is_video(inner) for inner in visible(path)):
                yield path, False
            else:
                yield path, _numbered(files)
        elif is_video(path):
            yield path, True
        elif _may_be_clip(path):
            yield path, animated(path)


def _numbered(files: list[Path]) -> bool | None:
    """Return whether these are the frames of a clip; None for a single one, which may be.

    Of the sizes those of the first and the last are compared: looking into all takes long.
    """
    names = [re.fullmatch(r"(.*?)([0-9]+)(\D*)", file.name.lower()) for file in files]
    matches = [name for name in names if name]
    if len(matches) < len(files) or len({(m.group(1), m.group(3)) for m in matches}) > 1:
        return False
    numbers = [int(match.group(2)) for match in matches]
    if numbers[0] not in (0, 1) or numbers != list(range(numbers[0], numbers[0] + len(files))):
        return False
    if len(files) == 1:
        return None
    sizes = [_size(files[0]), _size(files[-1])]
    return None if None in sizes else sizes[0] == sizes[1]


def _size(path: Path) -> tuple[int, int] | None:
    """Return width and height of an image, None if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            return int(image.width), int(image.height)
    except Exception:  # decoders of broken files raise errors of many kinds
        return None


def clips_in(path: Path) -> list[Path]:
    """Return the clips that a file or folder stands for, whatever their classes.

    Args:
        path: A video, an animation, a folder of frames, or a folder that holds such.

    Raises:
        UserError: If it is none, or holds none.
    """
    if path.is_dir():
        found, _ = _clips_of_folder(path)
        if not found or (found == [path] and not frame_files(path)):
            raise UserError("no clips in this folder", where=path)
        return found
    if not is_video(path) and animated(path) is False:
        what = "a single image" if is_image(path) else "no video or animation"
        raise UserError(f"this is {what}, but the model was trained on clips", where=path)
    return [path]


def _clips(folder: Path) -> tuple[list[Path], int]:
    """Return the clips of a class folder, and the number of other files."""
    clips, other = [], 0
    for path in visible(folder):
        if path.is_dir():
            inner, more = _clips_of_folder(path)
            clips += inner
            other += more
        elif is_video(path) or _may_move(path) or animated(path) is not False:
            clips.append(path)
        elif is_image(path):
            raise UserError("a single image lies among the clips", where=path, hint=_FRAMES)
        else:
            other += 1
    return clips, other


def _clips_of_folder(folder: Path) -> tuple[list[Path], int]:
    """Return the clips of a folder within a class folder: it may be one itself."""
    inside = visible(folder)
    images = frame_files(folder)
    moving = any(map(_moving, images))
    still = [path for path in images if not (moving and _may_move(path))]
    if not still and any(path.is_dir() or _may_be_clip(path) for path in inside):
        return _clips(folder)
    clips = [path for path in inside if path.is_dir() or is_video(path) or _moving(path)]
    if clips:
        raise UserError(
            f"single images lie beside '{clips[0].name}' in this folder", where=folder, hint=_FRAMES
        )
    return [folder], len(inside) - len(still)


def _may_be_clip(path: Path) -> bool:
    return not path.is_dir() and (
        is_image(path) or is_video(path) or path.suffix.lower() in ANIMATIONS
    )


def _may_move(path: Path) -> bool:
    """Return whether a file is a clip even if it has one frame: a PNG is none then."""
    return path.suffix.lower() in MOVING


def _moving(path: Path) -> bool:
    """Return whether a file in a folder of frames is an animation: these are no PNG there."""
    return _may_move(path) and bool(animated(path))
