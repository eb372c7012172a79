"""Before a search: whether any candidate of a space can keep the limits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from automl_sem.costs import COSTS, Demands
from automl_sem.errors import UserError
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo

DRAWS = 50  # candidates at random that are built at most
SECONDS = 20.0  # after which no further one is built


def check_reachable(
    space: Space, data: DataInfo, demands: Demands, clock: Callable[[], float] = time.perf_counter
) -> str:
    """Return what a person should know of limits: that the baseline breaks them; else nothing.

    The baseline is built, then good starts and candidates at random until one keeps them.

    Args:
        space: What is searched.
        data: The data.
        demands: The limits.
        clock: Returns the time in seconds.

    Raises:
        UserError: If none of them does, naming the least that was found.
    """
    if not demands.limits:
        return ""
    begun, baseline = clock(), ""
    least: dict[str, float] = {}
    built = 0
    for number, build in enumerate(_candidates(space, data)):
        if number and clock() - begun > SECONDS:
            break
        costs: dict[str, float] = {}
        with contextlib.suppress(Exception):  # a search would leave such a candidate out
            costs = demands.costs(build(), data.input_shape)
        if not costs:
            continue
        built += 1
        over = demands.over(costs)
        if not over and not baseline:
            return ""
        if not over:
            return (
                f"the baseline breaks the limits ({baseline}): it is trained to compare with, but "
                "can never be the best"
            )
        baseline = baseline or over
        for name, value in costs.items():
            least[name] = min(value, least.get(name, value))
    broken = {name: least[name] for name, share in demands.excess(least).items() if share > 0}
    found = ", ".join(
        f"the least found is {COSTS[name].text(value)}, {COSTS[name].flag} allows "
        f"{COSTS[name].text(demands.limits[name])}"
        for name, value in broken.items()
    )
    raise UserError(
        f"none of {built} candidates of space {space.name!r} keeps the limits: "
        f"{found or 'each can be kept, but not all at once'}",
        where=", ".join(COSTS[name].flag for name in demands.limits),
        hint="Allow more, or take a space with smaller networks",
    )


def _candidates(space: Space, data: DataInfo) -> Iterator[Callable[[], Any]]:
    """Yield what builds the baseline, the good starts, and candidates at random."""
    import optuna

    from automl_sem.spaces.hyperparameters import OptunaHyperParameters

    for values in (space.baseline, *space.good_starts):
        yield lambda values=values: space.rebuild(values, data)  # type: ignore[misc]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(DRAWS):
        yield lambda: space.build(OptunaHyperParameters(study.ask()), data)
