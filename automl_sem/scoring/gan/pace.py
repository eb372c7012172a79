"""How long a search for a GAN will take on this machine, by a few steps of its own candidates."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.gan_recipe import GanRecipe, of_gan
from automl_sem.scoring.gan.trainer import GanTrainer, batches
from automl_sem.spaces.space import Space, Values

STEPS = 5  # that are timed at once
TIMES = 3  # the fastest counts: another process may be in the way of one
LONG = 2.0  # seconds after which one is enough
JUDGING = 1.15  # times the training: what judging takes on top
SMALL = 5_000  # steps in all: a search of so few is over before its time is known
# Of the folds of a proposed trial, how many are trained: of those on digits and shapes most were
# stopped within the first fold, and a few went on to the end.
PROPOSED_SHARE = 0.3


@dataclass(frozen=True)
class Pace:
    """How long candidates take.

    Args:
        step: Seconds of a step of both networks.
        fold: Seconds of a fold fit.
        whole: Seconds of the search.
    """

    step: float
    fold: float
    whole: float


def expected(
    space: Space,
    part: TrainingPart,
    *,
    folds: int,
    trials: int,
    finalists: int,
    skip_small: bool = True,
) -> Pace | None:
    """Return the pace of a search, or None where it is over before that is known.

    The baseline and the last of the good starts stand for all candidates. One process times
    them: as many workers as cores are somewhat faster with small networks.

    Args:
        space: Builds the candidates.
        part: The training part.
        folds: Folds of a trial.
        trials: Trials of the search.
        finalists: Trials that are trained again on fresh folds.
        skip_small: Whether nobody needs to know where there are few steps.
    """
    starts = [space.baseline, *space.good_starts]
    recipes = [of_gan(space.recipe_of(start, part.info)) for start in starts]
    given = min(trials, len(starts))
    trained = folds * (given + PROPOSED_SHARE * (trials - given) + finalists)
    if skip_small and trained * np.mean([recipe.steps for recipe in recipes]) < SMALL:
        return None
    timed = {0: starts[0], len(starts) - 1: starts[-1]}
    steps, fits = [], []
    for number, start in timed.items():
        seconds = seconds_per_step(space, part, start, recipes[number])
        steps.append(seconds)
        fits.append(seconds * recipes[number].steps * JUDGING)
    fold = float(np.mean(fits))
    return Pace(float(np.mean(steps)), fold, fold * trained)


def seconds_per_step(space: Space, part: TrainingPart, values: Values, recipe: GanRecipe) -> float:
    """Return how long a step of a candidate takes, without what is done once.

    Args:
        space: Builds it.
        part: The training part.
        values: Its hyperparameters.
        recipe: How it is trained.
    """
    trainer = GanTrainer(lambda: space.rebuild(values, part.info), recipe, part, 0)
    order = batches(np.arange(len(part.x)), recipe, 0)[:STEPS]
    state, fill = np.zeros(2, np.int32), np.float32(0.0)
    trainer.train(order[:1], state, fill).numpy()
    fastest = math.inf
    for _ in range(TIMES):
        started = time.perf_counter()
        trainer.train(order, state, fill).numpy()
        fastest = min(fastest, time.perf_counter() - started)
        if fastest > LONG:
            break
    return fastest / len(order)
