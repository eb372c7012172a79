"""The section on depth and skip connections says what the trials show, and no more."""

from __future__ import annotations

import json
import re

import pytest
from made_runs import Made, Page, make_dataset, make_run, results_of

from automl_sem.reports.build import build_report
from automl_sem.reports.sections.skips import finding, gaps, lines_of
from automl_sem.results import read_results

FAILS = range(45)  # rows it gets wrong: all
FINE = (3,)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


def trial(depth, residual, wrong, **more):
    values = {"depth": depth, "residual": residual, **more.pop("values", {})}
    return Made(wrong=wrong, values=values, **more)


def plan(plain, residual, depths=(2, 4, 8, 16)):
    """Return a trial at each depth without and with skip connections, wrong at these rows."""
    made = [trial(d, False, w) for d, w in zip(depths, plain, strict=True)]
    return made + [trial(d, True, w) for d, w in zip(depths, residual, strict=True)]


def said(tmp_path, trials):
    lines = lines_of(results_of(tmp_path / "run", trials, make_dataset()))
    return None if lines is None else finding(lines, "log-loss")


NEEDED = plan([FINE, FINE, FAILS, FAILS], [FINE] * 4)


def test_it_names_the_depth_from_which_on_plain_networks_are_worse(tmp_path):
    text = said(tmp_path, NEEDED)
    assert text.startswith("From depth 8 on, the network without skip connections is worse: at ")
    assert re.search(r"its log-loss is [\d.]+ higher \(95 % interval [\d.]+ to [\d.]+\)", text)
    assert "hint" not in text


def test_the_difference_is_paired_fold_by_fold(tmp_path):
    results = results_of(tmp_path / "run", NEEDED, make_dataset())
    deepest = gaps(lines_of(results))[-1]
    plain, skip = results.trials[3], results.trials[7]
    assert deepest.difference == pytest.approx(plain.objective - skip.objective)
    assert deepest.interval.low > 0


def test_within_the_uncertainty_of_the_folds_no_difference_is_seen(tmp_path):
    assert said(tmp_path, plan([FINE, (3, 7), (40,), (5,)], [FINE] * 4)).startswith(
        "No difference seen"
    )


def test_worse_in_between_alone_is_not_from_there_on(tmp_path):
    text = said(tmp_path, plan([FINE, FAILS, FAILS, FINE], [FINE] * 4))
    assert "is worse at depths 4, 8, but not at depth 16" in text
    assert "no depth from which on" in text


def test_where_plain_is_better_it_says_so(tmp_path):
    text = said(tmp_path, plan([FINE, FINE, FINE, FAILS], [FAILS, FINE, FINE, FINE]))
    assert text.startswith("From depth 16 on")
    assert "At depth 2 it is better without them." in text


def test_worse_from_the_first_depth_on_may_begin_even_earlier(tmp_path):
    text = said(tmp_path, plan([FAILS] * 4, [FINE] * 4))
    assert text.startswith("From depth 2 on")
    assert "shallowest depth that was tried both ways" in text


def test_other_hyperparameters_that_differ_are_owned_up_to(tmp_path):
    others = [trial(2, False, FINE, values={"width": 8}), *NEEDED]
    assert "differ in 1 other hyperparameter too" in said(tmp_path, others)


def test_trials_of_one_depth_are_averaged(tmp_path):
    results = results_of(tmp_path / "run", [trial(8, False, FINE), *NEEDED], make_dataset())
    eight = next(point for point in lines_of(results)[False] if point.at == 8)
    losses = [t.log_loss for t in eight.trials]
    assert len(losses) == 2
    assert eight.objective == pytest.approx(sum(losses) / 2) == pytest.approx(sum(eight.folds) / 5)


@pytest.mark.parametrize(
    "trials",
    [
        [Made(wrong=FINE, values={"residual": True}) for _ in range(8)],
        plan([FINE] * 2, [FINE] * 2, depths=(2, 4)),
        plan([FINE] * 4, [FINE] * 4, depths=("a", "b", "c", "d")),
        [trial(d, True, FINE) for d in (2, 4, 8, 16)],
    ],
    ids=["no depth", "two depths", "depths that are no numbers", "all with skips"],
)
def test_without_enough_depths_on_both_sides_there_is_no_section(tmp_path, trials):
    assert said(tmp_path, trials) is None


def test_the_page_draws_both_lines_and_discarded_trials_hollow_and_apart(tmp_path):
    dropped = trial(24, False, FAILS, discarded_after=1)
    run = make_run(tmp_path / "run", [*NEEDED, dropped], make_dataset())
    page = Page(build_report(read_results(run), make_dataset()).read_text(encoding="utf-8"))
    assert "From depth 8 on" in page.sections["skips"]
    assert "hollow" in page.sections["skips"]
    chart = next(
        json.loads(text)
        for attributes, text in page.scripts
        if attributes.get("type") == "application/json" and "with skip connections" in text
    )
    lines = [trace for trace in chart["data"] if trace["mode"] == "lines"]
    assert [trace["x"] for trace in lines] == [[2, 4, 8, 16]] * 4
    hollow = [t for t in chart["data"] if t.get("marker", {}).get("symbol") == "diamond-open"]
    assert [trace["x"] for trace in hollow] == [[24], [24]]
    facts = json.loads((run.path / "report.json").read_text())["sections"]["skips"]
    assert [gap["depth"] for gap in facts["plain_minus_residual"]] == [2, 4, 8, 16]
    assert facts["finding"].startswith("From depth 8 on")
