"""What `run.json` holds: all that a run was started with."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict

from automl_sem.engines.make import EngineChoice
from automl_sem.goals import LOG_LOSS, Goal
from automl_sem.objectives.record import ObjectiveRecord
from automl_sem.scoring.words import Words, words_of
from automl_sem.spaces.parameters import Value
from automl_sem.types import Task, task_named

SCHEMA_VERSION = 1
STRESSED_LOG_LOSS = Goal("mean of log_loss and stress_log_loss", "objective", lowest=0.0)


class WeightsFile(BaseModel):
    """The pretrained model that a run builds on.

    Args:
        file: Its file.
        sha256: Fingerprint of the file.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str


class ImageNetFile(WeightsFile):
    """Weights in Keras's cache that candidates of a run may build on.

    Args:
        network: Name of the network in Keras Applications.
        file: Its file when the run was started.
        sha256: Fingerprint of the file.
    """

    network: str


class WarmStart(BaseModel):
    """What a search takes over from another run.

    Args:
        run: Directory of the other run.
        trials: Numbers of the trials, best first.
        starts: What is taken over of each, by names in the study.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    trials: list[int]
    starts: list[dict[str, Value]]


class AugmentWith(BaseModel):
    """The GAN that draws images for classifiers to learn from, trained anew on each fold.

    Args:
        asked: What a person asked for: `"gan"`, or the path of an export or a run.
        trial: Which trial of another search it is; None for the built-in GAN.
        space: Name, origin and SHA-256 of its space file.
        beside: Folder whose modules the space may import.
        hyperparameters: Of its networks and its recipe, by name.
        recipe: How it is trained.
    """

    model_config = ConfigDict(frozen=True)

    asked: str
    trial: int | None = None
    space: dict[str, str]
    beside: str
    hyperparameters: dict[str, Any]
    recipe: dict[str, Any]


class Manifest(BaseModel):
    """What `run.json` holds.

    Args:
        schema_version: Version of this layout.
        created: ISO 8601 time, UTC.
        seed: Seed of the whole run.
        folds: Number of folds.
        trials: Trials to complete, the baseline included.
        time_limit_s: Time limit of the search in seconds, or None.
        fixed: Recipe fields set by flags.
        stress: Kinds of distortion that folds are scored under, with their strengths.
        check_stress: Whether to find out if labels survive them: nobody vouches for a stress
            that a person asked for, as a space does for its own.
        weights: The pretrained model that the space builds on; None without `--weights`.
        imagenet: Those in Keras's cache at the start that the space can ask for.
        warm_start: Another run, whose hyperparameters are tried early; None without.
        augment_with: The GAN of `--augment-with`; None without.
        objectives: What the search is for, that which ranks trials first; empty for the usual:
            the log-loss, under stress its mean with that of distorted copies, of labels the
            cross-entropy, of numbers the squared error, of GANs the distance.
        limits: Largest cost of a candidate, by name of `automl_sem.costs.COSTS`.
        discard: Rule by which hopeless candidates are dropped.
        engine: Who proposes candidates.
        sampler: Optuna's sampler, or None with another engine.
        oracle: KerasTuner's oracle, or None with another engine.
        workers: Worker processes; 0 for the search's own process.
        threads: Processor threads of each, 0 for TensorFlow's choice; they decide the
            last digits of a score, and so a resumed search keeps them.
        gpus: GPUs that the workers share.
        window: Trials that may be under way at a time in a reproducible search: trial n is
            proposed when all up to n - window have ended, and knows these alone. None
            when trials are proposed as workers become free.
        generates: Whether candidates are GANs.
        expected_s: Seconds that the search was expected to take, or None if nobody knew.
        space: Name, origin and SHA-256 of the space file.
        data: Name, kind, source, loader options, fingerprints and shape of the dataset.
        notes: What the loaders decided.
        versions: Versions of the packages that matter.
        machine: Processor, cores and devices.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    created: str
    seed: int
    folds: int
    trials: int
    time_limit_s: float | None = None
    fixed: dict[str, int] = {}
    stress: dict[str, float] = {}
    check_stress: bool = False
    weights: WeightsFile | None = None
    imagenet: list[ImageNetFile] = []
    warm_start: WarmStart | None = None
    augment_with: AugmentWith | None = None
    objectives: list[ObjectiveRecord] = []
    limits: dict[str, float] = {}
    discard: str = "none"
    engine: str = "optuna"
    sampler: str | None = "tpe"
    oracle: str | None = None
    workers: int = 0
    threads: int = 0
    gpus: list[str] = []
    window: int | None = 1
    generates: bool = False
    expected_s: float | None = None
    space: dict[str, str]
    data: dict[str, Any]
    notes: list[str] = []
    versions: dict[str, str] = {}
    machine: dict[str, Any] = {}

    @property
    def task(self) -> Task:
        """What is learnt of the data; runs from before know classes alone."""
        return task_named(str(self.data.get("task", "classification")))

    @property
    def words(self) -> Words:
        """What scores are called."""
        return words_of(self.task, generates=self.generates, stressed=bool(self.stress))

    @property
    def engine_choice(self) -> EngineChoice:
        """Who proposes candidates."""
        return EngineChoice(self.engine, self.sampler, self.oracle)

    @property
    def kind(self) -> str:
        """Kind of data, which is what people call its examples: `"images"`."""
        return str(self.data.get("kind", "images"))

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the search is for, that which ranks trials first."""
        if self.objectives:
            return tuple(objective.goal for objective in self.objectives)
        words = self.words
        lowest = -math.inf if words.lowest is None else words.lowest
        return (Goal(words.objective_name, words.objective, lowest=lowest),)

    @property
    def goal(self) -> Goal:
        """What ranks trials."""
        return self.goals[0]

    @property
    def of_stress(self) -> str:
        """What the objective is the mean of, of examples as they are and of distorted ones.

        `"log-loss"`; empty without stress, or where this plays no part in the objective.
        """
        if not self.stress or self.generates:
            return ""
        if not self.objectives:
            return LOG_LOSS.word
        first = self.objectives[0]
        return first.asked.replace("_", "-") if first.name != first.asked else ""

    @property
    def costs(self) -> list[str]:
        """What is to be known of a candidate's costs, by name, besides those with a limit."""
        return [objective.name for objective in self.objectives if objective.goal.cost]
