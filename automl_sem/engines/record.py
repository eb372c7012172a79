"""The study as the record of a search: what every engine reads from it and writes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from automl_sem.costs import Demands
from automl_sem.engines.values import from_study, objectives_of, to_study
from automl_sem.goals import Goal
from automl_sem.types import AnyScore, Candidate, Outcome

EXHAUSTED = 50  # candidates that were there before, in a row: then a space counts as exhausted


class StudyRecord:
    """The trials of a study, those under way in this process apart.

    Args:
        study: The study, opened for writing.
        goals: What the search is for; the study has a direction for each.
        demands: Limits on candidates.
    """

    def __init__(
        self,
        study: Study,
        goals: Sequence[Goal] = (),
        demands: Demands = Demands(),  # noqa: B008, it is frozen
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = study
        self._goals = goals
        self._demands = demands
        self._open: dict[int, Trial] = {}
        self._first: dict[str, int] = {}  # the first trial of each candidate
        self._again: set[int] = set()  # trials whose candidate was there before, broken or not
        for trial in self.trials():
            self._note(trial.number, trial.user_attrs)
        self._curves = {
            t.number: tuple(t.user_attrs["curve"])
            for t in self.trials()
            if t.state.is_finished() and "curve" in t.user_attrs
        }
        self._complete = {
            t.number: (from_study(study, t.values)[0], tuple(t.user_attrs["score"]["fold_scores"]))
            for t in self.trials(TrialState.COMPLETE)
            if "repeats" not in t.user_attrs and not t.user_attrs.get("over_limits")
        }
        self._infeasible = {
            t.number for t in self.trials() if t.user_attrs.get("status") == "infeasible"
        }

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in one of these states, by number; of all without any."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    @property
    def asked(self) -> int:
        """Number of trials in the study."""
        return len(self.trials())

    @property
    def told(self) -> int:
        """Number of trials that have ended."""
        return sum(t.state.is_finished() for t in self.trials())

    @property
    def infeasible(self) -> int:
        """Number of candidates that broke a limit, or that their space gave up."""
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
        """Whether a killed process left a trial."""
        return bool(self._left_running() or self.trials(TrialState.WAITING))

    def take_up(self) -> Trial | None:
        """Return the first trial that a killed process left, or None."""
        left = self._left_running()
        if left:
            return Trial(self.study, left[0]._trial_id)
        # One that was enqueued, but not asked for.
        return self.study.ask() if self.trials(TrialState.WAITING) else None

    @property
    def exhausted(self) -> bool:
        """Whether the last candidates were all there before."""
        asked = self.asked
        return asked >= EXHAUSTED and self._again.issuperset(range(asked - EXHAUSTED, asked))

    def open(self, trial: Trial, candidate: Candidate) -> Candidate:
        """Note that a trial is under way; return its candidate, with the trial that it repeats."""
        self._open[trial.number] = trial
        if candidate.broken is not None and candidate.broken.status == "infeasible":
            self._infeasible.add(trial.number)
        first = self._note(trial.number, trial.user_attrs)
        if first >= trial.number or candidate.broken is not None:
            return candidate
        trial.set_user_attr("repeats", first)
        return replace(candidate, repeats=first)

    def tell(
        self, candidate: Candidate, outcome: Outcome, attrs: Mapping[str, Any] | None = None
    ) -> None:
        """Record the outcome: only a defect in code is FAIL, which samplers do not see.

        Args:
            candidate: The candidate.
            outcome: How its trial ended.
            attrs: Attributes of the trial that an engine notes as well, before it ends.
        """
        trial = self._open.pop(candidate.trial)
        for key, value in (attrs or {}).items():
            trial.set_user_attr(key, value)
        if outcome.status == "repeated":
            self._tell_repeated(trial, candidate, outcome)
            return
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
            self.study.tell(trial, to_study(self.study, objectives))
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
        elif outcome.status == "infeasible":
            self._infeasible.add(trial.number)
            if not self._demands.over(candidate.costs):  # its space gave it up
                trial.set_constraint("given_up", 1.0)
        failed = outcome.status == "failed"
        self.study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def _tell_repeated(self, trial: Trial, candidate: Candidate, outcome: Outcome) -> None:
        """Record what the same candidate came to before, so that the sampler sees it again."""
        assert candidate.repeats is not None
        first = self.trials()[candidate.repeats]
        trial.set_user_attr("reason", outcome.reason)
        trial.set_user_attr("status", outcome.status)
        for key, value in first.constraints.items():
            trial.set_constraint(key, value)
        if first.state is TrialState.COMPLETE:
            self.study.tell(trial, first.values)
            return
        for step, value in first.intermediate_values.items():
            self._report_once(trial, from_study(self.study, [value])[0], step)
        self.study.tell(trial, state=first.state)

    def _report(self, trial: Trial, partial: AnyScore) -> None:
        """Report the running mean at each fold: a pruned trial's value is the last one."""
        losses = [fold.objective for fold in partial.folds]
        means = np.cumsum(losses) / np.arange(1, 1 + len(losses))
        for step, mean in enumerate(means.tolist()):
            self._report_once(trial, mean, step)

    def _report_once(self, trial: Trial, value: float, step: int) -> None:
        """Report a value unless a killed process has done so."""
        if step not in self.trials()[trial.number].intermediate_values:
            trial.report(to_study(self.study, [value])[0], step)

    def _left_running(self) -> list[FrozenTrial]:
        return [t for t in self.trials(TrialState.RUNNING) if t.number not in self._open]

    def _note(self, number: int, attrs: Mapping[str, Any]) -> int:
        """Return the first trial of the candidate that a trial's attributes hold."""
        if "recipe" not in attrs or "hyperparameters" not in attrs:
            return number  # a process was killed before it had written them
        key = json.dumps([attrs["hyperparameters"], attrs["recipe"]], sort_keys=True)
        first = self._first.setdefault(key, number)
        if first < number:
            self._again.add(number)
        return first


class OnRecord:
    """What an engine tells of a search from its study alone; `_record` is the engine's to make."""

    _record: StudyRecord

    @property
    def asked(self) -> int:
        """Number of trials in the study."""
        return self._record.asked

    @property
    def told(self) -> int:
        """Number of trials that have ended."""
        return self._record.told

    @property
    def infeasible(self) -> int:
        """Number of candidates that broke a limit, or that their space gave up."""
        return self._record.infeasible

    def incumbent(self, before: int | None = None) -> tuple[float, ...] | None:
        """Return the objectives of the folds of the best trial so far, or None."""
        return self._record.incumbent(before)

    def curves(self, before: int | None = None) -> list[tuple[float, ...]]:
        """Return the objectives along the first folds of the trials that ended."""
        return self._record.curves(before)

    def unfinished(self) -> bool:
        """Whether a killed process left a trial that `ask` returns next."""
        return self._record.unfinished()
