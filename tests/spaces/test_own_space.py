"""A space of one's own: copies of the built-in ones run as they are and pass the check."""

import ast
import re

import keras
import pytest
from keras import layers

from automl_sem.errors import UserError
from automl_sem.own_space import check_named, write_space
from automl_sem.spaces.find import builtin_spaces
from automl_sem.spaces.load import load_space
from automl_sem.testing import check_space

NAMES = sorted(builtin_spaces())
SAMPLES = {"gan": 5, "motion": 6, "series": 6}  # of those that take longer to build


@pytest.mark.parametrize("name", [None, *NAMES])
def test_a_copy_names_itself_and_runs_from_anywhere(name, tmp_path):
    path = tmp_path / "own.py"
    write_space(path, name)
    text = path.read_text()
    commands = re.findall(r"^    automl-sem .*$", text, re.MULTILINE)
    assert commands
    assert all(f" {path}" in command for command in commands)
    assert "Copy this file" not in text
    assert "my_space.py" not in text
    tree = ast.parse(text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module.partition(".")[0] for node in imports} <= {"keras", "automl_sem"}
    assert load_space(path).data, "automl-sem search own.py has no data to search on"
    if name is not None:
        kept = builtin_spaces()[name].read_text().splitlines()
        assert len(set(text.splitlines()) - set(kept)) <= len(commands) + 3


def test_comments_behind_commands_stay_in_their_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_space(tmp_path / "own.py", "gan")
    text = (tmp_path / "own.py").read_text()
    assert f"    automl-sem search {tmp_path}/own.py --data photos/  # a folder of" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["mine.py"], "mine.py: there is such a file. --force replaces it"),
        (["new.py", "--from", "shaeps"], "--from: no built-in space is called 'shaeps'. Did you"),
        (["new.py", "--from", "blocks"], "no built-in space is called 'blocks'"),
        (["new"], "new: a space is a Python file. Say new.py"),
        (["folder.py"], "folder.py: there is a folder of this name"),
        (["no/new.py"], "no: there is no such folder"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(call, arguments, line):
    mine = call.directory / "mine.py"
    mine.write_text("precious")
    (call.directory / "folder.py").mkdir()
    code, out, err = call("init", *arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert mine.read_text() == "precious"
    assert not (call.directory / "new.py").exists()


def test_init_replaces_a_file_if_told_to_and_says_what_comes_next(call):
    (call.directory / "my space.py").write_text("old")
    code, out, err = call("init", "my space.py", "--from", "digits", "--force")
    assert (code, out) == (0, "my space.py\n")
    assert "next: automl-sem spaces check 'my space.py'" in err
    assert "    automl-sem search 'my space.py'\n" in (call.directory / "my space.py").read_text()


@pytest.mark.slow
def test_the_starter_passes_the_check_and_is_searched_as_it_is(call):
    assert call("init", "my_space.py")[0] == 0
    assert check_space("my_space.py", samples=15).hyperparameters == 7
    code, out, _ = call(
        "search", "my_space.py", "--trials", 2, "--epochs", 1, "--folds", 2, "--workers", 0,
        "--out", "run",
    )  # fmt: skip
    assert code == 0
    assert "best      trial" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "pretrained"])
def test_every_built_in_space_passes_the_check_on_its_data(name):
    found = check_space(name, samples=SAMPLES.get(name, 10))
    assert found.failed == 0
    assert found.notes == ()


@pytest.mark.slow
def test_the_space_of_pretrained_networks_passes_the_check(tmp_path):
    inputs = x = keras.Input((24, 24, 1))
    for filters in (4, 8, 8):
        x = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, padding="same")(x))
    outputs = layers.Dense(5, activation="softmax")(layers.Flatten()(x))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    found = check_named("pretrained", samples=15, weights=tmp_path / "model.keras")
    assert found.defects == ()
    assert found.search == f"search pretrained --weights {tmp_path}/model.keras"


def test_data_that_a_space_is_not_for_are_refused():
    with pytest.raises(UserError, match="space 'series' is for series, but the data are images"):
        check_named("series", "digits")
