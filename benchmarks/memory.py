"""Memory stays flat: 200 small trials in one command.

    python benchmarks/memory.py [--quick] [--write]

TensorFlow keeps something of every graph it traced, so workers are replaced now and then.
The memory of the whole process tree is sampled; the peak over the last 50 trials may exceed that
of trials 10 to 60 by less than a tenth. Digits, 3 folds, 2 epochs, nothing discarded.
About 10 minutes on 2 cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from measure import MIB, Sample, arguments, goal, publish, table
from sides import SPACE, automl_sem, write_digits

ALLOWED = 1.10


def main() -> None:
    """Measure, print, and write if asked to."""
    options = arguments(__doc__).parse_args()
    trials, early, late = (6, (1, 3), (4, 6)) if options.quick else (200, (10, 60), (150, 200))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        side = automl_sem(
            SPACE,
            write_digits(folder / "digits.npz"),
            folder / "run",
            trials=trials,
            folds=3,
            epochs=2,
            discard="none",
            workers="auto",
        )
    ends = sorted(trial.ended for trial in side.trials)
    rows, peaks = [], {}
    for first, last in (early, late):
        window = [s for s in side.measured.samples if ends[first - 1] <= s.at <= ends[last - 1]]
        peaks[first], root = max(s.total for s in window), max(s.root for s in window)
        counts = [s.processes for s in window]
        rows.append(
            {
                "trials": f"{first} to {last}",
                "peak of all processes, MiB": f"{peaks[first] / MIB:,.0f}",
                "median, MiB": f"{median_of(window) / MIB:,.0f}",
                "peak of the search's own process, MiB": f"{root / MIB:,.0f}",
                "processes": f"{min(counts)} to {max(counts)}",
            }
        )
    ratio = peaks[late[0]] / peaks[early[0]]
    text = (
        f"# Memory over {trials} trials\n\n{table(rows)}\n\n"
        f"The last peak is {ratio:.2f} times the early one; less than {ALLOWED:.2f} is the goal: "
        f"{goal(ratio < ALLOWED)}. The whole command took {side.measured.seconds:.0f} s "
        f"and never more than {side.measured.peak / MIB:,.0f} MiB.\n"
        "Now and then there is one process more: the successor of a worker starts ahead of need."
    )
    publish(text, {"ratio": ratio, "curve": curve(side.measured.samples, ends)}, options)


def median_of(window: Sequence[Sample]) -> int:
    """Return the median of all processes' memory."""
    return sorted(s.total for s in window)[len(window) // 2]


def curve(samples: Sequence[Sample], ends: Sequence[float]) -> list[tuple[int, int]]:
    """Return the peak in MiB while each trial was the next to end: (trial, MiB)."""
    points, previous = [], 0.0
    for number, end in enumerate(ends):
        peak = max((s.total for s in samples if previous < s.at <= end), default=0)
        points.append((number, round(peak / MIB)))
        previous = end
    return points


if __name__ == "__main__":
    main()
