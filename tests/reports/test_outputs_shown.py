"""What a run for labels or numbers shows, by the usual objective and by others."""

import pytest
from made_runs import Made, Page, make_outputs, results_of

from automl_sem.console import summary, trials_table
from automl_sem.objectives.choose import choose
from automl_sem.reports.build import render_page, report_json
from automl_sem.reports.charts import share_axis
from automl_sem.reports.context import Context
from automl_sem.reports.intervals import round_ticks, tick_text

NUMBERS = [Made(off=300.0, parameters=800), Made(off=100.0, parameters=400), Made(off=200.0)]


def records(asked):
    return [each.record.model_dump() for each in choose(asked)]


def page_of(results, dataset):
    return Page(render_page(Context.of(results, dataset)))


def test_numbers_by_the_usual_objective(tmp_path):
    dataset = make_outputs("regression")
    results = results_of(tmp_path / "run", NUMBERS, dataset, fresh=(0, 1))
    page = page_of(results, dataset)
    assert "What the search minimizes is the mean squared error" in page.sections["output_verdict"]
    assert "Squared error, lower is better (what the search minimizes)" in page.text
    assert "pareto" not in page.sections
    assert results.best.trial.number == 1
    assert "off by 100" in summary(results)


@pytest.mark.parametrize(
    ("task", "own_loss", "drawn"),
    [
        ("regression", "", True),
        ("regression", "that of the compiled model (mse)", False),
        ("multi-label", "that of the compiled model (BinaryCrossentropy)", True),
        ("multi-label", "that of the compiled model (binary_focal_loss)", False),
    ],
)
def test_a_training_loss_of_other_units_is_not_drawn_beside_the_held_out_one(
    tmp_path, task, own_loss, drawn
):
    dataset = make_outputs(task)
    results = results_of(tmp_path / "run", [Made(own_loss=own_loss)] * 2, dataset)
    page = page_of(results, dataset)
    curves = page.sections["curves"]
    assert ("is in other units and not drawn" in curves) != drawn
    assert (own_loss in curves) != drawn or not own_loss
    (figure,) = [text for _, text in page.scripts if '"held-out loss"' in text]
    assert ("training loss" in figure) == drawn


def test_numbers_by_r2_are_maximised_in_all_words(tmp_path):
    dataset = make_outputs("regression")
    results = results_of(tmp_path / "run", NUMBERS, dataset, fresh=(0, 1), objectives=records("r2"))
    assert results.best.trial.number == 1
    assert results.best.quoted > 0.9
    assert results.best.interval.high <= 1.0
    assert results.verdict.ahead
    text = page_of(results, dataset).sections["output_verdict"]
    assert "Trial 1 is better than the baseline: R2" in text
    assert "R2, higher is better (what the search maximizes)" in text
    assert "Trials are ranked by R2" in text
    assert "mean squared error" not in text
    assert "\u22120.9" not in text  # the objective as people quote it
    assert "-0.9" not in text


def test_several_objectives_of_numbers_make_a_front_and_costs_are_told(tmp_path):
    dataset = make_outputs("regression", outputs=2)
    results = results_of(
        tmp_path / "run",
        [*NUMBERS, Made(parameters=100_000, over="100,000 weights, --max-params allows 50,000")],
        dataset,
        fresh=(0, 1),
        objectives=records("mae,params"),
        limits={"params": 50_000},
        discard="none",
    )
    assert results.front == (1,)
    context = Context.of(results, dataset)
    page = Page(render_page(context))
    assert "Mean absolute error against weights" in page.sections["pareto"]
    assert "fewer weights are better" in page.sections["pareto"]
    verdict = page.sections["output_verdict"]
    assert "Limits: at most 50,000 weights. 1 candidate broke them" in verdict
    assert "What it costs to run" in verdict
    assert "Mean absolute error, lower is better (what the search minimizes)" in verdict
    assert report_json(context)["sections"]["pareto"]["front"][0]["trial"] == 1
    assert results.best.interval.low >= 0.0


def test_labels_by_macro_f1_and_what_it_says_of_luck(tmp_path):
    dataset = make_outputs("multi-label", outputs=3)
    lucky = results_of(
        tmp_path / "lucky",
        [Made(wrong=range(4)), Made(wrong=[], fresh_wrong=range(25))],
        dataset,
        fresh=(0, 1),
        objectives=records("macro_f1"),
    )
    assert lucky.verdict.word == "worse"
    assert not lucky.verdict.ahead
    text = page_of(lucky, dataset).sections["output_verdict"]
    assert "won the search by luck, the baseline is better: macro F1" in text
    behind = results_of(
        tmp_path / "behind",
        [Made(wrong=range(4)), Made(wrong=[], fresh_wrong=range(5))],
        dataset,
        fresh=(0, 1),
        objectives=records("macro_f1"),
    )
    assert behind.verdict.word == "not distinguishable"
    assert (
        "Trial 1 is not ahead of the baseline, but it could be luck"
        in page_of(behind, dataset).text
    )
    over = results_of(
        tmp_path / "over",
        [Made(wrong=[], over="too many weights"), Made(wrong=range(20))],
        dataset,
        fresh=(0, 1),
        objectives=records("macro_f1"),
        limits={"params": 1000},
    )
    assert over.best.trial.number == 1
    assert (
        "is the best that keeps the limits, but the baseline is better"
        in page_of(over, dataset).text
    )


def test_where_what_ranks_and_what_is_shown_differ_both_are_told(tmp_path):
    dataset = make_outputs("multi-label", outputs=3)
    results = results_of(
        tmp_path / "run",
        [Made(wrong=[0], sure=0.55), Made(wrong=range(3), sure=0.9)],
        dataset,
        fresh=(0, 1),
    )
    assert results.best.trial.number == 1
    assert results.best.share < results.baseline.share
    assert "by cross-entropy (" in page_of(results, dataset).sections["output_verdict"]


def test_without_a_baseline_nothing_is_said_to_have_beaten_it(tmp_path):
    dataset = make_outputs("regression")
    failed = Made(state="FAIL", reason="out of memory")
    results = results_of(tmp_path / "run", [failed, Made(off=10.0)], dataset)
    text = page_of(results, dataset).text
    assert "Trial 1 is the best, with no baseline to compare it with: R2" in text


def test_differences_are_written_as_people_read_them(tmp_path):
    dataset = make_outputs("regression")
    many = [Made(off=30_000.0), Made(off=1000.0)]
    results = results_of(tmp_path / "run", many, dataset, fresh=(0, 1), objectives=records("mae"))
    assert "mean absolute error difference -29,000 on fresh folds" in summary(results)
    cells = list(trials_table(results).columns[3].cells)
    assert cells == ["1,000", "30,000"]
    for word in ("e+0", "inf", "nan"):
        assert word not in page_of(results, dataset).sections["output_verdict"]


def test_an_accuracy_cannot_differ_by_more_than_one(tmp_path):
    dataset = make_outputs("multi-label", outputs=3)
    results = results_of(
        tmp_path / "run",
        [Made(wrong=range(45)), Made(wrong=[i for i in range(45) if i // 3 % 5 == 0])],
        dataset,
        fresh=(0, 1),
        objectives=records("accuracy"),
    )
    assert results.verdict.interval.high == pytest.approx(1.0)


def test_an_axis_of_tiny_numbers_has_ticks_of_its_own():
    assert round_ticks(-2e-15, 3e-15) == pytest.approx([-2e-15, -1e-15, 0, 1e-15, 2e-15, 3e-15])
    assert tick_text(-1500.0, str) == "-1,500"


def test_the_axis_of_r2_ends_at_minus_1_unless_all_is_below():
    assert share_axis("R2", "R2", [0.9, -40.0])["range"][0] == pytest.approx(-1.06)
    assert "range" not in share_axis("R2", "R2", [-30.0, -40.0])
