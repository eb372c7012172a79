"""Leave out of a drawing what finds the padding of series, blanks it or takes each number alone.

A network for series of different lengths makes a mask of its input and hands it to half of its
layers: dozens of operations without weights, of which a person wants to know one thing, namely
which layers are blind to padding. An operation is left out if

- it compares or combines truth values, or all that it takes or all that takes it does so, or
- it works number by number or on the form alone, and what it takes comes of one other layer.

What joins two layers, or computes something out of several steps, is kept, and so is every layer.
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
PLAIN = FORM | NUMBER_BY_NUMBER | {"Split", "Concatenate"}
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
    between = _operations_between(layers)
    masks = _masks(layers, between)
    # What stands for each layer that something else takes, and whether a mask was applied to it.
    stands: dict[str, tuple[list[str], bool]] = {}
    drawn = []
    for layer in layers:
        name = layer["id"]
        if name in masks:
            continue
        taken = [stands[source] for source in layer["inputs"] if source not in masks]
        sources = list(dict.fromkeys(source for some, _ in taken for source in some))
        masked = any(m for _, m in taken) or not masks.isdisjoint(layer["inputs"])
        if name in between and layer["type"] in PLAIN and len(sources) == 1:
            stands[name] = (sources, masked)
        else:
            stands[name] = ([name], False)
            drawn.append({**layer, "inputs": sources, MASKED: masked})
    return Folded(drawn, len(layers) - len(drawn))


def _operations_between(layers: Sequence[Layer]) -> dict[str, list[str]]:
    """Return the operations between others, which alone can be left out, with what takes each."""
    takers: dict[str, list[str]] = {layer["id"]: [] for layer in layers}
    for layer in layers:
        for source in layer["inputs"]:
            takers[source].append(layer["id"])
    inner = [layer["id"] for layer in layers if layer.get("operation") and layer["inputs"]]
    return {name: takers[name] for name in inner if takers[name]}


def _masks(layers: Sequence[Layer], between: dict[str, list[str]]) -> set[str]:
    """Return what makes masks and nothing else."""
    masks: set[str] = set()
    for layer in layers:
        logic = layer["type"] in LOGIC or masks.issuperset(layer["inputs"])
        if logic and layer["id"] in between:
            masks.add(layer["id"])
    for name in reversed(list(between)):
        if masks.issuperset(between[name]):
            masks.add(name)
    # What takes nothing else takes it as its input, not as a mask.
    for layer in reversed(layers):
        if layer["id"] not in masks and masks.issuperset(layer["inputs"]):
            masks.difference_update(layer["inputs"])
    return masks
