"""Every sampler and oracle keeps the contract of an engine."""

import pytest

from automl_sem.engines.make import ORACLES, SAMPLERS, EngineChoice, make_engine
from automl_sem.testing.engines import CHECKS, check_engine

# Of CMA-ES and NSGA-II so many that there is a second and a third generation.
TRIALS = {"cmaes": 26, "nsga2": 26, "bayesian": 9, "hyperband": 20}


def choice(name):
    kind, _, part = name.partition(" ")
    if kind == "sampler":
        return EngineChoice("optuna", part, None)
    return EngineChoice("keras-tuner", None, part)


@pytest.mark.slow
@pytest.mark.usefixtures("_fast_bayesian")
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "name", [*(f"sampler {s}" for s in SAMPLERS), *(f"oracle {o}" for o in ORACLES)]
)
def test_it_keeps_the_contract(name, check):
    engine = choice(name)
    part = engine.sampler or engine.oracle
    trials = TRIALS.get(part, 14) if check in ("resume", "seeds") else 9
    check_engine(make_engine(engine), trials=trials, seeded=part != "grid", only=[check])
