"""The contract between the search and whatever trains its candidates."""

from __future__ import annotations

from typing import Protocol

from automl_sem.types import Candidate, FoldResult, Ints


class Worker(Protocol):
    """Trains one candidate at a time, fold after fold.

    `start(candidate)`, then `run_fold` once for each fold still to do, then `finish()`,
    also after an exception.
    """

    def start(self, candidate: Candidate) -> None:
        """Build and trace the candidate's model."""

    def run_fold(self, fold: int, held_out: Ints) -> FoldResult:
        """Train on all rows but `held_out` (n,) and predict those."""

    def finish(self) -> None:
        """Free what the candidate held."""
