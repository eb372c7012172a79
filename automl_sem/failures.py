"""What went wrong in a trial, as the engine must be told."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from automl_sem.errors import one_line
from automl_sem.types import Outcome


class Diverged(ArithmeticError):
    """The training loss or a prediction is no longer finite."""


class Stopped(Exception):
    """A fold fit was not worth going on with.

    Args:
        reason: One line for people.
        reached: Objectives at the points of the curve so far.
    """

    def __init__(self, reason: str, reached: Sequence[float]) -> None:
        super().__init__(reason)
        self.reached = tuple(reached)


def explain(error: Exception) -> Outcome:
    """Return the outcome of a candidate whose building or training raised an error."""
    import tensorflow as tf

    if given_up(error):
        return Outcome("infeasible", " ".join(str(error).split()) or "its space gave it up")
    if isinstance(error, Stopped):
        return Outcome("discarded", str(error), reached=error.reached)
    if isinstance(error, Diverged):
        return Outcome("diverged", str(error))
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return Outcome("out_of_memory", "it does not fit into memory")
    return Outcome("failed", one_line(error))


def given_up(error: Exception) -> bool:
    """Whether a space written for KerasTuner says itself that a candidate is no good.

    https://keras.io/guides/keras_tuner/failed_trials/
    """
    errors = sys.modules.get("keras_tuner.errors")
    return errors is not None and isinstance(error, errors.FailedTrialError)
