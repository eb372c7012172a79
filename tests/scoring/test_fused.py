"""The kernels are there; that they give Keras's weights is shown in test_trainer_proofs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from automl_sem.scoring.fused import as_fused, fused_optimizers
from automl_sem.scoring.recipes import make_optimizer
from automl_sem.types import Recipe


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        ("adam", "ResourceApplyAdam"),
        ("adamw", "ResourceApplyAdam"),
        ("sgd", "ResourceApplyKerasMomentum"),
    ],
)
def test_a_step_is_one_kernel_a_variable(name, kernel):
    def kernels(fused):
        variables = [keras.Variable(np.ones(shape, np.float32)) for shape in ((3, 2), (2,))]
        optimizer = make_optimizer(Recipe(optimizer=name), 10, fused=fused)
        optimizer.build(variables)

        @tf.function
        def step():
            optimizer.apply([tf.ones(v.shape) for v in variables], variables)

        operations = step.get_concrete_function().graph.get_operations()
        return [operation.type for operation in operations].count(kernel)

    assert (kernels(True), kernels(False)) == (2, 0)


def test_a_gradient_of_some_rows_is_applied_to_all():
    def trained(fused):
        table = keras.Variable(np.ones((4, 2), np.float32))
        optimizer = make_optimizer(Recipe(learning_rate=0.1), 10, fused=fused)
        optimizer.build([table])
        for row in (1, 3, 1):
            optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), [row], (4, 2))], [table])
        return table.numpy()

    np.testing.assert_allclose(trained(True), trained(False), atol=1e-5)


def test_what_a_person_set_on_an_optimizer_is_not_lost():
    adam = keras.optimizers.Adam
    plain = adam(0.02, clipnorm=0.5, weight_decay=0.1, use_ema=True)
    assert as_fused(plain).get_config() == plain.get_config()
    assert type(as_fused(plain)) is fused_optimizers()["adam"]
    excluding = adam(weight_decay=0.1)
    excluding.exclude_from_weight_decay(var_names=["bias"])
    others = (excluding, adam(amsgrad=True), keras.optimizers.SGD(), keras.optimizers.Lion())
    assert all(as_fused(one) is one for one in others)
