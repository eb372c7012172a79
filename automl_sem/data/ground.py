"""The ground of pictures: what shows behind what is drawn on them, and whether they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart, release_pages
from automl_sem.data.evenly import evenly
from automl_sem.types import Bytes

BORDER_BYTES = 2**26  # of pictures on disk are read for the median of their borders
DRAWING_SIDE = 64  # pixels
DRAWING_GROUND = 24  # how far a pixel of the ground may be from its usual value, 0..255
DRAWING_FREE = 0.6  # share of a drawing that is ground
DRAWINGS_LOOKED_AT = 500


def background(x: Bytes) -> float:
    """Return the median of the border pixels, 0..255: what shows beside a moved picture.

    Args:
        x: Images (n, height, width, channels), or clips (n, frames, height, width, channels).
    """
    border = [x[..., 0, :, :], x[..., -1, :, :], x[..., :, 0, :], x[..., :, -1, :]]
    return float(np.median(np.concatenate([edge.ravel() for edge in border])))


def background_of(x: Bytes, rows: NDArray[Any]) -> float:
    """Return the background of the pictures in some rows; on disk, of enough of them.

    Args:
        x: As for `background`; may be memory-mapped.
        rows: Row numbers, (m,).
    """
    enough = max(1, BORDER_BYTES // max(1, x[:1].nbytes))
    if isinstance(x, np.memmap) and len(rows) > enough:
        rows = rows[evenly(len(rows), enough)]
    found = background(x[np.sort(rows)])
    release_pages(x)
    return found


def looks_drawn(part: TrainingPart) -> bool:
    """Whether images are small grey drawings: strokes that leave most of an even ground free."""
    if part.kind != "images" or part.x.shape[-1] != 1 or max(part.x.shape[1:3]) > DRAWING_SIDE:
        return False
    some = part.x[:DRAWINGS_LOOKED_AT].astype(np.float32)
    free = np.abs(some - background(part.x[:DRAWINGS_LOOKED_AT])) < DRAWING_GROUND
    return bool(np.median(free.mean(axis=(1, 2, 3))) > DRAWING_FREE)
