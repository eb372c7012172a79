"""Seeds that depend only on what is being trained, never on when or where."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def derive_seed(*parts: object) -> int:
    """Return a seed in 1..2**31-1 from any values, e.g. `derive_seed(run, trial, fold)`."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1


@contextmanager
def seeded(seed: int, *, tensorflow: bool = True) -> Iterator[None]:
    """Seed Python, NumPy and TensorFlow for a block; restore Python's and NumPy's state after.

    Keras layers draw the seeds of their initializers and dropout from these.

    Args:
        seed: In 0..2**32-1.
        tensorflow: Whether to seed TensorFlow's own generator and Keras's global one as
            well. It makes TensorFlow drop all its kernels, some 30 ms until they are
            there again; what draws from Keras's seeded initializers and layers needs neither.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    if tensorflow:
        import keras

        keras.utils.set_random_seed(seed)
    else:
        random.seed(seed)
        np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
