"""Loading spaces, and what a broken one says."""

import shutil
from pathlib import Path

import pytest

from automl_sem.errors import UserError
from automl_sem.spaces.find import Target, builtin_spaces, default_space, find, find_space, summary
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

DATASETS = ("shapes", "digits")


def space_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


GOOD = '''"""My space."""
from keras import Model, Input, layers

def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(x)
    x = layers.Dense(hp.Int("units", 2, 9))(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))
'''


@pytest.fixture
def info():
    return DataInfo("images", (8, 8, 1), 3, 60)


def test_a_copy_of_a_built_in_space_is_a_space_of_ones_own(tmp_path, info):
    copy = shutil.copy(builtin_spaces()["shapes"], tmp_path / "mine.py")
    space = load_space(Path(copy))
    assert space.name == "mine"
    assert space.starts(info)


def test_a_build_with_hp_alone_works(tmp_path, info):
    path = space_file(
        tmp_path,
        GOOD.replace("hp, data", "hp")
        .replace("data.input_shape", "(8, 8, 1)")
        .replace("data.classes", "3"),
    )
    assert load_space(path).starts(info) == ({"units": 2},)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def build(hp:\n", r"mine\.py:1: syntax error"),
        ("x = 1\n", r"mine\.py: the space has no function build"),
        ("x = 1\nimport nowhere\n", r"mine\.py:2: the space does not run: ModuleNotFoundError"),
        (GOOD + "BASELINE = 3\n", r"BASELINE has the wrong type: int"),
    ],
)
def test_a_space_file_that_does_not_load_says_where(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as error:
        load_space(space_file(tmp_path, text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def build(hp, data): return 3\n", "must return a keras.Model, but returned int"),
        (GOOD.replace("data.classes", "7"), r"must have shape \(None, 3\)"),
        (GOOD + "def recipe(hp, data): return {}\n", "must return an automl_sem.Recipe"),
        (
            GOOD + "from automl_sem import Augment, Recipe\n"
            "def recipe(hp, data): return Recipe(augment=Augment(speed=0.5))\n",
            r"Recipe\.augment in .*mine\.py: speed is for clips and series, but the data",
        ),
        (GOOD + "BASELINE = {'unitz': 3}\n", "'unitz' is active in it. Did you mean 'units'"),
        (GOOD + "BASELINE = {'units': 99}\n", "units=99 is out of range"),
        (GOOD + "GOOD_STARTS = [{'units': 1}]\n", r"GOOD_STARTS\[0\] .*units=1 is out of range"),
    ],
)
def test_a_space_that_does_not_fit_says_what_to_change(tmp_path, info, text, message):
    with pytest.raises(UserError, match=message):
        load_space(space_file(tmp_path, text)).starts(info)


def test_a_missing_space_file_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="no such space file"):
        find_space(str(tmp_path / "nowhere.py"))


def test_a_flag_fixes_what_the_recipe_would_search(info):
    space = load_space(find_space("shapes")).with_fixed(epochs=3, batch_size=None)
    start = space.starts(info)[0]
    assert "epochs" not in start
    assert "batch_size" in start
    assert space.recipe_of(space.baseline, info).epochs == 3


@pytest.mark.parametrize(
    ("word", "space", "data"),
    [
        ("shapes", "shapes.py", None),
        ("digits", "digits.py", None),
        ("images/", None, "images/"),
        (".", None, "."),
    ],
)
def test_what_a_word_means(word, space, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    target = find(word, DATASETS)
    assert (target.space and target.space.name, target.data) == (space, data)


def test_beside_a_named_space_a_word_means_data():
    assert find("shapes", DATASETS).space.name == "shapes.py"
    assert find("shapes", DATASETS, data_only=True) == Target(None, "shapes")
    with pytest.raises(UserError, match="no dataset, file or folder is called 'mine'"):
        find("mine", DATASETS, data_only=True)


def test_the_default_space_is_that_of_the_dataset_or_else_of_its_kind():
    assert default_space("shapes", "images").stem == "shapes"
    assert default_space("digits", "images").stem == "digits"
    assert default_space("/home/me/drawings", "images").stem == "images"


def test_an_unknown_word_gets_a_suggestion():
    with pytest.raises(UserError, match="Did you mean 'shapes'"):
        find("shaeps", DATASETS)
    with pytest.raises(UserError, match="Did you mean 'shapes'"):
        find_space("shape")


class TestShapes:
    """The built-in space that people learn from."""

    @pytest.fixture
    def space(self):
        return load_space(find_space("shapes"))

    def test_the_file_is_short_enough_to_read(self, space):
        assert len(space.source.splitlines()) < 150
        assert summary(space.path).startswith("How deep a CNN")

    def test_the_baseline_is_the_textbook_cnn(self, space):
        info = DataInfo("images", (24, 24, 1), 3, 45)
        model = space.rebuild(space.baseline, info)
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds == [
            "InputLayer", "Conv2D", "Activation", "Conv2D", "Activation", "MaxPooling2D",
            "Flatten", "Dense", "Dropout", "Dense",
        ]  # fmt: skip
        assert model.count_params() == 320 + 18_496 + 819_328 + 387
        recipe = space.recipe_of(space.baseline, info)
        assert (recipe.optimizer, recipe.learning_rate, recipe.schedule) == (
            "adam",
            1e-3,
            "constant",
        )
        assert (recipe.batch_size, recipe.steps) == (4, 400)  # 44 epochs of 36 drawings
        assert not recipe.augment

    @pytest.mark.parametrize("shape", [(8, 8, 1), (8, 40, 3), (24, 24, 1), (64, 64, 3)])
    def test_it_fits_any_image_from_8x8_up(self, space, shape):
        import optuna

        from automl_sem.spaces.hyperparameters import OptunaHyperParameters

        info = DataInfo("images", shape, 4, 100)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        for _ in range(12):
            hp = OptunaHyperParameters(study.ask())
            model = space.build(hp, info)
            space.recipe(hp, info)
            assert model.output_shape == (None, 4)
            residual = any(type(layer).__name__ == "Add" for layer in model.layers)
            assert residual == hp.values["residual"]


def test_views_of_series_are_refused_in_one_line(tmp_path):
    recipe = "def recipe(hp, data):\n    return Recipe(views='flip')\n"
    text = f"from automl_sem import Recipe\n{GOOD}\n\n{recipe}"
    space = load_space(space_file(tmp_path, text))
    for kind, shape in (("images", (8, 8, 1)), ("clips", (4, 8, 8, 1))):
        assert space.starts(DataInfo(kind, shape, 3, 60))
    line = r"recipe in .*mine\.py: views='flip' is for images and clips, but the data are series"
    with pytest.raises(UserError, match=line):
        space.starts(DataInfo("series", (9, 2), 3, 60))
