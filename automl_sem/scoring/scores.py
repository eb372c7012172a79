"""The score that fold results make, be they a classifier's or a GAN's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from automl_sem.scoring.gan.result import GanFoldResult, GanScore
from automl_sem.types import AnyFold, AnyScore, FoldResult, Score


def score_of(folds: Iterable[AnyFold]) -> AnyScore:
    """Return the score of fold results, all of one kind.

    Args:
        folds: One result per fold, in order.
    """
    found = tuple(folds)
    if found and isinstance(found[0], GanFoldResult):
        return GanScore(cast(tuple[GanFoldResult, ...], found))
    return Score(cast(tuple[FoldResult, ...], found))
