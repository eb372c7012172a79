"""Accuracy on small image data against wall clock and memory: ours, AutoKeras, plain KerasTuner.

    python benchmarks/images.py [--quick] [--write] [--rounds N] [--data DIR] [--limit SECONDS]

The data: scikit-learn's digits, 1,438 to train on and 359 to test on, and 45 drawings with 15 to
test on and 60 more by other hands (`hard_drawings.py`). `--data` takes a folder of circles,
rectangles and triangles instead of the built-in ones, and keeps its result apart:
`results/images-DIR.md`.

- automl-sem: `search` and `export --best` with the defaults, two processes, their times added;
  "short" is the same with two trials, the textbook CNN and the space's first good start.
- AutoKeras's ImageClassifier (`autokeras_side.py`): on drawings with 5 trials and 30 epochs, on
  digits with 3 trials and 10 epochs. It needs an older TensorFlow: this script makes it an
  environment of its own, once, in `--autokeras-venv`.
- A plain KerasTuner search (`kerastuner_images.py`) with as many trials as ours.

All get the same examples. The clock is that of whole processes, imports and predictions included;
the sides alternate. A search that has not ended after `--limit` seconds is interrupted, and told
with the best that it had by then. The goals, for each data and both of ours: a tidy accuracy no
lower than the better peer's by more than its standard error; more drawings by other hands right; a
tenth of AutoKeras's time and a quarter of its memory. Some 50 minutes a round on 2 cores.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from environments import caches, python_with, versions_in
from exported import GRACE, check_classes, export, right, search, write_drawings
from hard_drawings import hard_drawings
from measure import MIB, Measured, Spread, alternate, arguments, goal, publish, run_measured, table

from automl_sem import load_run
from automl_sem.config import DEFAULT_TRIALS
from automl_sem.data import builtin
from automl_sem.data.load import load_dataset

HERE = Path(__file__).parent
OURS, SHORT = "automl-sem", "automl-sem, short"
AUTOKERAS, KERASTUNER = "AutoKeras", "KerasTuner"
TIMES, SHARE = 10, 4  # goals: AutoKeras takes so many times as long, and so many times the memory
PACKAGES = ("autokeras==3.0.0", "tensorflow==2.20.*", "keras==3.12.*")
COUNT = 60  # drawings by other hands


@dataclass(frozen=True)
class Task:
    """Data, and how each side searches on it.

    Args:
        name: For people.
        words: What `automl-sem search` is told to search.
        trials: Trials of each side.
        epochs: Epochs of the peers; ours has its recipes.
        hard: Whether there are drawings by other hands.
    """

    name: str
    words: Sequence[str]
    trials: Mapping[str, int]
    epochs: Mapping[str, int]
    hard: bool

    @property
    def source(self) -> str:
        """What `load_dataset` takes."""
        return self.words[1] if self.words[0] == "--data" else self.words[0]


@dataclass(frozen=True)
class Outcome:
    """What one side came to.

    Args:
        seconds: Wall clock of its processes.
        peak_mib: Most memory of all its processes at a time, MiB.
        ended: Whether it ended by itself within the limit.
        trials: Trials that it tried, of ours those too that were discarded.
        failed: Trials that failed.
        tidy: Share of the test part that is right, or None if there is no model.
        hard: How many drawings by other hands are right, or None.
        tested_on: Size of the test part.
        why: Why there is no model; empty when there is one.
    """

    seconds: float
    peak_mib: float
    ended: bool
    trials: int
    failed: int
    tidy: float | None
    hard: int | None
    tested_on: int
    why: str = ""


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__, rounds=1)
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: the built-in shapes")
    parser.add_argument("--only", choices=("drawings", "digits"), help="default: both")
    parser.add_argument("--limit", type=float, default=1200, help="seconds a side, default 1200")
    parser.add_argument(
        "--autokeras-venv", type=Path, metavar="DIR", default=caches() / "autokeras-3.0.0"
    )
    parser.add_argument("--without-autokeras", action="store_true", help="leave that side out")
    options = parser.parse_args()
    if importlib.util.find_spec("tensorboard") is None:
        raise SystemExit("KerasTuner needs tensorboard: pip install -e '.[bench]'")
    tasks = [t for t in tasks_of(options.data, options.quick) if options.only in (None, t.name)]
    python = None if options.without_autokeras else autokeras_python(options.autokeras_venv)
    rounds = 1 if options.quick else options.rounds
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for task in tasks:
            folder = Path(scratch) / task.name
            folder.mkdir()
            found[task.name] = compare(task, folder, python, rounds, options)
    versions = versions_in(python, ("autokeras", "tensorflow", "keras")) if python else ""
    variant = options.data.name if options.data else ""
    figures = {
        "autokeras": versions,
        "limit": options.limit,
        "data": {
            name: {side: [asdict(one) for one in runs] for side, runs in sides.items()}
            for name, sides in found.items()
        },
    }
    publish(describe(tasks, found, options.limit, versions), figures, options, variant)


def tasks_of(data: Path | None, quick: bool) -> list[Task]:
    """Return drawings and digits, with tiny settings if it is to be quick."""
    words = ["--data", str(data.resolve()), "--space", "shapes"] if data else ["shapes"]
    # As many epochs as its early stopping may want.
    drawings = Task(
        "drawings",
        words,
        {OURS: DEFAULT_TRIALS, SHORT: 2, AUTOKERAS: 5, KERASTUNER: DEFAULT_TRIALS},
        {AUTOKERAS: 30, KERASTUNER: 100},
        hard=True,
    )
    digits = Task(
        "digits",
        ["digits"],
        {OURS: DEFAULT_TRIALS, SHORT: 2, AUTOKERAS: 3, KERASTUNER: DEFAULT_TRIALS},
        {AUTOKERAS: 10, KERASTUNER: 30},
        hard=False,
    )
    if not quick:
        return [drawings, digits]
    few, one = {OURS: 2, SHORT: 1, AUTOKERAS: 1, KERASTUNER: 2}, {AUTOKERAS: 1, KERASTUNER: 1}
    return [Task(t.name, t.words, few, one, t.hard) for t in (drawings, digits)]


def compare(
    task: Task, folder: Path, python: Path | None, rounds: int, options: Any
) -> dict[str, list[Outcome]]:
    """Return what every side comes to, by round, which is the seed."""
    quick = {"folds": 2, "epochs": 1} if options.quick else {}

    def ours(side: str) -> Callable[[int], Outcome]:
        setting = {"trials": task.trials[side], **quick}
        return lambda seed: search_ours(task, folder / side, seed, options.limit, setting)

    def peer(interpreter: str | Path, side: str) -> Callable[[int], Outcome]:
        return lambda seed: search_peer(interpreter, side, task, folder, seed, options.limit)

    actions = {OURS: ours(OURS), SHORT: ours(SHORT), KERASTUNER: peer(sys.executable, KERASTUNER)}
    if python is not None:
        actions[AUTOKERAS] = peer(python, AUTOKERAS)
    return alternate({name: survivor(task, action) for name, action in actions.items()}, rounds)


def survivor(task: Task, action: Callable[[int], Outcome]) -> Callable[[int], Outcome]:
    """Return the action with a failure as its outcome: the other sides still count."""

    def run(seed: int) -> Outcome:
        began = time.perf_counter()
        try:
            return action(seed)
        except RuntimeError as error:
            print(f"{task.name}: {error}", file=sys.stderr, flush=True)
            why = str(error).strip().splitlines()[-1][:120]
            return Outcome(time.perf_counter() - began, 0, False, 0, 0, None, None, 0, why)

    return run


def search_ours(
    task: Task, folder: Path, seed: int, limit: float, setting: Mapping[str, int]
) -> Outcome:
    """Search and export with the command line, and count what the export gets right."""
    folder.mkdir(exist_ok=True)
    run = folder / f"run-{seed}"
    started = time.monotonic()
    searched = search(
        task.words, run, {"seed": seed, **setting}, lambda: time.monotonic() - started > limit
    )
    exporting, result = export(run)
    hard = None
    if task.hard:
        hard = right(result.path, write_drawings(folder / f"drawings-{seed}", COUNT, seed))
    return Outcome(
        seconds=searched.seconds + exporting.seconds,
        peak_mib=max(searched.peak, exporting.peak) / MIB,
        ended=not searched.stopped,
        trials=len(load_run(run).results.trials),
        failed=0,
        tidy=result.test.accuracy,
        hard=hard,
        tested_on=result.test.n,
    )


def search_peer(
    interpreter: str | Path, side: str, task: Task, folder: Path, seed: int, limit: float
) -> Outcome:
    """Run a peer's script on the same examples, and count what its predictions get right."""
    data = folder / f"{seed}.npz"
    labels = write_examples(task, data, seed)
    out = folder / f"{side}-{seed}.json"
    script = {AUTOKERAS: "autokeras_side.py", KERASTUNER: "kerastuner_images.py"}[side]
    words = {"trials": task.trials[side], "epochs": task.epochs[side], "seed": seed}
    flags = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    started = time.monotonic()
    measured = run_measured(
        [str(interpreter), str(HERE / script), str(data), str(out), *flags],
        until=lambda: time.monotonic() - started > limit,
        grace=GRACE,
    )
    return outcome(measured, read(out), labels)


def write_examples(task: Task, path: Path, seed: int) -> dict[str, np.ndarray]:
    """Write the examples that ours gets with this seed; return the labels of what is predicted."""
    dataset = load_dataset(task.source, seed=seed)
    x = {"train": dataset.train.x, "test": dataset.test.x}
    y = {"train": dataset.train.y, "test": dataset.test.y}
    if task.hard:
        check_classes(dataset.class_names)
        drawings, shapes = hard_drawings(COUNT, seed)
        if x["train"].shape[1:] != drawings.shape[1:]:
            raise SystemExit(f"the drawings must be {drawings.shape[1:]}, not {x['train'].shape}")
        numbers = [dataset.class_names.index(shape) for shape in builtin.SHAPES]
        x["hard"], y["hard"] = drawings, np.array(numbers)[shapes]
    arrays = {f"x_{part}": values for part, values in x.items()}
    np.savez(path, **arrays, y_train=y["train"])
    return {part: values for part, values in y.items() if part != "train"}


def read(path: Path) -> dict[str, Any]:
    """Return what a peer wrote; nothing if it was killed."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def outcome(
    measured: Measured, said: Mapping[str, Any], labels: Mapping[str, np.ndarray]
) -> Outcome:
    """Return what a peer came to.

    Args:
        measured: Its process.
        said: What it wrote: trials, and the class numbers it predicted of each part.
        labels: The true ones.
    """
    hits = {
        part: int((np.array(said[part]) == y).sum()) for part, y in labels.items() if part in said
    }
    tested_on = len(labels["test"])
    return Outcome(
        seconds=measured.seconds,
        peak_mib=measured.peak / MIB,
        ended=not measured.stopped,
        trials=said.get("trials", 0),
        failed=said.get("failed", 0),
        tidy=hits["test"] / tested_on if "test" in hits else None,
        hard=hits.get("hard"),
        tested_on=tested_on,
        why="" if "test" in hits else "no trial was complete",
    )


def describe(
    tasks: Sequence[Task],
    found: Mapping[str, Mapping[str, Sequence[Outcome]]],
    limit: float,
    versions: str,
) -> str:
    """Return the result as Markdown."""
    rows, verdicts = [], []
    for task in tasks:
        sides = found[task.name]
        for side, runs in sides.items():
            rows.append(row(task, side, runs, limit))
        verdicts.append(verdict(task, sides))
    count = len(next(iter(found[tasks[0].name].values())))
    plural = "rounds" if count > 1 else "round"
    autokeras = (
        f"\nAutoKeras ran with {versions}; a failed trial of it may be one that wants to "
        "download weights."
    )
    return (
        f"# Small image data\n\nMedian (range) over {count} {plural}. The clock is that of whole "
        "processes, imports, final training and predictions included.\n\n"
        f"{table(rows)}\n\n"
        + "\n".join(verdicts)
        + "\n\nA trial of ours is scored on 5 folds, one of the peers' on one split. Ours has a "
        "space for drawings,\nwhich says that a turned or stretched one stays what it is; the "
        f"peers are not told.{autokeras if versions else ''}\nMemory is the sum over "
        "the process tree; library pages that processes share count once for each."
    )


def row(task: Task, side: str, runs: Sequence[Outcome], limit: float) -> dict[str, str]:
    """Return the row of a side on some data."""
    epochs = f", {task.epochs[side]} epochs" if side in task.epochs else ""
    late = sum(not run.ended and not run.why for run in runs)
    time_taken = Spread.of([run.seconds for run in runs]).text(0)
    if late:
        times = f", {late} of {len(runs)} times" if len(runs) > 1 else ""
        time_taken = f"not ended after {limit:.0f}{times}"
    done = " ".join(f"{run.trials}" + f" ({run.failed} failed)" * bool(run.failed) for run in runs)
    lacking = next((run.why for run in runs if run.tidy is None), "")
    tidy = [100 * run.tidy for run in runs if run.tidy is not None]
    hard = [run.hard for run in runs if run.hard is not None]
    return {
        "data": task.name,
        "side": side,
        "setting": f"{task.trials[side]} trials{epochs}",
        "trials done": done,
        "seconds": time_taken,
        "peak memory, MiB": Spread.of([run.peak_mib for run in runs]).text(0),
        "tidy test accuracy, %": Spread.of(tidy).text(1) if tidy else f"none: {lacking}",
        f"of {COUNT} by other hands": Spread.of(hard).text(0) if hard else "",
    }


def verdict(task: Task, sides: Mapping[str, Sequence[Outcome]]) -> str:
    """Return how the goals stand on some data, by the medians."""
    tidy = {side: middle([run.tidy for run in runs]) for side, runs in sides.items()}
    hard = {side: middle([run.hard for run in runs]) for side, runs in sides.items()}
    tested_on = max(run.tested_on for runs in sides.values() for run in runs)
    peer = max(value for side, value in tidy.items() if side not in (OURS, SHORT))
    error = (peer * (1 - peer) / tested_on) ** 0.5
    lines = []
    for side in (OURS, SHORT):
        goals = {"tidy accuracy": goal(tidy[side] >= peer - error)}
        if task.hard:
            best = max(value for name, value in hard.items() if name not in (OURS, SHORT))
            goals["drawings by other hands"] = goal(hard[side] > best)
        if AUTOKERAS in sides:
            goals |= against_autokeras(sides[side], sides[AUTOKERAS])
        lines.append(
            f"- {task.name}, {side}: " + ", ".join(f"{name}: {met}" for name, met in goals.items())
        )
    return "\n".join(lines)


def against_autokeras(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> dict[str, str]:
    """Return how many times our time and memory AutoKeras takes, and whether that is the goal.

    A side that failed in a round has no time and no memory there.
    """
    whole = [[run for run in runs if not run.why] for runs in (ours, theirs)]
    if not all(whole):
        return {"against AutoKeras": "no result, since a side failed"}
    mine, peer = whole
    at_least = "" if all(run.ended for run in peer) else "at least "
    time_ratio = middle([r.seconds for r in peer]) / middle([r.seconds for r in mine])
    memory_ratio = middle([r.peak_mib for r in peer]) / middle([r.peak_mib for r in mine])
    return {
        f"AutoKeras takes {at_least}{time_ratio:.1f} times as long": (
            f"{goal(time_ratio >= TIMES)} ({TIMES})"
        ),
        f"{memory_ratio:.1f} times the memory": f"{goal(memory_ratio >= SHARE)} ({SHARE})",
    }


def middle(values: Sequence[float | None]) -> float:
    """Return the median of what is there, 0 if nothing is."""
    there = [value for value in values if value is not None]
    return Spread.of(there).median if there else 0.0


def autokeras_python(folder: Path) -> Path:
    """Return the Python of AutoKeras's environment, which is made if it is not there."""
    try:
        return python_with(PACKAGES, folder)
    except RuntimeError as error:
        raise SystemExit(f"{error}; --without-autokeras leaves that side out") from None


if __name__ == "__main__":
    main()
