"""From an Optuna trial to a candidate: the same for every engine."""

from __future__ import annotations

from optuna.trial import Trial

from automl_sem.failures import explain
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.space import Space, generates, sizes
from automl_sem.types import AnyRecipe, Candidate, DataInfo, Recipe


def propose(trial: Trial, space: Space, data: DataInfo, proposed_by: str) -> Candidate:
    """Build the candidate of a trial, and record what it is.

    Args:
        trial: Hands out the values: those it was enqueued with, else its sampler's.
        space: Builds the model, which is only looked at here.
        data: Description of the data.
        proposed_by: Who chose the values, for people.
    """
    trial.set_user_attr("proposed_by", proposed_by)
    hp = OptunaHyperParameters(trial, space.settled)
    parameters, broken = 0, None
    recipe: AnyRecipe = Recipe()
    try:
        model = space.build(hp, data)
        recipe = space.recipe(hp, data, model)
        parameters = int(model.count_params())
        if generates(model):
            trial.set_user_attr("networks", sizes(model))
    except Exception as error:  # a space is a person's code: whatever it raises fails the trial
        broken = explain(error)
    trial.set_user_attr("hyperparameters", dict(hp.values))
    trial.set_user_attr("recipe", recipe.to_dict())
    trial.set_user_attr("parameters", parameters)
    return Candidate(trial.number, dict(hp.values), recipe, parameters, proposed_by, broken)
