"""What changing the training images at random costs: an epoch with it against one without.

    python benchmarks/augmentation.py [--quick] [--write]

Epochs of `FoldTrainer` on 24x24 drawings in batches of 64, without augmentation and with each
kind of it, alternate in one process, under the settings of our workers: reproducible operations,
and graphs that are not rewritten. All have traced their graphs before. Two networks: a residual
CNN with two convolutions at each of 16, 32 and 64 filters, and the good start of the space
`shapes`, which is smaller, so that the same changes weigh more.
Goal: affine changes and strokes over their full range take at most 30 % on top.

About 5 minutes on 2 cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from measure import Spread, alternate, arguments, goal, publish, table

from automl_sem.backend import use_tensorflow
from automl_sem.types import Augment, DataInfo, Recipe

BATCH_SIZE = 64
DRAWINGS = 640
AFFINE = Augment(rotation=180, scale=0.5, aspect=0.3, shear=20, shift=0.1, flip=True)
NONE, BOTH = "none", "affine and stroke"
SIDES = {
    NONE: Augment(),
    "affine": AFFINE,
    BOTH: replace(AFFINE, stroke=1.0),
    "stroke": Augment(stroke=1.0),
    "elastic": Augment(elastic=0.1),
    "brightness and contrast": Augment(brightness=0.2, contrast=0.5),
    "noise": Augment(noise=0.1),
    "cutout": Augment(cutout=0.4),
    "mixup": Augment(mixup=0.2),
    "all": replace(
        AFFINE,
        stroke=1.0,
        elastic=0.1,
        brightness=0.2,
        contrast=0.5,
        noise=0.1,
        cutout=0.4,
        mixup=0.2,
    ),
}
ALLOWED_PERCENT = 30.0


class Epoch(NamedTuple):
    """One epoch: seconds by the clock, and of processor time."""

    seconds: float
    processor: float


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = arguments(__doc__, rounds=15)
    parser.add_argument("--threads", type=int, default=0, help="of TensorFlow, default: its choice")
    options = parser.parse_args()
    use_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    networks = {"residual 16-32-64": residual, "good start of shapes": good_start}
    sides = SIDES
    if options.quick:
        networks = {"good start of shapes": good_start}
        sides = {name: SIDES[name] for name in (NONE, BOTH, "all")}
    rounds = 1 if options.quick else options.rounds
    epochs = {name: measured(build, sides, rounds) for name, build in networks.items()}
    publish(described(epochs), {"epoch_s": epochs}, options)


def measured(
    build: Callable[[DataInfo], object], sides: dict[str, Augment], rounds: int
) -> dict[str, list[Epoch]]:
    """Return an epoch of each round, by the name of the side."""
    import keras

    from automl_sem.data.builtin import load_shapes
    from automl_sem.scoring.recipes import fold_steps
    from automl_sem.scoring.trainer import FoldTrainer

    keras.utils.clear_session()
    part = load_shapes(DRAWINGS).train
    recipe = Recipe(learning_rate=1e-3, batch_size=BATCH_SIZE)
    order = np.arange(DRAWINGS, dtype=np.int32)
    weights = np.ones(len(part.class_names), np.float32)

    def epoch(trainer: FoldTrainer, number: int) -> Epoch:
        started, processor = time.perf_counter(), time.process_time()
        seed = np.array([1, number], np.int32)
        examples = trainer._x, trainer._y
        float(trainer._epoch(order, seed, np.float32(255), weights, *examples))
        return Epoch(time.perf_counter() - started, time.process_time() - processor)

    actions = {}
    for name, augment in sides.items():
        own = replace(recipe, augment=augment)
        trainer = FoldTrainer(lambda: build(part.info), own, part, seed=0)
        trainer._reset(fold_steps(own, DRAWINGS), 1)  # traces
        epoch(trainer, -1)
        actions[name] = partial(epoch, trainer)
    return alternate(actions, rounds)


def described(epochs: dict[str, dict[str, list[Epoch]]]) -> str:
    """Return the result as Markdown."""
    sides = [name for name in next(iter(epochs.values())) if name != NONE]
    rows = []
    for side in sides:
        row = {"augmentation": side}
        for network, measurements in epochs.items():
            row[f"{network}, % on top"] = on_top(measurements, side).text(0)
            processor = on_top(measurements, side, 1).median
            row[f"{network}, in processor time"] = f"{processor:.0f}"
        rows.append(row)
    plain = "; ".join(
        f"{network} {Spread.of([1000 * e.seconds for e in measurements[NONE]]).text(0)} ms"
        for network, measurements in epochs.items()
    )
    worst = max(on_top(measurements, BOTH).median for measurements in epochs.values())
    rounds = len(next(iter(epochs.values()))[NONE])
    return (
        f"# Augmentation\n\nTime of an epoch of {DRAWINGS} drawings in batches of {BATCH_SIZE}, in "
        f"percent on top of the epoch without augmentation of the same round: median (range) of "
        f"{rounds} rounds.\n\n{table(rows)}\n\nAn epoch without: {plain}.\n\nAt most "
        f"{ALLOWED_PERCENT:.0f} % for {BOTH} is the goal: {goal(worst <= ALLOWED_PERCENT)}."
    )


def on_top(measurements: dict[str, list[Epoch]], side: str, which: int = 0) -> Spread:
    """Return what a side takes on top of the plain epoch, in percent; 1: in processor time."""
    pairs = zip(measurements[side], measurements[NONE], strict=True)
    return Spread.of([100 * (ours[which] / plain[which] - 1) for ours, plain in pairs])


def residual(data: DataInfo) -> object:
    """Return a residual CNN with two convolutions a stage (He et al. 2015, arXiv 1512.03385)."""
    from keras import Input, Model, layers

    x = inputs = Input(data.input_shape)
    for stage, filters in enumerate((16, 32, 64)):
        if stage:
            x = layers.MaxPooling2D(2)(x)
        skip = layers.Conv2D(filters, 1)(x)
        for last in (False, True):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.Add()([x, skip]) if last else x
            x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def good_start(data: DataInfo) -> object:
    """Return the network that a search of `shapes` tries second."""
    import keras_tuner

    from automl_sem.search_spaces import shapes

    hp = keras_tuner.HyperParameters()
    hp.values = dict(shapes.GOOD_STARTS[0])
    return shapes.build(hp, data)


if __name__ == "__main__":
    main()
