"""Whether this machine can do the work: versions, devices, one real epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from automl_sem import environment
from automl_sem.backend import use_tensorflow
from automl_sem.errors import one_line


@dataclass(frozen=True)
class Diagnosis:
    """What `doctor` found.

    Args:
        versions: Version of each package that matters.
        machine: System, cores and GPUs.
        training: How one epoch of training went, in words.
        healthy: Whether it trained.
    """

    versions: dict[str, str]
    machine: dict[str, Any]
    training: str
    healthy: bool

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "schema_version": 1,
            "versions": self.versions,
            "machine": self.machine,
            "training": self.training,
            "healthy": self.healthy,
        }

    def summary(self) -> str:
        """Return it for people."""
        lines = [f"{name:<14}{number}" for name, number in self.versions.items()]
        if self.machine:
            gpus = ", ".join(self.machine["gpus"]) or "none: training on CPU"
            lines.append(f"{'system':<14}{self.machine['system']}, {self.machine['processor']}")
            lines.append(f"{'cores':<14}{self.machine['cores']}")
            lines.append(f"{'GPUs':<14}{gpus}")
        lines.append(f"{'training':<14}{self.training}")
        return "\n".join(lines)


def check() -> Diagnosis:
    """Train the textbook CNN for one epoch on the built-in drawings.

    Raises:
        UserError: If Keras runs on another backend than TensorFlow.
    """
    try:
        use_tensorflow()
        machine = environment.machine()
    except ImportError as error:
        reason = f"failed: TensorFlow cannot be imported: {one_line(error)}"
        return Diagnosis(environment.versions(), {}, reason, healthy=False)
    training, healthy = _train()
    return Diagnosis(environment.versions(), machine, training, healthy)


def _train() -> tuple[str, bool]:
    import numpy as np

    from automl_sem.data import load_dataset
    from automl_sem.recipe import of_classifier
    from automl_sem.scoring.trainer import FoldTrainer
    from automl_sem.spaces.find import find_space
    from automl_sem.spaces.load import load_space
    from automl_sem.types import FoldResult

    started = time.perf_counter()
    try:
        part = load_dataset("shapes").train
        space = load_space(find_space("shapes")).with_fixed(epochs=1)
        values = space.baseline
        recipe = of_classifier(space.recipe_of(values, part.info))
        trainer = FoldTrainer(lambda: space.rebuild(values, part.info), recipe, part, seed=0)
        result = trainer.fit(0, np.arange(0, len(part.y), 5))
    except Exception as error:
        return f"failed: {one_line(error)}", False
    seconds = time.perf_counter() - started
    assert isinstance(result, FoldResult)
    return f"one epoch in {seconds:.1f} s, validation log-loss {result.log_loss:.2f}", True
