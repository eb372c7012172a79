"""Which hyperparameters do nothing: one value only, never active, or without any effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automl_sem.spaces.candidates import Builder, Built, asked_for
from automl_sem.spaces.collisions import range_of
from automl_sem.spaces.findings import Finding, Kind, listed, place
from automl_sem.spaces.parameters import Value, probes, takes

TRIED_IN = 12  # candidates in which a hyperparameter may show an effect
TRIED_VALUES = 2  # other values in each


def idle_hyperparameters(
    builder: Builder,
    built: Sequence[Built],
    failed: Sequence[Built],
    tick: Callable[[int, int], None] | None,
) -> tuple[list[Finding], list[str]]:
    """Return what is wrong with hyperparameters, and the names that no time was left for.

    One has an effect if another value of it, all others kept, gives another architecture or
    recipe, or an error, in some candidate. What the fit of a hypermodel alone asks for is passed
    over: it would have to train to show an effect.

    Args:
        builder: Builds candidates anew.
        built: Candidates drawn at random.
        failed: Those that could not be built.
        tick: Is told how many hyperparameters of how many are done.
    """
    findings, unknown = [], []
    known = asked_for((*built, *failed))
    for done, (key, hp) in enumerate(known.items()):
        if tick is not None:
            tick(done, len(known))
        if type(hp).__name__ == "Fixed":
            continue
        if builder.seconds_left <= 0:
            unknown.append(hp.name)
            continue
        found = _idle(builder, key, known, built, failed)
        if found is not None:
            kind, what = found
            line = next(c.lines[key] for c in (*built, *failed) if key in c.lines)
            findings.append(Finding(kind, what, place(builder.space.path, line), (hp.name,)))
        elif builder.seconds_left <= 0:
            unknown.append(hp.name)
    return findings, unknown


def _idle(
    builder: Builder,
    key: str,
    known: Mapping[str, Any],
    built: Sequence[Built],
    failed: Sequence[Built],
) -> tuple[Kind, str] | None:
    """Return what is wrong with one hyperparameter, or None."""
    hp = known[key]
    if len(probes(hp)) == 1:
        return "constant", f"{hp.name!r} has one value only: {range_of(hp)}"
    within = [candidate for candidate in built if key in candidate.active]
    if not within:
        if not built or any(key in candidate.active for candidate in failed):
            return None  # what failed is told elsewhere
        forced = _activated(builder, key, hp, built[0])
        if forced is None:
            wanted = listed([f"{c.name} is {_either(c.values)}" for c in hp.conditions])
            return "dead", f"{hp.name!r} is never active: only where {wanted}, which cannot be"
        if forced.error:
            return None
        within = [forced]
    if any(key in candidate.of_fit for candidate in within):
        return None
    within = within[:TRIED_IN]
    named = [v for h in known.values() for c in h.conditions if c.name == hp.name for v in c.values]
    values = [*(v for v in dict.fromkeys(named) if takes(hp, v)), *probes(hp)]
    if any(_matters(builder, c, hp.name, values, turn) for turn, c in enumerate(within)):
        return None
    if builder.seconds_left <= 0:
        return None
    tried = f"{len(within)} candidate{'s' if len(within) > 1 else ''}"
    what = f"{hp.name!r} changes neither the model nor its recipe in any of {tried} for these data"
    if all(candidate.whole for candidate in within):
        return "no effect", what
    return "note", f"{what}, as far as can be told without running the code of the model"


def _either(values: Sequence[Value]) -> str:
    return listed([repr(value) for value in values], "or")


def _activated(builder: Builder, key: str, hp: Any, base: Built) -> Built | None:
    """Return a candidate in which a hyperparameter is active, or None if there is none."""
    candidate = base
    for condition in hp.conditions:
        parents = [h for h in candidate.asked.values() if h.name == condition.name]
        fitting = [v for v in condition.values if any(takes(parent, v) for parent in parents)]
        if not fitting:
            return None
        candidate = builder.given(candidate.with_value(condition.name, fitting[0]))
    return candidate if candidate.error or key in candidate.active else None


def _matters(
    builder: Builder, candidate: Built, name: str, values: Sequence[Value], turn: int
) -> bool:
    """Whether another value gives another candidate; other ones are tried at each turn."""
    others = [value for value in dict.fromkeys(values) if value != candidate.values[name]]
    start = turn * TRIED_VALUES % len(others)
    for value in (others[start:] + others[:start])[:TRIED_VALUES]:
        if builder.seconds_left <= 0:
            return False
        if builder.given(candidate.with_value(name, value)).signature != candidate.signature:
            return True
    return False
