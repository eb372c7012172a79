"""2,000 clips of 32 frames of 64x64 pixels are loaded and searched within 2 GiB of memory.

    python benchmarks/clips_memory.py [--quick] [--write] [--only grey|colour] [--steps load|search]
                                      [--format gif|mp4]

The clips, a disc that crosses a shaded ground in one of four directions, are written as animated
GIFs or as MP4 (which needs the extra `video`). Then, each in a fresh process: `automl-sem data`,
which decodes them into an empty cache; the same again, from the cache; and `automl-sem search` with
two trials, two folds and one epoch in one worker. Memory of the whole process tree is sampled.

Goal: no more than 2 GiB resident at any moment, pages that processes share counted once. The sum
over the processes, in which they count for each, is told beside. Needs Linux.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from measure import MIB, Measured, arguments, goal, publish, run_measured, table

CLIPS, FRAMES, SIDE = 2000, 32, 64
QUICK = 40  # clips
GOAL_MIB = 2048
DIRECTIONS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
COLOURS = ("grey", "colour")
SEARCH = "search, 2 trials"


@dataclass(frozen=True)
class Step:
    """What one command took.

    Args:
        clips: `grey` or `colour`.
        command: For people.
        seconds: Wall clock.
        once_mib: Most memory at a time, what processes share counted once, MiB.
        sum_mib: Most memory at a time, summed over the processes, MiB.
        processes: How many there were at most.
    """

    clips: str
    command: str
    seconds: float
    once_mib: float
    sum_mib: float
    processes: int

    @classmethod
    def of(cls, clips: str, command: str, measured: Measured) -> Step:
        """Return what a measured command took."""
        processes = max((sample.processes for sample in measured.samples), default=0)
        once, added = measured.peak_once / MIB, measured.peak / MIB
        return cls(clips, command, measured.seconds, once, added, processes)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=COLOURS, help="default: both")
    parser.add_argument("--steps", choices=("load", "search"), help="default: both")
    parser.add_argument("--format", choices=("gif", "mp4"), default="gif", help="default gif")
    options = parser.parse_args()
    count = QUICK if options.quick else CLIPS
    steps = []
    with tempfile.TemporaryDirectory() as scratch:
        # Neither what the person has decoded before nor what is decoded here is to be kept.
        os.environ["XDG_CACHE_HOME"] = str(Path(scratch) / "cache")
        for colour in COLOURS if options.only is None else (options.only,):
            print(f"writing {count} clips, {colour}", file=sys.stderr, flush=True)
            folder = write_clips(Path(scratch) / colour, count, colour, options.format)
            steps += measure(folder, colour, options.steps)
    text = describe(steps, count, options.format)
    variant = "" if options.format == "gif" else options.format
    publish(text, {"steps": [asdict(step) for step in steps]}, options, variant)


def write_clips(folder: Path, count: int, colour: str, form: str) -> Path:
    """Write clips as folder/DIRECTION/NNNN.FORM; return the folder."""
    rng = np.random.default_rng(0)
    write = {"gif": write_gif, "mp4": write_mp4}[form]
    for number in range(count):
        name = list(DIRECTIONS)[number % len(DIRECTIONS)]
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        write(place / f"{number:04d}.{form}", draw(DIRECTIONS[name], colour == "colour", rng))
    return folder


def draw(direction: tuple[int, int], colour: bool, rng: np.random.Generator) -> np.ndarray:
    """Return a clip: a disc that moves by a pixel or two a frame over a shaded ground.

    Args:
        direction: Down and right, of a frame.
        colour: Whether disc and ground have one.
        rng: Where chance comes from.

    Returns:
        uint8, (frames, height, width, 3), or without the last axis if it is grey.
    """
    speed, radius = rng.integers(1, 3), rng.uniform(4, 12)
    at = rng.uniform(0, SIDE, 2) + speed * np.arange(FRAMES)[:, None] * np.array(direction)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = [
        np.abs((grid - start[:, None, None] + SIDE / 2) % SIDE - SIDE / 2)
        for grid, start in zip((rows, columns), at.T, strict=True)
    ]
    disc = np.hypot(*away) < radius  # (frames, height, width)
    ground = rng.uniform(120, 180) + rng.uniform(0, 75) * columns / SIDE
    grey = np.where(disc, rng.uniform(0, 80), ground)
    if not colour:
        return grey.astype(np.uint8)
    return (grey[..., None] * rng.uniform(0.3, 1.0, 3)).astype(np.uint8)


def write_gif(path: Path, clip: np.ndarray) -> None:
    """Write a clip as an animated GIF, 25 frames a second."""
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in clip]
    first.save(path, save_all=True, append_images=others, duration=40, loop=0)


def write_mp4(path: Path, clip: np.ndarray) -> None:
    """Write a clip as an MP4 with H.264, 25 frames a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in clip:
            pixels = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=-1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def measure(folder: Path, colour: str, steps: str | None) -> list[Step]:
    """Run the commands on a folder of clips, and return what each took."""
    taken = ["--kind", "clips", "--frames", str(FRAMES)]
    commands: dict[str, Sequence[str]] = {}
    if steps in (None, "load"):
        show = ["data", str(folder), *taken, "--sheet", str(folder.parent / "sheet.png"), "--force"]
        commands |= {"data, decoding": show, "data, from the cache": show}
    if steps in (None, "search"):
        run = str(folder.parent / f"run-{colour}")
        small = {"trials": 2, "folds": 2, "epochs": 1, "workers": 1}
        flags = [word for name, value in small.items() for word in (f"--{name}", str(value))]
        commands[SEARCH] = ["search", str(folder), *taken, "--out", run, *flags]
    found = []
    for name, words in commands.items():
        print(f"{colour}: {name}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "automl_sem", *words]
        found.append(Step.of(colour, name, run_measured(command, cwd=folder.parent, once=True)))
    return found


def describe(steps: Sequence[Step], count: int, form: str) -> str:
    """Return the result as Markdown."""
    rows = [
        {
            "clips": step.clips,
            "command": step.command,
            "seconds": f"{step.seconds:.0f}",
            "peak memory, MiB": f"{step.once_mib:,.0f}",
            "summed over processes, MiB": f"{step.sum_mib:,.0f}",
            "processes": str(step.processes),
        }
        for step in steps
    ]
    most = max(step.once_mib for step in steps)
    searched = any(step.command == SEARCH for step in steps)
    stands = goal(most <= GOAL_MIB) if searched or most > GOAL_MIB else "open without a search"
    return (
        f"# Memory of clips\n\n{count:,} clips of {FRAMES} frames of {SIDE}x{SIDE} pixels, "
        f"{form.upper()}: {size_mib(count, 1):,.0f} MiB decoded if grey, "
        f"{size_mib(count, 3):,.0f} MiB in colour.\n\n{table(rows)}\n\n"
        f"The goal is {GOAL_MIB:,} MiB: {stands} ({most:,.0f} MiB at most). "
        "Peak memory counts what processes share once;\nsummed over processes, it counts in each. "
        "Pages of the decoded clips that are mapped from disk count as well,\nalthough the system "
        "takes them back when memory is short."
    )


def size_mib(count: int, channels: int) -> float:
    """Return the size of decoded clips in MiB."""
    return count * FRAMES * SIDE * SIDE * channels / MIB


if __name__ == "__main__":
    main()
