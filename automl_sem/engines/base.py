"""The contract of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from automl_sem.costs import Demands
from automl_sem.goals import Goal
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space
from automl_sem.types import Candidate, DataInfo, Outcome

if TYPE_CHECKING:
    from optuna.study import Study


class Engine(Protocol):
    """Proposes candidates and learns from their outcomes.

    Its state is the study alone: an engine opened on the study of a killed search
    proposes what the killed one would have proposed. `automl_sem.testing.check_engine` finds
    out whether one does as it should.
    """

    @property
    def name(self) -> str:
        """What people call it, `"Optuna's tpe sampler"`."""

    @property
    def asked(self) -> int:
        """Number of trials in the study."""

    @property
    def told(self) -> int:
        """Number of trials that have ended."""

    @property
    def infeasible(self) -> int:
        """Number of candidates that broke a limit, or that their space gave up."""

    def incumbent(self, before: int | None = None) -> tuple[float, ...] | None:
        """Return the objectives of the folds of the best trial so far, or None.

        One that breaks a limit is never the best.

        Args:
            before: Only trials with a lower number count; None for all.
        """

    def curves(self, before: int | None = None) -> list[tuple[float, ...]]:
        """Return the objectives along the first folds of the trials that ended, as far as each got.

        Empty where trials have no score before their end.

        Args:
            before: Only trials with a lower number count; None for all.
        """

    def unfinished(self) -> bool:
        """Whether an earlier process left a trial that `ask` returns next."""

    def ask(self) -> Candidate | None:
        """Return the next candidate; first those that an earlier process left unfinished.

        Returns:
            None while there is nothing to propose until a trial ends; where none is under way,
            there are no more candidates at all.
        """

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record how a candidate's trial ended."""


class EngineFactory(Protocol):
    """Opens an engine on a study, be it new or of a search that goes on."""

    def __call__(
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
    ) -> Engine:
        """Return the engine.

        Args:
            study: The study, opened for writing: the one record of all trials.
            space: The space to propose from.
            data: Description of the data.
            seed: Seed of the run.
            starts: Candidates tried first, by their names in the study; the first is the
                baseline, which is trial 0 of every search.
            warm: Those of another run, tried right after the baseline.
            goals: What the search is for; the study has a direction for each.
            demands: Limits on candidates, and what is to be known of them besides.
        """
