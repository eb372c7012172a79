"""The kinds of distortion that a search can be told to withstand, and their usual strengths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from automl_sem.augment import AUGMENT_KINDS, AUGMENT_LIMITS
from automl_sem.errors import UserError, did_you_mean
from automl_sem.types import Augment


@dataclass(frozen=True)
class Kind:
    """One kind of distortion.

    Args:
        field: The field of `Augment` that trains for it.
        usual: Strength where none is named, in the field's unit.
        unit: What stands behind a strength.
        usual_series: Usual strength for series, where it is another.
    """

    field: str
    usual: float
    unit: str = ""
    usual_series: float | None = None

    @property
    def data(self) -> tuple[str, ...]:
        """The kinds of data that it is for."""
        return AUGMENT_KINDS[self.field]

    def usual_for(self, data: str) -> float:
        """Return the usual strength for a kind of data."""
        if data == "series" and self.usual_series is not None:
            return self.usual_series
        return self.usual


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
    "noise": Kind("noise", 0.1, usual_series=0.3),
    "cutout": Kind("cutout", 0.3),
    "speed": Kind("speed", 0.5),
    "start": Kind("start", 0.15),
    "warp": Kind("warp", 0.1),
    "crop": Kind("crop", 0.3),
    "drop": Kind("drop", 0.5),
    "channels": Kind("channels", 0.4),
}


def kinds_for(data: str) -> list[str]:
    """Return the names of the kinds of distortion for a kind of data."""
    return [name for name, kind in KINDS.items() if data in kind.data]


def parse_stress(text: str, data: str) -> dict[str, float]:
    """Return kinds and strengths from `rotate=180,scale,noise=0.05`; `none` is no stress.

    Args:
        text: What a person wrote.
        data: Kind of data, `"images"`, `"clips"` or `"series"`.

    Raises:
        UserError: If a kind does not exist or is for other data, or a strength is no number or
            out of range.
    """
    as_in = ",".join(f"{name}={KINDS[name].usual_for(data):g}" for name in kinds_for(data)[:2])
    as_in = f"Write it as in {as_in}"
    if text.strip() == "none":
        return {}
    found: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, given, strength = (piece.strip() for piece in part.partition("="))
        if name in found:
            raise UserError(f"{name} is named twice", where="--stress", hint=as_in)
        found[name] = _number(strength) if given else None
    if not found:
        raise UserError(
            "it names no distortion",
            where="--stress",
            hint=f"There are {', '.join(kinds_for(data))}",
        )
    return checked_stress(found, "--stress", data, hint=as_in)


def _number(text: str) -> float | str:
    """Return what a strength is, or its text where it is no number."""
    try:
        return float(text)
    except ValueError:
        return text


def checked_stress(
    wanted: Mapping[Any, Any],
    where: object,
    data: str,
    hint: str = 'Write it as in {"noise": 0.1}',
) -> dict[str, float]:
    """Return kinds with their strengths; None stands for the usual one.

    Args:
        wanted: Kinds and strengths as a person wrote them.
        where: Where they were written.
        data: Kind of data.
        hint: How a strength is written there.

    Raises:
        UserError: If a kind does not exist or is for other data, or a strength is no number or
            out of range.
    """
    checked = {}
    for name, given in wanted.items():
        if name not in KINDS:
            raise UserError(
                f"no stress is called {name!r}",
                where=where,
                hint=did_you_mean(str(name), kinds_for(data)),
            )
        kind = KINDS[name]
        if data not in kind.data:
            raise UserError(
                f"{name} is for {' and '.join(kind.data)}, but the data are {data}",
                where=where,
                hint=f"For {data} there are {', '.join(kinds_for(data))}",
            )
        if given is None:
            checked[name] = kind.usual_for(data)
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
