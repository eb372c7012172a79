"""Train one architecture on many folds: traced once, an epoch is one graph call."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from automl_sem.data.dataset import TrainingPart, read_rows, release_pages
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
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.scoring.outputs import Outputs
from automl_sem.scoring.precision import FULL, NEEDS_SCALING, built
from automl_sem.scoring.recipes import make_optimizer, retrain_epochs, steps_per_epoch
from automl_sem.scoring.stress import StressFolds
from automl_sem.scoring.views import averaged
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Examples, Floats, FoldResult, Ints, Recipe


class FoldTrainer:
    """Fits one candidate fold after fold, with the same traced graph.

    A fold starts from fresh values: the model is built again under the fold's seed
    and its variables are copied into the traced model's, optimizer slots and step
    count go back to zero. So does whatever else the graph reads and writes: a layer that draws
    from no seed generator of its own draws the same in every fold.

    Args:
        build: Returns the candidate's model; called once a fold.
        recipe: How to train it.
        part: The training part, kept on the device as one tensor.
        seed: Seed of the trial.
        precision: Keras's name of the dtype policy to train under.
        note: What takes it longer, for people.
        model: What `build` returned under the seed `derive_seed(seed, "trace")`, to find out
            how to train it; built here by default.
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
        precision: str = FULL,
        note: str = "",
        model: Any = None,
        stress: StressFolds | None = None,
        fakes: FakesOf | None = None,
    ) -> None:
        import tensorflow as tf

        self.note = self._own_note = note
        self._build = functools.partial(built, build, precision)
        self._precision = precision
        self._recipe = recipe
        self._part = part
        self._seed = seed
        self._stress = stress
        self._fakes = fakes
        self._x = tf.constant(part.x)
        release_pages(part.x)
        self._trace_seed = derive_seed(seed, "trace")
        if model is None or precision != FULL:
            with seeded(self._trace_seed):
                model = self._build()
        self._model = model
        self._inputs = inputs_of(part, self._model)
        self._fitted = np.empty(self._inputs.shape, np.float32)
        self._outputs = Outputs(part, recipe, self._model)
        self._units = np.empty(self._outputs.shape, np.float32)
        self._y = tf.constant(part.y, self._outputs.dtype)
        self._augmentation = augmentation_of(recipe, part.info)
        self._optimizer: Any = None
        # A variable, since folds may differ in size: a schedule then needs no other graph.
        self._steps = tf.Variable(1.0, trainable=False)

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
        learnt = learnt_from(self._part, held_out, self._recipe.fakes, self._fakes)
        part, rows, real = learnt.part, learnt.rows, learnt.real
        self.note = "; ".join(filter(None, (self._own_note, learnt.note)))
        started = time.perf_counter()
        seed = derive_seed(self._seed, fold)
        epochs = retrain_epochs(self._recipe, len(real), len(rows))
        self._reset(epochs * steps_per_epoch(len(rows), self._recipe.batch_size), seed)
        self._fitted = fitted = self._inputs.fit(real)
        self._units = units = self._outputs.fit(real)
        weights = class_weights(self._recipe, part, rows)
        x, y = self._with(part)

        def train(epoch: int) -> float:
            order = epoch_order(rows, part.y, self._recipe, derive_seed(seed, epoch))
            state = np.array([seed, epoch], np.int32)
            loss = float(self._epoch(order, state, fitted, units, weights, x, y))
            if epoch == epochs:  # averages that the optimizer kept take the place of the weights
                self._optimizer.finalize_variable_values(self._model.trainable_variables)
            return loss

        return run_fold(
            fold,
            held_out,
            self._part,
            epochs,
            train=train,
            predict=self._predict,
            predict_examples=self._predict_examples,
            stress=self._stress,
            started=started,
            measure=functools.partial(compiled_metrics, self._model, self._part.info),
        )

    def _with(self, part: TrainingPart) -> tuple[Any, Any]:
        """Return examples and labels on the device, those behind the training part's included."""
        import tensorflow as tf

        n = len(self._part.y)
        if len(part.y) == n:
            return self._x, self._y
        added = tf.constant(part.x[n:]), tf.constant(part.y[n:], self._outputs.dtype)
        return tf.concat([self._x, added[0]], 0), tf.concat([self._y, added[1]], 0)

    def _reset(self, steps: int, seed: int) -> None:
        if self._optimizer is None:
            self._trace()
        with seeded(seed, tensorflow=self._seeds_tensorflow):
            fresh = self._build()
        self._steps.assign(steps)
        for variable, value in zip(self._model.variables, fresh.variables, strict=True):
            variable.assign(value)
        for variable, value in self._at_start:
            variable.assign(value)

    def _trace(self) -> None:
        """Make optimizer and graphs, and find out what a fold must reset beside the weights."""
        import keras
        import tensorflow as tf

        with seeded(self._trace_seed, tensorflow=False):
            again = self._build()
        recipe, model = self._recipe, self._model
        self._optimizer = make_optimizer(recipe, self._steps, fused=True, model=model)
        scaled = isinstance(self._optimizer, keras.optimizers.LossScaleOptimizer)
        if self._precision == NEEDS_SCALING and not scaled:
            self._optimizer = keras.optimizers.LossScaleOptimizer(self._optimizer)
        self._optimizer.build(self._model.trainable_variables)
        fitted = tf.TensorSpec(self._inputs.shape, tf.float32)
        units = tf.TensorSpec(self._outputs.shape, tf.float32)
        signature = [
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([2], tf.int32),
            fitted,
            units,
            tf.TensorSpec([None], tf.float32),
            raw := tf.TensorSpec([None, *self._x.shape[1:]], self._x.dtype),
            tf.TensorSpec([None, *self._outputs.y_shape], self._outputs.dtype),
        ]
        self._epoch = tf.function(self._epoch_graph, input_signature=signature)
        self._predictions = tf.function(
            self._predictions_graph, input_signature=[raw, fitted, units]
        )
        with seeded(self._trace_seed):
            graphs = [f.get_concrete_function().graph for f in (self._epoch, self._predictions)]
        weights = {v.value.ref() for v in self._model.variables} | {self._steps.ref()}
        others = {v.ref() for graph in graphs for v in graph.variables} - weights
        others |= {v.value.ref() for v in self._optimizer.variables}
        self._at_start = [(r.deref(), r.deref().numpy()) for r in others]
        pairs = zip(self._model.variables, again.variables, strict=True)
        # Built under the same seed but for TensorFlow's own.
        same = all(np.array_equal(a, b) for a, b in pairs)
        self._seeds_tensorflow = not same or any(map(_draws_from_tensorflow, graphs))

    def _epoch_graph(
        self, order: Any, seed: Any, fitted: Any, units: Any, weights: Any, x: Any, y: Any
    ) -> Any:
        """One epoch: returns the mean loss, weighted where classes are.

        order: (n,) rows of x and y; seed: (2,); fitted, units: of the training rows; weights:
        (classes,); x: (m, ...); y: (m, ...).
        """
        import tensorflow as tf

        size, total = self._recipe.batch_size, tf.constant(0.0)
        examples = tf.shape(order)[0]
        for step in tf.range((examples + size - 1) // size):
            rows = order[step * size : (step + 1) * size]
            values = self._inputs.values(tf.gather(x, rows), fitted)
            wanted = self._outputs.wanted(tf.gather(y, rows), units)
            if self._augmentation is not None:
                fill = self._inputs.fill(fitted)
                values, wanted = self._augmentation(values, wanted, step_seed(seed, step), fill)
            total += self._step(self._inputs.ready(values, fitted), wanted, weights)
        return total / tf.cast(examples, tf.float32)

    def _step(self, examples: Any, wanted: Any, weights: Any) -> Any:
        """One gradient step: returns the sum of the batch's losses."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            losses = self._outputs.loss(wanted, self._model(examples, training=True))
            if self._recipe.class_weight == "balanced":
                losses *= tf.linalg.matvec(wanted, weights)
            penalties = [tf.reduce_sum(tf.cast(loss, tf.float32)) for loss in self._model.losses]
            objective = self._optimizer.scale_loss(tf.reduce_mean(losses) + sum(penalties))
        variables = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(objective, variables), variables)
        return tf.reduce_sum(losses)

    def _predictions_graph(self, raw: Any, fitted: Any, units: Any) -> Any:
        def predicted(view: Any) -> Any:
            ready = self._inputs.ready(view, fitted)
            return self._outputs.predictions(self._model(ready, training=False), units)

        return averaged(predicted, self._inputs.values(raw, fitted), self._recipe.views)

    def _predict(self, rows: Ints) -> Floats:
        return predict_in_chunks(
            rows,
            lambda chunk: self._predictions(
                read_rows(self._part.x, chunk), self._fitted, self._units
            ),
            self._part.info.input_shape,
        )

    def _predict_examples(self, examples: Examples) -> Floats:
        return predict_in_chunks(
            examples,
            lambda some: self._predictions(some, self._fitted, self._units),
            examples.shape[1:],
        )


def _draws_from_tensorflow(graph: Any) -> bool:
    """Whether a graph draws from TensorFlow's own generator, whose kernels keep its state."""
    definition = graph.as_graph_def()
    functions = [function.node_def for function in definition.library.function]
    return any("seed2" in node.attr for nodes in (definition.node, *functions) for node in nodes)
