"""Draw the picture of speed in the README, `docs/speed.png`, from the results that are there.

    python benchmarks/chart.py [--results DIR] [--out FILE]

It shows what `folds_vs_kerastuner.py --write` and `time_to_score.py --write` measured, and
needs matplotlib: `pip install matplotlib`.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from measure import RESULTS

PICTURE = Path(__file__).parent.parent / "docs" / "speed.png"
INK, PEER, OURS = "#1f2933", "#b8c1cc", "#1a73b5"


def main() -> None:
    """Read the results and draw."""
    options = asked(__doc__, PICTURE)
    folds, race = (read(options.results, name) for name in ("folds_vs_kerastuner", "time_to_score"))
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 10.5, "text.color": INK})
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, 3.7), height_ratios=[3, 2], layout="constrained"
    )
    draw_folds(upper, folds)
    draw_race(lower, race["seeds"])
    figure.savefig(options.out, dpi=200, facecolor="white")
    print(options.out)


def read(results: Path, name: str) -> dict[str, Any]:
    """Return a result, or say which script writes it."""
    path = results / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing: run python benchmarks/{name}.py --write")
    return json.loads(path.read_text(encoding="utf-8"))


def asked(description: str | None, picture: Path) -> argparse.Namespace:
    """Return where results are and where the picture goes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files")
    parser.add_argument("--out", type=Path, default=picture, help="the picture")
    return parser.parse_args()


def draw_folds(axes: Any, result: dict[str, Any]) -> None:
    """Draw fold fits a minute."""
    sides = list(result["sides"].values())
    cores = result["setting"]["machine"].partition(" cores")[0].rpartition(" ")[2]
    names = ["KerasTuner, k-fold loop", "automl-sem, 1 worker", f"automl-sem, {cores} workers"]
    speeds = [statistics.median(side["fold_fits_a_minute"]) for side in sides]
    labels = [f"{speed:.0f}" for speed in speeds]
    for number, side in enumerate(sides[1:], 1):
        labels[number] += f"   {side['times_keras_tuner']:.1f} times"
    bars(axes, "Fold fits a minute", names, speeds, labels)


def draw_race(axes: Any, seeds: Sequence[dict[str, Any]]) -> None:
    """Draw minutes to KerasTuner's best score, which is known when its search is over.

    A search of ours that missed it counts as endless.
    """
    theirs = statistics.median(seed["peer"]["seconds"] for seed in seeds) / 60
    times, ratios = [], []
    for seed in seeds:
        peer, ours = seed["peer"], seed["ours"]
        reached = ours["best"] <= peer["target"]
        times.append(ours["reached_after"] / 60 if reached else math.inf)
        ratios.append(peer["seconds"] / ours["reached_after"] if reached else 0.0)
    ours_minutes, missed = statistics.median(times), times.count(math.inf)
    label = "not reached"
    if math.isfinite(ours_minutes):
        label = f"{ours_minutes:.1f}   {statistics.median(ratios):.1f} times"
        label += f", not reached in {missed} of {len(seeds)} searches" if missed else ""
    trials = len(seeds[0]["peer"]["losses"])
    names = ["KerasTuner, random search", "automl-sem, defaults"]
    minutes = [theirs, ours_minutes if math.isfinite(ours_minutes) else 0.0]
    title = f"Minutes to the score that KerasTuner has after {trials} trials"
    bars(axes, title, names, minutes, [f"{theirs:.1f}", label])


def bars(
    axes: Any, title: str, names: Sequence[str], values: Sequence[float], labels: Sequence[str]
) -> None:
    """Draw one bar a side, the first being the peer's."""
    colors = [PEER, *[OURS] * (len(values) - 1)]
    axes.bar_label(axes.barh(names, values, color=colors, height=0.66), labels, padding=6)
    axes.set_title(title, loc="left", fontsize=11.5, fontweight="bold")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(values))
    axes.xaxis.set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    main()
