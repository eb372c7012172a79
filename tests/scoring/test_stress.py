"""Stress folds: the same distorted copies for every candidate, in the objective or kept back."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from automl_sem.data.dataset import TrainingPart
from automl_sem.scoring import stress
from automl_sem.scoring.fit import FitTrainer
from automl_sem.scoring.stress import StressFolds, stress_scores
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.types import FoldResult, Recipe, Score

ROWS = np.arange(0, 60, 5)
RECIPE = Recipe(learning_rate=0.01, batch_size=16, epochs=3)
STRESS = {"rotate": 180.0, "shift": 0.3}
NAMES = ("rotate 90", "rotate 180", "shift 0.15", "shift 0.3", "perspective 0.3", "blur 1")


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


class Watched:
    """A model of which only the images that it is asked about matter."""

    def __init__(self):
        self.images = []

    def __call__(self, images):
        self.images.append(images)
        made = np.stack([images.mean(axis=(1, 2, 3)) + 1, np.ones(len(images)), images[:, 0, 0, 0]])
        return (made / made.sum(axis=0)).T.astype(np.float32)


def test_every_candidate_is_asked_the_same(stripes):
    first, second = Watched(), Watched()
    folds = StressFolds(STRESS, stripes, seed=3)
    once, again = folds.score(ROWS, first), folds.score(ROWS, second)
    elsewhere = StressFolds(STRESS, stripes, seed=3).score(ROWS, Watched())
    np.testing.assert_array_equal(first.images, second.images)
    for result in (again, elsewhere):
        np.testing.assert_array_equal(once.true, result.true)
    other_seed = Watched()
    StressFolds(STRESS, stripes, seed=4).score(ROWS, other_seed)
    assert not np.array_equal(first.images, other_seed.images)


def test_copies_are_distorted_more_where_the_strength_is_greater(stripes):
    watched = Watched()
    result = StressFolds({"noise": 0.2}, stripes, seed=3).score(ROWS, watched)
    copies = watched.images[0].reshape(len(result.conditions), 2, len(ROWS), 8, 8, 1)
    moved = np.abs(copies.astype(float) - stripes.x[ROWS]).mean(axis=(1, 2, 3, 4, 5))
    assert 0 < moved[0] < moved[1]
    assert not np.array_equal(copies[:, 0], copies[:, 1])


def test_the_result_has_each_condition_and_the_true_labels(stripes):
    result = StressFolds(STRESS, stripes, seed=3).score(ROWS, Watched())
    assert result.conditions == NAMES
    assert result.scored == (True, True, True, True, False, False)
    assert result.true.shape == result.guesses.shape == (6, 2, len(ROWS))
    np.testing.assert_array_equal(result.labels, stripes.y[ROWS])
    watched = Watched()
    StressFolds(STRESS, stripes, seed=3).score(ROWS, watched)
    predicted = watched(watched.images[0]).reshape(6, 2, len(ROWS), 3)
    np.testing.assert_array_equal(result.guesses, predicted.argmax(-1))
    expected = -np.log(predicted[1, :, np.arange(len(ROWS)), stripes.y[ROWS]]).mean()
    assert result.log_losses[1] == pytest.approx(expected, rel=1e-5)
    assert result.log_loss == pytest.approx(np.mean(result.log_losses[:4]))


@pytest.mark.parametrize("trainer", [FoldTrainer, FitTrainer])
def test_the_objective_is_the_mean_of_clean_and_stressed_log_loss(stripes, trainer):
    folds = StressFolds(STRESS, stripes, seed=3)
    plain = trainer(network, RECIPE, stripes, 7).fit(0, ROWS)
    result = trainer(network, RECIPE, stripes, 7, stress=folds).fit(0, ROWS)
    np.testing.assert_array_equal(plain.probabilities, result.probabilities)
    assert plain.objective == plain.log_loss == result.log_loss
    assert result.objective == pytest.approx((result.log_loss + result.stress.log_loss) / 2)
    assert result.stress.log_loss > result.log_loss  # turned stripes are other stripes


def test_both_trainers_score_alike_under_stress(stripes):
    results = [
        trainer(network, RECIPE, stripes, 7, stress=StressFolds(STRESS, stripes, 3)).fit(0, ROWS)
        for trainer in (FoldTrainer, FitTrainer)
    ]
    np.testing.assert_allclose(results[0].stress.true, results[1].stress.true, atol=1e-4)


def test_of_a_large_fold_a_part_is_distorted(stripes, monkeypatch):
    monkeypatch.setattr(stress, "MOST", 5)
    watched = Watched()
    result = StressFolds(STRESS, stripes, seed=3).score(ROWS, watched)
    assert len(result.rows) == 5
    assert set(result.rows) < set(ROWS)
    assert len(watched.images[0]) == 6 * 2 * 5


def test_chunks_do_not_repeat_their_draws(monkeypatch):
    x = np.zeros((6, 8, 8, 1), np.uint8)
    x[:, 2:6, 3:5] = 255
    part = TrainingPart(x, np.arange(6) % 2, ("",) * 6, ("a", "b"))
    monkeypatch.setattr(stress, "CHUNK", 3)
    watched = Watched()
    StressFolds({"rotate": 180.0}, part, seed=3).score(np.arange(6), watched)
    assert not np.array_equal(watched.images[0][:3], watched.images[0][3:6])


def test_another_fold_is_distorted_in_another_way():
    x = np.zeros((12, 8, 8, 1), np.uint8)
    x[:, 2:6, 3:5] = 255
    part = TrainingPart(x, np.arange(12) % 2, ("",) * 12, ("a", "b"))
    folds = StressFolds({"rotate": 180.0}, part, seed=3)
    asked = {}
    for name, rows in {"first": [0, 2, 4], "second": [6, 8, 10], "fresh": [0, 8, 4]}.items():
        watched = Watched()
        folds.score(np.array(rows), watched)
        asked[name] = watched.images[0].reshape(4, 2, 3, -1)[:2]  # every turn
    same = [
        np.array_equal(asked[a][:, copy, place], asked[b][:, copy, place])
        for a, b in itertools.combinations(asked, 2)
        for copy in range(2)
        for place in range(3)
    ]
    assert not any(same)


@pytest.mark.parametrize("at_once", [1, 12 * 2 * 64 * 4, 2**25])
def test_conditions_are_asked_some_at_a_time_where_images_are_large(stripes, monkeypatch, at_once):
    whole = Watched()
    StressFolds(STRESS, stripes, seed=3).score(ROWS, whole)
    monkeypatch.setattr(stress, "AT_ONCE_BYTES", at_once)
    monkeypatch.setattr(stress, "KEPT_BYTES", 0)
    watched = Watched()
    folds = StressFolds(STRESS, stripes, seed=3)
    result = folds.score(ROWS, watched)
    assert len(watched.images) == {1: 6, 2**25: 1}.get(at_once, 2)
    np.testing.assert_array_equal(np.concatenate(watched.images), whole.images[0])
    assert result.true.shape == (6, 2, len(ROWS))
    again = Watched()
    folds.score(ROWS, again)
    np.testing.assert_array_equal(np.concatenate(again.images), whole.images[0])


def test_images_that_stay_on_disk_are_distorted_alike(stripes, tmp_path):
    np.save(tmp_path / "x.npy", stripes.x)
    mapped = dataclasses.replace(stripes, x=np.load(tmp_path / "x.npy", mmap_mode="r"))
    asked = []
    for part in (stripes, mapped):
        watched = Watched()
        StressFolds(STRESS, part, seed=3).score(ROWS, watched)
        asked.append(watched.images[0])
    np.testing.assert_array_equal(*asked)


def test_an_example_is_a_copy_that_was_scored(stripes):
    watched = Watched()
    folds = StressFolds(STRESS, stripes, seed=3)
    folds.score(ROWS, watched)
    copies = watched.images[0].reshape(6, 2, len(ROWS), 8, 8, 1)
    for copy in range(2):
        shown = folds.examples(ROWS, ROWS[4], copy)
        assert list(shown) == list(NAMES)
        np.testing.assert_array_equal(np.stack(list(shown.values())), copies[:, copy, 4])


def test_intervals_count_images_not_copies(stripes):
    folds = StressFolds(STRESS, stripes, seed=3)
    results = []
    for fold in range(2):
        rows = ROWS + fold
        found = folds.score(rows, Watched())
        probabilities = np.full((len(rows), 3), 1 / 3, np.float32)
        results.append(FoldResult(fold, rows, probabilities, 1.1, 0.3, stress=found))
    scores = stress_scores(Score(tuple(results)))
    assert [s.condition for s in scores] == list(NAMES)
    assert [s.scored for s in scores] == [True] * 4 + [False] * 2
    hits = np.concatenate([r.stress.hits[0].ravel() for r in results])
    assert scores[0].accuracy == pytest.approx(hits.mean())
    share, n, z = hits.mean(), 24, 1.959964
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert scores[0].high - scores[0].low == pytest.approx(2 * half, rel=1e-6)
    assert stress_scores(Score((dataclasses.replace(results[0], stress=None),))) == []
