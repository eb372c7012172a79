"""What the report says of a best trial that goes on without its fakes, or as it was searched."""

import shutil

import pytest
from made_runs import Made, Page, make_dataset, make_run

from automl_sem.reports.build import build_report
from automl_sem.reports.verdict_words import luck
from automl_sem.results import read_results

SIDES = {"fakes": {"objective": 0.3, "accuracy": 0.9}, "real": {"objective": 0.2, "accuracy": 0.9}}
TOO_GOOD = "was chosen by its numbers on these very folds, so that the difference is a little too"


@pytest.fixture
def run(tmp_path):
    trials = [Made(wrong=range(0, 30, 3)), Made(wrong=[7], values={"fakes": 1.0})]
    made = make_run(tmp_path / "run", trials, make_dataset(), fresh=[0, 1])
    shutil.copytree(made.path / "fresh" / "1", made.path / "fakes" / "without" / "1")
    return made


def find(run, **finding):
    found = {
        "schema_version": 1, "trial": 1, "searched": 1.0, "share": 1.0, **SIDES, "gain": -0.1,
        "low": -0.2, "high": 0.1, "word": "log-loss", **finding,
    }  # fmt: skip
    run.write_json("fakes.json", found)
    return read_results(run)


def test_a_choice_on_the_fresh_folds_is_said_where_there_was_one(run):
    assert TOO_GOOD not in luck(read_results(run))
    assert TOO_GOOD in luck(find(run))
    unknown = find(run, fakes=None, real=None, unknown="no GAN drew a usable image")
    assert TOO_GOOD not in luck(unknown)


def test_scripts_are_told_whether_they_helped(run):
    told = find(run).to_json()["fakes"]
    assert (told["helped"], told["kept"]) == (False, 0.0)
    told = find(run, low=0.1, high=0.2).to_json()["fakes"]
    assert (told["helped"], told["kept"]) == (True, 1.0)


def test_the_table_of_trials_says_where_the_winner_goes_on_otherwise(run):
    def shown(**finding):
        report = build_report(find(run, **finding), make_dataset())
        return Page(report.read_text(encoding="utf-8")).sections["trials"].replace("\xa0", " ")

    note = "Trial 1 stands here as it was searched; it goes on without fake images."
    assert note in shown()
    assert "as it was searched" not in shown(low=0.1, high=0.2)
