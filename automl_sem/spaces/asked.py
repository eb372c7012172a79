"""What a space asks for besides hyperparameters: found out by building it, not by reading it."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass, field, replace
from typing import Any

from automl_sem.pretrained import IMAGENET, asked_networks
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo

DRAWS = 20  # candidates at random that may ask for what the starts leave alone


@dataclass
class Asked:
    """What a space has asked for.

    Args:
        weights: Whether it read `data.weights`.
        networks: Names of `IMAGENET` that it named, or that a hyperparameter lets it name.
    """

    weights: bool = False
    networks: set[str] = field(default_factory=set)


def watched(space: Space) -> tuple[Space, Asked]:
    """Return a space that is watched whenever it builds a model, and what it asks for then."""
    asked = Asked()

    @functools.wraps(space.build_fn)
    def build(hp: Any, *data: DataInfo) -> Any:
        with asked_networks() as named:
            model = space.build_fn(hp, *(_WatchedInfo(**vars(d), asked=asked) for d in data))
        choices = {value for one in hp.space for value in getattr(one, "values", ())}
        asked.networks |= named | (choices & IMAGENET.keys())
        return model

    return replace(space, build_fn=build), asked


def reads_weights(space: Space, data: DataInfo) -> bool:
    """Return whether a candidate drawn at random reads `data.weights`."""
    import optuna

    from automl_sem.spaces.hyperparameters import OptunaHyperParameters

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space, asked = watched(space)
    for _ in range(DRAWS):
        with contextlib.suppress(Exception):  # a search would leave such a candidate out
            space.build(OptunaHyperParameters(study.ask()), data)
        if asked.weights:
            return True
    return False


@dataclass(frozen=True)
class _WatchedInfo(DataInfo):
    """A description of data that notices when `weights` is read, or is handed on as a whole."""

    asked: Asked = field(default_factory=Asked, repr=False, compare=False)

    def __getattribute__(self, name: str) -> Any:
        if name == "weights":
            object.__getattribute__(self, "asked").weights = True
        return object.__getattribute__(self, name)
