"""Optuna's samplers as an engine (Akiba et al. 2019, arXiv 1907.10902)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.study import Study
from optuna.trial import Trial

from automl_sem.costs import Demands
from automl_sem.engines.propose import propose
from automl_sem.engines.record import OnRecord, StudyRecord
from automl_sem.engines.samplers import RecordSampler
from automl_sem.engines.starts import Starts
from automl_sem.goals import Goal
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space
from automl_sem.types import Candidate, DataInfo, Outcome


class OptunaEngine(OnRecord):
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
        sampler: One of `automl_sem.engines.samplers.SAMPLERS`.
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
        sampler: str = "tpe",
    ) -> None:
        self.name = f"Optuna's {sampler} sampler"
        self._sampler = study.sampler = RecordSampler(seed, sampler)
        self._record = StudyRecord(study, goals, demands)
        self._demands = demands
        self._space = space
        self._data = data
        self._starts = Starts(starts, warm)

    def ask(self) -> Candidate | None:
        """Return the next candidate; first those of a killed process; None in the end."""
        trial = self._record.take_up() or self._next_trial()
        if trial is None:
            return None
        origin = trial.user_attrs.get("proposed_by") or self._origin(trial.number)
        return self._record.open(
            trial, propose(trial, self._space, self._data, origin, self._demands)
        )

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record the outcome."""
        self._record.tell(candidate, outcome)

    def _next_trial(self) -> Trial | None:
        if self._record.exhausted:
            return None
        number = self._record.asked
        if number < len(self._starts):
            self._record.study.enqueue_trial(self._starts[number])
        return self._record.study.ask()

    def _origin(self, number: int) -> str:
        return self._starts.origin(number) or self._sampler.origin(self._record.study)
