"""The values that travel between stages: small, frozen, and free of heavy imports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

# Those of smaller modules are found here as well.
from automl_sem.arrays import AnyInts as AnyInts
from automl_sem.arrays import Bytes as Bytes
from automl_sem.arrays import Examples as Examples
from automl_sem.arrays import Floats as Floats
from automl_sem.arrays import Ints as Ints
from automl_sem.errors import UserError, did_you_mean
from automl_sem.folds import AnyFold as AnyFold
from automl_sem.folds import AnyScore as AnyScore
from automl_sem.folds import CurvePoint as CurvePoint
from automl_sem.folds import FoldResult as FoldResult
from automl_sem.folds import Score as Score
from automl_sem.folds import StressResult as StressResult
from automl_sem.folds import classified as classified
from automl_sem.folds import objective_word as objective_word
from automl_sem.gan_recipe import GanRecipe

Task = Literal["classification", "multi-label", "regression"]
TASKS: tuple[Task, ...] = ("classification", "multi-label", "regression")
ACTIVATIONS: dict[Task, str] = {
    "classification": "softmax",
    "multi-label": "sigmoid",
    "regression": "linear",
}


def task_named(name: str) -> Task:
    """Return a task by its name.

    Raises:
        UserError: If there is no such task.
    """
    for known in TASKS:
        if known == name:
            return known
    raise UserError(
        f"there is no task {name!r}, only {', '.join(TASKS)}",
        where="task",
        hint=did_you_mean(name, TASKS),
    )


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
class DataInfo:
    """What a search space may know of the data: never the examples themselves.

    Args:
        kind: Kind of data, `"images"`, `"clips"` or `"series"`.
        input_shape: Shape of one example, (height, width, channels), of a clip
            (frames, height, width, channels), of series (time, channels).
        classes: Number of classes, of a multi-label task its labels; 0 for regression.
        n_train: Number of training examples.
        norm: How inputs reach the model: `"[0, 1]"`, or `"0..255"` for a model
            that begins with a Rescaling or Normalization layer.
        weights: The file of `--weights`, for `automl_sem.pretrained`; None without.
        usual_length: Time steps that nine of ten training series do not exceed: one very long
            series is no measure for the others. All there are where it is not said; 0 of images
            and clips.
        task: What is learnt: `"classification"`, one class an example; `"multi-label"`, any number
            of labels; or `"regression"`, numbers.
        outputs: Units of the last layer: one a class, a label or a number. By default `classes`.
    """

    kind: str
    input_shape: tuple[int, ...]
    classes: int
    n_train: int
    norm: str = "[0, 1]"
    weights: str | None = None
    usual_length: int = 0
    task: Task = "classification"
    outputs: int = 0

    def __post_init__(self) -> None:
        if self.kind == "series" and not self.usual_length:
            object.__setattr__(self, "usual_length", self.input_shape[0])
        if not self.outputs:
            object.__setattr__(self, "outputs", self.classes)

    @property
    def activation(self) -> str:
        """Activation of the last layer: `"softmax"`, `"sigmoid"` or `"linear"`, by the task."""
        return ACTIVATIONS[self.task]


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


Status = Literal[
    "scored", "discarded", "diverged", "out_of_memory", "infeasible", "failed", "repeated"
]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, as told to the engine.

    Args:
        status: `"scored"`, or why there is no score.
        reason: One line for people; empty when scored.
        score: The score when scored.
        partial: What the folds trained so far gave when discarded: never ranked.
        reached: Objectives at the points of the curve of a fold that was not trained to its end.
    """

    status: Status
    reason: str = ""
    score: AnyScore | None = None
    partial: AnyScore | None = None
    reached: tuple[float, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One set of hyperparameters that an engine proposes.

    Args:
        trial: Number of the trial in the study, from 0.
        values: Active hyperparameters by name; they rebuild the same model anywhere.
        recipe: How to train it.
        parameters: Number of weights of the model.
        proposed_by: `"baseline"`, `"warm start"`, `"good start"`, `"start-up"` (random),
            `"model"`, or of engines that do not model scores `"random"`, `"qmc"`, `"grid"`, of
            Hyperband `"promoted"`.
        broken: Why it cannot be trained, when building it failed or it breaks a limit.
        repeats: The earlier trial with the same values and recipe, whose outcome is its own.
        costs: What the model costs to run, by name, as far as that was asked for.
        over_limits: How it breaks the limits though it is trained, which is for the baseline
            alone: it can never be the best.
    """

    trial: int
    values: Mapping[str, Any]
    recipe: AnyRecipe
    parameters: int
    proposed_by: str
    broken: Outcome | None = None
    repeats: int | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    over_limits: str = ""
