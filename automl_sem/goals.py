"""What a search is for, as people name it: inside, all is minimised; here signs are turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Goal:
    """One thing that a search is for.

    Args:
        name: In records and JSON, `"log_loss"`.
        word: For people, `"log-loss"`.
        maximize: Whether more is better.
        cost: Whether it is what a model costs to run, which needs no training to be known.
        lowest: No value can be below; intervals end there.
        highest: No value can be above.
    """

    name: str
    word: str
    maximize: bool = False
    cost: bool = False
    lowest: float = -math.inf
    highest: float = math.inf

    @property
    def direction(self) -> Direction:
        """Which way is better, in Optuna's words."""
        return "maximize" if self.maximize else "minimize"

    @property
    def better(self) -> str:
        """Which way is better, for people."""
        return "higher" if self.maximize else "lower"

    @property
    def worse(self) -> str:
        """Which way is worse, for people."""
        return "lower" if self.maximize else "higher"

    def turned(self, value: float) -> float:
        """Return what is minimised for a number that people quote, or the other way round."""
        return turned(value, self.maximize)


_CAPITALS = {"auc": "AUC", "f1": "F1", "fbeta": "F-beta", "iou": "IoU", "r2": "R2", "roc": "ROC"}


def spoken(name: str) -> str:
    """Return the name of a metric for people: `macro F1` for `macro_f1`."""
    return " ".join(_CAPITALS.get(part, part) for part in name.split("_"))


LOG_LOSS = Goal("log_loss", "log-loss", lowest=0.0)


@dataclass(frozen=True)
class Measured:
    """What a fold, or the mean of some, comes to by a goal.

    Args:
        goal: The goal.
        value: The number that people quote.
    """

    goal: Goal
    value: float

    @property
    def objective(self) -> float:
        """What is minimised."""
        return self.goal.turned(self.value)


def turned(value: float, maximize: bool) -> float:
    """Return what is minimised for a number that people quote, or the other way round.

    Args:
        value: The one or the other.
        maximize: Whether people want more of it.
    """
    return 0.0 - value if maximize else value


def mean_measured(folds: Sequence[Sequence[Measured]]) -> tuple[Measured, ...]:
    """Return the mean over folds of what each comes to, goal by goal.

    Args:
        folds: What each fold comes to by the same goals.
    """
    return tuple(
        Measured(each[0].goal, math.fsum(m.value for m in each) / len(each))
        for each in zip(*folds, strict=True)
    )
