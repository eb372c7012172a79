"""Fold fits a minute: ours against the k-fold loop that people write with KerasTuner.

    python benchmarks/folds_vs_kerastuner.py [--quick] [--write]

Both train the same 24 candidates on the same folds of scikit-learn's digits: 5 folds, 10
epochs, batches of 64, the score is that of the last epoch. KerasTuner's random search draws the
candidates; ours is given them as a space's baseline and good starts, and is otherwise
the product as it is (`automl-sem search`). Nothing is discarded. Every search is a fresh
process under an outer clock; the sides alternate. About 25 minutes on 2 cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measure import (
    MIB,
    Spread,
    alternate,
    arguments,
    goal,
    mean_and_error,
    publish,
    table,
)
from sides import Side, automl_sem, draw_candidates, keras_tuner, write_digits, write_space

PEER, ONE, AUTO = "KerasTuner loop", "automl-sem, one worker", "automl-sem, workers auto"
GOALS = {ONE: 5.0, AUTO: 10.0}


def main() -> None:
    """Measure, print, and write if asked to."""
    options = arguments(__doc__, rounds=3).parse_args()
    count, folds, epochs, rounds = (3, 2, 2, 1) if options.quick else (24, 5, 10, options.rounds)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = write_digits(folder / "digits.npz")
        candidates = draw_candidates(data, folder / "drawn.json", count)
        space = write_space(folder / "candidates.py", candidates)

        def ours(number: int, workers: str) -> Side:
            side = automl_sem(
                space,
                data,
                folder / f"{workers}-{number}",
                trials=count,
                folds=folds,
                epochs=epochs,
                seed=number,
                workers=workers,
                discard="none",
            )
            return check_candidates(f"automl-sem, workers {workers}", side, candidates)

        def peer(number: int) -> Side:
            out = folder / f"peer-{number}.json"
            side = keras_tuner(data, out, trials=count, folds=folds, epochs=epochs, seed=number)
            return check_candidates(PEER, side, candidates)

        sides = alternate(
            {PEER: peer, ONE: lambda n: ours(n, "1"), AUTO: lambda n: ours(n, "auto")}, rounds
        )
    publish(describe(sides), figures(sides), options)


def check_candidates(name: str, side: Side, candidates: Sequence[dict]) -> Side:
    """Return a search, or raise a RuntimeError unless it tried just these candidates, all folds."""
    for number, (trial, values) in enumerate(zip(side.trials, candidates, strict=True)):
        same = {k: np.isclose(v, values[k], rtol=1e-9) for k, v in trial.values.items()}
        if not (trial.complete and same.keys() == values.keys() and all(same.values())):
            raise RuntimeError(f"{name}, trial {number}: {trial.values} instead of {values}")
    return side


def ratios(sides: dict[str, list[Side]], name: str) -> Spread:
    """Return how many times as many fold fits a minute as the peer in the same round."""
    pairs = zip(sides[name], sides[PEER], strict=True)
    return Spread.of([run.a_minute / peer.a_minute for run, peer in pairs])


def whole_ratio(sides: dict[str, list[Side]], name: str) -> float:
    """Return the same for the whole process: start-up, and the finalists and report of ours."""
    pairs = zip(sides[name], sides[PEER], strict=True)
    return Spread.of([peer.measured.seconds / run.measured.seconds for run, peer in pairs]).median


def differences(sides: dict[str, list[Side]], name: str, what: str) -> tuple[float, float]:
    """Return the mean difference of fold scores, ours minus theirs, with its standard error."""
    found = [
        ours - theirs
        for run, peer in zip(sides[name], sides[PEER], strict=True)
        for trial, other in zip(run.trials, peer.trials, strict=True)
        for ours, theirs in zip(getattr(trial, what), getattr(other, what), strict=True)
    ]
    return mean_and_error(found)


def describe(sides: dict[str, list[Side]]) -> str:
    """Return the result as Markdown."""
    speed, parts, scores = [], [], []
    for name, runs in sides.items():
        wanted = GOALS.get(name)
        ratio = ratios(sides, name)
        speed.append(
            {
                "": name,
                "fold fits a minute": Spread.of([run.a_minute for run in runs]).text(),
                "times KerasTuner": ratio.text(),
                "goal": f"{wanted:g}: {goal(ratio.median >= wanted)}" if wanted else "",
                "peak memory, MiB": Spread.of([r.measured.peak / MIB for r in runs]).text(0),
            }
        )
        parts.append(
            {
                "seconds": name,
                "start-up": Spread.of([run.startup for run in runs]).text(),
                "the candidates": Spread.of([run.training for run in runs]).text(),
                "after them": Spread.of([run.afterwards for run in runs]).text(),
                "whole process": Spread.of([run.measured.seconds for run in runs]).text(),
                "times faster": f"{whole_ratio(sides, name):.1f}",
            }
        )
        if name != PEER:
            loss, accuracy = (differences(sides, name, w) for w in ("log_losses", "accuracies"))
            scores.append(
                {
                    "ours minus theirs": name,
                    "log-loss": f"{loss[0]:+.4f} ± {loss[1]:.4f}",
                    "accuracy, points": f"{100 * accuracy[0]:+.2f} ± {100 * accuracy[1]:.2f}",
                }
            )
    fits, rounds = sides[PEER][0].fold_fits, len(sides[PEER])
    return (
        f"# Fold fits a minute\n\nMedian (range) over {rounds} rounds of {fits} fold fits each. "
        "The rate counts from the first fold fit to the last.\n\n"
        f"{table(speed)}\n\n"
        "Where the time of the process goes. After the candidates ours scores the best and the "
        "baseline again\non fresh folds and writes its report, which KerasTuner does not do.\n\n"
        f"{table(parts)}\n\n"
        f"Fold scores, paired over {fits * rounds} fold fits: mean ± standard error.\n\n"
        f"{table(scores)}\n\n"
        "Memory is the sum over the process tree; library pages that processes share count "
        "once for each."
    )


def figures(sides: dict[str, list[Side]]) -> dict:
    """Return the numbers for the chart."""
    return {
        "sides": {
            name: {
                "fold_fits_a_minute": [run.a_minute for run in runs],
                "times_keras_tuner": ratios(sides, name).median,
                "startup_s": [run.startup for run in runs],
                "training_s": [run.training for run in runs],
                "whole_s": [run.measured.seconds for run in runs],
                "peak_mib": [run.measured.peak / MIB for run in runs],
            }
            for name, runs in sides.items()
        }
    }


if __name__ == "__main__":
    main()
