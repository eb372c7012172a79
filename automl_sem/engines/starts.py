"""The candidates that a search begins with, whoever proposes the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automl_sem.spaces.parameters import Value


class Starts:
    """Baseline, warm starts and good starts in the order in which they are tried.

    Args:
        starts: Baseline and good starts, by their names in the study.
        warm: Warm starts, tried right after the baseline.
    """

    def __init__(
        self, starts: Sequence[Mapping[str, Value]], warm: Sequence[Mapping[str, Value]] = ()
    ) -> None:
        self._values = [dict(start) for start in (*starts[:1], *warm, *starts[1:])]
        self._warm = len(warm)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._values)

    def __getitem__(self, number: int) -> dict[str, Value]:
        """Return the values of one, by their names in the study."""
        return self._values[number]

    def origin(self, number: int) -> str:
        """Return what people call one; empty for a number that is none."""
        if number >= len(self._values):
            return ""
        if number == 0:
            return "baseline"
        return "warm start" if number <= self._warm else "good start"
