"""Choose who trains a candidate: the graph trainer, Keras's `fit` where it must be, or its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automl_sem import environment
from automl_sem.data.dataset import TrainingPart
from automl_sem.data.examples import stays_on_disk
from automl_sem.errors import UserError
from automl_sem.gan_recipe import GanRecipe
from automl_sem.recipe import OPTIMIZERS
from automl_sem.scoring.base import Trainer
from automl_sem.scoring.fit import FitTrainer, input_kind
from automl_sem.scoring.gan.fakes import FakesOf
from automl_sem.scoring.gan.judge import Judge
from automl_sem.scoring.gan.judges import Judges
from automl_sem.scoring.gan.trainer import GanTrainer
from automl_sem.scoring.kernels import slow_on_gpu
from automl_sem.scoring.losses import labels_of, only_keras_can
from automl_sem.scoring.own_fit import BuildToFit, OwnFitTrainer
from automl_sem.scoring.precision import FULL
from automl_sem.scoring.recipes import keras_optimizer
from automl_sem.scoring.stress import StressFolds
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import derive_seed, seeded
from automl_sem.spaces.compiled import is_compiled
from automl_sem.types import AnyRecipe, Ints, Recipe

# `test_step` is not among them: neither trainer calls it, scores come from predictions.
OWN_TRAINING = ("train_step", "compute_loss")
OWN_FIT = (
    "trained by the fit of its hypermodel, which sees the held-out examples as validation_data"
)


def choose_trainer(
    build: Callable[[], Any],
    recipe: AnyRecipe,
    part: TrainingPart,
    seed: int,
    precision: str = FULL,
    stress: StressFolds | None = None,
    judge: Callable[[Ints], Judge] | None = None,
    fakes: FakesOf | None = None,
    build_to_fit: BuildToFit | None = None,
) -> Trainer:
    """Return the trainer for a candidate; its `note` says what takes it longer.

    That is Keras's `fit` where it must be, and on a GPU a recurrent layer without its kernel.

    Args:
        build: Returns the candidate's model.
        recipe: How to train it.
        part: The training part.
        seed: Seed of the trial.
        precision: Dtype policy of the graph trainer.
        stress: Scores each fold's model on distorted examples too, or None.
        judge: Returns the judge of a fold, by its held-out rows; for GANs alone.
        fakes: Returns the fakes of a fold, likewise; for classifiers whose recipe asks for some.
        build_to_fit: Returns the model and what trains it, where its hypermodel has a `fit` of its
            own; else None.

    Raises:
        UserError: If Keras has no optimizer of the recipe's name, or what should be trained
            cannot be.
    """
    if isinstance(recipe, GanRecipe):
        return GanTrainer(build, recipe, part, seed, judge or Judges(part, seed).of)
    if build_to_fit is not None:
        if stays_on_disk(part.x):
            raise UserError(
                "the fit of the hypermodel takes all examples at once, but these are too large to "
                "be held in memory",
                where="HyperModel.fit",
            )
        if recipe.augmentation:  # as when the stress of a search is checked
            raise UserError("the fit of the hypermodel is given the examples as they are")
        return OwnFitTrainer(
            build_to_fit, recipe, part, seed, note=OWN_FIT, stress=stress, fakes=fakes
        )
    with seeded(derive_seed(seed, "trace")):
        model = build()
    if is_compiled(model) and labels_of(model, part.info) == "integers":
        _refuse_soft_labels(recipe)
    reasons = only_fit_can(model)
    if stays_on_disk(part.x):
        reasons.append("the examples are too large to be held in memory")
    if recipe.optimizer not in OPTIMIZERS:
        keras_optimizer(recipe.optimizer)
        known = ", ".join(OPTIMIZERS)
        reasons.append(f"optimizer '{recipe.optimizer}' is not one of {known}")
    notes = [f"trained by Keras's fit: {'; '.join(reasons)}"] if reasons else []
    slow = slow_on_gpu(model) if environment.gpus() else []
    notes += [f"without the fast kernel of a GPU: {'; '.join(slow)}"] if slow else []
    note = "; ".join(notes)
    if reasons:
        return FitTrainer(build, recipe, part, seed, note=note, stress=stress, fakes=fakes)
    return FoldTrainer(
        build,
        recipe,
        part,
        seed,
        precision=precision,
        model=model,
        note=note,
        stress=stress,
        fakes=fakes,
    )


def only_fit_can(model: Any) -> list[str]:
    """Return why a model can be trained by Keras's `fit` alone; empty if it is not so."""
    reasons = [f"its model has a {name} of its own" for name in OWN_TRAINING if _own(model, name)]
    if (kind := input_kind(model)) != "dense":
        reasons.append(f"its model takes a {kind} input")
    if is_compiled(model):
        reasons += filter(None, [only_keras_can(model)])
    return reasons


def _refuse_soft_labels(recipe: Recipe) -> None:
    """Raise a UserError if a recipe spreads labels over classes that a loss wants as numbers."""
    if recipe.label_smoothing or recipe.augmentation.mixup:
        raise UserError(
            "label smoothing and mixup give a label to several classes, but the compiled loss "
            "takes class numbers",
            where="recipe",
            hint="Compile the model with categorical_crossentropy",
        )


def _own(model: Any, name: str) -> bool:
    """Whether a model's class, or the model itself, replaces a method of keras.Model."""
    import keras

    return getattr(getattr(model, name), "__func__", None) is not getattr(keras.Model, name)
