"""Check a space without training: build candidates at random and look at what they are made of."""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from automl_sem.errors import UserError
from automl_sem.spaces.candidates import Builder, Built, asked_for
from automl_sem.spaces.causes import explain_failures
from automl_sem.spaces.collisions import range_of
from automl_sem.spaces.effects import idle_hyperparameters
from automl_sem.spaces.findings import Finding, Kind, SpaceCheck, Tick, listed, place
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo

FOR_DRAWING = 0.6  # of the time; the rest is for looking for causes and effects
BUILT_AGAIN = 3  # candidates that must be the same the second time


def check(
    space: Space,
    data: DataInfo,
    source: str,
    *,
    samples: int,
    seed: int,
    limit_s: float,
    tick: Tick | None = None,
) -> SpaceCheck:
    """Build candidates at random, without training, and return what is wrong with a space.

    Args:
        space: The space.
        data: Description of the data.
        source: Where the data came from.
        samples: Candidates to build.
        seed: Another one draws other candidates.
        limit_s: Seconds after which no further candidate is built.
        tick: Is told how far it is.
    """
    builder = Builder(space, data, seed, time.monotonic() + limit_s)
    tried: list[Built] = []
    for number in range(samples):
        if tried and builder.seconds_left < (1 - FOR_DRAWING) * limit_s:
            break
        if tick is not None:
            tick("building candidates", number, samples)
        tried.append(builder.drawn(number))
    built = [candidate for candidate in tried if not candidate.error]
    failed = [candidate for candidate in tried if candidate.error]
    collisions = _collisions(space.path, tried)
    unstable = _unstable(builder, built)
    idle: list[Finding] = []
    unknown: list[str] = []
    if not unstable:  # else everything would seem to have an effect
        idle, unknown = idle_hyperparameters(
            builder, built, failed, None if tick is None else partial(tick, "changing values")
        )
    errors = explain_failures(builder, failed, built)
    found = [*_refused(space, data, (*errors, *collisions)), *errors, *collisions, *unstable, *idle]
    notes = [finding for finding in found if finding.kind == "note"]
    if unknown:
        notes.append(Finding("note", f"no time was left for {listed(unknown)}"))
    if len(tried) < samples:
        notes.append(Finding("note", f"time was up after {len(tried)} of {samples} candidates"))
    sizes = sorted(candidate.parameters for candidate in built)
    # The first one waits until TensorFlow is ready.
    seconds = sorted(candidate.seconds for candidate in built[1:] or built)
    return SpaceCheck(
        space=space.name,
        path=space.path,
        source=source,
        data=data,
        seed=seed,
        built=len(built),
        failed=len(failed),
        hyperparameters=len({hp.name for hp in asked_for(tried).values()}),
        parameters=(sizes[0], int(median(sizes)), sizes[-1]) if sizes else None,
        seconds=(median(seconds), seconds[-1]) if seconds else None,
        defects=tuple(finding for finding in found if finding.kind != "note"),
        notes=(*notes, *_in_some_alone(built)),
    )


def _refused(space: Space, data: DataInfo, told: Sequence[Finding]) -> list[Finding]:
    """Return why a search would refuse the baseline or a good start, if that is not told yet."""
    try:
        space.starts(data)
    except UserError as error:
        if any(error.what in finding.what for finding in told):
            return []
        name = error.where.partition(" in ")[0]
        where, line = error.where, _line_of_constant(space, name.partition("[")[0])
        if line:
            where = f"{space.path}:{line}"
        what = f"{name}: {error.what}" if line else error.what
        return [Finding("refused", f"{what}. {error.hint}" if error.hint else what, where)]
    return []


def _line_of_constant(space: Space, name: str) -> int:
    """Return the line on which a constant of the file is set, or 0."""
    for node in ast.walk(ast.parse(space.source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return node.lineno
    return 0


def _collisions(path: Path, tried: Sequence[Built]) -> list[Finding]:
    """Return the names that stand for two ranges, in one candidate or from one to another."""
    found: dict[tuple[str, str], Finding] = {}
    for collision in (each for candidate in tried for each in candidate.collisions):
        error = collision.error()
        finding = Finding(
            "collision", f"{error.what}. {error.hint}", error.where, (collision.name,)
        )
        found.setdefault((collision.name, collision.where), finding)
    told = {name for name, _ in found}
    for key, hp in asked_for(tried).items():
        ranges = dict.fromkeys(range_of(c.asked[key]) for c in tried if key in c.asked)
        if len(ranges) == 1 or hp.name in told:
            continue
        numbers = all(text.startswith(("Int", "Float")) for text in ranges)
        what = f"{hp.name!r} is {listed(list(ranges)[:3], 'or')}, from one candidate to another"
        if not numbers:
            what += ": a search refuses that. Use a conditional scope for each, or other names"
        kind: Kind = "note" if numbers else "collision"
        line = next(c.lines[key] for c in tried if key in c.lines)
        found[key, ""] = Finding(kind, what, place(path, line), (hp.name,))
    return list(found.values())


def _unstable(builder: Builder, built: Sequence[Built]) -> list[Finding]:
    """Return whether the same values give another model when it is built again."""
    for candidate in built[:BUILT_AGAIN]:
        again = builder.given(candidate.values)
        if again.signature != candidate.signature:
            reason = f" ({again.error})" if again.error else ""
            what = f"the same values gave another model when it was built again{reason}"
            hint = "build and recipe must depend on hp and data alone"
            return [Finding("unstable", f"{what}: {hint}", str(builder.space.path))]
    return []


def _in_some_alone(built: Sequence[Built]) -> list[Finding]:
    """Return a note on what some candidates ask for and others do not, without a condition."""
    names = [
        hp.name
        for key, hp in asked_for(built).items()
        if not all(key in candidate.asked for candidate in built)
    ]
    if not names:
        return []
    few = listed([*names[:6], *(["others"] if len(names) > 6 else [])])
    return [
        Finding(
            "note",
            f"asked for by some candidates and not by others, without a conditional scope: {few}",
            names=tuple(names),
        )
    ]
