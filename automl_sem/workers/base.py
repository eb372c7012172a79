"""The contract between the search and whatever trains its candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from automl_sem.types import AnyFold, Candidate, Ints, Outcome


@dataclass(frozen=True)
class FoldTask:
    """One fold fit to do.

    Args:
        candidate: What to train.
        fold: Number of the fold, from 0.
        held_out: Rows to hold out and predict, (n,).
        seed: Seed of the run, or of its fresh folds.
        limits: Largest objective with which a GAN goes on, by point of its curve.
    """

    candidate: Candidate
    fold: int
    held_out: Ints
    seed: int
    limits: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FoldDone:
    """How a fold fit ended: exactly one of `result`, `outcome` and `died` says it.

    Args:
        slot: The slot that it was submitted to.
        result: What it gave.
        outcome: Why the candidate cannot be trained: its own fault.
        died: How the worker ended before the fit did: `"killed by signal 9"`. The fold
            can be submitted again.
        out_of_memory: Whether the system killed the worker for lack of memory.
        blameless: Whether that was because of the workers beside it, of which there are
            fewer now.
        note: How the candidate is trained, where that is worth a line.
        memory: Most memory that the worker has had so far, in bytes; 0 if unknown.
    """

    slot: int
    result: AnyFold | None = None
    outcome: Outcome | None = None
    died: str = ""
    out_of_memory: bool = False
    blameless: bool = False
    note: str = ""
    memory: int = 0


class Pool(Protocol):
    """A number of slots, each of which trains one fold at a time.

    A slot keeps the traced model of its last candidate: submit all folds of a candidate
    to the same slot as long as it is one of `slots`. Results do not depend on the slot nor
    on what it trained before.
    """

    @property
    def slots(self) -> int:
        """How many slots may take fold fits; it can fall while the search goes on."""

    def submit(self, slot: int, task: FoldTask) -> None:
        """Start a fold fit on a slot that has none under way, and return at once."""

    def wait(self) -> FoldDone:
        """Wait for the next fold fit to end.

        Raises:
            RuntimeError: If none is under way.
            UserError: If workers cannot be started.
        """

    def close(self) -> None:
        """Stop all workers at once; fold fits under way are lost."""
