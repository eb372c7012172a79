"""What the benchmark of fake images keeps, and makes of what it measured."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fakes
from fakes import ALL, AUGMENTED, BOTH, FAKES, PLAIN, Done, Unit

FOLDS = range(fakes.FOLDS)
MEASURED = {"machine": "a machine", "versions": "x 1", "date": "2026-01-01"}


def done(fold, gain, seed=0, **found):
    """What a unit came to where fakes lower the log-loss by so much, and rows are right alike."""
    losses = {PLAIN: 1.0, FAKES: 1.0 - gain, AUGMENTED: 0.9, BOTH: 0.9}
    right = {PLAIN: 0.80, FAKES: 0.80 + gain, AUGMENTED: 0.85, BOTH: 0.85}
    given = {"fakes": 30, "rejected": 10, "reason": "", "gan_s": 5.0, "seconds": 9.0}
    given |= {"measured": MEASURED, **found}
    return Done(Unit(5, seed, fold), right, losses, **given)


def cell(test, folds, seed=0):
    return [done(ALL, test, seed), *(done(fold, folds[fold], seed) for fold in FOLDS)]


STEADY, UNSTEADY = (0.1, 0.11, 0.1, 0.09, 0.1), (0.5, -0.4, 0.5, -0.4, 0.1)


@pytest.mark.parametrize(
    ("test", "folds", "kept", "helps", "accuracy"),
    [
        (0.1, STEADY, True, True, 0.9),
        (-0.1, STEADY, True, False, 0.7),
        (0.1, UNSTEADY, False, True, 0.8),
        (-0.1, UNSTEADY, False, False, 0.8),
    ],
)
def test_the_rule_sees_the_folds_and_what_comes_of_it_is_told_by_the_test_set(
    test, folds, kept, helps, accuracy
):
    found = fakes.decision(cell(test, folds), PLAIN, FAKES)
    assert (found.kept, found.helps) == (kept, helps)
    assert found.accuracy == pytest.approx(accuracy)


def test_the_result_counts_what_helps_and_where_the_rule_is_right():
    of_seeds = [*cell(0.1, STEADY), *cell(-0.1, STEADY, seed=1), *cell(0.1, UNSTEADY, seed=2)]
    of_seeds[1] = replace(of_seeds[1], fakes=0, rejected=40, reason="it collapsed")
    text = fakes.described(of_seeds)
    assert "mean over 3 choices" in text
    (line,) = [line for line in text.splitlines() if f"| {PLAIN} |" in line and " of 3" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["5", PLAIN, "2 of 3", "2 of 3", "1 of 3"]
    assert "rejected 210 of 720 fakes, and 1 of 18 GANs gave none" in text


def test_records_are_read_but_for_a_torn_line(tmp_path):
    path, whole = tmp_path / "fakes.jsonl", [done(ALL, 0.1), done(0, 0.1)]
    lines = [json.dumps(asdict(each)) for each in whole]
    path.write_text("\n".join([*lines, lines[0][:50]]))
    assert fakes.read(path) == whole
    assert fakes.read(tmp_path / "nowhere") == []


@pytest.mark.parametrize(("fold", "images", "held_out"), [(ALL, 1797, 1747), (0, 50, 10)])
def test_spaces_are_told_of_the_training_digits_alone(fold, images, held_out):
    unit = Unit(5, 1, fold)
    part, rows = fakes.data_of(unit)
    assert (len(part.x), len(rows)) == (images, held_out)
    assert fakes.info_of(unit, part).n_train == 50
    train = np.delete(part.y, rows)
    assert np.bincount(train).tolist() == [5 if fold == ALL else 4] * 10


def test_what_follows_a_torn_line_is_not_lost(tmp_path):
    path, whole = tmp_path / "fakes.jsonl", [done(fold, 0.1) for fold in FOLDS]
    fakes.record(path, whole[0])
    with path.open("a") as file:
        file.write(json.dumps(asdict(whole[1]))[:50])
    for each in whole[1:]:
        fakes.record(path, each)
    assert fakes.read(path) == whole
