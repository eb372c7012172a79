"""KerasTuner's oracles, on the record of a study in place of files of their own.

The oracles are KerasTuner's (O'Malley et al. 2019, https://keras.io/keras_tuner/api/oracles/).
Here they write nothing, begin with given candidates, and can be played back to where a search was.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

from automl_sem.spaces.parameters import Value

OBJECTIVE = "objective"
PROMOTED = "tuner/trial_id"  # value of a promoted candidate: its trial of the rung below
NEVER = float("inf")  # consecutive failures after which KerasTuner would end the search
INITIAL_POINTS = 5  # random ones before the Gaussian process; KerasTuner's are 3 a hyperparameter
COUNTED = 1_000  # combinations of a grid up to which they are counted
RESTARTS = 50  # of KerasTuner's search for the best point of the Gaussian process


class OnRecord:
    """What is different about all oracles here; goes before KerasTuner's class.

    Attributes:
        starts: Complete values that are proposed before random ones.
        recorded: While a search is played back: what was proposed then.
        origin: Who proposed the last candidate that was no start, for people.
        worthless: Ids of the trials that came to nothing, and not by a defect in code.
    """

    CHANGED: tuple[str, ...] = ("_seed_state",)  # by a proposal, whether there is one or not

    starts: list[dict[str, Value]]
    recorded: Mapping[str, Any] | None = None
    origin = ""
    worthless: set[str]

    def save(self) -> None:
        """Write nothing: the study is the one record."""

    def _save_trial(self, trial: Any) -> None:
        """Write nothing either."""

    def _random_values(self) -> dict[str, Value] | None:
        return self.starts.pop(0) if self.starts else super()._random_values()  # type: ignore[misc]

    def position(self) -> dict[str, Any]:
        """Return what a proposal changes, but for the trial itself."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.CHANGED}

    def go_back(self, position: Mapping[str, Any]) -> None:
        """Be as before a proposal: one that was asked for in vain is not on record."""
        for name, value in position.items():
            setattr(self, name, value)

    def came_to_nothing(self, trial_id: str, infeasible: bool) -> None:  # noqa: ARG002
        """Take note of a trial without a score.

        Args:
            trial_id: Its id.
            infeasible: Whether it broke a limit, or its space gave it up.
        """
        self.worthless.add(trial_id)


class RandomOracle(OnRecord, RandomSearchOracle):  # type: ignore[misc]
    """Random search without repeats."""

    origin = "random"


class GridOracle(OnRecord, GridSearchOracle):  # type: ignore[misc]
    """All combinations, one after the other."""

    origin = "grid"


class HalvingOracle(OnRecord, HyperbandOracle):  # type: ignore[misc]
    """Hyperband (Li et al. 2018, https://jmlr.org/papers/v18/16-558.html).

    In the first rung of a bracket another candidate takes the place of one that is infeasible,
    which no epoch was spent on: a rung that lacks some promotes none in KerasTuner.
    """

    CHANGED = ("_seed_state", "_brackets", "_current_bracket", "_current_iteration")

    origin = "random"
    _brackets: list[dict[str, Any]]  # KerasTuner's

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next values."""
        found: dict[str, Any] = super().populate_space(trial_id)
        promoted = PROMOTED in (found.get("values") or {})
        self.origin = "promoted" if promoted else "random"
        return found

    def came_to_nothing(self, trial_id: str, infeasible: bool) -> None:
        """Take note of a trial without a score; one that is infeasible makes room."""
        super().came_to_nothing(trial_id, infeasible)
        for bracket in self._brackets if infeasible else ():
            first = bracket["rounds"][0]
            first[:] = [entry for entry in first if entry["id"] != trial_id]

    def _remove_completed_brackets(self) -> None:
        """Keep all: a full one has nothing to propose, and may come to lack a candidate again."""


class BayesianOracle(OnRecord, BayesianOptimizationOracle):  # type: ignore[misc]
    """Bayesian optimization with a Gaussian process and an upper confidence bound.

    Other than KerasTuner's it tries all starts, proposes a random candidate in place of one that
    was proposed before, and takes what came to nothing for as bad as the worst: there the best
    point would stay where it is, and be proposed again and again.
    """

    trials: dict[str, Any]  # KerasTuner's, by their ids

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next values; those on record without fitting a Gaussian process for them."""
        self.origin = "start-up"
        if self.starts:
            return self._random_populate_space()  # type: ignore[no-any-return]
        if self.recorded is None or self.recorded["proposed_by"] == "start-up":
            found: dict[str, Any] = super().populate_space(trial_id)
            again = self.origin == "model" and self._duplicate(found["values"])
        else:
            # As many random numbers as the proposal drew then.
            self._random_state.uniform(size=(RESTARTS, len(self._nonfixed_space())))
            found = {"status": "RUNNING", "values": dict(self.recorded["values"])}
            again = self.recorded["proposed_by"] == "random"
        return self._another(found) if again else found

    def _another(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return random values, or else, where hardly any are left, those that were found."""
        position = self.position()
        values = self._random_values()
        if values is None:
            self.go_back(position)
            return found
        self.origin = "random"
        return {"status": "RUNNING", "values": values}

    def _vectorize_trials(self) -> Any:
        """Return points and scores of the trials, scores of those under way guessed by a model.

        KerasTuner guesses by the model of the last proposal. Here it is one of the trials that
        have ended, so that a search that was killed goes on as if it had not been.
        """
        self.origin = "model"
        trials = self.trials
        worst = max(t.score for t in trials.values() if t.status == "COMPLETED")
        told = {k: _with_score(t, worst) if k in self.worthless else t for k, t in trials.items()}
        try:
            if self.ongoing_trials:
                self.trials = {k: t for k, t in told.items() if t.status == "COMPLETED"}
                x, y = super()._vectorize_trials()
                self.gpr.fit(x, np.nan_to_num(y, posinf=0, neginf=0))
            self.trials = told
            return super()._vectorize_trials()
        finally:
            self.trials = trials


def _with_score(trial: Any, score: float) -> Any:
    trial = copy.copy(trial)
    trial.status, trial.score = "COMPLETED", score
    return trial


def make_oracle(
    name: str, space: Any, seed: int, starts: Sequence[dict[str, Value]] = (), max_epochs: int = 100
) -> Any:
    """Return one of KerasTuner's oracles, with nothing proposed yet.

    Args:
        name: One of `automl_sem.engines.make.ORACLES`.
        space: All hyperparameters, `keras_tuner.HyperParameters`.
        seed: Seed of its draws, not 0, which KerasTuner takes for none.
        starts: Complete values that are proposed before random ones.
        max_epochs: Epochs of Hyperband's last rung.
    """
    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, "min"),
        "hyperparameters": space.copy(),
        "seed": seed,
        "max_consecutive_failed_trials": NEVER,
    }
    # The search counts the trials: an oracle that did could not go on when there are more.
    oracle: Any
    if name == "random":
        oracle = RandomOracle(**common, max_trials=None)
    elif name == "bayesian":
        oracle = BayesianOracle(**common, max_trials=None, num_initial_points=INITIAL_POINTS)
    elif name == "hyperband":
        oracle = HalvingOracle(**common, max_epochs=max_epochs)
    else:
        oracle = GridOracle(**common, max_trials=None)
    oracle.starts = [dict(start) for start in starts]
    oracle.worthless = set()
    oracle.verbose = 0
    return oracle


def rungs(max_epochs: int) -> list[tuple[int, int]]:
    """Return Hyperband's rungs in the order in which they are begun: trials and their epochs."""
    oracle = make_oracle("hyperband", keras_tuner.HyperParameters(), 1, max_epochs=max_epochs)
    return [
        (oracle._get_size(bracket, rung), oracle._get_epochs(bracket, rung))
        for bracket in range(oracle._get_num_brackets() - 1, -1, -1)
        for rung in range(oracle._get_num_rounds(bracket))
    ]


def combinations(space: Any) -> int | None:
    """Return how many combinations a grid has, or None for more than `COUNTED`."""
    oracle = make_oracle("grid", space, 1)
    values: Any = oracle.create_trial("0").hyperparameters.values
    for number in range(1, COUNTED + 1):
        values = oracle._get_next_combination(values)
        if values is None:
            return number
    return None
