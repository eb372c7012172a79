"""What was understood of series: lengths, channels, missing values, and curves to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.channels import SeriesFacts
from automl_sem.data.dataset import TrainingPart
from automl_sem.data.evenly import evenly
from automl_sem.data.missing import without_padding
from automl_sem.data.pixels import Size

PICTURE = (72, 128)  # pixels, height and width
LISTED = 20  # channels
RANGE_EXAMPLES = 1000  # that the range of a channel is taken from
# Okabe and Ito (2008), told apart by colour-blind people too; black last, since it is loud.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def facts_lines(facts: SeriesFacts) -> list[str]:
    """Return what is known of series, for people."""
    lengths = np.concatenate([facts.train_lengths, facts.test_lengths])
    low, high = int(lengths.min()), int(lengths.max())
    steps = f"{high} steps each"
    if low < high:
        steps = f"{low} to {high} steps (median {np.median(lengths):.0f}), filled up to {high}"
    shown = facts.channels[:LISTED]
    wide = max(len("name"), *(len(channel.name) for channel in shown))
    more = len(facts.channels) - len(shown)
    filled = f"{facts.filled} value{'s' * (facts.filled != 1)} filled in"
    heads = "  ".join(f"{head:>10}" for head in ("mean", "sd", "min", "max"))
    return [
        f"lengths     {steps}",
        f"missing     {filled if facts.filled else 'none'}",
        f"constant    {', '.join(facts.constant[:LISTED]) or 'none'}",
        f"channels    {len(facts.channels)}, in the training part:",
        f"            {'name':<{wide}}  {heads}  missing",
        *(
            f"            {c.name:<{wide}}  {c.mean:>10.4g}  {c.sd:>10.4g}  {c.low:>10.4g}"
            f"  {c.high:>10.4g}  {c.missing:>7}"
            for c in shown
        ),
        *([f"            and {more} more"] if more else []),
    ]


def facts_json(facts: SeriesFacts) -> dict[str, Any]:
    """Return what is known of series, for scripts."""
    lengths = np.concatenate([facts.train_lengths, facts.test_lengths])
    return {
        "lengths": {
            "shortest": int(lengths.min()),
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
        },
        "channels": [
            {
                "name": channel.name,
                "mean": channel.mean,
                "sd": channel.sd,
                "min": channel.low,
                "max": channel.high,
                "missing": channel.missing,
                "constant": channel.constant,
            }
            for channel in facts.channels
        ],
        "filled": facts.filled,
    }


def curves(part: TrainingPart) -> tuple[Size, Callable[[int], Any]]:
    """Return the size in pixels of the pictures of series, and what makes one from its row.

    A picture shows each channel as a curve of its own colour, from the lowest to the highest value
    of that channel; a curve ends where its series does, against the longest.

    Args:
        part: Has series.
    """
    from PIL import Image, ImageDraw

    height, width = PICTURE
    steps, channels = part.info.input_shape
    low, high = _range(part.x)
    spread = np.where(high > low, high - low, 1)

    def picture(row: int) -> Any:
        image = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(image)
        values = without_padding(part.x[row])
        across = np.arange(len(values)) / max(1, steps - 1) * (width - 3) + 1
        for channel in range(channels):
            share = (values[:, channel] - low[channel]) / spread[channel]
            down = (1 - np.clip(share, 0, 1)) * (height - 5) + 2
            points = list(zip(across.tolist(), down.tolist(), strict=True))
            colour = COLOURS[channel % len(COLOURS)]
            if len(points) == 1:
                (x, y) = points[0]
                draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill=colour)
            else:
                draw.line(points, fill=colour)
        return image

    return (height, width), picture


def _range(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest value of each channel, of some examples evenly chosen."""
    channels = x.shape[2]
    low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
    for row in evenly(len(x), RANGE_EXAMPLES):
        values = np.asarray(x[row], np.float64)
        low = np.fmin(low, np.nanmin(values, axis=0))
        high = np.fmax(high, np.nanmax(values, axis=0))
    return low, high
