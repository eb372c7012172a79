"""Which hyperparameters separate the good trials from the rest, and what chance alone would give.

PED-ANOVA compares how the best trials and all trials chose a hyperparameter; conditional
ones count within the trials in which they are active (Watanabe et al. 2023, arXiv 2304.10255).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from automl_sem.engines.values import from_study

MIN_TRIALS = 10  # complete trials below which nothing can be told
GOOD = 0.25  # share of trials called good
SHUFFLES = 60  # of the scores, to see what chance alone gives


@dataclass(frozen=True)
class Importance:
    """What one hyperparameter mattered.

    Args:
        name: Its name in the study.
        share: Its part of all importances, 0..1.
        chance: The share that shuffled scores stay below in 19 of 20 cases.
    """

    name: str
    share: float
    chance: float

    @property
    def stands_out(self) -> bool:
        """Whether it is more than chance gives."""
        return self.share > self.chance


def importances(study: Any) -> tuple[Importance, ...]:
    """Return the importances, the largest first; empty when there are too few trials.

    Args:
        study: The Optuna study, or None.
    """
    trials = study.get_trials(deepcopy=False) if study is not None else []
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(complete) < MIN_TRIALS:
        return ()
    scores = np.array([from_study(study, trial.values)[0] for trial in complete])
    real = dict(zip((t.number for t in complete), scores, strict=True))
    rng = np.random.default_rng(0)
    shuffled = []
    for _ in range(SHUFFLES):
        values = dict(zip((t.number for t in complete), rng.permutation(scores), strict=True))
        shuffled.append(_shares(study, values))
    return tuple(
        Importance(name, share, float(np.quantile([s.get(name, 0.0) for s in shuffled], 0.95)))
        for name, share in _shares(study, real).items()
    )


def _shares(study: Any, scores: Mapping[int, float]) -> dict[str, float]:
    """Return the importances for low scores, which are given by trial number."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    def target(trial: Any) -> float:
        return float(scores[trial.number])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that PED-ANOVA minimizes, as we do
        evaluator = PedAnovaImportanceEvaluator(target_quantile=GOOD)
        found = get_param_importances(study, evaluator=evaluator, target=target)
    return {str(name): float(share) for name, share in found.items()}
