"""What a check of a space found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from automl_sem.types import DataInfo

Kind = Literal["refused", "error", "collision", "unstable", "constant", "dead", "no effect", "note"]
Tick = Callable[[str, int, int], None]  # what is being done, how many of it are, and of how many


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a space, or worth knowing.

    Args:
        kind: `"refused"`: a search would not begin; `"error"`: some candidates cannot be built;
            `"collision"`: a name stands for two ranges; `"unstable"`: the same values give another
            model; `"constant"`: a hyperparameter has one value; `"dead"`: it is never active;
            `"no effect"`: it changes nothing; `"note"`: no defect.
        what: What is wrong, in one line.
        where: `FILE:LINE`; empty where no line is to blame.
        names: The hyperparameters it concerns.
    """

    kind: Kind
    what: str
    where: str = ""
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line: `where: what`."""
        return f"{self.where}: {self.what}" if self.where else self.what

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "kind": self.kind,
            "what": self.what,
            "where": self.where,
            "hyperparameters": list(self.names),
        }


@dataclass(frozen=True)
class SpaceCheck:
    """What a check of a space found.

    Args:
        space: Name of the space.
        path: Its file.
        source: The data whose description candidates were built for.
        data: That description.
        seed: Seed of the candidates.
        built: Candidates that were built.
        failed: Candidates that could not be built.
        hyperparameters: Number of hyperparameters.
        parameters: Fewest, median and most weights of a candidate; None where none was built.
        seconds: Median and longest time to build one; None where none was built.
        defects: What should be mended.
        notes: What is worth knowing.
        search: Command that searches it, behind `automl-sem`.
    """

    space: str
    path: Path
    source: str
    data: DataInfo
    seed: int
    built: int
    failed: int
    hyperparameters: int
    parameters: tuple[int, int, int] | None
    seconds: tuple[float, float] | None
    defects: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    search: str = ""

    @property
    def fine(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.defects

    def summary(self) -> str:
        """Return it for people."""
        shape = "x".join(map(str, self.data.input_shape))
        tried = self.built + self.failed
        lines = [
            f"space       {self.space} ({self.path})",
            f"data        {self.source}: {self.data.kind}, {shape}",
            f"candidates  {self.built} of {tried} built, drawn at random with seed {self.seed}; "
            f"{self.hyperparameters} hyperparameters",
        ]
        if self.parameters and self.seconds:
            least, middle, most = self.parameters
            usual, slowest = self.seconds
            lines.append(f"weights     {least:,} to {most:,}, median {middle:,}")
            lines.append(f"to build    {usual:.2f} s (median), {slowest:.2f} s (slowest)")
        lines += [f"{finding.kind:<10}  {finding}" for finding in (*self.defects, *self.notes)]
        count = len(self.defects)
        defects = f"{count} defect{'s' if count > 1 else ''}" if count else "nothing to mend"
        return "\n".join([*lines, f"verdict     {defects}"])

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "schema_version": 1,
            "space": self.space,
            "path": str(self.path),
            "data": self.source,
            "seed": self.seed,
            "built": self.built,
            "failed": self.failed,
            "hyperparameters": self.hyperparameters,
            "parameters": _named(("min", "median", "max"), self.parameters),
            "build_seconds": _named(("median", "max"), self.seconds),
            "defects": [finding.to_json() for finding in self.defects],
            "notes": [finding.to_json() for finding in self.notes],
            "fine": self.fine,
        }


def _named(names: Sequence[str], values: Sequence[float] | None) -> dict[str, float] | None:
    return None if values is None else dict(zip(names, values, strict=True))


def listed(names: Sequence[str], joined: str = "and") -> str:
    """Return `a, b and c`."""
    return f" {joined} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def place(path: Path, line: int) -> str:
    """Return `FILE:LINE`, or the file alone where no line is known."""
    return f"{path}:{line}" if line else str(path)
