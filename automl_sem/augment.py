"""How training examples are changed at random: kinds, strengths and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from automl_sem.errors import UserError


@dataclass(frozen=True)
class Augment:
    """How training examples are changed at random, each anew in every step; 0 is off.

    What does not apply to the kind of data (`AUGMENT_KINDS`) is refused. All frames of a clip
    are turned, moved, warped and painted over alike.

    Args:
        rotation: Largest angle in degrees, either way; 180 is any.
        scale: Largest change of size: 0.5 draws from 1/1.5 to 1.5 times.
        aspect: Largest change of width against height, likewise.
        shear: Largest angle in degrees that upright lines lean by.
        shift: Largest shift, a share of the image's side.
        flip: Whether half of the images are mirrored left to right.
        stroke: Largest change of stroke thickness in pixels at each side of a stroke.
        elastic: Largest displacement of a smooth random warp, a share of the image's side.
        brightness: Largest change of brightness, a share of the full range.
        contrast: Largest change of contrast: 0.5 draws from 1/1.5 to 1.5 times.
        noise: Largest standard deviation of noise, of pixels a share of the full range, of
            series a share of a channel's standard deviation.
        cutout: Largest side of a square that is painted over, a share of the image's side.
        mixup: Strength alpha of mixing an example and its label with another's.
        speed: Largest change of pace of a sequence: 0.5 draws from 1/1.5 to 1.5 times.
        start: Largest shift in time, a share of the length.
        warp: Largest displacement of a smooth random warp of time, a share of the length.
        crop: Largest share of the length that is cut off; what is left is stretched to all of
            it.
        drop: Largest share of the steps or frames that repeat the one before them.
        channels: Largest share of the channels that are set to their mean; never all are.

    Raises:
        ValueError: If a value is out of range.
    """

    rotation: float = 0.0
    scale: float = 0.0
    aspect: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    flip: bool = False
    stroke: float = 0.0
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    cutout: float = 0.0
    mixup: float = 0.0
    speed: float = 0.0
    start: float = 0.0
    warp: float = 0.0
    crop: float = 0.0
    drop: float = 0.0
    channels: float = 0.0

    def __post_init__(self) -> None:
        for name, largest in AUGMENT_LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= largest):
                expected = f"from 0 to {largest:g}"
                raise ValueError(f"Augment.{name} must be {expected}. Received: {value!r}")

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return any(getattr(self, f.name) for f in fields(self))

    def __str__(self) -> str:
        """Return what is on, `rotation 20, scale 0.16`, or `none`."""
        on = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}
        words = [name if value is True else f"{name} {value:.3g}" for name, value in on.items()]
        return ", ".join(words) or "none"


# Beyond these nothing is left of the example; from a warp of 1/6 on, time could run backwards.
AUGMENT_LIMITS = {
    "rotation": 180.0,
    "scale": 3.0,
    "aspect": 3.0,
    "shear": 60.0,
    "shift": 1.0,
    "stroke": 3.0,
    "elastic": 0.5,
    "brightness": 1.0,
    "contrast": 3.0,
    "noise": 1.0,
    "cutout": 1.0,
    "mixup": 10.0,
    "speed": 3.0,
    "start": 1.0,
    "warp": 0.15,
    "crop": 0.9,
    "drop": 0.9,
    "channels": 1.0,
}

_PICTURES = ("images", "clips")
_SEQUENCES = ("clips", "series")
_ALL = ("images", "clips", "series")

# The kinds of data that each field of `Augment` is for.
AUGMENT_KINDS = {
    "rotation": _PICTURES,
    "scale": _PICTURES,
    "aspect": _PICTURES,
    "shear": _PICTURES,
    "shift": _PICTURES,
    "flip": _PICTURES,
    "stroke": _PICTURES,
    "elastic": _PICTURES,
    "brightness": _PICTURES,
    "contrast": _PICTURES,
    "noise": _ALL,
    "cutout": _PICTURES,
    "mixup": _ALL,
    "speed": _SEQUENCES,
    "start": _SEQUENCES,
    "warp": _SEQUENCES,
    "crop": _SEQUENCES,
    "drop": _SEQUENCES,
    "channels": ("series",),
}


def check_augment(augment: Augment, kind: str, where: object = "Recipe.augment") -> None:
    """Refuse changes that do not apply to a kind of data.

    Args:
        augment: The changes.
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        where: Where they were asked for.

    Raises:
        UserError: If one of them is for other kinds of data alone.
    """
    for name, kinds in AUGMENT_KINDS.items():
        if getattr(augment, name) and kind not in kinds:
            known = ", ".join(sorted(n for n, kinds in AUGMENT_KINDS.items() if kind in kinds))
            raise UserError(
                f"{name} is for {' and '.join(kinds)}, but the data are {kind}",
                where=where,
                hint=f"For {kind} there are {known}",
            )


# Small enough to keep a 6 from becoming a 9.
MILD = Augment(rotation=20, scale=0.16, shift=0.1)
