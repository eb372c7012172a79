"""Retrain a GAN, score it once by the held-out test part, export its generator and verify it.

export/trial-N/
  export.json          what goes in, formats with their verification, test result
  MODEL_CARD.md        the same for people
  model.keras  saved_model/    the averaged generator
  discriminator.keras  kept too: it tells real images from generated ones
  sheet.png            some images
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.dataset import Dataset
from automl_sem.environment import versions
from automl_sem.export.base import Format
from automl_sem.export.build import (
    CARD,
    is_there,
    progress,
    require_verified,
    weights_digest,
    write_one,
)
from automl_sem.export.folders import recover, replaced
from automl_sem.export.formats import formats_of
from automl_sem.export.gan_card import gan_card
from automl_sem.export.record import (
    RECORD,
    SCHEMA_VERSION,
    ExportResult,
    FormatResult,
    TestResult,
    format_json,
    read_export,
    result_json,
)
from automl_sem.export.sheets import write_sheet
from automl_sem.export.verify import Inputs, verify_generator
from automl_sem.files import disk_error
from automl_sem.gan_recipe import of_gan
from automl_sem.gan_replicas import pieces_of
from automl_sem.gans.noise import standard_normal
from automl_sem.results import Results, TrialRecord
from automl_sem.retrain import OnEpoch, Retrained, retrain, visible_devices
from automl_sem.run import RunDirectory, now
from automl_sem.scoring.gan.checks import FEWEST_HELD_OUT
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import as_pixels, judge_by
from automl_sem.seeds import derive_seed
from automl_sem.spaces.space import Space
from automl_sem.types import Ints

DISCRIMINATOR = "discriminator.keras"
SHEET = "sheet.png"
SHOWN = 64  # images on the sheet
VERIFIED_ON = 16  # images that a format must draw as the trained generator does


def export_gan(
    run: RunDirectory,
    results: Results,
    dataset: Dataset,
    space: Space,
    trial: TrialRecord,
    *,
    formats: Sequence[str] = ("keras", "saved-model"),
    gpus: str | int = "all",
    force: bool = False,
    on_epoch: OnEpoch | None = None,
    say: Callable[[str], None] = print,
) -> ExportResult:
    """Retrain a GAN on all training images, export its generator, verify it, score it once.

    Call it with the run's lock held; arguments, errors and what is not done twice are those of
    `export_trial`.
    """
    folder = run.path / "export" / f"trial-{trial.number}"
    checkpoints = run.path / "checkpoints" / f"trial-{trial.number}"
    asked, devices = formats_of(formats), visible_devices(gpus)
    try:
        recover(folder)
        recorded = read_export(folder)
        if recorded is not None and not force and is_there(recorded, trial, asked):
            say(f"trial {trial.number} is exported already (--force exports it anew)")
            return recorded
        if force:
            shutil.rmtree(checkpoints, ignore_errors=True)
        elif recorded is not None:
            asked = formats_of([*(made.name for made in recorded.formats), *formats])
        trained = _retrain(run, dataset, space, trial, checkpoints, devices, on_epoch, say)
        gan = trained.model
        test = _score_test(run, dataset, trial, gan, checkpoints)
        say("writing the export, loading it in a fresh process and comparing images")
        with replaced(folder) as temporary:
            made = _write(temporary, gan, asked, dataset)
            result = ExportResult(
                path=folder,
                trial=trial.number,
                recipe=trial.recipe,
                kind=dataset.info.kind,
                formats=tuple(replace(f, path=folder / f.path.name) for f in made),
                test=test,
                epochs=trained.epochs,
                devices=trained.devices,
                seconds=round(trained.seconds, 3),
                generates=True,
            )
            record = _record(run, dataset, trial, gan, result)
            text = json.dumps(record, indent=2, allow_nan=False)
            (temporary / RECORD).write_text(text, encoding="utf-8")
            card = gan_card(run, results, dataset, trial, record=record, formats=asked)
            (temporary / CARD).write_text(card, encoding="utf-8")
        run.log(f"export of trial {trial.number}: {', '.join(f.name for f in asked)}")
    except OSError as error:
        raise disk_error(error, folder, go_on="the same command") from error
    require_verified(result)
    return result


def _retrain(
    run: RunDirectory,
    dataset: Dataset,
    space: Space,
    trial: TrialRecord,
    checkpoints: Path,
    devices: Sequence[str],
    on_epoch: OnEpoch | None,
    say: Callable[[str], None],
) -> Retrained:
    """Train on all training images for as many steps as a fold fit had."""
    recipe = of_gan(trial.recipe)
    say(
        f"retraining on all {len(dataset.train.x)} training images, on {', '.join(devices)}, "
        f"for {recipe.steps:,} steps"
    )
    trained = retrain(
        lambda: space.rebuild(trial.hyperparameters, dataset.info),
        recipe,
        dataset.train,
        seed=derive_seed(run.manifest.seed, trial.number, "retrain"),
        epochs=pieces_of(recipe),
        checkpoints=checkpoints,
        devices=devices,
        on_epoch=on_epoch or progress(say, "part"),
    )
    if trained.resumed_from:
        say(f"parts 1 to {trained.resumed_from} were done already")
    return trained


def _score_test(
    run: RunDirectory, dataset: Dataset, trial: TrialRecord, gan: Any, checkpoints: Path
) -> TestResult:
    """Compare with the held-out test part; for the same weights return what was found before."""
    train, test = dataset.train, dataset.test
    if len(test.x) < FEWEST_HELD_OUT:
        return TestResult(len(test.x), None, {}, None, run.test_looks())
    name = str((checkpoints / "test.json").relative_to(run.path))
    key = weights_digest(gan) + test.fingerprint()
    found = run.read_json(name)
    if found is None or found["key"] != key:
        network = FeatureNetwork(dataset.info.input_shape, dataset.info.classes)
        seed = derive_seed(run.manifest.seed, "test")
        judge = judge_by(network, (train.x, train.y), (test.x, test.y), seed)
        labels = np.resize(np.random.default_rng(seed).permutation(train.y), judge.fakes)
        measures = judge.measures(as_pixels(gan.draw(judge.fakes, labels, seed)))
        metrics = {"distance": measures.score, "coverage": measures.coverage, "kid": measures.kid}
        looks = run.record_test_look(trial=trial.number, n=len(test.y), **metrics)
        found = {"key": key, "metrics": metrics, "looks": looks}
        run.write_json(name, found)
    return TestResult(len(test.y), None, found["metrics"], None, found["looks"])


def _write(
    folder: Path, gan: Any, asked: Sequence[Format], dataset: Dataset
) -> tuple[FormatResult, ...]:
    """Write and verify the formats of the generator, and write what stands beside it."""
    labels = np.resize(np.arange(len(dataset.class_names)), SHOWN)
    inputs = _inputs(gan, VERIFIED_ON, labels)
    results = []
    for made in asked:
        path = folder / made.file
        check = write_one(made, gan.averaged, path, dataset.class_names)
        if check is None:
            check = verify_generator(made, path, gan.averaged, inputs)
        result = FormatResult(made.name, path, check.verified, check.max_abs_diff, check.reason)
        results.append(result)
    gan.discriminator.save(folder / DISCRIMINATOR)
    write_sheet(folder / SHEET, as_pixels(gan.draw(SHOWN, labels)))
    return tuple(results)


def _inputs(gan: Any, n: int, labels: Ints) -> Inputs:
    drawn = standard_normal(n, gan.latent_dim, seed=0)
    return [drawn, labels[:n].astype(np.int32)] if gan.conditional else [drawn]


def _record(
    run: RunDirectory, dataset: Dataset, trial: TrialRecord, gan: Any, result: ExportResult
) -> dict[str, Any]:
    """Return `export.json`: what a program needs to draw images, and where it came from."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.name,
        "trial": result.trial,
        "created": now(),
        "kind": dataset.info.kind,
        "generates": True,
        "latent_dim": gan.latent_dim,
        "conditional": gan.conditional,
        "class_names": list(dataset.class_names),
        "class_counts": np.bincount(dataset.train.y, minlength=len(dataset.class_names)).tolist(),
        "image_shape": list(gan.image_shape),
        "input": "float32 (batch, latent_dim), standard normal noise"
        + (", and int32 (batch,), class numbers" if gan.conditional else ""),
        "output": "float32 (batch, height, width, channels), 0 to 1",
        "formats": [format_json(made, made.path.name) for made in result.formats],
        **result_json(result),
        "steps": trial.recipe.steps,
        "parameters": trial.networks.get("generator", trial.parameters),
        "hyperparameters": dict(trial.hyperparameters),
        "recipe": trial.recipe.to_dict(),
        "versions": versions(),
    }
