"""Train a chosen candidate once more, on all training data and over every device.

The step is that of the fold trainer, run through `strategy.run`: each device takes its
share of a batch, and losses are summed over the whole batch, so that the result does not
depend on the number of devices (but for rounding, dropout and batch statistics).
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.backup import Backup, Saved, State
from automl_sem.data.dataset import TrainingPart
from automl_sem.errors import NegativeResult, UserError
from automl_sem.files import disk_error
from automl_sem.scoring.batches import (
    background,
    cross_entropy,
    draw_moves,
    epoch_order,
    move,
    wants_raw_values,
)
from automl_sem.scoring.recipes import make_optimizer, steps_per_epoch
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Recipe

SAVE_EVERY_S = 5.0  # a killed retraining loses no more than this
SAME_COMMAND = "the same command"
BACKUP = "backup.npz"
CHECKPOINT = "model.keras"

Build = Callable[[], Any]
OnEpoch = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Retrained:
    """A candidate trained on all training data.

    Args:
        model: The Keras model, as `build` returns it, uncompiled and on one device.
        epochs: Epochs trained.
        steps: Gradient steps of all epochs.
        devices: Number of devices it was trained on.
        seconds: Wall-clock time of the training, earlier sessions included.
        resumed_from: Epochs that an earlier session had done already.
    """

    model: Any
    epochs: int
    steps: int
    devices: int
    seconds: float
    resumed_from: int


def retrain(
    build: Build,
    recipe: Recipe,
    part: TrainingPart,
    *,
    seed: int,
    epochs: int,
    checkpoints: Path,
    devices: Sequence[str] | None = None,
    on_epoch: OnEpoch | None = None,
) -> Retrained:
    """Train a candidate on all training data with `tf.distribute.MirroredStrategy`.

    Batch size and learning rate are the recipe's, whatever the number of devices. A
    killed training goes on from its last backup and ends with the very same weights;
    a finished one is not repeated.

    Args:
        build: Returns the candidate's uncompiled model.
        recipe: How to train it; its epochs are not used.
        part: The training data.
        seed: Decides initial weights, shuffling and augmentation.
        epochs: Passes over the training data.
        checkpoints: Directory for the backup and for `model.keras`, a checkpoint for people.
        devices: Device names, such as `["GPU:0", "GPU:1"]`; by default every visible GPU.
        on_epoch: Called with (epochs done, epochs in all, mean training loss).

    Raises:
        NegativeResult: If the training diverges or does not fit into memory.
        UserError: If the checkpoints cannot be read or written.
    """
    import tensorflow as tf

    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, checkpoints, go_on=SAME_COMMAND) from error
    tf.config.experimental.enable_op_determinism()
    with seeded(seed):
        model = build()
    steps = epochs * steps_per_epoch(max(len(part.x), recipe.batch_size), recipe.batch_size)
    backup = Backup(checkpoints / BACKUP, _fingerprint(model, recipe, part, seed, epochs))
    start = end = backup.read()
    if end is None or end.epoch < epochs:
        names = list(devices) if devices is not None else visible_devices()
        try:
            trainer = _MirroredTrainer(build, recipe, part, seed=seed, steps=steps, devices=names)
            end = _train(trainer, epochs, start, backup, on_epoch)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise NegativeResult("the retraining does not fit into memory") from error
    for variable, value in zip(model.variables, end.state, strict=False):
        variable.assign(value)
    return Retrained(
        model=model,
        epochs=epochs,
        steps=steps,
        devices=end.devices,
        seconds=end.seconds,
        resumed_from=start.epoch if start else 0,
    )


def visible_devices(gpus: str | int = "all") -> list[str]:
    """Return the devices to train on: the first `gpus` visible GPUs, or the CPU.

    `CUDA_VISIBLE_DEVICES` selects which GPUs are visible.

    Args:
        gpus: `"all"`, or how many; 0 is the CPU.

    Raises:
        UserError: If there are fewer GPUs.
    """
    import tensorflow as tf

    found = [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices("GPU")]
    if gpus == "all":
        return found or ["CPU:0"]
    if not str(gpus).isdecimal():
        raise UserError(f"--gpus takes all or a number. Received: {gpus!r}")
    count = int(gpus)
    if count > len(found):
        available = f"only {len(found)} are" if found else "no GPU is"
        raise UserError(
            f"--gpus {count} asks for {count} GPUs, but {available} visible",
            hint="Pass --gpus all to train on what is there",
        )
    return found[:count] or ["CPU:0"]


def _fingerprint(model: Any, recipe: Recipe, part: TrainingPart, seed: int, epochs: int) -> str:
    """The devices are left out: weights trained on two of them are the weights."""
    shapes = [[*variable.shape] for variable in model.variables]
    settings = [recipe.to_dict(), part.fingerprint(), seed, epochs, shapes]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def _train(
    trainer: _MirroredTrainer,
    epochs: int,
    start: Saved | None,
    backup: Backup,
    on_epoch: OnEpoch | None,
) -> Saved:
    """Train from where the last session stood to the last epoch."""
    import keras

    saved = start or Saved(0, 0.0, trainer.devices, [])
    if start is not None:
        trainer.restore(start.state)
    begun = time.perf_counter() - saved.seconds
    checkpoint = _checkpoint(backup.path.with_name(CHECKPOINT))
    callbacks = keras.callbacks.CallbackList(
        [checkpoint], model=trainer.model, epochs=epochs, add_history=False
    )
    callbacks.on_train_begin()
    for epoch in range(saved.epoch + 1, epochs + 1):
        callbacks.on_epoch_begin(epoch - 1)
        loss = trainer.run_epoch(epoch)
        if not np.isfinite(loss):
            raise _diverged(f"the training loss became {loss} in epoch {epoch}")
        seconds = time.perf_counter() - begun
        checkpoint.due = epoch == epochs or seconds - saved.seconds >= SAVE_EVERY_S
        try:
            # The checkpoint first: then a finished backup says that both are there.
            callbacks.on_epoch_end(epoch - 1, {"loss": loss})
            if checkpoint.due:
                saved = Saved(epoch, seconds, trainer.devices, trainer.state())
                backup.write(saved)
        except OSError as error:
            raise disk_error(error, backup.path, go_on=SAME_COMMAND) from error
        if on_epoch is not None:
            on_epoch(epoch, epochs, loss)
    callbacks.on_train_end()
    return saved


def _checkpoint(path: Path) -> Any:
    """Return Keras's ModelCheckpoint, but saving only while `due` is set.

    Writing a model takes longer than a short epoch.
    """
    import keras

    class Checkpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
        due = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if self.due:
                super().on_epoch_end(epoch, logs)

    return Checkpoint(str(path))


def _diverged(what: str) -> NegativeResult:
    hint = "Choose another trial with --trial, or search with smaller learning rates"
    return NegativeResult(what, where="retraining", hint=hint)


@functools.cache
def _strategy(devices: tuple[str, ...]) -> Any:
    """Two strategies on the same devices would number their collective operations alike."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


class _MirroredTrainer:
    """A model mirrored on devices; an epoch is one graph call.

    Args:
        build: Returns the model.
        recipe: How to train it.
        part: The training data, copied to every device.
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
        seed: int,
        steps: int,
        devices: Sequence[str],
    ) -> None:
        import tensorflow as tf

        self.devices = len(devices)
        self._recipe = recipe
        self._seed = seed
        self._rows = np.arange(len(part.x))
        self._fill = background(part.x)
        self._strategy = _strategy(tuple(devices))
        with self._strategy.scope(), seeded(seed):
            self.model = build()
            self._optimizer = make_optimizer(recipe, steps)
            self._optimizer.build(self.model.trainable_variables)
            self.model.compile(optimizer=self._optimizer)
        self._scale = 1.0 if wants_raw_values(self.model) else 1.0 / 255.0
        self._x = self._copy_to_devices(part.x, devices)
        self._y = self._copy_to_devices(part.y.astype(np.int32), devices)
        signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([2], tf.int32)]
        self._epoch = tf.function(self._epoch_graph, input_signature=signature)
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
        order = epoch_order(self._rows, self._recipe.batch_size, derive_seed(self._seed, epoch))
        seed = np.array([derive_seed(self._seed, "augment"), epoch], np.int32)
        loss = float(self._epoch(order, seed))
        self._average_statistics()
        return loss

    def _epoch_graph(self, order: Any, seed: Any) -> Any:
        """One epoch: returns the mean loss. order: (n,) rows; seed: (2,)."""
        import tensorflow as tf

        size, total = self._recipe.batch_size, tf.constant(0.0)
        examples = tf.shape(order)[0]
        for step in tf.range((examples + size - 1) // size):
            rows = order[step * size : (step + 1) * size]
            losses = self._strategy.run(
                self._step, args=(self._x, self._y, rows, seed + tf.stack([0, 7919 * step]))
            )
            total += self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total / tf.cast(examples, tf.float32)

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
        share = slice(tf.where(empty, 0, first), tf.where(empty, batch, last))
        images = tf.cast(tf.gather(x, rows[share]), tf.float32)
        if self._recipe.augment:
            # Drawn for the whole batch: an image moves the same way on any number of devices.
            images = move(images, draw_moves(batch, seed)[share], self._fill)
        weight = tf.where(empty, 0.0, 1.0)
        with tf.GradientTape() as tape:
            probabilities = self.model(images * self._scale, training=True)
            losses = weight * cross_entropy(tf.gather(y, rows[share]), probabilities)
            penalty = tf.add_n(self.model.losses) if self.model.losses else 0.0
            # Gradients are summed over replicas, so each divides by the whole.
            objective = tf.reduce_sum(losses) / tf.cast(batch, tf.float32) + penalty / self.devices
        variables = self.model.trainable_variables
        self._optimizer.apply(tape.gradient(objective, variables), variables)
        return tf.reduce_sum(losses)

    def _copy_to_devices(self, values: NDArray[Any], devices: Sequence[str]) -> Any:
        import tensorflow as tf

        def copy(context: Any) -> Any:
            with tf.device(devices[context.replica_id_in_sync_group]):
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
