"""The contract of an engine."""

from __future__ import annotations

from typing import Protocol

from automl_sem.types import Candidate, Outcome


class Engine(Protocol):
    """Proposes candidates and learns from their outcomes.

    Its state is the study alone: an engine opened on the study of a killed search
    proposes what the killed one would have proposed.
    """

    def unfinished(self) -> bool:
        """Whether an earlier process left a trial that `ask` returns next."""

    def ask(self) -> Candidate:
        """Return the next candidate; first those that an earlier process left unfinished."""

    def tell(self, candidate: Candidate, outcome: Outcome) -> None:
        """Record how a candidate's trial ended."""
