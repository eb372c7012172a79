"""Models trained epoch by epoch on all data: mirrored on several devices, or by Keras's `fit`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.backup import State
from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.data.examples import stays_on_disk
from automl_sem.gan_recipe import GanRecipe
from automl_sem.gan_replicas import MirroredGanTrainer
from automl_sem.scoring.batches import (
    augmentation_of,
    class_weights,
    epoch_order,
    step_seed,
)
from automl_sem.scoring.choose import only_fit_can
from automl_sem.scoring.fit import Fitter
from automl_sem.scoring.inputs import inputs_of
from automl_sem.scoring.outputs import Outputs
from automl_sem.scoring.own_fit import BuildToFit, OwnFitter
from automl_sem.scoring.recipes import make_optimizer, steps_per_epoch
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import AnyRecipe, Recipe

LOAD_BYTES = 2**26  # of examples on disk, so many are on the devices at a time

Build = Callable[[], Any]


class EpochTrainer(Protocol):
    """Trains a model epoch by epoch."""

    model: Any
    devices: int

    def state(self) -> State:
        """Return the values of all variables."""

    def restore(self, state: State) -> None:
        """Set all variables to what `state` returned."""

    def run_epoch(self, epoch: int) -> float:
        """Train on all examples once and return the mean loss."""


def epoch_trainer(
    build: Build,
    recipe: AnyRecipe,
    part: TrainingPart,
    *,
    real: NDArray[Any] | None = None,
    seed: int,
    steps: int,
    devices: Sequence[str],
    build_to_fit: BuildToFit | None = None,
) -> EpochTrainer:
    """Return what trains a model: on all devices, or where only `fit` can, on the first.

    Args:
        build: Returns the model.
        recipe: How to train it; its epochs are not used.
        part: The training data, which may be memory-mapped.
        real: Rows of examples that no GAN drew, (n,); by default all.
        seed: Decides initial weights, shuffling and augmentation.
        steps: Steps of the whole training.
        devices: Names of the devices.
        build_to_fit: Returns the model and what trains it, all at once, where its hypermodel has a
            `fit` of its own; else None.
    """
    if isinstance(recipe, GanRecipe):
        used = list(devices)[: min(recipe.batch_size, len(part.x))]
        strategy = _strategy(tuple(used))
        return MirroredGanTrainer(build, recipe, part, seed=seed, strategy=strategy, devices=used)
    real = np.arange(len(part.x)) if real is None else real
    if build_to_fit is not None:
        return _OwnFitTrainer(build_to_fit, part, real=real, seed=seed, device=devices[0])
    with seeded(seed):
        model = build()
    if only_fit_can(model):
        return _FitTrainer(
            build, recipe, part, real=real, seed=seed, steps=steps, device=devices[0]
        )
    return MirroredTrainer(build, recipe, part, real=real, seed=seed, steps=steps, devices=devices)


@functools.cache
def _strategy(devices: tuple[str, ...]) -> Any:
    """Two strategies on the same devices would number their collective operations alike."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


class MirroredTrainer:
    """A model mirrored on devices; an epoch is one graph call.

    Args:
        build: Returns the model.
        recipe: How to train it.
        part: The training data, copied to every device: all at once, or if it is too large
            for that, load by load.
        real: Rows of examples that no GAN drew, (n,).
        seed: Decides initial weights, shuffling and augmentation.
        steps: Steps of the whole training.
        devices: Names of the devices.
    """

    def __init__(
        self,
        build: Build,
        recipe: Recipe,
        part: TrainingPart,
        *,
        real: NDArray[Any],
        seed: int,
        steps: int,
        devices: Sequence[str],
    ) -> None:
        import tensorflow as tf

        self.devices = len(devices)
        self._recipe = recipe
        self._seed = seed
        self._part = part
        self._devices = tuple(devices)
        self._rows = np.arange(len(part.x))
        self._epochs = steps // steps_per_epoch(len(part.x), recipe.batch_size)
        self._weights = class_weights(recipe, part, self._rows)
        self._augmentation = augmentation_of(recipe, part.info)
        self._strategy = _strategy(tuple(devices))
        with self._strategy.scope(), seeded(seed):
            self.model = build()
            self._outputs = Outputs(part, recipe, self.model)
            self._optimizer = make_optimizer(recipe, steps, model=self.model)
            self._optimizer.build(self.model.trainable_variables)
            self.model.compile(optimizer=self._optimizer)
        self._inputs = inputs_of(part, self.model)
        self._fitted, self._units = self._inputs.fit(real), self._outputs.fit(real)
        self._all = None if stays_on_disk(part.x) else self._load(part.x, part.y)
        self._run = tf.function(self._steps_graph, reduce_retracing=True)
        self._spread_noise()

    @property
    def _variables(self) -> list[Any]:
        """All variables of model and optimizer, with the seed states of Dropout."""
        return [*self.model.variables, *self._optimizer.variables]

    def state(self) -> State:
        """Return the values of all variables."""
        return [variable.numpy() for variable in self._variables]

    def restore(self, state: State) -> None:
        """Set all variables to what `state` returned."""
        for variable, value in zip(self._variables, state, strict=True):
            variable.assign(value)
        self._spread_noise()

    def run_epoch(self, epoch: int) -> float:
        """Train on all examples once and return the mean loss.

        Args:
            epoch: Number of the epoch, from 1.
        """
        import tensorflow as tf

        order = epoch_order(self._rows, self._part.y, self._recipe, derive_seed(self._seed, epoch))
        seed = derive_seed(self._seed, "augment")
        total = 0.0
        for first, x, y, rows in self._loads(order):
            step = first // self._recipe.batch_size
            start = tf.constant(step_seed(np.array([seed, epoch]), step).astype(np.int32))
            total += float(self._run(x, y, tf.constant(rows, tf.int32), start))
        self._average_statistics()
        if epoch == self._epochs:  # averages that the optimizer kept replace the weights
            with self._strategy.scope():
                self._optimizer.finalize_variable_values(self.model.trainable_variables)
        return total / len(order)

    def _loads(self, order: NDArray[Any]) -> Iterator[tuple[int, Any, Any, NDArray[Any]]]:
        """Yield what is trained on without a pause: where it begins, examples, labels, order."""
        if self._all is not None:
            yield 0, *self._all, order
            return
        part, size = self._part, self._recipe.batch_size
        rows = size * max(1, LOAD_BYTES // (size * part.x[0].nbytes))
        for first in range(0, len(order), rows):
            chosen = order[first : first + rows]
            x, y = self._load(read_rows(part.x, chosen), part.y[chosen])
            yield first, x, y, np.arange(len(chosen))

    def _load(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[Any, Any]:
        """Copy examples and labels to all devices."""
        return self._copy_to_devices(x), self._copy_to_devices(y.astype(self._outputs.dtype))

    def _steps_graph(self, x: Any, y: Any, order: Any, seed: Any) -> Any:
        """Steps over examples on the devices: returns the sum of losses.

        x: (n, ...); y: (n, ...); order: (m,) rows; seed: (2,).
        """
        import tensorflow as tf

        size, total = self._recipe.batch_size, tf.constant(0.0)
        examples = tf.shape(order)[0]
        for step in tf.range((examples + size - 1) // size):
            rows = order[step * size : (step + 1) * size]
            losses = self._strategy.run(self._step, args=(x, y, rows, step_seed(seed, step)))
            total += self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total

    def _step(self, x: Any, y: Any, rows: Any, seed: Any) -> Any:
        """One replica's part of a step: returns the sum of its losses.

        A batch may have fewer examples than there are replicas. One without a share takes
        the whole batch with weight 0, so that its losses and batch statistics stay finite.
        """
        import tensorflow as tf

        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        batch = tf.shape(rows)[0]
        first, last = batch * replica // self.devices, batch * (replica + 1) // self.devices
        empty = first == last
        share = slice(None)  # cheaper to mix up than a slice that happens to be the whole
        if self.devices > 1:
            share = slice(tf.where(empty, 0, first), tf.where(empty, batch, last))
        read = share if self._augmentation is None else slice(None)
        values = self._inputs.values(tf.gather(x, rows[read]), self._fitted)
        wanted = self._outputs.wanted(tf.gather(y, rows[read]), self._units)
        if self._augmentation is not None:
            fill = self._inputs.fill(self._fitted)
            values, wanted = self._augmentation(values, wanted, seed, fill, share)
        weight = tf.where(empty, 0.0, 1.0)
        with tf.GradientTape() as tape:
            outputs = self.model(self._inputs.ready(values, self._fitted), training=True)
            losses = weight * self._outputs.loss(wanted, outputs)
            if self._recipe.class_weight == "balanced":
                losses *= tf.linalg.matvec(wanted, self._weights)
            penalty = sum(tf.reduce_sum(loss) for loss in self.model.losses)
            # Gradients are summed over replicas, so each divides by the whole.
            objective = tf.reduce_sum(losses) / tf.cast(batch, tf.float32) + penalty / self.devices
            objective = self._optimizer.scale_loss(objective)
        variables = self.model.trainable_variables
        self._optimizer.apply(tape.gradient(objective, variables), variables)
        return tf.reduce_sum(losses)

    def _copy_to_devices(self, values: NDArray[Any]) -> Any:
        import tensorflow as tf

        def copy(context: Any) -> Any:
            with tf.device(self._devices[context.replica_id_in_sync_group]):
                return tf.constant(values)

        return self._strategy.experimental_distribute_values_from_function(copy)

    def _average_statistics(self) -> None:
        """Give all replicas the mean of their moving averages.

        BatchNormalization keeps its own on each replica, and only the first would be saved.
        """
        for variable in self.model.non_trainable_variables:
            copies = self._strategy.experimental_local_results(variable.value)
            if len(copies) > 1 and copies[0].dtype.is_floating:
                variable.assign(np.mean([copy.numpy() for copy in copies], axis=0))

    def _spread_noise(self) -> None:
        """Give each replica its own dropout noise; all would draw the same otherwise."""
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                copies = self._strategy.experimental_local_results(variable.value)
                for replica, copy in enumerate(copies):
                    copy.assign_add([15485863 * replica, 0])


class _FitTrainer:
    """A model on one device, trained by Keras's `fit` on batches that are read as needed.

    Args:
        build: Returns the model.
        recipe: How to train it.
        part: The training data, which may be memory-mapped.
        real: Rows of examples that no GAN drew, (n,).
        seed: Decides initial weights, shuffling and augmentation.
        steps: Steps of the whole training.
        device: Name of the device.
    """

    devices = 1

    def __init__(
        self,
        build: Build,
        recipe: Recipe,
        part: TrainingPart,
        *,
        real: NDArray[Any],
        seed: int,
        steps: int,
        device: str,
    ) -> None:
        import tensorflow as tf

        self._device = device
        noise = derive_seed(seed, "augment")
        with tf.device(device), seeded(seed):
            self.model = build()
            rows = np.arange(len(part.x))
            self._fitter = Fitter(
                self.model,
                recipe,
                part,
                rows,
                real=real,
                seed=seed,
                noise=noise,
                steps=steps,
            )

    def state(self) -> State:
        """Return the values of all variables."""
        return [variable.numpy() for variable in self._fitter.variables]

    def restore(self, state: State) -> None:
        """Set all variables to what `state` returned."""
        for variable, value in zip(self._fitter.variables, state, strict=True):
            variable.assign(value)

    def run_epoch(self, epoch: int) -> float:
        """Train on all examples once and return the loss that Keras's `fit` tells.

        Args:
            epoch: Number of the epoch, from 1.
        """
        import tensorflow as tf

        with tf.device(self._device):
            return self._fitter.run_epoch(epoch)


class _OwnFitTrainer:
    """A model on one device, trained once by its hypermodel's own `fit`.

    Nothing is held out, so the `validation_data` are the training data.

    Args:
        build: Returns the model and what trains it.
        part: The training data.
        real: Rows of examples that no GAN drew, (n,).
        seed: Decides initial weights and what `fit` draws.
        device: Name of the device.
    """

    devices = 1

    def __init__(
        self,
        build: BuildToFit,
        part: TrainingPart,
        *,
        real: NDArray[Any],
        seed: int,
        device: str,
    ) -> None:
        import tensorflow as tf

        self._device = device
        self._rows = np.arange(len(part.x))
        with tf.device(device):
            self._fitter = OwnFitter(build, part, real=real, seed=seed)
        self.model = self._fitter.model

    def state(self) -> State:
        """Return the values of all variables."""
        return [variable.numpy() for variable in self.model.variables]

    def restore(self, state: State) -> None:
        """Set all variables to what `state` returned."""
        for variable, value in zip(self.model.variables, state, strict=True):
            variable.assign(value)

    def run_epoch(self, epoch: int) -> float:  # noqa: ARG002
        """Call `fit` on all examples and return the loss that it tells."""
        import tensorflow as tf

        with tf.device(self._device):
            return self._fitter.train(self._rows, self._rows)
