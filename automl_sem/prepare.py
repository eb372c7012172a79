"""Before a search: what the options mean, a new run directory, and whether a run may go on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
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
from automl_sem.errors import Unlabelled, UserError, one_line
from automl_sem.feasible import check_reachable
from automl_sem.fresh import fresh_seed
from automl_sem.gan_plan import check_gan, expected_seconds
from automl_sem.manifest import ImageNetFile, Manifest, WarmStart, WeightsFile
from automl_sem.objectives.choose import Chosen, choose
from automl_sem.objectives.measure import STRESSED, check_measures
from automl_sem.objectives.record import ObjectiveRecord
from automl_sem.pretrained import imagenet_file
from automl_sem.registry import RUNS
from automl_sem.reports.wording import roughly
from automl_sem.run import GAN_SPACE, RunDirectory, now
from automl_sem.scoring.discard import check_rule
from automl_sem.scoring.gan.checks import check_drawable
from automl_sem.scoring.gan.fakes import SHARES
from automl_sem.spaces.asked import reads_weights, watched
from automl_sem.spaces.find import Target, default_space, find, find_space
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo
from automl_sem.warm_start import warm_start
from automl_sem.weights import FLAG, fingerprint, weights_file
from automl_sem.workers.plan import WorkerPlan, plan_workers

Arrays = tuple[Any, Any]
# What data are like that every GAN can draw.
DRAWABLE = DataInfo(kind="images", input_shape=(32, 32, 1), classes=1, n_train=100)


def resolve(options: SearchOptions, arrays: Mapping[str, Any] | None) -> tuple[Space, Dataset]:
    """Return space and dataset that the options mean.

    Args:
        options: What a person asked for.
        arrays: Data from memory, as arguments of `from_memory`.

    Raises:
        UserError: If there is no such space or dataset, or they do not fit.
    """
    space_path, data_name = _choose(options)
    if space_path is None and data_name is None and arrays is None:
        raise UserError(
            "nothing to search", hint="Name a space or data, as in `automl-sem search shapes`"
        )
    weights = None if options.weights is None else str(weights_file(options.weights))
    use_tensorflow()
    space = load_space(space_path) if space_path else None
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
    arrays: Mapping[str, Any] | None,
    *,
    unlabelled: bool = False,
) -> Dataset:
    """Return the data, `unlabelled` without their classes.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If there are no such data, or they cannot be used.
    """
    same: dict[str, Any] = {
        "kind": options.kind,
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
    manifest, splits = plan_run(options, space, dataset, from_memory)
    path = options.out or _free_name(dataset.name)
    arrays = dataset.to_arrays() if from_memory else None
    files = {
        each.record.copy_name: each.source
        for each in choose(options.objective, options.direction)
        if each.record.copy_name
    }
    return RunDirectory.create(
        path, manifest, space.source, splits, arrays, gan_source(manifest), files
    )


def plan_run(
    options: SearchOptions, space: Space, dataset: Dataset, from_memory: bool
) -> tuple[Manifest, dict[str, NDArray[Any]]]:
    """Check that a search can work, and return what `run.json` and the splits will hold.

    Raises:
        UserError: If it cannot.
    """
    y, groups, copies = dataset.train.y, dataset.train.groups, dataset.train.copies()
    many = dataset.info.kind
    drawing = space.generates(dataset.info)
    if drawing:
        check_drawable(dataset.train, dataset.source)
    seen, asked = watched(space)
    starts = seen.starts(dataset.info)
    wanted = fold_count(options.folds, drawing)
    folds, note = usable_folds(y, wanted, dataset.class_names, groups, copies, many)
    check_rule(options.discard, folds)
    splits = {
        "search": stratified_folds(y, folds, options.seed, groups, copies),
        "fresh": stratified_folds(y, folds, fresh_seed(options.seed), groups, copies),
    }
    few = check_gan(options, dataset, splits["search"]) if drawing else ""
    stress = {} if drawing else _stress(options, space, dataset.info.kind)
    objectives = _objectives(options, drawing, bool(stress), dataset, splits)
    records = [each.record for each in objectives]
    several = len(records) > 1
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
    warm: WarmStart | None = None
    warm_note = ""
    if options.warm_start is not None:
        warm, warm_note = warm_start(options.warm_start, space, dataset.info, starts[0])
    machine = environment.machine()
    workers = plan_workers(
        options.workers,
        trials=None if options.trial_limit == NO_LIMIT else options.trial_limit,
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
        trials=options.trial_limit,
        time_limit_s=options.time_limit_s,
        fixed=dict(space.fixed),
        stress=stress,
        check_stress=options.stress is not None,
        weights=_weights_record(space),
        imagenet=_imagenet_record(asked.networks),
        warm_start=warm,
        augment_with=gan,
        objectives=records,
        limits=options.limits,
        discard="none" if several else options.discard,
        workers=workers.workers,
        threads=workers.threads,
        window=max(1, workers.workers) if reproducible else None,
        generates=drawing,
        expected_s=takes,
        gpus=list(workers.gpus),
        space={"name": space.name, "origin": str(space.path), "sha256": space.fingerprint()},
        data=_data_record(dataset, from_memory),
        notes=[
            *dataset.notes,
            *filter(None, (_drawings(space, dataset), note, few, fakes, warm_note, over)),
            *_about(records, options, bool(stress)),
            *filter(None, (workers.note,)),
        ],
        versions=environment.versions(),
        machine=machine,
    )
    return manifest, splits


def _objectives(
    options: SearchOptions,
    drawing: bool,
    stressed: bool,
    dataset: Dataset,
    splits: Mapping[str, NDArray[Any]],
) -> tuple[Chosen, ...]:
    """Return what the search is for, tried on made-up predictions; empty for the usual."""
    objectives = choose(options.objective, options.direction, stressed=stressed)
    if objectives and drawing:
        raise UserError(
            "a GAN is scored by the distance of its images from real ones, and by nothing else",
            where="--objective",
            hint="Leave it out",
        )
    measures = [each.measure for each in objectives if each.measure is not None]
    check_measures(measures, dataset.train.y, dataset.info.classes, splits)
    return objectives


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


def _stress(options: SearchOptions, space: Space, kind: str) -> dict[str, float]:
    """Return the kinds of distortion to score under: those asked for, else the space's own."""
    if options.stress is not None:
        return parse_stress(options.stress, kind)
    return checked_stress(space.stress, f"STRESS in {space.path}", kind)


def describe_plan(manifest: Manifest, options: SearchOptions, space: Space) -> list[str]:
    """Return what a search would do, a line for each thing."""
    data, shape = manifest.data, "x".join(map(str, manifest.data["input_shape"]))
    trials = "as many trials as the time allows"
    if options.trial_limit != NO_LIMIT:
        trials = f"{manifest.trials} trials"
    limit = f", no new one after {options.time_limit_s:.0f} s" if options.time_limit_s else ""
    processes = "process" if manifest.workers == 1 else "processes"
    workers = f"{manifest.workers} worker {processes}" if manifest.workers else "in this process"
    return [
        f"space     {space.name} ({manifest.space['origin']})",
        f"data      {data['name']}: {data['train_examples']} to train, {data['test_examples']} "
        f"held out for the test, {_classes(data['class_names'])}, {shape}",
        *([f"weights   {manifest.weights.file}"] if manifest.weights else []),
        *(f"weights   {kept.network}, {kept.file}" for kept in manifest.imagenet),
        f"search    {trials}, {manifest.folds} folds each{limit}; discard rule {manifest.discard}",
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


def _classes(names: Sequence[str]) -> str:
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


def _data_record(dataset: Dataset, from_memory: bool) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "kind": dataset.info.kind,
        "source": "data.npz in the run directory" if from_memory else dataset.source,
        "in_run": from_memory,
        "options": dict(dataset.options),
        "train_examples": len(dataset.train.y),
        "test_examples": len(dataset.test.y),
        "input_shape": list(dataset.info.input_shape),
        "class_names": list(dataset.class_names),
        "train_sha256": dataset.train.fingerprint(),
        "test_sha256": dataset.test.fingerprint(),
        "groups_sha256": dataset.train.groups_fingerprint(),
    }


def _weights_record(space: Space) -> WeightsFile | None:
    if space.weights is None:
        return None
    return WeightsFile(file=space.weights, sha256=fingerprint(Path(space.weights)))


def _imagenet_record(networks: Iterable[str]) -> list[ImageNetFile]:
    """Return the weights in Keras's cache of some networks, those that it holds."""
    files = {name: imagenet_file(name) for name in sorted(networks)}
    return [
        ImageNetFile(network=name, file=str(file), sha256=fingerprint(file))
        for name, file in files.items()
        if file.exists()
    ]


def _unchanged_weights(manifest: Manifest) -> str | None:
    """Return the file of the pretrained model that a run builds on, or None.

    Raises:
        UserError: If it is gone or no longer the same, or ImageNet weights in Keras's cache.
    """
    for kept in manifest.imagenet:
        file = imagenet_file(kept.network)
        _unchanged(file, kept.sha256, f"{kept.network} in {file}")
    weights = manifest.weights
    if weights is None:
        return None
    _unchanged(Path(weights.file), weights.sha256, f"{FLAG} {weights.file}")
    return weights.file


def _unchanged(file: Path, sha256: str, where: str) -> None:
    gone = not file.exists()
    if gone or fingerprint(weights_file(file)) != sha256:
        raise UserError(
            f"the weights {'are gone' if gone else 'changed'} since the run was started",
            where=where,
            hint="Put the file back, or start anew with `automl-sem search`",
        )


def _free_name(name: str) -> Path:
    stem = f"{datetime.now():%Y%m%d-%H%M}-{name}"
    path, count = RUNS / stem, 1
    while path.exists():
        count += 1
        path = RUNS / f"{stem}-{count}"
    return path


def unchanged_dataset(directory: RunDirectory) -> Dataset:
    """Load a run's dataset again.

    Raises:
        UserError: If it is gone or no longer the same, naming what changed.
    """
    then: Mapping[str, Any] = directory.manifest.data
    if then["in_run"]:
        with np.load(directory.path / "data.npz") as file:
            dataset = Dataset.from_saved_arrays(then["name"], dict(file))
    else:
        dataset = load_dataset(then["source"], **then["options"])
    current = _data_record(dataset, then["in_run"])
    labels = {
        "class_names": "class names",
        "input_shape": "image size" if dataset.info.kind == "images" else "shape of the examples",
        "train_examples": "number of training examples",
        "test_examples": "number of test examples",
        "train_sha256": "training examples",
        "test_sha256": "test examples",
        "groups_sha256": "groups",
    }
    for key, label in labels.items():
        if current[key] != then.get(key):
            values = "" if key.endswith("sha256") else f": {then[key]} then, {current[key]} now"
            raise UserError(
                f"the {label} changed since the run was started{values}",
                where=then["source"],
                hint="Put the data back, or start anew with `automl-sem search`",
            )
    return dataset


def unchanged_space(directory: RunDirectory) -> Space:
    """Load a run's space from its snapshot.

    Raises:
        UserError: If the file it came from is no longer the same, naming the line.
    """
    manifest = directory.manifest
    snapshot = snapshot_of(directory)
    origin = Path(manifest.space["origin"])
    if origin.exists():
        then, current = snapshot.source.splitlines(), _lines(origin)
        if then != current:
            pairs = enumerate(zip(then, current, strict=False), 1)
            line = next((i for i, (a, b) in pairs if a != b), min(len(then), len(current)) + 1)
            raise UserError(
                "the space changed since the run was started",
                where=f"{origin}:{line}",
                hint=f"Put it back (the run keeps a copy: {snapshot.path}), "
                "or start anew with `automl-sem search`",
            )
    return snapshot.with_fixed(**manifest.fixed)


def snapshot_of(directory: RunDirectory) -> Space:
    """Load the copy of the space that a run keeps.

    Raises:
        UserError: If the copy was changed.
    """
    kept = directory.manifest.space
    space = load_space(
        directory.path / "space.py", name=kept["name"], beside=Path(kept["origin"]).parent
    )
    if space.fingerprint() != kept["sha256"]:
        raise UserError("the run's copy of the space was changed", where=space.path)
    gan = directory.manifest.augment_with
    if gan is not None:
        drawing = directory.path / GAN_SPACE
        if load_space(drawing, beside=Path(gan.beside)).fingerprint() != gan.space["sha256"]:
            raise UserError("the run's copy of the GAN's space was changed", where=drawing)
    space = space.with_weights(_unchanged_weights(directory.manifest))
    return space.with_shares(SHARES if directory.manifest.augment_with else ())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the space file: {one_line(error)}", where=path) from error
