"""The one place where values enter a study and leave it: there people's numbers are kept.

Inside, all is minimised; in the study an accuracy is maximised, as people and Optuna's own
tools expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from automl_sem.goals import Goal, turned
from automl_sem.types import AnyScore, Candidate

if TYPE_CHECKING:
    from optuna.study import Study


def to_study(study: Study, objectives: Sequence[float]) -> list[float]:
    """Return what a study keeps of values that are minimised, one for each of its directions."""
    return [
        turned(value, direction.name == "MAXIMIZE")
        for value, direction in zip(objectives, study.directions, strict=True)
    ]


from_study = to_study  # to turn a sign again is to turn it back


def objectives_of(
    candidate: Candidate, score: AnyScore, goals: Sequence[Goal]
) -> tuple[float, ...]:
    """Return what is minimised of a trial, one value for each goal.

    Args:
        candidate: What was trained.
        score: What it got.
        goals: What the search is for; empty for the one objective of the score.
    """
    if len(goals) < 2:
        return (score.objective,)
    metrics = iter(score.measured)
    return tuple(
        candidate.costs[goal.name] if goal.cost else next(metrics).objective for goal in goals
    )
