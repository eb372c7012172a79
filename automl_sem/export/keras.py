"""`model.keras`: Keras's own format, with stock layers only.

https://keras.io/api/models/model_saving_apis/
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from automl_sem.export.base import Format, Predict


def write(model: Any, path: Path, class_names: Sequence[str]) -> None:  # noqa: ARG001
    """Write a `.keras` file."""
    model.save(path)


def load(path: Path) -> Predict:
    """Load a `.keras` file with Keras alone."""
    import keras
    import numpy as np

    model = keras.models.load_model(path)
    return lambda *inputs: np.asarray(
        model.predict_on_batch(inputs[0] if len(inputs) == 1 else list(inputs))
    )


KERAS = Format(
    name="keras",
    file="model.keras",
    write=write,
    load=load,
    usage="""
import keras
model = keras.models.load_model("model.keras")
probabilities = model.predict({examples})
""",
)
