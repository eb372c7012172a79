"""What `--objective` names: metrics, costs and functions, and which way each is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from automl_sem.costs import COSTS
from automl_sem.errors import UserError, did_you_mean
from automl_sem.goals import Goal
from automl_sem.objectives import of_keras, of_sklearn
from automl_sem.objectives.base import Metric
from automl_sem.objectives.measure import STRESSED, Measure
from automl_sem.objectives.own import (
    WHERE,
    file_and_function,
    load_function,
    read_source,
)
from automl_sem.objectives.record import ObjectiveRecord
from automl_sem.objectives.short import SHORT, short

MOST = 3  # objectives of a search: fronts of more dimensions tell nobody anything
WAYS = {"max": True, "maximize": True, "min": False, "minimize": False}
Function = Callable[..., Any]
Reported = Callable[[], Collection[str]]
USUAL = ("log_loss", "loss", "val_loss")  # what trials are ranked by anyway


@dataclass(frozen=True)
class Chosen:
    """One objective that was asked for.

    Args:
        record: What the run remembers.
        measure: What is computed of a fold; None for a cost.
        source: Text of the file that it came from; empty without.
    """

    record: ObjectiveRecord
    measure: Measure | None
    source: str = ""


def choose(
    asked: str | Function | Sequence[str | Function] | None,
    direction: str | None = None,
    *,
    stressed: bool = False,
    reported: Reported = tuple,
) -> tuple[Chosen, ...]:
    """Return what is asked for, the objective that ranks trials first; empty for the usual one.

    Args:
        asked: Names with commas between them, a function, or a sequence of both.
        direction: `"max"` or `"min"`, of a function, or of one name that does not tell.
        stressed: Whether folds are scored under stress too.
        reported: Returns the names of the metrics that models are compiled with; called where a
            name is no other metric's.

    Raises:
        UserError: If a name is unknown, it does not say which way is better, or what is asked
            for cannot rank trials.
    """
    parts = parts_of(asked)
    if not parts or (len(parts) == 1 and parts[0] in USUAL and direction is None):
        return ()
    chosen = [
        _one(
            part,
            None if isinstance(part, str) and len(parts) > 1 else direction,
            stressed,
            n,
            reported,
        )
        for n, part in enumerate(parts)
    ]
    names = [each.record.name for each in chosen]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{name} is named twice", where=WHERE)
    if chosen[0].measure is None:
        _refuse_cost(names)
    if len(chosen) > MOST:
        raise UserError(f"{len(chosen)} objectives are too many, {MOST} at most", where=WHERE)
    return tuple(chosen)


def parts_of(asked: str | Function | Sequence[str | Function] | None) -> list[str | Function]:
    """Return what is asked for one by one: names and functions."""
    if asked is None:
        return []
    if isinstance(asked, str):
        return [part.strip() for part in asked.split(",")]
    return [asked] if callable(asked) else list(asked)


def _refuse_cost(names: Sequence[str]) -> None:
    if len(names) == 1:
        raise UserError(
            f"{names[0]} alone would be best for a network that knows nothing",
            where=WHERE,
            hint=f"Say --objective accuracy,{names[0]}, or set a limit such as --max-params 50k",
        )
    raise UserError(
        f"the first objective is what trials are compared by, and {names[0]} is a cost",
        where=WHERE,
        hint="Name a metric first, as in --objective accuracy,params",
    )


def _one(
    part: str | Function,
    direction: str | None,
    stressed: bool,
    number: int,
    reported: Reported,
) -> Chosen:
    if not isinstance(part, str):
        return _of_python(part, direction)
    text, _, way = part.rpartition(":")
    name, way = (text, way) if way in WAYS and text else (part, direction or "")
    if way and way not in WAYS:
        raise UserError(f"a direction is max or min. Received: {way!r}", where=WHERE)
    own = file_and_function(name)
    if own is not None:
        return _of_file(*own, way, number)
    if name in COSTS:
        cost = COSTS[name]
        if WAYS.get(way):
            raise UserError(f"less of {name} is better", where=WHERE, hint="Leave :max out")
        record = ObjectiveRecord(
            name=name, word=cost.word, maximize=False, kind="cost", asked=name, lowest=0.0
        )
        return Chosen(record, None)
    name = name.removeprefix("val_")  # as KerasTuner has it
    try:
        metric = find_metric(name)
    except UserError:
        if name not in reported():
            raise
        goal = Goal(name, name, _way(way, name))
        return Chosen(_record(goal, "compiled", name), _compiled(goal))
    goal = metric.goal
    if way:
        goal = replace(goal, maximize=WAYS[way])
    if stressed and goal.name in STRESSED:
        both = f"mean of {goal.name} and stress_{goal.name}"
        goal = replace(goal, name=both, word=f"{goal.word} with stress")
    record = _record(goal, "metric", metric.goal.name)
    return Chosen(record, Measure(goal, metric))


def _compiled(goal: Goal) -> Measure:
    """Return what reads a metric that a model was compiled with."""

    return Measure(goal, Metric(goal, lambda *_: math.nan), reported=True)


def _record(goal: Goal, kind: Any, asked: str, **more: str) -> ObjectiveRecord:
    ends = [end if math.isfinite(end) else None for end in (goal.lowest, goal.highest)]
    return ObjectiveRecord(
        name=goal.name,
        word=goal.word,
        maximize=goal.maximize,
        kind=kind,
        asked=asked,
        lowest=ends[0],
        highest=ends[1],
        **more,
    )


def _of_file(file: Path, name: str, way: str, number: int) -> Chosen:
    source = read_source(file)
    function = load_function(file, name, file.resolve().parent)
    goal = Goal(name, name, _way(way, f"{file}:{name}"))
    more = {"copy_name": f"objective-{number}.py", "origin": str(file.resolve())}
    record = _record(goal, "file", name, **more)
    return Chosen(record, Measure(goal, Metric(goal, function)), source)


def _of_python(function: Function, direction: str | None) -> Chosen:
    if not callable(function):
        raise UserError(f"an objective is a name or a function, not {function!r}", where=WHERE)
    name = _name(function)
    if direction is None:
        raise UserError(
            f"which way {name} is better is not known",
            where="search",
            hint='Pass direction="max" or direction="min"',
        )
    goal = Goal(name, name, _way(direction, name))
    return Chosen(_record(goal, "python", name), Measure(goal, Metric(goal, function)))


def _way(way: str, name: str) -> bool:
    if way not in WAYS:
        raise UserError(
            f"which way {name} is better is not known",
            where=WHERE,
            hint=f"Say --objective {name}:max or {name}:min",
        )
    return WAYS[way]


def find_metric(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        UserError: If there is none, naming one that is like it.
    """
    name = short(name)
    found = SHORT.get(name) or of_sklearn.find(name) or of_keras.find(name)
    if found is None:
        found = SHORT.get(short(name.lower().replace("-", "_")))
    if found is not None:
        return found
    close = did_you_mean(name, {*SHORT, *COSTS, *of_sklearn.names(), *of_keras.names()})
    close = close.partition(" Known:")[0] if close.startswith("Did you mean") else ""
    some = ", ".join(sorted(SHORT))
    raise UserError(
        f"no model reports an objective {name!r}",
        where=WHERE,
        hint=f"{close} There are {some}, every metric of scikit-learn and Keras, the costs "
        f"{', '.join(COSTS)}, and your own function as FILE.py:function:max".strip(),
    )


def functions_of(
    asked: str | Function | Sequence[str | Function] | None,
) -> dict[str, Function]:
    """Return the functions among what is asked for, by the names that a run knows them by."""
    functions = [part for part in parts_of(asked) if not isinstance(part, str)]
    return {_name(function): function for function in functions}


def _name(function: Function) -> str:
    return getattr(function, "__name__", type(function).__name__)


def measures_of(
    records: Sequence[ObjectiveRecord],
    run: Path,
    functions: Mapping[str, Function],
) -> tuple[Measure, ...]:
    """Return what is computed of the folds of a run.

    Args:
        records: Its objectives.
        run: Its directory, which has copies of files.
        functions: Functions that Python hands over, by name.

    Raises:
        UserError: If a function is missing.
    """
    found = []
    for record in records:
        if record.kind == "metric":
            found.append(Measure(record.goal, find_metric(record.asked)))
        elif record.kind == "compiled":
            found.append(_compiled(record.goal))
        elif record.kind == "file":
            beside = Path(record.origin).parent
            function = load_function(run / record.copy_name, record.asked, beside)
            found.append(Measure(record.goal, Metric(record.goal, function)))
        elif record.kind == "python":
            if record.asked not in functions:
                raise UserError(
                    f"this search is for {record.asked}, a function of Python, which no run keeps",
                    where=run,
                    hint="Go on with it in Python: resume(run, objective=the_function)",
                )
            metric = Metric(record.goal, functions[record.asked])
            found.append(Measure(record.goal, metric))
    return tuple(found)
