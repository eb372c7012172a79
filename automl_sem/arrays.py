"""Arrays by what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
AnyInts = NDArray[np.integer[Any]]
Bytes = NDArray[np.uint8]
Examples = NDArray[Any]  # as of `automl_sem.data.TrainingPart.x`, (n, ...)
