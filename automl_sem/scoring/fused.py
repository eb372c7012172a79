"""Keras's optimizers with one TensorFlow kernel a variable and step, in place of a dozen.

Slots, schedule, weight decay and clipping stay Keras's; only the formula is handed to the
kernel that TensorFlow has for it. Graphs are traced in half the time.
"""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def fused_optimizers() -> dict[str, type]:
    """Return the optimizers that have such a kernel, by their names in small letters.

    They are for graphs on one device: not under a `tf.distribute.Strategy`, nor in a model to
    save, since Keras would not know them when it loads the file.
    """
    import keras
    import tensorflow as tf

    class AdamStep:
        """Kingma and Ba 2015, arXiv 1412.6980."""

        def _backend_update_step(self: Any, grads: Any, variables: Any, rate: Any) -> None:
            rate, step = tf.cast(rate, tf.float32), tf.cast(self.iterations + 1, tf.float32)
            powers = [tf.pow(tf.constant(beta), step) for beta in (self.beta_1, self.beta_2)]
            for gradient, variable in zip(grads, variables, strict=True):
                index = self._get_variable_index(variable)
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.value.handle,
                    m=self._momentums[index].value.handle,
                    v=self._velocities[index].value.handle,
                    beta1_power=powers[0],
                    beta2_power=powers[1],
                    lr=rate,
                    beta1=self.beta_1,
                    beta2=self.beta_2,
                    epsilon=self.epsilon,
                    grad=tf.convert_to_tensor(gradient),
                )

    class MomentumStep:
        """Sutskever et al. 2013, On the importance of initialization and momentum."""

        def _backend_update_step(self: Any, grads: Any, variables: Any, rate: Any) -> None:
            rate = tf.cast(rate, tf.float32)
            for gradient, variable in zip(grads, variables, strict=True):
                tf.raw_ops.ResourceApplyKerasMomentum(
                    var=variable.value.handle,
                    accum=self.momentums[self._get_variable_index(variable)].value.handle,
                    lr=rate,
                    grad=tf.convert_to_tensor(gradient),
                    momentum=self.momentum,
                    use_nesterov=self.nesterov,
                )

    optimizers = keras.optimizers
    return {
        "adam": type("Adam", (AdamStep, optimizers.Adam), {}),
        "adamw": type("AdamW", (AdamStep, optimizers.AdamW), {}),
        "sgd": type("SGD", (MomentumStep, optimizers.SGD), {}),
    }


def as_fused(optimizer: Any) -> Any:
    """Return an optimizer that takes the same steps by single kernels, or else itself.

    Args:
        optimizer: Of Keras, with the settings of a person.
    """
    import keras

    optimizers = keras.optimizers
    name = type(optimizer).__name__.lower()
    rate = getattr(optimizer, "_learning_rate", None)
    schedule = isinstance(rate, optimizers.schedules.LearningRateSchedule)
    if (
        type(optimizer) not in (optimizers.Adam, optimizers.AdamW, optimizers.SGD)
        or getattr(optimizer, "amsgrad", False)
        or getattr(optimizer, "momentum", 1.0) == 0
        or getattr(optimizer, "_exclude_from_weight_decay", None)
        or getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
        or (schedule and type(rate).__module__.partition(".")[0] != "keras")
    ):
        return optimizer
    kind: Any = fused_optimizers()[name]
    return kind.from_config(optimizer.get_config())
