"""What a run for another objective, for several, or with limits shows, made in milliseconds."""

import pytest
from made_runs import Made, Page, make_dataset, make_run, results_of

from automl_sem.console import reasons, summary, trials_table
from automl_sem.errors import NegativeResult
from automl_sem.objectives.choose import choose
from automl_sem.reports.build import render_page, report_json
from automl_sem.reports.context import Context
from automl_sem.reports.sections import reproduce
from automl_sem.reports.sections.history import _figure as history_figure
from automl_sem.reports.sections.pareto import _figure as front_figure
from automl_sem.reports.sections.reproduce import command
from automl_sem.results import read_results


def records(asked, **more):
    return [each.record.model_dump() for each in choose(asked, **more)]


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(45)


BASELINE = Made(wrong=range(0, 9), parameters=800_000)
# From the largest to the smallest, ever more wrong; the last two are beaten.
MANY = [
    BASELINE,
    Made(wrong=range(0, 2), parameters=400_000),
    Made(wrong=range(0, 3), parameters=20_000),
    Made(wrong=range(0, 16), parameters=1_000),
    Made(wrong=range(0, 12), parameters=90_000),
    Made(wrong=range(0, 17), parameters=5_000),
]


def test_a_function_of_python_is_no_part_of_the_command_but_is_told(tmp_path, dataset, monkeypatch):
    def hits(y, p):
        return float((p.argmax(1) == y).mean())

    results = results_of(tmp_path / "run", [BASELINE], dataset)
    one, other = choose([hits, "params"], direction="max")
    manifest = results.run.manifest.model_copy(update={"objectives": [one.record, other.record]})
    monkeypatch.setattr(results.run, "manifest", manifest)
    assert "--objective" not in command(results)
    assert "--objective FILE.py:hits:max,params<" in reproduce.render(Context.of(results, dataset))


def test_an_accuracy_is_maximised_for_people_and_minimised_inside(tmp_path, dataset):
    results = results_of(
        tmp_path / "run",
        [Made(wrong=range(9)), Made(wrong=[1]), Made(wrong=range(4), discarded_after=2)],
        dataset,
        fresh=(0, 1),
        objectives=records("accuracy"),
    )
    assert results.best.trial.number == 1
    assert results.best.trial.objective == pytest.approx(-44 / 45)
    assert results.best.quoted == results.best.trial.quoted == pytest.approx(44 / 45)
    assert results.best.interval.high == 1.0
    assert results.best.interval.metric == "accuracy"
    assert "corrected resampled t" in results.best.interval.method
    assert results.verdict.difference == pytest.approx(8 / 45)
    assert results.verdict.ahead
    found = results.to_json()
    assert found["objective"] == {"name": "accuracy", "direction": "maximize"}
    assert found["best"]["score"] == pytest.approx(44 / 45)
    text = summary(results)
    assert "accuracy 97.8 %" in text
    assert "accuracy 0.978" not in text  # not twice
    assert "accuracy difference +0.178" in text


def test_the_verdict_knows_which_way_is_better(tmp_path, dataset):
    worse = results_of(
        tmp_path / "run",
        [Made(wrong=[1]), Made(wrong=[], fresh_wrong=range(20))],
        dataset,
        fresh=(0, 1),
        objectives=records("macro_f1"),
    )
    assert worse.best.trial.number == 1
    assert worse.verdict.word == "worse"
    assert worse.verdict.interval.high < 0
    page = Page(render_page(Context.of(worse, dataset)))
    assert "won the search by luck, the baseline is better" in page.text
    assert "The whole interval lies below 0: take the baseline." in page.text
    assert "Trials are ranked by macro F1" in page.text
    assert "Macro F1, higher is better" in page.text


def test_the_history_of_an_accuracy_rises(tmp_path, dataset):
    results = results_of(
        tmp_path / "run",
        [Made(wrong=range(n)) for n in (9, 5, 7, 1)],
        dataset,
        objectives=records("accuracy"),
    )
    complete = sorted(results.complete, key=lambda t: t.number)
    best = history_figure(results, complete, "accuracy")["data"][0]["y"]
    assert best == pytest.approx([36 / 45, 40 / 45, 40 / 45, 44 / 45, 44 / 45])
    page = Page(render_page(Context.of(results, dataset)))
    assert "higher is better. The line is the best score so far" in page.text
    assert "it should go on rising" in page.text
    trials = report_json(Context.of(results, dataset))["all_trials"]
    assert [t["objective"] for t in trials] == pytest.approx([36 / 45, 40 / 45, 38 / 45, 44 / 45])


def test_several_objectives_make_a_front_with_three_picks(tmp_path, dataset):
    results = results_of(
        tmp_path / "run",
        MANY,
        dataset,
        fresh=(0, 1, 2, 3),
        objectives=records("accuracy,params"),
        discard="none",
    )
    assert results.front == (1, 2, 3)
    assert results.picks == {"best": 1, "knee": 2, "smallest-within-1se": 2}
    assert results.best.trial.number == 1
    found = results.to_json()
    assert found["front"] == [1, 2, 3]
    assert found["picks"]["knee"] == 2
    assert [o["direction"] for o in found["objectives"]] == ["maximize", "minimize"]
    text = summary(results)
    assert "front     3 trials by accuracy and weights: 1, 2, 3" in text
    assert "picks     best trial 1, knee trial 2, smallest-within-1se trial 2" in text
    cells = list(trials_table(results).columns[-1].cells)
    assert cells[:2] == ["* best", "* knee, smallest-within-1se"]
    assert command(results).count("--objective accuracy:max,params") == 1


def test_the_report_draws_the_front(tmp_path, dataset):
    run = make_run(
        tmp_path / "run", MANY, dataset, objectives=records("accuracy,params"), discard="none"
    )
    run.write_json("finalists.json", {"trials": [0, 1, 2], "seeds": 1, "failed": {}})
    results = read_results(run)
    traces = {trace["name"]: trace for trace in front_figure(results)["data"]}
    assert traces["front"]["x"] == [1_000, 20_000, 400_000]
    assert traces["front"]["y"] == pytest.approx([29 / 45, 42 / 45, 43 / 45])
    assert sorted(traces["not on the front"]["x"]) == [5_000, 90_000, 800_000]
    assert traces["knee: trial 2"]["x"] == [20_000]
    context = Context.of(results, dataset)
    page = Page(render_page(context))
    assert "Accuracy against weights" in page.sections["pareto"]
    assert "20,000 weights" in page.sections["pareto"]
    assert "on the front" in page.sections["trials"]
    assert report_json(context)["sections"]["pareto"]["front"][0] == {
        "trial": 1,
        "values": {"accuracy": pytest.approx(43 / 45), "params": 400_000.0},
    }


def test_the_front_of_one_objective_is_by_weights(tmp_path, dataset):
    results = results_of(tmp_path / "run", MANY, dataset)
    assert results.front[0] == results.best.trial.number == 1
    assert 2 in results.front
    assert results.picks["smallest-within-1se"] == 2
    assert "pareto" not in Page(render_page(Context.of(results, dataset))).sections


OVER = "800,000 weights, --max-params allows 50,000 weights"


def test_a_baseline_beyond_the_limits_is_compared_with_but_never_the_best(tmp_path, dataset):
    results = results_of(
        tmp_path / "run",
        [
            Made(wrong=[], parameters=800_000, over=OVER),
            Made(wrong=range(4), parameters=20_000),
            *[Made(parameters=400_000, over=OVER) for _ in range(7)],
        ],
        dataset,
        fresh=(0, 1),
        limits={"params": 50_000},
    )
    assert results.best.trial.number == 1
    assert results.complete[0].number == 1
    assert len(results.infeasible) == 7
    assert results.infeasible[0].state == "infeasible"
    assert results.verdict is not None
    text = summary(results)
    assert "on fresh folds, breaks the limits" in text
    assert "search    2 trials" in text
    assert "7 other candidates broke the limits" in text
    lines = reasons(results)
    assert len(lines) == 6
    assert lines[-1] == "and 2 others broke the limits"
    assert "--max-params 50000" in command(results)
    page = Page(render_page(Context.of(results, dataset)))
    assert "Limits: at most 50,000 weights. 7 candidates broke them" in page.text
    assert "The baseline breaks them as well" in page.text
    assert results.to_json()["infeasible"] == 7


def test_where_nothing_keeps_the_limits_there_is_no_best(tmp_path, dataset):
    results = results_of(tmp_path / "run", [Made(over=OVER)], dataset, limits={"params": 50_000})
    assert results.best is None
    assert results.picks == {}
    with pytest.raises(NegativeResult, match="no trial that keeps the limits is complete"):
        results.require_best()


def test_under_stress_it_is_said_what_ranks(tmp_path, dataset):
    of_both = results_of(
        tmp_path / "both",
        [Made(wrong=range(5)), Made(wrong=[1])],
        dataset,
        stress={"rotate": 90.0},
        objectives=records("accuracy", stressed=True),
    )
    assert "objective: the mean of the accuracy on images as they are and on" in summary(of_both)
    page = Page(render_page(Context.of(of_both, dataset)))
    assert "The objective is the mean of the accuracy on images as they are" in page.text
    alone = results_of(
        tmp_path / "alone",
        [Made(wrong=range(5)), Made(wrong=[1])],
        dataset,
        stress={"rotate": 90.0},
        objectives=records("macro_f1", stressed=True),
    )
    assert "objective: macro F1 on images as they are" in summary(alone)
    assert "do not decide" in Page(render_page(Context.of(alone, dataset))).text
