"""TensorFlow as the backend of Keras, chosen before Keras is imported."""

from __future__ import annotations

import os
import sys

from automl_sem.errors import UserError

_HINT = "Run `unset KERAS_BACKEND` (or set it to tensorflow) and start again"


def use_tensorflow() -> None:
    """Make Keras run on TensorFlow; call it before the first import of Keras.

    Raises:
        UserError: If `KERAS_BACKEND` names another backend, or Keras was already
            imported with another one.
    """
    wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
    if wanted != "tensorflow":
        raise UserError(
            f"automl-sem needs Keras on TensorFlow, but KERAS_BACKEND is {wanted!r}",
            where="environment",
            hint=_HINT,
        )
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" in sys.modules:
        import keras

        if keras.backend.backend() != "tensorflow":
            raise UserError(
                f"Keras was already imported on {keras.backend.backend()!r}",
                where="environment",
                hint=_HINT,
            )
