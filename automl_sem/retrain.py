"""Train a chosen candidate once more, on all training data and over every device.

The step is that of the fold trainer, run through `strategy.run`: each device takes its
share of a batch, and losses are summed over the whole batch, so that the result does not
depend on the number of devices (but for rounding, dropout and batch statistics).
Models that only Keras's `fit` can train are retrained by it too, on one device.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.backup import Backup, Saved
from automl_sem.data.dataset import TrainingPart
from automl_sem.errors import NegativeResult, UserError
from automl_sem.files import disk_error
from automl_sem.gan_recipe import GanRecipe
from automl_sem.replicas import Build, EpochTrainer, epoch_trainer
from automl_sem.scoring.losses import as_they_are, predictions_of
from automl_sem.scoring.outputs import in_own_units, units_of
from automl_sem.scoring.own_fit import BuildToFit
from automl_sem.scoring.recipes import steps_per_epoch
from automl_sem.seeds import seeded
from automl_sem.spaces.compiled import is_compiled
from automl_sem.spaces.space import generates
from automl_sem.types import AnyRecipe, DataInfo, Floats

SAVE_EVERY_S = 5.0  # a killed retraining loses no more than this
SAME_COMMAND = "the same command"
BACKUP = "backup.npz"
CHECKPOINT = "model.keras"

OnEpoch = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Retrained:
    """A candidate trained on all training data.

    Args:
        model: The Keras model, as `build` returns it, on one device; but not compiled, without a
            training step of its own, which could not be exported, and with probabilities where a
            compiled loss took logits.
        epochs: Epochs trained.
        steps: Gradient steps of all epochs; 0 where a hypermodel's own fit took them, uncounted.
        devices: Number of devices it was trained on; one where Keras's `fit` trained it.
        seconds: Wall-clock time of the training, earlier sessions included.
        resumed_from: Epochs that an earlier session had done already.
        units: Mean and standard deviation of each number to predict, (2, outputs), in which the
            model's outputs are; None where they are predictions as they are.
    """

    model: Any
    epochs: int
    steps: int
    devices: int
    seconds: float
    resumed_from: int
    units: Floats | None = None


def retrain(
    build: Build,
    recipe: AnyRecipe,
    part: TrainingPart,
    *,
    real: NDArray[Any] | None = None,
    seed: int,
    epochs: int,
    checkpoints: Path,
    devices: Sequence[str] | None = None,
    on_epoch: OnEpoch | None = None,
    build_to_fit: BuildToFit | None = None,
) -> Retrained:
    """Train a candidate on all training data with `tf.distribute.MirroredStrategy`.

    Batch size and learning rate are the recipe's, whatever the number of devices. A
    killed training goes on from its last backup and ends with the very same weights;
    a finished one is not repeated.

    Args:
        build: Returns the candidate's model.
        recipe: How to train it; its epochs are not used.
        part: The training data.
        real: Rows of examples that no GAN drew, (n,); by default all.
        seed: Decides initial weights, shuffling and augmentation.
        epochs: Passes over the training data; of a GAN the pieces that its steps are cut into.
        checkpoints: Directory for the backup and for `model.keras`, a checkpoint for people.
        devices: Device names, such as `["GPU:0", "GPU:1"]`; by default every visible GPU.
        on_epoch: Called with (epochs done, epochs in all, mean training loss).
        build_to_fit: Returns the model and what trains it, where its hypermodel has a `fit` of its
            own; that is one epoch then, however many it makes of it.

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
    units = None
    if part.task == "regression" and build_to_fit is None and in_own_units(model):
        units = units_of(part.y)
    if isinstance(recipe, GanRecipe):
        steps = recipe.steps
    elif build_to_fit is not None:
        epochs, steps = 1, 0
    else:
        steps = epochs * steps_per_epoch(len(part.x), recipe.batch_size)
    backup = Backup(checkpoints / BACKUP, _fingerprint(model, recipe, part, seed, epochs))
    start = end = backup.read()
    if end is None or end.epoch < epochs:
        names = list(devices) if devices is not None else visible_devices()
        try:
            trainer = epoch_trainer(
                build,
                recipe,
                part,
                real=real,
                seed=seed,
                steps=steps,
                devices=names,
                build_to_fit=build_to_fit,
            )
            end = _train(trainer, epochs, start, backup, on_epoch)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise NegativeResult("the retraining does not fit into memory") from error
    for variable, value in zip(_trained(model), end.state, strict=False):
        variable.assign(value)
    return Retrained(
        model=_network(model, part.info),
        epochs=epochs,
        steps=steps,
        devices=end.devices,
        seconds=end.seconds,
        resumed_from=start.epoch if start else 0,
        units=units,
    )


def _trained(model: Any) -> list[Any]:
    """Return the variables of a model, in the order in which trainers save them."""
    networks = model.networks if generates(model) else (model,)
    return [variable for network in networks for variable in network.variables]


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


def _fingerprint(model: Any, recipe: AnyRecipe, part: TrainingPart, seed: int, epochs: int) -> str:
    """The devices are left out: weights trained on two of them are the weights."""
    shapes = [[*variable.shape] for variable in model.variables]
    settings = [recipe.to_dict(), part.fingerprint(), seed, epochs, shapes]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def _network(model: Any, info: DataInfo) -> Any:
    """Return the network of a model: not compiled, and its outputs are predictions.

    What differs from keras.Model in training alone is left out.
    """
    import keras

    if not is_compiled(model):
        return _without_own_training(model)
    turn = predictions_of(model, info)
    if _has_stock_call(model):
        inputs, outputs = model.inputs[0], model.outputs[0]
    else:  # it stays inside as one layer, which must not be saved with an optimizer
        model.compiled = False
        inputs = keras.Input(info.input_shape)
        outputs = model(inputs)
    predictions = outputs if turn is as_they_are else turn(outputs)
    return keras.Model(inputs, predictions, name=model.name)


def _without_own_training(model: Any) -> Any:
    """Return the network of a model whose class differs from keras.Model in training alone."""
    import keras

    if type(model).__module__.startswith("keras.") or not _has_stock_call(model):
        return model
    return keras.Model(model.input, model.output, name=model.name)


def _has_stock_call(model: Any) -> bool:
    """Whether a model calls its layers as Keras's functional and sequential models do."""
    import keras

    if not getattr(model, "inputs", None):
        return False
    functional = type(keras.Model(model.inputs, model.outputs))
    return type(model).call in (functional.call, keras.Sequential.call)


def _train(
    trainer: EpochTrainer,
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
