"""A GAN trained on all data, mirrored on several devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from automl_sem.backup import State
from automl_sem.data.dataset import TrainingPart
from automl_sem.data.ground import background_of
from automl_sem.gan_recipe import GanRecipe
from automl_sem.scoring.gan.trainer import batches
from automl_sem.seeds import derive_seed, seeded

PIECES = 50  # that a training is cut into: after each it can be saved


def pieces_of(recipe: GanRecipe) -> int:
    """Return how many pieces a training has, which stand for the epochs of a classifier's."""
    return min(PIECES, recipe.steps)


class MirroredGanTrainer:
    """Two networks mirrored on devices; a piece of the training is one graph call.

    Each device takes its share of a batch, of the noise and of what is random about the
    augmentation, so that the result does not depend on the number of devices but for rounding,
    dropout and the statistics of batch normalisation.

    Args:
        build: Returns the `Gan`.
        recipe: How to train it.
        part: The training data, copied to every device.
        seed: Decides initial weights, the order of the images and the noise.
        strategy: Mirrors variables on the devices.
        devices: Names of the devices.
    """

    def __init__(
        self,
        build: Callable[[], Any],
        recipe: GanRecipe,
        part: TrainingPart,
        *,
        seed: int,
        strategy: Any,
        devices: Sequence[str],
    ) -> None:
        import tensorflow as tf

        self.devices = len(devices)
        self._recipe = recipe
        self._seed = seed
        self._strategy = strategy
        self._device_names = tuple(devices)
        with strategy.scope(), seeded(seed):
            self.model = build()
            self.model.compile(recipe)
        self._order = batches(np.arange(len(part.x)), recipe, derive_seed(seed, "order"))
        self._fill = np.float32(background_of(part.x, np.arange(len(part.x))) / 255.0)
        self._x = self._copy_to_devices(part.x)
        self._y = self._copy_to_devices(part.y.astype(np.int32))
        self._run = tf.function(self._steps_graph, reduce_retracing=True)

    @property
    def _variables(self) -> list[Any]:
        """All variables of the networks and their optimizers, with the seed states of Dropout."""
        gan = self.model
        networks = [variable for network in gan.networks for variable in network.variables]
        return [*networks, *gan.d_optimizer.variables, *gan.g_optimizer.variables]

    def state(self) -> State:
        """Return the values of all variables."""
        return [variable.numpy() for variable in self._variables]

    def restore(self, state: State) -> None:
        """Set all variables to what `state` returned."""
        for variable, value in zip(self._variables, state, strict=True):
            variable.assign(value)

    def run_epoch(self, epoch: int) -> float:
        """Train one piece and return the mean loss of the generator.

        Args:
            epoch: Number of the piece, from 1.
        """
        import tensorflow as tf

        steps, pieces = self._recipe.steps, pieces_of(self._recipe)
        first, last = ((n * steps) // pieces for n in (epoch - 1, epoch))
        start = tf.constant([self._seed, first], tf.int32)
        total = self._run(self._x, self._y, tf.constant(self._order[first:last]), start)
        self._average_statistics()
        return float(total) / (last - first)

    def _steps_graph(self, x: Any, y: Any, order: Any, seed: Any) -> Any:
        """x: (n, ...); y: (n,); order: (steps, d_steps, batch); seed: with the steps done, (2,)."""
        import tensorflow as tf

        total = tf.constant(0.0)
        for step in tf.range(tf.shape(order)[0]):
            done = seed[1] + step
            own = tf.stack([seed[0] + 104729 * done, done])
            for d_step in range(self._recipe.d_steps):
                seeds = own + [0, 7919 * (d_step + 1)]
                self._strategy.run(self._discriminate, args=(x, y, order[step, d_step], seeds))
            losses = self._strategy.run(self._generate, args=(y, order[step, 0], own))
            total += self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total

    def _discriminate(self, x: Any, y: Any, rows: Any, seed: Any) -> None:
        """One replica's part of a step of the discriminator."""
        import tensorflow as tf

        share = self._share(rows)
        rows = share.of(rows)
        real = tf.cast(tf.gather(x, rows), tf.float32) / 255.0
        self.model.learn_to_discriminate(real, tf.gather(y, rows), seed, self._fill, share)

    def _generate(self, y: Any, rows: Any, seed: Any) -> Any:
        """One replica's part of a step of the generator: returns its part of the mean loss."""
        import tensorflow as tf

        share = self._share(rows)
        labels = tf.gather(y, share.of(rows))
        losses = self.model.learn_to_generate(labels, seed, self._fill, share)
        return tf.reduce_sum(losses) / tf.cast(share.whole, tf.float32)

    def _share(self, rows: Any) -> Any:
        """Return this replica's share of a batch; there are no more replicas than images."""
        import tensorflow as tf

        from automl_sem.gans.model import Share

        whole = tf.shape(rows)[0]
        if self.devices == 1:
            return Share(whole)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return Share(whole, whole * replica // self.devices, whole * (replica + 1) // self.devices)

    def _copy_to_devices(self, values: Any) -> Any:
        import tensorflow as tf

        def copy(context: Any) -> Any:
            with tf.device(self._device_names[context.replica_id_in_sync_group]):
                return tf.constant(values)

        return self._strategy.experimental_distribute_values_from_function(copy)

    def _average_statistics(self) -> None:
        """Give all replicas the mean of their moving averages, as only the first is saved."""
        for network in self.model.networks:
            for variable in network.non_trainable_variables:
                copies = self._strategy.experimental_local_results(variable.value)
                if len(copies) > 1 and copies[0].dtype.is_floating:
                    variable.assign(np.mean([copy.numpy() for copy in copies], axis=0))
