"""One seed of `gan.py textbook`: a searched GAN against the textbook's of equal size and time.

    python benchmarks/gan_textbook.py --data digits --seed 0 --records DIR --minutes 4

A process of its own, so that it keeps to its share of the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gan import DATA, Record, record_file, write_record

from automl_sem.types import Bytes

TIMES = 3.0  # as long once more, to see whether the textbook's only needs more time
HALVES = 200  # draws of an interval
WITHIN = 0.1  # share by which the numbers of weights may differ


def main() -> None:
    """Search unless that is recorded, let the two learn, and record what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=DATA, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of the search; 0: two trials")
    parser.add_argument("--search-of", type=int, help="take the search of this seed")
    parser.add_argument("--cores", default="", help="numbers of the cores to use, 0,1,2")
    parser.add_argument("--gpu", action="store_true")
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, set(map(int, options.cores.split(","))))
    if not options.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    cores = len(os.sched_getaffinity(0))
    import gan_parts

    gan_parts.prepare(cores)
    of = options.seed if options.search_of is None else options.search_of
    file = record_file(options.records, "search", options.data, of)
    if not file.exists():
        write_record(options.records, "search", options.data, searched(options, of), of)
    search = json.loads(file.read_text(encoding="utf-8"))
    if search["minutes"] != options.minutes:
        raise SystemExit(f"{file} lasted {search['minutes']} minutes: remove it to search again")
    found = contest(options.data, options.seed, of, search, quick=options.minutes == 0)
    kept = {"seed": options.seed, "cores": cores, "search": search, **found}
    write_record(options.records, "textbook", options.data, kept, options.seed)


def searched(options: argparse.Namespace, seed: int) -> Record:
    """Return the winner of a search."""
    from gan_parts import SIZES

    from automl_sem import search

    limits: dict[str, Any] = {"time_limit": 60 * options.minutes}
    if options.minutes == 0:
        limits = {"trials": 2, "epochs": 1, "folds": 2, "workers": 0}
    size = {"size": SIZES[options.data]} if options.data in SIZES else {}

    def say(line: str) -> None:
        print(f"seed {seed}: {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        run = search("gan", data=options.data, seed=seed, out=out, say=say, **size, **limits)
        results, best = run.results, run.best
    return {
        "seed": seed,
        "minutes": options.minutes,
        "trial": best.trial.number,
        "trials": len(results.trials),
        "seconds": results.wall_s,
        "fresh_score": best.score,
        "hyperparameters": dict(best.trial.hyperparameters),
        "recipe": best.trial.recipe.to_dict(),
    }


def contest(data: str, seed: int, split: int, search: Record, quick: bool) -> Record:
    """Return what the two come to after equal time, and after some times as much.

    Args:
        data: Name of the dataset.
        seed: Of both trainings.
        split: Seed of the search, which says what the test part is.
        search: Its record.
        quick: Whether a few steps do.
    """
    import keras_tuner
    from gan_parts import PIECE, Ours, data_of, test_judge, textbook_of

    from automl_sem.gan_recipe import GanRecipe
    from automl_sem.search_spaces import gan as space

    dataset = data_of(data, split)
    judge = test_judge(dataset, seed)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(search["hyperparameters"])
    ours = Ours(
        lambda: space.build(hp, dataset.info),
        GanRecipe.from_dict(search["recipe"]),
        dataset,
        seed,
    )
    weights = ours.gan.count_params()
    width = width_of(weights, lambda each: textbook(dataset, each).count_params())
    theirs = Ours(lambda: textbook(dataset, width), textbook_of(dataset)[1], dataset, seed)
    sides = {"searched": ours, "textbook": theirs}
    for side in sides.values():
        side.trace()
    spent = dict.fromkeys(sides, 0.0)
    finite = dict.fromkeys(sides, True)

    def train(side: str) -> None:
        started = time.perf_counter()
        finite[side] &= sides[side].train(PIECE)
        spent[side] += time.perf_counter() - started

    marks = []
    first = PIECE if quick else ours.recipe.steps
    for times in (1.0, TIMES):
        while ours.steps < times * first:
            train("searched")
            while spent["textbook"] < spent["searched"]:
                train("textbook")
        drawn = {name: side.draw(judge.fakes) for name, side in sides.items()}
        marks.append(
            {
                "times": times,
                "seconds": spent["searched"],
                **compared(judge, drawn, finite),
            }
        )
        for name, side in sides.items():
            marks[-1][name]["steps"] = side.steps
            marks[-1][name]["seconds"] = spent[name]
    return {
        "searched_weights": weights,
        "textbook_weights": theirs.gan.count_params(),
        "textbook_width": width,
        "marks": marks,
    }


def textbook(dataset: Any, width: int) -> Any:
    """Return trial 0 of the space `gan`, as wide as wanted."""
    import keras_tuner

    from automl_sem.search_spaces import gan as space

    hp = keras_tuner.HyperParameters()
    hp.values = {**space.BASELINE, "width": width}
    return space.build(hp, dataset.info)


def width_of(weights: int, count: Callable[[int], int]) -> int:
    """Return the width with which a network has about so many weights.

    Args:
        weights: How many.
        count: Returns the number of weights at a width; a polynomial of second degree.

    Raises:
        SystemExit: If none comes near enough.
    """
    known = (16, 32, 64)
    polynomial = np.polyfit(known, [count(width) for width in known], 2)
    widths = np.arange(2, 257)
    nearest = int(widths[np.abs(np.polyval(polynomial, widths) - weights).argmin()])
    off = abs(count(nearest) / weights - 1)
    if off > WITHIN:
        raise SystemExit(f"the textbook's GAN has {100 * off:.0f} % more or less weights")
    return nearest


def compared(judge: Any, drawn: dict[str, Bytes], finite: dict[str, bool]) -> Record:
    """Return the distance of both sides and of one from the other, each with its interval.

    Random halves vary about as much as whole samples do (Shao and Wu 1989, A General Theory for
    Jackknife Variance Estimation); the halves of the held-out images are the same for both.
    """
    from automl_sem.scoring.gan.kid import kid

    held_out, deviation = judge.held_out, judge.floor.deviation
    seen = {side: judge.features(images) for side, images in drawn.items()}
    rng = np.random.default_rng(0)
    halves: dict[str, list[float]] = {side: [] for side in drawn}
    for _ in range(HALVES):
        theirs = held_out[half_of(len(held_out), rng)]
        for side, features in seen.items():
            if finite[side]:
                halves[side].append(kid(features[half_of(len(features), rng)], theirs))
    found: Record = {}
    for side, images in drawn.items():
        measures = judge.measures(images)
        whole = measures.score if finite[side] else None
        found[side] = around(whole, halves[side], deviation) | {
            name: getattr(measures, name)
            for name in ("coverage", "density", "two_sample", "copying")
        }
    ours, theirs = (found[side]["distance"] for side in ("searched", "textbook"))
    # Whoever diverged has lost; if both have, the searched one.
    found["better"] = ours is not None and (theirs is None or ours < theirs)
    if ours is None or theirs is None:
        found["difference"] = around(None, [], deviation)
    else:
        pairs = zip(halves["searched"], halves["textbook"], strict=True)
        found["difference"] = around(ours - theirs, [a - b for a, b in pairs], deviation)
    return found


def half_of(n: int, rng: np.random.Generator) -> Any:
    """Return half of n rows, drawn at random."""
    return rng.choice(n, n // 2, replace=False)


def around(whole: float | None, halves: Sequence[float], deviation: float) -> Record:
    """Return a distance with its 95 % interval, from distances of halves."""
    if whole is None:
        return {"distance": None, "low": None, "high": None}
    reach = 1.96 * float(np.std(halves, ddof=1)) / deviation
    return {"distance": whole, "low": whole - reach, "high": whole + reach}


if __name__ == "__main__":
    main()
