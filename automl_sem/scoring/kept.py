"""Fold results as arrays, to be kept in a file, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.goals import Goal, Measured
from automl_sem.scoring.gan.result import GanCurvePoint, GanFoldResult, Measures
from automl_sem.scoring.output_folds import OutputFold
from automl_sem.types import AnyFold, CurvePoint, FoldResult, StressResult, task_named

Arrays = Mapping[str, NDArray[Any]]


def to_arrays(result: AnyFold) -> dict[str, NDArray[Any]]:
    """Return what is kept of a fold result."""
    if isinstance(result, GanFoldResult):
        return _of_gan(result)
    if isinstance(result, OutputFold):
        return _of_outputs(result)
    assert isinstance(result, FoldResult)
    arrays: dict[str, NDArray[Any]] = {
        "indices": result.indices,
        "probabilities": result.probabilities,
        "curve": _of_curve(result.curve),
        "scores": np.array([result.log_loss, result.accuracy, result.seconds], np.float64),
    }
    arrays |= _of_metrics(result.metrics) | _of_measured(result.measured)
    if result.stress is not None:
        arrays |= {f"stress_{name}": np.array(value) for name, value in vars(result.stress).items()}
    return arrays


def from_arrays(fold: int, arrays: Arrays) -> FoldResult | OutputFold | GanFoldResult:
    """Return the fold result that was kept.

    Args:
        fold: Number of the fold.
        arrays: What `to_arrays` returned.

    Raises:
        KeyError: If something is missing.
    """
    if "fakes" in arrays:
        return _to_gan(fold, arrays)
    if "task" in arrays:
        return _to_outputs(fold, arrays)
    log_loss, accuracy, seconds = (float(v) for v in arrays["scores"])
    return FoldResult(
        fold=fold,
        indices=arrays["indices"],
        probabilities=arrays["probabilities"],
        log_loss=log_loss,
        accuracy=accuracy,
        curve=_to_curve(arrays),
        seconds=seconds,
        stress=_stress(arrays),
        metrics=_metrics(arrays),
        measured=_measured(arrays),
    )


def _of_curve(points: Sequence[CurvePoint]) -> NDArray[Any]:
    curve = [[p.epoch, p.loss, p.val_loss, p.val_share] for p in points]
    return np.array(curve, np.float64).reshape(-1, 4)


def _to_curve(arrays: Arrays) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(int(e), a, b, c) for e, a, b, c in arrays["curve"].tolist())


def _of_outputs(result: OutputFold) -> dict[str, NDArray[Any]]:
    return {
        "indices": result.indices,
        "task": np.array(result.task),
        "wanted": result.wanted,
        "predicted": result.predicted,
        "curve": _of_curve(result.curve),
        "scores": np.array([result.loss, result.seconds], np.float64),
        **_of_metrics(result.metrics),
        **_of_measured(result.measured),
    }


def _to_outputs(fold: int, arrays: Arrays) -> OutputFold:
    loss, seconds = (float(v) for v in arrays["scores"])
    return OutputFold(
        fold=fold,
        indices=arrays["indices"],
        task=task_named(str(arrays["task"])),
        wanted=arrays["wanted"],
        predicted=arrays["predicted"],
        loss=loss,
        curve=_to_curve(arrays),
        seconds=seconds,
        metrics=_metrics(arrays),
        measured=_measured(arrays),
    )


def _of_metrics(metrics: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    if not metrics:
        return {}
    return {
        "metric_names": np.array(list(metrics)),
        "metric_values": np.array(list(metrics.values()), np.float64),
    }


def _metrics(arrays: Arrays) -> dict[str, float]:
    if "metric_names" not in arrays:
        return {}
    names, values = arrays["metric_names"].tolist(), arrays["metric_values"].tolist()
    return dict(zip(names, values, strict=True))


def _of_measured(measured: Sequence[Measured]) -> dict[str, NDArray[Any]]:
    if not measured:
        return {}
    goals = [vars(each.goal) for each in measured]
    found = {f"goal_{name}": np.array([goal[name] for goal in goals]) for name in goals[0]}
    return {**found, "measured": np.array([each.value for each in measured], np.float64)}


def _measured(arrays: Arrays) -> tuple[Measured, ...]:
    if "measured" not in arrays:
        return ()
    columns = {each.name: arrays[f"goal_{each.name}"].tolist() for each in fields(Goal)}
    rows = zip(*columns.values(), strict=True)
    goals = [Goal(**dict(zip(columns, row, strict=True))) for row in rows]
    return tuple(map(Measured, goals, arrays["measured"].tolist()))


def _stress(arrays: Arrays) -> StressResult | None:
    if "stress_true" not in arrays:
        return None
    names, scored = arrays["stress_conditions"], arrays["stress_scored"]
    return StressResult(
        conditions=tuple(names.tolist()),
        scored=tuple(scored.tolist()),
        **{name: arrays[f"stress_{name}"] for name in ("rows", "labels", "true", "guesses")},
    )


def _of_gan(result: GanFoldResult) -> dict[str, NDArray[Any]]:
    measures = [np.nan if v is None else v for v in asdict(result.measures).values()]
    curve = [[p.step, p.d_loss, p.g_loss, p.score] for p in result.curve]
    return {
        "indices": result.indices,
        "fakes": result.fakes,
        "labels": result.labels,
        "by_step": result.by_step,
        "between": result.between,
        "curve": np.array(curve, np.float64).reshape(-1, 4),
        "measures": np.array(measures, np.float64),
        "seconds": np.array(result.seconds),
    }


def _to_gan(fold: int, arrays: Arrays) -> GanFoldResult:
    found = (None if np.isnan(value) else float(value) for value in arrays["measures"])
    names = (field.name for field in fields(Measures))
    return GanFoldResult(
        fold=fold,
        indices=arrays["indices"],
        measures=Measures(**dict(zip(names, found, strict=True))),  # type: ignore[arg-type]
        fakes=arrays["fakes"],
        labels=arrays["labels"],
        curve=tuple(GanCurvePoint(int(s), a, b, c) for s, a, b, c in arrays["curve"].tolist()),
        by_step=arrays["by_step"],
        between=arrays["between"],
        seconds=float(arrays["seconds"]),
    )
