"""Options from files, the environment and flags: who wins, whence each came, what is refused."""

import json
from inspect import signature
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from automl_sem.cli.exporting import export
from automl_sem.cli.searching import search
from automl_sem.config import ExportOptions, SearchOptions, options_of
from automl_sem.errors import UserError
from automl_sem.settings import read_settings

NO_OPTION = {"config", "dry_run", "as_json"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "project" / "work"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def choose(flags=None, environment=None, file=None, command="search"):
    return read_settings(file, environment or {}).choose(command, flags or {})


def origins(chosen):
    return {name: setting.origin for name, setting in chosen.settings.items()}


def test_every_option_is_a_flag_and_every_flag_an_option():
    assert set(signature(search).parameters) - NO_OPTION == set(options_of(SearchOptions))
    assert set(options_of(ExportOptions)) < set(signature(export).parameters)


@pytest.mark.parametrize(("command", "model"), [(search, SearchOptions), (export, ExportOptions)])
def test_help_says_the_default_that_holds(command, model):
    hints = get_type_hints(command, include_extras=True)
    for name, field in options_of(model).items():
        shown = get_args(hints[name])[1].show_default
        default = model.model_fields[field].default
        if isinstance(default, bool):
            default = name.replace("_", "-") if default else f"no-{name.replace('_', '-')}"
        if isinstance(default, tuple):
            default = ",".join(default)
        if default is not None:
            assert shown == str(default), name
        assert signature(command).parameters[name].default is None


def test_a_flag_beats_the_environment_which_beats_a_file_which_beats_the_default(here):
    (here / "automl-sem.toml").write_text("folds = 3\ntrials = 4\n\nseed = 5\npad = true\n")
    chosen = choose({"folds": 9, "pad": False}, {"AUTOML_SEM_FOLDS": "8", "AUTOML_SEM_TRIALS": "7"})
    found = chosen.checked
    assert (found.folds, found.trials, found.seed, found.pad) == (9, 7, 5, False)
    assert found.discard == "forgiving"
    assert origins(chosen) == {
        "folds": "--folds",
        "trials": "AUTOML_SEM_TRIALS",
        "seed": "automl-sem.toml:4",
        "pad": "--pad",
    }
    assert chosen.told() == "options: trials=7 (AUTOML_SEM_TRIALS); seed=5 (automl-sem.toml)"


def test_the_nearest_file_counts_and_of_one_folder_our_own(here):
    pyproject = (
        '[project]\nname = "x"\n[tool.automl-sem]\nfolds = 4\n[tool.automl-sem.export]\ngpus = 0\n'
    )
    (here.parent / "automl-sem.toml").write_text("folds = 3\n")
    assert origins(choose()) == {"folds": f"{here.parent}/automl-sem.toml:1"}
    (here / "pyproject.toml").write_text('[project]\nname = "automl-sem"\n')
    assert choose().checked.folds == 3
    (here / "pyproject.toml").write_text(pyproject)
    assert origins(choose()) == {"folds": "pyproject.toml:4"}
    assert origins(choose(command="export")) == {"gpus": "pyproject.toml:6"}
    (here / "automl-sem.toml").write_text("folds = 6\n")
    assert choose().checked.folds == 6
    assert choose(file="none").checked.folds is None
    other = here / "other.toml"
    other.write_text("folds = 7\n")
    assert choose(file=other).checked.folds == 7
    assert choose(environment={"AUTOML_SEM_CONFIG": str(other)}).checked.folds == 7


def test_dashes_and_underscores_lists_and_durations(here):
    (here / "automl-sem.toml").write_text(
        'batch-size = 8\nimage_size = 32\ntime = "5m"\n[export]\nformat = ["keras"]\n'
    )
    found = choose().checked
    assert (found.batch_size, found.image_size, found.time_limit_s) == (8, 32, 300)
    assert choose().arguments()["time_limit"] == 300
    assert choose(command="export").checked.format == ("keras",)
    environment = {"AUTOML_SEM_EXPORT_FORMAT": "keras, saved-model", "AUTOML_SEM_PAD": "yes"}
    assert choose(environment=environment, command="export").checked.format[1] == "saved-model"
    assert choose(environment=environment).checked.pad is True


def test_paths_in_a_file_are_relative_to_it_and_names_are_names(here):
    folder = here.parent
    (folder / "drawings").mkdir()
    (folder / "digits").mkdir()
    (folder / "automl-sem.toml").write_text(
        'target = "digits"\ndata = "drawings"\nspace = "my.py"\nweights = "w.keras"\n'
        'objective = "accuracy,mine.py:cost:min"\nout = "/runs/x"\n'
        'augment-with = "gan"\nwarm-start = "runs/a"\n'
    )
    found = choose().checked
    assert (found.target, found.data) == ("digits", f"{folder}/drawings")
    assert found.space == f"{folder}/my.py"
    assert found.objective == f"accuracy,{folder}/mine.py:cost:min"
    assert (found.weights, found.out) == (folder / "w.keras", Path("/runs/x"))
    assert (found.augment_with, found.warm_start) == ("gan", folder / "runs/a")


def test_a_list_of_objectives_is_read_as_a_line_of_them_is(here):
    file = here.parent / "automl-sem.toml"
    file.write_text('objective = ["accuracy", "mine.py:cost:min"]\nmax-params = "50k"\n')
    found = choose().checked
    assert found.objective == ["accuracy", f"{here.parent}/mine.py:cost:min"]
    assert found.max_params == 50_000
    file.write_text('objective = "accuracy, mine.py:cost:min"\n')
    assert choose().checked.objective == f"accuracy, {here.parent}/mine.py:cost:min"


def test_a_file_may_begin_with_the_mark_that_windows_puts_there(here):
    (here / "automl-sem.toml").write_text("folds = 3\n", encoding="utf-8-sig")
    assert origins(choose()) == {"folds": "automl-sem.toml:1"}


BAD_FILES = [
    (
        "fold = 3",
        "automl-sem.toml:1: fold: no option of search has this name. Did you mean 'folds'?",
    ),
    ("\nexport.formt = 'x'", "automl-sem.toml: formt: no option of export has this name. Did you"),
    ("[exprt]\ngpus = 0", "exprt: no option of search has this name. Did you mean 'export'?"),
    (
        "format = 'keras'",
        "automl-sem.toml:1: format: no option of search has this name. It is one of export, and "
        "stands in the table [export]",
    ),
    (
        "[export]\nfolds = 3",
        "no option of export has this name. It is one of search, and stands",
    ),
    ("[search]\nfolds = 3", "has this name. Options of search stand at the top, in no table"),
    ("export = 3", "has this name. It is a table: [export], and options below it"),
    ("time = inf", "automl-sem.toml:1: time: input should be a finite number. Received: inf"),
    ("max-size-mb = inf", "toml:1: max-size-mb: input should be a finite number"),
    ("trials = 3\nfolds = 1", "automl-sem.toml:2: folds: it must be at least 2. Received: 1"),
    ("folds = 'three'", "toml:1: folds: it must be a whole number. Received: 'three'"),
    ("folds = 2.5", "toml:1: folds: it must be a whole number. Received: 2.5"),
    ("folds = true", "automl-sem.toml:1: folds: it is not a switch. Received: True"),
    ("pad = 'maybe'", "automl-sem.toml:1: pad: it must be true or false. Received: 'maybe'"),
    (
        "kind = 'image'",
        "kind: it must be 'images', 'clips' or 'series'. Received: 'image'. Did you",
    ),
    ("workers = 'many'", "toml:1: workers: it takes auto or a number. Received: 'many'"),
    ("workers = -1", "toml:1: workers: it must be at least 0. Received: -1"),
    ("time = 'soon'", "toml:1: time: a duration looks like 90s"),
    ("data = 3", "toml:1: data: it must be a text. Received: 3"),
    ("batch-size = 3\nbatch_size = 4", "toml:2: batch_size: batch_size is there twice"),
    ("objective = 3", "toml:1: objective: it takes a text or a function or a list. Received: 3"),
    ("direction = 'max'", "toml:1: direction: no option of search has this name"),
    ("[export]\ngpus = 'some'", "toml:2: gpus: it takes all or a number. Received: 'some'"),
    ("folds = ", "automl-sem.toml: it is not TOML: Invalid value (at end of document)"),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES, ids=[text for text, _ in BAD_FILES])
def test_a_mistake_in_a_file_is_one_line_with_file_and_key(here, text, message):
    (here / "automl-sem.toml").write_text(text)
    with pytest.raises(UserError) as error:
        choose()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AUTOML_SEM_FOLD", "3", "AUTOML_SEM_FOLD: no option has this variable of the environment. "
         "Did you mean 'AUTOML_SEM_FOLDS'?"),
        ("AUTOML_SEM_FORMAT", "keras", "Did you mean 'AUTOML_SEM_EXPORT_FORMAT'?"),
        ("AUTOML_SEM_FOLDS", "1", "AUTOML_SEM_FOLDS: it must be at least 2. Received: '1'"),
        ("AUTOML_SEM_EXPORT_GPUS", "x", "AUTOML_SEM_EXPORT_GPUS: it takes all or a number"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_environment_is_one_line_with_the_variable(here, variable, value, message):
    with pytest.raises(UserError) as error:
        choose(environment={variable: value})
    assert message in str(error.value)


def test_a_variable_that_is_empty_or_of_something_else_is_no_option(here):
    environment = {"AUTOML_SEM_FOLDS": "", "AUTOML_SEM_CACHE_GB": "3", "OTHER": "1"}
    assert choose(environment=environment).settings == {}


def test_an_error_about_a_flag_names_the_file_that_gave_its_value(here):
    (here / "automl-sem.toml").write_text("discard = 'forgving'\n")
    with pytest.raises(UserError) as error, choose().blamed():
        raise UserError("no such rule", where="--discard")
    assert str(error.value) == "automl-sem.toml:1: discard: no such rule"
    with (
        pytest.raises(UserError, match=r"^--discard: no such rule"),
        choose({"discard": "x"}).blamed(),
    ):
        raise UserError("no such rule", where="--discard")


def test_config_show_tells_each_value_and_where_it_came_from(call, monkeypatch):
    (call.directory / "automl-sem.toml").write_text("folds = 3\n")
    monkeypatch.setenv("AUTOML_SEM_SEED", "7")
    code, out, err = call("config", "show")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith("  ")}
    assert rows["folds"] == ["3", "automl-sem.toml:1"]
    assert rows["seed"] == ["7", "AUTOML_SEM_SEED"]
    assert rows["trials"] == ["13", "default"]
    assert f"file: {call.directory / 'automl-sem.toml'}" in err
    found = json.loads(call("config", "show", "--json")[1])
    assert found["search"]["folds"] == {"value": 3, "from": "automl-sem.toml:1"}
    assert found["export"]["gpus"] == {"value": "all", "from": "default"}
    assert set(found["search"]) == set(options_of(SearchOptions))


def test_config_show_tells_what_the_space_says(call):
    space = call.directory / "mine.py"
    space.write_text("DATA = 'digits'\nSIZE = len('ab')\nSTRESS = {'rotate': 30}\n")
    (call.directory / "automl-sem.toml").write_text("stress = 'none'\n")
    found = json.loads(call("config", "show", "mine.py", "--json")[1])["search"]
    assert found["target"] == {"value": "mine.py", "from": "TARGET"}
    assert found["data"] == {"value": "digits", "from": "mine.py:1"}
    assert found["size"] == {"value": None, "from": "default"}
    assert found["stress"] == {"value": "none", "from": "automl-sem.toml:1"}


def test_which_trial_to_export_may_stand_in_a_file(here):
    (here / "automl-sem.toml").write_text("[export]\npick = 'smallest-within-1se'\n")
    assert choose(command="export").checked.pick == "smallest-within-1se"
    assert choose({"pick": "knee"}, command="export").checked.pick == "knee"


def test_data_that_are_typed_count_more_than_those_of_a_file(here):
    (here / "automl-sem.toml").write_text('data = "digits"')
    (here / "drawings").mkdir()
    assert "data" not in choose({"target": "drawings"}).typed_data_first().arguments()
    assert "data" not in choose({"target": "strokes"}).typed_data_first().arguments()
    kept = choose({"target": "shapes"}).typed_data_first()  # a space
    assert kept.arguments()["data"] == "digits"
    typed = choose({"target": "drawings", "data": "digits"}).typed_data_first()
    assert typed.arguments()["data"] == "digits"  # refused later, since both were typed


def test_a_search_takes_its_options_from_a_file(call):
    (call.directory / "automl-sem.toml").write_text('target = "shapes"\nfolds = 3\ntrials = 4\n')
    code, out, err = call("search", "--trials", "2", "--dry-run")
    assert code == 0
    assert "2 trials, 3 folds each" in out
    assert err == "options: target=shapes, folds=3 (automl-sem.toml)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["search", "shapes", "--trails", "3"],
            "there is no option --trails. Did you mean '--trials'?",
        ),
        (["serch"], "there is no command 'serch'. Did you mean 'search'?"),
        (["config", "shw"], "there is no command 'shw'. Did you mean 'show'?"),
        (["search", "--folds", "three"], "--folds: "),
        (["search", "--folds"], "option '--folds' requires an argument"),
        (["search", "--pad=3"], "option '--pad' does not take a value"),
        (["show", "a", "b"], "got unexpected extra argument"),
        (["predict"], "EXPORT: it is missing"),
    ],
)
def test_wrong_use_is_one_line(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert len(err.splitlines()) == 1


def test_no_command_at_all_shows_the_help(call):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "search shapes" in out
