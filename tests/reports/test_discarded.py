"""A discarded trial is shown with what it had, and never taken for one that has a score."""

from __future__ import annotations

import json
import re
from io import StringIO

import optuna
import pytest
from made_runs import FOLDS, Made, Page, make_dataset, make_run, results_of
from rich.console import Console

from automl_sem.console import reasons, summary, trials_table, verdict_sentence
from automl_sem.errors import UserError
from automl_sem.reports.build import build_report
from automl_sem.reports.ped_anova import importances
from automl_sem.reports.sections.verdict import headline
from automl_sem.reports.wording import DISCARD_RULES, discarding
from automl_sem.results import read_results
from automl_sem.scoring.discard import RULES

BASELINE = Made(wrong=range(0, 30, 3), parameters=9000)
GOOD = Made(wrong=[7], sure=0.95, parameters=3000, rate=0.02)
# The mean of its first fold is the lowest of all: it would win if it were ranked.
DROPPED = Made(sure=0.99, discarded_after=1, rate=0.5)
DROPPED_LATER = Made(wrong=range(45), discarded_after=3, rate=0.6)
FAILED = Made(state="PRUNED", reason="the training loss became nan", rate=0.9)
TRIALS = [BASELINE, DROPPED, GOOD, FAILED, DROPPED_LATER]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", TRIALS, make_dataset(), fresh=[0, 2])


@pytest.fixture
def results(run):
    return read_results(run)


@pytest.fixture
def page(results):
    path = build_report(results, make_dataset())
    return Page(path.read_text(encoding="utf-8"))


# Results


def test_it_keeps_its_folds_and_has_no_score(results):
    trial = results.trials[4]
    assert (trial.state, trial.objective, trial.accuracy) == ("discarded", None, None)
    assert len(trial.fold_scores) == len(trial.fold_shares) == 3
    assert trial.mean_so_far == pytest.approx(sum(trial.fold_scores) / 3)
    assert trial.seconds == 1.5
    assert trial.reason.startswith("after 3 of 5 folds: ")
    assert results.trials[3].state == "pruned"


def test_it_is_never_best_nor_ranked(results):
    best = results.best.trial
    assert results.trials[1].mean_so_far < best.objective
    assert best.number == 2
    assert [t.number for t in results.complete] == [2, 0]


def test_it_cannot_be_taken_for_export(results):
    with pytest.raises(UserError, match=r"trial 4 has no score, it was discarded after 3 of 5 fol"):
        results.trial(4)


def test_what_was_saved_is_counted(results):
    counted = results.to_json()
    assert (results.discarded, results.fold_fits_saved) == (2, 4 + 2)
    assert (counted["trials"], counted["discarded"], counted["fold_fits_saved"]) == (5, 2, 6)
    # two complete trials, 1 and 3 folds of the discarded ones, two finalists on fresh folds
    assert counted["fold_fits"] == 2 * FOLDS + 1 + 3 + 2 * FOLDS


# On the command line


def test_the_table_has_it_dimmed_below_the_complete_ones(results):
    file = StringIO()
    Console(file=file, force_terminal=True, width=120).print(trials_table(results))
    _, *rows = file.getvalue().splitlines()
    numbers = [re.search(r"\d+", row.replace("\x1b[2m", ""))[0] for row in rows]
    assert numbers == ["2", "0", "1", "4", "3"]
    assert ["\x1b[2m" in row for row in rows] == [False, False, True, True, False]
    assert "discarded" in rows[3]
    assert "0 0 0 " in rows[3]
    assert "1.5" in rows[3]


def test_the_summary_says_how_many_and_what_it_saved(results):
    assert (
        "search    5 trials, 4 of them proposed by the sampler's model, 2 discarded early "
        "(6 fold fits saved), 1 pruned, 24 fold fits, 1 min 35 s"
    ) in summary(results)


def test_to_be_discarded_is_not_to_fail(results):
    assert reasons(results) == ["trial 3 pruned: the training loss became nan"]


def test_a_search_that_discarded_all_but_the_baseline_is_not_one_of_the_baseline_alone(tmp_path):
    trials = [GOOD, DROPPED_LATER]
    results = results_of(tmp_path / "run", trials, make_dataset(), fresh=[0])
    assert verdict_sentence(results) == "no trial beat the baseline"
    assert headline(results).startswith("No trial beat the baseline")


def test_one_is_one():
    assert discarding(1, 1, "forgiving").startswith("1 trial was dropped")
    assert "That saved 1 fold fit." in discarding(1, 1, "forgiving")


# The report


def test_the_verdict_says_how_many_what_that_saved_and_what_it_means(page, run):
    text = page.sections["verdict"]
    assert "5 trials: 2 complete, 2 discarded, 1 pruned" in text
    sentence = "2 trials were dropped before all folds were done"
    assert sentence in text
    assert "That saved 6 fold fits." in text
    assert DISCARD_RULES["forgiving"] in text
    facts = json.loads((run.path / "report.json").read_text())["sections"]["verdict"]["discarded"]
    assert sentence in facts.pop("sentence")
    assert facts == {"rule": "forgiving", "trials": 2, "fold_fits_saved": 6}


def test_a_run_without_any_does_not_speak_of_it(tmp_path):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], make_dataset(), fresh=[0, 1])
    page = Page(build_report(read_results(run), make_dataset()).read_text(encoding="utf-8"))
    assert "iscarded" not in page.text  # `--discard` is in the command to reproduce it
    assert "discarded" not in summary(read_results(run))


def test_every_rule_is_explained():
    assert set(DISCARD_RULES) == set(RULES) - {"none"}


def test_the_rule_of_the_run_is_the_one_explained(tmp_path):
    run = make_run(tmp_path / "run", TRIALS, make_dataset(), discard="paired")
    page = Page(build_report(read_results(run), make_dataset()).read_text(encoding="utf-8"))
    assert DISCARD_RULES["paired"] in page.text
    assert DISCARD_RULES["forgiving"] not in page.text


def test_the_history_draws_it_apart_and_the_best_so_far_passes_it_by(page, results):
    history = next(
        json.loads(text)
        for attributes, text in page.scripts
        if attributes.get("type") == "application/json" and "best so far" in text
    )
    above, below = (t for t in history["data"] if t["name"] == "discarded early")
    dropped = results.discarded_trials
    assert above["x"] == below["x"] == [1, 4]
    assert (above.get("yaxis"), below["yaxis"]) == (None, "y2")
    assert above["y"] == pytest.approx([t.mean_so_far for t in dropped])
    assert below["y"] == [1.0, 0.0]
    assert "discarded after 3 of 5 folds" in above["customdata"][1]
    line = next(t for t in history["data"] if t["name"] == "best so far")
    assert min(line["y"]) == results.best.trial.objective
    assert all(4 not in t["x"] for t in history["data"] if t["name"] == "sampler's model")
    nothing = next(t for t in history["data"] if t["name"].startswith("no score"))
    assert nothing["x"] == [3]


def test_the_table_of_trials_shows_its_folds_and_sorts_it_as_one_without_score(page):
    rows = [a["class"].split()[0] for a in page.find("tr") if "class" in a]
    assert rows[-5:] == ["complete", "complete", "discarded", "discarded", "pruned"]
    assert "discarded 3 of 5 folds" in page.sections["trials"]
    cells = [a["data-value"] for a in page.find("td", **{"class": "number"})]
    assert cells[5 * 3 : 5 * 3 + 3] == ["4", "", ""]
    assert "after 3 of 5 folds: mean " in page.sections["trials"]


def test_other_sections_leave_it_out(page):
    charts = [
        json.loads(text)
        for attributes, text in page.scripts
        if attributes.get("type") == "application/json" and "best so far" not in text
    ]
    assert charts
    assert all("trial 4" not in json.dumps(chart) for chart in charts)


def test_too_few_trials_with_a_score_are_too_few(page):
    assert "2 complete (those discarded do not count)" in page.sections["importances"]


def test_it_does_not_change_what_mattered():
    def study(pruned):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for number in range(24):
            trial = made.ask()
            score = trial.suggest_float("matters", 0, 1) + 0.01 * trial.suggest_float("noise", 0, 1)
            if number < 16:
                made.tell(trial, score)
            elif pruned:
                trial.report(5 - score, 0)
                made.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return made

    found = importances(study(pruned=True))
    assert [importance.name for importance in found] == ["matters", "noise"]
    assert found == importances(study(pruned=False))


def test_report_json_has_its_folds(page, run):
    trial = json.loads((run.path / "report.json").read_text())["all_trials"][4]
    assert (trial["state"], trial["log_loss"], trial["accuracy"]) == ("discarded", None, None)
    assert len(trial["fold_objectives"]) == 3
