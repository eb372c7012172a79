"""Run fold fits where the models live: in a worker process, or in the search's own."""

from __future__ import annotations

import resource
import sys

from automl_sem import environment
from automl_sem.data.dataset import TrainingPart
from automl_sem.failures import explain
from automl_sem.scoring.base import Trainer
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.gan.fakes import Forgers
from automl_sem.scoring.gan.judges import Judges
from automl_sem.scoring.own_fit import BuildToFit
from automl_sem.scoring.precision import training_policy
from automl_sem.scoring.stress import StressFolds
from automl_sem.seeds import derive_seed
from automl_sem.spaces.space import Space
from automl_sem.types import Candidate
from automl_sem.workers.base import FoldDone, FoldTask


class FoldRunner:
    """Trains fold after fold, keeping the traced model while the candidate stays the same.

    Args:
        space: Builds the models.
        part: The training part.
        slot: Number that the results carry.
        stress: Scores each fold's model on distorted examples too, or None.
        judges: The judges of its folds; of no use but to GANs.
        forgers: Draw images for classifiers to learn from, or None.
    """

    def __init__(
        self,
        space: Space,
        part: TrainingPart,
        slot: int,
        stress: StressFolds | None = None,
        judges: Judges | None = None,
        forgers: Forgers | None = None,
    ) -> None:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        capability = environment.compute_capability()
        if capability is None:
            # On a processor, rewriting the graph of a candidate costs more than it gains.
            tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        self._precision = training_policy(capability)
        self._space = space
        self._part = part
        self._slot = slot
        self._stress = stress
        self._judges = judges
        self._forgers = forgers
        self._trainer: Trainer | None = None
        self._key: tuple[Candidate, int] | None = None

    def run(self, task: FoldTask) -> FoldDone:
        """Do a fold fit; what goes wrong with the candidate becomes its outcome."""
        try:
            trainer = self._trainer_of(task.candidate, task.seed)
            result = trainer.fit(task.fold, task.held_out, task.limits)
        except Exception as error:
            note = self._trainer.note if self._trainer is not None else ""
            self.forget()
            return FoldDone(self._slot, outcome=explain(error), note=note, memory=peak_memory())
        return FoldDone(self._slot, result=result, note=trainer.note, memory=peak_memory())

    def forget(self) -> None:
        """Free the candidate's model and graphs."""
        import keras

        self._trainer = self._key = None
        keras.utils.clear_session()  # collects garbage as well

    def _trainer_of(self, candidate: Candidate, seed: int) -> Trainer:
        key = candidate, seed  # its recipe may differ from that of its trial
        if self._trainer is None or self._key != key:
            self.forget()
            self._trainer = choose_trainer(
                lambda: self._space.rebuild(candidate.values, self._part.info),
                candidate.recipe,
                self._part,
                derive_seed(seed, candidate.trial),
                self._precision,
                self._stress,
                None if self._judges is None else self._judges.of,
                None if self._forgers is None else self._forgers.of,
                self._to_fit(candidate),
            )
            self._key = key
        return self._trainer

    def _to_fit(self, candidate: Candidate) -> BuildToFit | None:
        """Return what builds a model and its own fit, where the space has such a hypermodel."""
        if self._space.fit_fn is None:
            return None
        info = self._part.info
        return lambda: self._space.rebuild_to_fit(candidate.values, info, candidate.recipe)


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
