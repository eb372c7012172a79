"""What went wrong in a trial, as the engine must be told."""

from __future__ import annotations

from automl_sem.errors import one_line
from automl_sem.types import Outcome


class Diverged(ArithmeticError):
    """The training loss or a prediction is no longer finite."""


def explain(error: Exception) -> Outcome:
    """Return the outcome of a candidate whose building or training raised an error."""
    import tensorflow as tf

    if isinstance(error, Diverged):
        return Outcome("diverged", str(error))
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return Outcome("out_of_memory", "it does not fit into memory")
    return Outcome("failed", one_line(error))
