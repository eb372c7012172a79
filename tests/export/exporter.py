"""A small run with one trial, ready to be exported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from conftest import TINY_SPACE, make_stripes

from automl_sem.data.dataset import Dataset, HeldOutPart
from automl_sem.export import ExportResult, export_trial
from automl_sem.manifest import Manifest
from automl_sem.results import Results, TrialRecord
from automl_sem.run import RunDirectory, now
from automl_sem.spaces.load import load_space

VALUES = {"units": 16, "dropout": 0.2, "rate": 0.003}


@dataclass
class Exporter:
    """Exports trial 0 of a run: on stripes 60 to train, 15 to test, 3 folds."""

    run: RunDirectory
    dataset: Dataset

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self.space = load_space(self.run.path / "space.py", name="tiny")

    @property
    def trial(self) -> TrialRecord:
        return TrialRecord(
            number=0,
            state="complete",
            reason="",
            proposed_by="baseline",
            objective=0.5,
            log_loss=0.5,
            stress_accuracy=None,
            share=0.9,
            fold_scores=(0.4, 0.5, 0.6),
            fold_shares=(0.9, 0.9, 0.9),
            hyperparameters=VALUES,
            recipe=self.space.recipe_of(VALUES, self.dataset.info),
            parameters=547,
            seconds=1.0,
        )

    def __call__(self, *formats: str, **options: object) -> ExportResult:
        options = {"gpus": 0, **options}
        results = Results(self.run, (self.trial,), None, None, (), None, "", 3, 1.0, True)
        return export_trial(
            self.run,
            results,
            self.dataset,
            self.space,
            self.trial,
            formats=formats or ("keras", "saved-model"),
            say=self.said.append,
            **options,
        )

    def with_test(self, test: HeldOutPart) -> Exporter:
        return Exporter(self.run, replace(self.dataset, test=test))


def make_exporter(path: Path, space: str = TINY_SPACE, dataset: Dataset | None = None) -> Exporter:
    if dataset is None:
        train, test = make_stripes(60), make_stripes(15, seed=1)
        held_out = HeldOutPart(test.x, test.y, test.names)
        dataset = Dataset("stripes", "stripes.npz", train, held_out)
    folds = np.arange(len(dataset.train.y)) % 3
    manifest = Manifest(
        created=now(), seed=5, folds=3, trials=1, space={"name": "tiny"}, data={"name": "stripes"}
    )
    run = RunDirectory.create(path, manifest, space, {"search": folds, "fresh": folds})
    return Exporter(run, dataset)
