"""The model card: what an export is, how good it is, how to use it (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from automl_sem.data.dataset import Dataset
from automl_sem.data.target_overview import distribution
from automl_sem.export.base import Format
from automl_sem.export.record import objectives_said, says, test_of
from automl_sem.export.usage import usage_of
from automl_sem.export.words import limits, what_comes_out, what_goes_in, what_it_does
from automl_sem.results import Results, TrialRecord
from automl_sem.run import RunDirectory
from automl_sem.scoring.measures import absolute_errors
from automl_sem.scoring.metrics import Interval, fold_interval
from automl_sem.scoring.output_folds import OutputScore
from automl_sem.scoring.stress import stress_scores
from automl_sem.scoring.words import R2
from automl_sem.stress_check import read_findings

SMALL = 1000  # training examples


def model_card(
    run: RunDirectory,
    results: Results,
    dataset: Dataset,
    trial: TrialRecord,
    *,
    record: Mapping[str, Any],
    formats: Sequence[Format],
) -> str:
    """Return the card as Markdown.

    Args:
        run: The run directory.
        results: What the run found.
        dataset: The run's dataset.
        trial: What was exported.
        record: What `export.json` holds.
        formats: The formats that were written.
    """
    sections = {
        "What it is": _what(trial, record),
        "How good it is": [
            *_score(results, trial),
            *_verdict(results, trial),
            *_stress(run, results, trial),
            *_test(record),
        ],
        "How to use it": _usage(dataset, record, formats),
        "Data": data_lines(dataset, run),
        "Architecture and hyperparameters": hyperparameter_lines(trial),
        "Training": _training(trial, record),
        "Limits": _limits(dataset, record),
        "Environment": [f"- {name} {version}" for name, version in record["versions"].items()],
        "How to reproduce it": reproduction_lines(run, trial),
    }
    return as_markdown(f"Trial {trial.number} on {dataset.name}", sections)


def as_markdown(heading: str, sections: Mapping[str, Sequence[str]]) -> str:
    """Return a card: a heading, and sections with their lines by title."""
    lines = [f"# {heading}"]
    for title, body in sections.items():
        lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def _what(trial: TrialRecord, record: Mapping[str, Any]) -> list[str]:
    return [
        f"A neural network with {trial.parameters:,} weights that {what_it_does(record)}.",
        "",
        f"{what_goes_in(record)} {what_comes_out(record)}",
    ]


def _score(results: Results, trial: TrialRecord) -> list[str]:
    """Return the k-fold score with its interval, on fresh folds where there are some."""
    word = results.objective_word
    if results.run.manifest.task != "classification":
        return _output_score(results, trial)
    nats = " nats" if word in ("log-loss", "objective") else ""
    for standing in (results.best, results.baseline, *results.finalists):
        if standing is not None and standing.trial.number == trial.number:
            share = standing.accuracy_interval
            return [
                f"- k-fold {word} {standing.quoted:.4f}{nats}, "
                f"{in_words(asdict(standing.interval), '.4f')}, on {standing.scored_on}",
                f"- k-fold accuracy {standing.accuracy:.1%}, {in_words(asdict(share), '.1%')}",
            ]
    interval = asdict(_of_search(results, trial))
    accuracy = f", accuracy {trial.accuracy:.1%}" if trial.accuracy is not None else ""
    return [
        f"- k-fold {word} {trial.quoted:.4f}{nats}, {in_words(interval, '.4f')}, on the search "
        f"folds{accuracy}; a score that the search chose by is a little too good"
    ]


def _of_search(results: Results, trial: TrialRecord) -> Interval:
    """Return the interval of the objective on the search folds."""
    goal = results.goal
    ends = {"lowest": goal.lowest, "highest": goal.highest}
    return fold_interval(trial.quoted_folds, goal.name, **ends)


def _output_score(results: Results, trial: TrialRecord) -> list[str]:
    """Return the k-fold scores of labels or numbers, on fresh folds where there are some."""
    words = results.run.manifest.words
    spec = ".3f" if words.share == R2 else ".1%"
    for standing in (results.best, results.baseline, *results.finalists):
        if standing is not None and standing.trial.number == trial.number:
            return [
                f"- k-fold {words.share} {standing.share:{spec}}, "
                f"{in_words(asdict(standing.share_interval), spec)}, on {standing.scored_on}",
                *_errors(standing.outputs, results.run.manifest.data["class_names"]),
                f"- k-fold {results.objective_word} {standing.quoted:.4f}, "
                f"{in_words(asdict(standing.interval), '.4f')}",
            ]
    interval = asdict(_of_search(results, trial))
    return [
        f"- k-fold {results.objective_word} {trial.quoted:.4f}, {in_words(interval, '.4f')}, "
        f"{words.share} {trial.share:{spec}}, on the search folds; a score that the search chose "
        "by is a little too good"
    ]


def _errors(score: OutputScore, names: Sequence[str]) -> list[str]:
    """Return by how much numbers are missed on average; nothing of labels."""
    if score.task != "regression":
        return []
    errors = absolute_errors(score.wanted, score.predicted).tolist()
    return [
        f"- mean absolute error of {name}, in its own unit: {error:.4g}"
        for name, error in zip(names, errors, strict=True)
    ]


def in_words(interval: Mapping[str, Any], spec: str) -> str:
    """Return an interval in words, its numbers formatted by `spec`."""
    low, high = format(interval["low"], spec), format(interval["high"], spec)
    return f"95 % interval {low} to {high} ({interval['method']})"


def _verdict(results: Results, trial: TrialRecord) -> list[str]:
    if trial.number == 0:
        return ["- this is the baseline itself, the plain textbook model"]
    best, verdict = results.best, results.verdict
    if best is None or verdict is None or best.trial.number != trial.number:
        return ["- not compared with the baseline on fresh folds"]
    word = results.objective_word
    span = f", {in_words(asdict(verdict.interval), '.4f')}" if verdict.interval else ""
    return [
        f"- against the baseline on fresh folds: {verdict.word}; "
        f"{word} difference {verdict.difference:+.4f}{span}"
    ]


def _stress(run: RunDirectory, results: Results, trial: TrialRecord) -> list[str]:
    """Return what becomes of distorted examples, each kind at its full strength."""
    stress = run.manifest.stress
    if not stress:
        return []
    mean = run.manifest.of_stress
    what = f"{results.objective_word} on examples as they are"
    if mean:
        what = f"the mean of the {mean} on examples as they are and on distorted ones"
    lines = [f"- objective: {what}"]
    quoted = [s for s in (results.best, results.baseline) if s and s.trial.number == trial.number]
    share = quoted[0].folds.stress_accuracy if quoted else trial.stress_accuracy
    if share is not None:
        folds = quoted[0].scored_on if quoted else "the search folds"
        lines.append(f"- k-fold accuracy under stress {share:.1%}, on {folds}")
    full = {f"{kind} {strength:g}" for kind, strength in stress.items()}
    for score in stress_scores(quoted[0].folds) if quoted else ():
        if score.condition in full or not score.scored:
            unseen = "" if score.scored else "; nothing was trained or chosen for this one"
            span = f"95 % interval {score.low:.1%} to {score.high:.1%}"
            lines.append(f"  - {score.condition}: {score.accuracy:.1%}, {span}{unseen}")
    findings = read_findings(run)
    lines += [f"- **warning**: {warning}" for warning in findings.warnings]
    return [*lines, *(f"- {unknown}" for unknown in findings.unknown)]


def _test(record: Mapping[str, Any]) -> list[str]:
    test, interval = record["test"], record["accuracy_interval"]
    if not test["n"]:
        return ["- no held-out test examples"]
    times = "once" if record["looks"] == 1 else f"{record['looks']} times"
    looks = (
        f"- this run has looked at its test set {times}; with every look its result is worth less"
    )
    if interval is None:
        return [f"- on the test set it {says(test_of(record), 'examples')}", looks]
    return [
        f"- test accuracy {test['accuracy']:.1%} on {test['n']} held-out examples, "
        f"{in_words(interval, '.1%')}; log-loss {test['metrics']['log_loss']:.4f}"
        f"{objectives_said(test_of(record))}",
        looks,
    ]


def _usage(dataset: Dataset, record: Mapping[str, Any], formats: Sequence[Format]) -> list[str]:
    verified = {entry["name"] for entry in record["formats"] if entry["verified"]}
    reads = usage_of(record, dataset)
    lines = [
        f"    automl-sem predict . {reads.file}",
        "",
        "or, without automl-sem, in this directory:",
    ]
    numbers = dataset.info.task == "regression"
    for made in formats:
        usage = made.usage.strip().format(examples=reads.variable).splitlines()
        if numbers:
            usage = [line.replace("probabilities", "numbers") for line in usage]
        if made.name not in verified:
            lines += ["", f"`{made.file}` is NOT verified: do not use it."]
            continue
        lines += [
            "",
            "```python",
            *(line for line in usage if line.startswith("import")),
            *reads.imports,
            "",
            *reads.lines,
            *(line for line in usage if not line.startswith("import")),
            _print(dataset),
            "```",
        ]
    return lines


def _print(dataset: Dataset) -> str:
    """Return the line of Python that prints what a model says of an example."""
    names = list(dataset.class_names)
    if dataset.info.task == "classification":
        return f"print({names}[probabilities[0].argmax()])"
    said = "numbers" if dataset.info.task == "regression" else "probabilities"
    return f"print(dict(zip({names}, {said}[0].tolist())))"


def data_lines(dataset: Dataset, run: RunDirectory) -> list[str]:
    """Return what an export was trained and scored on."""
    by_class = distribution(dataset.train)
    return [
        f"- {dataset.name}, from {dataset.source}",
        f"- {len(dataset.train.y)} training examples ({by_class}), SHA-256 "
        f"{dataset.train.fingerprint()[:16]}",
        f"- {len(dataset.test.y)} test examples, held out from the search and the training",
        f"- scored on {run.manifest.folds} stratified folds of the training examples"
        + (", which split no group" if dataset.train.groups is not None else ""),
        *(f"- {note}" for note in dataset.notes),
    ]


def hyperparameter_lines(trial: TrialRecord) -> list[str]:
    """Return the hyperparameters of a trial as a table."""
    rows = [f"| {name} | {value} |" for name, value in trial.hyperparameters.items()]
    return ["| hyperparameter | value |", "|---|---|", *rows]


def _training(trial: TrialRecord, record: Mapping[str, Any]) -> list[str]:
    recipe = ", ".join(f"{name} {value}" for name, value in trial.recipe.shown().items())
    took = f": {record['epochs']} epochs, {record['steps']} steps (about as many as on a fold)"
    if not record["steps"]:
        took = " by the fit of its hypermodel"
    devices = f"{record['devices']} device{'s' if record['devices'] > 1 else ''}"
    return [
        f"- trained on all training examples{took}, in {record['seconds']:.1f} s on {devices}",
        f"- recipe: {recipe}",
    ]


def _limits(dataset: Dataset, record: Mapping[str, Any]) -> list[str]:
    lines = [f"- {limit}" for limit in limits(record)]
    if dataset.info.task != "regression":
        lines.append("- Its probabilities are not calibrated.")
    n, tests = len(dataset.train.y), record["test"]["n"]
    if n < SMALL:
        lines.append(f"- {n} training examples are few: another draw of them gives another model.")
    if 0 < tests < SMALL:
        lines.append(f"- {tests} test examples are few: mind the interval, not the single number.")
    return lines


def reproduction_lines(run: RunDirectory, trial: TrialRecord) -> list[str]:
    """Return how to make an export again."""
    return [
        f"`automl-sem export {run.path} --trial {trial.number} --force` trains it again with "
        f"seed {run.manifest.seed}. The run directory keeps the space (`space.py`), options and "
        "fingerprints (`run.json`) and all fold results. On the same versions and a CPU the "
        "weights are the same, elsewhere alike.",
    ]
