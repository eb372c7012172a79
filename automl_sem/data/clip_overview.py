"""What people should see of clips: how long they are, and some frames of some of them in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_sem.data.dataset import Inspection
from automl_sem.data.evenly import evenly

STRIPS = 3  # clips of a class on the contact sheet
STRIP_FRAMES = 8  # of each


def frames_lines(inspection: Inspection) -> list[str]:
    """Return lines about the length of clips; none for other examples."""
    frames, seconds = inspection.frames, inspection.seconds
    if frames is None or seconds is None:
        return []
    timed = seconds > 0
    rate = "nothing says how many a second"
    if timed.any():
        rate = f"{_span(frames[timed] / seconds[timed])} a second"
        rate += "" if timed.all() else f" in {timed.sum()} of {len(timed)}"
    return [f"frames      {_span(frames)}, {rate}"]


def frames_json(inspection: Inspection) -> dict[str, Any]:
    """Return the same for scripts."""
    frames, seconds = inspection.frames, inspection.seconds
    if frames is None or seconds is None:
        return {}
    return {
        "saved_frames": _three(frames),
        "saved_seconds": _three(seconds[seconds > 0]),
    }


def film_strips(
    labels: Sequence[str], rows: Sequence[Sequence[int]], frames: int
) -> tuple[list[str], list[list[tuple[int, int]]]]:
    """Return rows of frames, each of one clip, with their labels: a frame is (clip, number).

    Args:
        labels: What stands beside each class; beside its first row.
        rows: Some clips of each class.
        frames: Frames that each clip has.
    """
    numbers = evenly(frames, STRIP_FRAMES).tolist()
    beside, strips = [], []
    for label, clips in zip(labels, rows, strict=True):
        for i, clip in enumerate(clips[:STRIPS]):
            beside.append("" if i else label)
            strips.append([(clip, number) for number in numbers])
    return beside, strips


def _span(values: Any) -> str:
    low, middle, high = values.min(), np.median(values), values.max()
    low, middle, high = (f"{value:.3g}" for value in (low, middle, high))
    return low if low == high else f"{low} to {high} (median {middle})"


def _three(values: Any) -> dict[str, float] | None:
    if not len(values):
        return None
    found = {"smallest": values.min(), "median": np.median(values), "largest": values.max()}
    return {name: round(float(value), 3) for name, value in found.items()}
