"""What becomes of a network's outputs in an exported model: numbers return to their own units.

It says so twice: in a graph of stock Keras layers, and with arrays, which the graph is compared
with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
        made: Floats = predicted * _floats(self.deviation) + _floats(self.mean)
        return made

    @property
    def scale(self) -> Floats:
        """By how much of each output predictions may differ as if it were 1, (outputs,) or ()."""
        if not self.mean:
            return np.ones((), np.float32)
        # Large numbers are rounded, whatever their deviation is.
        scale: Floats = np.maximum(_floats(self.deviation), np.abs(_floats(self.mean)))
        return scale

    @property
    def record(self) -> dict[str, Any]:
        """What `export.json` says of what comes out."""
        outputs = {
            "classifier": "float32 (batch, classes), probabilities",
            "labeller": "float32 (batch, labels), the probability of each label",
            "regressor": "float32 (batch, outputs), numbers in their own units",
        }
        return {"output": outputs[self.name]}


def _floats(values: Sequence[float]) -> Floats:
    return np.asarray(values, np.float32)


AS_THEY_ARE = Outlet()


def outlet_of(task: Task, units: Floats | None) -> Outlet:
    """Return what becomes of the outputs of a network.

    Args:
        task: What it predicts.
        units: Mean and standard deviation of each number, (2, outputs), in which its outputs are;
            None where these are predictions as they are.
    """
    if units is None:
        return Outlet(name=NAMES[task])
    mean, deviation = units.tolist()
    return Outlet(tuple(mean), tuple(deviation), NAMES[task])
