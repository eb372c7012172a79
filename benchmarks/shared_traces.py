"""Would it pay to share a traced graph among candidates that differ in a few numbers alone?

    python benchmarks/shared_traces.py [--quick] [--write]

Learning rate, weight decay and dropout rate could live in variables; a candidate whose graph
is otherwise that of an earlier one would then need no trace. The claim: in a search of 50
trials that saves less than 15 % of the time, so it is not built. The peer is the search as it
is. TPE searches the built-in space, once on `shapes` and once on `digits`, on real scores of
two folds and two epochs. What a whole search takes follows from these times and the
epochs that each candidate asked for; the sampler's time and the start of the processes are left
out, and no graph is ever dropped, all in favour of sharing. Ten minutes on 2 cores.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from measure import Spread, arguments, goal, publish, table

from automl_sem.backend import use_tensorflow
from automl_sem.types import Candidate, FoldResult, Outcome, Recipe, Score

if TYPE_CHECKING:
    from automl_sem.data.dataset import TrainingPart
    from automl_sem.spaces.space import Space

DATASETS = ("shapes", "digits")
FOLDS, EPOCHS = 5, 2
THRESHOLD = 0.15
IN_VARIABLES = ("rate", "seed")  # of a dropout layer
DISCARDING = 5 / 2.6  # folds of a candidate when hopeless ones are discarded, see discard.py


@dataclass
class Trial:
    """What one candidate needs."""

    key: str  # what shapes its graph, but for the batch size
    batch_size: int
    epochs: int  # as the space chose them
    trace: float  # seconds to build and trace it
    reset: float  # seconds to begin a fold
    epoch: float  # seconds of an epoch

    def seconds(self, folds: float) -> float:
        """Return the time of the whole candidate in a real search."""
        return self.trace + folds * (self.reset + self.epochs * self.epoch)


def graph_key(model: Any, recipe: Recipe) -> str:
    """Return what shapes a graph; equal models name their layers alike in a fresh session."""
    named = (recipe.optimizer, recipe.schedule, recipe.augment, recipe.class_weight)
    switches = (recipe.clip_norm > 0, recipe.weight_decay > 0)
    return json.dumps([without_numbers(model.get_config()), *named, *switches], default=str)


def without_numbers(config: Any) -> Any:
    """Return a model's configuration without what could live in variables, and without seeds."""
    if isinstance(config, list | tuple):
        return [without_numbers(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {k: without_numbers(v) for k, v in config.items() if k not in IN_VARIABLES}


def train(
    candidate: Candidate, space: Space, part: TrainingPart, folds: np.ndarray
) -> tuple[Trial, list[FoldResult]]:
    """Train two folds of a candidate for a few epochs; return its times and scores."""
    import keras

    from automl_sem.scoring.trainer import FoldTrainer

    keras.utils.clear_session()
    gc.collect()
    recipe = candidate.recipe
    key = graph_key(space.rebuild(candidate.values, part.info), recipe)
    started = time.perf_counter()
    trainer = FoldTrainer(
        lambda: space.rebuild(candidate.values, part.info),
        replace(recipe, epochs=EPOCHS),
        part,
        seed=candidate.trial,
    )
    building = time.perf_counter() - started
    resets: list[float] = []
    reset = trainer._reset

    def timed_reset(*args: Any) -> None:
        begun = time.perf_counter()
        reset(*args)
        resets.append(time.perf_counter() - begun)

    trainer._reset = timed_reset  # type: ignore[method-assign]
    size = len(part.y) // FOLDS  # equal parts: another number of steps would be traced anew
    first, second = (trainer.fit(f, np.flatnonzero(folds == f)[:size]) for f in range(2))
    trace = building + max(0.0, first.seconds - second.seconds)
    epoch = (second.seconds - resets[1]) / EPOCHS
    times = Trial(key, recipe.batch_size, recipe.epochs, trace, resets[1], epoch)
    return times, [first, second]


def search(data: str, trials: int, seed: int) -> list[Trial]:
    """Search with the real engine on real scores; return what each candidate needed."""
    from automl_sem.data import load_dataset
    from automl_sem.data.split import stratified_folds
    from automl_sem.engines.optuna import OptunaEngine
    from automl_sem.failures import explain
    from automl_sem.spaces.find import builtin_spaces
    from automl_sem.spaces.load import load_space

    part = load_dataset(data).train
    space = load_space(builtin_spaces()["shapes"])
    folds = stratified_folds(part.y, FOLDS, seed)
    study, starts = optuna.create_study(), space.starts(part.info)
    engine = OptunaEngine(study, space, part.info, seed, starts)
    found: list[Trial] = []
    for number in range(trials):
        candidate = engine.ask()
        try:
            trial, results = train(candidate, space, part, folds)
        except Exception as error:  # as in a search, whatever it is fails the trial
            outcome = explain(error)
        else:
            found.append(trial)
            outcome = Outcome("scored", score=Score(tuple(results)))
        print(f"{data}: trial {number} {outcome.status}", file=sys.stderr, flush=True)
        engine.tell(candidate, outcome)
    return found


def seen_before(keys: Sequence[object]) -> list[bool]:
    """Return for each key whether it was there already."""
    return [key in keys[:n] for n, key in enumerate(keys)]


def saved(found: Sequence[Trial], repeats: Sequence[bool], folds: float) -> float:
    """Return the share of the search's time that goes into traces that were there before."""
    traces = sum(t.trace for t, repeat in zip(found, repeats, strict=True) if repeat)
    return traces / sum(t.seconds(folds) for t in found)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=50, help="default 50")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    options = parser.parse_args()
    use_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)  # all as in a worker
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    trials, rows, figures = 4 if options.quick else options.trials, [], {}
    for data in DATASETS:
        found = search(data, trials, options.seed)
        repeats = seen_before([(t.key, t.batch_size) for t in found])
        loose = seen_before([t.key for t in found])
        shares = {
            "all traces": saved(found, [True] * len(found), DISCARDING),
            "sharing": saved(found, repeats, FOLDS),
            "sharing, discards": saved(found, repeats, DISCARDING),
            "and batch size": saved(found, loose, DISCARDING),
        }
        rows.append(
            {
                "data": data,
                "graph was there before": f"{sum(repeats)} of {len(found)}",
                "but for batch size": f"{sum(loose)} of {len(found)}",
                "trace, s": Spread.of([t.trace for t in found]).text(2),
                "5 folds, s": Spread.of([t.seconds(FOLDS) - t.trace for t in found]).text(2),
                **{name: f"{share:.1%}" for name, share in shares.items()},
            }
        )
        figures[data] = {"repeats": sum(repeats), "trials": len(found), **shares}
    most = max(f["sharing, discards"] for f in figures.values())
    text = (
        f"# Sharing traced graphs\n\n{trials} trials of TPE in the built-in space, seed "
        f"{options.seed}. The last four columns are shares of the search's time: of all traces, "
        f"with {DISCARDING:.1f} folds a candidate as when hopeless ones are discarded; and what "
        f"sharing saves with all {FOLDS} folds, with discards, and if the batch size were an "
        f"argument of the graph too.\n\n{table(rows)}\n\nClaim, sharing saves less than "
        f"{THRESHOLD:.0%}: {goal(most < THRESHOLD)} ({most:.1%} at most)."
    )
    publish(text, figures, options)


if __name__ == "__main__":
    main()
