"""KerasTuner's oracles, on the record of a study in place of files of their own.

The oracles are KerasTuner's (O'Malley et al. 2019, https://keras.io/keras_tuner/api/oracles/).
Here they write nothing, begin with given candidates, and can be played back to where a search was.
"""

from __future__ import annotations

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
NEVER = float("inf")  # consecutive failures after which KerasTuner would end the search
INITIAL_POINTS = 5  # random ones before the Gaussian process; KerasTuner's are 3 a hyperparameter
COUNTED = 1_000  # combinations of a grid up to which they are counted
RESTARTS = 50  # of KerasTuner's search for the best point of the Gaussian process


class OnRecord:
    """What is different about all oracles here; goes before KerasTuner's class.

    Attributes:
        starts: Complete values that are proposed before random ones.
        recorded: While a search is played back: what was proposed then.
        modelled: Whether the last candidate was proposed by a model of the scores.
    """

    starts: list[dict[str, Value]]
    recorded: Mapping[str, Any] | None = None
    modelled = False

    def save(self) -> None:
        """Write nothing: the study is the one record."""

    def _save_trial(self, trial: Any) -> None:
        """Write nothing either."""

    def _random_values(self) -> dict[str, Value] | None:
        return self.starts.pop(0) if self.starts else super()._random_values()  # type: ignore[misc]


class RandomOracle(OnRecord, RandomSearchOracle):  # type: ignore[misc]
    """Random search without repeats."""


class GridOracle(OnRecord, GridSearchOracle):  # type: ignore[misc]
    """All combinations, one after the other."""


class HalvingOracle(OnRecord, HyperbandOracle):  # type: ignore[misc]
    """Hyperband (Li et al. 2018, https://jmlr.org/papers/v18/16-558.html)."""


class BayesianOracle(OnRecord, BayesianOptimizationOracle):  # type: ignore[misc]
    """Bayesian optimization with a Gaussian process and an upper confidence bound."""

    trials: dict[str, Any]  # KerasTuner's, by their ids

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next values; those on record without fitting a Gaussian process for them."""
        self.modelled = False
        if self.recorded is None or self.recorded["proposed_by"] != "model":
            return super().populate_space(trial_id)  # type: ignore[no-any-return]
        # As many random numbers as the proposal drew then.
        self._random_state.uniform(size=(RESTARTS, len(self._nonfixed_space())))
        return {"status": "RUNNING", "values": dict(self.recorded["values"])}

    def _vectorize_trials(self) -> Any:
        """Return points and scores of the trials, scores of those under way guessed by a model.

        KerasTuner guesses by the model of the last proposal. Here it is one of the trials that
        have ended, so that a search that was killed goes on as if it had not been.
        """
        self.modelled = True
        if self.ongoing_trials:
            trials: dict[str, Any] = self.trials
            self.trials = {k: t for k, t in trials.items() if t.status == "COMPLETED"}
            x, y = super()._vectorize_trials()
            self.trials = trials
            self.gpr.fit(x, np.nan_to_num(y, posinf=0, neginf=0))
        return super()._vectorize_trials()


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
