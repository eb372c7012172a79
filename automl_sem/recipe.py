"""How a candidate is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from automl_sem.augment import MILD, Augment
from automl_sem.gan_recipe import GanRecipe

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("cosine", "constant")
CLASS_WEIGHTS = ("none", "balanced", "sampling")
# Fields of a recipe that say what a compiled model says itself.
OPTIMIZER_FIELDS = (
    "optimizer",
    "learning_rate",
    "schedule",
    "weight_decay",
    "clip_norm",
    "backbone_rate",
)
BACKBONE = "backbone"  # name of the layer, a model, that `Recipe.backbone_rate` is for
VIEWS = ("none", "flip", "shift", "turn")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; part of what is searched.

    Args:
        optimizer: One of `OPTIMIZERS`, or another optimizer of Keras by its name, such as
            `"lion"`: its candidates are trained by Keras's `fit`, which takes longer. Large
            and small letters are alike.
        learning_rate: Initial learning rate, above 0.
        schedule: `"cosine"` decays the learning rate to zero over all steps
            (Loshchilov and Hutter 2017, arXiv 1608.03983), `"constant"` keeps it.
        weight_decay: Decoupled weight decay per step, 0 for none
            (Loshchilov and Hutter 2019, arXiv 1711.05101).
        batch_size: Examples per step.
        epochs: Passes over the training part of a fold.
        steps: Steps in all, in place of `epochs` where these would be too short to count
            by: the epochs follow from it.
        augment: How training examples are changed at random; True is `MILD`, which is for
            images and clips, False not at all.
        clip_norm: Largest norm of all gradients together, 0 for no limit
            (Pascanu et al. 2013, arXiv 1211.5063).
        class_weight: `"balanced"` weighs an example by examples / (classes * examples of
            its class) of the training part of a fold, `"sampling"` instead draws examples of
            rare classes as often as of others, `"none"` takes all as they come, as several
            labels and numbers always are.
        label_smoothing: Share of the label that is spread over all classes, 0 to below 1
            (Szegedy et al. 2016, arXiv 1512.00567); each of several labels is
            drawn towards one half instead. Of a regression nothing is smoothed.
        views: What predictions are averaged over (test-time augmentation): `"flip"` the image
            and its mirror image, `"shift"` the image and it moved by a pixel to each side,
            `"turn"` its four quarter turns; `"none"` predicts once.
        backbone_rate: Learning rate of the layer named "backbone" as a multiple of
            `learning_rate`, above 0; small ones keep what it has learned before.
        fakes: Images that a GAN drew for each real one, 0 to 1; a search with
            `--augment-with` chooses it. They are changed at random as real ones are, and steps
            stay as many as without them, but for whole epochs.
        own_optimizer: The optimizer of a model that `build` compiled, in words; a search fills it
            in, and optimizer, rates, schedule, decay and clipping above are then not used.
        own_loss: Its loss, likewise.
        own_fit: Whether a hypermodel trains the model by a `fit` of its own, which is told the
            epochs and decides on the rest, likewise.

    Raises:
        ValueError: If a value is out of range.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    weight_decay: float = 0.0
    batch_size: int = 16
    epochs: int = 40
    augment: Augment | bool = False
    clip_norm: float = 0.0
    class_weight: str = "none"
    steps: int | None = None
    label_smoothing: float = 0.0
    views: str = "none"
    backbone_rate: float = 1.0
    fakes: float = 0.0
    own_optimizer: str = ""
    own_loss: str = ""
    own_fit: bool = False

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                received = getattr(self, name)
                raise ValueError(f"Recipe.{name} must be {expected}. Received: {received!r}")

        named = isinstance(self.optimizer, str) and self.optimizer.strip() != ""
        require(named, "optimizer", f"a name, such as one of {OPTIMIZERS}")
        object.__setattr__(self, "optimizer", self.optimizer.strip().lower())
        require(self.schedule in SCHEDULES, "schedule", f"one of {SCHEDULES}")
        positive = math.isfinite(self.learning_rate) and self.learning_rate > 0
        require(positive, "learning_rate", "above 0")
        require(math.isfinite(self.weight_decay) and self.weight_decay >= 0, "weight_decay", ">= 0")
        clips = math.isfinite(self.clip_norm) and self.clip_norm >= 0
        require(clips, "clip_norm", ">= 0")
        require(self.class_weight in CLASS_WEIGHTS, "class_weight", f"one of {CLASS_WEIGHTS}")
        require(int(self.batch_size) == self.batch_size >= 1, "batch_size", "a whole number >= 1")
        require(int(self.epochs) == self.epochs >= 1, "epochs", "a whole number >= 1")
        steps = self.steps is None or int(self.steps) == self.steps >= 1
        require(steps, "steps", "a whole number >= 1")
        smoothing = math.isfinite(self.label_smoothing) and 0 <= self.label_smoothing < 1
        require(smoothing, "label_smoothing", "from 0 to below 1")
        slower = math.isfinite(self.backbone_rate) and self.backbone_rate > 0
        require(slower, "backbone_rate", "above 0")
        require(0 <= self.fakes <= 1, "fakes", "from 0 to 1")
        require(self.views in VIEWS, "views", f"one of {VIEWS}")
        if not isinstance(self.augment, Augment):
            require(isinstance(self.augment, bool), "augment", "an Augment, True or False")
            object.__setattr__(self, "augment", MILD if self.augment else Augment())

    @property
    def augmentation(self) -> Augment:
        """How training images are changed; `augment` may have been given as True or False."""
        assert isinstance(self.augment, Augment)
        return self.augment

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary, for the record."""
        return asdict(self)

    def shown(self) -> dict[str, Any]:
        """Return what people should see of it: how long by what counts, changes in words."""
        idle = {"epochs" if self.steps is not None else "steps"}
        idle.update(("own_optimizer", "own_loss", "own_fit"))
        if not self.fakes:
            idle.add("fakes")
        own: dict[str, Any] = {}
        if self.own_optimizer:
            idle.update(OPTIMIZER_FIELDS)
            own = {"optimizer": self.own_optimizer, "loss": self.own_loss}
        if self.own_fit:
            return {**own, "training": "the fit of the hypermodel", "epochs": self.epochs}
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in idle}
        return {**own, **shown, "augment": str(self.augment)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a record; fields that it lacks take their defaults."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        if isinstance(known.get("augment"), Mapping):
            known["augment"] = Augment(**known["augment"])
        return cls(**known)


AnyRecipe = Recipe | GanRecipe


def recipe_from_dict(values: Mapping[str, Any]) -> AnyRecipe:
    """Return the recipe of a record, be it a classifier's or a GAN's."""
    kind = GanRecipe if "d_steps" in values else Recipe
    return kind.from_dict(values)


def of_classifier(recipe: AnyRecipe) -> Recipe:
    """Return the recipe of a classifier as such, for code that no GAN comes to."""
    assert isinstance(recipe, Recipe)
    return recipe
