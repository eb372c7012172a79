"""How long until the best score that KerasTuner finds is reached.

    python benchmarks/time_to_score.py [--quick] [--write] [--seeds N] [--recorded]

KerasTuner's random search tries 40 candidates with 5 folds each (`kerastuner_loop.py`); its
best mean log-loss is the target. Then `automl-sem search` starts with its defaults
(TPE, discarding, workers auto), on the same space, examples, folds and epochs, and without
known-good candidates, until a trial with all its folds scores at least as well. Both
times count from the start of the process. KerasTuner's is told twice: when it found its
best, which nobody knows until the search is over, and when it had tried all 40.

Goal: a twentieth, by both. About 15 minutes a seed on 2 cores, most of it KerasTuner's. Each
seed's search of KerasTuner is kept in `benchmarks/recorded/time_to_score-peer-SEED.json`, and
`--recorded` takes it from there: only on the machine that it was recorded on do the times compare.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import Spread, arguments, goal, measured_on, publish, table
from sides import SPACE, automl_sem, best_so_far, keras_tuner, write_digits

RECORDED = Path(__file__).parent / "recorded"
GOAL = 20.0


@dataclass(frozen=True)
class Peer:
    """KerasTuner's search.

    Args:
        target: Its best mean log-loss.
        best_after: Seconds from the start of the process until that was found.
        best_trial: Number of the trial that has it, from 0.
        seconds: Seconds until the last candidate was done.
        losses: Mean log-loss of every trial, in order.
        ended: Seconds after the start when each was done.
        machine: What it ran on.
    """

    target: float
    best_after: float
    best_trial: int
    seconds: float
    losses: list[float]
    ended: list[float]
    machine: str


@dataclass(frozen=True)
class Ours:
    """Our search.

    Args:
        reached_after: Seconds from the start of the process until the target was reached, or
            all it took if it was not.
        startup: Seconds of these until the first fold fit.
        trials: Trials until then.
        fold_fits: Fold fits until then.
        best: Best mean log-loss.
    """

    reached_after: float
    startup: float
    trials: int
    fold_fits: int
    best: float


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="default 3")
    parser.add_argument("--recorded", action="store_true", help="take KerasTuner's from the record")
    options = parser.parse_args()
    trials, folds, epochs, seeds = (3, 2, 2, 1) if options.quick else (40, 5, 10, options.seeds)
    setting = {"folds": folds, "epochs": epochs}
    pairs = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = write_digits(folder / "digits.npz")
        for seed in range(seeds):
            record = RECORDED / f"time_to_score-peer-{seed}.json"
            if options.recorded and record.exists():
                peer = Peer(**json.loads(record.read_text(encoding="utf-8")))
                if peer.machine != measured_on()["machine"]:
                    raise SystemExit(f"{record.name} comes from another machine: {peer.machine}")
            else:
                peer = search_peer(data, folder / f"peer-{seed}.json", seed, trials, setting)
                if options.write and not options.quick:
                    RECORDED.mkdir(exist_ok=True)
                    record.write_text(json.dumps(asdict(peer), indent=1) + "\n", encoding="utf-8")
            ours = search_ours(data, folder / f"run-{seed}", seed, 5 * trials, setting, peer.target)
            pairs.append((peer, ours))
    figures = {"seeds": [{"peer": asdict(peer), "ours": asdict(ours)} for peer, ours in pairs]}
    publish(describe(pairs, trials, folds), figures, options)


def search_peer(data: Path, out: Path, seed: int, trials: int, setting: dict) -> Peer:
    """Return what KerasTuner finds, and when."""
    side = keras_tuner(data, out, trials=trials, seed=seed, sampler_seed=seed, **setting)
    losses = [trial.log_loss for trial in side.trials]
    ended = [trial.ended - side.measured.started for trial in side.trials]
    best = min(range(trials), key=losses.__getitem__)
    machine = measured_on()["machine"]
    return Peer(losses[best], ended[best], best, ended[-1], losses, ended, machine)


def search_ours(
    data: Path, out: Path, seed: int, trials: int, setting: dict, target: float
) -> Ours:
    """Return when our search reaches the target, with at most so many trials."""
    side = automl_sem(
        SPACE,
        data,
        out,
        trials=trials,
        seed=seed,
        **setting,
        until=lambda: best_so_far(out) <= target,
        every=0.5,
    )
    started = side.measured.started
    hits = [t.ended for t in side.trials if t.complete and t.log_loss <= target]
    end = min(hits, default=max(t.ended for t in side.trials))
    until = [t for t in side.trials if t.ended <= end]
    return Ours(
        reached_after=end - started,
        startup=side.startup,
        trials=len(until),
        fold_fits=sum(len(t.log_losses) for t in until),
        best=min(t.log_loss for t in until if t.complete),
    )


def describe(pairs: list[tuple[Peer, Ours]], trials: int, folds: int) -> str:
    """Return the result as Markdown."""
    rows = [
        {
            "seed": str(seed),
            "KerasTuner's best log-loss": f"{peer.target:.4f}",
            "found after, s": f"{peer.best_after:.0f} (trial {peer.best_trial})",
            f"all {trials} trials, s": f"{peer.seconds:.0f}",
            "ours, s": f"{ours.reached_after:.1f}" if reached(peer, ours) else "not reached",
            "of these start-up, s": f"{ours.startup:.1f}",
            "trials, fold fits": f"{ours.trials}, {ours.fold_fits}",
            "our log-loss": f"{ours.best:.4f}",
            "times faster": f"{times_faster(peer, ours, peer.best_after):.1f}",
            "than all trials": f"{times_faster(peer, ours, peer.seconds):.1f}",
        }
        for seed, (peer, ours) in enumerate(pairs)
    ]
    found = Spread.of([times_faster(peer, ours, peer.best_after) for peer, ours in pairs])
    whole = Spread.of([times_faster(peer, ours, peer.seconds) for peer, ours in pairs])
    count = sum(reached(*pair) for pair in pairs)
    startup = 100 * Spread.of([o.startup / o.reached_after for _, o in pairs]).median
    all_reached = count == len(pairs)
    return (
        f"# Time to the same score\n\nKerasTuner's random search with {folds} folds against ours, "
        f"until its best mean log-loss is reached.\n\n{table(rows)}\n\nReached in {count} of "
        f"{len(pairs)} searches. Median (range): {found.text()} times faster than KerasTuner came "
        f"upon its best, {whole.text()} times faster than its whole search, "
        f"after which alone its best is known.\nThe goal is {GOAL:.0f} times: measured by the "
        f"first {goal(all_reached and found.median >= GOAL)}, by the second "
        f"{goal(all_reached and whole.median >= GOAL)}. Start-up, most of it the import of "
        f"TensorFlow, is {startup:.0f} % of our time."
    )


def times_faster(peer: Peer, ours: Ours, seconds: float) -> float:
    """Return how many times sooner than so many seconds ours was there; 0 if it never was."""
    return seconds / ours.reached_after if reached(peer, ours) else 0.0


def reached(peer: Peer, ours: Ours) -> bool:
    """Whether our search got as good a score."""
    return ours.best <= peer.target


if __name__ == "__main__":
    main()
