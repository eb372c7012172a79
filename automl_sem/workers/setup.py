"""What a worker process is told before its first fold fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.gan.fakes import Design
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space


@dataclass(frozen=True)
class Setup:
    """Space and examples, as they travel to a worker process.

    Args:
        slot: Number that its results carry.
        space: The run's copy of the space file.
        name: Name of the space.
        beside: Folder whose modules the space may import.
        fixed: Recipe fields that flags fix.
        part: The training part; its `x` is empty if `mapped` is there.
        mapped: File with the examples, where they are memory-mapped: those larger than memory,
            and all clips that were decoded into the cache.
        threads: Processor threads of the worker, 0 for TensorFlow's choice.
        stress: Kinds of distortion that folds are scored under, with their strengths.
        seed: Seed of the run, which decides the distortions.
        weights: The pretrained model that the space builds on, or None.
        judges: Folder of the networks that judge GANs, shared with the workers beside.
        design: The GAN that draws images for classifiers to learn from, or None.
        drawn: Folder of what it draws, shared with the workers beside.
    """

    slot: int
    space: Path
    name: str
    beside: Path
    fixed: Mapping[str, int]
    part: TrainingPart
    mapped: Path | None = None
    threads: int = 0
    stress: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    weights: str | None = None
    judges: Path | None = None
    design: Design | None = None
    drawn: Path | None = None

    def load_space(self) -> Space:
        """Return the space."""
        space = load_space(self.space, name=self.name, beside=self.beside)
        return space.with_fixed(**self.fixed).with_weights(self.weights)

    def load_part(self) -> TrainingPart:
        """Return the training part, memory-mapped where there is a file of it."""
        if self.mapped is None:
            return self.part
        return replace(self.part, x=np.load(self.mapped, mmap_mode="r"))


def travelling(part: TrainingPart) -> tuple[TrainingPart, Path | None]:
    """Return a part that is cheap to send, and the file that its examples are mapped from."""
    if isinstance(part.x, np.memmap) and part.x.filename is not None:
        return replace(part, x=part.x[:0].copy()), Path(part.x.filename)
    return part, None
