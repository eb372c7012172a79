"""Does the score of a GAN say how good images are? It is tried on real ones that are made worse.

    python benchmarks/gan_score.py [--quick] [--write] [--seeds N]

A search judges what a generator draws by images that were held out (`automl_sem.scoring.gan`).
Here real digits, 8x8, take the place of drawn ones: training images as they are, blurred, with
noise, with classes missing, some of them again and again, and new ones, mixed with more and more
copies of training images. All by judges with different seeds, whose features differ.

Goals: real images are about as near as the floor, each fault makes the distance larger the worse it
is, by every judge and but for chance, and copies are noticed. About 2 minutes on 2 cores;
`gan_score_chart.py` draws `docs/gan_score.png` from the result.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from measure import Spread, arguments, goal, publish, table

from automl_sem.backend import use_tensorflow
from automl_sem.types import Bytes, Ints

FOLDS = 3
HELD_OUT = 350  # images to judge by: so many new ones there are to be judged, too
BLUR, NOISE, CLASSES, DIFFERENT, COPIES = (
    "blur", "noise", "classes left", "different images", "copies among new ones",
)  # fmt: skip
DEGREES: Mapping[str, Sequence[float]] = {
    BLUR: (0.4, 0.6, 0.8, 1.0),
    NOISE: (0.1, 0.2, 0.3, 0.4),
    CLASSES: (9, 7, 5, 3),
    DIFFERENT: (200, 100, 50, 20),
    COPIES: (0.0, 0.25, 0.5, 0.75, 1.0),
}
WORSENING = (BLUR, NOISE, CLASSES, DIFFERENT)
FLAGGED = 0.6  # share nearer to training images from which on a report warns
NEAR = 3.0  # standard deviations of the floor
CHANCE = 1.0  # of them, by which two samples of real images differ anyway
MEASURES = ("score", "kid", "density", "coverage", "two_sample", "copying")

Record = dict[str, Any]


class Sample(NamedTuple):
    """Images in the place of a generator's.

    Args:
        what: What is wrong with them.
        degree: How much of it, None for real ones.
        images: (n, 8, 8, 1).
    """

    what: str
    degree: float | None
    images: Bytes


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of the features, default 3")
    options = parser.parse_args()
    use_tensorflow()
    records = measure(1 if options.quick else options.seeds)
    publish(describe(records), {"records": records}, options)


def measure(seeds: int) -> list[Record]:
    """Return what each judge says of each sample."""
    from automl_sem.data import load_dataset
    from automl_sem.data.split import stratified_folds
    from automl_sem.scoring.gan.features import FeatureNetwork
    from automl_sem.scoring.gan.judge import judge_by

    dataset = load_dataset("digits")
    part = dataset.train
    folds = stratified_folds(part.y, FOLDS, 0)
    rng = np.random.default_rng(1)
    known = rng.permutation(np.flatnonzero(folds != 0))
    held_out = rng.permutation(np.flatnonzero(folds == 0))[:HELD_OUT]
    train = part.x[known], part.y[known]
    network = FeatureNetwork(dataset.info.input_shape, dataset.info.classes)
    records = []
    for seed in range(seeds):
        judge = judge_by(network, train, (part.x[held_out], part.y[held_out]), seed)
        for sample in samples(*train, dataset.test.x):
            measures = judge.measures(sample.images)
            found = {name: asdict(measures)[name] for name in (*MEASURES, "expected_coverage")}
            records.append({"seed": seed, "what": sample.what, "degree": sample.degree, **found})
    return records


def samples(images: Bytes, labels: Ints, new: Bytes) -> Iterator[Sample]:
    """Yield what is judged, as many images each as there are held out.

    Args:
        images: Training images, in an order drawn at random.
        labels: Their classes.
        new: Images that are neither training images nor held out.
    """
    from scipy.ndimage import gaussian_filter

    n, rng = HELD_OUT, np.random.default_rng(2)
    some = images[:n]
    yield Sample("training images", None, some)
    yield Sample("new images", None, new[:n])
    for sigma in DEGREES[BLUR]:
        yield Sample(BLUR, sigma, as_bytes(gaussian_filter(some * 1.0, (0, sigma, sigma, 0))))
    for level in DEGREES[NOISE]:
        yield Sample(NOISE, level, as_bytes(some + rng.normal(0, 255 * level, some.shape)))
    for count in DEGREES[CLASSES]:
        kept = images[labels < count]
        yield Sample(CLASSES, count, np.resize(kept, some.shape))
    for count in DEGREES[DIFFERENT]:
        yield Sample(DIFFERENT, count, np.resize(some[: int(count)], some.shape))
    for share in DEGREES[COPIES]:
        copies = round(share * n)
        yield Sample(
            COPIES, share, np.concatenate([images[-copies or n :][:copies], new[copies:n]])
        )


def as_bytes(images: Any) -> Bytes:
    """Return images as they would be saved."""
    pixels: Bytes = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    return pixels


def of(
    records: Sequence[Record], what: str, degree: float | None, measure: str = "score"
) -> list[float]:
    """Return a measure of a sample by all judges."""
    return [r[measure] for r in records if r["what"] == what and r["degree"] == degree]


def describe(records: Sequence[Record]) -> str:
    """Return the result as Markdown."""
    kinds: list[tuple[str, float | None]] = [("training images", None), ("new images", None)]
    kinds += [(what, degree) for what in DEGREES for degree in DEGREES[what]]
    rows = [
        {
            "in the place of drawn images": name(what, degree),
            "distance": Spread.of(of(records, what, degree)).text(1),
            "KID": Spread.of(of(records, what, degree, "kid")).text(3),
            **{
                word: Spread.of(of(records, what, degree, measure)).text(2)
                for word, measure in (
                    ("density", "density"),
                    ("coverage", "coverage"),
                    ("told apart", "two_sample"),
                    ("copying", "copying"),
                )
            },
        }
        for what, degree in kinds
    ]
    seeds = len({record["seed"] for record in records})
    expected = records[0]["expected_coverage"]
    near = all(abs(score) < NEAR for score in of(records, "training images", None))
    return (
        f"# The score of a GAN, tried on real digits\n\nMedian (range) of {seeds} judges whose "
        f"features were trained with different seeds. {HELD_OUT} images each, judged by as many "
        "held-out ones. Distance is in standard deviations of the floor: 0 is ideal. Density is 1 "
        f"for real images, coverage about {expected:.2f}, told apart and copying 0.5.\n\n"
        f"{table(rows)}\n\nTraining images within {NEAR:g} of the floor: {goal(near)}. The "
        "distance grows with each fault, by every judge, but for falls of less than "
        f"{CHANCE:g}, which are chance: {goal(worsens(records))}. More than {FLAGGED} of the "
        "images are nearer to a training image if all are copies, and not if all are new: "
        f"{goal(noticed(records))}."
    )


def name(what: str, degree: float | None) -> str:
    """Return what is judged, in words."""
    words = {
        BLUR: "blurred, sigma {:g} pixels",
        NOISE: "noise, {:.0%} of the range",
        CLASSES: "{:g} of 10 classes",
        DIFFERENT: "{:g} different images",
        COPIES: "new images, {:.0%} copies of training images",
    }
    return what if degree is None else words[what].format(degree).replace("%", " %")


def worsens(records: Sequence[Record]) -> bool:
    """Whether each fault makes the distance larger, the more so the worse it is, but for chance."""
    series = []
    for what in WORSENING:
        steps = [of(records, "training images", None)]
        steps += [of(records, what, degree) for degree in DEGREES[what]]
        series += zip(*steps, strict=True)
    return all(b > a - CHANCE for one in series for a, b in itertools.pairwise(one))


def noticed(records: Sequence[Record]) -> bool:
    """Whether copies of training images are told from new ones."""
    new, copies = (of(records, COPIES, share, "copying") for share in (0.0, 1.0))
    return max(new) < FLAGGED < min(copies)


if __name__ == "__main__":
    main()
