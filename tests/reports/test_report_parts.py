"""The parts of the report: importances, numbers in words, axes, the command to reproduce."""

from __future__ import annotations

import json
import shlex

import numpy as np
import optuna
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from made_runs import Made, make_dataset, make_run, results_of

from automl_sem.api.run import Run
from automl_sem.augmentation.kinds import parse_stress
from automl_sem.cli import app
from automl_sem.data.load import from_memory, load_dataset
from automl_sem.gan_recipe import GanRecipe
from automl_sem.manifest import AugmentWith
from automl_sem.reports.context import Context, script_json
from automl_sem.reports.intervals import round_ticks
from automl_sem.reports.ped_anova import Importance, importances
from automl_sem.reports.sections import importances as section
from automl_sem.reports.sections.reproduce import command
from automl_sem.reports.wording import (
    duration,
    elide,
    loss,
    percent,
    shape,
    signed_loss,
    times,
    value,
)
from automl_sem.results import read_results
from automl_sem.spaces.find import builtin_spaces


def test_json_in_a_script_element_cannot_end_it():
    value = {"name": "</script><!-- & -->"}
    text = script_json(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


def study(trials, objective):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    made.optimize(objective, n_trials=trials)
    return made


def one_matters(trial):
    noise = [trial.suggest_float(f"noise {i}", 0, 1) for i in range(4)]
    matters = trial.suggest_float("matters", 0, 1)
    if trial.suggest_categorical("branch", [True, False]):
        trial.suggest_float("conditional", 0, 1)
    return (matters - 0.3) ** 2 + 1e-4 * sum(noise)


def test_what_matters_stands_out_from_chance():
    found = importances(study(60, one_matters))
    assert found[0].name == "matters"
    assert found[0].stands_out
    assert {i.name for i in found} >= {"branch", "conditional", "noise 0"}


LONG = "layer_dropout[network=lstm|cnn-lstm|lstm-fcn,lstm_layers=2]"


def test_labels_leave_room_for_the_bars_and_the_whole_name_is_told(tmp_path, monkeypatch):
    found = (Importance(LONG, 0.6, 0.3), Importance("learning_rate", 0.4, 0.5))
    monkeypatch.setattr(Context, "importances", found)
    context = Context.of(results_of(tmp_path / "run", [Made()] * 12, make_dataset()), None)
    text = " ".join(section.render(context).striptags().split())
    figure = json.loads(context.figures[0])
    labels = figure["layout"]["yaxis"]["ticktext"]
    assert labels == ["layer_dropout<br>network=l\u2026layers=2", "learning_rate"]
    assert max(len(line) for label in labels for line in label.split("<br>")) <= section.LABEL
    assert figure["data"][0]["customdata"][0].startswith(f"{LONG}: 60.0 %")
    assert f"Above what chance gives: {LONG}. 12 trials are few" in text


def test_with_many_hyperparameters_the_sentences_stand_apart(tmp_path, monkeypatch):
    found = tuple(Importance(f"a{i}", 0.1, 0.05) for i in range(10))
    monkeypatch.setattr(Context, "importances", found)
    context = Context.of(results_of(tmp_path / "run", [Made()] * 12, make_dataset()), None)
    assert "by chance easily. 12 trials are few" in section.render(context).striptags()


def test_where_nothing_matters_hardly_anything_stands_out():
    rng = np.random.default_rng(0)
    luck = study(40, lambda trial: one_matters(trial) * 0 + rng.random())
    assert sum(i.stands_out for i in importances(luck)) <= 2


def test_with_few_trials_nothing_is_said():
    assert importances(study(9, one_matters)) == ()
    assert importances(None) == ()


def test_the_same_trials_give_the_same_importances():
    made = study(20, one_matters)
    assert importances(made) == importances(made)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0530, "0.0530"),
        (1.234, "1.23"),
        (12.3, "12.3"),
        (123.4, "123"),
        (0, "0"),
        (None, "\u2013"),
    ],
)
def test_log_losses_have_three_significant_digits(number, text):
    assert loss(number) == text


def test_numbers_in_words():
    assert percent(0.97777) == "97.8 %"
    assert signed_loss(-0.7361) == "\u22120.736"
    assert [duration(s) for s in (0.42, 42, 185, 7800)] == [
        "0.4 s",
        "42 s",
        "3 min 5 s",
        "2 h 10 min",
    ]
    assert times(1000, 4000) == "4.0 times fewer"
    assert times(3000, 1000) == "3.0 times as many"
    assert times(1000, 1010) == "about as many"
    assert elide("conv_dropout", 12) == "conv_dropout"
    assert elide("network=lstm|cnn-lstm,lstm_layers=2", 21) == "network=ls\u2026m_layers=2"
    assert shape([24, 24, None]) == "24 \u00d7 24 \u00d7 any"
    assert [value(v) for v in (True, 0.00123456, "adam", 3)] == ["yes", "0.00123", "adam", "3"]


@given(
    low=st.floats(-1e4, 1e4),
    span=st.floats(1e-6, 1e4),
)
def test_ticks_are_few_and_enclose_the_values(low, span):
    ticks = round_ticks(low, low + span)
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks)
    slack = 1e-6 * max(abs(low), span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack


def parsed(text):
    """Return the options of a command line, as our own command line understands them."""
    program, verb, *arguments = shlex.split(text)
    assert (program, verb) == ("automl-sem", "search")
    return typer.main.get_command(app).commands["search"].make_context("search", arguments).params


def test_the_command_to_reproduce_is_one_that_the_command_line_takes(tmp_path):
    dataset = make_dataset()
    results = results_of(
        tmp_path / "my run",
        [Made(), Made()],
        dataset,
        fixed={"epochs": 3, "batch_size": 8},
        discard="paired",
        data={
            "name": "drawings",
            "source": "/home/me/my drawings",
            "in_run": False,
            "options": {"image_size": 32, "skip_bad": True},
        },
    )
    options = parsed(command(results))
    wanted = {"trials": 2, "folds": 5, "seed": 3, "epochs": 3, "batch_size": 8, "image_size": 32}
    wanted["discard"] = "paired"
    assert {name: options[name] for name in wanted} == wanted
    assert options["data"] == "/home/me/my drawings"
    assert options["space"] == str(tmp_path / "my run" / "space.py")
    assert options["skip_bad"] is True


def test_the_options_of_clips_are_part_of_the_command(tmp_path):
    options = {"kind": "clips", "frames": 12, "rate": 2.5, "groups": "^(a)_", "pad": True}
    data = {"name": "clips", "source": "/home/me/clips", "in_run": False, "options": options}
    stress = {"noise": 0.1, "rotate": 20.0}
    results = results_of(
        tmp_path / "run", [Made()], make_dataset(), data=data, stress=stress, check_stress=True
    )
    found = parsed(command(results))
    assert {name: found[name] for name in options} == options
    assert found["stress"] == "noise=0.1,rotate=20"


def test_task_and_fakes_are_part_of_the_command_and_files_of_options_are_not(tmp_path):
    gan = AugmentWith(
        asked="gan", space={}, beside="", hyperparameters={}, recipe=GanRecipe().to_dict()
    )
    data = {
        "name": "ages",
        "source": "ages.csv",
        "in_run": False,
        "options": {"task": "regression"},
    }
    results = results_of(tmp_path / "run", [Made()], make_dataset(), data=data, augment_with=gan)
    found = parsed(command(results))
    assert found["task"] == "regression"
    assert found["augment_with"] == "gan"
    assert found["config"] == "none"


def test_a_search_without_stress_is_reproduced_without(tmp_path):
    results = results_of(tmp_path / "run", [Made()], make_dataset(), stress={}, check_stress=True)
    asked = parsed(command(results))["stress"]
    assert asked == "none"
    assert parse_stress(asked, "images") == {}


def test_a_builtin_space_is_named_and_data_from_python_is_read_from_the_run(tmp_path):
    origin = str(builtin_spaces()["shapes"])
    results = results_of(
        tmp_path / "run",
        [Made()],
        make_dataset(),
        space={"name": "shapes", "origin": origin, "sha256": ""},
        data={"name": "arrays", "source": "memory", "in_run": True, "options": {}},
    )
    options = parsed(command(results))
    assert options["space"] == "shapes"
    assert options["data"] == str(tmp_path / "run" / "data.npz")


@pytest.mark.parametrize("grouped", [False, True], ids=["single", "grouped"])
@pytest.mark.parametrize("kind", ["series", "images"])
def test_the_command_reads_data_from_python_as_what_they_are(tmp_path, kind, grouped):
    rng = np.random.default_rng(0)
    x = [rng.uniform(0, 255, (8 + row % 2, 9)) for row in range(24)]  # 9x9 could be images
    if kind == "images":
        x = rng.integers(0, 256, (24, 8, 9))
    y = np.array(["down", "up"])[np.arange(24) % 2]
    groups = [f"writer {row // 2 % 6}" for row in range(24)] if grouped else None
    dataset = from_memory(x, y, kind=kind, groups=groups)
    data = {"name": "arrays", "kind": kind, "source": "", "in_run": True, "options": {}}
    results = results_of(tmp_path / "run", [Made()], dataset, data=data)
    np.savez(tmp_path / "run" / "data.npz", **dataset.to_arrays())
    options = parsed(command(results))
    again = load_dataset(options["data"], kind=options["kind"], task=options["task"])
    assert again.info == dataset.info
    assert again.train.fingerprint() == dataset.train.fingerprint()
    assert again.test.fingerprint() == dataset.test.fingerprint()
    assert again.train.groups_fingerprint() == dataset.train.groups_fingerprint()
    assert (again.train.groups is not None) == grouped


def test_it_is_reproduced_on_as_many_gpus(tmp_path):
    machine = {"system": "Linux", "cores": 2, "gpus": ["A100", "A100"]}
    for name, used in (("one", ["0"]), ("none", [])):
        results = results_of(tmp_path / name, [Made()], make_dataset(), machine=machine, gpus=used)
        assert parsed(command(results))["gpus"] == str(len(used))
    results = results_of(tmp_path / "without", [Made()], make_dataset())
    assert "--gpus" not in command(results)


def test_a_run_and_its_best_are_shown_in_a_line(tmp_path):
    run = Run(make_run(tmp_path / "run", [Made(wrong=range(30)), Made()], make_dataset()))
    assert repr(run) == f"Run('{tmp_path / 'run'}')"
    shown = repr(run.best)
    assert shown.startswith("<trial 1 on search folds: accuracy 1 [0.92")
    assert len(shown) < 160
    assert "array" not in repr(run.baseline)


def test_an_unfinished_search_is_reproduced_with_the_trials_asked_for(tmp_path):
    run = make_run(tmp_path / "run", [Made()], make_dataset(), finished=False, asked=14)
    assert parsed(command(read_results(run)))["trials"] == 14
