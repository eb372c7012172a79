"""Hyperparameters that share a name but not a range.

KerasTuner knows a hyperparameter by its name and its conditions, and hands out the value of the
first one silently: the range of the second never counts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner

from automl_sem.errors import UserError
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.parameters import Suggester, Value, in_range, study_name


@dataclass(frozen=True)
class Collision:
    """A name that stands for two ranges at a time.

    Args:
        name: The name.
        first: The range that counts, in words.
        second: The range that is passed over.
        where: `FILE:LINE` of the second.
        line: Line of the first in that file; 0 where it is not in it.
    """

    name: str
    first: str
    second: str
    where: str
    line: int

    def error(self) -> UserError:
        """Return what a search says."""
        there = f" (line {self.line})" if self.line else ""
        return UserError(
            f"hyperparameter {self.name!r} is {self.second} here, but {self.first} before{there}, "
            "and only the first counts",
            where=self.where,
            hint="Give one of them another name",
        )


class _Watching:
    """Notices collisions when a space asks for a hyperparameter.

    Args:
        path: File of the space, whose lines are named.

    Attributes:
        lines: Where each is asked for first, by its name in a study; 0 is elsewhere.
        collisions: Those found so far.
    """

    def __init__(self, path: Path, *args: Any) -> None:
        super().__init__(*args)
        self._path = str(path)
        self.lines: dict[str, int] = {}
        self.collisions: list[Collision] = []

    def _retrieve(self, hp: Any) -> Any:
        line = self._line()
        known = self._hps.get(hp.name, [])  # type: ignore[attr-defined]
        same = [other for other in known if other.conditions == hp.conditions]
        for other in same or self.active_among(known if self.is_active(hp) else []):  # type: ignore[attr-defined]
            if range_of(other) != range_of(hp):
                self.collisions.append(
                    Collision(
                        name=hp.name,
                        first=range_of(other),
                        second=range_of(hp),
                        where=f"{self._path}:{line}" if line else self._path,
                        line=self.lines[study_name(other)],
                    )
                )
                break
        self.lines.setdefault(study_name(hp), line)
        return super()._retrieve(hp)  # type: ignore[misc]

    def active_among(self, known: Iterable[Any]) -> list[Any]:
        """Return the active ones of some hyperparameters."""
        return [hp for hp in known if self.is_active(hp)]  # type: ignore[attr-defined]

    def _line(self) -> int:
        """Return the line of the space's file that asks, or 0."""
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != self._path:
            frame = frame.f_back  # type: ignore[assignment]
        return frame.f_lineno if frame is not None else 0


class GivenHyperParameters(_Watching, keras_tuner.HyperParameters):  # type: ignore[misc]
    """Hyperparameters with given values, else their defaults, watched for collisions.

    Args:
        path: File of the space.
        values: Values by name.
    """

    def __init__(self, path: Path, values: Mapping[str, Value]) -> None:
        super().__init__(path)
        self.values = dict(values)


class RebuiltHyperParameters(GivenHyperParameters):
    """Given values, but the default where a value is out of range.

    So it is with a name that stands in another branch once a hyperparameter was changed.
    """

    def _register(self, hp: Any, overwrite: bool = False) -> Any:
        value = self.values.get(hp.name)
        asked = self.active_among(self._hps.get(hp.name, []))
        if value is not None and self.is_active(hp) and not asked and not in_range(hp, value):
            del self.values[hp.name]
        return super()._register(hp, overwrite)


class DrawnHyperParameters(_Watching, OptunaHyperParameters):
    """Hyperparameters whose values come from a trial, watched for collisions.

    Args:
        path: File of the space.
        trial: Hands out the values.
    """

    def __init__(self, path: Path, trial: Suggester) -> None:
        super().__init__(path, trial)


def range_of(hp: Any) -> str:
    """Return what values a hyperparameter can take, in words: `8 to 64, in steps of 8`."""
    kind = type(hp).__name__
    if kind == "Boolean":
        return "True or False"
    if kind == "Fixed":
        return f"always {hp.value!r}"
    if kind == "Choice":
        return f"one of {list(hp.values)!r}"
    words = [f"{kind} from {hp.min_value:g} to {hp.max_value:g}"]
    if hp.step is not None and (kind, hp.step) != ("Int", 1):
        words.append(f"in steps of {hp.step:g}")
    if hp.sampling != "linear":
        words.append(hp.sampling)
    return ", ".join(words)
