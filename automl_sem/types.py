"""The values that travel between stages: small, frozen, and free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Those of smaller modules are found here as well.
from automl_sem.arrays import AnyInts as AnyInts
from automl_sem.arrays import Bytes as Bytes
from automl_sem.arrays import Examples as Examples
from automl_sem.arrays import Floats as Floats
from automl_sem.arrays import Ints as Ints
from automl_sem.augment import Augment as Augment
from automl_sem.errors import UserError, did_you_mean
from automl_sem.folds import AnyFold as AnyFold
from automl_sem.folds import AnyScore as AnyScore
from automl_sem.folds import CurvePoint as CurvePoint
from automl_sem.folds import FoldResult as FoldResult
from automl_sem.folds import Score as Score
from automl_sem.folds import StressResult as StressResult
from automl_sem.folds import classified as classified
from automl_sem.folds import objective_word as objective_word
from automl_sem.recipe import AnyRecipe as AnyRecipe
from automl_sem.recipe import Recipe as Recipe

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
