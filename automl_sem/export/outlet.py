"""What becomes of a network's outputs in an exported model: numbers return to their own units.

It says so twice: in a graph of stock Keras layers, and with arrays, which the graph is compared
with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.outputs import in_own_units, units_of
from automl_sem.types import Floats, Task

NAMES: dict[Task, str] = {
    "classification": "classifier",
    "multi-label": "labeller",
    "regression": "regressor",
}


@dataclass(frozen=True)
class Outlet:
    """What becomes of a network's outputs.

    Args:
        mean: Mean of each number in the training data, (outputs,); empty where outputs are
            predictions as they are.
        deviation: Standard deviation of each, by which the network's outputs are multiplied.
        name: Name of the exported Keras model.
    """

    mean: Sequence[float] = ()
    deviation: Sequence[float] = ()
    name: str = NAMES["classification"]

    def leave(self, predicted: Any) -> Any:
        """Return predictions of symbolic outputs, (batch, outputs)."""
        import keras

        if not self.mean:
            return predicted
        return keras.layers.Rescaling(list(self.deviation), list(self.mean))(predicted)

    def in_units(self, predicted: Floats) -> Floats:
        """Return predictions of outputs, (n, outputs)."""
        if not self.mean:
            return predicted
        made: Floats = predicted * np.float32(self.deviation) + np.float32(self.mean)
        return made

    @property
    def scale(self) -> Floats:
        """By how much of each output predictions may differ as if it were 1, (outputs,) or ()."""
        if not self.mean:
            return np.ones((), np.float32)
        # Large numbers are rounded, whatever their deviation is.
        return np.maximum(np.float32(self.deviation), np.abs(np.float32(self.mean)))

    @property
    def record(self) -> dict[str, Any]:
        """What `export.json` says of what comes out."""
        outputs = {
            "classifier": "float32 (batch, classes), probabilities",
            "labeller": "float32 (batch, labels), the probability of each label",
            "regressor": "float32 (batch, outputs), numbers in their own units",
        }
        return {"output": outputs[self.name]}


AS_THEY_ARE = Outlet()


def outlet_of(core: Any, part: TrainingPart) -> Outlet:
    """Return what becomes of the outputs of a network that was trained on all of a part.

    Args:
        core: The network as trained, and as `build` returns it.
        part: The training part.
    """
    if part.task != "regression" or not in_own_units(core):
        return Outlet(name=NAMES[part.task])
    mean, deviation = units_of(part.y)
    return Outlet(tuple(mean.tolist()), tuple(deviation.tolist()), NAMES[part.task])
