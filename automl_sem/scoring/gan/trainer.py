"""Train one GAN on many folds: traced once, many steps are one graph call."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import TrainingPart, release_pages
from automl_sem.data.ground import background_of
from automl_sem.failures import Diverged, Stopped
from automl_sem.gan_recipe import GanRecipe
from automl_sem.gans.noise import standard_normal
from automl_sem.scoring.base import NO_LIMITS
from automl_sem.scoring.fold import train_rows
from automl_sem.scoring.fused import fused_optimizers
from automl_sem.scoring.gan.halving import CURVE_POINTS, reason
from automl_sem.scoring.gan.judge import Judge, as_pixels
from automl_sem.scoring.gan.result import GanCurvePoint, GanFoldResult
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Bytes, Floats, Ints

SHOWN = 25  # images that are kept at each point
DRAWN = 64  # images by which one is looked after that has no judge
ROWS, COLUMNS = 4, 9  # of images on the way from one noise to another
ALIKE = 0.02  # of the variation of real images: generated ones that vary less are all alike
NEVER_WRONG = 1e-3  # a loss of the discriminator below which the generator learns nothing


class GanTrainer:
    """Fits one candidate fold after fold, with the same traced graph.

    Args:
        build: Returns the candidate's `Gan`; called once a fold.
        recipe: How to train it.
        part: The training part, kept on the device as one tensor.
        seed: Seed of the trial.
        judge: Returns the judge of a fold, by its held-out rows; only `fit` needs one.
        note: What takes it longer, for people.

    Attributes:
        train: Takes some steps, as `_steps_graph` says.
    """

    def __init__(
        self,
        build: Callable[[], Any],
        recipe: GanRecipe,
        part: TrainingPart,
        seed: int,
        judge: Callable[[Ints], Judge] | None = None,
        *,
        note: str = "",
    ) -> None:
        import tensorflow as tf

        self.note = note
        self._build = build
        self._recipe = recipe
        self._part = part
        self._seed = seed
        self._judge = judge
        self._x = tf.constant(part.x)
        release_pages(part.x)
        self._y = tf.constant(part.y, tf.int32)
        with seeded(derive_seed(seed, "trace")):
            self._gan = build()
        self._gan.compile(recipe, adam=fused_optimizers()["adam"])
        optimizers = self._gan.d_optimizer, self._gan.g_optimizer
        slots = [variable for made in optimizers for variable in made.variables]
        self._at_start = [(variable, variable.numpy()) for variable in slots]
        signature = [
            tf.TensorSpec([None, recipe.d_steps, None], tf.int32),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([], tf.float32),
        ]
        self.train = tf.function(self._steps_graph, input_signature=signature)

    def fit(
        self, fold: int, held_out: Ints, limits: Mapping[int, float] = NO_LIMITS
    ) -> GanFoldResult:
        """Train on all rows but `held_out`, and judge what the generator draws at the end.

        Args:
            fold: Number of the fold.
            held_out: Rows to hold out, (n,).
            limits: Largest distance with which to go on, by point of the curve.

        Raises:
            ValueError: If there is no judge.
            Stopped: If a limit is passed.
            Diverged: If a loss becomes NaN or infinite, the generator draws one image alone, or
                the discriminator is never wrong.
        """
        if self._judge is None:
            raise ValueError("a fold cannot be scored without a judge")
        started = time.perf_counter()
        rows = train_rows(self._part.y, held_out)
        seed = derive_seed(self._seed, fold)
        judge = self._judge(held_out)
        rng = np.random.default_rng(derive_seed(seed, "classes"))
        labels = self._part.y[np.resize(rng.permutation(rows), judge.fakes)]
        variation = judge.images.std(axis=0).mean() / 255.0
        curve: list[GanCurvePoint] = []
        shown: list[Bytes] = []
        fakes = np.empty((0, *self._part.x.shape[1:]), np.uint8)
        for step, told, drawn in self._learn(rows, seed, labels, variation, f" of fold {fold}"):
            fakes = as_pixels(drawn)
            shown.append(fakes[:SHOWN])
            d_loss, g_loss = told.tolist()
            curve.append(GanCurvePoint(step, d_loss, g_loss, judge.distance(fakes)))
            limit = limits.get(len(curve) - 1)
            if limit is not None and curve[-1].score > limit:
                said = reason(step, self._recipe.steps, curve[-1].score, limit)
                raise Stopped(said, [point.score for point in curve])
        return GanFoldResult(
            fold=fold,
            indices=np.asarray(held_out, np.int64),
            measures=judge.measures(fakes, self._usefulness(judge, fakes, labels, seed)),
            fakes=fakes,
            labels=labels,
            curve=tuple(curve),
            by_step=np.stack(shown),
            between=self._between(labels, derive_seed(seed, "between")),
            seconds=time.perf_counter() - started,
        )

    def learn(self, seed: int) -> Any:
        """Train on all images of the part, without a judge, and return the `Gan`.

        Args:
            seed: Decides initial weights, the order of the images and the noise.

        Raises:
            Diverged: As `fit` does.
        """
        rows = np.arange(len(self._part.y))
        rng = np.random.default_rng(derive_seed(seed, "classes"))
        labels = self._part.y[np.resize(rng.permutation(rows), DRAWN)]
        variation = self._part.x.std(axis=0).mean() / 255.0
        for _ in self._learn(rows, seed, labels, variation):
            pass
        return self._gan

    def _learn(
        self, rows: Ints, seed: int, labels: Ints, variation: float, where: str = ""
    ) -> Iterator[tuple[int, Floats, Floats]]:
        """Train from fresh weights; yield steps done, mean losses, (2,), and images, now and then.

        Args:
            rows: Rows to train on, (n,).
            seed: Of the fold.
            labels: Classes of the images to draw, (m,).
            variation: Of real images, 0 to 1.
            where: Which training it is, for people.
        """
        self._reset(seed)
        fill = np.float32(background_of(self._part.x, rows) / 255.0)
        order = batches(rows, self._recipe, derive_seed(seed, "order"))
        marks = np.linspace(0, self._recipe.steps, CURVE_POINTS + 1).round().astype(int).tolist()
        for first, last in itertools.pairwise(marks):
            if first == last:
                continue
            state = np.array([seed, first], np.int32)
            told = self.train(order[first:last], state, fill).numpy() / (last - first)
            if not np.isfinite(told).all():
                raise Diverged(f"a loss became {told.sum()} by step {last}{where}")
            drawn = self._gan.draw(len(labels), labels, derive_seed(seed, "noise"))
            self._check(drawn, told, variation, f"by step {last}{where}")
            yield last, told, drawn

    def _between(self, labels: Ints, seed: int) -> Bytes:
        """Return images on the way from one noise to another, each row of one class.

        The way is an arc, since straight on, noise would be shorter than any that the generator
        has learnt from (White 2016, Sampling Generative Networks, arXiv 1609.04468).
        """
        ends = standard_normal(2 * ROWS, self._gan.latent_dim, seed).reshape(2, ROWS, 1, -1)
        angle = np.linspace(0, np.pi / 2, COLUMNS, dtype=np.float32)[:, None]
        way = np.cos(angle) * ends[0] + np.sin(angle) * ends[1]  # (rows, columns, latent_dim)
        of_row = np.repeat(np.resize(labels, ROWS), COLUMNS)
        drawn = self._gan.draw_from(way.reshape(ROWS * COLUMNS, -1), of_row)
        return as_pixels(drawn).reshape(ROWS, COLUMNS, *self._gan.image_shape)

    def _usefulness(self, judge: Judge, fakes: Bytes, labels: Ints, seed: int) -> float | None:
        if not (self._gan.conditional and judge.network.labelled):
            return None
        return judge.usefulness(fakes, labels, derive_seed(seed, "usefulness"))

    def _check(self, drawn: Floats, told: Floats, variation: float, when: str) -> None:
        """Raise Diverged if there is nothing left to learn."""
        if not np.isfinite(drawn).all():
            raise Diverged(f"what the generator draws is not finite {when}")
        if drawn.std(axis=0).mean() < ALIKE * variation:
            raise Diverged(f"all images that the generator draws are alike {when}")
        if self._recipe.loss != "wgan-gp" and told[0] < NEVER_WRONG:
            raise Diverged(
                f"the discriminator is never wrong {when} (its loss is {told[0]:.2g}), so the "
                "generator learns nothing"
            )

    def _reset(self, seed: int) -> None:
        """Give the traced networks the values of newly built ones."""
        with seeded(seed, tensorflow=False):
            fresh = self._build()
        for ours, theirs in zip(self._gan.networks, fresh.networks, strict=True):
            for variable, value in zip(ours.variables, theirs.variables, strict=True):
                variable.assign(value)
        for variable, value in self._at_start:
            variable.assign(value)

    def _steps_graph(self, order: Any, seed: Any, fill: Any) -> Any:
        """Some steps: returns the sums of the losses of discriminator and generator, (2,).

        order: (steps, d_steps, batch) rows; seed: that of the fold and the steps done; fill: ().
        """
        import tensorflow as tf

        totals = tf.zeros([2])
        for step in tf.range(tf.shape(order)[0]):
            done = seed[1] + step
            own = tf.stack([seed[0] + 104729 * done, done])
            told = tf.constant(0.0)
            for d_step in range(self._recipe.d_steps):
                real, labels = self._batch(order[step, d_step])
                seeds = own + [0, 7919 * (d_step + 1)]
                told += tf.reduce_mean(self._gan.learn_to_discriminate(real, labels, seeds, fill))
            _, labels = self._batch(order[step, 0])
            drawn = self._gan.learn_to_generate(labels, own, fill)
            totals += tf.stack([told / self._recipe.d_steps, tf.reduce_mean(drawn)])
        return totals

    def _batch(self, rows: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        real = tf.cast(tf.gather(self._x, rows), tf.float32) / 255.0
        return real, tf.gather(self._y, rows)


def batches(rows: Ints, recipe: GanRecipe, seed: int) -> NDArray[np.int32]:
    """Return the rows of each step of the discriminator, (steps, d_steps, batch).

    Args:
        rows: Rows to train on, (n,); of fewer than a batch, all are in each.
        recipe: Says how many steps there are.
        seed: Decides the order.
    """
    size = min(recipe.batch_size, len(rows))
    needed = recipe.steps * recipe.d_steps * size
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(rows) for _ in range(-(-needed // len(rows)))]
    order = np.concatenate(shuffled)[:needed].astype(np.int32)
    return order.reshape(recipe.steps, recipe.d_steps, size)
