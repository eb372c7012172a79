"""The kinds of distortion that a search can be told to withstand, and their usual strengths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from automl_sem.errors import UserError, did_you_mean
from automl_sem.types import AUGMENT_LIMITS, Augment


@dataclass(frozen=True)
class Kind:
    """One kind of distortion.

    Args:
        field: The field of `Augment` that trains for it.
        usual: Strength where none is named, in the field's unit.
        unit: What stands behind a strength.
    """

    field: str
    usual: float
    unit: str = ""


KINDS = {
    "rotate": Kind("rotation", 45, " degrees"),
    "scale": Kind("scale", 0.4),
    "aspect": Kind("aspect", 0.4),
    "shift": Kind("shift", 0.15),
    "shear": Kind("shear", 20, " degrees"),
    "stroke": Kind("stroke", 1, " px"),
    "elastic": Kind("elastic", 0.05),
    "brightness": Kind("brightness", 0.3),
    "contrast": Kind("contrast", 0.5),
    "noise": Kind("noise", 0.1),
    "cutout": Kind("cutout", 0.3),
}


_AS_IN = "Write it as in rotate=45,scale=0.3"


def parse_stress(text: str) -> dict[str, float]:
    """Return kinds and strengths from `rotate=180,scale,noise=0.05`; `none` is no stress.

    Raises:
        UserError: If a kind does not exist, or a strength is no number or out of range.
    """
    if text.strip() == "none":
        return {}
    found: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, given, strength = (piece.strip() for piece in part.partition("="))
        if name in found:
            raise UserError(f"{name} is named twice", where="--stress", hint=_AS_IN)
        found[name] = _number(strength) if given else None
    if not found:
        raise UserError(
            "it names no distortion", where="--stress", hint=f"There are {', '.join(KINDS)}"
        )
    return checked_stress(found, "--stress", hint=_AS_IN)


def _number(text: str) -> float | str:
    """Return what a strength is, or its text where it is no number."""
    try:
        return float(text)
    except ValueError:
        return text


def checked_stress(
    wanted: Mapping[Any, Any], where: object, hint: str = 'Write it as in {"rotate": 45}'
) -> dict[str, float]:
    """Return kinds with their strengths; None stands for the usual one.

    Args:
        wanted: Kinds and strengths as a person wrote them.
        where: Where they were written.
        hint: How a strength is written there.

    Raises:
        UserError: If a kind does not exist, or a strength is no number or out of range.
    """
    checked = {}
    for name, given in wanted.items():
        if name not in KINDS:
            raise UserError(
                f"no stress is called {name!r}", where=where, hint=did_you_mean(str(name), KINDS)
            )
        kind = KINDS[name]
        if given is None:
            checked[name] = kind.usual
            continue
        if not isinstance(given, Real) or isinstance(given, bool):
            raise UserError(
                f"the strength of {name} is no number: {given!r}", where=where, hint=hint
            )
        largest = AUGMENT_LIMITS[kind.field]
        try:
            strength = float(given)
        except OverflowError:  # an int of hundreds of digits
            strength = math.inf
        if not 0 < strength <= largest:  # as it is not for NaN
            raise UserError(
                f"the strength of {name} must be above 0 and at most {largest:g}. "
                f"Received: {strength:g}",
                where=where,
            )
        checked[name] = strength
    return checked


def described(stress: Mapping[str, float]) -> str:
    """Return `rotate up to 180 degrees, scale up to 0.4`."""
    return ", ".join(f"{name} up to {s:g}{KINDS[name].unit}" for name, s in stress.items())


def with_kind(augment: Augment, name: str, strength: float) -> Augment:
    """Return an augmentation with another strength of what trains for a kind of stress."""
    return replace(augment, **{KINDS[name].field: strength})  # type: ignore[arg-type]
