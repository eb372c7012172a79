"""The contract between a worker and whatever fits a candidate's folds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from automl_sem.types import AnyFold, Ints

NO_LIMITS: Mapping[int, float] = MappingProxyType({})


class Trainer(Protocol):
    """Fits one candidate fold after fold.

    A result depends on the candidate, its seed and the fold alone: never on the folds
    that were fitted before.

    Attributes:
        note: What takes the candidate longer, in one line, such as why Keras's `fit` trains it;
            empty if nothing does.
    """

    note: str

    def fit(self, fold: int, held_out: Ints, limits: Mapping[int, float] = NO_LIMITS) -> AnyFold:
        """Train on all rows but `held_out`, and score what was learnt by these.

        Args:
            fold: Number of the fold.
            held_out: Rows to hold out, (n,).
            limits: Largest objective with which to go on, by point of the curve; empty for what
                has no score before its end.

        Raises:
            Diverged: If the loss or a prediction becomes NaN or infinite.
            Stopped: If a limit is passed.
        """
