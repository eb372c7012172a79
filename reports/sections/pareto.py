"""A search for several objectives: what no other trial beats, and three ways to pick from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from automl_sem.costs import COSTS
from automl_sem.goals import Goal
from automl_sem.pareto import MEANINGS
from automl_sem.reports import charts
from automl_sem.reports.context import Context
from automl_sem.reports.sections.history import hover_text
from automl_sem.reports.wording import loss
from automl_sem.results import Results, TrialRecord

TITLE = "The front"

LOOK_FOR = (
    "Each sign is one trial: {one} upwards, {other} to the right. On the line lies the front: what "
    "stands there is beaten by no other trial in all objectives at once. {ways} Where the line is "
    "steep, a little more cost buys much; where it is flat, it buys nothing."
)
THIRD = " The chart leaves {third} out, by which a trial may be on the front though off the line."


def render(context: Context) -> Markup | None:
    """Return the front as a chart and a table; None in a search for one objective."""
    results = context.results
    if len(results.goals) < 2 or not results.front:
        return None
    one, other, *more = results.goals
    ways = " and ".join(map(_way, (one, other)))
    text = LOOK_FOR.format(one=one.word, other=other.word, ways=f"{ways[0].upper()}{ways[1:]}.")
    chart = context.chart(
        _figure(results),
        title=f"{one.word[:1].upper()}{one.word[1:]} against {other.word}",
        look_for=text + (THIRD.format(third=more[0].word) if more else ""),
        height=420,
    )
    return context.render(
        "pareto.html",
        chart=chart,
        words=[goal.word for goal in results.goals],
        rows=[_row(results, number) for number in results.front],
        picks=[
            {"name": pick, "trial": number, "meaning": MEANINGS[pick]}
            for pick, number in results.picks.items()
        ],
        weighed=any(goal.name == "params" for goal in results.goals),
    )


def _way(goal: Goal) -> str:
    if goal.name == "params":
        return "fewer weights are better"
    return f"{goal.better} {goal.word} is better"


def facts(context: Context) -> dict[str, Any] | None:
    """Return the front, with what each trial comes to, and the picks."""
    results = context.results
    if len(results.goals) < 2 or not results.front:
        return None
    return {
        "front": [
            {"trial": number, "values": dict(results.searched(number).values)}
            for number in results.front
        ],
        "picks": dict(results.picks),
    }


def _row(results: Results, number: int) -> dict[str, Any]:
    trial = results.searched(number)
    fresh = next((s for s in results.finalists if s.trial.number == number), None)
    return {
        "trial": number,
        "values": [text(goal, trial.values[goal.name]) for goal in results.goals],
        "fresh": "" if fresh is None else loss(fresh.quoted),
        "picks": ", ".join(pick for pick, picked in results.picks.items() if picked == number),
        "weights": f"{trial.parameters:,}",
    }


def text(goal: Goal, value: float) -> str:
    """Return how the value of a goal is written."""
    return COSTS[goal.name].text(value) if goal.cost else loss(value)


def _figure(results: Results) -> charts.Figure:
    one, other = results.goals[:2]
    on = [results.searched(number) for number in results.front]
    behind = [t for t in results.eligible if t.number not in results.front]
    over = [t for t in results.complete if not t.eligible]
    line = sorted(
        ((t.values[other.name], t.values[one.name]) for t in on),
        key=lambda place: (other.turned(place[0]), one.turned(place[1])),
    )
    drawn = _undominated(line, one)
    traces = [
        charts.line(
            [x for x, _ in drawn],
            [y for _, y in drawn],
            name="front",
            color=charts.INK,
            width=1.5,
            line={"shape": "hv"},
        ),
        *_signs(results, behind, "not on the front", charts.GREY, "circle-open"),
        *_signs(results, over, "breaks the limits", charts.MUTED, "x-thin"),
        *_signs(results, on, "on the front", charts.BLUE, "circle"),
        *_broken(results, [t.values[one.name] for t in (*on, *behind, *over)]),
    ]
    for pick, (color, symbol) in zip(
        results.picks,
        (
            (charts.ORANGE, "circle-open"),
            (charts.GREEN, "square-open"),
            (charts.PINK, "diamond-open"),
        ),
        strict=True,
    ):
        trial = results.searched(results.picks[pick])
        size = {"circle-open": 18, "square-open": 24, "diamond-open": 30}[symbol]
        traces.append(
            charts.points(
                [trial.values[other.name]],
                [trial.values[one.name]],
                name=f"{pick}: trial {trial.number}",
                color=color,
                symbol=symbol,
                size=size,
            )
        )
    across = [t.values[other.name] for t in (*on, *behind, *over)]
    return charts.figure(
        traces,
        legend=True,
        xaxis=_across(other, across),
        yaxis=charts.score_axis(
            charts.label(one.word), [t.values[one.name] for t in (*on, *behind)], one.maximize
        ),
    )


def _undominated(places: Sequence[tuple[float, float]], one: Goal) -> list[tuple[float, float]]:
    """Return the places through which the line goes, where a third objective plays no part."""
    kept: list[tuple[float, float]] = []
    for place in places:
        if not kept or one.turned(place[1]) < one.turned(kept[-1][1]):
            kept.append(place)
    return kept


def _across(goal: Goal, values: Sequence[float]) -> dict[str, Any]:
    wide = goal.cost and min(values) > 0 and max(values) > 5 * min(values)
    if wide:
        far = max(values) > 30 * min(values)
        return charts.axis(
            goal.word, type="log", tickformat="~s", dtick=1 if far else "D2", minor={"ticks": ""}
        )
    return charts.axis(charts.label(goal.word), tickformat="~s" if goal.cost else "~g", nticks=6)


def _signs(
    results: Results, trials: Sequence[TrialRecord], name: str, color: str, symbol: str
) -> list[charts.Trace]:
    if not trials:
        return []
    one, other = results.goals[:2]
    return [
        charts.points(
            [t.values[other.name] for t in trials],
            [t.values[one.name] for t in trials],
            name=name,
            color=color,
            symbol=symbol,
            hover=[hover_text(t, one.word, results.share_word) for t in trials],
        )
    ]


def _broken(results: Results, heights: Sequence[float]) -> list[charts.Trace]:
    """Return the candidates that were never trained, where their cost is known, at the bottom."""
    one, other = results.goals[:2]
    found = [t for t in results.infeasible if other.name in t.costs]
    if not found:
        return []
    bottom = min(heights) if one.maximize else max(heights)
    return [
        charts.points(
            [t.costs[other.name] for t in found],
            [bottom] * len(found),
            name="beyond the limits, never trained",
            color=charts.MUTED,
            symbol="x-thin",
            hover=[f"trial {t.number}: {charts.label(t.reason)}" for t in found],
        )
    ]
