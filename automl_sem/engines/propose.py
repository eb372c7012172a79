"""From an Optuna trial to a candidate: the same for every engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optuna.trial import Trial

from automl_sem.costs import Demands
from automl_sem.failures import explain
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.space import Space, generates, sizes
from automl_sem.types import AnyRecipe, Candidate, DataInfo, Outcome, Recipe


def propose(
    trial: Trial,
    space: Space,
    data: DataInfo,
    proposed_by: str,
    demands: Demands = Demands(),  # noqa: B008, it is frozen
) -> Candidate:
    """Build the candidate of a trial, and record what it is.

    Args:
        trial: Hands out the values: those it was enqueued with, else its sampler's.
        space: Builds the model, which is only looked at here.
        data: Description of the data.
        proposed_by: Who chose the values, for people.
        demands: Limits on candidates, and what is to be known of them besides.
    """
    trial.set_user_attr("proposed_by", proposed_by)
    hp = OptunaHyperParameters(trial, space.settled)
    parameters, broken, over = 0, None, ""
    costs: dict[str, float] = {}
    recipe: AnyRecipe = Recipe()
    try:
        model = space.build(hp, data)
        recipe = space.recipe(hp, data, model)
        parameters = int(model.count_params())
        if generates(model):
            trial.set_user_attr("networks", sizes(model))
        costs = _costs(trial, model, data, demands)
        over = demands.over(costs)
    except Exception as error:  # a space is a person's code: whatever it raises fails the trial
        broken = explain(error)
    trial.set_user_attr("hyperparameters", dict(hp.values))
    trial.set_user_attr("recipe", recipe.to_dict())
    trial.set_user_attr("parameters", parameters)
    if over and trial.number > 0:
        broken, over = Outcome("infeasible", over), ""
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


def _costs(trial: Trial, model: Any, data: DataInfo, demands: Demands) -> dict[str, float]:
    """Return what a model costs: as it was measured once, since times vary."""
    if not demands:
        return {}
    if trial.number == 0:  # it is trained whatever it costs, and so all must be known
        demands = replace(demands, limits={}, wanted=[*demands.limits, *demands.wanted])
    costs: dict[str, float] | None = trial.user_attrs.get("costs")
    if costs is None:
        costs = demands.costs(model, data.input_shape)
        trial.set_user_attr("costs", costs)
    return costs
