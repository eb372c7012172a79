"""Train candidates in this very process."""

from __future__ import annotations

import gc

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import derive_seed
from automl_sem.spaces.space import Space
from automl_sem.types import Candidate, FoldResult, Ints


class InlineWorker:
    """A worker in the driver's own process, deterministic for a seed.

    Args:
        space: Builds the models.
        part: The training part.
        seed: Seed of the run.
    """

    def __init__(self, space: Space, part: TrainingPart, seed: int) -> None:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        self._space = space
        self._part = part
        self._seed = seed
        self._trainer: FoldTrainer | None = None

    def start(self, candidate: Candidate) -> None:
        """Build the candidate's model from its hyperparameters."""
        self._trainer = FoldTrainer(
            lambda: self._space.rebuild(candidate.values, self._part.info),
            candidate.recipe,
            self._part,
            derive_seed(self._seed, candidate.trial),
        )

    def run_fold(self, fold: int, held_out: Ints) -> FoldResult:
        """Train on all rows but `held_out` and predict those."""
        if self._trainer is None:
            raise RuntimeError("start() a candidate before run_fold()")
        return self._trainer.fit(fold, held_out)

    def finish(self) -> None:
        """Free the candidate's model and graphs."""
        import keras

        self._trainer = None
        keras.utils.clear_session()
        gc.collect()
