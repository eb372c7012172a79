"""Before a search for a GAN: whether one can work, and how long it will take."""

from __future__ import annotations

from automl_sem.augment_with import FLAG as AUGMENT_WITH
from automl_sem.augment_with import LARGEST
from automl_sem.config import NO_LIMIT, SearchOptions
from automl_sem.data import Dataset
from automl_sem.errors import UserError
from automl_sem.finalists import CONTENDERS, SEEDS
from automl_sem.reports.wording import roughly
from automl_sem.scoring.gan.checks import check_judgeable
from automl_sem.scoring.gan.pace import expected
from automl_sem.spaces.space import Space
from automl_sem.types import AnyInts


def check_gan(options: SearchOptions, dataset: Dataset, folds: AnyInts) -> str:
    """Return a note on what is uncertain, or empty.

    Args:
        options: What a person asked for.
        dataset: The data.
        folds: Number of the fold of each training image, (n,).

    Raises:
        UserError: If a GAN cannot be judged by the data, or an option does not go with GANs.
    """
    if options.stress is not None:
        raise UserError("it is for classifiers: a GAN draws images as they are", where="--stress")
    if options.augment_with is not None:
        raise UserError("it is for classifiers: a GAN draws the fakes itself", where=AUGMENT_WITH)
    if options.weights is not None:
        raise UserError("it is for classifiers: a GAN learns from scratch", where="--weights")
    return check_judgeable(folds, dataset.source)


def expected_seconds(
    options: SearchOptions, space: Space, dataset: Dataset, folds: int, gpus: int
) -> float | None:
    """Return how long a search will take, or None where it is over before that is known.

    Args:
        options: What a person asked for.
        space: Builds the candidates.
        dataset: The data.
        folds: Folds of a trial.
        gpus: GPUs that there are.

    Raises:
        UserError: If images are large, there is no GPU, and nobody said `--yes`.
    """
    side = dataset.info.input_shape[0]
    must_know = side > LARGEST and not gpus and not options.yes
    endless = options.trial_limit == NO_LIMIT
    if endless and not must_know:
        return None
    trials = 1 if endless else options.trial_limit
    pace = expected(
        space,
        dataset.train,
        folds=folds,
        trials=trials,
        finalists=SEEDS * min(trials, CONTENDERS + 1),
        skip_small=not must_know,
    )
    if pace is None:
        return None
    whole = min(pace.whole, options.time_limit_s or pace.whole)
    if must_know:
        cost = f"the search takes about {roughly(whole)}"
        if options.time_limit_s is not None:
            cost = f"a trial takes about {roughly(folds * pace.fold)}"
        raise UserError(
            f"images of {side}x{side} without a GPU: {cost}",
            where=dataset.source,
            hint="Pass --image-size 32, or --yes if you have the time",
        )
    return whole
