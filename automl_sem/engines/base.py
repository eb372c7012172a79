"""The contract of an engine."""

from __future__ import annotations

from typing import Protocol

from automl_sem.types import Candidate, Outcome


class Engine(Protocol):
    """Proposes candidates and learns from their outcomes.

    Its state is the study alone: an engine opened on the study of a killed search
    proposes what the killed one would have proposed.
    """

    @property
    def asked(self) -> int:
        """Number of trials in the study."""

    @property
    def told(self) -> int:
        """Number of trials that have ended."""

    @property
    def infeasible(self) -> int:
        """Number of candidates that broke a limit, and so were never trained."""

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

    def ask(self) -> Candidate:
        """Return the next candidate; first those that an earlier process left unfinished."""

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record how a candidate's trial ended."""
