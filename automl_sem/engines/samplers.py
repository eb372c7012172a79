"""Optuna's samplers, each a function of the record alone.

A sampler is made anew for every call from (run seed, trial number), so that a resumed search goes
the way of an undisturbed one. What CMA-ES and NSGA-II must know of earlier generations they read
from the trials themselves; QMC takes the trial's number as its place in the sequence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.search_space import intersection_search_space
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from automl_sem.seeds import derive_seed

STARTUP_TRIALS = 5
POPULATION = 10  # of NSGA-II; Optuna's 50 would be random search in most searches here


@dataclass(frozen=True)
class Draw:
    """What one call of a sampler may depend on besides the study.

    Args:
        seed: Seed of this call.
        run_seed: Seed that all calls of a run share.
        number: Number of the trial.
    """

    seed: int
    run_seed: int
    number: int


class _PlacedQMC(QMCSampler):
    """A sampler that takes its place in the sequence from the trial's number.

    Optuna counts calls in the study, so that a trial which a killed process left would be drawn
    from another place.

    Args:
        draw: The trial.
    """

    def __init__(self, draw: Draw) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                scramble=True,
                seed=draw.run_seed,
                independent_sampler=RandomSampler(seed=draw.seed),
                warn_independent_sampling=False,
            )
        self._number = draw.number

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters of the baseline: those of other branches are drawn by chance."""
        return {} if trial.number == 0 else study.get_trials(deepcopy=False)[0].distributions

    def _find_sample_id(self, *_: Any) -> int:
        return self._number


class _Cmaes(CmaEsSampler):
    """Covariance matrix adaptation (Hansen 2016, arXiv 1604.00772); choices are left to chance.

    It learns from discarded trials as well, by the mean of their folds.

    Args:
        draw: The trial.
    """

    def __init__(self, draw: Draw) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                seed=draw.seed,
                n_startup_trials=STARTUP_TRIALS,
                consider_pruned_trials=True,
                warn_independent_sampling=False,
            )

    def infer_relative_search_space(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Return the numbers that all trials share; Optuna's own leaves discarded ones out."""
        trials = study.get_trials(deepcopy=False)
        shared = intersection_search_space(trials, include_pruned=True)
        kinds = FloatDistribution, IntDistribution
        return {n: d for n, d in shared.items() if isinstance(d, kinds) and not d.single()}


def _tpe(draw: Draw) -> BaseSampler:
    """Tree-structured Parzen estimators (Bergstra et al. 2011; Watanabe 2023, arXiv 2304.11127)."""
    return TPESampler(seed=draw.seed, n_startup_trials=STARTUP_TRIALS, multivariate=True)


def _random(draw: Draw) -> BaseSampler:
    """Every value drawn by itself (Bergstra and Bengio 2012)."""
    return RandomSampler(seed=draw.seed)


def _nsga2(draw: Draw) -> BaseSampler:
    """A genetic algorithm (Deb et al. 2002), made for several objectives."""
    return NSGAIISampler(seed=draw.seed, population_size=POPULATION)


@dataclass(frozen=True)
class _Kind:
    """One kind of sampler.

    Args:
        make: Makes it for one call.
        learns_after: Finished trials after which it proposes by what it has learned; None for
            one that never learns.
        from_pruned: Whether it learns from trials without a full score as well.
    """

    make: Callable[[Draw], BaseSampler]
    learns_after: int | None = STARTUP_TRIALS
    from_pruned: bool = True


_KINDS = {
    "tpe": _Kind(_tpe),
    "random": _Kind(_random, learns_after=None),
    "qmc": _Kind(_PlacedQMC, learns_after=None),
    "cmaes": _Kind(_Cmaes),
    "nsga2": _Kind(_nsga2, learns_after=POPULATION, from_pruned=False),
}
SAMPLERS = tuple(_KINDS)


class RecordSampler(BaseSampler):
    """A sampler of which every draw depends only on the run's seed and the recorded trials.

    Args:
        seed: Seed of the run.
        name: One of `SAMPLERS`.
    """

    def __init__(self, seed: int, name: str = "tpe") -> None:
        self._seed = seed
        self._name = name
        self._kind = _KINDS[name]

    def origin(self, study: Study) -> str:
        """Return who proposes the next trial, for people: `"model"`, or who does until then."""
        after = self._kind.learns_after
        if after is None:
            return self._name
        states = [TrialState.COMPLETE]
        if self._kind.from_pruned:
            states.append(TrialState.PRUNED)
        ended = len(study.get_trials(deepcopy=False, states=states))
        return "model" if ended >= after else "start-up"

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are drawn together."""
        return self._sampler(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the shared parameters together."""
        return self._sampler(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a parameter that stands in a branch of its own."""
        sampler = self._sampler(trial, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _sampler(self, trial: FrozenTrial, *key: object) -> BaseSampler:
        seed = derive_seed(self._seed, trial.number, *key)
        return self._kind.make(Draw(seed, derive_seed(self._seed), trial.number))
