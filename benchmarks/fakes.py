"""Do images that a GAN draws help a classifier of digits, where there are 5, 10, 20 or 50 a class?

    python benchmarks/fakes.py [--quick] [--write] [--workers 16]

For each number of digits a class and each of five seeds, so many of scikit-learn's 8x8 digits are
drawn at random to train on, and all others are the test set. One classifier, a good start of the
space `digits`, is trained on them in four ways: as they are, with fakes of the built-in GAN (one
for each real digit, `--augment-with gan`), with ordinary augmentation, and with both. All four
take 400 steps. Then the rule of a search is asked, as it would be on fresh folds: five folds of the
training digits, a GAN inside each, fakes kept only if the 95 % interval of the paired gain in
log-loss lies above zero. It is right if it keeps what lowers the log-loss on the test set, and
drops what does not.

The unit of work is one GAN with its four classifiers, on one fold or on all training digits: six
for each of 20 cells. Each is recorded as it ends, so that an interrupted benchmark goes on where it
was (`--records FILE`); workers are processes with one thread each, on the processor.

About 2 hours of processor time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from measure import arguments, mean_and_error, measured_on, publish, setting_of, table

from automl_sem.scoring.metrics import fold_interval

RECORDS = Path(__file__).parent / "recorded" / "fakes.jsonl"
PER_CLASS, SEEDS, FOLDS = (5, 10, 20, 50), 5, 5
STEPS, QUICK_STEPS = 400, 20  # of a classifier
ALL = -1  # in place of a fold: all training digits, scored on the test set
PLAIN, FAKES, AUGMENTED, BOTH = "as they are", "fakes", "augmentation", "both"
PAIRS = ((PLAIN, FAKES), (AUGMENTED, BOTH))


@dataclass(frozen=True)
class Unit:
    """One GAN, and the four classifiers that go with it.

    Args:
        per_class: Digits of each class to train on.
        seed: Which ones, and all that is random.
        fold: That is held out, or `ALL`.
        quick: Whether tiny settings do.
    """

    per_class: int
    seed: int
    fold: int
    quick: bool = False


@dataclass(frozen=True)
class Done:
    """What a unit came to.

    Args:
        unit: Which it is.
        accuracy: Share of what was held out that is right, by the side.
        log_loss: Of what was held out, in nats, likewise.
        fakes: Fakes that the filter let pass.
        rejected: Those that it rejected.
        reason: Why there are none; empty if there are.
        gan_s: Seconds that the GAN and its filter took.
        seconds: Seconds of all.
    """

    unit: Unit
    accuracy: dict[str, float]
    log_loss: dict[str, float]
    fakes: int
    rejected: int
    reason: str
    gan_s: float
    seconds: float
    measured: Mapping[str, str]


def main() -> None:
    """Train what is not recorded yet, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--records", type=Path, default=RECORDS, help="default recorded/")
    parser.add_argument("--per-class", type=int, nargs="+", default=list(PER_CLASS))
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"default {SEEDS}")
    options = parser.parse_args()
    if options.quick:
        options.per_class, options.seeds = [5], 1
        options.records = Path(tempfile.mkdtemp()) / "fakes.jsonl"
    units = [
        Unit(n, seed, fold, options.quick)
        for n in sorted(options.per_class, reverse=True)  # what takes longest first
        for seed in range(options.seeds)
        for fold in (ALL, *range(FOLDS))
    ]
    done = work(units, options)
    setting = setting_of([one.measured for one in done], "python benchmarks/fakes.py")
    publish(described(done), figures(done), options, setting=setting)


def work(units: Sequence[Unit], options: Namespace) -> list[Done]:
    """Return what units came to, those that are recorded already among them."""
    known = {done.unit: done for done in read(options.records)}
    left = [unit for unit in units if unit not in known]
    options.records.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.workers, get_context("spawn"), begin) as pool:
        for number, ended in enumerate(as_completed([pool.submit(run, u) for u in left]), 1):
            done = ended.result()
            known[done.unit] = done
            record(options.records, done)
            said = f"{number}/{len(left)}: {done.unit}, {done.seconds:.0f} s"
            print(said, file=sys.stderr, flush=True)
    return [known[unit] for unit in units]


def record(path: Path, done: Done) -> None:
    """Add a line to the records, behind a torn one if that is the last."""
    torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + json.dumps(asdict(done)) + "\n")


def read(path: Path) -> list[Done]:
    """Return what is recorded; a torn last line counts as not there."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        found.append(Done(**{**values, "unit": Unit(**values["unit"])}))
    return found


def begin() -> None:
    """Set TensorFlow up as our workers do, on the processor and with one thread."""
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    from automl_sem.backend import use_tensorflow

    use_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def run(unit: Unit) -> Done:
    """Train the GAN of a unit and its four classifiers."""
    import keras

    from automl_sem.scoring.gan.fakes import Forgers
    from automl_sem.scoring.trainer import FoldTrainer
    from automl_sem.seeds import derive_seed
    from automl_sem.spaces.find import find_space
    from automl_sem.spaces.load import load_space

    began = time.perf_counter()
    keras.utils.clear_session()
    part, held_out = data_of(unit)
    info = info_of(unit, part)
    forgers = Forgers(part, unit.seed, design(info, unit.quick))
    fakes = forgers.of(held_out)
    gan_s = time.perf_counter() - began
    space = load_space(find_space("digits"))
    accuracy, log_loss = {}, {}
    none = replace(fakes, images=fakes.images[:0], labels=fakes.labels[:0], reason="not asked for")
    given = {PLAIN: none, FAKES: fakes, AUGMENTED: none, BOTH: fakes}
    for pair in PAIRS:  # which shares a graph
        values = {**space.good_starts[0], "augment": pair[0] == AUGMENTED}
        steps = QUICK_STEPS if unit.quick else STEPS
        recipe = replace(space.recipe_of(values, info), fakes=1.0, steps=steps)
        current = [none]
        trainer = FoldTrainer(
            lambda values=values: space.rebuild(values, info),
            recipe,
            part,
            derive_seed(unit.seed, "classifier"),
            fakes=lambda _, current=current: current[0],
        )
        for side in pair:
            current[0] = given[side]
            result = trainer.fit(max(unit.fold, 0), held_out)
            accuracy[side], log_loss[side] = result.accuracy, result.log_loss
        keras.utils.clear_session()
    return Done(
        unit=unit,
        accuracy=accuracy,
        log_loss=log_loss,
        fakes=len(fakes.labels),
        rejected=int(fakes.rejected.sum()),
        reason=fakes.reason,
        gan_s=round(gan_s, 1),
        seconds=round(time.perf_counter() - began, 1),
        measured=measured_on(),
    )


def data_of(unit: Unit) -> tuple[Any, np.ndarray]:
    """Return the digits of a unit, and the rows that are held out.

    Of a fold there are the training digits alone, else all, of which the test set is held out.
    """
    from automl_sem.data import load_dataset
    from automl_sem.data.split import stratified_folds

    digits = load_dataset("digits")
    x = np.concatenate([digits.train.x, digits.test.x])
    y = np.concatenate([digits.train.y, digits.test.y])
    rng = np.random.default_rng(unit.seed)
    order = rng.permutation(len(y))
    chosen = [order[y[order] == number][: unit.per_class] for number in range(10)]
    train = np.sort(np.concatenate(chosen))
    rows = np.arange(len(y)) if unit.fold == ALL else train
    part = replace(digits.train, x=x[rows], y=y[rows], names=tuple(map(str, rows)))
    if unit.fold == ALL:
        return part, np.setdiff1d(rows, train)
    return part, np.flatnonzero(stratified_folds(part.y, FOLDS, unit.seed) == unit.fold)


def info_of(unit: Unit, part: Any) -> Any:
    """Return what spaces are told of the data, as in a search: its examples are for training."""
    return replace(part.info, n_train=unit.per_class * part.info.classes)


def design(info: Any, quick: bool) -> Any:
    """Return the GAN that `--augment-with gan` takes."""
    from automl_sem.scoring.gan.fakes import Design
    from automl_sem.spaces.find import find_space
    from automl_sem.spaces.load import load_space

    space = load_space(find_space("gan"))
    values = space.good_starts[0]
    recipe = space.recipe_of(values, info)
    if quick:
        recipe = replace(recipe, steps=40)
    return Design(space.path, space.name, space.path.parent, values, recipe)


@dataclass(frozen=True)
class Decision:
    """What the rule says of fakes in one cell, and what comes of them.

    Args:
        kept: Whether it keeps them.
        helps: Whether they lower the log-loss on the test set.
        accuracy: On the test set, of what it chose.
    """

    kept: bool
    helps: bool
    accuracy: float


def decision(cell: Sequence[Done], without: str, having: str) -> Decision:
    """Return what the rule says of one cell, with ordinary augmentation or without."""
    test = next(done for done in cell if done.unit.fold == ALL)
    folds = [done for done in cell if done.unit.fold != ALL]
    gains = [done.log_loss[without] - done.log_loss[having] for done in folds]
    kept = fold_interval(gains, "gain").low > 0
    helps = test.log_loss[having] < test.log_loss[without]
    return Decision(kept, helps, test.accuracy[having if kept else without])


def cells(done: Sequence[Done]) -> dict[int, list[list[Done]]]:
    """Return the units of each cell, by the number of digits a class."""
    found: dict[int, dict[int, list[Done]]] = {}
    for each in done:
        of_seeds = found.setdefault(each.unit.per_class, {})
        of_seeds.setdefault(each.unit.seed, []).append(each)
    return {n: list(found[n].values()) for n in sorted(found)}


def described(done: Sequence[Done]) -> str:
    """Return the result as Markdown."""
    rows, rules, tests = [], [], 0
    for n, of_seeds in cells(done).items():
        test = [next(d for d in cell if d.unit.fold == ALL) for cell in of_seeds]
        tests = len(of_seeds)
        row = {"digits a class": str(n)}
        for side in (PLAIN, FAKES, AUGMENTED, BOTH):
            row[side] = percent([d.accuracy[side] for d in test])
        for without, having in PAIRS:
            gains = [d.accuracy[having] - d.accuracy[without] for d in test]
            row[f"gain of fakes, {without}" if without == PLAIN else f"on top of {without}"] = (
                points(gains)
            )
        rows.append(row)
        for without, having in PAIRS:
            decisions = [decision(cell, without, having) for cell in of_seeds]
            of_all = f"of {len(decisions)}"
            rules.append(
                {
                    "digits a class": str(n),
                    "without fakes": without,
                    "fakes help": f"{sum(d.helps for d in decisions)} {of_all}",
                    "the rule keeps them": f"{sum(d.kept for d in decisions)} {of_all}",
                    "it is right": f"{sum(d.kept == d.helps for d in decisions)} {of_all}",
                    "accuracy as it chose": percent([d.accuracy for d in decisions]),
                }
            )
    drawn, rejected = sum(d.fakes for d in done), sum(d.rejected for d in done)
    barren = sum(bool(d.reason) for d in done)
    seconds = np.median([d.gan_s for d in done])
    return (
        f"# Fake images\n\nTest accuracy in percent on all other digits, mean over {tests} "
        "choices of training digits with its standard error; gains are paired, in points.\n\n"
        f"{table(rows)}\n\nFakes help where they lower the log-loss on the test set. The rule "
        "sees the training digits alone: five folds, a GAN inside each.\n\n"
        f"{table(rules)}\n\nThe filter rejected {rejected:,} of {drawn + rejected:,} fakes, and "
        f"{barren} of {len(done)} GANs gave none. One with its filter took {seconds:.0f} s "
        "(median) on one thread."
    )


def percent(shares: Sequence[float]) -> str:
    """Return `81.2 ± 0.7`."""
    mean, error = mean_and_error([100 * share for share in shares])
    return f"{mean:.1f} \u00b1 {error:.1f}"


def points(gains: Sequence[float]) -> str:
    """Return `+0.3 ± 0.2`."""
    mean, error = mean_and_error([100 * gain for gain in gains])
    return f"{mean:+.1f} \u00b1 {error:.1f}"


def figures(done: Sequence[Done]) -> dict[str, Any]:
    """Return all that was measured."""
    return {"units": [asdict(each) for each in done]}


if __name__ == "__main__":
    main()
