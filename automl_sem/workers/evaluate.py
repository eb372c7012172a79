"""Score a candidate on a worker: one fold after the other, each handed on as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from automl_sem.failures import explain
from automl_sem.types import Candidate, FoldResult, Ints, Outcome, Score
from automl_sem.workers.base import Worker


def score_candidate(
    worker: Worker,
    candidate: Candidate,
    folds: Ints,
    done: Mapping[int, FoldResult],
    on_fold: Callable[[FoldResult], None],
) -> Outcome:
    """Train the folds that are not done yet and return the candidate's outcome.

    Args:
        worker: Trains them.
        candidate: What to train.
        folds: Fold number of every training row, (n,).
        done: Fold results that are there already.
        on_fold: Called with every new result: saves and shows it. What it raises is
            not the candidate's fault and passes through.
    """
    if candidate.broken is not None:
        return candidate.broken
    results = dict(done)
    remaining = [fold for fold in range(int(folds.max()) + 1) if fold not in results]
    started = False
    try:
        for fold in remaining:
            held_out = np.flatnonzero(folds == fold)
            try:
                if not started:
                    worker.start(candidate)
                    started = True
                result = worker.run_fold(fold, held_out)
            except Exception as error:
                return explain(error)
            results[fold] = result
            on_fold(result)
    finally:
        worker.finish()
    return Outcome("scored", score=Score(tuple(results[fold] for fold in sorted(results))))
