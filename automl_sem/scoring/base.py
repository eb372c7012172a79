"""The contract between a worker and whatever fits a candidate's folds."""

from __future__ import annotations

from typing import Protocol

from automl_sem.types import FoldResult, Ints


class Trainer(Protocol):
    """Fits one candidate fold after fold.

    A result depends on the candidate, its seed and the fold alone: never on the folds
    that were fitted before.

    Attributes:
        note: What takes the candidate longer, in one line, such as why Keras's `fit` trains it;
            empty if nothing does.
    """

    note: str

    def fit(self, fold: int, held_out: Ints) -> FoldResult:
        """Train on all rows but `held_out`, and predict those after the last epoch.

        Args:
            fold: Number of the fold.
            held_out: Rows to hold out, (n,).

        Raises:
            Diverged: If the loss or a prediction becomes NaN or infinite.
        """
