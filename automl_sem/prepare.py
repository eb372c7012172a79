"""Before a search: what the options mean, a new run directory, and whether a run may go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from automl_sem import environment
from automl_sem.augment_with import augment_with, gan_source
from automl_sem.augment_with import described as described_gan
from automl_sem.augmentation.kinds import checked_stress, described, parse_stress
from automl_sem.backend import use_tensorflow
from automl_sem.config import NO_LIMIT, SearchOptions, fold_count
from automl_sem.costs import COSTS, Demands
from automl_sem.data import BUILTIN, Dataset, from_memory, load_dataset
from automl_sem.data.examples import stays_on_disk
from automl_sem.data.ground import looks_drawn
from automl_sem.data.split import stratified_folds, usable_folds
from automl_sem.engines.make import check_objectives, choose_engine, plan_engine
from automl_sem.errors import Unlabelled, UserError
from automl_sem.feasible import check_reachable
from automl_sem.fresh import fresh_seed
from automl_sem.gan_plan import check_gan, expected_seconds
from automl_sem.goals import LOG_LOSS
from automl_sem.manifest import Manifest, WarmStart
from automl_sem.objectives.choose import Chosen, choose, find_metric, parts_of
from automl_sem.objectives.measure import STRESSED, check_kind, check_measures
from automl_sem.objectives.own import WHERE as OBJECTIVE
from automl_sem.objectives.record import ObjectiveRecord
from automl_sem.registry import RUNS
from automl_sem.reports.wording import count, roughly
from automl_sem.run import RunDirectory, now
from automl_sem.scoring.discard import check_rule
from automl_sem.scoring.gan.checks import check_drawable
from automl_sem.scoring.gan.fakes import SHARES
from automl_sem.spaces.asked import reads_weights, watched
from automl_sem.spaces.find import Target, default_space, find, find_space
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo
from automl_sem.unchanged import data_record, imagenet_record, weights_record
from automl_sem.warm_start import warm_start
from automl_sem.weights import FLAG, weights_file
from automl_sem.workers.plan import WorkerPlan, plan_workers

# Data in memory: arguments of `from_memory`, or what is loaded already.
InMemory = Mapping[str, Any] | Dataset
# What data are like that every GAN can draw.
DRAWABLE = DataInfo(kind="images", input_shape=(32, 32, 1), classes=1, n_train=100)


def resolve(
    options: SearchOptions, arrays: InMemory | None, given: Space | None = None
) -> tuple[Space, Dataset]:
    """Return space and dataset that the options mean.

    Args:
        options: What a person asked for.
        arrays: Data in memory, or None.
        given: A space in memory, or None.

    Raises:
        UserError: If there is no such space or dataset, or they do not fit.
    """
    space_path, data_name = _choose(options)
    choose_engine(options.engine, options.sampler, options.oracle)
    if space_path is None and data_name is None and arrays is None and given is None:
        raise UserError(
            "nothing to search", hint="Name a space or data, as in `automl-sem search shapes`"
        )
    weights = None if options.weights is None else str(weights_file(options.weights))
    use_tensorflow()
    space = load_space(space_path) if space_path else given
    try:
        dataset = _load(options, space, data_name, arrays)
    except Unlabelled:
        if space is None or not space.generates(DRAWABLE):
            raise
        dataset = _load(options, space, data_name, arrays, unlabelled=True)
    if space is None:
        path = default_space(dataset.source, dataset.info.kind)
        space = load_space(find_space("pretrained") if weights else path)
    if space.kind not in (None, dataset.info.kind):
        raise UserError(
            f"space {space.name!r} is for {space.kind}, but the data are {dataset.info.kind}",
            where=space.path,
            hint="Choose another --space or --data",
        )
    space = space.with_fixed(epochs=options.epochs, batch_size=options.batch_size)
    shares = () if options.augment_with is None else SHARES
    return space.with_weights(weights).with_shares(shares), dataset


def _load(
    options: SearchOptions,
    space: Space | None,
    data_name: str | None,
    arrays: InMemory | None,
    *,
    unlabelled: bool = False,
) -> Dataset:
    """Return the data, `unlabelled` without their classes.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If there are no such data, or they cannot be used.
    """
    if isinstance(arrays, Dataset):
        return arrays
    same: dict[str, Any] = {
        "kind": options.kind,
        "task": options.task,
        "seed": options.seed,
        "image_size": options.image_size,
        "pad": options.pad,
        "unlabelled": unlabelled,
    }
    if arrays is not None:
        return from_memory(**arrays, **same)
    source = data_name or (space.data if space else None)
    if source is None:
        hint = "Pass --data NAME_OR_PATH"
        if options.target and Path(options.target).is_dir():
            hint += f", or say ./{options.target} for the folder of that name"
        raise UserError("the space names no DATA", where=space and space.path, hint=hint)
    size = options.size
    if size is None and space is not None and source == space.data:
        size = space.size
    return load_dataset(
        source,
        size=size,
        groups=options.groups,
        skip_bad=options.skip_bad,
        frames=options.frames,
        rate=options.rate,
        **same,
    )


def _choose(options: SearchOptions) -> tuple[Path | None, str | None]:
    """Return the space file and the dataset that are named, each None where it is not."""
    target = Target(None, None)
    if options.target is not None:
        target = find(options.target, BUILTIN, data_only=options.space is not None)
    if target.data is not None and options.data is not None:
        raise UserError(
            f"two datasets are named, {target.data!r} and {options.data!r}",
            where="--data",
            hint="Name one, and the space with --space if it is not the default",
        )
    space = find_space(options.space) if options.space else target.space
    return space, options.data or target.data


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
    objectives = _objectives(options, drawing, bool(stress), space, dataset, splits)
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
            *_about(records, options, bool(stress)),
            *engine_plan.notes,
            *filter(None, (workers.note,)),
        ],
        versions=environment.versions(),
        machine=machine,
    )
    sources = {each.record.copy_name: each.source for each in objectives if each.record.copy_name}
    return manifest, splits, sources


def _objectives(
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


def _about(
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


def describe_plan(manifest: Manifest, options: SearchOptions, space: Space) -> list[str]:
    """Return what a search would do, a line for each thing."""
    data, shape = manifest.data, "x".join(map(str, manifest.data["input_shape"]))
    trials = "as many trials as the time allows"
    if manifest.trials != NO_LIMIT:
        trials = f"{manifest.trials} trials"
    limit = f", no new one after {options.time_limit_s:.0f} s" if options.time_limit_s else ""
    processes = "process" if manifest.workers == 1 else "processes"
    workers = f"{manifest.workers} worker {processes}" if manifest.workers else "in this process"
    return [
        f"space     {space.name} ({manifest.space['origin']})",
        f"data      {data['name']}: {data['train_examples']} to train, {data['test_examples']} "
        f"held out for the test, {_classes(data['class_names'], manifest.task)}, {shape}",
        *([f"weights   {manifest.weights.file}"] if manifest.weights else []),
        *(f"weights   {kept.network}, {kept.file}" for kept in manifest.imagenet),
        f"search    {trials}, {manifest.folds} folds each{limit}; discard rule {manifest.discard}",
        f"engine    {manifest.engine_choice}",
        f"stress    {described(manifest.stress) or 'none'}",
        f"objective {_objectives_shown(manifest)}",
        *([f"limits    {shown_limits(manifest)}"] if manifest.limits else []),
        f"after     {_afterwards(manifest)}",
        f"workers   {workers}, threads each: {manifest.threads or 'automatic'}, "
        f"GPUs: {len(manifest.gpus) or 'none'}",
        *([f"time      {takes}"] if (takes := expected_time(manifest)) else []),
        *(f"note      {note}" for note in manifest.notes),
        "nothing was written: leave --dry-run out to search",
    ]


def _objectives_shown(manifest: Manifest) -> str:
    """Return what is best, for people."""
    return ", ".join(f"{goal.word} ({goal.better} is better)" for goal in manifest.goals)


def shown_limits(manifest: Manifest) -> str:
    """Return the limits on candidates, for people."""
    return ", ".join(f"at most {COSTS[name].text(n)}" for name, n in manifest.limits.items())


def expected_time(manifest: Manifest) -> str:
    """Return how long a search will take, for people; empty where nobody knows."""
    if manifest.expected_s is None:
        return ""
    return f"about {roughly(manifest.expected_s)}, by a few steps of training on this machine"


def _classes(names: Sequence[str], task: str) -> str:
    if task != "classification":
        return count(len(names), "number" if task == "regression" else "label")
    return f"{len(names)} classes" if len(names) > 1 else "without classes"


def _afterwards(manifest: Manifest) -> str:
    """Return what is trained when the search is over."""
    if manifest.generates:
        return "the best three trials and the baseline twice more, on fresh folds, if time allows"
    again = "the best trial and the baseline once more, on fresh folds"
    if manifest.augment_with is not None:
        again += "; the best with or without fake images: do they help?"
    if not manifest.check_stress:
        return again
    kinds = ", ".join(manifest.stress)
    return f"{again}; then the best with or without training for {kinds}: do labels survive it?"


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
