"""The simulator of discard rules, on a table small enough to count by hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("discard_benchmark", BENCHMARKS / "discard.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


# Means 0.4, 2 and 0.3. The last is the best, although its first fold is its worst.
MIDDLING, BAD, BEST = [0.3, 0.4, 0.5, 0.4, 0.4], [2.0] * 5, [0.5, 0.2, 0.3, 0.25, 0.25]
SCORES = np.array([MIDDLING, BAD, BEST])


def play(benchmark, rule, order=(0, 1, 2)):
    return benchmark.play(benchmark.RULES[rule], SCORES, order)


def test_without_discarding_all_folds_are_trained_and_the_best_is_found(benchmark):
    assert play(benchmark, "none") == benchmark.Played(15, 15, 2, True, 0.0)


def test_forgiving_spares_four_folds_of_the_bad_one(benchmark):
    played = play(benchmark, "forgiving")  # 0.5 after the first fold ties with the worst of row 0
    assert (played.fits, played.found, played.kept) == (5 + 1 + 5, 2, True)


def test_the_first_candidate_is_trained_on_all_folds_however_bad(benchmark):
    assert play(benchmark, "forgiving", order=(1, 0, 2)).fits == 15


def test_a_rule_is_asked_about_the_incumbent_of_that_moment(benchmark):
    """After the best, with 0.5 as its worst fold, row 0 still is never above it."""
    assert play(benchmark, "forgiving", order=(2, 0, 1)).fits == 5 + 5 + 1


def test_paired_looks_from_the_third_fold_on(benchmark):
    assert play(benchmark, "paired").fits == 5 + 3 + 5


def test_two_rules_together_drop_what_either_drops(benchmark):
    def after_two(scores, incumbent):
        return "two" if incumbent and len(scores) == 2 else ""

    rule = benchmark.either(benchmark.RULES["forgiving"], after_two)
    assert benchmark.play(rule, SCORES, (0, 1, 2)).fits == 5 + 1 + 2


def test_to_lose_the_best_is_counted_with_what_it_costs(benchmark):
    played = play(benchmark, "worse than the incumbent's mean")  # 0.5 > 0.4 after one fold
    assert (played.fits, played.found, played.kept) == (5 + 1 + 1, 0, False)
    assert played.lost == pytest.approx(0.1)


def test_a_trial_as_good_as_the_best_is_not_a_loss(benchmark):
    twice = np.array([BEST, BEST])
    assert benchmark.play(benchmark.RULES["none"], twice, (1, 0)).kept


def test_the_summary_adds_up_all_searches(benchmark):
    played = [play(benchmark, "none"), play(benchmark, "worse than the incumbent's mean")]
    assert benchmark.saved(played) == pytest.approx(30 / 22)
    (row,) = benchmark.summary({"mixed": played})
    assert row["fold fits saved"].startswith("1.36x")
    assert row["keeps the best"] == "1 of 2"
    assert row["log-loss lost, mean"] == "0.0500"


def test_the_goal_is_met_only_if_the_best_is_always_kept(benchmark):
    kept, lost = (benchmark.Played(10, 30, 0, ok, 0.0) for ok in (True, False))
    assert "keeps the best: met (3.00x, kept in 2 of 2)" in benchmark.verdict([kept, kept])
    assert "missed" in benchmark.verdict([kept, lost])
    slow = benchmark.Played(15, 30, 0, True, 0.0)
    assert "missed (2.00x" in benchmark.verdict([slow])


def test_a_table_is_read_as_it_was_written(benchmark, tmp_path):
    rows = [[3, *MIDDLING, 0.9], [7, *BEST, 0.95]]
    benchmark.write_table(tmp_path / "table.csv", rows)
    assert benchmark.read_scores(tmp_path / "table.csv").tolist() == [MIDDLING, BEST]


def test_paired_at_another_confidence_is_the_same_rule(benchmark):
    rng = np.random.default_rng(0)
    strict, usual, eager = (benchmark.paired_at(level) for level in (0.99, 0.95, 0.8))
    dropped = []
    for _ in range(200):
        incumbent, scores = rng.normal(1, 0.1, 5), rng.normal(1.1, 0.1, rng.integers(1, 5))
        dropped.append([bool(rule(scores, incumbent)) for rule in (strict, usual, eager)])
        assert dropped[-1][1] == bool(benchmark.PAIRED(scores.tolist(), incumbent.tolist()))
        assert dropped[-1] == sorted(dropped[-1])
    assert len(set(map(tuple, dropped))) == 4
    assert not eager([9.0] * 4, None)


def test_a_table_that_no_rule_can_lose_on_says_so(benchmark):
    assert benchmark.margin(SCORES) == ""
    clear = np.array([MIDDLING, BAD, [0.1] * 5])
    assert "worst fold, 0.100, is below the second's best fold, 0.300" in benchmark.margin(clear)


def test_real_searches_are_compared_seed_by_seed(benchmark):
    def searches(*pairs):
        return [{"fits": fits, "log_loss": loss, "seconds": 9.0} for fits, loss in pairs]

    content = {
        "setting": {"command": "c", "machine": "m", "date": "d"},
        "trials": 4,
        "searches": {
            "none": searches((20, 0.2), (20, 0.3), (20, 0.1)),
            "forgiving": searches((10, 0.2), (5, 0.31), (8, 0.1)),
        },
    }
    text = benchmark.live_section(content)
    assert "a factor of 2.50 (2.00 to 4.00) in fold fits of the same seed" in text
    assert "higher by 0.0000 (0.0000 to 0.0100). Goal, 2.5x: met." in text
