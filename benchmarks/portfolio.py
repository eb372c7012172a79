"""Known-good candidates first: the best of 10 trials with a space's GOOD_STARTS and without.

    python benchmarks/portfolio.py [--quick] [--write] [--seeds N] [--space FILE --data DATA]

The space `digits` is copied once as it is and once with `GOOD_STARTS = []`; the baseline stays in
both. For each seed both copies are searched: same folds, sampler seed and number of trials; the
sides alternate. Compared are the lowest objectives after 5 and after 10 trials, the baseline among
them, paired over the seeds. The objective is that of the search folds, here the log-loss.

To be done in about 10 minutes for 20 searches the setting is a cheap one: scikit-learn's digits,
3 folds, trainings of 5 epochs, no stress. Goal: after 10 trials lower by more than the standard
error of the mean difference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from measure import Spread, alternate, arguments, goal, mean_and_error, publish, table
from sides import Trial, automl_sem, write_digits

SPACE = Path(__file__).parent.parent / "search_spaces" / "digits.py"
WITH, WITHOUT = "with GOOD_STARTS", "without"
FOLDS, EPOCHS = 3, 5
MARKS = (5, 10)  # trials after which the best is told


@dataclass(frozen=True)
class Search:
    """What one search found.

    Args:
        best: Lowest objective after so many trials.
        seconds: From the start of the process until the last trial was done.
    """

    best: dict[int, float]
    seconds: float


class Difference(NamedTuple):
    """With good starts minus without, paired over the seeds.

    Args:
        mean: Of the differences; below 0 the good starts are better.
        error: Its standard error.
        wins: Number of seeds where the good starts are better.
        ties: Where both found the same.
    """

    mean: float
    error: float
    wins: int
    ties: int


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="default 10")
    parser.add_argument("--space", type=Path, default=SPACE, help="another space")
    parser.add_argument("--data", metavar="DATA", help="other data: a built-in name or a path")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default {EPOCHS}")
    options = parser.parse_args()
    marks, seeds, folds, epochs = MARKS, options.seeds, FOLDS, options.epochs
    if options.quick:
        marks, seeds, folds, epochs = (2, 3), 1, 2, 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = write_digits(folder / "digits.npz")
        if options.data is not None:
            path = Path(options.data)
            data = path.resolve() if path.exists() else path  # a name stays a name
        spaces = copies(options.space, folder)

        def search(name: str, seed: int) -> Search:
            side = automl_sem(
                spaces[name],
                data,
                folder / f"{spaces[name].stem}-{seed}",
                trials=marks[-1],
                folds=folds,
                epochs=epochs,
                seed=seed,
                stress="none",
            )
            return Search(best_after(side.trials, marks), side.startup + side.training)

        actions = {name: lambda seed, name=name: search(name, seed) for name in spaces}
        found = alternate(actions, seeds)
    what = f"{options.space.stem} on {options.data or 'digits'}, {folds} folds, {epochs} epochs"
    figures = {name: [asdict(one) for one in searches] for name, searches in found.items()}
    variant = "" if options.space == SPACE else options.space.stem
    publish(describe(found, marks, what), {"space": what, **figures}, options, variant)


def copies(space: Path, folder: Path) -> dict[str, Path]:
    """Write a space with its good starts and without; return the files by their names."""
    source = space.read_text(encoding="utf-8")
    if "GOOD_STARTS" not in source:
        raise SystemExit(f"{space} has no GOOD_STARTS")
    written = {WITH: folder / "portfolio.py", WITHOUT: folder / "no_portfolio.py"}
    written[WITH].write_text(source, encoding="utf-8")
    written[WITHOUT].write_text(f"{source}\n\nGOOD_STARTS = []\n", encoding="utf-8")
    return written


def best_after(trials: Sequence[Trial], marks: Sequence[int]) -> dict[int, float]:
    """Return the lowest objective after so many trials; a trial without all its folds has none.

    Args:
        trials: In the order of their numbers.
        marks: Numbers of trials.
    """
    return {
        mark: min((t.log_loss for t in trials[:mark] if t.complete), default=float("inf"))
        for mark in marks
    }


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return the mean paired difference of two equally long series, ours minus theirs."""
    values = [a - b for a, b in zip(ours, theirs, strict=True)]
    return Difference(*mean_and_error(values), sum(v < 0 for v in values), values.count(0))


def describe(found: dict[str, list[Search]], marks: Sequence[int], what: str) -> str:
    """Return the result as Markdown."""
    rows, lines = [], []
    for name, searches in found.items():
        cells = {
            f"best of {mark}": "{:.4f} ± {:.4f}".format(
                *mean_and_error([one.best[mark] for one in searches])
            )
            for mark in marks
        }
        seconds = Spread.of([one.seconds for one in searches]).text(0)
        rows.append({"objective, nats": name, **cells, "seconds": seconds})
    seeds = len(found[WITH])
    for mark in marks:
        series = ([one.best[mark] for one in found[name]] for name in (WITH, WITHOUT))
        apart = difference(*series)
        ties = f", {apart.ties} ties" if apart.ties else ""
        lines.append(
            f"After {mark} trials the difference is {apart.mean:+.4f} ± {apart.error:.4f}; the "
            f"good starts are better for {apart.wins} of {seeds} seeds{ties}."
        )
    return (
        f"# Known-good candidates first\n\nThe lowest objective with a space's GOOD_STARTS and "
        f"without, mean ± standard error over {seeds} seeds;\nseconds from the start of the "
        f"process to the end of the last trial, median (range).\nA cheap setting: the space {what}"
        f", no stress.\n\n{table(rows)}\n\n"
        + "\n".join(lines)
        + f"\nThe goal is a difference after {marks[-1]} trials below zero by more than its "
        f"standard error: {goal(apart.mean < -apart.error)}."
    )


if __name__ == "__main__":
    main()
