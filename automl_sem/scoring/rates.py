"""A learning rate of its own for some variables, under any optimizer of Keras.

Keras's MultiOptimizer would clip the gradients of each group by themselves, and takes no
optimizers that share a step count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from automl_sem.errors import UserError
from automl_sem.recipe import BACKBONE


def backbone_variables(model: Any) -> list[Any]:
    """Return the variables of the layer named "backbone".

    Raises:
        UserError: If there is none.
    """
    found = [layer for layer in model._flatten_layers() if layer.name == BACKBONE]
    if not found:
        raise UserError(
            f"backbone_rate is set, but the model has no layer named '{BACKBONE}'",
            where="recipe",
            hint="automl_sem.pretrained.backbone gives one",
        )
    return list(found[0].variables)


def multiply_rate(optimizer: Any, variables: Sequence[Any], factor: float) -> None:
    """Make an optimizer update some variables at a multiple of its learning rate.

    Their weight decay, which Keras multiplies by the learning rate, changes with it. The
    gradients are clipped before, all together. The class stays, so that a model compiled with
    the optimizer is saved as one of Keras's.

    Args:
        optimizer: A Keras optimizer, not yet used.
        variables: The variables, of which some may not be trained.
        factor: The multiple, above 0.
    """
    chosen = {id(variable) for variable in variables}
    update, decay, full = (
        optimizer._backend_update_step,
        optimizer._apply_weight_decay,
        optimizer.weight_decay,
    )

    @contextmanager
    def decay_changed() -> Iterator[None]:
        optimizer.weight_decay = full * factor if full else full
        try:
            yield
        finally:
            optimizer.weight_decay = full

    def update_step(gradients: Any, trained: Any, rate: Any) -> None:
        groups = {True: rate * factor, False: rate}
        for inside, own_rate in groups.items():
            pairs = [
                (gradient, variable)
                for gradient, variable in zip(gradients, trained, strict=True)
                if (id(variable) in chosen) is inside
            ]
            if pairs:
                update([g for g, _ in pairs], [v for _, v in pairs], own_rate)

    def apply_weight_decay(trained: Any) -> None:
        decay([variable for variable in trained if id(variable) not in chosen])
        with decay_changed():
            decay([variable for variable in trained if id(variable) in chosen])

    optimizer._backend_update_step = update_step
    optimizer._apply_weight_decay = apply_weight_decay
