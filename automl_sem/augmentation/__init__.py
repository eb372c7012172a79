"""Random changes of training examples: one Keras layer a file, put together in `pipeline`.

from automl_sem.augmentation import RandomStroke
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_sem.augmentation.affine import RandomAffine
    from automl_sem.augmentation.cutout import RandomCutout
    from automl_sem.augmentation.drop import RandomDrop
    from automl_sem.augmentation.elastic import RandomElastic
    from automl_sem.augmentation.light import RandomLight
    from automl_sem.augmentation.mute import RandomMute
    from automl_sem.augmentation.noise import RandomNoise
    from automl_sem.augmentation.stroke import RandomStroke
    from automl_sem.augmentation.time import RandomTime

__all__ = [
    "RandomAffine",
    "RandomCutout",
    "RandomDrop",
    "RandomElastic",
    "RandomLight",
    "RandomMute",
    "RandomNoise",
    "RandomStroke",
    "RandomTime",
]


def __getattr__(name: str) -> Any:
    """Import a layer on first use: they need TensorFlow."""
    if name in __all__:
        module = name.removeprefix("Random").lower()
        return getattr(importlib.import_module(f"automl_sem.augmentation.{module}"), name)
    raise AttributeError(f"module 'automl_sem.augmentation' has no attribute {name!r}")
