"""An engine under examination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.study import Study

from automl_sem.engines.base import Engine, EngineFactory
from automl_sem.spaces.space import Space
from automl_sem.testing.made_up import DATA, branching_space, made_up, outcome_of
from automl_sem.types import Candidate, Outcome


@dataclass(frozen=True)
class Subject:
    """What is checked, and how long.

    Args:
        make: Opens an engine.
        trials: Trials of a search.
        seeded: Whether proposals depend on the seed.
    """

    make: EngineFactory
    trials: int
    seeded: bool

    def open(self, study: Study, seed: int = 3, space: Space | None = None) -> Engine:
        """Open the engine on a study, as a process does."""
        space = space or branching_space()
        return self.make(study, space, DATA, seed, space.starts(DATA), warm=())

    def search(
        self, study: Study, seed: int = 3, outcome: Callable[[Candidate], Outcome] | None = None
    ) -> list[Candidate]:
        """Return the candidates of a search in which each is told before the next is asked for."""
        engine = self.open(study, seed)
        found: list[Candidate] = []
        while len(found) < self.trials and (candidate := engine.ask()) is not None:
            found.append(candidate)
            engine.tell(candidate, outcome_of(candidate, outcome or made_up))
        assert len(found) == self.trials, (
            f"ask() returned None after {len(found)} trials with none under way, which says that "
            f"there are no more candidates; the space has more than {self.trials}"
        )
        return found


def new_study(storage: InMemoryStorage | None = None) -> Study:
    """Return a study without trials; less is better."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(storage=storage or InMemoryStorage(), direction="minimize")


def asked_of(candidate: Candidate | None) -> Any:
    """Return what must be the same when a candidate is proposed again."""
    if candidate is None:
        return None
    return (
        candidate.trial,
        dict(candidate.values),
        candidate.recipe.to_dict(),
        candidate.proposed_by,
        candidate.repeats,
    )
