"""What an example looks like: an image, a clip that plays, or the curves of a series.

    pictures = pictures_of(dataset)
    pictures.draw(dataset.train.x[0], alt="drawing 0.png: circle")

A clip plays where it is on a screen; on paper, and for people who asked their system for less
motion, some of its frames stand in a row instead. All is inside the page: nothing is loaded.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset, TrainingPart, read_rows
from automl_sem.data.evenly import evenly
from automl_sem.data.missing import without_padding
from automl_sem.data.series_overview import COLOURS, RANGE_EXAMPLES
from automl_sem.export.sheets import sheet_of
from automl_sem.reports.intervals import round_ticks
from automl_sem.reports.wording import count
from automl_sem.scoring.inputs import inputs_of
from automl_sem.types import Bytes, Examples

SIDE = 112  # pixels that the longer side of an image is enlarged to, about, or a frame shrunk to

# Sheets of many images
SHEET_SIDE = 40  # pixels that the longer side of each is enlarged to, about

# Clips
PLAYED = 24  # frames, at most
PLAY_MS, PAUSE_MS = 2000, 600  # of all frames, and before it begins anew
SHORTEST_MS, LONGEST_MS = 60, 250  # of one frame
ROWS, COLUMNS = 2, 3  # of the frames that stand for a clip on paper
FRAME_SIDE, FRAME_GAP = 64, 2  # pixels
LARGEST = 30_000  # bytes of one picture
# Share of the full size, and settings of Pillow's WebP: what is tried until it is small enough.
TRIES: tuple[tuple[float, dict[str, Any]], ...] = (
    (1.0, {"lossless": True}),
    (1.0, {"quality": 75}),
    (1.0, {"quality": 30}),
    (0.6, {"quality": 30}),
    (0.4, {"quality": 10}),
)

# Series
WIDTH, HEIGHT, LEFT, RIGHT, BELOW = 224, 116, 20, 6, 16  # pixels, and the room around the lines
POINTS = 200  # of a curve; of more the peaks are kept
OUTSIDE = 0.001  # share of the training values above what the axis shows, and below


class Pictures(Protocol):
    """Draws examples of one kind of data."""

    def draw(self, example: Examples, alt: str) -> Markup:
        """Return the picture of an example.

        Args:
            example: As in `TrainingPart.x`, without the first axis.
            alt: What it is, in words.
        """

    def legend(self) -> Markup:
        """Return what is to be said once above some pictures; empty if they need no words."""


def pictures_of(dataset: Dataset) -> Pictures:
    """Return what draws the examples of a dataset, distorted ones as well."""
    if dataset.info.kind == "series":
        facts = dataset.inspection.series if dataset.inspection else None
        names = [channel.name for channel in facts.channels] if facts else None
        return Curves(dataset.train, names)
    return Clips() if dataset.info.kind == "clips" else Images()


class Images:
    """Images, small ones with their pixels enlarged."""

    def draw(self, example: Bytes, alt: str) -> Markup:
        """Return an image, (height, width, channels), grey or in colour."""
        zoom = max(1, SIDE // max(example.shape[:2]))
        drawn = _picture(example.repeat(zoom, axis=0).repeat(zoom, axis=1))
        drawn.thumbnail((2 * SIDE, 2 * SIDE))
        return _img(_saved(drawn, "PNG", optimize=True), "png", alt)

    def legend(self) -> Markup:
        """Return nothing."""
        return Markup()


def sheet(images: Bytes, columns: int, alt: str) -> Markup:
    """Return many small images as one picture, row by row.

    Args:
        images: (n, height, width, channels).
        columns: Images in a row.
        alt: What they are, in words.
    """
    drawn = sheet_of(images, columns, SHEET_SIDE)
    return _img(_saved(_picture(drawn), "PNG", optimize=True), "png", alt, "sheet")


class Clips:
    """Clips: an animation, and some frames from the first to the last."""

    def draw(self, example: Bytes, alt: str) -> Markup:
        """Return a clip, (frames, height, width, channels); one of both is shown at a time."""
        playing = _img(_animation(example), "webp", f"{alt}, playing", "moving")
        shown = count(len(evenly(len(example), ROWS * COLUMNS)), "frame")
        strip = _img(_frames(example), "webp", f"{alt}, {shown} from first to last", "frames")
        return Markup('<span class="clip">{}{}</span>').format(playing, strip)

    def legend(self) -> Markup:
        """Return the switch between both."""
        return Markup(
            '<p class="look"><label class="switch"><input type="checkbox" class="still"> Show '
            "frames of the clips instead of playing them.</label> Frames run from the top left to "
            "the bottom right.</p>"
        )


class Curves:
    """Series: a line for each channel, all on one scale, against the time of the longest.

    Each channel is standardised by its mean and deviation over the training series, as models get
    it, so that all fit on one axis. A line ends where its series does.

    Args:
        part: The training part.
        names: Names of the channels; None for numbers.
    """

    def __init__(self, part: TrainingPart, names: Sequence[str] | None) -> None:
        self._steps, channels = part.info.input_shape
        self._names = names or [f"channel {i + 1}" for i in range(channels)]
        inputs = inputs_of(part)
        self._mean, self._deviation = inputs.fit(np.arange(len(part.y)))
        some = self._standardised(read_rows(part.x, evenly(len(part.y), RANGE_EXAMPLES)))
        low, high = (float(np.nanquantile(some, share)) for share in (OUTSIDE, 1 - OUTSIDE))
        room = 0.05 * (high - low) or 1.0
        self._low, self._high = low - room, high + room

    def draw(self, example: Examples, alt: str) -> Markup:
        """Return the curves of a series, (time, channels), NaN where it is padded."""
        values = self._standardised(without_padding(example))[:, : len(COLOURS)]
        lines = [
            Markup('<path stroke="{}" d="{}"/>').format(colour, self._path(values[:, channel]))
            for channel, colour in enumerate(COLOURS[: values.shape[1]])
        ]
        ticks = [t for t in round_ticks(self._low, self._high) if self._low < t < self._high]
        # The lines are in a drawing of their own, which cuts off what leaves the axis.
        return Markup(
            '<svg class="curves" viewBox="0 0 {width} {height}" role="img" aria-label="{alt}">'
            "{grid}{axis}"
            '<svg x="{left}" width="{across}" height="{down}">{lines}</svg></svg>'
        ).format(
            width=WIDTH,
            height=HEIGHT,
            alt=f"{alt}, curves of {count(len(values), 'step')}",
            grid=Markup().join(self._tick(tick) for tick in ticks),
            axis=self._axis(),
            left=LEFT,
            across=WIDTH - LEFT - RIGHT,
            down=HEIGHT - BELOW,
            lines=Markup().join(lines),
        )

    def legend(self) -> Markup:
        """Return the names of the channels beside their colours."""
        swatch = Markup(
            '<li><svg viewBox="0 0 18 8" aria-hidden="true"><path stroke="{}" d="M1 4H17"/></svg>'
            "{}</li>"
        )
        pairs = zip(COLOURS, self._names, strict=False)
        entries = [swatch.format(colour, name) for colour, name in pairs]
        more = len(self._names) - len(entries)
        if more > 0:
            entries.append(Markup("<li>and {} more, not drawn</li>").format(more))
        return Markup(
            '<p class="look">A line is a channel, less its mean and divided by its standard '
            "deviation over the training series. Time runs to the right; the longest series has "
            '{}.</p><ul class="channels">{}</ul>'
        ).format(count(self._steps, "step"), Markup().join(entries))

    def _standardised(self, values: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (values - self._mean) / self._deviation
        return found

    def _path(self, values: NDArray[np.float64]) -> str:
        steps = _peaks(values)
        x = steps / max(1, self._steps - 1) * (WIDTH - LEFT - RIGHT)
        points = [f"{a:.1f} {self._y(b):.1f}" for a, b in zip(x, values[steps], strict=True)]
        return f"M{'L'.join(points)}" + ("h0" if len(points) == 1 else "")

    def _y(self, value: float) -> float:
        """Return how far down a standardised value is drawn, in pixels."""
        return (self._high - value) / (self._high - self._low) * (HEIGHT - BELOW)

    def _tick(self, value: float) -> Markup:
        y = round(self._y(value), 1)
        return Markup(
            '<path class="grid" d="M{} {}H{}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(LEFT, y, WIDTH - RIGHT, LEFT - 4, y + 3, f"{value:g}".replace("-", "\u2212"))

    def _axis(self) -> Markup:
        y = HEIGHT - 4
        return Markup(
            '<text x="{}" y="{}">step 1</text><text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(LEFT, y, WIDTH - RIGHT, y, self._steps)


def _peaks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the steps to draw: all, or the lowest and the highest of each of some stretches."""
    if len(values) <= POINTS:
        return np.arange(len(values))
    stretches = np.array_split(np.arange(len(values)), POINTS // 2)
    ends = [(s[values[s].argmin()], s[values[s].argmax()]) for s in stretches]
    return np.unique([0, len(values) - 1, *np.ravel(ends)])


def _animation(clip: Bytes) -> bytes:
    """Return a clip as an animated WebP that plays for ever."""
    shown = clip[evenly(len(clip), PLAYED)]
    each = min(LONGEST_MS, max(SHORTEST_MS, PLAY_MS // len(shown)))
    times = [each] * (len(shown) - 1) + [each + PAUSE_MS]

    def save(share: float, **quality: Any) -> bytes:
        first, *others = _shrunk(shown, SIDE * share)
        more = {"save_all": True, "append_images": others, "duration": times, "loop": 0}
        return _saved(first, "WEBP", **more, **quality)

    return _small(save)


def _frames(clip: Bytes) -> bytes:
    """Return some frames side by side as one WebP, from the top left to the bottom right."""
    from PIL import Image

    shown = clip[evenly(len(clip), ROWS * COLUMNS)]

    def save(share: float, **quality: Any) -> bytes:
        frames = _shrunk(shown, FRAME_SIDE * share)
        wide, tall = (size + FRAME_GAP for size in frames[0].size)
        columns, rows = min(COLUMNS, len(frames)), -(-len(frames) // COLUMNS)
        sheet = Image.new("RGB", (columns * wide - FRAME_GAP, rows * tall - FRAME_GAP), "white")
        for number, frame in enumerate(frames):
            sheet.paste(frame, (number % COLUMNS * wide, number // COLUMNS * tall))
        return _saved(sheet, "WEBP", **quality)

    return _small(save)


def _small(save: Callable[..., bytes]) -> bytes:
    """Return a file as good as its size allows.

    Args:
        save: Makes it, of a share of its full size, and by settings of Pillow's WebP.
    """
    content = b""
    for share, quality in TRIES:
        content = save(share, **quality)
        if len(content) <= LARGEST:
            break
    return content


def _shrunk(frames: Bytes, side: float) -> list[Any]:
    """Return frames as PIL images, no side longer than `side` pixels."""
    found = [_picture(frame) for frame in frames]
    for frame in found:
        frame.thumbnail((side, side))
    return found


def _saved(image: Any, form: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **settings)
    return buffer.getvalue()


def _picture(pixels: Bytes) -> Any:
    """Return a PIL image of pixels, (height, width, channels), grey or in colour."""
    from PIL import Image

    shown = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(shown))


def _img(content: bytes, form: str, alt: str, name: str = "image") -> Markup:
    source = f"data:image/{form};base64,{base64.b64encode(content).decode()}"
    return Markup('<img class="{}" src="{}" alt="{}">').format(name, source, alt)
