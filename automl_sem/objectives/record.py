"""What a run remembers of an objective."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from automl_sem.goals import Goal


class ObjectiveRecord(BaseModel):
    """One objective of `--objective`.

    Args:
        name: In records and JSON, and that of the metric in the study.
        word: For people.
        maximize: Whether more is better.
        kind: `"metric"` by a name, `"compiled"` for one that models are compiled with, `"file"`
            for a function of a file, `"python"` for one that only Python can hand over, `"cost"`
            for what a model costs to run.
        asked: The name of the metric, the function or the cost.
        lowest: No value can be below, or None.
        highest: No value can be above, or None.
        copy_name: The run's copy of the file; empty without.
        origin: The file as it was named; empty without.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    word: str
    maximize: bool
    kind: Literal["metric", "compiled", "file", "python", "cost"]
    asked: str
    lowest: float | None = None
    highest: float | None = None
    copy_name: str = ""
    origin: str = ""

    @property
    def goal(self) -> Goal:
        """What it is to a search."""
        return Goal(
            self.name,
            self.word,
            self.maximize,
            self.kind == "cost",
            -math.inf if self.lowest is None else self.lowest,
            math.inf if self.highest is None else self.highest,
        )

    @property
    def flag(self) -> str:
        """How it is said on the command line."""
        way = f":{'max' if self.maximize else 'min'}"
        if self.kind == "cost":
            return self.asked
        return f"{self.origin}:{self.asked}{way}" if self.kind == "file" else f"{self.asked}{way}"
