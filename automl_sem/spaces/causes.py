"""Which hyperparameters are to blame for candidates that cannot be built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from automl_sem.spaces.candidates import Builder, Built
from automl_sem.spaces.findings import Finding, listed
from automl_sem.spaces.parameters import Value, probes

TOLD = 4  # hyperparameters that failures have in common
TRIED = 8  # of which another value may repair them


@dataclass(frozen=True)
class _Shared:
    """What all failures have in common: a value of a hyperparameter, or some of its values."""

    name: str
    text: str
    covers: Callable[[Value], bool]

    def among(self, built: Sequence[Built]) -> float:
        """Return the share of candidates that have it as well."""
        having = [c for c in built if self.name in c.values and self.covers(c.values[self.name])]
        return len(having) / len(built)


def explain_failures(
    builder: Builder, failed: Sequence[Built], built: Sequence[Built]
) -> list[Finding]:
    """Return one finding for each kind of error, the most frequent first.

    A hyperparameter causes an error if all failures share a value of it (or a few) that not all
    others have, and if another one lets the candidate be built.

    Args:
        builder: Builds candidates anew.
        failed: Those that could not be built.
        built: Those that could.
    """
    groups: dict[tuple[str, str], list[Built]] = {}
    for candidate in failed:
        groups.setdefault(candidate.kind_of_error, []).append(candidate)
    total = len(failed) + len(built)
    return [
        _explained(builder, group, built, total)
        for group in sorted(groups.values(), key=len, reverse=True)
    ]


def _explained(builder: Builder, group: list[Built], built: Sequence[Built], total: int) -> Finding:
    what = f"{len(group)} of {total} candidates cannot be built: {group[0].error}"
    if not built:
        return Finding("error", f"{what}; whatever their values", group[0].where)
    shared, who = _in_common(group, built), "all of them have"
    if not shared:
        shared, who = _in_common(group[:1], built), "one of them has"
    causes = [each for each in shared[:TRIED] if _repaired(builder, group[0], each)]
    told = causes or shared[:TOLD]
    if told:
        what += f"; {who} {listed([each.text for each in told])}"
    if causes:
        names = listed([each.name for each in causes], "or")
        what += f", and another value of {names} repairs it"
    return Finding("error", what, group[0].where, tuple(each.name for each in told))


def _in_common(group: Sequence[Built], built: Sequence[Built]) -> list[_Shared]:
    """Return what all of a group share and not all others have, the most telling first."""
    names = [n for n in group[0].values if all(n in candidate.values for candidate in group)]
    shared = [_shared(name, [candidate.values[name] for candidate in group]) for name in names]
    rare = [(each.among(built), each) for each in shared]
    return [each for share, each in sorted(rare, key=lambda pair: pair[0]) if share < 1]


def _shared(name: str, values: list[Value]) -> _Shared:
    some = set(values)
    if len(some) > 1 and all(isinstance(v, int | float) for v in values if v not in (True, False)):
        low, high = min(values), max(values)
        return _Shared(name, f"{name} from {low:g} to {high:g}", lambda v: low <= v <= high)  # type: ignore[operator]
    text = " or ".join(f"{name}={value!r}" for value in sorted(some, key=str))
    return _Shared(name, text, lambda v: v in some)


def _repaired(builder: Builder, failure: Built, shared: _Shared) -> bool:
    """Whether the failure can be built with another value of a hyperparameter."""
    hp = next(h for h in failure.active.values() if h.name == shared.name)
    others = [value for value in probes(hp) if not shared.covers(value)]
    return any(
        builder.seconds_left > 0 and not builder.given(failure.with_value(hp.name, value)).error
        for value in others[:2]
    )
