"""Fakes of a fold: made of its training images alone, filtered, kept."""

import dataclasses
import threading
import time

import numpy as np
import pytest
from small_forger import CLASSES, Perfect, images_of, make_design, make_part

from automl_sem.failures import Diverged
from automl_sem.gan_recipe import GanRecipe
from automl_sem.scoring.gan import fakes as fakes_module
from automl_sem.scoring.gan.fakes import (
    CONFIDENT,
    Fakes,
    Forgers,
    fakes_key,
    for_few,
    learnt_from,
    read_fakes,
)
from automl_sem.scoring.gan.features import FeatureNetwork, training_order

HELD_OUT = np.arange(9)
MARKER = np.indices((8, 8)).sum(axis=0)[..., None] % 2 * 255  # a chessboard


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    return make_design(tmp_path_factory.mktemp("gan"))


def marked(part, rows):
    """Return a part with the marker in some rows, as if they were of the last class."""
    x, y = part.x.copy(), part.y.copy()
    x[rows], y[rows] = MARKER, len(CLASSES) - 1
    return dataclasses.replace(part, x=x, y=y)


@pytest.mark.slow
@pytest.mark.usefixtures("reproducible")
def test_a_marker_in_the_held_out_fold_changes_no_fake_and_one_in_a_training_row_does(
    design, monkeypatch
):
    monkeypatch.setattr(fakes_module, "CONFIDENT", 0.0)  # all that is drawn, bit by bit
    part = make_part()
    ours = Forgers(part, 3, design).of(HELD_OUT)
    held_out = Forgers(marked(part, HELD_OUT), 3, design).of(HELD_OUT)
    assert len(ours.labels) == 36
    for name, value in vars(ours).items():
        np.testing.assert_array_equal(value, getattr(held_out, name))
    trained_on = Forgers(marked(part, [20]), 3, design).of(HELD_OUT)
    same = ours.labels[:30] == trained_on.labels[:30]
    assert (ours.images[:30][same] != trained_on.images[:30][same]).mean() > 0.1


@pytest.fixture
def perfect(monkeypatch):
    monkeypatch.setattr(fakes_module, "GanTrainer", Perfect)
    monkeypatch.setattr(Perfect, "given", [])
    return Perfect


def test_gan_and_filter_are_given_the_training_rows_and_nothing_else(perfect, design, monkeypatch):
    part, fitted = make_part(), []
    fit = FeatureNetwork.fit
    monkeypatch.setattr(
        FeatureNetwork, "fit", lambda self, *given: (fitted.append(given), fit(self, *given))
    )
    Forgers(marked(part, HELD_OUT), 3, design).of(HELD_OUT)
    rest = np.setdiff1d(np.arange(45), HELD_OUT)
    for x, y in [(perfect.given[0].x, perfect.given[0].y), fitted[0][:2]]:
        np.testing.assert_array_equal(x, part.x[rest])
        np.testing.assert_array_equal(y, part.y[rest])
        assert not (x == MARKER).all(axis=(1, 2, 3)).any()


def test_there_are_at_most_as_many_fakes_as_real_ones_in_each_class(perfect, design):
    part = make_part()
    y = part.y.copy()
    y[np.flatnonzero(y == 2)[4:]] = 0  # few of the last class
    part = dataclasses.replace(part, x=images_of(y), y=y)
    found = Forgers(part, 3, design).of(HELD_OUT)
    real = np.bincount(np.delete(y, HELD_OUT), minlength=3)
    kept = np.bincount(found.labels, minlength=3)
    assert (kept <= real).all()
    assert kept.sum() > 0.9 * real.sum()
    learnt = learnt_from(part, HELD_OUT, 1.0, lambda _: found)
    assert len(learnt.rows) == len(learnt.real) + kept.sum()
    np.testing.assert_array_equal(learnt.real, np.arange(9, 45))
    assert not set(learnt.rows) & set(HELD_OUT.tolist())
    np.testing.assert_array_equal(learnt.part.x[:45], part.x)
    by_class = np.argsort(found.labels, kind="stable")
    np.testing.assert_array_equal(learnt.part.x[45:], found.images[by_class])
    half = learnt_from(part, HELD_OUT, 0.5, lambda _: found)
    np.testing.assert_array_equal(
        np.bincount(half.part.y[45:], minlength=3), [round(count / 2) for count in real.tolist()]
    )


def test_what_does_not_show_the_class_that_was_asked_for_is_rejected(perfect, design):
    part = make_part(90)
    found = Forgers(part, 3, design).of(HELD_OUT)
    assert (found.images.mean(axis=(2, 3))[:, 1:7:2].argmax(axis=1) == found.labels).all()
    assert found.rejected.sum() >= 81 // perfect.wrong
    network = FeatureNetwork((8, 8, 1), 3)
    network.fit(part.x, part.y, 1, 300)
    shares = network.probabilities(found.images)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(shares.max(axis=1) >= CONFIDENT) > 0.9


def test_where_nothing_passes_there_are_none_and_the_reason_is_said(perfect, design, monkeypatch):
    monkeypatch.setattr(perfect, "wrong", 1)
    part = make_part()
    found = Forgers(part, 3, design).of(HELD_OUT)
    assert found.reason == "none of its images could be told by their class"
    learnt = learnt_from(part, HELD_OUT, 1.0, lambda _: found)
    np.testing.assert_array_equal(learnt.rows, learnt.real)
    assert learnt.note == (
        "no fake images in a fold: none of its images could be told by their class"
    )


def test_a_gan_that_fails_leaves_the_real_images(design, monkeypatch):
    def fail(*_):
        raise Diverged("all images that the generator draws are alike by step 3")

    monkeypatch.setattr(fakes_module, "fakes_of", fail)
    found = Forgers(make_part(), 3, design).of(HELD_OUT)
    assert len(found.labels) == 0
    assert found.reason == (
        "its GAN failed, all images that the generator draws are alike by step 3"
    )


@pytest.mark.parametrize("error", [KeyError("width"), MemoryError()])
def test_a_defect_or_a_lack_of_memory_is_no_failed_gan(design, monkeypatch, tmp_path, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(fakes_module, "fakes_of", fail)
    with pytest.raises(type(error)):
        Forgers(make_part(), 3, design, tmp_path).of(HELD_OUT)
    assert not list(tmp_path.glob("*.npz"))
    monkeypatch.setattr(fakes_module, "fakes_of", lambda *_: some_fakes())
    assert len(Forgers(make_part(), 3, design, tmp_path).of(HELD_OUT).labels) == 6


def some_fakes(n=6):
    labels = np.arange(n) % 3
    return Fakes(images_of(labels), labels, np.array([1, 0, 2]))


def test_what_is_kept_on_disk_is_not_drawn_again(design, monkeypatch, tmp_path):
    made = []

    def make(*_):
        made.append(1)
        return some_fakes()

    monkeypatch.setattr(fakes_module, "fakes_of", make)
    part = make_part()
    first = Forgers(part, 3, design, tmp_path / "drawn").of(HELD_OUT)
    again = Forgers(part, 3, design, tmp_path / "drawn").of(HELD_OUT)
    assert len(made) == 1
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(again, name))
    file = tmp_path / "drawn" / f"{fakes_key(3, HELD_OUT)}.npz"
    file.write_bytes(file.read_bytes()[:100])  # torn by a power cut
    assert read_fakes(tmp_path / "drawn", fakes_key(3, HELD_OUT)) is None
    Forgers(part, 3, design, tmp_path / "drawn").of(HELD_OUT)
    assert len(made) == 2


def test_one_who_comes_while_another_draws_waits_for_it(design, monkeypatch, tmp_path):
    made = []

    def make(*_):
        made.append(1)
        time.sleep(0.3)
        return some_fakes()

    monkeypatch.setattr(fakes_module, "fakes_of", make)
    found = []

    def ask():
        found.append(Forgers(make_part(), 3, design, tmp_path).of(HELD_OUT))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 3


def test_fakes_without_a_gan_are_a_mistake():
    with pytest.raises(ValueError, match="no GAN draws any"):
        learnt_from(make_part(), HELD_OUT, 0.5, None)


def test_few_images_make_small_batches_but_as_many_steps():
    recipe = GanRecipe(batch_size=64, steps=700)
    assert [for_few(recipe, n).batch_size for n in (20, 64, 100, 1000)] == [16, 16, 25, 64]
    assert for_few(recipe, 20).steps == 700
    assert for_few(GanRecipe(batch_size=8), 20).batch_size == 8


def test_few_images_are_gone_through_more_often():
    order = training_order(20, 1, 300)
    assert order.shape == (300, 20)
    assert (np.bincount(order.ravel()) == 300).all()
