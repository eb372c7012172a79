"""What the benchmarks of GANs keep, and make of what they measured."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import gan
import gan_parts
import gan_score
import gan_textbook
from gan import CALLS, FIT, LOOP, OURS

from automl_sem.data import load_dataset
from automl_sem.scoring.gan.kid import floor_of
from automl_sem.scoring.gan.result import Measures

MEASURED = {"machine": "a machine", "versions": "x 1", "date": "2026-01-01"}


def steps(ours, loop):
    sides = {OURS: [ours] * 3, LOOP: [loop] * 3, CALLS: [20.0] * 3, FIT: [30.0] * 3}
    return {
        "part": "steps", "data": "digits", "measured": MEASURED, "threads": 1, "steps": 150,
        "seconds": sides, "processor_s": sides,
    }  # fmt: skip


@pytest.mark.parametrize(("ours", "word"), [(10.5, "met"), (10.6, "missed")])
def test_five_percent_over_the_best_loop_is_the_goal(ours, word):
    assert f"| {word} |" in gan.describe([steps(ours, 10.0)])


def mark(ours, theirs, times=1.0):
    side = {"coverage": 0.5, "steps": 100}
    found = {
        "searched": side | gan_textbook.around(ours, [1.0, 2.0], 1.0),
        "textbook": side | gan_textbook.around(theirs, [1.0, 2.0], 1.0),
        "difference": gan_textbook.around(None, [], 1.0),
        "better": ours is not None and (theirs is None or ours < theirs),
    }
    return {"times": times, "seconds": 9.0, **found}


def seed(number, *marks):
    search = {"trial": 4, "trials": 12, "minutes": 4.0}
    return {
        "part": "textbook", "data": "digits", "measured": MEASURED, "seed": number,
        "search": search, "searched_weights": 100, "textbook_weights": 95, "marks": marks,
    }  # fmt: skip


def test_the_searched_one_must_be_nearer_on_all_seeds():
    won = [seed(number, mark(1.0, 2.0), mark(2.0, 1.0, 3.0)) for number in range(5)]
    text = gan.describe(won)
    assert "nearer on 5 of 5 seeds; 5 of 5 is the goal: met. After 3 times the time, on 0." in text
    lost = [*won[:4], seed(4, mark(None, 1.0), mark(None, None, 3.0))]
    assert "nearer on 4 of 5 seeds; 5 of 5 is the goal: missed" in gan.describe(lost)
    assert "diverged" in gan.describe(lost)


def test_records_are_kept_part_by_part_and_seed_by_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(gan, "measured_on", lambda: MEASURED)
    gan.write_record(tmp_path, "textbook", "digits", {"seed": 1}, 1)
    gan.write_record(tmp_path, "steps", "digits", {"steps": 150})
    gan.write_record(tmp_path, "search", "digits", {"trial": 3}, 1)  # on its way to a record
    assert [record["part"] for record in gan.read_all(tmp_path)] == ["steps", "textbook"]


def test_the_textbook_is_as_wide_as_it_takes():
    def count(width):
        return 30 * width**2 + 100 * width + 7

    for width in (5, 16, 41):
        assert gan_textbook.width_of(count(width) + 20, count) == width
    with pytest.raises(SystemExit, match="more or less weights"):
        gan_textbook.width_of(10, count)


def test_the_textbook_is_the_baseline_as_wide_as_wanted():
    digits = load_dataset("digits")
    build, _ = gan_parts.textbook_of(digits)
    for theirs, ours in zip(
        gan_textbook.textbook(digits, 32).networks, build().networks, strict=True
    ):
        assert theirs.count_params() == ours.count_params()
    assert gan_textbook.textbook(digits, 50).count_params() > build().count_params()


def test_a_difference_is_paired_and_in_deviations_of_the_floor():
    rng = np.random.default_rng(0)
    held_out, train = rng.normal(size=(2, 200, 4))
    floor = floor_of(train, held_out, 0)

    def measures(images):
        distance = floor.above(gan_kid(images, held_out))
        return Measures(distance, 0, 0, 1, 1, 0.9, 0.9, 0.5, 0.5)

    judge = SimpleNamespace(
        held_out=held_out, floor=floor, features=lambda images: images, measures=measures
    )
    drawn = {"searched": rng.normal(size=(200, 4)), "textbook": rng.normal(1.0, size=(200, 4))}
    found = gan_textbook.compared(judge, drawn, dict.fromkeys(drawn, True))
    assert found["better"]
    distances = [found[side]["distance"] for side in drawn]
    assert found["difference"]["distance"] == pytest.approx(distances[0] - distances[1])
    assert found["difference"]["high"] < 0
    assert found["searched"]["low"] < distances[0] < found["searched"]["high"]
    lost = gan_textbook.compared(judge, drawn, {"searched": False, "textbook": True})
    assert not lost["better"]
    assert lost["searched"]["distance"] is None


def gan_kid(ours, theirs):
    from automl_sem.scoring.gan.kid import kid

    return kid(ours, theirs)


def judged(what, degree, score, copying=0.5):
    return {"what": what, "degree": degree, "score": score, "copying": copying}


def test_a_distance_that_falls_with_a_fault_is_a_missed_goal():
    records = [judged("training images", None, 0.0)]
    records += [
        judged(what, degree, 5.0 * number)
        for what in gan_score.WORSENING
        for number, degree in enumerate(gan_score.DEGREES[what])
    ]
    assert gan_score.worsens(records)
    records[2]["score"] = -2.0
    assert not gan_score.worsens(records)


def test_copies_must_be_told_from_new_images():
    ends = [judged(gan_score.COPIES, 0.0, 0.0, 0.55), judged(gan_score.COPIES, 1.0, 0.0, 0.7)]
    assert gan_score.noticed(ends)
    ends[1]["copying"] = 0.58
    assert not gan_score.noticed(ends)
