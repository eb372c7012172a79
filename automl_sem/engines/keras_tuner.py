"""KerasTuner's oracles as an engine.

Every trial of an oracle is mirrored into the study, which is the one record: an oracle is rebuilt
by playing back what was proposed and told, in the same order, since its own files do not lead to
where it was (`Oracle.reload` queues finished trials again).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from automl_sem.costs import Demands
from automl_sem.engines.oracles import OBJECTIVE, make_oracle
from automl_sem.engines.propose import propose
from automl_sem.engines.record import OnRecord, StudyRecord
from automl_sem.engines.samplers import RecordSampler
from automl_sem.engines.starts import Starts
from automl_sem.engines.whole_space import names_in_study, values_of_start, whole_space
from automl_sem.errors import UserError
from automl_sem.goals import Goal
from automl_sem.seeds import derive_seed
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space
from automl_sem.types import AnyRecipe, Candidate, DataInfo, Outcome, Recipe

EPOCHS = "tuner/epochs"  # of Hyperband: how long a candidate is trained in its rung
NOTED = "oracle"  # attribute of a trial: what an oracle proposed, and after how many had ended
ENDED = "oracle_end"  # attribute of a trial: how many of the oracle's had ended before it


class KerasTunerEngine(OnRecord):
    """Ask and tell on one of KerasTuner's oracles.

    The baseline is trial 0 whatever the oracle. Random search and Bayesian optimization begin
    with all starts and learn from them; Hyperband takes the good and warm ones into its first
    rung; a grid has none but the baseline and the warm ones, before it begins. What is discarded
    is told with the mean of its folds, what has no score as failed: Bayesian optimization takes
    it for as bad as the worst, Hyperband has another candidate in place of an infeasible one. Of
    what is in no branch that was found beforehand, values are drawn at random.

    Args:
        study: The study, opened for writing.
        space: The space to propose from.
        data: Description of the data.
        seed: Seed of the run.
        starts: Candidates tried first, by their names in the study; the first is the baseline.
        warm: Those of another run, tried right after the baseline.
        goals: What the search is for; the study has a direction for each.
        demands: Limits on candidates, and what is to be known of them besides.
        oracle: One of `automl_sem.engines.make.ORACLES`.

    Raises:
        UserError: If the oracle now proposes otherwise than in the trials on record.
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
        oracle: str = "random",
    ) -> None:
        self.name = f"keras-tuner's {oracle} oracle"
        study.sampler = RecordSampler(seed, "random")
        self._record = StudyRecord(study, goals, demands)
        self._demands = demands
        self._sign = -1 if study.direction is StudyDirection.MAXIMIZE else 1
        self._space = space
        self._data = data
        self._starts = Starts(starts[:1] if oracle == "grid" else starts, warm)
        # Trials of the study before the oracle's first.
        self._before = {"grid": len(self._starts), "hyperband": 1}.get(oracle, 0)
        max_epochs = full_epochs(space, data) if oracle == "hyperband" else 1
        self._whole = oracle_space(oracle, space, data)
        seed = derive_seed(seed, "oracle")
        complete = [
            values_of_start(self._whole, self._starts[i], derive_seed(seed, i))
            for i in range(self._before, len(self._starts))
        ]
        self._oracle = make_oracle(oracle, self._whole, seed, complete, max_epochs)
        self._ids: dict[int, str] = {}  # number in the study -> in the oracle
        self._ended = 0
        self._play_back()

    def ask(self) -> Candidate | None:
        """Return the next candidate; None while the oracle waits, and in the end."""
        trial = self._record.take_up() or self._next_trial()
        if trial is None:
            return None
        noted = trial.user_attrs.get(NOTED, {"values": {}})
        space, epochs = self._space, noted["values"].get(EPOCHS)
        if epochs is not None:
            space = space.with_fixed(**{**space.fixed, "epochs": epochs})
        origin = trial.user_attrs["proposed_by"]
        return self._record.open(trial, propose(trial, space, self._data, origin, self._demands))

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record the outcome, and tell the oracle what is on record."""
        number = candidate.trial
        if number not in self._ids:
            self._record.tell(candidate, outcome)
            return
        self._record.tell(candidate, outcome, {ENDED: self._ended})
        self._end(self._record.trials()[number])

    def _next_trial(self) -> Trial | None:
        if self._record.exhausted:
            return None
        number, study = self._record.asked, self._record.study
        if number < self._before:
            attrs = {"proposed_by": self._starts.origin(number)}
            study.enqueue_trial(self._starts[number], user_attrs=attrs)
            return study.ask()
        starts = len(self._oracle.starts)
        made = self._create(number)
        if made is None:
            return None
        origin: str = self._oracle.origin
        if len(self._oracle.starts) < starts:
            origin = self._starts.origin(len(self._starts) - starts)
        noted = {"values": dict(made.hyperparameters.values), "after": self._ended}
        # At once: what is enqueued is on record with all that playing it back needs.
        study.enqueue_trial(
            names_in_study(made.hyperparameters),
            user_attrs={NOTED: noted, "proposed_by": origin},
        )
        return study.ask()

    def _create(self, number: int, recorded: Mapping[str, Any] | None = None) -> Any:
        """Have the oracle propose; return its trial, or None if it has nothing now.

        An oracle is no longer of use once it has raised, since it keeps its lock: nobody
        catches that here, and a search that goes on makes another one.
        """
        position = self._oracle.position()
        self._oracle.recorded = recorded
        made = self._oracle.create_trial(str(number))
        self._oracle.recorded = None
        if made.status != "RUNNING":
            self._oracle.go_back(position)
            return None
        self._ids[number] = made.trial_id
        return made

    def _end(self, trial: FrozenTrial) -> None:
        """Tell the oracle how a trial ended; one that has a value is complete, if only in part."""
        made = self._oracle.get_trial(self._ids[trial.number])
        self._ended += 1
        if trial.value is None or not math.isfinite(trial.value):
            made.status, made.message = "FAILED", trial.user_attrs.get("reason")
            if trial.state is not TrialState.FAIL:
                infeasible = trial.user_attrs.get("status") == "infeasible"
                self._oracle.came_to_nothing(made.trial_id, infeasible)
        else:
            # Once, without a step: of several steps the oracle would keep the best.
            self._oracle.update_trial(made.trial_id, {OBJECTIVE: self._sign * trial.value})
            made.status = "COMPLETED"
        self._oracle.end_trial(made)

    def _play_back(self) -> None:
        """Bring the oracle to where the study is."""
        trials = [t for t in self._record.trials() if NOTED in t.user_attrs]
        ended = [t for t in trials if t.state.is_finished()]
        ended.sort(key=lambda t: t.user_attrs[ENDED])
        for trial in trials:
            noted = trial.user_attrs[NOTED]
            for other in ended[self._ended : noted["after"]]:
                self._end(other)
            made = self._create(
                trial.number, {**noted, "proposed_by": trial.user_attrs["proposed_by"]}
            )
            if made is None or made.hyperparameters.values != noted["values"]:
                raise UserError(
                    f"{self.name} proposes something else than before",
                    where=f"trial {trial.number}",
                    hint="Install the version of keras-tuner that run.json names, or start anew",
                )
        for other in ended[self._ended :]:
            self._end(other)


def oracle_space(oracle: str, space: Space, data: DataInfo) -> Any:
    """Return what an oracle searches, `keras_tuner.HyperParameters`; Hyperband sets the epochs."""
    if oracle == "hyperband":
        space = space.with_fixed(**{**space.fixed, "epochs": 1})
    return whole_space(space, data)


def full_epochs(space: Space, data: DataInfo) -> int:
    """Return Hyperband's `max_epochs`: those of `--epochs`, else of the baseline's recipe."""
    if "epochs" in space.fixed:
        return space.fixed["epochs"]
    recipe: AnyRecipe = space.recipe_of(space.baseline, data)
    if isinstance(recipe, Recipe) and recipe.steps is None:
        return recipe.epochs
    assert recipe.steps is not None
    return max(1, math.ceil(recipe.steps / math.ceil(data.n_train / recipe.batch_size)))
