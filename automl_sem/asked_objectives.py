"""What a search is for, tried out before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from automl_sem.config import SearchOptions
from automl_sem.data import Dataset
from automl_sem.errors import UserError
from automl_sem.goals import LOG_LOSS
from automl_sem.objectives.choose import Chosen, choose, find_metric, parts_of
from automl_sem.objectives.measure import STRESSED, check_kind, check_measures
from automl_sem.objectives.own import WHERE as OBJECTIVE
from automl_sem.objectives.record import ObjectiveRecord
from automl_sem.spaces.space import Space


def asked_objectives(
    options: SearchOptions,
    drawing: bool,
    stressed: bool,
    space: Space,
    dataset: Dataset,
    splits: Mapping[str, NDArray[Any]],
) -> tuple[Chosen, ...]:
    """Return what the search is for, tried on made-up predictions; empty for the usual."""
    reported = _reported(space, dataset)
    objectives = choose(options.objective, options.direction, stressed=stressed, reported=reported)
    log_loss = not objectives and parts_of(options.objective) == [LOG_LOSS.name]
    if log_loss and dataset.info.task == "regression":
        check_kind(find_metric(LOG_LOSS.name), dataset.train.y)
    if drawing and (objectives or log_loss):
        raise UserError(
            "a GAN is scored by the distance of its images from real ones, and by nothing else",
            where=OBJECTIVE,
            hint="Leave it out",
        )
    measures = [each.measure for each in objectives if each.measure is not None]
    check_measures(measures, dataset.train.y, dataset.info.classes, splits)
    return objectives


def _reported(space: Space, dataset: Dataset) -> Callable[[], list[str]]:
    """Return what tells the names of the metrics that models are compiled with."""

    def names() -> list[str]:
        from automl_sem.scoring.compiled_metrics import metric_names

        return metric_names(space.rebuild(space.baseline, dataset.info), dataset.info)

    return names


def objective_notes(
    records: Sequence[ObjectiveRecord], options: SearchOptions, stressed: bool
) -> Iterator[str]:
    """Yield what people should know of objectives and limits."""
    if len(records) > 1:
        yield "with several objectives no trial is discarded early: all get all folds"
    metrics = [r for r in records if r.kind != "cost"]
    clean = [r.word for r in metrics if stressed and r.asked not in STRESSED]
    if clean:
        yield (
            f"{', '.join(clean)} counts examples as they are: the stress is scored and shown, but "
            "does not decide"
        )
    if "latency_ms" in (*options.limits, *(r.name for r in records)):
        yield (
            "latency is measured on this machine beside all else that it does, so that the same "
            "seed need not give the same study"
        )
