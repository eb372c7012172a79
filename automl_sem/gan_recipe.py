"""How a GAN is trained: part of what is searched, as `Recipe` is for classifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

LOSSES = ("non-saturating", "hinge", "wgan-gp")


@dataclass(frozen=True)
class DiffAugment:
    """How real and generated images are changed before the discriminator sees them.

    Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training
    (arXiv 2006.10738): both are changed, in the steps of both networks, so that the
    discriminator cannot learn a small training set by heart, and what it teaches the generator
    is still to draw images as they are. 0 is off.

    Args:
        translation: Largest shift in whole pixels, a share of the side.
        cutout: Side of a square that gets the background value, a share of the side.
        brightness: Largest change of brightness, a share of the full range.
        contrast: Largest change of contrast: 0.5 draws from 0.5 to 1.5 times.

    Raises:
        ValueError: If a value is out of range.
    """

    translation: float = 0.0
    cutout: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        for name, largest in DIFF_AUGMENT_LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= largest):
                expected = f"from 0 to {largest:g}"
                raise ValueError(f"DiffAugment.{name} must be {expected}. Received: {value!r}")

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return any(getattr(self, f.name) for f in fields(self))

    def __str__(self) -> str:
        """Return what is on, `translation 0.125, cutout 0.25`, or `none`."""
        on = [(f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name)]
        return ", ".join(f"{name} {value:.3g}" for name, value in on) or "none"


# Beyond these, most of what the discriminator sees is not the image.
DIFF_AUGMENT_LIMITS = {"translation": 0.5, "cutout": 0.75, "brightness": 1.0, "contrast": 1.0}


@dataclass(frozen=True)
class GanRecipe:
    """How a generator and a discriminator are trained.

    Args:
        loss: `"non-saturating"` (Goodfellow et al. 2014, arXiv 1406.2661), `"hinge"` (Lim and Ye
            2017, arXiv 1705.02894) or `"wgan-gp"` (Gulrajani et al. 2017, arXiv 1704.00028).
        learning_rate: Of the generator; constant.
        discriminator_rate: Learning rate of the discriminator, a multiple of the generator's: two
            rates may differ (Heusel et al. 2017, arXiv 1706.08500).
        beta_1: How long Adam remembers gradients: 0.5 as in DCGAN (Radford et al. 2015,
            arXiv 1511.06434), 0 to below 1.
        batch_size: Images a step, as many real as generated ones.
        steps: Steps of the generator.
        d_steps: Steps of the discriminator before each.
        r1: Weight of the penalty on the discriminator's gradient at real images, 0 for none
            (Mescheder et al. 2018, arXiv 1801.04406).
        gradient_penalty: Weight of the penalty that belongs to `"wgan-gp"`.
        label_smoothing: How far below 1 the target of real images lies, that of generated ones
            stays 0; `"non-saturating"` alone has targets (Salimans et al. 2016,
            arXiv 1606.03498).
        ema: Share of the averaged generator that a step leaves as it is, 0 for no averaging
            (Yazici et al. 2018, arXiv 1806.04498). It is less in the first steps.
        augment: How images are changed before the discriminator sees them.

    Raises:
        ValueError: If a value is out of range, or does not go with the loss.
    """

    loss: str = "non-saturating"
    learning_rate: float = 2e-4
    discriminator_rate: float = 1.0
    beta_1: float = 0.5
    batch_size: int = 64
    steps: int = 2000
    d_steps: int = 1
    r1: float = 0.0
    gradient_penalty: float = 10.0
    label_smoothing: float = 0.0
    ema: float = 0.995
    augment: DiffAugment = field(default_factory=DiffAugment)

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                received = getattr(self, name)
                raise ValueError(f"GanRecipe.{name} must be {expected}. Received: {received!r}")

        require(self.loss in LOSSES, "loss", f"one of {LOSSES}")
        for name in ("learning_rate", "discriminator_rate"):
            value = getattr(self, name)
            require(math.isfinite(value) and value > 0, name, "above 0")
        for name in ("batch_size", "steps", "d_steps"):
            value = getattr(self, name)
            require(int(value) == value >= 1, name, "a whole number >= 1")
        for name in ("r1", "gradient_penalty"):
            value = getattr(self, name)
            require(math.isfinite(value) and value >= 0, name, ">= 0")
        for name in ("beta_1", "ema"):
            require(0 <= getattr(self, name) < 1, name, "from 0 to below 1")
        require(0 <= self.label_smoothing < 0.5, "label_smoothing", "from 0 to below 0.5")
        if self.label_smoothing and self.loss != "non-saturating":
            raise ValueError(
                f"GanRecipe.label_smoothing is for loss='non-saturating': {self.loss!r} has no "
                f"targets to smooth. Received: {self.label_smoothing!r}"
            )
        require(isinstance(self.augment, DiffAugment), "augment", "a DiffAugment")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary, for the record."""
        return asdict(self)

    def shown(self) -> dict[str, Any]:
        """Return what people should see of it: what belongs to its loss, changes in words."""
        idle = {"non-saturating": ("gradient_penalty",), "hinge": ("gradient_penalty",)}
        hidden = {*idle.get(self.loss, ())}
        if self.loss != "non-saturating":
            hidden.add("label_smoothing")
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}
        return {**shown, "augment": str(self.augment)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GanRecipe:
        """Return the recipe of a record; fields that it lacks take their defaults."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        if isinstance(known.get("augment"), Mapping):
            known["augment"] = DiffAugment(**known["augment"])
        return cls(**known)


def of_gan(recipe: object) -> GanRecipe:
    """Return the recipe of a GAN as such, for code that no classifier comes to."""
    assert isinstance(recipe, GanRecipe)
    return recipe
