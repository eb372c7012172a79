"""What the benchmarks on drawings, images and known-good candidates make of what they measured."""

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import drawings
import exported
import images
import portfolio
from hard_drawings import hard_drawings
from measure import Measured, Sample
from sides import Trial

from automl_sem.data.load import load_dataset
from automl_sem.spaces.load import load_space

TASK = images.Task("drawings", ["shapes"], {}, {}, hard=True)


def trial(loss, complete=True):
    return Trial({}, [loss], [0.5], 0.0, complete)


def outcome(tidy, hard=None, seconds=10.0, ended=True, tested_on=15):
    return images.Outcome(seconds, 500.0, ended, 3, 0, tidy, hard, tested_on)


def found(seed, hard, baseline_hard):
    return drawings.Found(seed, 60.0, 9.0, 1500.0, 4, 1.0, 0.8, hard, baseline_hard)


def test_drawings_are_kept_by_class_as_they_were_made(tmp_path):
    from automl_sem.data.pixels import decode_image

    folder = exported.write_drawings(tmp_path / "new", 6, seed=3)
    x, _ = hard_drawings(6, seed=3)
    files = sorted(folder.rglob("*.png"), key=lambda file: file.name)
    assert [f.parent.name for f in files] == ["circle", "rectangle", "triangle"] * 2
    for file, drawing in zip(files, x, strict=True):
        np.testing.assert_array_equal(decode_image(file, 1), drawing)


def test_a_prediction_counts_when_it_is_the_folder_that_a_drawing_lies_in(tmp_path, monkeypatch):
    class Said:
        label = "circle"

        def __init__(self, file):
            self.file = str(file)

    def predict(_, folders):
        return [Said(file) for file in folders[0].rglob("*.png")]

    monkeypatch.setattr(exported, "predict", predict)
    assert exported.right(tmp_path, exported.write_drawings(tmp_path, 9, seed=0)) == 3


def test_other_classes_are_refused():
    exported.check_classes(("triangle", "circle", "rectangle"))
    with pytest.raises(SystemExit, match="cat"):
        exported.check_classes(("cat", "dog"))


def test_59_of_60_within_five_minutes_is_the_goal_of_drawings():
    met = drawings.describe([found(0, 57, 30), found(1, 59, 35), found(2, 60, 31)], "x", 45, 15)
    assert "| median |  | 60 | 9 | 1,500 | 59 | 31 | 15 | 12 |" in met
    assert "59 (57 to 60) right, the textbook CNN 31 (30 to 35)" in met
    assert "goal is 59: met. The search takes 60 s, the goal is 300: met." in met
    assert "goal is 59: missed." in drawings.describe([found(0, 58, 30)], "x", 45, 15)
    slow = dataclasses.replace(found(0, 60, 30), search_s=301.0)
    assert "goal is 300: missed." in drawings.describe([slow], "x", 45, 15)


def test_seeds_are_read_from_a_list():
    assert drawings.seeds_of("3,5") == (3, 5)
    with pytest.raises(argparse.ArgumentTypeError, match="0,1,2"):
        drawings.seeds_of("some")


def test_the_copies_of_a_space_differ_in_their_good_starts_alone(tmp_path):
    copies = portfolio.copies(portfolio.SPACE, tmp_path)
    spaces = {name: load_space(path) for name, path in copies.items()}
    ours, theirs = spaces[portfolio.WITH], spaces[portfolio.WITHOUT]
    assert ours.good_starts
    assert theirs.good_starts == ()
    assert ours.baseline == theirs.baseline != {}
    assert theirs.source.startswith(ours.source)


def test_a_space_without_good_starts_is_refused(tmp_path):
    bare = tmp_path / "bare.py"
    bare.write_text("def build(hp, data): ...\n")
    with pytest.raises(SystemExit, match="GOOD_STARTS"):
        portfolio.copies(bare, tmp_path)


def test_the_best_so_far_leaves_discarded_trials_out():
    trials = [trial(0.5), trial(0.1, complete=False), trial(0.4), trial(0.2)]
    assert portfolio.best_after(trials, (1, 3, 4)) == {1: 0.5, 3: 0.4, 4: 0.2}


def test_searches_are_compared_seed_by_seed():
    mean, error, wins, ties = portfolio.difference([0.1, 0.3, 0.2], [0.3, 0.2, 0.2])
    assert (mean, wins, ties) == (pytest.approx(-0.1 / 3), 1, 1)
    assert error == pytest.approx(np.std([-0.2, 0.1, 0.0], ddof=1) / 3**0.5)


def test_the_goal_of_good_starts_is_judged_after_the_last_mark():
    def searches(*bests):
        return [portfolio.Search(dict(zip((5, 10), best, strict=True)), 30.0) for best in bests]

    worse_first = {
        portfolio.WITH: searches((0.4, 0.1), (0.4, 0.1)),
        portfolio.WITHOUT: searches((0.3, 0.2), (0.3, 0.3)),
    }
    text = portfolio.describe(worse_first, (5, 10), "a setting")
    assert "After 5 trials the difference is +0.1000 ± 0.0000" in text
    assert "After 10 trials the difference is -0.1500 ± 0.0500; the good starts are better" in text
    assert text.endswith("error: met.")


def test_peers_get_the_examples_that_ours_gets_with_that_seed(tmp_path):
    task = images.Task("digits", ["digits"], {}, {}, hard=False)
    labels = images.write_examples(task, tmp_path / "digits.npz", seed=4)
    dataset = load_dataset("digits", seed=4)
    with np.load(tmp_path / "digits.npz") as file:
        np.testing.assert_array_equal(file["x_train"], dataset.train.x)
        np.testing.assert_array_equal(file["x_test"], dataset.test.x)
        assert "y_test" not in file
    np.testing.assert_array_equal(labels["test"], dataset.test.y)


def test_drawings_by_other_hands_have_the_numbers_of_their_classes(tmp_path):
    labels = images.write_examples(TASK, tmp_path / "shapes.npz", seed=1)
    with np.load(tmp_path / "shapes.npz") as file:
        np.testing.assert_array_equal(file["x_hard"], hard_drawings(images.COUNT, 1)[0])
    assert labels["hard"].tolist() == [0, 1, 2] * 20


def test_predictions_of_a_peer_are_counted():
    measured = Measured(0.0, 12.0, [Sample(0.0, 3 * 2**20, 2**20, 2)], stopped=True)
    labels = {"test": np.array([0, 1, 2, 0]), "hard": np.array([1, 1])}
    said = {"trials": 2, "failed": 1, "test": [0, 1, 1, 0], "hard": [1, 0]}
    assert images.outcome(measured, said, labels) == images.Outcome(
        12.0, 3.0, False, 2, 1, 0.75, 1, 4
    )
    killed = images.outcome(measured, {}, labels)
    assert (killed.tidy, killed.hard, killed.why) == (None, None, "no trial was complete")


def test_a_side_that_fails_leaves_the_others_their_rows():
    def fails(seed):
        raise RuntimeError("a long story\nno disk")

    lost = images.survivor(TASK, fails)(0)
    assert (lost.tidy, lost.why) == (None, "no disk")
    row = images.row(images.tasks_of(None, quick=False)[0], images.AUTOKERAS, [lost], 600)
    assert row["tidy test accuracy, %"] == "none: no disk"


def test_a_search_over_the_limit_is_told_with_its_best_so_far():
    task = images.tasks_of(None, quick=False)[0]
    row = images.row(task, images.AUTOKERAS, [outcome(0.8, 30, 612, ended=False)], 600)
    assert row["setting"] == "5 trials, 30 epochs"
    assert row["seconds"] == "not ended after 600"
    assert row["tidy test accuracy, %"] == "80.0"
    assert row["of 60 by other hands"] == "30"


def test_goals_on_images_allow_the_standard_error_and_ask_for_more_by_other_hands():
    def judge(tidy, hard, seconds):
        sides = {
            images.OURS: [outcome(tidy, hard, seconds)],
            images.SHORT: [outcome(0.9, 50, 20)],
            images.KERASTUNER: [outcome(0.9, 40, 5)],
            images.AUTOKERAS: [dataclasses.replace(outcome(0.8, 45, 300), peak_mib=2000.0)],
        }
        return images.verdict(TASK, sides)

    good = judge(0.9 - 0.07, 46, 30)
    assert "missed" not in good
    assert "AutoKeras takes 10.0 times as long: met (10), 4.0 times the memory: met (4)" in good
    assert "AutoKeras takes 15.0 times as long: met" in good.splitlines()[1]
    assert "tidy accuracy: missed" in judge(0.9 - 0.08, 46, 30)
    assert "other hands: missed" in judge(0.9, 45, 30)
    assert "as long: missed (10)" in judge(0.9, 46, 31)


def test_autokeras_that_did_not_end_takes_at_least_that_long():
    stopped = dataclasses.replace(outcome(0.8, seconds=1200, ended=False), peak_mib=1999.0)
    said = images.against_autokeras([outcome(0.8, seconds=60)], [stopped])
    assert said == {
        "AutoKeras takes at least 20.0 times as long": "met (10)",
        "4.0 times the memory": "missed (4)",
    }


def test_a_side_that_failed_is_not_compared():
    fine = outcome(0.8, seconds=60)
    failed = images.Outcome(3.0, 0, False, 0, 0, None, None, 0, "no disk")
    for ours, theirs in (([fine], [failed]), ([failed], [fine])):
        assert images.against_autokeras(ours, theirs) == {
            "against AutoKeras": "no result, since a side failed"
        }
    both = images.against_autokeras([fine], [failed, dataclasses.replace(fine, seconds=600.0)])
    assert "AutoKeras takes 10.0 times as long" in both


@pytest.mark.slow
def test_a_kerastuner_search_tells_what_it_found(tmp_path):
    pytest.importorskip(
        "tensorboard", reason="KerasTuner's search needs it: pip install '.[bench]'"
    )
    labels = images.write_examples(TASK, tmp_path / "shapes.npz", seed=0)
    script = images.HERE / "kerastuner_images.py"
    command = [sys.executable, script, tmp_path / "shapes.npz", tmp_path / "out.json"]
    subprocess.run([*command, "--trials", "1", "--epochs", "1"], check=True, capture_output=True)
    said = json.loads((tmp_path / "out.json").read_text())
    assert (said["ended"], said["trials"], said["failed"]) == (True, 1, 0)
    assert {part: len(said[part]) for part in labels} == {"test": 15, "hard": 60}


@pytest.mark.slow
def test_the_best_of_a_search_is_exported_and_tried_on_new_drawings(tmp_path):
    setting = {"trials": 1, "folds": 2, "epochs": 1, "workers": 0}
    one = drawings.measure(["shapes", "--stress", "none"], tmp_path / "new", 0, setting)
    assert one.trial == 0
    assert one.hard == one.baseline_hard
    assert one.export_s > 0
    assert one.peak_mib > 200
