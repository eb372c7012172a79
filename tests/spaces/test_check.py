"""A check of a space: what is wrong with it is found without training, and nothing else."""

import json

import numpy as np
import pytest
from conftest import make_stripes

from automl_sem.errors import UserError
from automl_sem.own_space import check_named
from automl_sem.spaces.load import load_space
from automl_sem.testing import check_space
from automl_sem.types import DataInfo

HEAD = """from keras import Input, Model, layers
from automl_sem import Recipe

DATA = "digits"

def network(data, units=4, kernel=1, padding="same", dropout=0.0):
    x = inputs = Input(data.input_shape)
    x = layers.Conv2D(2, kernel, strides=4, padding=padding)(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(units)(layers.Flatten()(x))
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))

def build(hp, data):
"""
DATA = DataInfo("images", (8, 8, 1), 10, 1000)


def space_file(tmp_path, body, head=HEAD, rest=""):
    path = tmp_path / "mine.py"
    lines = [f"    {line}" for line in body.strip("\n").splitlines()]
    path.write_text(head + "\n".join(lines) + "\n" + rest)
    return path


def checked(tmp_path, body, samples=25, **parts):
    return check_named(str(space_file(tmp_path, body, **parts)), samples=samples)


def line_of(text, path):
    lines = path.read_text().splitlines()
    return f"{path}:{next(i for i, line in enumerate(lines, 1) if text in line)}"


def test_a_fine_space_has_a_range_of_weights_and_nothing_to_mend(tmp_path):
    found = checked(tmp_path, 'return network(data, hp.Int("units", 2, 40))')
    assert found.fine
    assert (found.built, found.failed, found.hyperparameters, found.notes) == (25, 0, 1, ())
    least, middle, most = found.parameters
    weights = [4 + (8 + 1) * units + (units + 1) * 10 for units in range(2, 41)]
    assert weights[0] <= least < middle < most <= weights[-1]
    assert {least, most} <= set(weights)
    assert found.seconds[0] <= found.seconds[1]
    again = check_named(str(tmp_path / "mine.py"), samples=25)
    assert again.parameters == found.parameters
    assert check_named(str(tmp_path / "mine.py"), samples=25, seed=1).parameters != found.parameters


def test_errors_are_told_with_the_values_that_cause_them(tmp_path):
    body = """
units = hp.Int("units", 2, 40)
kernel = hp.Choice("kernel", [3, 9])
padding = hp.Choice("padding", ["same", "valid"])
return network(data, units, kernel, padding)
"""
    found = checked(tmp_path, body, samples=40)
    (error,) = found.defects
    assert error.kind == "error"
    assert set(error.names) == {"kernel", "padding"}
    assert error.what.startswith(f"{found.failed} of 40 candidates cannot be built: ValueError: ")
    assert "all of them have " in error.what
    assert "kernel=9" in error.what
    assert "padding='valid'" in error.what
    assert error.where == line_of("layers.Conv2D", tmp_path / "mine.py")
    assert 0 < found.failed < 40
    assert found.built == 40 - found.failed


def test_numbers_that_cause_errors_are_told_as_a_range(tmp_path):
    body = """
units = hp.Int("units", 1, 20)
if units > 15:
    raise RuntimeError(f"{units} are too many")
return network(data, units, dropout=hp.Float("dropout", 0.1, 0.5))
"""
    found = checked(tmp_path, body, samples=40)
    (error,) = found.defects
    assert error.names == ("units",)
    assert "units from 16 to 20, and another value of units repairs it" in error.what


def test_what_a_search_would_refuse_is_told_with_its_line(tmp_path):
    path = tmp_path / "mine.py"
    found = checked(tmp_path, "return network(data, hp.Int('units', 2, 4)).layers[-1]", samples=3)
    assert [d.kind for d in found.defects] == ["error"]
    assert "must return a keras.Model, but returned Dense" in found.defects[0].what
    assert "whatever their values" in found.defects[0].what
    assert found.defects[0].where == line_of("def build", path)
    assert found.parameters is None

    rest = "\nGOOD_STARTS = [\n    {'unitz': 3},\n]\nSTRESS = {'spin': 2}\n"
    found = checked(tmp_path, "return network(data, hp.Int('units', 2, 4))", rest=rest, samples=3)
    stress, start = found.defects
    assert "no stress is called 'spin'" in stress.what
    assert (start.kind, start.where) == ("refused", line_of("GOOD_STARTS", path))
    assert start.what.startswith("GOOD_STARTS[0]: no hyperparameter 'unitz' is active in it")


IDLE = """
kind = hp.Choice("kind", ["small", "large"])
with hp.conditional_scope("kind", ["medium"]):
    hp.Int("dead", 1, 5)
with hp.conditional_scope("kind", ["small"]):
    hp.Int("forgotten", 1, 5)
hp.Choice("single", ["only"])
hp.Fixed("told", 3)
hp.Float("unused", 0.0, 1.0)
return network(data, 4 if kind == "small" else 8)
"""


def test_hyperparameters_that_do_nothing_are_told(tmp_path):
    found = checked(tmp_path, IDLE)
    kinds = {defect.names[0]: defect.kind for defect in found.defects}
    assert kinds == {
        "dead": "dead",
        "forgotten": "no effect",
        "single": "constant",
        "unused": "no effect",
    }
    told = {defect.names[0]: defect for defect in found.defects}
    assert "only where kind is 'medium', which cannot be" in told["dead"].what
    assert all(d.where == line_of(f'"{n}"', tmp_path / "mine.py") for n, d in told.items())


RARE = """
rare = hp.Choice("rare", list(range(400)))
with hp.conditional_scope("rare", [399]):
    width = hp.Int("width", 2, 9) or 2
    gone = hp.Int("gone", 2, 9)
return network(data, width, dropout=0.1 if rare == 399 else 0.0)
"""


def test_what_hardly_any_candidate_has_is_tried_all_the_same(tmp_path):
    found = checked(tmp_path, RARE, samples=5)
    assert [(defect.kind, defect.names) for defect in found.defects] == [("no effect", ("gone",))]


def test_an_effect_on_the_recipe_alone_counts(tmp_path):
    recipe = (
        "def recipe(hp, data):\n    return Recipe(learning_rate=hp.Float('rate', 1e-4, 1e-2))\n"
    )
    assert checked(tmp_path, "return network(data)", rest=recipe, samples=3).fine


HAND_MADE = """
class Mine(Model):
    def __init__(self, inputs, outputs, shown, hidden):
        super().__init__(inputs, outputs)
        self.shown, self._hidden = shown, hidden

def build(hp, data):
    plain = network(data)
    return Mine(plain.inputs, plain.outputs, hp.Float("shown", 0, 1), hp.Float("hidden", 0, 1))
"""


def test_what_the_code_of_a_model_may_use_out_of_sight_is_a_note_alone(tmp_path):
    found = checked(tmp_path, "pass", rest=HAND_MADE, samples=4)
    assert found.fine
    assert [note.names for note in found.notes] == [("hidden",)]


OWN_LOSS = """
import keras

class Halving(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate

def focal(gamma):
    def loss(wanted, said):
        return (1 - said) ** gamma
    return loss

def build(hp, data):
    model = network(data)
    rate = Halving(hp.Float("rate", 0.1, 1)) if hp.Boolean("own") else 0.1
    model.compile(keras.optimizers.Adam(rate), focal(hp.Float("gamma", 0, 2)))
    return model
"""


def test_a_loss_or_a_schedule_of_ones_own_is_no_defect(tmp_path):
    found = checked(tmp_path, "pass", rest=OWN_LOSS, samples=6)
    assert found.fine, found.summary()
    assert found.built == 6
    assert ("gamma",) in [note.names for note in found.notes]
    assert not any("'rate' changes neither" in note.what for note in found.notes)


def test_what_is_to_be_learnt_can_be_said(tmp_path, call):
    part = make_stripes(30)
    np.savez(tmp_path / "whole.npz", x_train=part.x, y_train=part.y * 7)
    body = (
        "x = inputs = Input(data.input_shape)\n"
        'x = layers.Dense(hp.Int("units", 2, 40))(layers.Flatten()(x))\n'
        "return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))"
    )
    path, data = space_file(tmp_path, body), tmp_path / "whole.npz"
    code, _, err = call(
        "spaces", "check", path, "--data", data, "--task", "regression", "--samples", 3
    )
    assert code == 0
    assert err.endswith(f"next: automl-sem search {path} --data {data} --task regression\n")
    (call.directory / "automl-sem.toml").write_text(
        f"data = '{data}'\ntask = 'regression'\nseed = 5\n"
    )
    code, out, err = call("spaces", "check", path, "--samples", 3)
    assert code == 0
    assert f"data        {data}: images, 8x8x1\n" in out
    assert "with seed 0" in out
    assert err.startswith(f"options: data={data}, task=regression (automl-sem.toml)\n")
    assert check_space(path, str(data), samples=2, task="regression").data.task == "regression"


COLLIDING = """
units = hp.Int("units", 2, 9)
kind = hp.Boolean("kind")
with hp.conditional_scope("kind", [True]):
    again = hp.Int("units", 20, 30)
    depth = hp.Int("depth", 1, 2)
with hp.conditional_scope("kind", [False]):
    depth = hp.Int("depth", 5, 9) or depth
hp.Int("units", 2, 9)
other = hp.Choice("other", [1, 2])
hp.Choice("other", [1, 3])
return network(data, units + depth + other)
"""


def test_names_that_stand_for_two_ranges_are_told_those_in_two_branches_are_not(tmp_path):
    found = checked(tmp_path, COLLIDING, samples=10)
    collisions = [defect for defect in found.defects if defect.kind == "collision"]
    assert [defect.names for defect in collisions] == [("other",), ("units",)]
    other, units = collisions
    path = tmp_path / "mine.py"
    first = line_of('"other", [1, 2]', path).rpartition(":")[2]
    assert other.where == line_of('"other", [1, 3]', path)
    assert f"is one of [1, 3] here, but one of [1, 2] before (line {first})" in other.what
    assert units.where == line_of('"units", 20, 30', path)


def test_a_search_refuses_names_that_collide_in_one_line(tmp_path, call):
    code, _, err = call("search", space_file(tmp_path, COLLIDING), "--workers", 0)
    assert code == 2
    assert err.splitlines()[-1].endswith("only the first counts. Give one of them another name")
    space = load_space(space_file(tmp_path, COLLIDING))
    with pytest.raises(UserError, match=r"mine\.py:\d+: hyperparameter 'other' is one of \[1, 3\]"):
        space.starts(DATA)
    twice = 'hp.Int("units", 2, 9)\nreturn network(data, hp.Int("units", 2, 9, default=5))'
    assert load_space(space_file(tmp_path, twice)).starts(DATA)


def test_a_range_that_changes_from_candidate_to_candidate_is_told(tmp_path):
    body = """
wide = hp.Boolean("wide")
if wide:
    hp.Boolean("extra")
kernel = hp.Choice("kernel", [1, 3] if wide else [5, 7])
return network(data, hp.Int("units", 2, 40 if wide else 20), kernel)
"""
    found = checked(tmp_path, body, samples=12)
    kinds = [(defect.kind, defect.names) for defect in found.defects]
    assert kinds == [("collision", ("kernel",)), ("no effect", ("extra",))]
    assert [note.names for note in found.notes] == [("units",), ("extra",)]


def test_a_space_that_builds_another_model_each_time_is_told(tmp_path):
    body = (
        "import random\nreturn network(data, random.randrange(2, 999), hp.Choice('kernel', [1, 3]))"
    )
    found = checked(tmp_path, body, samples=3)
    assert [defect.kind for defect in found.defects] == ["unstable"]


def test_a_check_ends_when_its_time_is_up(tmp_path):
    body = 'return network(data, hp.Int("units", 2, 40))'
    path = space_file(tmp_path, body)
    found = check_named(str(path), samples=10_000, time_limit="0.01s")
    assert found.built < 100
    assert "time was up after" in found.notes[-1].what


def test_the_contract_test_of_a_space_raises_with_the_report(tmp_path):
    path = space_file(tmp_path, 'return network(data, hp.Int("units", 2, 40))')
    assert check_space(path, samples=5).built == 5
    assert check_space(path, data="shapes", samples=2).data.input_shape == (24, 24, 1)
    space_file(tmp_path, 'hp.Int("unused", 2, 40)\nreturn network(data)')
    with pytest.raises(AssertionError, match="'unused' changes neither the model nor its recipe"):
        check_space(path, samples=5)


def test_the_command_prints_the_report_and_its_exit_code_tells(call, tmp_path):
    path = space_file(tmp_path, 'print("noise")\nreturn network(data, hp.Int("units", 2, 40))')
    code, out, err = call("spaces", "check", path, "--samples", 5)
    assert code == 0
    assert "candidates  5 of 5 built" in out
    assert out.endswith("verdict     nothing to mend\n")
    assert f"next: automl-sem search {path}" in err
    space_file(tmp_path, 'print("noise")\nhp.Int("unused", 2, 40)\nreturn network(data)')
    code, out, err = call("spaces", "check", path, "--samples", 5, "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["schema_version"], found["fine"], found["built"]) == (1, False, 5)
    assert [defect["hyperparameters"] for defect in found["defects"]] == [["unused"]]
    assert "next" not in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["shaeps"], "no space is called 'shaeps'. Did you mean 'shapes'"),
        (["shapes", "--samples", "0"], "--samples: it must be at least 1"),
        (["shapes", "--time", "soon"], "--time: a duration looks like"),
        (["shapes", "--data", "motion"], "space 'shapes' is for images, but the data are clips"),
    ],
)
def test_a_check_that_cannot_be_done_says_why_in_one_line(call, arguments, line):
    code, out, err = call("spaces", "check", *arguments)
    assert (code, out) == (2, "")
    assert line in err
