"""Describe a Keras model's graph as plain values, to be kept in `architecture.json` and drawn."""

from __future__ import annotations

from typing import Any

SCHEMA_VERSION = 1

# What says most about a layer, in the order in which people read it.
SETTINGS = (
    "filters",
    "units",
    "kernel_size",
    "pool_size",
    "size",
    "strides",
    "dilation_rate",
    "padding",
    "groups",
    "num_heads",
    "key_dim",
    "rate",
    "dropout",
    "recurrent_dropout",
    "go_backwards",
    "merge_mode",
    "mask_value",
    "momentum",
    "scale",
    "target_shape",
    "return_sequences",
    "activation",
    "use_bias",
)


def describe_architecture(model: Any) -> dict[str, Any]:
    """Return the layers of a model, from inputs to outputs, and how they are connected.

        {"schema_version": 1, "name": "functional", "parameters": 22339, "trainable": 22275,
         "graph": True,
         "layers": [{"id": "conv2d", "name": "conv2d", "type": "Conv2D",
                     "settings": {"filters": 32, "kernel_size": [3, 3], "padding": "same"},
                     "output_shape": [24, 24, 32], "parameters": 320,
                     "inputs": ["input_layer"], "contains": None, "operation": False,
                     "inside": None}, ...]}

    `inputs` holds ids of layers that come before. A layer called several times stands
    there once a call (`"conv2d"`, `"conv2d#2"`), its weights counted at the first. A model
    within the model is one entry, by its name; `contains` is its number of layers. A layer around
    another, such as Bidirectional or TimeDistributed, has that one's type, settings and number of
    layers `inside`. An `operation` is one of `keras.ops`, which has no weights.
    `graph` is False for a subclassed model, whose layers are listed as they were made,
    since its connections are only in its code.

    Args:
        model: A functional or Sequential Keras model; compiled or not.
    """
    graph = _graph(model)
    layers = _layers_of_graph(graph) if graph is not None else _layers_in_order(model)
    trainable = [variable.shape for variable in model.trainable_variables]
    return {
        "schema_version": SCHEMA_VERSION,
        "name": str(model.name),
        "parameters": int(model.count_params()) if model.built else None,
        "trainable": sum(_size(shape) for shape in trainable),
        "graph": graph is not None,
        "layers": layers,
    }


def _graph(model: Any) -> Any | None:
    """Return the functional model behind `model`, or None if it has none."""
    inner = getattr(model, "_functional", None) or model  # a built Sequential wraps one
    return inner if getattr(inner, "_nodes_by_depth", None) else None


def _layers_of_graph(graph: Any) -> list[dict[str, Any]]:
    by_depth = graph._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    ids: dict[tuple[int, int], str] = {}  # (operation, number of its call) -> id
    calls: dict[str, int] = {}
    for node in nodes:
        name = str(node.operation.name)
        calls[name] = calls.get(name, 0) + 1
        ids[_call(node)] = name if calls[name] == 1 else f"{name}#{calls[name]}"
    layers = []
    for node in nodes:
        sources = [tensor._keras_history for tensor in node.input_tensors]
        inputs = [ids[id(source.operation), source.node_index] for source in sources]
        identity = ids[_call(node)]
        first = "#" not in identity or identity == node.operation.name
        shape = node.outputs[0].shape if node.outputs else None
        layers.append(_entry(node.operation, identity, list(dict.fromkeys(inputs)), shape, first))
    return layers


def _call(node: Any) -> tuple[int, int]:
    return id(node.operation), node.operation._inbound_nodes.index(node)


def _layers_in_order(model: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for layer in model.layers:
        previous = [entries[-1]["id"]] if entries else []
        shape = getattr(layer, "output", None)
        entries.append(_entry(layer, str(layer.name), previous, getattr(shape, "shape", None)))
    return entries


def _entry(
    layer: Any, identity: str, inputs: list[str], shape: Any, count: bool = True
) -> dict[str, Any]:
    import keras

    nested = isinstance(layer, keras.Model)
    inner = _inner(layer)
    weights = (
        layer.count_params() if count and hasattr(layer, "count_params") and layer.built else 0
    )
    return {
        "id": identity,
        "name": str(layer.name),
        "type": type(layer).__name__,
        "settings": {} if nested else _settings(layer),
        "output_shape": None if shape is None else [_whole(n) for n in tuple(shape)[1:]],
        "parameters": int(weights),
        "inputs": inputs,
        "contains": len(layer.layers) if nested else None,
        "operation": not isinstance(layer, keras.layers.Layer),
        "inside": None if inner is None else _inside(inner),
    }


def _inner(layer: Any) -> Any | None:
    """Return the layer that a layer is wrapped around, or the cell that it runs; None without."""
    import keras

    if isinstance(layer, keras.layers.Bidirectional):
        return layer.forward_layer
    if isinstance(layer, keras.layers.Wrapper):
        return layer.layer
    return layer.cell if type(layer) is keras.layers.RNN else None


def _inside(layer: Any) -> dict[str, Any]:
    import keras

    nested = isinstance(layer, keras.Model)
    further = _inner(layer)
    return {
        "type": str(layer.name) if nested else type(layer).__name__,
        "settings": {} if nested else _settings(layer),
        "contains": len(layer.layers) if nested else None,
        "inside": None if further is None else _inside(further),
    }


def _settings(layer: Any) -> dict[str, Any]:
    import keras

    if not isinstance(layer, keras.layers.Layer):  # an operation
        axis = _plain(getattr(layer, "axis", None))
        return {} if axis is None else {"axis": axis}
    try:
        config = layer.get_config()
    except Exception:  # a person's own layer need not have one
        return {}
    found = {name: _plain(config[name]) for name in SETTINGS if name in config}
    return {name: value for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return a JSON value, or None for what has none."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value):
        return list(value)
    return None


def _whole(size: Any) -> int | None:
    return None if size is None else int(size)


def _size(shape: Any) -> int:
    product = 1
    for length in shape:
        product *= int(length)
    return product
