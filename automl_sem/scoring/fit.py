"""Train with Keras's own `fit`, for what one graph with all examples in it cannot do.

That is models with a training step of their own, sparse and ragged inputs, optimizers that
the recipes do not know, and examples that stay on disk: batches are read as
they are needed. Order, augmentation and scores are those of the graph trainer.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.scoring.base import NO_LIMITS
from automl_sem.scoring.batches import (
    augmentation_of,
    class_weights,
    epoch_order,
    step_seed,
)
from automl_sem.scoring.compiled_metrics import compiled_metrics
from automl_sem.scoring.fold import predict_in_chunks, run_fold
from automl_sem.scoring.gan.fakes import FakesOf, learnt_from
from automl_sem.scoring.inputs import inputs_of
from automl_sem.scoring.losses import Labels, encoded, labels_of
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.scoring.outputs import Outputs
from automl_sem.scoring.recipes import make_optimizer, retrain_epochs, steps_per_epoch
from automl_sem.scoring.stress import StressFolds
from automl_sem.scoring.views import averaged
from automl_sem.seeds import derive_seed, seeded
from automl_sem.spaces.compiled import is_compiled
from automl_sem.types import Examples, Floats, FoldResult, Ints, Recipe, Task

# Batches made ahead; a fixed number, since TensorFlow's choice may take half the memory.
PREFETCH = 2

# Keras's losses of what is not learnt as class numbers.
LOSSES: dict[Task, str] = {
    "classification": "categorical_crossentropy",
    "multi-label": "binary_crossentropy",
    "regression": "mean_squared_error",
}

InputKind = Literal["dense", "sparse", "ragged"]


class FitTrainer:
    """Fits one candidate fold after fold with Keras's `fit`, a new model each.

    Args:
        build: Returns the candidate's model; called once a fold.
        recipe: How to train it.
        part: The training part; its examples may be memory-mapped.
        seed: Seed of the trial.
        note: Why Keras's `fit` trains it, for people.
        stress: Scores each fold's model on distorted examples too, or None.
        fakes: Returns the fakes of a fold, by its held-out rows; for recipes with `fakes`.
    """

    def __init__(
        self,
        build: Callable[[], Any],
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
        """Train on all rows but `held_out`, and predict those after the last epoch.

        Args:
            fold: Number of the fold.
            held_out: Rows to hold out, (n,).
            limits: Not looked at: with a learning rate that decays, only the end tells.

        Raises:
            Diverged: If the loss or a prediction becomes NaN or infinite.
        """
        recipe = self._recipe
        learnt = learnt_from(self._part, held_out, recipe.fakes, self._fakes)
        part, rows = learnt.part, learnt.rows
        self.note = "; ".join(filter(None, (self._own_note, learnt.note)))
        started = time.perf_counter()
        seed = derive_seed(self._seed, fold)
        with seeded(seed):
            model = self._build()
        epochs = retrain_epochs(recipe, len(learnt.real), len(rows))
        steps = epochs * steps_per_epoch(len(rows), recipe.batch_size)
        fitter = Fitter(
            model, recipe, part, rows, real=learnt.real, seed=seed, noise=seed, steps=steps
        )
        return run_fold(
            fold,
            held_out,
            self._part,
            epochs,
            train=fitter.run_epoch,
            predict=fitter.predict,
            predict_examples=fitter.predict_examples,
            stress=self._stress,
            started=started,
            measure=functools.partial(compiled_metrics, model, self._part.info),
        )


class Fitter:
    """Trains a model with Keras's `fit` epoch by epoch, its batches read from an array.

    Args:
        model: A new model; one that is compiled keeps optimizer, loss and metrics.
        recipe: How to train it; its epochs are not used.
        part: The training part; its examples may be memory-mapped.
        rows: Rows to train on, (n,).
        real: Those of them that no GAN drew, (m,): what is learnt of examples before the training
            is learnt of these.
        seed: Decides the order of the examples.
        noise: Decides the augmentation.
        steps: Steps of the whole training.
    """

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        part: TrainingPart,
        rows: NDArray[Any],
        *,
        real: NDArray[Any],
        seed: int,
        noise: int,
        steps: int,
    ) -> None:
        import tensorflow as tf

        self.model = model
        self._optimizer = make_optimizer(recipe, steps, model=model)
        self._recipe = recipe
        self._part = part
        self._rows = rows
        self._seed = seed
        self._noise = noise
        self._epoch = 0
        self._kind = input_kind(model)
        self._outputs = Outputs(part, recipe, model)
        self._units = self._outputs.fit(real)
        self._inputs = inputs_of(part, model)
        self._fitted = self._inputs.fit(real)
        self._weights = class_weights(recipe, part, rows)
        self._augmentation = augmentation_of(recipe, part.info)
        # A training step of a person's own may expect class numbers, so it gets them if it can.
        mixed = recipe.label_smoothing > 0 or recipe.augmentation.mixup > 0
        self._soft = mixed or part.task != "classification"
        # Not compiled by XLA, as the graph trainer is not: the same numbers, and on a
        # CPU in less time.
        self._labels: Labels = "one-hot" if self._soft else "integers"
        if is_compiled(model):
            self._labels = labels_of(model, part.info)
            model.jit_compile = False
        else:
            loss = LOSSES[part.task] if self._soft else "sparse_categorical_crossentropy"
            model.compile(self._optimizer, loss, jit_compile=False)
        self._optimizer.build(model.trainable_variables)
        self._raw = tf.TensorSpec([None, *part.x.shape[1:]], tf.as_dtype(part.x.dtype))
        self._batches = self._stream()
        self._predictions = tf.function(self._predictions_graph, input_signature=[self._raw])

    @property
    def variables(self) -> list[Any]:
        """All variables of model and optimizer, with the seed states of Dropout."""
        return [*self.model.variables, *self._optimizer.variables]

    def run_epoch(self, epoch: int) -> float:
        """Train on all rows once and return the training loss, as Keras's `fit` tells it.

        Args:
            epoch: Number of the epoch, from 1.

        Raises:
            ValueError: If the model's own training step tells no loss.
        """
        self._epoch = epoch
        told = self.model.fit(self._batches, shuffle=False, verbose=0).history
        if "loss" not in told:
            names = ", ".join(told) or "nothing"
            raise ValueError(
                f'the train_step of the model must return its "loss", but returned {names}'
            )
        return float(told["loss"][-1])

    def predict(self, rows: NDArray[Any]) -> Floats:
        """Return the predictions of rows, (n, outputs)."""
        return predict_in_chunks(
            rows,
            lambda chunk: self._predictions(read_rows(self._part.x, chunk)),
            self._part.info.input_shape,
        )

    def predict_examples(self, examples: Examples) -> Floats:
        """Return the predictions of raw examples, (n, outputs)."""
        return predict_in_chunks(examples, self._predictions, examples.shape[1:])

    def _stream(self) -> Any:
        """Return the batches of an epoch; whoever reads them next gets those of `_epoch`."""
        import tensorflow as tf

        signature = (
            self._raw,
            tf.TensorSpec([None, *self._outputs.y_shape], self._outputs.dtype),
            tf.TensorSpec([2], tf.int32),
        )
        size = self._recipe.batch_size
        steps = steps_per_epoch(len(self._rows), size)
        batches = tf.data.Dataset.from_generator(self._read_epoch, output_signature=signature)
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
        return batches.map(self._prepare).prefetch(PREFETCH)

    def _read_epoch(self) -> Iterator[tuple[Examples, NDArray[Any], NDArray[np.int32]]]:
        """Yield raw examples, labels and the seed of the augmentation, batch by batch."""
        size = self._recipe.batch_size
        seed = derive_seed(self._seed, self._epoch)
        order = epoch_order(self._rows, self._part.y, self._recipe, seed)
        for step in range(steps_per_epoch(len(order), size)):
            rows = order[step * size : (step + 1) * size]
            labels = self._part.y[rows].astype(self._outputs.dtype)
            noise = step_seed(np.array([self._noise, self._epoch]), step).astype(np.int32)
            yield read_rows(self._part.x, rows), labels, noise

    def _prepare(self, raw: Any, labels: Any, seed: Any) -> Any:
        """Return inputs and labels, with their weights only if there are any.

        A training step of a person's own may know nothing of weights.
        """
        import tensorflow as tf

        values = self._inputs.values(raw, self._fitted)
        wanted = self._outputs.wanted(labels, self._units)
        if self._augmentation is not None:
            fill = self._inputs.fill(self._fitted)
            values, wanted = self._augmentation(values, wanted, seed, fill)
        inputs = self._as_input(values)
        learnt = labels if self._labels == "integers" else encoded(wanted, self._labels)
        if self._recipe.class_weight != "balanced":
            return inputs, learnt
        return inputs, learnt, tf.linalg.matvec(wanted, self._weights)

    def _predictions_graph(self, raw: Any) -> Any:
        def predicted(view: Any) -> Any:
            outputs = self.model(self._as_input(view), training=False)
            return self._outputs.predictions(outputs, self._units)

        return averaged(predicted, self._inputs.values(raw, self._fitted), self._recipe.views)

    def _as_input(self, values: Any) -> Any:
        """Return values as what the model takes: dense, sparse or ragged."""
        import tensorflow as tf

        inputs = self._inputs.ready(values, self._fitted)
        if self._kind == "sparse":
            return tf.sparse.from_dense(inputs)
        if self._kind == "ragged":
            rank = self.model.inputs[0].ragged_rank or 1
            lengths = None
            if self._part.kind == "series":  # what is ragged needs no padding
                there = tf.cast(~tf.math.is_nan(values[..., 0]), tf.int64)
                lengths = tf.reduce_sum(there, axis=1)
            return tf.RaggedTensor.from_tensor(inputs, lengths, ragged_rank=rank)
        return inputs


def input_kind(model: Any) -> InputKind:
    """Return what a model's first input wants to be given."""
    inputs = getattr(model, "inputs", None) or [None]
    if getattr(inputs[0], "sparse", False):
        return "sparse"
    return "ragged" if getattr(inputs[0], "ragged", False) else "dense"
