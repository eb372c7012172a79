"""Leave out of a network's drawing what only finds the padding of series or blanks it.

A network for series of different lengths makes a mask of its input and hands it to half of its
layers: dozens of operations without weights, of which a person wants to know one thing, namely
which layers are blind to padding. An operation is left out if

- it compares or combines truth values, or all that it takes or all that takes it does so,
- it applies such a mask to what goes on, or
- it changes no more than the form or the scale of what goes on.

What computes something out of several steps or tensors is always kept, and so is every layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Layer = Mapping[str, Any]  # as `describe_architecture` describes it

LOGIC = {
    *("Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"),
    *("LogicalAnd", "LogicalOr", "LogicalNot", "LogicalXor", "Any", "All"),
    *("Isnan", "Isfinite", "Isinf"),
}
FORM = {"Cast", "ExpandDims", "Squeeze", "Identity", "StopGradient"}
NUMBER_BY_NUMBER = {
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Where"),
}
MASKED = "masked"


@dataclass(frozen=True)
class Folded:
    """A network without what is not drawn.

    Args:
        layers: What is drawn; inputs are those among them, and `MASKED` says which are given a
            mask or what a mask has blanked.
        left_out: Number of operations that are not.
    """

    layers: list[dict[str, Any]]
    left_out: int


def fold(layers: Sequence[Layer]) -> Folded:
    """Return what is to be drawn of a network.

    Args:
        layers: Inputs first.
    """
    graph = _Graph(layers)
    masks = _masks(graph)
    through = _through(graph, masks)
    drawn = [layer for layer in layers if layer["id"] not in masks | through]
    # What stands for each layer that something else takes, and whether a mask was applied to it.
    stands: dict[str, tuple[list[str], bool]] = {}
    found = []
    for layer in layers:
        name = layer["id"]
        if name in masks:
            continue
        taken = [stands[source] for source in layer["inputs"] if source in stands]
        sources = list(dict.fromkeys(source for some, _ in taken for source in some))
        masked = any(m for _, m in taken) or not masks.isdisjoint(layer["inputs"])
        if name in through:
            stands[name] = (sources, masked)
        else:
            stands[name] = ([name], False)
            found.append({**layer, "inputs": sources, MASKED: masked})
    return Folded(found, len(layers) - len(drawn))


class _Graph:
    """Layers by their ids, with what takes each."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = {layer["id"]: layer for layer in layers}
        self.order = list(self.layers)
        self.takers: dict[str, list[str]] = {name: [] for name in self.order}
        for name in self.order:
            for source in self.inputs(name):
                self.takers[source].append(name)

    def inputs(self, name: str) -> list[str]:
        return list(self.layers[name]["inputs"])

    def kind(self, name: str) -> str:
        return str(self.layers[name]["type"])

    def optional(self, name: str) -> bool:
        """Whether it is an operation between others, so that it can be left out at all."""
        inner = bool(self.inputs(name)) and bool(self.takers[name])
        return inner and bool(self.layers[name].get("operation"))


def _masks(graph: _Graph) -> set[str]:
    """Return what makes masks and nothing else."""
    masks: set[str] = set()
    for name in graph.order:
        of_masks = masks.issuperset(graph.inputs(name))
        if graph.optional(name) and (graph.kind(name) in LOGIC or of_masks):
            masks.add(name)
    for name in reversed(graph.order):
        if graph.optional(name) and masks.issuperset(graph.takers[name]):
            masks.add(name)
    # A layer that takes nothing else takes it as its input, not as a mask.
    waiting = [
        name
        for name in graph.order
        if name not in masks and graph.inputs(name) and masks.issuperset(graph.inputs(name))
    ]
    while waiting:
        above = [source for source in graph.inputs(waiting.pop()) if source in masks]
        masks.difference_update(above)
        waiting += above
    return masks


def _through(graph: _Graph, masks: set[str]) -> set[str]:
    """Return what hands on what it takes of one other layer, only masked or in another form."""
    roots: dict[str, str] = {}
    found: set[str] = set()
    scales: set[str] = set()
    for name in graph.order:
        roots[name] = name
        taken = [source for source in graph.inputs(name) if source not in masks]
        masked = len(taken) < len(graph.inputs(name))
        kind = graph.kind(name)
        if name in masks or not graph.optional(name) or len({roots[s] for s in taken}) != 1:
            continue
        if kind in NUMBER_BY_NUMBER:
            (scales if len(taken) == 1 and not masked else found).add(name)
        elif kind in FORM or (kind == "Concatenate" and masked and len(taken) == 1):
            found.add(name)
        else:
            continue
        roots[name] = roots[taken[0]]
    # Arithmetic with a constant is part of what the network does, unless masks alone need it.
    for name in reversed(graph.order):
        if name in scales and (found | masks).issuperset(graph.takers[name]):
            found.add(name)
    for name in graph.order:
        one_part = graph.kind(name) == "Split" and graph.optional(name) and name not in masks
        if one_part and len(_takers_beyond(graph, name, found, masks)) == 1:
            found.add(name)
    # Whatever still joins two layers of the drawing is kept.
    sources: dict[str, set[str]] = {}
    for name in graph.order:
        taken = [source for source in graph.inputs(name) if source not in masks]
        joined = set().union(*(sources[source] for source in taken if source in sources))
        if len(joined) > 1:
            found.discard(name)
        sources[name] = joined if name in found else {name}
    return found


def _takers_beyond(graph: _Graph, name: str, through: set[str], masks: set[str]) -> set[str]:
    """Return what takes a layer in the drawing."""
    takers: set[str] = set()
    for taker in graph.takers[name]:
        if taker in through:
            takers |= _takers_beyond(graph, taker, through, masks)
        elif taker not in masks:
            takers.add(taker)
    return takers
