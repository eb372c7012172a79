"""Several labels, and numbers, from search to predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from automl_sem import load_run, search
from automl_sem.errors import UserError
from automl_sem.export import predict

pytestmark = pytest.mark.slow

SPACE = '''"""One layer on the means of quarters."""

from keras import Input, Model, layers

from automl_sem import Recipe

STRESS = {"rotate": 30}
BASELINE = {"rate": 0.05}


def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return Model(inputs, layers.Dense(data.outputs, activation=data.activation)(x))


def recipe(hp, data):
    rate = hp.Float("rate", 0.05, 0.2, sampling="log")
    return Recipe(learning_rate=rate, batch_size=10, epochs=20, class_weight="balanced")
'''


@pytest.fixture
def space(tmp_path) -> str:
    path = tmp_path / "means.py"
    path.write_text(SPACE)
    return str(path)


def pictures(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return images of four quarters, and which of them shine, (n, 4)."""
    rng = np.random.default_rng(0)
    shines = rng.integers(0, 2, (n, 4))
    tall = shines.reshape(n, 2, 2).repeat(4, axis=1).repeat(4, axis=2)
    x = rng.integers(0, 50, (n, 8, 8)) + 180 * tall
    return x.astype(np.uint8), shines


def saved(folder: Path, x: np.ndarray) -> list[str]:
    from PIL import Image

    files = [str(folder / f"{row}.png") for row in range(len(x))]
    for file, image in zip(files, x, strict=True):
        Image.fromarray(image).save(file)
    return files


def test_numbers_from_search_to_predictions(space, tmp_path, call):
    x, shines = pictures()
    y = 10_000 + shines @ [800, 400, 200, 100]
    path = tmp_path / "prices.npz"
    np.savez(path, x_train=x, y_train=y, class_names=["price"])
    out, options = tmp_path / "run", ("--trials", 2, "--folds", 2, "--workers", 0)
    code, stdout, said = call(
        "search", path, "--space", space, "--task", "regression", "--out", out, *options
    )
    assert code == 0, said
    assert "task: regression, one number for each example" in said
    assert "no stress" in said
    assert "R2 0.9" in stdout
    assert "off by" in stdout
    run = load_run(out)
    assert run.best.folds.share > 0.9
    table = run.trials_dataframe()
    assert table["mean_absolute_error"].min() < 100
    assert json.loads((out / "result.json").read_text())["best"]["r2"] > 0.9

    exported = run.export()
    assert all(made.verified for made in exported.formats)
    assert exported.test.metrics["r2"] > 0.9
    assert "mean absolute error" in exported.summary()
    card = (exported.path / "MODEL_CARD.md").read_text()
    assert "predicts 1 number from grey images: price" in card
    found = [each.numbers["price"] for each in predict(exported.path, saved(tmp_path, x[:8]))]
    np.testing.assert_allclose(found, y[:8], atol=300)
    (model,) = run.tuner_results().get_best_models()
    np.testing.assert_allclose(model.predict(x[:8, ..., None], verbose=0)[:, 0], found, rtol=1e-4)
    code, stdout, _ = call("predict", exported.path, tmp_path / "0.png")
    assert stdout.split()[1] == "price"
    assert run.export().test == exported.test  # read back, not looked at again
    (model,) = run.tuner_results().get_best_models()
    numbers = model.predict(x[:8, :, :, None], verbose=0)[:, 0]
    np.testing.assert_allclose(numbers, found, rtol=1e-5)

    page = (out / "report.html").read_text()
    assert "Predicted and true" in page
    assert "Confusion" not in page
    facts = json.loads((out / "report.json").read_text())["sections"]
    assert len(facts["predicted"]["true"]) == len(run.best.outputs.wanted) == 48


def test_labels_from_search_to_predictions(space, tmp_path, call):
    x, shines = pictures()
    names = ["a", "b", "c", "d"]
    run = search(
        (x, shines),
        space=space,
        objective="jaccard_macro",
        trials=2,
        folds=2,
        workers=0,
        out=tmp_path / "run",
        seed=1,
    )
    assert run.directory.manifest.task == "multi-label"
    assert run.best.folds.share > 0.9
    exported = run.export()
    assert all(made.verified for made in exported.formats)
    assert exported.test.metrics["macro_f1"] > 0.9
    assert exported.test.interval is not None
    assert exported.test.objectives["jaccard_macro"] > 0.8
    assert "jaccard_macro 0." in exported.summary() or "jaccard_macro 1" in exported.summary()
    assert "jaccard_macro" in (exported.path / "MODEL_CARD.md").read_text().partition("test set")[2]
    assert run.export().test == exported.test  # read back
    table = run.trials_dataframe()
    np.testing.assert_allclose(table[["fold_0", "fold_1"]].mean(axis=1), table["objective"])
    for row, each in enumerate(predict(exported.path, saved(tmp_path, x[:4]))):
        assert {*each.labels} == {f"label {i}" for i in np.flatnonzero(shines[row])}
    _, stdout, _ = call("predict", exported.path, tmp_path / "0.png", "--json")
    assert len(json.loads(stdout)["predictions"][0]["probabilities"]) == len(names)
    page = (run.path / "report.html").read_text()
    assert "Label by label" in page
    assert "Predicted and true" not in page
    _, stdout, _ = call("show", run.path)
    assert "macro F1" in stdout


def test_what_needs_classes_is_refused(space, tmp_path):
    x, shines = pictures(20)
    numbers = shines @ [0.5, 0.25, 0.125, 1]
    for options, message in (
        ({"stress": "rotate"}, "scored by their class, but the task is regression"),
        ({"augment_with": "gan"}, "draws images of classes"),
    ):
        with pytest.raises(UserError, match=message):
            search((x, numbers), space=space, out=tmp_path / "run", **options)
    with pytest.raises(UserError, match="draws images of classes"):
        search((x, numbers), space="gan", out=tmp_path / "run")
    softmax = tmp_path / "softmax.py"
    softmax.write_text(SPACE.replace("data.activation", '"softmax"'))
    with pytest.raises(UserError, match="ends with a softmax, but numbers do not add up"):
        search((x, numbers), space=str(softmax), out=tmp_path / "run")


COMPILED = '''"""A hypermodel as KerasTuner's guides write it, with a loss of its own."""

import keras


def build(hp):
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.AveragePooling2D(4),
        keras.layers.Flatten(),
        keras.layers.Dense({units}),
    ])
    rate = hp.Float("rate", 0.05, 0.2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), loss={loss}, metrics=[{metric}])
    return model
'''


@pytest.mark.parametrize(
    ("units", "loss", "metric", "name"),
    [
        (1, '"mean_squared_error"', '"mean_absolute_error"', "mean_absolute_error"),
        (
            4,
            "keras.losses.BinaryCrossentropy(from_logits=True)",
            'keras.metrics.BinaryAccuracy(name="by_label")',
            "by_label",
        ),
    ],
)
def test_loss_and_metric_of_a_compiled_model(units, loss, metric, name, tmp_path):
    x, shines = pictures()
    y = shines @ [0.8, 0.4, 0.2, 0.1] if units == 1 else shines
    path = tmp_path / "compiled.py"
    path.write_text(COMPILED.format(units=units, loss=loss, metric=metric))
    run = search(
        (x, y), space=str(path), trials=1, folds=2, epochs=200, workers=0, out=tmp_path / "run"
    )
    assert run.best.folds.share > 0.7
    (trial,) = run.results.trials
    fitted = run.best.trial.measures["mean_absolute_error" if units == 1 else "label_accuracy"]
    assert trial.metrics[name] == pytest.approx(fitted, rel=0.05)
    assert name in (run.path / "report.html").read_text()
    exported = run.export()
    assert all(made.verified for made in exported.formats)
    (found,) = predict(exported.path, saved(tmp_path, x[:1]))
    if units == 1:
        assert found.numbers["output 0"] == pytest.approx(y[0], abs=0.4)
    else:
        assert all(0 <= probability <= 1 for probability in found.probabilities.values())
