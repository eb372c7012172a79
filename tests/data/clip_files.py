"""Clips as people save them: videos, animations and folders of frames, encoded for real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CODECS = {
    ".mp4": "libx264",
    ".avi": "ffv1",
    ".webm": "libvpx-vp9",
    ".mov": "libx264",
    ".mkv": "ffv1",
}
LOSSLESS = (".avi", ".mkv")


def moving(frames=6, seed=0, side=(12, 16), colour=False):
    """Return a bright square on its way, uint8 (frames, height, width, 3)."""
    rng = np.random.default_rng(seed)
    clip = np.full((frames, *side, 3), 20, np.uint8)
    top, step = rng.integers(0, side[0] - 4), rng.integers(1, 3)
    for i in range(frames):
        left = int(seed + i * step) % (side[1] - 4)
        clip[i, top : top + 4, left : left + 4] = (250, 40, 40) if colour else 220 + i
    return clip


def write_video(path, clip, rate=10, options=None):
    """Encode a clip in the usual way for the name of the file."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    lossless = path.suffix in LOSSLESS
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(CODECS[path.suffix], rate=rate)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        for pixels in clip:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def cut_video(path, start, options=None):
    """Let a video begin later without encoding it again: it keeps frames that are not shown."""
    import av

    whole = path.with_stem(f"{path.stem}-whole")
    path.rename(whole)
    with av.open(str(whole)) as source, av.open(str(path), "w", options=options or {}) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts -= round(start / packet.time_base)
                packet.dts -= round(start / packet.time_base)
                packet.stream = copy
                target.mux(packet)
    whole.unlink()


def write_sound(path):
    """Write a file with sound and no pictures."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)


def write_animation(path, clip, milliseconds=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [Image.fromarray(pixels) for pixels in clip]
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=others, duration=milliseconds, **lossless)


def write_frames(folder, clip, name="{:04d}.png", first=1):
    folder.mkdir(parents=True, exist_ok=True)
    for i, pixels in enumerate(clip):
        Image.fromarray(pixels).save(folder / name.format(first + i))


def write_clip(place: Path, form, clip):
    """Write a clip in one of the forms: `"frames"` or the ending of a file."""
    if form == "frames":
        write_frames(place, clip)
    elif form in CODECS:
        write_video(place.with_suffix(form), clip)
    else:
        write_animation(place.with_suffix(form), clip)


def write_folder(root, form, classes=("left", "right"), each=6, **how):
    """Write a folder per class with clips that all differ."""
    for label, name in enumerate(classes):
        for i in range(each):
            write_clip(root / name / f"w{i // 2}_{i}", form, moving(seed=100 * label + i, **how))
    return root
