"""What a model costs to run: weights, file size, time for an example, memory; and limits on it.

Of a GAN it is the generator that counts, which is what is exported.

Nothing is trained: all is known once a model is built.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MB = 1e6  # bytes
WARM_UP = 5  # runs that are not timed
RUNS = 100
LATENCY_S = 1.0  # after which no further run is timed


@dataclass(frozen=True)
class Cost:
    """One thing that a model costs.

    Args:
        word: For people, on an axis and above a column.
        flag: Of the limit on it.
        unit: Behind a number.
    """

    word: str
    flag: str
    unit: str

    def text(self, value: float) -> str:
        """Return a number with its unit: `22,339 weights`."""
        number = f"{value:,.0f}" if self.unit == "weights" else f"{value:#.3g}".rstrip(".")
        return f"{number} {self.unit}"


COSTS = {
    "params": Cost("weights", "--max-params", "weights"),
    "size_mb": Cost("size in MB", "--max-size-mb", "MB"),
    "latency_ms": Cost("latency in ms", "--max-latency-ms", "ms"),
    "memory_mb": Cost("memory in MB", "--max-memory", "MB of memory"),
}


def limits_text(limits: Mapping[str, float]) -> str:
    """Return limits for people: `at most 50,000 weights, at most 5 ms`."""
    return ", ".join(f"at most {COSTS[name].text(most)}" for name, most in limits.items())


@dataclass(frozen=True)
class Demands:
    """What is asked of a model before it may be trained.

    Args:
        limits: Largest cost, by name of `COSTS`.
        wanted: Costs to know besides.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    wanted: Collection[str] = ()

    def __bool__(self) -> bool:
        """Whether anything is to be measured."""
        return bool(self.limits or self.wanted)

    def costs(self, model: Any, shape: Sequence[int]) -> dict[str, float]:
        """Return what is to be known of a model.

        It is not timed if it breaks another limit already.

        Args:
            model: A built Keras model, or a `Gan`.
            shape: Shape of one example.
        """
        model = getattr(model, "generator", model)
        names = [name for name in COSTS if name in self.limits or name in self.wanted]
        found: dict[str, float] = {}
        if "params" in names:
            found["params"] = float(model.count_params())
        if "size_mb" in names:
            found["size_mb"] = size_mb(model)
        if "memory_mb" in names:
            found["memory_mb"] = memory_mb(model)
        if "latency_ms" in names and not self.over(found):
            found["latency_ms"] = latency_ms(model, shape)
        return found

    def excess(self, costs: Mapping[str, float]) -> dict[str, float]:
        """Return by what share each limit is passed, 0 or below where it is kept."""
        return {
            name: (costs[name] - most) / most for name, most in self.limits.items() if name in costs
        }

    def over(self, costs: Mapping[str, float]) -> str:
        """Return how limits are broken, for people; empty where all are kept."""
        broken = [name for name, share in self.excess(costs).items() if share > 0]
        return "; ".join(
            f"{COSTS[name].text(costs[name])}, {COSTS[name].flag} allows "
            f"{COSTS[name].text(self.limits[name])}"
            for name in broken
        )


def size_mb(model: Any) -> float:
    """Return what the weights of a model take in a file, in MB of 10^6 bytes.

    The description of the layers comes on top, some ten to a hundred kB.
    """
    return sum(_bytes(variable.shape, variable.dtype) for variable in model.weights) / MB


def memory_mb(model: Any) -> float:
    """Return an estimate of the memory that one example takes to run, in MB of 10^6 bytes.

    All weights, and the outputs that layers must keep at the most demanding moment of a run in
    which every layer writes an output of its own and frees what nothing needs any more. What an
    operation needs for itself, the runtime and the graph are not in it.
    """
    return size_mb(model) + _peak(model) / MB


def latency_ms(model: Any, shape: Sequence[int]) -> float:
    """Return how long one example takes, in ms: the median of many runs of the traced model.

    It runs where TensorFlow puts it, on a GPU if there is one, with as many threads as
    TensorFlow takes by itself. What else the machine does at the time counts as well.

    Args:
        model: A built Keras model.
        shape: Shape of one example.
    """
    import tensorflow as tf

    given = getattr(model, "inputs", None)  # several of a generator that is told the class
    examples = [_zeros(tensor, shape) for tensor in given] if given else [tf.zeros((1, *shape))]
    run = tf.function(lambda x: model(x, training=False))

    def once() -> float:
        begun = time.perf_counter()
        for output in tf.nest.flatten(run(examples if len(examples) > 1 else examples[0])):
            output.numpy()  # waits for a GPU
        return time.perf_counter() - begun

    for _ in range(WARM_UP):
        once()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < RUNS and (not times or time.perf_counter() - begun < LATENCY_S):
        times.append(once())
    return 1000 * statistics.median(times)


def _zeros(given: Any, shape: Sequence[int]) -> Any:
    """Return one example for an input; where it takes any size, that of the data."""
    import tensorflow as tf

    sizes = tuple(given.shape)[1:]
    if len(sizes) == len(shape):
        sizes = tuple(size or other for size, other in zip(sizes, shape, strict=True))
    return tf.zeros((1, *(size or 1 for size in sizes)), given.dtype)


def _peak(model: Any) -> int:
    """Return the bytes of outputs that are kept at the most demanding moment of a run."""
    inner = getattr(model, "_functional", None) or model  # a built Sequential wraps one
    by_depth = getattr(inner, "_nodes_by_depth", None)
    if not by_depth:  # its connections are only in its code
        outputs = [_output_bytes(layer) for layer in model.layers]
        return max((a + b for a, b in zip(outputs, [*outputs[1:], 0], strict=True)), default=0)
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    needed = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    needed.update(id(tensor) for tensor in inner.outputs)
    live = peak = 0
    for node in nodes:
        live += sum(_tensor_bytes(tensor) for tensor in node.outputs)
        peak = max(peak, live + _inside(node))
        for tensor in node.input_tensors:
            needed[id(tensor)] -= 1
            if not needed[id(tensor)]:
                live -= _tensor_bytes(tensor)
    return peak


def _inside(node: Any) -> int:
    """Return the bytes that a model within the model keeps, of all frames of a clip at once."""
    import keras

    layer = node.operation
    if isinstance(layer, keras.Model):
        return _peak(layer)
    if isinstance(layer, keras.layers.TimeDistributed) and isinstance(layer.layer, keras.Model):
        steps = node.input_tensors[0].shape[1] or 1
        return int(steps) * _peak(layer.layer)
    return 0


def _output_bytes(layer: Any) -> int:
    output = getattr(layer, "output", None)
    return _tensor_bytes(output) if hasattr(output, "shape") else 0


def _tensor_bytes(tensor: Any) -> int:
    return _bytes([1 if size is None else size for size in tensor.shape], tensor.dtype)


def _bytes(shape: Sequence[int], dtype: Any) -> int:
    import keras
    import tensorflow as tf

    count = 1
    for size in shape:
        count *= int(size)
    return count * int(tf.as_dtype(keras.backend.standardize_dtype(dtype)).size)
