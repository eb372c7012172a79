"""What a generator draws from."""

from __future__ import annotations

import numpy as np

from automl_sem.types import Floats


def standard_normal(n: int, latent_dim: int, seed: int) -> Floats:
    """Return noise, (n, latent_dim), the same on any machine, its first rows whatever n is."""
    return np.random.default_rng(seed).standard_normal((n, latent_dim), dtype=np.float32)
