"""Train with the `fit` that a KerasTuner hypermodel has of its own, as KerasTuner's tuner does.

It decides on epochs, batches, order and stopping; it is given the held-out examples as
`validation_data`, as KerasTuner gives them, and one that stops by them has looked at what it
is scored on. Predictions are then made by the model alone: what `fit` does to examples before
the training must be inside the model to count.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.scoring.base import NO_LIMITS
from automl_sem.scoring.compiled_metrics import compiled_metrics
from automl_sem.scoring.fold import predict_in_chunks, run_fold
from automl_sem.scoring.gan.fakes import FakesOf, learnt_from
from automl_sem.scoring.inputs import inputs_of
from automl_sem.scoring.losses import labels_of, predictions_of
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.scoring.stress import StressFolds
from automl_sem.seeds import derive_seed, seeded
from automl_sem.spaces.compiled import is_compiled
from automl_sem.spaces.own_fit import loss_of_fit
from automl_sem.types import Examples, Floats, FoldResult, Ints, Recipe

# Returns a model and what trains it, (x, y, validation_data) -> what `HyperModel.fit` returns.
BuildToFit = Callable[[], tuple[Any, Callable[[Any, Any, Any], Any]]]


class OwnFitTrainer:
    """Fits one candidate fold after fold by its hypermodel's own `fit`, a new model each.

    Args:
        build: Returns a model of the candidate and what trains it; called once a fold.
        recipe: Says how many fakes there are; the rest is up to `fit`.
        part: The training part.
        seed: Seed of the trial.
        note: What people should know of the training.
        stress: Scores each fold's model on distorted examples too, or None.
        fakes: Returns the fakes of a fold, by its held-out rows; for recipes with `fakes`.
    """

    def __init__(
        self,
        build: BuildToFit,
        recipe: Recipe,
        part: TrainingPart,
        seed: int,
        *,
        note: str = "",
        stress: StressFolds | None = None,
        fakes: FakesOf | None = None,
    ) -> None:
        self.note = self._own_note = note
        self._build = build
        self._recipe = recipe
        self._part = part
        self._seed = seed
        self._stress = stress
        self._fakes = fakes

    def fit(
        self,
        fold: int,
        held_out: Ints,
        limits: Mapping[int, float] = NO_LIMITS,  # noqa: ARG002
    ) -> FoldResult | OutputFold:
        """Train on all rows but `held_out`, once, and predict those.

        Args:
            fold: Number of the fold.
            held_out: Rows to hold out, (n,).
            limits: Not looked at: there is no score before the end.

        Raises:
            Diverged: If the loss or a prediction becomes NaN or infinite.
            UserError: If `fit` returns nothing that KerasTuner takes.
        """
        learnt = learnt_from(self._part, held_out, self._recipe.fakes, self._fakes)
        self.note = "; ".join(filter(None, (self._own_note, learnt.note)))
        started = time.perf_counter()
        fitter = OwnFitter(
            self._build, learnt.part, real=learnt.real, seed=derive_seed(self._seed, fold)
        )
        return run_fold(
            fold,
            held_out,
            self._part,
            1,
            train=lambda _: fitter.train(learnt.rows, held_out),
            predict=fitter.predict,
            predict_examples=fitter.predict_examples,
            stress=self._stress,
            started=started,
            measure=functools.partial(compiled_metrics, fitter.model, self._part.info),
        )


class OwnFitter:
    """A model and its hypermodel's `fit`, which is called once.

    Args:
        build: Returns both.
        part: The training part.
        real: Rows of those to train on that no GAN drew, (m,).
        seed: Decides initial weights, and what `fit` draws of Python, NumPy and TensorFlow.
    """

    def __init__(
        self, build: BuildToFit, part: TrainingPart, *, real: NDArray[Any], seed: int
    ) -> None:
        import tensorflow as tf

        self._seed = seed
        with seeded(seed):
            self.model, self._fit = build()
        self._part = part
        self._inputs = inputs_of(part, self.model)
        self._fitted = self._inputs.fit(real)
        self._predictions = predictions_of(self.model, part.info)
        self.model.jit_compile = False  # as in the other trainers; on a CPU it takes less time
        raw = tf.TensorSpec([None, *part.x.shape[1:]], tf.as_dtype(part.x.dtype))
        self._traced = tf.function(self._predict_graph, input_signature=[raw])

    def train(self, rows: NDArray[Any], validation: NDArray[Any]) -> float:
        """Call `fit` and return the loss, or the number, that it told.

        Args:
            rows: Rows to train on, (n,).
            validation: Rows of its `validation_data`, (m,).
        """
        given = self._given(rows)
        with seeded(self._seed):
            return loss_of_fit(self._fit(*given, self._given(validation)))

    def predict(self, rows: NDArray[Any]) -> Floats:
        """Return the predictions of rows, (n, ...)."""
        return predict_in_chunks(
            rows,
            lambda chunk: self._predict(read_rows(self._part.x, chunk)),
            self._part.info.input_shape,
        )

    def predict_examples(self, examples: Examples) -> Floats:
        """Return the predictions of raw examples, (n, ...)."""
        return predict_in_chunks(examples, self._predict, examples.shape[1:])

    def _given(self, rows: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
        """Return examples as the model takes them, and their targets as its loss does."""
        x = predict_in_chunks(
            rows,
            lambda chunk: self._ready(read_rows(self._part.x, chunk)),
            self._part.info.input_shape,
        )
        y, info = self._part.y[rows], self._part.info
        labels = labels_of(self.model, info) if is_compiled(self.model) else "integers"
        if info.task != "classification" or labels == "integers":
            return x, y
        return x, y[:, None] if labels == "column" else np.eye(info.classes, dtype=np.float32)[y]

    def _predict(self, raw: Any) -> Any:
        import tensorflow as tf

        # By its concrete function: TensorFlow would warn of so many, one a fold.
        return self._traced.get_concrete_function()(tf.constant(raw))

    def _ready(self, raw: Any) -> Any:
        return self._inputs.ready(self._inputs.values(raw, self._fitted), self._fitted)

    def _predict_graph(self, raw: Any) -> Any:
        return self._predictions(self.model(self._ready(raw), training=False))
