"""Whether labels survive a stress: two signs, and what is none."""

import numpy as np
import pytest
from sklearn import datasets

from automl_sem import search
from automl_sem.stress_check import clean_loss, confused_pair, prepared, with_strength
from automl_sem.types import Augment, Candidate, FoldResult, Recipe, Score, StressResult

CLASSES, PER_FOLD = 4, 40


def score(confusions, clean=(), loss=0.1):
    """Return a score on three folds: in each, some share of a class is taken for another.

    confusions, clean: (class, taken for, share) under stress and on images as they are.
    """
    folds = []
    for number in range(3):
        rows = np.arange(PER_FOLD) * 3 + number
        labels = np.arange(PER_FOLD) % CLASSES
        guesses, said = np.tile(labels, (1, 2, 1)), labels.copy()
        for a, b, share in confusions:
            of = np.flatnonzero(labels == a)
            guesses[0, :, of[: round(share * len(of))]] = b
        for a, b, share in clean:
            of = np.flatnonzero(labels == a)
            said[of[: round(share * len(of))]] = b
        probabilities = np.eye(CLASSES, dtype=np.float32)[said]
        true = np.full(guesses.shape, 0.9, np.float32)
        stress = StressResult(("rotate 180",), (True,), rows, labels, true, guesses)
        fold_loss = loss + 0.01 * number
        folds.append(FoldResult(number, rows, probabilities, fold_loss, 0.9, stress=stress))
    return Score(tuple(folds))


def test_a_pair_that_stays_confused_is_found():
    found = confused_pair(score([(1, 2, 0.5), (2, 1, 0.4)]), score([]), "rotate 180", CLASSES)
    assert found.pair == (1, 2)
    assert found.share == pytest.approx(0.45)
    assert found.clean == 0


@pytest.mark.parametrize(
    ("confusions", "clean", "why"),
    [
        ([(1, 2, 0.2)], (), "too few"),
        ([(0, 1, 0.5), (1, 2, 0.4), (2, 3, 0.5), (3, 0, 0.4)], (), "other pairs as well"),
        ([(1, 2, 0.5), (2, 1, 0.4)], [(1, 2, 0.4), (2, 1, 0.4)], "as they are as well"),
    ],
)
def test_what_shows_nothing_is_no_sign(confusions, clean, why):
    plain = score([], clean)
    assert confused_pair(score(confusions), plain, "rotate 180", CLASSES) is None, why


def test_a_condition_that_was_not_scored_shows_nothing():
    assert confused_pair(score([(1, 2, 0.5), (2, 1, 0.4)]), score([]), "scale 0.4", CLASSES) is None


def test_what_training_costs_is_measured_fold_by_fold():
    lost, error = clean_loss(score([], loss=0.5), score([], loss=0.1))
    assert lost == pytest.approx(0.4)
    assert error < 1e-6  # the folds differ alike


def test_a_candidate_trains_for_a_stress_from_three_quarters_of_its_strength():
    candidate = Candidate(0, {}, Recipe(augment=Augment(rotation=20, shift=0.1)), 1, "baseline")
    assert not prepared(candidate, "rotate", 45)
    changed = with_strength(candidate, "rotate", 34)
    assert prepared(changed, "rotate", 45)
    assert changed.recipe.augment == Augment(rotation=34, shift=0.1)
    assert not prepared(with_strength(candidate, "rotate", 0), "rotate", 45)


@pytest.mark.slow
def test_a_six_turned_by_180_degrees_is_a_nine(tmp_path):
    images, labels = datasets.load_digits(return_X_y=True)
    chosen = np.isin(labels, [0, 6, 9])
    x = np.rint(images[chosen].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    found = {}
    for name, stress in (("turned", "rotate=180"), ("moved", "shift=0.1")):
        run = search(
            (x, labels[chosen]),
            space="shapes",
            stress=stress,
            trials=1,
            folds=3,
            epochs=8,
            batch_size=32,
            out=tmp_path / name,
            say=lambda _: None,
        )
        found[name] = run.results.to_json()["stress_warnings"]
        assert (run.path / "stress.json").exists()
    assert any("'6' and '9'" in warning for warning in found["turned"])
    assert found["moved"] == []
