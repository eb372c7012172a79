"""Draw the picture of the score of a GAN, `docs/gan_score.png`, from the result that is there.

    python benchmarks/gan_score_chart.py [--results DIR] [--out FILE]

It shows what `gan_score.py --write` measured, and needs matplotlib: `pip install matplotlib`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from chart import INK, OURS, PEER, asked, read
from gan_score import BLUR, CLASSES, COPIES, DEGREES, DIFFERENT, FLAGGED, NOISE, Record, of
from matplotlib import pyplot as plt

PICTURE = Path(__file__).parent.parent / "docs" / "gan_score.png"
REAL = "training images"
MUTED = "#7b8794"


def main() -> None:
    """Read the result and draw."""
    options = asked(__doc__, PICTURE)
    records = read(options.results, "gan_score")["records"]
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9.5, "text.color": INK})
    figure, places = plt.subplots(2, 3, figsize=(9, 5.2), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    blur, noise, classes, different, coverage, copies = places.flat
    from_real(blur, records, BLUR, "Blurred", "sigma in pixels", "{:g}")
    from_real(noise, records, NOISE, "Noise", "share of the range", "{:.0%}")
    from_real(classes, records, CLASSES, "Classes missing", "classes left of 10", "{:g}", "10")
    from_real(
        different, records, DIFFERENT, "The same again", "different images of 350", "{:g}", "350"
    )
    draw_coverage(coverage, records)
    draw_copies(copies, records)
    figure.savefig(options.out, dpi=200, facecolor="white")
    print(options.out)


def from_real(
    axes: Any,
    records: Sequence[Record],
    what: str,
    title: str,
    unit: str,
    label: str,
    first: str = "none",
) -> None:
    """Draw how the distance grows from real images on, each judge's and the median."""
    steps = [of(records, REAL, None), *(of(records, what, degree) for degree in DEGREES[what])]
    draw(axes, steps, f"{title}: distance", unit)
    named(axes, [first, *(label.format(degree) for degree in DEGREES[what])])
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    axes.set_ylim(bottom=-0.08 * max(map(max, steps)))
    number(axes, steps[-1], len(steps) - 1, "{:,.0f}")


def draw_coverage(axes: Any, records: Sequence[Record]) -> None:
    """Draw the coverage of classes missing and of the same again."""
    for what, color, place in ((CLASSES, OURS, (2.1, 0.08)), (DIFFERENT, MUTED, (0.4, -0.36))):
        steps = [
            of(records, REAL, None, "coverage"),
            *(of(records, what, degree, "coverage") for degree in DEGREES[what]),
        ]
        draw(axes, steps, "Coverage", "worse and worse", color)
        middle = statistics.median(steps[2])
        axes.annotate(
            "classes missing" if what == CLASSES else "the same again",
            (place[0], middle + place[1]),
            color=color,
        )
    expected = records[0]["expected_coverage"]
    axes.axhline(expected, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.annotate(f"of real images {expected:.2f}", (4.1, expected + 0.02), color=MUTED, ha="right")
    named(axes, ["real", "", "", "", "worst"])
    axes.set_ylim(0, 1.12)


def draw_copies(axes: Any, records: Sequence[Record]) -> None:
    """Draw the share of images nearer to a training image, with the gate."""
    steps = [of(records, COPIES, share, "copying") for share in DEGREES[COPIES]]
    draw(axes, steps, "Nearer to a training image", "copies among new images")
    named(axes, [f"{share:.0%}" for share in DEGREES[COPIES]])
    axes.axhline(FLAGGED, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.annotate(f"warning above {FLAGGED:g}", (4.1, FLAGGED - 0.06), color=MUTED, ha="right")
    axes.set_ylim(0.3, 0.8)


def draw(
    axes: Any, steps: Sequence[Sequence[float]], title: str, unit: str, color: str = OURS
) -> None:
    """Draw what each judge says along some steps as dots, and their median as a line."""
    for place, values in enumerate(steps):
        axes.plot([place] * len(values), values, "o", color=PEER, markersize=4.5, zorder=1)
    medians = [statistics.median(values) for values in steps]
    axes.plot(range(len(steps)), medians, color=color, linewidth=2, zorder=2)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")
    axes.set_xlabel(unit, color=MUTED)
    axes.set_xlim(-0.25, len(steps) - 0.75)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PEER)


def named(axes: Any, names: Sequence[str]) -> None:
    """Name the steps below the axis."""
    axes.set_xticks(range(len(names)), [each.replace("%", " %") for each in names])


def number(axes: Any, values: Sequence[float], place: int, label: str) -> None:
    """Write the median beside the last step."""
    middle = statistics.median(values)
    axes.annotate(
        label.format(middle), (place, middle), (-8, 3), textcoords="offset points", ha="right"
    )


if __name__ == "__main__":
    main()
