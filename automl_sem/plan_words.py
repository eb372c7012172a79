"""A planned search in words."""

from __future__ import annotations

from collections.abc import Sequence

from automl_sem.augmentation.kinds import described
from automl_sem.config import NO_LIMIT, SearchOptions
from automl_sem.costs import limits_text
from automl_sem.manifest import Manifest
from automl_sem.reports.wording import count, roughly
from automl_sem.spaces.space import Space


def describe_plan(manifest: Manifest, options: SearchOptions, space: Space) -> list[str]:
    """Return what a search would do, a line for each thing."""
    data, shape = manifest.data, "x".join(map(str, manifest.data["input_shape"]))
    trials = "as many trials as the time allows"
    if manifest.trials != NO_LIMIT:
        trials = count(manifest.trials, "trial")
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
        *([f"limits    {limits_text(manifest.limits)}"] if manifest.limits else []),
        f"after     {_afterwards(manifest)}",
        f"workers   {workers}, threads each: {manifest.threads or 'automatic'}, "
        f"GPUs: {len(manifest.gpus) or 'none'}",
        *([f"time      {takes}"] if (takes := expected_time(manifest)) else []),
        *(f"note      {note}" for note in manifest.notes),
        "nothing was written: leave --dry-run out to search",
    ]


def _objectives_shown(manifest: Manifest) -> str:
    """Return what is best, for people."""
    words = [goal.word for goal in manifest.goals]
    if manifest.of_stress:
        words[0] = f"mean of the {manifest.of_stress} with and without stress"
    return ", ".join(
        f"{word} ({goal.better} is better)"
        for word, goal in zip(words, manifest.goals, strict=True)
    )


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
