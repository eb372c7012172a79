"""The report of a search that scored its folds under stress, and of one that did not."""

from __future__ import annotations

import base64
import dataclasses
import io
import json

import numpy as np
import pytest
from made_runs import Made, Page, make_dataset, make_run, results_of
from PIL import Image

from automl_sem.export.card import model_card
from automl_sem.reports.build import build_report
from automl_sem.reports.lines import Point
from automl_sem.reports.sections.verdict import headline
from automl_sem.reports.wording import loss
from automl_sem.results import read_results
from automl_sem.scoring.stress import StressFolds, stress_interval

STRESS = {"rotate": 180, "noise": 0.05}
TURNED = {"rotate 90": range(10), "rotate 180": range(20)}
PLAIN = Made(wrong=[7], sure=0.8, stress_wrong=TURNED)
STEADY = Made(wrong=[7], sure=0.9, stress_wrong={"rotate 180": [3], "blur 1": range(0, 45, 2)})
WARNING = "rotate 180 may change labels: 41% of '6' and '9' <b>are taken for one another</b>"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


@pytest.fixture
def dataset():
    return make_dataset()


@pytest.fixture
def run(tmp_path, dataset):
    return make_run(tmp_path / "run", [PLAIN, STEADY], dataset, fresh=[0, 1], stress=STRESS)


def page_of(run, dataset):
    html = build_report(read_results(run), dataset).read_text(encoding="utf-8")
    return Page(html.replace("\u00a0", " "))


def facts_of(run):
    return json.loads((run.path / "report.json").read_text())["sections"]


def drawn(page):
    figures = [json.loads(t) for a, t in page.scripts if a.get("type") == "application/json"]
    (figure,) = [f for f in figures if f["layout"].get("shapes") and "ticktext" in str(f)]
    return figure


def test_without_distortions_nothing_is_said_of_them(tmp_path, dataset):
    run = make_run(tmp_path / "run", [PLAIN, STEADY], dataset, fresh=[0, 1])
    page = page_of(run, dataset)
    assert "stress" not in page.sections
    assert "stress" not in facts_of(run)
    assert "stress" not in page.text.lower()
    assert "mean of that" not in page.text
    values = [a["data-value"] for a in page.find("td", **{"class": "number"})]
    assert len(values) == 2 * 5


def test_the_words_say_what_is_lost_where_and_what_the_unseen_ones_do(run, dataset):
    page = page_of(run, dataset)
    first, most, unseen = facts_of(run)["stress"]["sentences"]
    assert first == (
        "Trial 1 gets 97.2 % of distorted images right, and 97.8 % of them as they are; "
        "the baseline 82.2 % and 97.8 %."
    )
    assert "loses most under rotate 180: 95.6 % right, 2.2 points below" in most
    assert "may be chance" in most
    assert "97.8 % under perspective 0.3 and 46.7 % under blur 1 (the baseline 97.8 % and" in unseen
    assert "Under blur 1 that is clearly less" in unseen
    assert all(sentence in page.sections["stress"] for sentence in (first, most, unseen))


def test_a_clear_loss_is_not_called_chance(tmp_path, dataset):
    weak = Made(wrong=[7], sure=0.9, stress_wrong={"rotate 180": range(25)})
    run = make_run(tmp_path / "run", [PLAIN, weak], dataset, fresh=[0, 1], stress=STRESS)
    page_of(run, dataset)
    _, most, unseen = facts_of(run)["stress"]["sentences"]
    assert "rotate 180: 44.4 % right, 53.3 points below images as they are." in most
    assert "not clearly less" in unseen


def test_without_a_loss_none_is_named(tmp_path, dataset):
    run = make_run(tmp_path / "run", [PLAIN, Made()], dataset, fresh=[0, 1], stress=STRESS)
    page = page_of(run, dataset)
    assert "No distortion that it was chosen by costs trial 1 anything." in page.text
    assert "trial 1 gets it right under each of them" in page.sections["stress"]


def test_the_chart_has_a_row_for_each_condition_and_the_unseen_ones_last(run, dataset):
    figure = drawn(page_of(run, dataset))
    axis = figure["layout"]["yaxis"]
    assert axis["ticktext"] == [
        "<b>as they are</b>",
        *("rotate 90", "rotate 180", "noise 0.025", "noise 0.05"),
        *("<b>unseen</b>", "perspective 0.3", "blur 1"),
    ]
    assert axis["tickvals"] == sorted(axis["tickvals"])
    (ground,) = figure["layout"]["shapes"]
    assert axis["tickvals"][4] < ground["y0"] < axis["tickvals"][5]
    ours, theirs = figure["data"]
    assert (ours["name"], theirs["name"]) == ("trial 1", "baseline")
    assert ours["marker"]["symbol"] != theirs["marker"]["symbol"]
    assert theirs["x"] == pytest.approx([44 / 45, 35 / 45, 25 / 45, *[44 / 45] * 4], abs=0.03)
    assert all(width > 0 for width in ours["error_x"]["arrayminus"])


def test_the_pictures_are_those_that_were_scored(run, dataset):
    page = page_of(run, dataset)
    shown = [a for a in page.find("img") if a["alt"].startswith("drawing 7.png, ")]
    assert [a["alt"].split(", ")[1] for a in shown][:3] == ["as it is", "rotate 90", "rotate 180"]
    assert len(shown) == 1 + 6
    assert "gets wrong most often, in 6 of these 6" in page.sections["stress"]
    best = read_results(run).best
    (rows,) = [f.stress.rows for f in best.folds.folds if 7 in f.stress.rows]
    folds = StressFolds(STRESS, dataset.train, run.manifest.seed)
    scored = []  # what is asked of a model
    folds.score(rows, lambda images: scored.append(images) or np.ones((len(images), 3)))
    copies = scored[0].reshape(6, 2, len(rows), 8, 8)
    for condition, picture in enumerate(shown[1:]):
        expected = copies[condition, 0, list(rows).index(7)]
        np.testing.assert_array_equal(decoded(picture["src"]), expected)


def decoded(source):
    png = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    return np.array(Image.open(io.BytesIO(png)))[::14, ::14]


def test_without_its_data_the_numbers_stay(run):
    page = page_of(run, None)
    assert not page.find("img")
    assert "rotate 180 95.6 % 85.2 to 98.8 % 55.6 %" in page.sections["stress"]
    assert "blur 1 (unseen) 46.7 %" in page.sections["stress"]


def test_warnings_stand_on_top_and_the_verdict_points_at_them(run, dataset):
    assert not page_of(run, dataset).find("p", **{"class": "warning"})
    run.write_json("stress.json", {"schema_version": 1, "warnings": [WARNING]})
    page = page_of(run, dataset)
    assert page.sections["stress"].index(WARNING) < page.sections["stress"].index("Trial 1 gets")
    assert not [tag for tag, _ in page.elements if tag == "b"]
    assert "may change labels" in page.sections["verdict"]
    assert page.find("a", href="#stress")
    assert facts_of(run)["stress"]["warnings"] == [WARNING]


def test_the_verdict_says_what_the_objective_is_and_shows_the_stressed_accuracy(run, dataset):
    text = page_of(run, dataset).sections["verdict"]
    assert text.count("The objective is the mean of the log-loss on images as they are") == 1
    assert "rotate up to 180 degrees" in text
    assert "Right answers under stress, all distortions 97.2 % 82.2 %" in text
    results = read_results(run)
    low = 100 * stress_interval(results.best.folds).low
    assert f"counts images, not copies) {low:.1f} to" in text
    objectives = [f"{s.trial.objective:.3f}" for s in (results.best, results.baseline)]
    assert f"objective 97.8 %, 97.2 %, {objectives[0]} 97.8 %, 82.2 %, {objectives[1]}" in text


def test_the_trials_have_a_stressed_column_and_are_sorted_by_the_objective(run, dataset):
    page = page_of(run, dataset)
    assert "accuracy stressed objective" in page.sections["trials"]
    values = [a["data-value"] for a in page.find("td", **{"class": "number"})]
    best = read_results(run).best.trial
    assert values[:4] == ["1", *map(str, (best.accuracy, best.stress_accuracy, best.objective))]
    assert best.objective > best.log_loss


@pytest.mark.parametrize(
    ("baseline", "best", "begins"),
    [
        ({"stress_wrong": TURNED}, {}, "Trial 1 is better than the baseline under stress: 97.8 %"),
        (
            {"stress_wrong": TURNED},
            {"wrong": [7, 8]},
            "Trial 1 is better than the baseline under stress, but not on images as they are: 95.6",
        ),
        (
            {"wrong": range(0, 30, 3)},
            {"wrong": [], "sure": 0.6, "stress_wrong": {"noise 0.05": range(45)}},
            "Trial 1 is better than the baseline, but not under stress: 100.0 %",
        ),
        ({}, {}, "Trial 1 is better than the baseline, by being surer"),
    ],
)
def test_the_headline_does_not_hide_either_side(tmp_path, dataset, baseline, best, begins):
    trials = [
        Made(**{"wrong": [7], "sure": 0.5, **baseline}),
        Made(**{"wrong": [7], "sure": 0.9, **best}),
    ]
    results = results_of(tmp_path / "run", trials, dataset, fresh=[0, 1], stress=STRESS)
    assert results.verdict.word == "better"
    said = headline(results)
    assert said.startswith(begins)
    shares = [f"{100 * s.folds.stress_accuracy:.1f} %" for s in (results.best, results.baseline)]
    assert f"under stress {shares[0]} against {shares[1]}." in said


def test_the_chart_by_depth_shows_what_trials_were_ranked_by(run):
    trial = read_results(run).trials[0]
    point = Point(3, (trial,))
    assert point.objective == pytest.approx(np.mean(point.folds))
    assert point.objective > trial.log_loss


def test_a_lone_baseline_is_quoted_with_both(tmp_path, dataset):
    run = make_run(tmp_path / "run", [PLAIN], dataset, fresh=[0], stress=STRESS)
    page = page_of(run, dataset)
    assert headline(read_results(run)).endswith(", under stress 82.2 %.")
    assert page.sections["stress"].startswith("Under stress The baseline gets 82.2 %")
    assert len(drawn(page)["data"]) == 1


def test_the_model_card_has_a_line_for_each_kind_and_the_warnings(run, dataset):
    run.write_json("stress.json", {"schema_version": 1, "warnings": [WARNING]})
    results = read_results(run)
    card = card_of(run, results, dataset)
    assert "- objective: the mean of the log-loss on examples as they are" in card
    assert "- k-fold accuracy under stress 97.2%, on fresh folds" in card
    assert "  - rotate 180: 95.6%, 95 % interval 85.2% to 98.8%\n" in card
    assert "rotate 90" not in card
    assert "  - blur 1: 46.7%" in card
    assert f"- **warning**: {WARNING}" in card


def test_the_model_card_of_a_run_without_stress_says_nothing_of_it(tmp_path, dataset):
    run = make_run(tmp_path / "run", [PLAIN, STEADY], dataset, fresh=[0, 1])
    assert "stress" not in card_of(run, read_results(run), dataset)


def card_of(run, results, dataset):
    record = {
        "class_names": list(dataset.class_names),
        "trained_size": [8, 8],
        "channels": 1,
        "test": {"n": 0},
        "accuracy_interval": None,
        "formats": [],
        "versions": {},
        "epochs": 1,
        "steps": 1,
        "seconds": 1.0,
        "devices": 1,
    }
    trial = results.best.trial
    return model_card(run, results, dataset, trial, record=record, formats=[])


def test_only_what_is_log_loss_is_called_so(run, dataset):
    page = page_of(run, dataset)
    text = " ".join(page.sections.values())
    allowed = (
        "The objective is the mean of the log-loss on images as they are and on distorted ones",
        "Log-loss asks how sure a network is",
        "Log-loss on images as they are, on distorted ones",
    )
    for sentence in allowed:
        assert text.count(sentence) == 1
        text = text.replace(sentence, "")
    assert "log-loss" not in text.lower()


def test_both_parts_of_the_objective_are_shown(run, dataset):
    best = read_results(run).best.folds
    assert best.objective == pytest.approx((best.log_loss + best.stress_log_loss) / 2)
    shown = f"on distorted ones {loss(best.log_loss)}, {loss(best.stress_log_loss)} "
    assert shown in page_of(run, dataset).sections["verdict"]


def test_a_copy_that_is_wrong_is_shown_though_the_first_one_is_right(tmp_path, dataset):
    run = make_run(tmp_path / "run", [PLAIN, Made()], dataset, fresh=[0, 1], stress=STRESS)
    for number, fold in run.read_folds(1, "fresh").items():
        stress = fold.stress
        true, guesses = (np.repeat(kept, 2, axis=1) for kept in (stress.true, stress.guesses))
        if number == 2:
            guesses[1, 1, 4] = (stress.labels[4] + 1) % 3
            missed = dataset.train.names[stress.rows[4]]
        changed = dataclasses.replace(stress, true=true, guesses=guesses)
        run.write_fold(1, dataclasses.replace(fold, stress=changed), "fresh")
    section = page_of(run, dataset).sections["stress"]
    assert "gets wrong most often, in 1 of these 6" in section
    assert f"{missed}, {dataset.class_names[dataset.train.y[2 + 5 * 4]]}" in section


def unseen_of(run, dataset):
    page_of(run, dataset)
    return facts_of(run)["stress"]["sentences"][2]


def test_one_copy_less_under_an_unseen_distortion_is_not_clearly_less(tmp_path, dataset):
    steady = Made(wrong=[], stress_wrong={"perspective 0.3": [3]})
    run = make_run(tmp_path / "run", [PLAIN, steady], dataset, fresh=[0, 1], stress=STRESS)
    assert "97.8 % under perspective 0.3" in unseen_of(run, dataset)
    assert "not clearly less" in unseen_of(run, dataset)
    assert "may carry over to others" in unseen_of(run, dataset)


def test_what_withstands_nothing_carries_nothing_over(tmp_path, dataset):
    weak = {name: range(35) for name in ("rotate 90", "rotate 180", "noise 0.025", "noise 0.05")}
    trials = [Made(wrong=[7, 8], stress_wrong=weak), Made(wrong=[7], stress_wrong=weak)]
    run = make_run(tmp_path / "run", trials, dataset, fresh=[0, 1], stress=STRESS)
    said = unseen_of(run, dataset)
    assert said.endswith("That is not clearly less than under the distortions it was chosen by.")


def test_what_is_not_known_is_no_warning(run, dataset):
    unknown = "whether rotate 180 changes labels is not known: the time limit left none"
    run.write_json("stress.json", {"schema_version": 1, "warnings": [], "unknown": [unknown]})
    page = page_of(run, dataset)
    assert f"W{unknown[1:]}." in page.sections["stress"]
    assert "may change labels" not in page.text
    assert f"- {unknown}" in card_of(run, read_results(run), dataset)
