import dataclasses
import functools

import numpy as np
import pytest
from small_gans import small_gan, some_images

from automl_sem.data.dataset import TrainingPart
from automl_sem.failures import Diverged
from automl_sem.gan_recipe import DiffAugment, GanRecipe
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import judge_of
from automl_sem.scoring.gan.trainer import SHOWN, GanTrainer, batches

RECIPE = GanRecipe(
    learning_rate=3e-3, batch_size=16, steps=60, ema=0.9, augment=DiffAugment(translation=0.125)
)
FOLDS = np.arange(120) % 3


@pytest.fixture(scope="module")
def part():
    images, labels = some_images(120)
    x = np.rint(images * 255).astype(np.uint8)
    return TrainingPart(x, labels.astype(np.int64), tuple(map(str, range(120))), ("a", "b", "c"))


@pytest.fixture(scope="module")
def judge(part):
    network, known = FeatureNetwork(part.x.shape[1:], 3), {}

    def of(held_out):
        key = held_out.tobytes()
        known[key] = known.get(key) or judge_of(network, part, held_out, seed=0)
        return known[key]

    return of


def trainer(part, judge, recipe=RECIPE, build=lambda: small_gan(conditional=True)):
    return GanTrainer(build, recipe, part, seed=4, judge=judge)


def rows(fold):
    return np.flatnonzero(fold == FOLDS)


@pytest.fixture(scope="module")
def trained(part, judge):
    made = trainer(part, judge)
    return made, [made.fit(fold, rows(fold)) for fold in (0, 1)]


def test_a_fold_has_a_score_a_curve_and_the_images_behind_it(trained):
    _, (first, _) = trained
    assert first.objective == first.measures.score
    assert [point.step for point in first.curve] == list(range(6, 61, 6))
    assert first.curve[-1].score == pytest.approx(first.measures.score)
    assert first.fakes.shape == (500, 8, 8, 1)
    assert first.fakes.dtype == np.uint8
    assert first.by_step.shape == (10, SHOWN, 8, 8, 1)
    np.testing.assert_array_equal(first.by_step[-1], first.fakes[:SHOWN])
    np.testing.assert_array_equal(first.indices, rows(0))
    assert first.seconds > 0


def test_the_longer_it_learns_the_better_its_images(trained):
    _, (first, _) = trained
    assert first.curve[-1].score < first.curve[0].score / 2


def test_the_score_follows_from_the_images_that_are_kept(trained, judge):
    _, (first, _) = trained
    again = judge(rows(0)).measures(first.fakes)
    for name, value in dataclasses.asdict(again).items():
        if "usefulness" not in name:
            assert getattr(first.measures, name) == pytest.approx(value), name


def test_a_fold_does_not_depend_on_those_before(trained, part, judge):
    _, (_, second) = trained
    alone = trainer(part, judge).fit(1, rows(1))
    np.testing.assert_array_equal(alone.fakes, second.fakes)
    assert alone.measures == second.measures
    assert alone.curve == second.curve


def test_all_folds_share_a_trace(trained):
    made, _ = trained
    assert made.train.experimental_get_tracing_count() == 1


def test_folds_start_with_weights_of_their_own(trained):
    _, (first, second) = trained
    assert not np.array_equal(first.by_step[0], second.by_step[0])


def test_fakes_show_the_classes_as_often_as_the_training_images(trained, part):
    _, (first, _) = trained
    ours = np.bincount(first.labels) / len(first.labels)
    theirs = np.bincount(part.y[FOLDS != 0]) / (FOLDS != 0).sum()
    np.testing.assert_allclose(ours, theirs, atol=0.05)
    assert len(set(first.labels[:25].tolist())) == 3


def test_one_that_draws_given_classes_is_measured_by_its_use(trained):
    _, (first, _) = trained
    assert 0 <= first.measures.usefulness <= 1
    assert first.measures.real_usefulness > 0.9


def test_one_that_does_not_has_no_use_to_measure(part, judge):
    short = dataclasses.replace(RECIPE, steps=6)
    result = trainer(part, judge, short, small_gan).fit(0, rows(0))
    assert result.measures.usefulness is None
    assert result.measures.real_usefulness is None


def test_held_out_images_do_not_reach_the_networks(part, judge):
    """A marker image stands in the held-out fold alone."""
    short = dataclasses.replace(RECIPE, steps=12)
    x = part.x.copy()
    x[rows(0)] = 255
    marked = dataclasses.replace(part, x=x)
    ours = trainer(part, judge, short).fit(0, rows(0))
    theirs = trainer(marked, judge, short).fit(0, rows(0))
    np.testing.assert_array_equal(ours.fakes, theirs.fakes)


HOPELESS = {
    "not finite": (GanRecipe(learning_rate=1e6, steps=20, batch_size=16, loss="wgan-gp"), "became"),
    "never wrong": (
        GanRecipe(learning_rate=1e-9, discriminator_rate=3e7, steps=200, batch_size=16),
        "the discriminator is never wrong",
    ),
}


@pytest.mark.parametrize("case", HOPELESS)
def test_what_cannot_come_to_anything_is_stopped(part, judge, case):
    recipe, reason = HOPELESS[case]
    build = functools.partial(small_gan, conditional=True, normalization="none", dropout=0.0)
    with pytest.raises(Diverged, match=f"{reason}.* fold 0"):
        trainer(part, judge, recipe, build).fit(0, rows(0))


def test_a_generator_that_draws_one_image_alone_is_stopped(part, judge):
    def build():
        gan = small_gan()
        last = gan.generator.layers[-1]
        last.bias.assign([-1.0])
        last.kernel.assign(last.kernel * 0)
        last.trainable = False
        gan.averaged.set_weights(gan.generator.get_weights())
        return gan

    with pytest.raises(Diverged, match="all images that the generator draws are alike by step 2 "):
        trainer(part, judge, dataclasses.replace(RECIPE, steps=20), build).fit(0, rows(0))


def test_every_row_is_drawn_equally_often():
    order = batches(np.arange(10, 34), GanRecipe(batch_size=16, steps=9, d_steps=2), seed=1)
    assert order.shape == (9, 2, 16)
    counts = np.bincount(order.ravel())[10:]
    assert set(counts.tolist()) == {12}
    few = batches(np.arange(5), GanRecipe(batch_size=16, steps=2), seed=1)
    assert few.shape == (2, 1, 5)


def test_without_a_judge_all_classes_are_looked_after_though_images_are_sorted(part, monkeypatch):
    given = []
    monkeypatch.setattr(GanTrainer, "_learn", lambda _, *args: iter(given.append(args) or ()))
    by_class = dataclasses.replace(part, y=np.repeat([0, 1, 2], [90, 20, 10]))
    GanTrainer(lambda: small_gan(conditional=True), RECIPE, by_class, 4).learn(1)
    labels = given[0][2]
    assert len(labels) == 64
    assert set(labels.tolist()) == {0, 1, 2}


def test_a_fold_is_not_scored_without_a_judge(part):
    with pytest.raises(ValueError, match="cannot be scored without a judge"):
        trainer(part, None).fit(0, rows(0))
