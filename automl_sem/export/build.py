"""Retrain a trial, score it once on the held-out test part, export and verify it.

export/trial-N/
  export.json       class names, formats with their verification, test result
  MODEL_CARD.md     the same for people
  model.keras  saved_model/
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.dataset import Dataset
from automl_sem.environment import versions
from automl_sem.errors import NegativeResult, UserError, one_line
from automl_sem.export.base import Format
from automl_sem.export.card import model_card
from automl_sem.export.folders import recover, replaced
from automl_sem.export.formats import formats_of
from automl_sem.export.intake import Intake, intake_of
from automl_sem.export.outlet import Outlet, outlet_of
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
from automl_sem.export.verify import Verification, verify
from automl_sem.export.wrap import predict_core, wrap
from automl_sem.fakes_check import forgers_of
from automl_sem.files import disk_error
from automl_sem.objectives.base import Unmeasurable
from automl_sem.objectives.choose import measures_of
from automl_sem.recipe import of_classifier
from automl_sem.results import Results, TrialRecord
from automl_sem.retrain import OnEpoch, Retrained, retrain, visible_devices
from automl_sem.run import RunDirectory, now
from automl_sem.scoring.compiled_metrics import compiled_metrics
from automl_sem.scoring.gan.fakes import learnt_from
from automl_sem.scoring.measures import absolute_errors, measured
from automl_sem.scoring.metrics import accuracy, log_loss, mean_interval, wilson_interval
from automl_sem.scoring.recipes import retrain_epochs
from automl_sem.seeds import derive_seed
from automl_sem.spaces.space import Space
from automl_sem.types import Floats

CARD = "MODEL_CARD.md"
PROGRESS_LINES = 10


def export_trial(
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
    """Retrain a trial on all training data, export it, verify it, score it on the test part.

    Call it with the run's lock held. What is there already is used: a finished export is
    returned as recorded, a finished retraining is not repeated, the test part is not
    looked at again for the same weights.

    Args:
        run: The run directory.
        results: What the run found, for the model card.
        dataset: The run's dataset.
        space: Builds the model.
        trial: What to export.
        formats: Names of formats.
        gpus: `"all"`, or how many GPUs to train on; 0 is the CPU.
        force: Train again and look at the test part again.
        on_epoch: Called with (epochs done, epochs in all, mean training loss); by default
            some of them are said.
        say: Called with a line for people now and then.

    Raises:
        UserError: If there is no such format or device, or the disk cannot be written.
        NegativeResult: If the training diverges, or a format is not verified; the
            verified ones are there then.
    """
    folder = run.path / "export" / f"trial-{trial.number}"
    checkpoints = run.path / "checkpoints" / f"trial-{trial.number}"
    asked, recipe = formats_of(formats), of_classifier(trial.recipe)
    devices = visible_devices(gpus)
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
        trained = retrain_trial(
            run,
            dataset,
            space,
            trial,
            checkpoints=checkpoints,
            devices=devices,
            on_epoch=on_epoch,
            say=say,
        )
        intake = intake_of(trained.model, dataset)
        outlet = outlet_of(dataset.info.task, trained.units)
        test = _score_test(run, dataset, trial, trained.model, intake, outlet, checkpoints)
        say("writing the export, loading it in a fresh process and comparing predictions")
        with replaced(folder) as temporary:
            made = _write(temporary, trained.model, asked, dataset, intake, outlet, recipe.views)
            result = ExportResult(
                path=folder,
                trial=trial.number,
                recipe=trial.recipe,
                kind=dataset.info.kind,
                task=dataset.info.task,
                formats=tuple(replace(f, path=folder / f.path.name) for f in made),
                test=test,
                epochs=trained.epochs,
                devices=trained.devices,
                seconds=round(trained.seconds, 3),
            )
            taken = {**intake.record, **outlet.record}
            record = _record(run, dataset, trial, trained, taken, result)
            text = json.dumps(record, indent=2, allow_nan=False)
            (temporary / RECORD).write_text(text, encoding="utf-8")
            card = model_card(run, results, dataset, trial, record=record, formats=asked)
            (temporary / CARD).write_text(card, encoding="utf-8")
        run.log(f"export of trial {trial.number}: {', '.join(f.name for f in asked)}")
    except OSError as error:
        raise disk_error(error, folder, go_on="the same command") from error
    require_verified(result)
    return result


def is_there(recorded: ExportResult, trial: TrialRecord, asked: Sequence[Format]) -> bool:
    """Whether all these formats are there and verified, of the trial as it is trained by now.

    An export from before the end of the search may have learnt from fakes that did not help.
    """
    there = {made.name for made in recorded.formats if made.verified and made.path.exists()}
    return recorded.recipe == trial.recipe and {made.name for made in asked} <= there


def retrain_trial(
    run: RunDirectory,
    dataset: Dataset,
    space: Space,
    trial: TrialRecord,
    *,
    checkpoints: Path,
    devices: Sequence[str],
    on_epoch: OnEpoch | None,
    say: Callable[[str], None],
) -> Retrained:
    """Train on all training data for as many steps as a fold fit had.

    Args:
        run: The run directory.
        dataset: The run's dataset.
        space: Builds the model.
        trial: What to train.
        checkpoints: Folder for the weights; a training that ended there is not repeated.
        devices: Devices to train on.
        on_epoch: Called with (epochs done, epochs in all, mean training loss).
        say: Called with a line for people now and then.
    """
    n, folds = len(dataset.train.x), run.manifest.folds
    fold = n - round(n / folds)
    recipe = of_classifier(trial.recipe)
    forgers = forgers_of(run, dataset.train)
    if recipe.fakes:
        say(f"training the GAN on all {n} training images, to draw {recipe.fakes:g} for each")
    nothing = np.arange(0)
    draw = None if forgers is None else forgers.of
    learnt = learnt_from(dataset.train, nothing, recipe.fakes, draw)
    fakes = len(learnt.rows) - n
    once = retrain_epochs(recipe, fold, fold + round(fakes * fold / n))
    epochs = retrain_epochs(recipe, fold, n + fakes)
    fewer = f": as many steps as {once} of a fold" if epochs != once else ""
    drawn = f" and {fakes} fake ones" if fakes else ""
    if learnt.note:
        say(learnt.note)
    took = f"on {', '.join(devices)}, for {epochs} epoch{'' if epochs == 1 else 's'}{fewer}"
    if space.fit_fn is not None:
        took = f"on {devices[0]}, by the fit of its hypermodel"
    say(f"retraining on all {n} training examples{drawn}, {took}")
    trained = retrain(
        lambda: space.rebuild(trial.hyperparameters, dataset.info),
        trial.recipe,
        learnt.part,
        real=learnt.real,
        seed=derive_seed(run.manifest.seed, trial.number, "retrain"),
        epochs=epochs,
        checkpoints=checkpoints,
        devices=devices,
        on_epoch=on_epoch or progress(say),
        build_to_fit=(
            None
            if space.fit_fn is None
            else lambda: space.rebuild_to_fit(trial.hyperparameters, dataset.info, trial.recipe)
        ),
    )
    if trained.resumed_from:
        say(f"epochs 1 to {trained.resumed_from} were done already")
    return trained


def trained_model(
    run: RunDirectory,
    dataset: Dataset,
    space: Space,
    trial: TrialRecord,
    *,
    gpus: str | int = "all",
) -> Any:
    """Return a trial's model, trained on all training data, with its preprocessing.

    Call it with the run's lock held. An export of the trial takes the same weights; the test part
    is not looked at.

    Args:
        run: The run directory.
        dataset: The run's dataset.
        space: Builds the model.
        trial: What to train.
        gpus: `"all"`, or how many GPUs to train on; 0 is the CPU.

    Returns:
        A Keras model from raw examples to predictions: probabilities, or numbers in their units.
    """
    trained = retrain_trial(
        run,
        dataset,
        space,
        trial,
        checkpoints=run.path / "checkpoints" / f"trial-{trial.number}",
        devices=visible_devices(gpus),
        on_epoch=None,
        say=lambda _: None,
    )
    views = of_classifier(trial.recipe).views
    outlet = outlet_of(dataset.info.task, trained.units)
    return wrap(trained.model, views, intake_of(trained.model, dataset), outlet)


def progress(say: Callable[[str], None], word: str = "epoch") -> OnEpoch:
    """Return what says some of the epochs of a retraining, whatever they are called."""

    def on_epoch(epoch: int, epochs: int, loss: float) -> None:
        if epoch == epochs or epoch % max(1, epochs // PROGRESS_LINES) == 0:
            say(f"retraining: {word} {epoch}/{epochs}  loss {loss:.4f}")

    return on_epoch


def _score_test(
    run: RunDirectory,
    dataset: Dataset,
    trial: TrialRecord,
    model: Any,
    intake: Intake,
    outlet: Outlet,
    checkpoints: Path,
) -> TestResult:
    """Score the held-out test part; for the same weights return what was found before."""
    test = dataset.test
    if not len(test.x):
        return TestResult(0, None, {}, None, run.test_looks())
    name = str((checkpoints / "test.json").relative_to(run.path))
    key = weights_digest(model) + test.fingerprint()
    found = run.read_json(name)
    if found is None or found["key"] != key:
        views = of_classifier(trial.recipe).views
        predicted = predict_core(model, test.x, views, intake, outlet)
        found = {"key": key, **_judged(dataset, predicted)}
        found["objectives"] = _by_objectives(run, dataset, model, predicted)
        shown = next(iter(found[k] for k in ("accuracy", "measures") if k in found))
        told = {"accuracy": shown} if "accuracy" in found else shown
        found["looks"] = run.record_test_look(trial=trial.number, n=len(test.y), **told)
        run.write_json(name, found)
    if "measures" in found:
        return TestResult(
            n=len(test.y),
            accuracy=None,
            metrics=found["measures"],
            interval=None if found["interval"] is None else tuple(found["interval"]),
            looks=found["looks"],
            method=found["method"],
            objectives=found.get("objectives", {}),
        )
    share = found["accuracy"]
    interval = wilson_interval(round(share * len(test.y)), len(test.y))
    return TestResult(
        n=len(test.y),
        accuracy=share,
        metrics={"log_loss": found["log_loss"]},
        interval=(interval.low, interval.high),
        looks=found["looks"],
        method="Wilson score",
        objectives=found.get("objectives", {}),
    )


def _by_objectives(
    run: RunDirectory, dataset: Dataset, model: Any, predicted: Floats
) -> dict[str, float]:
    """Return what predictions of the test part come to by the metrics of `--objective`.

    A function that only Python can hand over is left out, as is one that does not run any more, and
    what has no value there.
    """
    y = dataset.test.y
    found: dict[str, float] = {}
    kept = [r for r in run.manifest.objectives if r.kind in ("metric", "file", "compiled")]
    compiled = {}
    if any(record.kind == "compiled" for record in kept):
        compiled = compiled_metrics(model, dataset.info, y, predicted)
    for record in kept:
        with contextlib.suppress(Unmeasurable, UserError):
            (measure,) = measures_of([record], run.path, {})
            name = measure.metric.goal.name
            if not measure.reported:
                found[name] = measure.metric.value(y, predicted)
            elif name in compiled:
                found[name] = compiled[name]
    return found


def _judged(dataset: Dataset, predicted: Floats) -> dict[str, Any]:
    """Return how good predictions of the test part are, to be kept."""
    y, task = dataset.test.y, dataset.info.task
    if task == "classification":
        return {"accuracy": accuracy(y, predicted), "log_loss": log_loss(y, predicted)}
    measures = measured(task, y, predicted)
    interval = None
    if task == "multi-label":
        interval = wilson_interval(round(measures["exact_match"] * len(y)), len(y))
    elif y.shape[1] == 1 and len(y) > 1:
        interval = mean_interval(np.abs(predicted - y)[:, 0], "mean_absolute_error")
    elif y.shape[1] > 1:
        errors = absolute_errors(y, predicted).tolist()
        for name, error in zip(dataset.class_names, errors, strict=True):
            measures[f"mean_absolute_error of {name}"] = error
    return {
        "measures": measures,
        "interval": None if interval is None else [interval.low, interval.high],
        "method": "" if interval is None else interval.method,
    }


def weights_digest(model: Any) -> str:
    """Return the SHA-256 of a model's weights."""
    digest = hashlib.sha256()
    for variable in model.weights:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def _write(
    folder: Path,
    core: Any,
    asked: Sequence[Format],
    dataset: Dataset,
    intake: Intake,
    outlet: Outlet,
    views: str,
) -> tuple[FormatResult, ...]:
    """Write and verify the formats."""
    model = wrap(core, views, intake, outlet)
    results = []
    for made in asked:
        path = folder / made.file
        check = write_one(made, model, path, dataset.class_names)
        if check is None:
            check = verify(made, path, core, dataset.train.x, views, intake, outlet)
        result = FormatResult(made.name, path, check.verified, check.max_abs_diff, check.reason)
        results.append(result)
    return tuple(results)


def write_one(
    made: Format, model: Any, path: Path, class_names: Sequence[str]
) -> Verification | None:
    """Write a format; return why it cannot be, or None."""
    try:
        made.write(model, path, class_names)
    except OSError:
        raise
    except Exception as error:  # what a model cannot be written for is up to the format
        return Verification(None, f"cannot be written: {one_line(error)}")
    return None


def require_verified(result: ExportResult) -> None:
    """Raise a NegativeResult if a format is not verified."""
    failed = [made for made in result.formats if not made.verified]
    if failed:
        raise NegativeResult(
            "; ".join(f"format {made.name} is not verified: {made.reason}" for made in failed),
            where=result.path,
            hint="Custom layers are the usual cause: build the model of stock Keras layers",
        )


def _record(
    run: RunDirectory,
    dataset: Dataset,
    trial: TrialRecord,
    trained: Retrained,
    taken: Mapping[str, Any],
    result: ExportResult,
) -> dict[str, Any]:
    """Return `export.json`: what a program needs to use the export, and where it came from."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.name,
        "trial": result.trial,
        "created": now(),
        "kind": dataset.info.kind,
        "class_names": list(dataset.class_names),
        "task": dataset.info.task,
        **taken,
        "formats": [format_json(made, made.path.name) for made in result.formats],
        **result_json(result),
        "steps": trained.steps,
        "parameters": trial.parameters,
        "hyperparameters": dict(trial.hyperparameters),
        "recipe": trial.recipe.to_dict(),
        "versions": versions(),
    }
