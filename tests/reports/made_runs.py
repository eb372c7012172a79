"""Runs as a search leaves them, made in milliseconds: no model is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from automl_sem.data.channels import SeriesFacts, describe_channels
from automl_sem.data.dataset import Dataset, HeldOutPart, Inspection, TrainingPart
from automl_sem.goals import Goal
from automl_sem.manifest import Manifest
from automl_sem.objectives.choose import measures_of
from automl_sem.objectives.measure import measured
from automl_sem.results import Results, read_results
from automl_sem.run import RunDirectory
from automl_sem.scoring.measures import cross_entropies, spread_of, squared_errors
from automl_sem.scoring.metrics import accuracy, log_loss
from automl_sem.scoring.output_folds import OutputFold, OutputScore
from automl_sem.scoring.scores import score_of
from automl_sem.scoring.stress import SHARES
from automl_sem.types import CurvePoint, FoldResult, Recipe, Score, StressResult

FOLDS = 5
CLASSES = ("circle", "rectangle", "triangle")


@dataclass(frozen=True)
class Made:
    """A trial to put on record.

    `wrong` are the rows it gets wrong, in the search and on fresh folds; `sure` is the
    probability of what it says, by row where that differs; `discarded_after` is the number of
    folds after which it was dropped, 0 if it was not. In a run with stress, `stress_wrong` are the
    rows it gets wrong besides, by condition. `over` says how it breaks the limits: then it was
    never trained, unless it is the baseline. Of labels, those of the rows in `wrong` are turned
    round; numbers are missed by `off`, now above and now below. `own_loss` is that of a compiled
    model, in words.
    """

    wrong: Sequence[int] = ()
    sure: float = 0.9
    surer: Mapping[int, float] = field(default_factory=dict)
    state: str = "COMPLETE"
    reason: str = ""
    proposed_by: str = "model"
    rate: float = 0.01
    values: Mapping[str, object] = field(default_factory=dict)
    parameters: int = 1000
    seconds: float = 0.5  # of a fold fit
    fresh_wrong: Sequence[int] | None = None
    discarded_after: int = 0
    stress_wrong: Mapping[str, Sequence[int]] = field(default_factory=dict)
    over: str = ""
    off: float = 0.0
    own_loss: str = ""


def make_dataset(
    n: int = 45, class_names: Sequence[str] = CLASSES, names: Sequence[str] | None = None
) -> Dataset:
    rng = np.random.default_rng(0)
    y = np.arange(n) % len(class_names)
    x = rng.integers(0, 256, (n, 8, 8, 1)).astype(np.uint8)
    names = tuple(names or (f"drawing {i}.png" for i in range(n)))
    train = TrainingPart(x, y.astype(np.int64), names, tuple(class_names))
    return Dataset("made", "shapes", train, HeldOutPart(x[:9], train.y[:9], names[:9]))


def make_outputs(task: str, n: int = 45, outputs: int = 1) -> Dataset:
    """Return images with numbers around 10,000, or with labels, of which rows have some."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, 8, 8, 1)).astype(np.uint8)
    y = (10_000 + 500 * rng.normal(size=(n, outputs))).astype(np.float32)
    if task == "multi-label":
        y = ((np.arange(n)[:, None] + np.arange(outputs)) % 3 > 0).astype(np.int64)
    names = tuple(f"drawing {i}.png" for i in range(n))
    train = TrainingPart(x, y, names, tuple(f"output {i}" for i in range(outputs)), task=task)
    return Dataset("made", "shapes", train, HeldOutPart(x[:9], y[:9], names[:9]))


def make_clips(n: int = 45, frames: int = 8, side: int = 12, channels: int = 1) -> Dataset:
    """Return clips of a bright square that moves to the right, down or not at all."""
    y = np.arange(n) % 3
    x = np.full((n, frames, side, side, channels), 20, np.uint8)
    for row in range(n):
        for frame in range(frames):
            step = frame * (side - 4) // max(1, frames - 1)
            top, left = (2, step) if y[row] == 0 else (step, 2) if y[row] == 1 else (4, 4)
            x[row, frame, top : top + 4, left : left + 4] = 200 + row
    names = tuple(f"clip {i}.gif" for i in range(n))
    train = TrainingPart(x, y.astype(np.int64), names, ("right", "down", "still"), "clips")
    return Dataset("made", "motion", train, HeldOutPart(x[:9], train.y[:9], names[:9]))


def make_series(n: int = 45, steps: int = 30, channels: Sequence[str] = ("x", "y")) -> Dataset:
    """Return waves of three paces; every second one has two thirds of the steps.

    Channel number i holds values around 10 ** i.
    """
    y = np.arange(n) % 3
    time = np.arange(steps)[:, None]
    rng = np.random.default_rng(0)
    x = np.empty((n, steps, len(channels)), np.float32)
    for row in range(n):
        phase = np.arange(len(channels)) + rng.random()
        wave = np.sin(time / steps * 6 * (1 + y[row]) + phase) + rng.normal(0, 0.1, x.shape[1:])
        x[row] = (wave + 1) * 10.0 ** np.arange(len(channels))
        if row % 2:
            x[row, steps * 2 // 3 :] = np.nan
    names = tuple(f"recording {i}" for i in range(n))
    train = TrainingPart(x, y.astype(np.int64), names, ("slow", "middle", "fast"), "series")
    lengths = (~np.isnan(x[..., 0])).sum(axis=1)
    facts = SeriesFacts(lengths, lengths[:9], describe_channels(list(x), channels), 0)
    seen = Inspection(np.array([x.shape[1:]], np.int64), series=facts)
    held_out = HeldOutPart(x[:9], train.y[:9], names[:9])
    return Dataset("made", "recordings.npz", train, held_out, inspection=seen)


def make_run(
    path: Path,
    trials: Sequence[Made],
    dataset: Dataset,
    *,
    fresh: Sequence[int] = (),
    finished: bool = True,
    asked: int | None = None,
    **manifest: object,
) -> RunDirectory:
    """Return a run; `fresh` are the trials that have scores on fresh folds.

    With `stress={kind: strength}` folds are scored under stress as well.
    """
    n = len(dataset.train.y)
    splits = {
        "search": np.arange(n) // len(dataset.class_names) % FOLDS,
        "fresh": np.arange(n)[::-1] // len(dataset.class_names) % FOLDS,
    }
    data = {
        "name": dataset.name,
        "kind": dataset.info.kind,
        "source": dataset.source,
        "in_run": False,
        "options": {},
        "train_examples": n,
        "test_examples": len(dataset.test.y),
        "input_shape": list(dataset.info.input_shape),
        "class_names": list(dataset.class_names),
        "task": dataset.info.task,
        "train_sha256": dataset.train.fingerprint(),
        "test_sha256": dataset.test.fingerprint(),
    }
    values: dict[str, object] = {
        "created": "2026-11-23T14:12:00+00:00",
        "seed": 3,
        "folds": FOLDS,
        "trials": asked or max(1, len(trials)),
        "space": {"name": "mine", "origin": "/home/me/mine.py", "sha256": "ab12"},
        "data": data,
        "notes": ["images resized to 8x8"] if dataset.info.kind == "images" else [],
        "versions": {"python": "3.11.9", "keras": "3.15.1"},
        "discard": "forgiving",
        "machine": {"system": "Linux", "cores": 2, "gpus": []},
    }
    run = RunDirectory.create(path, Manifest(**{**values, **manifest}), "# space\n", splits)
    with run.lock():
        study = run.open_study() if trials else None
        for number, made in enumerate(trials):
            trained = made.state == "COMPLETE" or made.discarded_after
            trained = trained and not (made.over and number)
            results = _fit(run, made, dataset, "search") if trained else []
            results = results[: made.discarded_after or FOLDS]
            for result in results:
                run.write_fold(number, result)
            study.add_trial(_frozen(made, number, results, run.manifest))
            if number in fresh:
                for result in _fit(run, made, dataset, "fresh"):
                    run.write_fold(number, result, "fresh")
    session = {"trials": len(trials), "time_limit_s": None, "wall_s": 95.0, "finished": finished}
    run.write_json("session.json", session)
    return run


def results_of(*args, **kwargs) -> Results:
    return read_results(make_run(*args, **kwargs))


def _fit_outputs(run: RunDirectory, made: Made, dataset: Dataset, stage: str) -> list[OutputFold]:
    y, task = dataset.train.y, dataset.info.task
    rows_wrong = made.wrong if stage == "search" or made.fresh_wrong is None else made.fresh_wrong
    wrong = np.isin(np.arange(len(y)), rows_wrong)[:, None]
    if task == "regression":
        said = y + made.off * (-1.0) ** np.arange(len(y))[:, None]
    else:
        said = np.where((y > 0) != wrong, made.sure, 1 - made.sure)
    folds = []
    for fold in range(FOLDS):
        rows = np.flatnonzero(run.splits(stage) == fold)
        p = said[rows].astype(np.float32)
        loss = cross_entropies(y[rows], p)
        if task == "regression":
            loss = squared_errors(y[rows], p, spread_of(y))
        curve = (CurvePoint(1, 1.2, 1.1, 0.4), CurvePoint(2, 0.5, loss, 0.5))
        result = OutputFold(fold, rows, task, y[rows], p, loss, curve, made.seconds)
        measures = measures_of(run.manifest.objectives, run.path, {})
        folds.append(measured(result, measures, y) if measures else result)
    return folds


def _fit(run: RunDirectory, made: Made, dataset: Dataset, stage: str) -> list[FoldResult]:
    if dataset.info.task != "classification":
        return _fit_outputs(run, made, dataset, stage)
    y, classes = dataset.train.y, len(dataset.class_names)
    wrong = made.wrong if stage == "search" or made.fresh_wrong is None else made.fresh_wrong
    said = np.array([(c + (i in wrong)) % classes for i, c in enumerate(y)])
    sure = np.array([made.surer.get(i, made.sure) for i in range(len(y))])
    probabilities = np.repeat((1 - sure) / (classes - 1), classes).reshape(-1, classes)
    probabilities[np.arange(len(y)), said] = sure
    folds = []
    for fold in range(FOLDS):
        rows = np.flatnonzero(run.splits(stage) == fold)
        p, labels = probabilities[rows].astype(np.float32), y[rows]
        loss, share = log_loss(labels, p), accuracy(labels, p)
        curve = (CurvePoint(1, 1.2, 1.1, 0.4), CurvePoint(2, 0.5, loss, share))
        stress = _stressed(run, made, probabilities, rows, y)
        result = FoldResult(fold, rows, p, loss, share, curve, made.seconds, stress)
        measures = measures_of(run.manifest.objectives, run.path, {})
        folds.append(measured(result, measures, y) if measures else result)
    return folds


def _stressed(
    run: RunDirectory, made: Made, probabilities: np.ndarray, rows: np.ndarray, y: np.ndarray
) -> StressResult | None:
    """Return a result of one copy in each condition: as without distortion, but `stress_wrong`."""
    asked = run.manifest.stress
    if not asked:
        return None
    names = [f"{kind} {share * most:g}" for kind, most in asked.items() for share in SHARES]
    scored = [True] * len(names) + [False, False]
    series = run.manifest.kind == "series"
    names += ["drift 0.5", "smoothing 0.1"] if series else ["perspective 0.3", "blur 1"]
    labels = y[rows]
    guesses = np.repeat(probabilities[rows].argmax(axis=1)[None], len(names), axis=0)
    for number, name in enumerate(names):
        wrong = np.isin(rows, made.stress_wrong.get(name, ()))
        guesses[number, wrong] = (labels[wrong] + 1) % probabilities.shape[1]
    right, other = made.sure, (1 - made.sure) / (probabilities.shape[1] - 1)
    true = np.where(guesses == labels, right, other).astype(np.float32)
    return StressResult(tuple(names), tuple(scored), rows, labels, true[:, None], guesses[:, None])


def _frozen(
    made: Made, number: int, results: list[FoldResult], manifest: Manifest
) -> optuna.trial.FrozenTrial:
    attrs: dict[str, object] = {
        "proposed_by": "baseline" if number == 0 else made.proposed_by,
        "hyperparameters": {"rate": made.rate, "residual": True, **made.values},
        "recipe": Recipe(learning_rate=made.rate, own_loss=made.own_loss).to_dict(),
        "parameters": made.parameters,
    }
    goals = manifest.goals
    if len(goals) > 1 or manifest.limits:
        attrs["costs"] = {"params": made.parameters}
    means = np.array([f.objective for f in results]).cumsum() / np.arange(1, 1 + len(results))
    state, reason = made.state, made.reason
    if results and isinstance(results[0], OutputFold):
        attrs["score"] = OutputScore(tuple(results)).record()
    elif results:
        hits = sum(f.accuracy * len(f.indices) for f in results)
        attrs["score"] = {
            "fold_scores": [f.objective for f in results],
            "log_loss": float(np.mean([f.log_loss for f in results])),
            "stress_accuracy": Score(tuple(results)).stress_accuracy,
            "fold_accuracies": [f.accuracy for f in results],
            "accuracy": hits / sum(len(f.indices) for f in results),
            "seconds": sum(f.seconds for f in results),
            "measured": Score(tuple(results)).record().get("measured", {}),
        }
    if results and not attrs["score"].get("measured", True):
        del attrs["score"]["measured"]
    if made.discarded_after:  # Optuna takes the last value reported as that of a pruned trial
        attrs["status"], state = "discarded", "PRUNED"
        mean = f"mean {means[-1]:.3g}"
        worse = "is worse than the best trial's worst fold 0.34"
        reason = f"after {len(results)} of {FOLDS} folds: {mean} {worse}"
    if made.over and number:
        attrs["status"], state, reason = "infeasible", "PRUNED", made.over
    elif made.over:
        attrs["over_limits"] = made.over
    if reason:
        attrs["reason"] = reason
    shown = {step: goals[0].turned(mean) for step, mean in enumerate(means.tolist())}
    return create_trial(
        state=TrialState[state],
        values=_values(made, results, goals) if results and state == "COMPLETE" else None,
        intermediate_values=shown if made.discarded_after else {},
        params={"rate": made.rate},
        distributions={"rate": FloatDistribution(1e-4, 1.0, log=True)},
        user_attrs=attrs,
    )


def _values(made: Made, results: list[FoldResult], goals: Sequence[Goal]) -> list[float]:
    score = score_of(results)
    metrics = iter([m.value for m in score.measured])
    if len(goals) == 1:
        return [goals[0].turned(score.objective)]
    return [float(made.parameters) if goal.cost else next(metrics) for goal in goals]


class Page(HTMLParser):
    """A page taken apart: its elements with attributes, its text, its scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.styles: list[str] = []
        self.sections: dict[str, str] = {}
        self._open = ""
        self._section = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        self._open = tag
        if tag == "section":
            self._section = attributes["id"]
        if tag == "script":
            self.scripts.append((attributes, ""))

    def handle_endtag(self, tag):
        self._open = ""
        if tag == "section":
            self._section = ""

    def handle_data(self, data):
        if self._open == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._open == "style":
            self.styles.append(data)
        elif data.strip():
            self.texts.append(data.strip())
            before = self.sections.get(self._section, "")
            self.sections[self._section] = f"{before} {' '.join(data.split())}".strip()

    @property
    def text(self) -> str:
        """All text, with plain spaces."""
        return " ".join(" ".join(self.texts).split())

    def find(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        wanted = attributes.items()
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted)]
