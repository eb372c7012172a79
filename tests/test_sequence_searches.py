"""Series and clips from search to result: the same way as images, groups kept together."""

import json

import numpy as np
import pytest

from automl_sem import resume, search
from automl_sem.errors import UserError

pytestmark = pytest.mark.slow

SERIES_SPACE = '''"""A small LSTM, quick to train."""

from keras import Model, Input, layers

from automl_sem import Augment, Recipe

KIND = "series"


def build(hp, data):
    x = inputs = Input((None, data.input_shape[-1]))
    x = layers.LSTM(hp.Choice("lstm_units", [8, 16]))(layers.Masking()(x))
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    augment = Augment(noise=hp.Float("noise", 0.0, 0.2), warp=0.05, mixup=0.1)
    return Recipe(learning_rate=0.02, batch_size=8, epochs=12, augment=augment)
'''

CLIPS_SPACE = '''"""A frame's mean brightness in each place, then an LSTM."""

from keras import Model, Input, layers

from automl_sem import Augment, Recipe

KIND = "clips"


def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.TimeDistributed(layers.AveragePooling2D(4))(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = layers.LSTM(hp.Choice("lstm_units", [8, 16]))(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    augment = Augment(shift=hp.Float("shift", 0.0, 0.1), drop=0.2)
    return Recipe(learning_rate=0.01, batch_size=16, epochs=3, augment=augment)
'''


@pytest.fixture
def spaces(tmp_path):
    paths = {"series": tmp_path / "my_series.py", "clips": tmp_path / "my_clips.py"}
    paths["series"].write_text(SERIES_SPACE)
    paths["clips"].write_text(CLIPS_SPACE)
    return {kind: str(path) for kind, path in paths.items()}


def found(path, data, **options):
    defaults = {"trials": 2, "folds": 3, "workers": 0, "discard": "none", "say": lambda _: None}
    return search(data, out=path, **{**defaults, **options})


def slopes(n, seed):
    """Series of 1 to 20 steps that rise or fall, with an odd step out of place."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 21, n)
    lengths[:2] = 1, 20
    y = np.arange(n) % 2
    x = np.full((n, 20, 2), np.nan)
    for row, length in enumerate(lengths):
        line = (1 - 2 * y[row]) * np.linspace(-1, 1, length)
        x[row, :length, 0] = 40 + line + rng.normal(0, 0.3, length)
        x[row, :length, 1] = rng.normal(0, 1e3, length)
    return x, y


@pytest.fixture
def series_npz(tmp_path):
    (x, y), (x_test, y_test) = slopes(48, 0), slopes(20, 1)
    np.savez(tmp_path / "slopes.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return str(tmp_path / "slopes.npz")


def test_series_are_searched_under_stress_in_workers_and_resumed(tmp_path, spaces, series_npz):
    options = {"kind": "series", "space": spaces["series"], "stress": "noise=0.2,drop"}
    run = found(tmp_path / "run", series_npz, workers=1, **options)
    results = run.results
    assert results.finished
    assert results.best.accuracy > 0.85
    conditions = results.best.folds.folds[0].stress.conditions
    assert [c for c in conditions if not c.startswith(("drift", "smoothing"))] == [
        "noise 0.1", "noise 0.2", "drop 0.25", "drop 0.5",
    ]  # fmt: skip
    assert run.directory.manifest.kind == "series"
    inline = found(tmp_path / "inline", series_npz, trials=1, **options)
    np.testing.assert_allclose(
        inline.results.trials[0].fold_scores, results.trials[0].fold_scores, rtol=1e-3
    )
    resumed = resume(run.path, trials=3, say=lambda _: None).results
    assert resumed.finished
    assert len(resumed.complete) == 3


def test_clips_are_searched(tmp_path, spaces):
    run = found(
        tmp_path / "run", "motion", size=96, space=spaces["clips"], stress="speed=0.2,shift=0.1"
    )
    assert run.results.finished
    assert run.directory.manifest.kind == "clips"
    manifest = json.loads((run.path / "run.json").read_text())
    assert len(manifest["data"]["input_shape"]) == 4
    stress = run.results.best.folds.folds[0].stress
    assert set(stress.conditions) >= {"speed 0.2", "shift 0.1", "blur 1"}


def test_series_from_memory_are_searched(tmp_path, spaces):
    x, y = slopes(40, 3)
    lists = [row[~np.isnan(row[:, 0])] for row in x]
    run = found(tmp_path / "run", (lists, y), kind="series", space=spaces["series"], trials=1)
    assert run.results.best.accuracy > 0.7


def test_examples_of_one_person_are_on_one_side_of_every_split(tmp_path, spaces):
    """Whoever is known gives the class away, so without groups a score is a lie."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(16), 6)
    manner = rng.normal(size=(16, 4))
    x = manner[people][:, None] + rng.normal(0, 0.1, (96, 5, 4))
    y = rng.permutation(np.arange(16) % 2)[people]
    held = {"x_train": x, "y_train": y, "x_test": x[:8], "y_test": y[:8]}
    accuracies = {}
    for name, groups in (("kept together", {"groups": people}), ("torn apart", {})):
        path = tmp_path / f"{name}.npz"
        np.savez(path, **held, **groups)
        run = found(
            tmp_path / name, str(path), kind="series", space=spaces["series"], trials=1,
            folds=4, epochs=40,
        )  # fmt: skip
        accuracies[name] = run.results.best.accuracy
        for stage in ("search", "fresh"):
            split = run.directory.splits(stage)
            sides = [len(set(split[people == person])) for person in range(16)]
            assert (max(sides) == 1) is (name == "kept together")
    assert accuracies["torn apart"] > 0.9
    assert accuracies["kept together"] < 0.8


def test_changes_that_do_not_apply_are_refused_before_a_trial(tmp_path, spaces, series_npz):
    with pytest.raises(UserError, match="rotate"):
        found(tmp_path / "a", series_npz, kind="series", space=spaces["series"], stress="rotate")
    turned = SERIES_SPACE.replace("warp=0.05", "rotation=10")
    (tmp_path / "turned.py").write_text(turned)
    with pytest.raises(UserError, match="rotation is for images and clips"):
        found(tmp_path / "b", series_npz, kind="series", space=str(tmp_path / "turned.py"))
    assert not (tmp_path / "b").exists()


def test_a_set_may_hold_series_of_1_and_of_10000_steps(tmp_path):
    """With the built-in space, which lets no network run over as many steps."""
    rng = np.random.default_rng(0)
    y = np.arange(24) % 2
    lengths = rng.integers(1, 300, 24)
    lengths[:3] = 1, 10_000, 1
    lists = [
        rng.normal(3 * label, 1, (length, 1)) for label, length in zip(y, lengths, strict=True)
    ]
    run = found(tmp_path / "run", (lists, y), kind="series", trials=2, folds=2, epochs=1)
    assert run.results.finished
    assert len(run.results.complete) == 2
