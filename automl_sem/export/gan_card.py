"""The model card of a generator: what it draws, how well, how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from automl_sem.data.dataset import Dataset
from automl_sem.export.base import Format
from automl_sem.export.card import (
    as_markdown,
    data_lines,
    hyperparameter_lines,
    in_words,
    reproduction_lines,
)
from automl_sem.results import Results, TrialRecord
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import fold_interval


def gan_card(
    run: RunDirectory,
    results: Results,
    dataset: Dataset,
    trial: TrialRecord,
    *,
    record: Mapping[str, Any],
    formats: Sequence[Format],
) -> str:
    """Return the card as Markdown; the arguments are those of `model_card`."""
    sections = {
        "What it is": _what(dataset, trial, record),
        "How good it is": [*_score(results, trial), *_test(record)],
        "How to use it": _usage(record, formats),
        "Data": data_lines(dataset, run),
        "Architecture and hyperparameters": hyperparameter_lines(trial),
        "Training": _training(trial, record),
        "Limits": _limits(dataset),
        "Environment": [f"- {name} {version}" for name, version in record["versions"].items()],
        "How to reproduce it": reproduction_lines(run, trial),
    }
    return as_markdown(f"Generator of trial {trial.number} on {dataset.name}", sections)


def _what(dataset: Dataset, trial: TrialRecord, record: Mapping[str, Any]) -> list[str]:
    height, width, channels = record["image_shape"]
    colour = "grey" if channels == 1 else "colour"
    names = ", ".join(dataset.class_names)
    given = f", of a class that it is given: {names}" if record["conditional"] else ""
    label = " and a class number, int32 (batch,)," if record["conditional"] else ""
    return [
        f"The generator of a GAN, {record['parameters']:,} weights, that draws {colour} images of "
        f"{height}x{width} pixels like those of {dataset.name}{given}.",
        "",
        f"Standard normal noise, float32 (batch, {record['latent_dim']}),{label} goes in; images "
        "come out, float32, 0 to 1. `discriminator.keras` is the network that it learned against "
        f"({trial.networks.get('discriminator', 0):,} weights).",
    ]


def _score(results: Results, trial: TrialRecord) -> list[str]:
    """Return the distance with its interval, on fresh folds where there are some."""
    means = (
        "- the distance is that from held-out images, above that of training images, in standard "
        "deviations of what chance does to the latter: 0 is as near as real images are"
    )
    for standing in (results.best, results.baseline):
        if standing is not None and standing.trial.number == trial.number:
            return [
                f"- k-fold distance {standing.score:.3g}, "
                f"{in_words(asdict(standing.interval), '.3g')}, on {standing.scored_on}",
                f"- k-fold coverage of held-out images {standing.share:.1%}",
                means,
            ]
    interval = asdict(fold_interval(trial.fold_scores, "distance"))
    return [
        f"- k-fold distance {trial.objective:.3g}, {in_words(interval, '.3g')}, on the search "
        "folds; a score that the search chose by is a little too good",
        means,
    ]


def _test(record: Mapping[str, Any]) -> list[str]:
    test = record["test"]
    if not test["metrics"]:
        return ["- too few held-out test images to compare with"]
    times = "once" if record["looks"] == 1 else f"{record['looks']} times"
    metrics = test["metrics"]
    return [
        f"- distance from {test['n']} held-out test images {metrics['distance']:.3g}, coverage "
        f"{metrics['coverage']:.1%}",
        f"- this run has looked at its test set {times}; with every look its result is worth less",
    ]


def _usage(record: Mapping[str, Any], formats: Sequence[Format]) -> list[str]:
    verified = {entry["name"] for entry in record["formats"] if entry["verified"]}
    conditional = record["conditional"]
    lines = [
        "    automl-sem generate . --n 64"
        + (f" --class '{record['class_names'][0]}'" if conditional else ""),
        "",
        "or, without automl-sem, in this directory:",
    ]
    noise = f"noise = rng.standard_normal((64, {record['latent_dim']}), dtype=np.float32)"
    label = ["labels = np.zeros(64, np.int32)  # the first class"] if conditional else []
    given = {"keras": "[noise, labels]", "saved-model": "noise, labels"}
    for made in formats:
        if made.name not in verified:
            lines += ["", f"`{made.file}` is NOT verified: do not use it."]
            continue
        given_to = given.get(made.name, "noise, labels") if conditional else "noise"
        usage = made.usage.strip().format(examples=given_to).splitlines()
        usage = [line.replace("probabilities", "images") for line in usage]
        lines += [
            "",
            "```python",
            *(line for line in usage if line.startswith("import")),
            "import numpy as np",
            "from PIL import Image",
            "",
            "rng = np.random.default_rng(0)",
            noise,
            *label,
            *(line for line in usage if not line.startswith("import")),
            'Image.fromarray((255 * images[0]).astype(np.uint8).squeeze()).save("drawn.png")',
            "```",
        ]
    return lines


def _training(trial: TrialRecord, record: Mapping[str, Any]) -> list[str]:
    recipe = ", ".join(f"{name} {value}" for name, value in trial.recipe.shown().items())
    return [
        f"- trained on all training images for {record['steps']:,} steps, as many as on a fold, in "
        f"{record['seconds']:.1f} s on {record['devices']} device"
        f"{'s' if record['devices'] > 1 else ''}",
        f"- recipe: {recipe}",
    ]


def _limits(dataset: Dataset) -> list[str]:
    return [
        "- It draws what its training images show, with their gaps and prejudices, and nothing "
        "else.",
        "- What it draws is not real: say so wherever you show it.",
        f"- {len(dataset.train.y)} training images: the fewer there are, the likelier it repeats "
        "them. The report shows the nearest training image of some.",
    ]
