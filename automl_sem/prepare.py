"""Before a search: whether it can work, its run directory, and who trains its candidates."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from automl_sem import environment
from automl_sem.asked_objectives import asked_objectives, objective_notes
from automl_sem.augment_with import augment_with, gan_source
from automl_sem.augment_with import described as described_gan
from automl_sem.augmentation.kinds import checked_stress, parse_stress
from automl_sem.config import NO_LIMIT, SearchOptions, fold_count
from automl_sem.costs import Demands
from automl_sem.data import Dataset
from automl_sem.data.examples import stays_on_disk
from automl_sem.data.ground import looks_drawn
from automl_sem.data.split import stratified_folds, usable_folds
from automl_sem.engines.make import check_objectives, choose_engine, plan_engine
from automl_sem.errors import UserError
from automl_sem.feasible import check_reachable
from automl_sem.fresh import fresh_seed
from automl_sem.gan_plan import check_gan, expected_seconds
from automl_sem.manifest import Manifest, WarmStart
from automl_sem.registry import RUNS
from automl_sem.reports.wording import count
from automl_sem.run import RunDirectory, now
from automl_sem.scoring.discard import check_rule
from automl_sem.scoring.gan.checks import check_drawable
from automl_sem.spaces.asked import reads_weights, watched
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo
from automl_sem.unchanged import data_record, imagenet_record, weights_record
from automl_sem.warm_start import warm_start
from automl_sem.weights import FLAG
from automl_sem.workers.plan import WorkerPlan, plan_workers


def create_run(
    options: SearchOptions, space: Space, dataset: Dataset, from_memory: bool
) -> RunDirectory:
    """Check that a search can work, then write its run directory."""
    manifest, splits, files = plan_run(options, space, dataset, from_memory)
    path = options.out or _free_name(dataset.name)
    arrays = dataset.to_arrays() if from_memory else None
    return RunDirectory.create(
        path, manifest, space.source, splits, arrays, gan_source(manifest), files
    )


def plan_run(
    options: SearchOptions, space: Space, dataset: Dataset, from_memory: bool
) -> tuple[Manifest, dict[str, NDArray[Any]], dict[str, str]]:
    """Check that a search can work, and return what its run will hold.

    Returns:
        What is in `run.json`; the splits, by name; and the texts of files with objectives, by the
        names of their copies.

    Raises:
        UserError: If it cannot.
    """
    y, groups, copies = dataset.train.y, dataset.train.groups, dataset.train.copies()
    many = dataset.info.kind
    drawing = space.generates(dataset.info)
    if dataset.info.task != "classification":
        _check_task(options, dataset, drawing)
    if drawing:
        check_drawable(dataset.train, dataset.source)
    seen, asked = watched(space)
    starts = seen.starts(dataset.info)
    wanted = fold_count(options.folds, drawing)
    folds, note = usable_folds(y, wanted, dataset.class_names, groups, copies, many)
    check_rule(options.discard, folds)
    engine = choose_engine(options.engine, options.sampler, options.oracle)
    warm: WarmStart | None = None
    warm_note = ""
    if options.warm_start is not None:
        warm, warm_note = warm_start(options.warm_start, space, dataset.info, starts[0])
    engine_plan = plan_engine(
        engine,
        space,
        dataset.info,
        options.trial_limit,
        options.discard,
        warm=len(warm.starts) if warm else 0,
    )
    trials = options.trial_limit
    if trials == NO_LIMIT and engine_plan.candidates is not None:
        trials = engine_plan.candidates
    splits = {
        "search": stratified_folds(y, folds, options.seed, groups, copies),
        "fresh": stratified_folds(y, folds, fresh_seed(options.seed), groups, copies),
    }
    few = check_gan(options, dataset, splits["search"]) if drawing else ""
    stress, unstressed = ({}, "") if drawing else _stress(options, space, dataset.info)
    objectives = asked_objectives(options, drawing, bool(stress), space, dataset, splits)
    records = [each.record for each in objectives]
    several = len(records) > 1
    check_objectives(engine, len(records))
    costs = [record.name for record in records if record.kind == "cost"]
    over = check_reachable(space, dataset.info, Demands(options.limits, costs))
    gan, fakes = None, ""
    if options.augment_with is not None:
        gan = augment_with(options.augment_with, dataset)
        fakes = described_gan(gan, dataset, folds)
    if space.weights and not asked.weights and not reads_weights(space, dataset.info):
        raise UserError(
            f"space {space.name!r} builds on no weights: it does not read data.weights",
            where=FLAG,
            hint="Take --space pretrained, or a copy of it",
        )
    machine = environment.machine()
    workers = plan_workers(
        options.workers,
        trials=None if trials == NO_LIMIT else trials,
        cores=machine["cores"],
        memory=environment.memory_limit(),
        gpus=len(machine["gpus"]),
        wanted_gpus=options.gpus,
        per_gpu=options.workers_per_gpu,
        example_values=math.prod(dataset.info.input_shape),
        held=0 if stays_on_disk(dataset.train.x) else dataset.train.x.nbytes,
    )
    reproducible = options.deterministic or workers.workers <= 1
    gpus = len(workers.gpus)
    takes = expected_seconds(options, space, dataset, folds, gpus) if drawing else None
    manifest = Manifest(
        created=now(),
        seed=options.seed,
        folds=folds,
        trials=trials,
        time_limit_s=options.time_limit_s,
        fixed=dict(space.fixed),
        stress=stress,
        check_stress=options.stress is not None,
        weights=weights_record(space),
        imagenet=imagenet_record(asked.networks),
        warm_start=warm,
        augment_with=gan,
        objectives=records,
        limits=options.limits,
        discard=options.discard if engine.discards and not several else "none",
        engine=engine.engine,
        sampler=engine.sampler,
        oracle=engine.oracle,
        workers=workers.workers,
        threads=workers.threads,
        window=max(1, workers.workers) if reproducible else None,
        generates=drawing,
        expected_s=takes,
        gpus=list(workers.gpus),
        space={"name": space.name, "origin": str(space.path), "sha256": space.fingerprint()},
        data=data_record(dataset, from_memory),
        notes=[
            *dataset.notes,
            *filter(
                None,
                (
                    _task_note(dataset.info),
                    _drawings(space, dataset),
                    note,
                    unstressed,
                    few,
                    fakes,
                    warm_note,
                    over,
                ),
            ),
            *objective_notes(records, options, bool(stress)),
            *engine_plan.notes,
            *filter(None, (workers.note,)),
        ],
        versions=environment.versions(),
        machine=machine,
    )
    sources = {each.record.copy_name: each.source for each in objectives if each.record.copy_name}
    return manifest, splits, sources


def _drawings(space: Space, dataset: Dataset) -> str:
    """Return what a person with drawings should know of; empty without, or if they said it."""
    if space.name != "images" or not looks_drawn(dataset.train):
        return ""
    return (
        "these look like drawings: if they keep their class when turned, resized or drawn with "
        "another pen (shapes do, digits do not), --space shapes finds a network that copes"
    )


def _check_task(options: SearchOptions, dataset: Dataset, drawing: bool) -> None:
    """Refuse what needs classes, where labels or numbers are learnt."""
    task = dataset.info.task
    if drawing:
        raise UserError(
            f"a GAN draws images of classes, but the task of '{dataset.name}' is {task}",
            where="--space",
            hint="Give the images alone, or say --task classification",
        )
    if options.augment_with is not None:
        raise UserError(
            f"a GAN draws images of classes, but the task of '{dataset.name}' is {task}",
            where="--augment-with",
            hint="Leave it out",
        )


def _task_note(info: DataInfo) -> str:
    """Return what is learnt, where that is not a class."""
    outputs = info.outputs
    if info.task == "regression":
        what = "one number" if outputs == 1 else f"{outputs} numbers"
        return f"task: regression, {what} for each example (--task says otherwise)"
    if info.task == "multi-label":
        what = f"any of {count(outputs, 'label')} for each example"
        return f"task: multi-label, {what} (--task says otherwise)"
    return ""


def _stress(options: SearchOptions, space: Space, info: DataInfo) -> tuple[dict[str, float], str]:
    """Return the kinds of distortion to score under: those asked for, else the space's own.

    Beside them stands a note if the space's own are left out: they are for classes.
    """
    if options.stress is not None:
        asked = parse_stress(options.stress, info.kind)
        if asked and info.task != "classification":
            raise UserError(
                f"distorted copies are scored by their class, but the task is {info.task}",
                where="--stress",
                hint="Leave it out",
            )
        return asked, ""
    own = checked_stress(space.stress, f"STRESS in {space.path}", info.kind)
    if own and info.task != "classification":
        return {}, f"no stress: distorted copies are scored by their class, the task is {info.task}"
    return own, ""


def workers_of(directory: RunDirectory, wanted: int | None = None) -> WorkerPlan:
    """Return who trains a run's candidates from now on.

    Args:
        directory: The run.
        wanted: Number of workers; as many as the run was started with by default.
    """
    manifest = directory.manifest
    gpus = len(environment.gpus())
    wanted = manifest.workers if wanted is None else wanted
    note = ""
    if manifest.window is not None and wanted > manifest.window:
        note = (
            f"{manifest.window} of {wanted} workers used: this search began with "
            f"{manifest.window} at a time, which keeps it reproducible; a new one may take more"
        )
        wanted = manifest.window
    plan = plan_workers(
        wanted,
        trials=None,
        cores=environment.cores(),
        memory=environment.memory_limit(),
        gpus=gpus,
        wanted_gpus=min(gpus, len(manifest.gpus)),
    )
    notes = "; ".join(filter(None, (note, plan.note)))
    return replace(plan, threads=manifest.threads or plan.threads, note=notes)


def _free_name(name: str) -> Path:
    stem = f"{datetime.now():%Y%m%d-%H%M}-{name}"
    path, count = RUNS / stem, 1
    while path.exists():
        count += 1
        path = RUNS / f"{stem}-{count}"
    return path
