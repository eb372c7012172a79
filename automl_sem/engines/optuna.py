"""Optuna's TPE as an engine (Bergstra et al. 2011; Watanabe 2023, arXiv 2304.11127).

Proposals are a function of the record alone: a sampler is made anew for every call
from (run seed, trial number), so that a resumed search goes the way of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from automl_sem.costs import Demands
from automl_sem.engines.values import from_study, objectives_of, to_study
from automl_sem.failures import explain
from automl_sem.goals import Goal
from automl_sem.seeds import derive_seed
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space, generates, sizes
from automl_sem.types import AnyRecipe, AnyScore, Candidate, DataInfo, Outcome, Recipe

STARTUP_TRIALS = 5


class RecordSampler(BaseSampler):
    """TPE whose every draw depends only on the run's seed and the recorded trials.

    Args:
        seed: Seed of the run.
        startup_trials: Finished trials before the model proposes.
    """

    def __init__(self, seed: int, startup_trials: int = STARTUP_TRIALS) -> None:
        self._seed = seed
        self._startup_trials = startup_trials

    def _tpe(self, *key: object) -> TPESampler:
        return TPESampler(
            seed=derive_seed(self._seed, *key),
            n_startup_trials=self._startup_trials,
            multivariate=True,
        )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that all finished trials share."""
        return self._tpe(trial.number).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the shared parameters together."""
        return self._tpe(trial.number).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a parameter that stands in a branch of its own."""
        sampler = self._tpe(trial.number, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)


class OptunaEngine:
    """Ask and tell on an Optuna study.

    Args:
        study: The study, opened for writing.
        space: The space to propose from.
        data: Description of the data.
        seed: Seed of the run.
        starts: Candidates tried first, by their names in the study; the first is the baseline.
        warm: Those of another run, tried right after the baseline.
        goals: What the search is for; the study has a direction for each.
        demands: Limits on candidates, and what is to be known of them besides.
    """

    def __init__(
        self,
        study: Study,
        space: Space,
        data: DataInfo,
        seed: int,
        starts: Sequence[Mapping[str, Value]],
        *,
        warm: Sequence[Mapping[str, Value]] = (),
        goals: Sequence[Goal] = (),
        demands: Demands = Demands(),  # noqa: B008, it is frozen
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study.sampler = RecordSampler(seed)
        self._study = study
        self._space = space
        self._data = data
        self._starts = [*starts[:1], *warm, *starts[1:]]
        self._warm = len(warm)
        self._goals = goals
        self._demands = demands
        self._open: dict[int, Trial] = {}
        self._curves = {
            t.number: tuple(t.user_attrs["curve"])
            for t in study.get_trials(deepcopy=False)
            if t.state.is_finished() and "curve" in t.user_attrs
        }
        self._complete = {
            t.number: (from_study(study, t.values)[0], tuple(t.user_attrs["score"]["fold_scores"]))
            for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if not t.user_attrs.get("over_limits")
        }
        self._infeasible = {
            t.number
            for t in study.get_trials(deepcopy=False)
            if t.user_attrs.get("status") == "infeasible"
        }

    @property
    def asked(self) -> int:
        """Number of trials in the study."""
        return len(self._study.get_trials(deepcopy=False))

    @property
    def told(self) -> int:
        """Number of trials that have ended."""
        return sum(t.state.is_finished() for t in self._study.get_trials(deepcopy=False))

    @property
    def infeasible(self) -> int:
        """Number of candidates that broke a limit, and so were never trained."""
        return len(self._infeasible)

    def incumbent(self, before: int | None = None) -> tuple[float, ...] | None:
        """Return the objectives of the folds of the best trial so far, or None."""
        earlier = [
            (value, number)
            for number, (value, _) in self._complete.items()
            if before is None or number < before
        ]
        return self._complete[min(earlier)[1]][1] if earlier else None

    def curves(self, before: int | None = None) -> list[tuple[float, ...]]:
        """Return the objectives along the first folds of the trials that ended."""
        return [
            curve for number, curve in self._curves.items() if before is None or number < before
        ]

    def unfinished(self) -> bool:
        """Whether a killed process left a trial that `ask` returns next."""
        return self._left_running() is not None

    def ask(self) -> Candidate:
        """Return the next candidate; first the RUNNING trials of a killed process."""
        trial = self._next_trial()
        self._open[trial.number] = trial
        proposed_by = trial.user_attrs.get("proposed_by") or self._origin(trial.number)
        trial.set_user_attr("proposed_by", proposed_by)
        hp = OptunaHyperParameters(trial, self._space.settled)
        parameters, broken, over = 0, None, ""
        costs: dict[str, float] = {}
        recipe: AnyRecipe = Recipe()
        try:
            model = self._space.build(hp, self._data)
            recipe = self._space.recipe(hp, self._data, model)
            parameters = int(model.count_params())
            if generates(model):
                trial.set_user_attr("networks", sizes(model))
            costs = self._costs(trial, model)
            over = self._demands.over(costs)
        except Exception as error:  # a space is a person's code: whatever it raises fails the trial
            broken = explain(error)
        trial.set_user_attr("hyperparameters", dict(hp.values))
        trial.set_user_attr("recipe", recipe.to_dict())
        trial.set_user_attr("parameters", parameters)
        if over and trial.number > 0:
            broken, over = Outcome("infeasible", over), ""
            self._infeasible.add(trial.number)
        if over:  # the baseline is what all is compared to, whatever it costs
            trial.set_user_attr("over_limits", over)
        return Candidate(
            trial.number,
            dict(hp.values),
            recipe,
            parameters,
            proposed_by,
            broken,
            costs=costs,
            over_limits=over,
        )

    def _costs(self, trial: Trial, model: Any) -> dict[str, float]:
        """Return what a model costs: as it was measured once, since times vary."""
        if not self._demands:
            return {}
        costs: dict[str, float] | None = trial.user_attrs.get("costs")
        if costs is None:
            costs = self._demands.costs(model, self._data.input_shape)
            trial.set_user_attr("costs", costs)
        return costs

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record the outcome: only a defect in code is FAIL, which TPE does not see."""
        trial = self._open.pop(candidate.trial)
        for name, share in self._demands.excess(candidate.costs).items():
            trial.set_constraint(f"max_{name}", share)
        score = outcome.score or outcome.partial
        curve = outcome.reached or (score.curve if score is not None else ())
        if curve:
            trial.set_user_attr("curve", list(curve))
            self._curves[trial.number] = tuple(curve)
        if score is not None:
            # One attribute, since each is written to the disk by itself.
            trial.set_user_attr("score", score.record())
        if outcome.score is not None:
            objectives = objectives_of(candidate, outcome.score, self._goals)
            self._study.tell(trial, to_study(self._study, objectives))
            if not candidate.over_limits:
                losses = tuple(fold.objective for fold in outcome.score.folds)
                self._complete[trial.number] = outcome.score.objective, losses
            return
        if outcome.partial is not None:
            self._report(trial, outcome.partial)
        elif outcome.reached:
            self._report_once(trial, outcome.reached[-1], 0)
        trial.set_user_attr("reason", outcome.reason)
        trial.set_user_attr("status", outcome.status)
        if outcome.status == "out_of_memory":
            trial.set_constraint("memory", 1.0)
        failed = outcome.status == "failed"
        self._study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def _report(self, trial: Trial, partial: AnyScore) -> None:
        """Report the running mean at each fold: a pruned trial's value is the last one."""
        losses = [fold.objective for fold in partial.folds]
        means = np.cumsum(losses) / np.arange(1, 1 + len(losses))
        for step, mean in enumerate(means.tolist()):
            self._report_once(trial, mean, step)

    def _report_once(self, trial: Trial, value: float, step: int) -> None:
        """Report a value unless a killed process has done so."""
        reported = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
        if step not in reported:
            trial.report(to_study(self._study, [value])[0], step)

    def _next_trial(self) -> Trial:
        left = self._left_running()
        if left is not None:
            return Trial(self._study, left._trial_id)
        trials = self._study.get_trials(deepcopy=False)
        if len(trials) < len(self._starts):
            self._study.enqueue_trial(dict(self._starts[len(trials)]))
        return self._study.ask()

    def _left_running(self) -> FrozenTrial | None:
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return next((trial for trial in running if trial.number not in self._open), None)

    def _origin(self, number: int) -> str:
        if number < len(self._starts):
            if number == 0:
                return "baseline"
            return "warm start" if number <= self._warm else "good start"
        told = (TrialState.COMPLETE, TrialState.PRUNED)
        finished = len(self._study.get_trials(deepcopy=False, states=told))
        return "model" if finished >= STARTUP_TRIALS else "start-up"
