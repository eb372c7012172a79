"""A pool whose fold results also say what they come to by the metrics of `--objective`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from automl_sem.objectives.base import Unmeasurable
from automl_sem.objectives.measure import Measure, measured
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.types import FoldResult, Outcome
from automl_sem.workers.base import FoldDone, FoldTask, Pool


class MeasuringPool:
    """Computes metrics in the search's own process, where a person's function can be called.

    Args:
        pool: Trains.
        measures: What is computed of each fold.
        y: What is right for all rows of the training data.
    """

    def __init__(self, pool: Pool, measures: Sequence[Measure], y: NDArray[Any]) -> None:
        self._pool = pool
        self._measures = measures
        self._y = y

    @property
    def slots(self) -> int:
        """How many slots may take fold fits."""
        return self._pool.slots

    def submit(self, slot: int, task: FoldTask) -> None:
        """Start a fold fit."""
        self._pool.submit(slot, task)

    def wait(self) -> FoldDone:
        """Wait for the next fold fit to end, and measure it."""
        done = self._pool.wait()
        if not isinstance(done.result, FoldResult | OutputFold):
            return done
        try:
            return replace(done, result=measured(done.result, self._measures, self._y))
        except Unmeasurable as error:
            reason = f"the objective has no value on fold {done.result.fold}: {error}"
            return replace(done, result=None, outcome=Outcome("diverged", reason))

    def close(self) -> None:
        """Stop all workers at once."""
        self._pool.close()
