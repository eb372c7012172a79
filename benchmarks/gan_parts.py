"""What `gan.py` measures in its own process: steps, equal time, and how fast images are drawn."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gan import CALLS, FIT, LOOP, OURS, Record
from measure import alternate

from automl_sem.backend import use_tensorflow
from automl_sem.data import load_dataset
from automl_sem.data.dataset import Dataset
from automl_sem.data.ground import background_of
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import Judge, as_pixels, judge_by
from automl_sem.scoring.gan.trainer import GanTrainer, batches
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Bytes

SIZES = {"shapes": 600}  # images that are drawn to train on; the others are as many as there are
PIECE = 50  # steps after which the clock is looked at
SEEDS = 3  # of equal time


def prepare(threads: int) -> None:
    """Choose the settings of our workers for the whole process, before anything is computed."""
    use_tensorflow()
    import keras
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    if not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def data_of(name: str, seed: int = 0) -> Dataset:
    """Return a dataset."""
    return load_dataset(name, size=SIZES.get(name), seed=seed)


def textbook_of(dataset: Dataset) -> tuple[Callable[[], Any], Any]:
    """Return what builds the baseline of the space `gan`, and its recipe."""
    import keras_tuner

    from automl_sem.search_spaces import gan as space

    hp = keras_tuner.HyperParameters()
    hp.values = dict(space.BASELINE)
    return lambda: space.build(hp, dataset.info), space.recipe(hp, dataset.info)


class Ours:
    """Our trainer, and the GAN that it trains.

    Args:
        build: Makes the GAN.
        recipe: How it is trained.
        dataset: Whose training part it is trained on.
        seed: Of the initial weights, the order of the images and the noise.
    """

    def __init__(
        self, build: Callable[[], Any], recipe: Any, dataset: Dataset, seed: int = 0
    ) -> None:
        with seeded(derive_seed(seed, "weights")):
            self.gan = build()
        self.recipe, self.part, self.seed = recipe, dataset.train, seed
        self.trainer = GanTrainer(lambda: self.gan, recipe, self.part, seed)
        self.rows = np.arange(len(self.part.x))
        self.fill = np.float32(background_of(self.part.x, self.rows) / 255.0)
        self.steps = 0

    def trace(self) -> None:
        """Trace the graph without a step."""
        self.trainer.train(self._order(1)[:0], np.array([self.seed, 0], np.int32), self.fill)

    def train(self, steps: int) -> bool:
        """Take some steps; return whether the losses are finite."""
        state = np.array([self.seed, self.steps], np.int32)
        told = self.trainer.train(self._order(steps), state, self.fill).numpy()
        self.steps += steps
        return bool(np.isfinite(told).all())

    def draw(self, n: int) -> Bytes:
        """Return images, the classes as often as in the training part."""
        labels = self.part.y[np.resize(np.random.default_rng(0).permutation(self.rows), n)]
        return as_pixels(self.gan.draw(n, labels, derive_seed(self.seed, "drawn")))

    def _order(self, steps: int) -> Any:
        own = replace(self.recipe, steps=steps)
        return batches(self.rows, own, derive_seed(self.seed, "order", self.steps))


def test_judge(dataset: Dataset, seed: int) -> Judge:
    """Return who compares drawn images with those of the test part."""
    network = FeatureNetwork(dataset.info.input_shape, dataset.info.classes)
    train, test = dataset.train, dataset.test
    return judge_by(network, (train.x, train.y), (test.x, test.y), derive_seed(seed, "judge"))


def steps(name: str, options: argparse.Namespace) -> Record:
    """Return seconds for 1,000 steps of all sides, round by round, by the clock and processor."""
    from hand_written_gan import HandWrittenGan, KerasGan, shuffled_batches

    dataset = data_of(name)
    build, recipe = textbook_of(dataset)
    ours = Ours(build, recipe, dataset)
    bare = HandWrittenGan(build(), recipe, dataset.train)
    made = build()
    fitted = KerasGan(made.generator, made.discriminator, made.latent_dim)
    fitted.compile(recipe)
    data = shuffled_batches(dataset.train.x, recipe.batch_size)
    # Whole epochs, so that `fit` need not be cut short.
    epochs = max(1, round(options.steps / len(data)))
    order = batches(ours.rows, replace(recipe, steps=options.steps), seed=0)[:, 0]
    sides: dict[str, tuple[Callable[[], Any], int]] = {
        OURS: (lambda: ours.train(options.steps), options.steps),
        LOOP: (lambda: bare.run(order).numpy(), options.steps),
        CALLS: (lambda: bare.run_one_by_one(order), options.steps),
        FIT: (lambda: fitted.fit(data, epochs=epochs, verbose=0), epochs * len(data)),
    }
    for run, _ in sides.values():  # traces
        run()

    def timed(run: Callable[[], Any], count: int) -> Callable[[int], tuple[float, float]]:
        def once(_: int) -> tuple[float, float]:
            clock, processor = time.perf_counter(), processor_seconds()
            run()
            spent = time.perf_counter() - clock, processor_seconds() - processor
            return 1000 * spent[0] / count, 1000 * spent[1] / count

        return once

    found = alternate({side: timed(*each) for side, each in sides.items()}, options.rounds)
    return {
        "steps": options.steps,
        "seconds": {side: [clock for clock, _ in each] for side, each in found.items()},
        "processor_s": {side: [spent for _, spent in each] for side, each in found.items()},
    }


def processor_seconds() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def equal_time(name: str, options: argparse.Namespace) -> Record:
    """Return how good drawn images are after equal time of ours and of Keras's `fit`."""
    dataset = data_of(name)
    build, recipe = textbook_of(dataset)
    judge = test_judge(dataset, 0)
    marks = [options.seconds / 4, options.seconds]
    count = 1 if options.quick else SEEDS
    found = []
    for seed in range(count):
        sides = {
            OURS: ours_at(marks, Ours(build, recipe, dataset, seed), judge),
            FIT: fit_at(marks, build, recipe, dataset, judge, seed),
        }
        found.append(
            [
                {"seconds": mark, **{side: at[number] for side, at in sides.items()}}
                for number, mark in enumerate(marks)
            ]
        )
    return {"seeds": found}


def ours_at(marks: list[float], ours: Ours, judge: Judge) -> list[Record]:
    """Return how good images of ours are after so many seconds each of training."""
    ours.trace()
    spent, found = 0.0, []
    for mark in marks:
        while spent < mark:
            started = time.perf_counter()
            ours.train(PIECE)
            spent += time.perf_counter() - started
        found.append(judged(judge, ours.draw(judge.fakes), ours.steps))
    return found


def fit_at(
    marks: list[float],
    build: Callable[[], Any],
    recipe: Any,
    dataset: Dataset,
    judge: Judge,
    seed: int,
) -> list[Record]:
    """Return the same of Keras's `fit`."""
    import keras
    from hand_written_gan import KerasGan, shuffled_batches

    with seeded(derive_seed(seed, "weights")):
        made = build()
    model = KerasGan(made.generator, made.discriminator, made.latent_dim)
    model.compile(recipe)
    data = shuffled_batches(dataset.train.x, recipe.batch_size)
    model.fit(data.take(1), verbose=0)  # traces
    noise = np.random.default_rng(seed).standard_normal((judge.fakes, made.latent_dim), np.float32)

    class UntilMark(keras.callbacks.Callback):
        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds, self.spent, self.epochs = seconds, 0.0, 0

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.epochs = epoch + 1
            self.spent = time.perf_counter() - self.started
            self.model.stop_training = self.spent >= self.seconds

    spent, epochs = 0.0, 0
    found = []
    for mark in marks:
        clock = UntilMark(mark - spent)
        model.fit(data, epochs=1_000_000, verbose=0, callbacks=[clock])
        spent, epochs = spent + clock.spent, epochs + clock.epochs
        drawn = as_pixels(model.generator.predict(noise, verbose=0))
        found.append(judged(judge, drawn, 1 + epochs * len(data)))
    return found


def judged(judge: Judge, drawn: Bytes, done: int) -> Record:
    """Return what is told of drawn images."""
    measures = judge.measures(drawn)
    return {"steps": done, "distance": measures.score, "coverage": measures.coverage}


def sampling(name: str, options: argparse.Namespace) -> Record:
    """Return images drawn a second in memory, from an export, and by Keras's `predict`."""
    from automl_sem import search
    from automl_sem.export import draw

    n = options.drawn
    dataset = data_of(name)
    build, _ = textbook_of(dataset)
    gan = build()
    noise = np.random.default_rng(0).standard_normal((n, gan.latent_dim), np.float32)
    run = search(
        "gan",
        data=name,
        **({"size": SIZES[name]} if name in SIZES else {}),
        trials=1,
        epochs=1,
        folds=2,
        workers=0,
        out=Path(options.scratch) / f"run-{name}",
        say=lambda _: None,
    )
    exported = run.export(formats=("keras", "saved-model"), gpus=0).path
    ways: dict[str, Callable[[], Any]] = {
        "automl-sem in memory": lambda: gan.draw(n),
        "its export": lambda: draw(exported, n),
        "loading it": lambda: draw(exported, 1),
        "predict": lambda: gan.generator.predict(noise, verbose=0),
        "predict in batches of 256": lambda: gan.generator.predict(
            noise, batch_size=256, verbose=0
        ),
    }

    def timed(way: Callable[[], Any]) -> Callable[[int], float]:
        def once(_: int) -> float:
            started = time.perf_counter()
            way()
            return time.perf_counter() - started

        return once

    for way in ways.values():  # traces
        way()
    found = alternate({each: timed(way) for each, way in ways.items()}, options.rounds)
    load = found.pop("loading it")
    taken = dict(found)
    taken["its export"] = [
        max(whole - other, 1e-9) for whole, other in zip(found["its export"], load, strict=True)
    ]
    return {
        "drawn": n,
        "load_s": float(np.median(load)),
        "a_second": {way: [n / seconds for seconds in each] for way, each in taken.items()},
    }
