"""Images as PNG files, each by itself or many on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.types import Bytes

COLUMNS = 8
SIDE = 64  # pixels that the longer side of an image on a sheet is enlarged to, about
GROUND = 128  # between images, neither black nor white


def write_image(path: Path, image: Bytes) -> None:
    """Write an image, (height, width, channels), as it is."""
    _picture(image).save(path)


def write_sheet(path: Path, images: Bytes) -> None:
    """Write many images, (n, height, width, channels), row by row, their pixels enlarged."""
    _picture(sheet_of(images, min(COLUMNS, len(images)))).save(path)


def sheet_of(images: Bytes, columns: int, side: int = SIDE) -> Bytes:
    """Return many images as one, row by row, (height, width, channels).

    Args:
        images: (n, height, width, channels).
        columns: Images in a row.
        side: Pixels that the longer side of each is enlarged to, about.
    """
    n, height, width, channels = images.shape
    zoom = max(1, side // max(height, width))
    gap = max(1, zoom // 2)
    rows = -(-n // columns)
    tall, wide = height * zoom + gap, width * zoom + gap
    sheet = np.full((rows * tall + gap, columns * wide + gap, channels), GROUND, np.uint8)
    for number, image in enumerate(images.repeat(zoom, axis=1).repeat(zoom, axis=2)):
        y, x = gap + number // columns * tall, gap + number % columns * wide
        sheet[y : y + height * zoom, x : x + width * zoom] = image
    return sheet


def _picture(pixels: Bytes) -> Any:
    from PIL import Image

    shown = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(shown))
