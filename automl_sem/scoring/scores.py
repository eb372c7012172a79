"""The score that fold results make, be they a classifier's, of labels or numbers, or a GAN's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from automl_sem.scoring.gan.result import GanFoldResult, GanScore, mean_of_seeds
from automl_sem.scoring.output_folds import OutputFold, OutputScore
from automl_sem.types import AnyFold, AnyScore, FoldResult, Score


def score_of(folds: Iterable[AnyFold]) -> AnyScore:
    """Return the score of fold results, all of one kind.

    Args:
        folds: One result per fold, in order.
    """
    found = tuple(folds)
    if found and isinstance(found[0], GanFoldResult):
        return GanScore(cast(tuple[GanFoldResult, ...], found))
    if found and isinstance(found[0], OutputFold):
        return OutputScore(cast(tuple[OutputFold, ...], found))
    return Score(cast(tuple[FoldResult, ...], found))


def mean_score(scores: Sequence[AnyScore]) -> AnyScore:
    """Return the mean of a candidate's scores on the same folds, fold by fold.

    Args:
        scores: One per training seed, at least one; more than one of a GAN alone.
    """
    if len(scores) == 1:
        return scores[0]
    folds = cast(tuple[tuple[GanFoldResult, ...], ...], tuple(score.folds for score in scores))
    return GanScore(tuple(mean_of_seeds(fits) for fits in zip(*folds, strict=True)))
