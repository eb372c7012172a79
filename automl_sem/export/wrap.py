"""The model that is exported: preprocessing and network in one, of stock Keras layers."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from automl_sem.export.intake import ImageIntake, Intake
from automl_sem.export.outlet import AS_THEY_ARE, Outlet
from automl_sem.scoring.fold import predict_in_chunks
from automl_sem.scoring.views import averaged
from automl_sem.types import Floats


def wrap(
    core: Any,
    views: str = "none",
    intake: Intake | None = None,
    outlet: Outlet = AS_THEY_ARE,
) -> Any:
    """Return a model from raw examples to predictions: probabilities, or numbers.

    Args:
        core: The network as trained.
        views: What its predictions are averaged over, as in its recipe.
        intake: How examples enter it; None for images of any size, which are stretched.
        outlet: What becomes of its outputs.

    Returns:
        A Keras model from what the intake says to float32 (batch, outputs).
    """
    import keras

    intake = intake or ImageIntake(core)
    raw = intake.input()
    # Resizing takes itself to be training unless told otherwise, and tells the layers after it:
    # without training=False, Dropout would drop when the model is simply called.
    network = without_augmentation(core)
    predicted = averaged(lambda view: network(view, training=False), intake.enter(raw), views)
    return keras.Model(raw, outlet.leave(predicted), name=outlet.name)


def without_augmentation(model: Any) -> Any:
    """Return a model without the layers of this package, with the same weights.

    They do nothing in predictions, but could not be loaded where this package is not
    installed. A model with a `call` of its own stays as it is.

    Args:
        model: A model as `build` returns it, or one within it.
    """
    import keras

    from automl_sem.augmentation.base import RandomChange

    def changes(layer: Any) -> bool:
        return isinstance(layer, RandomChange) or any(map(changes, getattr(layer, "layers", [])))

    def call(layer: Any, *args: Any, **options: Any) -> Any:
        if isinstance(layer, RandomChange):
            return args[0]
        inner = without_augmentation(layer) if isinstance(layer, keras.Model) else layer
        return inner(*args, **options)

    if not changes(model) or not getattr(model, "inputs", None):
        return model
    ends = (
        tensors[0] if len(tensors) == 1 else tensors for tensors in (model.inputs, model.outputs)
    )
    graph = keras.Model(*ends, name=model.name)
    if type(model).call not in (type(graph).call, keras.Sequential.call):
        return model
    return keras.models.clone_model(graph, clone_function=lambda x: x, call_function=call)


def predict_core(
    core: Any,
    examples: NDArray[Any],
    views: str = "none",
    intake: Intake | None = None,
    outlet: Outlet = AS_THEY_ARE,
) -> Floats:
    """Return what the network itself predicts, without the wrapping, (n, outputs).

    Args:
        core: The network as trained.
        examples: Raw examples, (n, ...), as the intake says.
        views: What its predictions are averaged over, as in its recipe.
        intake: How examples enter it; None for images of any size, which are stretched.
        outlet: What becomes of its outputs.
    """
    entered = intake or ImageIntake(core)

    def predict(some: NDArray[Any]) -> Any:
        return averaged(lambda view: core(view, training=False), entered.ready(some), views)

    return outlet.in_units(predict_in_chunks(examples, predict, examples.shape[1:]))
