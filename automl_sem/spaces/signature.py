"""What a candidate is, as text: two that will train alike have the same signature."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from automl_sem.spaces.space import generates

# What a model holds and training does not depend on: names are numbered, seeds drawn.
PASSED_OVER = ("name", "seed", "shared_object_id")
# What Keras writes of a function or a class of a person's: its name, not what it does.
HIDING = ("'class_name': 'function'", "<function ", " object>")
SCALARS = (bool, int, float, str, tuple, type(None))


def signature(model: Any, recipe: Any) -> str:
    """Return architecture and recipe of a candidate as text, without names and weights.

    Args:
        model: A Keras model, compiled or not, or a `Gan`.
        recipe: How it is trained.
    """
    text = repr((_model(model), _compiled(model), recipe))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def is_whole(model: Any, text: str) -> bool:
    """Whether a signature says all of a model: what code of a person does, it cannot see.

    Args:
        model: The model.
        text: Its signature.
    """
    import keras

    if any(mark in text for mark in HIDING):
        return False
    networks = (model.generator, model.discriminator) if generates(model) else (model,)
    return all(
        type(network) is keras.Sequential or type(network).__module__.startswith("keras.")
        for network in networks
    )


def _model(model: Any) -> Any:
    graph = getattr(model, "_functional", None) or model  # a built Sequential wraps one
    by_depth = getattr(graph, "_nodes_by_depth", None)
    if not by_depth:
        parts = [_layer(layer) for layer in model.layers]
        return type(model).__name__, _scalars(model), parts
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    operations = list({id(node.operation): node.operation for node in nodes}.values())
    place = {id(operation): i for i, operation in enumerate(operations)}
    calls = [(place[id(node.operation)], _arguments(node, place)) for node in nodes]
    own = {} if type(model).__module__.startswith("keras.") else _scalars(model)
    return type(model).__name__, own, [_layer(operation) for operation in operations], calls


def _layer(layer: Any) -> Any:
    import keras

    if isinstance(layer, keras.Model):
        return _model(layer)
    kind = f"{type(layer).__module__}.{type(layer).__name__}"
    try:
        return kind, _plain(layer.get_config())
    except Exception:  # a person's own layer need not have one
        inner = getattr(layer, "_layers", ())
        return kind, _scalars(layer), [_layer(part) for part in inner]


def _arguments(node: Any, place: dict[int, int]) -> list[Any]:
    """Return what an operation was called with: each tensor by where it comes from."""
    import keras

    found = []
    for value in keras.tree.flatten((node.arguments.args, node.arguments.kwargs)):
        source = getattr(value, "_keras_history", None)
        if source is None:
            found.append(_plain(value))
        else:
            found.append((place.get(id(source.operation)), source.node_index, source.tensor_index))
    return [*found, sorted(node.arguments.kwargs)]


def _compiled(model: Any) -> Any:
    """Return the optimizer and loss of a compiled model; None of one that is not."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or generates(model):
        return None
    try:
        return _plain(model.get_compile_config())
    except Exception:  # a loss or a schedule of a person's own need not be serialisable
        return _optimizer(optimizer), repr(getattr(model, "loss", None))


def _optimizer(optimizer: Any) -> Any:
    try:
        return _plain(optimizer.get_config())
    except Exception:  # of one with a schedule of a person's own
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        return _scalars(inner), repr(inner), _scalars(inner._learning_rate)


def _scalars(thing: Any) -> dict[str, Any]:
    """Return the public plain attributes of a person's own model or layer."""
    return {
        name: value
        for name, value in sorted(vars(thing).items())
        if not name.startswith("_") and name not in PASSED_OVER and isinstance(value, SCALARS)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in sorted(value.items(), key=str) if k not in PASSED_OVER}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tobytes"):
        return hashlib.sha256(value.tobytes()).hexdigest()
    return value
