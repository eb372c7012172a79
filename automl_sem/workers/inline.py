"""Train candidates in this very process: for a debugger, and for tests."""

from __future__ import annotations

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.gan.fakes import Forgers
from automl_sem.scoring.gan.judges import Judges
from automl_sem.scoring.stress import StressFolds
from automl_sem.spaces.space import Space
from automl_sem.workers.base import FoldDone, FoldTask
from automl_sem.workers.runner import FoldRunner


class InlinePool:
    """One slot in the search's own process; a fold fit runs while it is waited for.

    Args:
        space: Builds the models.
        part: The training part.
        stress: Scores each fold's model on distorted examples too, or None.
        judges: The judges of its folds; of no use but to GANs.
        forgers: Draw images for classifiers to learn from, or None.
    """

    slots = 1

    def __init__(
        self,
        space: Space,
        part: TrainingPart,
        stress: StressFolds | None = None,
        judges: Judges | None = None,
        forgers: Forgers | None = None,
    ) -> None:
        self._runner = FoldRunner(space, part, 0, stress, judges, forgers)
        self._task: FoldTask | None = None

    def submit(self, slot: int, task: FoldTask) -> None:
        """Keep the task until `wait`."""
        if slot != 0 or self._task is not None:
            raise RuntimeError(f"slot {slot} is not free")
        self._task = task

    def wait(self) -> FoldDone:
        """Do the fold fit."""
        task, self._task = self._task, None
        if task is None:
            raise RuntimeError("no fold fit is under way")
        return self._runner.run(task)

    def close(self) -> None:
        """Free the last candidate's model."""
        self._task = None
        self._runner.forget()
