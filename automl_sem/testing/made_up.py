"""Spaces that cost nothing to build, and scores that nothing was trained for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.spaces.space import Space
from automl_sem.types import Candidate, DataInfo, FoldResult, Outcome, Recipe, Score

DATA = DataInfo(kind="images", input_shape=(4, 4, 1), classes=2, n_train=20)
FOLDS = 3
_MODELS: list[Any] = []  # the one model of all spaces here, once it was asked for


def branching_space() -> Space:
    """Return a finite space in which each kind of model has hyperparameters of its own."""

    def build(hp: Any) -> Any:
        kind = hp.Choice("kind", ["dense", "conv", "none"])
        with hp.conditional_scope("kind", ["dense"]):
            if kind == "dense":
                hp.Int("units", 2, 16)
                hp.Float("dropout", 0.0, 0.4, step=0.1)
        with hp.conditional_scope("kind", ["conv"]):
            if kind == "conv":
                hp.Int("filters", 2, 32, step=2, sampling="log")
                hp.Boolean("pool")
        hp.Int("width", 1, 9)
        return _model()

    def recipe(hp: Any, data: DataInfo) -> Recipe:  # noqa: ARG001
        rate = hp.Float("rate", 1e-4, 1e-1, step=10, sampling="log")
        return Recipe(learning_rate=rate, epochs=9)

    baseline: dict[str, Any] = {"kind": "dense", "units": 8, "width": 3, "rate": 1e-3}
    return _space(build, recipe, baseline)


def branch_space() -> Space:
    """Return a space of six candidates in two branches."""

    def build(hp: Any) -> Any:
        kind = hp.Choice("kind", ["dense", "conv"])
        with hp.conditional_scope("kind", ["conv"]):
            if kind == "conv":
                hp.Int("filters", 1, 3)
        hp.Boolean("wide")
        return _model()

    return _space(build, None, {"kind": "dense", "wide": False})


def tiny_space() -> Space:
    """Return a space with four candidates."""

    def build(hp: Any) -> Any:
        hp.Choice("one", ["a", "b"])
        hp.Boolean("two")
        return _model()

    return _space(build, None, {"one": "b", "two": True})


def sized_space() -> Space:
    """Return a space of models that have 19 weights for each of up to 16 units, and 2 more."""

    def build(hp: Any) -> Any:
        import keras

        hp.Float("rate", 1e-4, 1e-1, sampling="log")
        inputs = keras.Input(DATA.input_shape)
        outputs = keras.layers.Dense(hp.Int("units", 1, 16))(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(DATA.classes, activation="softmax")(outputs))

    return _space(build, None, {"units": 2, "rate": 1e-3})


def made_up(candidate: Candidate) -> Outcome:
    """Return a score that depends on the candidate alone; the best are dense and slow."""
    penalty = {"dense": 0.0, "conv": 0.5, "none": 1.5}.get(str(candidate.values.get("kind")), 0.0)
    width = int(candidate.values.get("width", 1))
    rate = abs(np.log10(float(candidate.values.get("rate", 1e-3))) + 2.0)
    return Outcome("scored", score=score_of(penalty + 0.1 * width + float(rate)))


def score_of(value: float, folds: int = FOLDS) -> Score:
    """Return a score of so many folds with this mean."""
    rows, shares = np.zeros(1, np.int64), np.full((1, 2), 0.5, np.float32)
    spread = np.arange(folds) - (folds - 1) / 2
    return Score(
        tuple(
            FoldResult(i, rows, shares, value + float(d) / 100, 0.5) for i, d in enumerate(spread)
        )
    )


def fold_scores(outcome: Outcome) -> tuple[float, ...]:
    """Return the objective of each fold of a score."""
    assert outcome.score is not None
    return tuple(fold.objective for fold in outcome.score.folds)


def outcome_of(candidate: Candidate, outcome: Callable[[Candidate], Outcome]) -> Outcome:
    """Return how a candidate's trial ends, as a search finds out: without training a repeat."""
    if candidate.repeats is not None:
        return Outcome("repeated", f"the same candidate as trial {candidate.repeats}")
    return candidate.broken or outcome(candidate)


def _model() -> Any:
    """Return a model, always the same one: an engine only asks what it is like."""
    import keras

    if not _MODELS:
        inputs = keras.Input(DATA.input_shape)
        outputs = keras.layers.Dense(DATA.classes, activation="softmax")
        _MODELS.append(keras.Model(inputs, outputs(keras.layers.Flatten()(inputs))))
    return _MODELS[0]


def _space(
    build: Callable[..., Any], recipe: Callable[..., Any] | None, baseline: Mapping[str, Any]
) -> Space:
    return Space(
        name="made_up",
        path=Path("automl_sem/testing/made_up.py"),
        source="",
        doc="",
        kind=None,
        data=None,
        size=None,
        build_fn=build,
        recipe_fn=recipe,
        baseline=baseline,
    )
