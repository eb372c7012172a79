"""What the best GAN draws, beside real images."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from automl_sem.data.dataset import Dataset, read_rows
from automl_sem.data.evenly import evenly
from automl_sem.reports.context import Context
from automl_sem.reports.pictures import sheet
from automl_sem.scoring.gan.result import GanFoldResult, GanScore
from automl_sem.types import Bytes, Ints

TITLE = "What it draws"

COLUMNS, ROWS = 8, 6
OF_CLASS = 8  # images of a class
MOST_CLASSES = 12
BY_STEP = 10  # images at each point
TRIALS = 3  # whose images are shown as they learn
NEAREST = 10  # drawn images beside their nearest training image
MOST_COMPARED = 4000  # training images among which the nearest is looked for


def render(context: Context) -> Markup | None:
    """Return sheets of images; None without a best trial."""
    best, dataset = context.results.best, context.dataset
    if best is None or not isinstance(best.folds, GanScore):
        return None
    fold = best.folds.folds[0]
    conditional = fold.measures.usefulness is not None
    columns = fold.between.shape[1]
    return context.render(
        "gan_samples.html",
        trial=best.trial.number,
        fakes=sheet(fold.fakes[: COLUMNS * ROWS], COLUMNS, "drawn images"),
        real=None if dataset is None else _real(dataset, fold.indices),
        classes=_by_class(context, fold) if conditional else [],
        more_classes=max(0, len(context.class_names) - MOST_CLASSES) if conditional else 0,
        nearest=None if dataset is None else _nearest(dataset, fold),
        between=sheet(
            fold.between.reshape(-1, *fold.between.shape[2:]), columns, "from one drawing to others"
        ),
        learning=_learning(context),
    )


def _real(dataset: Dataset, held_out: Ints) -> Markup:
    rows = held_out[evenly(len(held_out), COLUMNS * ROWS)]
    rows = np.random.default_rng(0).permutation(rows)
    return sheet(read_rows(dataset.train.x, rows), COLUMNS, "real images, held out")


def _by_class(context: Context, fold: GanFoldResult) -> list[dict[str, Any]]:
    """Return a row of drawn and one of real images for each class."""
    shown = []
    for number, name in enumerate(context.class_names[:MOST_CLASSES]):
        drawn = fold.fakes[fold.labels == number][:OF_CLASS]
        entry: dict[str, Any] = {
            "name": name,
            "fakes": sheet(drawn, OF_CLASS, f"drawn images of {name}") if len(drawn) else "",
            "real": "",
        }
        if context.dataset is not None:
            train = context.dataset.train
            rows = fold.indices[train.y[fold.indices] == number][:OF_CLASS]
            if len(rows):
                real = read_rows(train.x, rows)
                entry["real"] = sheet(real, OF_CLASS, f"real images of {name}")
        shown.append(entry)
    return shown


def _nearest(dataset: Dataset, fold: GanFoldResult) -> Markup:
    """Return drawn images above the training image that is nearest to each, pixel by pixel."""
    train = np.setdiff1d(np.arange(len(dataset.train.x)), fold.indices)
    rows = train[evenly(len(train), MOST_COMPARED)]
    real = read_rows(dataset.train.x, rows)
    fakes = fold.fakes[:NEAREST]
    flat = real.reshape(len(real), -1).astype(np.float32)
    order = [
        int(np.square(flat - fake.reshape(1, -1).astype(np.float32)).sum(axis=1).argmin())
        for fake in fakes
    ]
    both: Bytes = np.concatenate([fakes, real[order]])
    return sheet(both, len(fakes), "drawn images, and the nearest training image of each below")


def _learning(context: Context) -> list[dict[str, Any]]:
    """Return what the best trials draw as they learn, from the same noise."""
    shown = []
    for trial in context.results.complete[:TRIALS]:
        folds = context.results.run.read_folds(trial.number)
        first = next(iter(folds.values()), None)
        if not isinstance(first, GanFoldResult):
            continue
        some = first.by_step[:, :BY_STEP]
        steps = [point.step for point in first.curve]
        images = some.reshape(-1, *some.shape[2:])
        alt = f"trial {trial.number} after {', '.join(map(str, steps))} steps"
        shown.append({"trial": trial, "steps": steps, "sheet": sheet(images, some.shape[1], alt)})
    return shown
