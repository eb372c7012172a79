"""The section on the LSTM's size says what more units bought and what they cost."""

from __future__ import annotations

import json
import re

import pytest
from made_runs import Made, Page, make_run, make_series, results_of

from automl_sem.reports.build import build_report
from automl_sem.reports.sections.lstm import Change, findings, lines_of
from automl_sem.results import read_results

MANY = range(0, 45, 2)
FINE = (3,)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


def trial(units, wrong, cell="lstm", **more):
    values = {"lstm_units": units, "cell": cell, **more.pop("values", {})}
    more = {"parameters": 10 * units, "seconds": units / 32, **more}
    return Made(wrong=wrong, values=values, **more)


def plan(wrong, sizes=(8, 32, 128), cell="lstm"):
    return [trial(size, rows, cell) for size, rows in zip(sizes, wrong, strict=True)]


def results(tmp_path, trials):
    return results_of(tmp_path / "run", trials, make_series())


def said(tmp_path, trials):
    return " ".join(findings(lines_of(results(tmp_path, trials)), "log-loss"))


def test_more_units_that_help_are_said_to_with_what_they_cost(tmp_path):
    text = said(tmp_path, plan([MANY, FINE, FINE]))
    begin = (
        r"From 8 to 128 units the log-loss changes by \u2212[\d.]+ \(95 % interval \u2212[\d.]+ "
    )
    assert re.match(begin + r"to \u2212[\d.]+, paired by fold\): more units helped\.", text)
    assert "16 times as many weights, and training takes 16 times as long." in text
    assert "hint" not in text


def test_more_units_that_do_harm_are_said_to(tmp_path):
    text = said(tmp_path, plan([FINE, FINE, MANY]))
    assert "changes by +" in text
    assert "more units did harm" in text
    assert "The lowest mean log-loss is at 8 units, the smallest size tried." in text


def test_within_the_uncertainty_of_the_folds_no_difference_is_seen(tmp_path):
    assert "no difference seen" in said(tmp_path, plan([(3, 7), FINE, (5, 9, 40)]))


def test_the_difference_is_paired_fold_by_fold(tmp_path):
    found = results(tmp_path, plan([MANY, FINE, FINE]))
    (line,) = lines_of(found)
    change = Change.between(line.points[0], line.points[-1])
    small, _, large = found.trials
    assert change.difference == pytest.approx(large.objective - small.objective)
    assert change.interval.low < change.difference < change.interval.high < 0


def test_a_smaller_size_that_is_not_clearly_worse_is_named(tmp_path):
    text = said(tmp_path, plan([MANY, (3, 7), FINE]))
    assert "lowest mean log-loss is at 128 units, but 32 are not clearly worse" in text
    alone = said(tmp_path / "2", plan([MANY, MANY, ()]))
    assert "lowest mean log-loss is at 128 units; all smaller sizes are clearly worse." in alone


def test_trials_of_one_size_are_averaged(tmp_path):
    (line,) = lines_of(results(tmp_path, [trial(8, FINE), *plan([MANY, FINE, FINE])]))
    (first, *_) = line.points
    losses = [t.log_loss for t in first.trials]
    assert len(losses) == 2
    assert first.objective == pytest.approx(sum(losses) / 2) == pytest.approx(sum(first.folds) / 5)


def test_other_hyperparameters_that_differ_are_owned_up_to(tmp_path):
    others = [trial(8, FINE, values={"dropout": 0.2}), *plan([FINE] * 3)]
    text = said(tmp_path, others)
    assert text.startswith(
        "The trials differ in 1 other hyperparameter too, so take this as a hint"
    )
    assert "What that costs is not told: these networks differ in more than their units." in text
    assert "times as" not in text


def test_weights_are_compared_where_only_the_training_differs_but_not_the_time(tmp_path):
    slower = trial(128, FINE, values={"learning_rate": 0.001})
    text = said(tmp_path, [trial(8, MANY), trial(32, FINE), slower])
    assert "That takes 16 times as many weights. The lowest" in text


def test_more_units_are_not_said_to_help_where_the_best_size_is_not_clearly_better(tmp_path):
    unsteady = trial(64, [5], sure=0.99)
    trials = [
        trial(16, (), sure=0.8),
        trial(32, (), sure=0.81),
        unsteady,
        trial(128, (), sure=0.85),
    ]
    (line,) = lines_of(results(tmp_path, trials))
    assert Change.between(line.points[0], line.points[-1]).interval.high < 0
    (text,) = findings([line], "log-loss")
    assert "helped" not in text
    assert (
        "but the lowest mean log-loss is at 64 units, and 16 are not clearly worse than those: "
        "whether more units help is open." in text
    )


def test_harm_by_the_largest_size_alone_is_told_apart(tmp_path):
    text = said(tmp_path, [trial(8, (), sure=0.8), trial(32, (), sure=0.9), trial(128, MANY)])
    assert "so many units did harm" in text
    assert "at 32 units; all smaller sizes are clearly worse." in text


def test_lstm_and_gru_are_told_apart(tmp_path):
    trials = [*plan([MANY, FINE, FINE], cell="gru"), *plan([FINE, FINE, FINE])]
    lines = lines_of(results(tmp_path, trials))
    assert [line.name for line in lines] == ["LSTM", "GRU"]
    assert len({line.symbol for line in lines}) == 2
    lstm, gru = findings(lines, "log-loss")
    assert lstm.startswith("LSTM: from 8 to 128 units")
    assert "no difference" in lstm
    assert "more units helped" in gru


@pytest.mark.parametrize(
    "trials",
    [
        plan([FINE] * 2, sizes=(8, 32)),
        [Made(wrong=FINE, values={"lstm_units": size}) for size in ("a", "b", "c")],
        [Made(wrong=FINE, values={"units": size}) for size in (8, 32, 128)],
        [*plan([FINE] * 2, sizes=(8, 32)), *plan([FINE] * 2, sizes=(64, 128), cell="gru")],
    ],
    ids=["two sizes", "sizes that are no numbers", "no lstm_units", "two sizes of each cell"],
)
def test_without_enough_sizes_there_is_no_section(tmp_path, trials):
    assert lines_of(results(tmp_path, trials)) is None


def test_trials_without_an_lstm_are_left_out(tmp_path):
    other = Made(wrong=MANY, values={"network": "cnn"})
    (line,) = lines_of(results(tmp_path, [other, *plan([FINE] * 3)]))
    assert [t.number for t in line.trials] == [1, 2, 3]


def test_the_page_draws_score_and_cost_and_discarded_trials_hollow(tmp_path):
    dropped = trial(16, MANY, discarded_after=2)
    gru = plan([MANY, FINE, FINE], cell="gru")
    dataset = make_series()
    run = make_run(tmp_path / "run", [*plan([FINE] * 3), *gru, dropped], dataset)
    page = Page(build_report(read_results(run), dataset).read_text(encoding="utf-8"))
    assert "hollow" in page.sections["lstm"]
    assert "training series by heart" in page.sections["lstm"]
    chart = next(
        json.loads(text)
        for attributes, text in page.scripts
        if attributes.get("type") == "application/json" and "seconds a fold fit" in text
    )
    lines = [trace for trace in chart["data"] if trace["mode"] == "lines"]
    assert len(lines) == 2 * 4
    assert len({tuple(trace["x"]) for trace in lines}) == 2  # each cell a little aside
    cost = {trace["yaxis"]: trace["y"] for trace in lines if trace["name"] == "LSTM"}
    assert cost["y3"] == [80, 320, 1280]
    assert cost["y4"] == pytest.approx([0.25, 1, 4])
    assert {t["yaxis"] for t in lines if "error_y" in t} == {"y", "y2"}
    hollow = [t for t in chart["data"] if t.get("marker", {}).get("symbol") == "circle-open"]
    assert {t["yaxis"] for t in hollow} == {"y", "y2"}
    facts = json.loads((run.path / "report.json").read_text())["sections"]["lstm"]
    assert [size["lstm_units"] for size in facts["cells"][0]["sizes"]] == [8, 32, 128]
    assert facts["cells"][1]["largest_minus_smallest"]["high"] < 0
    assert facts["finding"].startswith("LSTM: from 8 to 128 units")
