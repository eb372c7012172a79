"""Files written for KerasTuner are space files: which hypermodel is meant, and what is refused."""

from __future__ import annotations

import sys
import types

import keras_tuner
import optuna
import pytest
from hypermodel_files import GIVES_UP, LOGITS, LOOP, OWN_FIT

from automl_sem.errors import UserError
from automl_sem.spaces.hyperparameters import OptunaHyperParameters
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

INFO = DataInfo("images", (8, 8, 1), 3, 60)

SOFTMAX = """
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(units, activation="softmax")(x))
    model.compile("sgd", "categorical_crossentropy")
    return model
"""
CLASS = f"""import keras
import keras_tuner as kt

class Mine(kt.HyperModel):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units

    def build(self, hp):
        units = self.units
        hp.Choice("of_the_class", [1, 2])
{SOFTMAX.replace(chr(10) + "    ", chr(10) + "        ")}
"""
NEEDS_UNITS = CLASS.replace("units=3", "units")
FUNCTION = f"import keras\nimport keras_tuner as kt\ndef build_model(hp):\n    units = 3{SOFTMAX}"
TUNER = "tuner = kt.RandomSearch(build_model, objective='val_loss', max_trials=2)\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return load_space(path)

    return of


@pytest.mark.parametrize(
    ("text", "own_fit", "values"),
    [
        (LOGITS, False, {"depth": 1, "units_0": 4, "dropout": False, "rate": 1e-3}),
        (CLASS, False, {"of_the_class": 1}),
        (NEEDS_UNITS + "any_name = Mine(3)\n", False, {"of_the_class": 1}),
        (CLASS + "class More(Mine): pass\n", False, {"of_the_class": 1}),
        (NEEDS_UNITS + "kt.RandomSearch(Mine(3), objective='val_loss')\nx = Mine(3)\n", False,
         {"of_the_class": 1}),
        (NEEDS_UNITS + "tuner = kt.Hyperband(Mine(3), objective='val_loss')\n", False,
         {"of_the_class": 1}),
        (OWN_FIT, True,
         {"units": 4, "batch_size": 8, "epochs": 1, "shuffle": False}),
        (LOOP, True, {"units": 4, "batch_size": 8, "learning_rate": 1e-4}),
    ],
)  # fmt: skip
def test_the_hypermodel_of_a_file_is_its_space(load, text, own_fit, values):
    space = load(text)
    assert space.starts(INFO) == (values,)
    assert (space.fit_fn is not None) == own_fit


def test_a_build_function_is_meant_before_any_hypermodel(load):
    text = f"{CLASS}other = Mine()\ndef build(hp):\n    units = hp.Fixed('units', 3){SOFTMAX}"
    assert load(text).starts(INFO) == ({},)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            NEEDS_UNITS,
            r"the hypermodel Mine needs arguments \(units\). Make one .* = Mine\(units=\.\.\.\)",
        ),
        (CLASS + "a, b = Mine(), Mine()\n", r"it has 2 hypermodels \(a, b\), and nobody can tell"),
        (CLASS + "class Other(kt.HyperModel): pass\n", r"2 hypermodels \(Mine, Other\)"),
        (
            "from keras_tuner.applications import HyperImageAugment as H\n"
            "augment = H(input_shape=(8, 8, 1))\n",
            r"HyperImageAugment only changes images.*augmentation_model=augment",
        ),
        ("import keras_tuner\n", r"no function build\(hp, data\)"),
        (FUNCTION + TUNER + "tuner.search(1, 2)\n", r"mine.py:\d+: the file starts a search .* "
         r"Put that line under if __name__ == \"__main__\":"),
        ("import tf_keras\n" + FUNCTION, r"mine.py:1: the space imports tf_keras: it is Keras 2"),
        (FUNCTION + "def later():\n    from tf_keras import layers\n", r"mine.py:\d+: .* tf_keras"),
        ("import kerastuner as kt\n" + FUNCTION, "Import keras_tuner"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n", "sets TF_USE_LEGACY_KERAS"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_one_clear_line(load, text, line):
    with pytest.raises(UserError, match=line) as error:
        load(text)
    assert "\n" not in str(error.value)


def test_a_tuner_made_when_the_file_is_loaded_builds_nothing_and_leaves_no_files(load, tmp_path):
    build = FUNCTION.replace("    units = 3", "    units = 3\n    print('built')")
    before = keras_tuner.RandomSearch.search
    assert load(build + TUNER).starts(INFO)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    assert keras_tuner.RandomSearch.search is before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("(8, 8, 1)", "(9, 9, 3)"), r"takes inputs of shape \(None, 9, 9, 3\), but the data"),
        (("units = 3", "units = 1"), r"output must have shape \(None, 3\)"),
        (('"sgd", "categorical_crossentropy"', '"sgd"'), "compiled without a loss"),
        (("return model", "return keras.Model(inputs, [model.output, x])"), "has 2 outputs"),
    ],
)
def test_a_compiled_model_that_does_not_fit_says_what_to_change(load, change, line):
    with pytest.raises(UserError, match=line):
        load(FUNCTION.replace(*change)).starts(INFO)


SOFTMAX_LAYER = FUNCTION.replace(', activation="softmax"', "").replace(
    "model.compile", "model = keras.Sequential([model, keras.layers.Softmax()])\n    model.compile"
)
LABELS = DataInfo("images", (8, 8, 1), 3, 60, task="multi-label")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FUNCTION, "ends with a softmax, but labels do not add up to 1"),
        (SOFTMAX_LAYER, "ends with a softmax, but labels do not add up to 1"),
        (
            FUNCTION.replace("categorical", "sparse_categorical").replace("softmax", "sigmoid"),
            r"compiled with sparse_categorical_crossentropy, which takes class numbers, but the "
            r'data have labels. Compile it with another loss, such as "binary_crossentropy"',
        ),
    ],
)
def test_what_is_made_for_classes_is_refused_where_there_are_labels(load, text, line):
    with pytest.raises(UserError, match=line):
        load(text).starts(LABELS)


def test_a_model_of_keras_2_is_named(load, monkeypatch):
    module = types.ModuleType("tf_keras_stand_in")
    module.Model = type("Sequential", (), {"__module__": "tf_keras.src.engine.sequential"})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    space = load("import tf_keras_stand_in as k\ndef build(hp):\n    return k.Model()\n")
    with pytest.raises(UserError, match=r"it returned a tf_keras\.Sequential: it is Keras 2"):
        space.starts(INFO)


def test_one_unit_tells_two_classes_apart(load):
    text = FUNCTION.replace("units = 3", "units = 1").replace("softmax", "sigmoid")
    space = load(text.replace("categorical_", "binary_"))
    two = DataInfo("images", (8, 8, 1), 2, 60)
    assert space.starts(two) == ({},)


def test_a_further_argument_with_a_default_keeps_it(load):
    assert load(FUNCTION.replace("(hp)", "(hp, classes=3)")).starts(INFO) == ({},)
    with pytest.raises(UserError, match=r"must have shape \(None, 3\)"):
        load(
            FUNCTION.replace("(hp)", "(hp, classes=3)").replace("units = 3", "units = classes + 1")
        ).starts(INFO)


def test_images_without_an_axis_of_channels_are_taken_as_they_are(load):
    assert load(FUNCTION.replace("(8, 8, 1)", "(8, 8)")).starts(INFO) == ({},)


def test_reports_tell_the_optimizer_and_loss_that_a_model_was_compiled_with(load):
    recipe = load(LOGITS).recipe_of({"rate": 0.005}, INFO)
    assert (recipe.batch_size, recipe.epochs) == (32, 40)
    shown = recipe.shown()
    assert shown["optimizer"] == "that of the compiled model (Adam, learning rate 0.005)"
    assert shown["loss"] == "that of the compiled model (SparseCategoricalCrossentropy)"
    assert not {"learning_rate", "schedule", "own_loss"} & shown.keys()
    fixed = load(LOGITS).with_fixed(epochs=2, batch_size=8).recipe_of({}, INFO)
    assert (fixed.batch_size, fixed.epochs) == (8, 2)


def test_reports_tell_that_a_hypermodel_trains_by_its_own_fit(load):
    shown = load(LOOP).recipe_of({}, INFO).shown()
    assert shown == {
        "optimizer": "chosen in the fit of the hypermodel",
        "loss": "chosen in the fit of the hypermodel",
        "training": "the fit of the hypermodel",
        "epochs": 40,
    }


def test_a_sampler_chooses_what_the_hypermodels_own_fit_asks_for(load):
    space = load(OWN_FIT).with_fixed(epochs=1, batch_size=None)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    hp = OptunaHyperParameters(trial, space.settled)
    space.recipe(hp, INFO, space.build(hp, INFO))
    assert trial.params.keys() == {"units", "batch_size", "shuffle"}
    assert hp.values["epochs"] == 1


def test_a_space_that_gives_a_candidate_up_can_be_searched_all_the_same(load):
    assert load(GIVES_UP).starts(INFO) == ({"units": 8},)
