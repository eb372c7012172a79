"""Searches with files written for KerasTuner, from the command line to the export."""

from __future__ import annotations

import json

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
import tensorflow as tf
from hypermodel_files import GIVES_UP, LOGITS, OWN_FIT

from automl_sem.engines.optuna import OptunaEngine
from automl_sem.errors import UserError
from automl_sem.results import read_results
from automl_sem.run import RunDirectory
from automl_sem.spaces.load import load_space
from automl_sem.types import DataInfo

SMALL = ("--trials", "2", "--folds", "2", "--epochs", "1", "--out", "run")

RESNET = """from keras_tuner.applications import HyperResNet

hypermodel = HyperResNet(input_shape=(8, 8, 1), classes=3)
"""
XCEPTION = RESNET.replace("ResNet", "Xception")
# Its networks have weights from the internet, and large images: neither is there in a test.
EFFICIENT_NET = """import functools

import keras
from keras_tuner.applications import HyperEfficientNet, HyperImageAugment
from keras_tuner.src.applications import efficientnet

network = functools.partial(keras.applications.EfficientNetB0, weights=None)
efficientnet.EFFICIENTNET_MODELS = {f"B{n}": network for n in range(8)}
efficientnet.EFFICIENTNET_IMG_SIZE = {f"B{n}": 32 for n in range(8)}

augment = HyperImageAugment(input_shape=(8, 8, 3), augment_layers=0)
model = HyperEfficientNet(input_shape=(8, 8, 3), classes=3, augmentation_model=augment)
"""


def results_of(call):
    return read_results(RunDirectory(call.directory / "run"))


@pytest.mark.slow
def test_a_compiled_model_of_logits_is_searched_shown_and_exported(call, tmp_path, stripes_npz):
    space = tmp_path / "mine.py"
    space.write_text(LOGITS)
    code, _, err = call("search", space, "--data", stripes_npz, "--workers", "0", *SMALL)
    assert code == 0, err
    code, shown, _ = call("show", "run")
    assert "top_two" in shown
    report = (call.directory / "run" / "report.html").read_text()
    assert "that of the compiled model (Adam, learning rate" in report
    assert "top_two 0." in report
    for trial in results_of(call).complete:
        assert trial.metrics["accuracy"] == pytest.approx(trial.accuracy)
        assert trial.metrics["top_two"] >= trial.metrics["accuracy"]

    code, out, err = call("export", "run", "--trial", "0")
    assert code == 0, out + err
    folder = call.directory / "run" / "export" / "trial-0"
    record = json.loads((folder / "export.json").read_text())
    assert all(made["verified"] for made in record["formats"])
    with np.load(stripes_npz) as file:
        exported = keras.models.load_model(folder / "model.keras")
        predicted = exported.predict(file["x_test"])
    assert not any(getattr(layer, "compiled", False) for layer in exported._flatten_layers())
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0, atol=1e-5)
    assert predicted.min() > 0
    assert "optimizer that of the compiled model (Adam" in (folder / "MODEL_CARD.md").read_text()


@pytest.mark.slow
def test_a_hypermodel_with_a_fit_of_its_own_is_searched_by_worker_processes(
    call, tmp_path, stripes_npz
):
    space = tmp_path / "mine.py"
    space.write_text(OWN_FIT)
    code, _, err = call("search", space, "--data", stripes_npz, "--workers", "2", *SMALL)
    assert code == 0, err
    assert "trained by the fit of its hypermodel, which sees the held-out examples" in err
    for trial in results_of(call).complete:
        assert trial.hyperparameters.keys() == {"units", "batch_size", "epochs", "shuffle"}
        assert trial.hyperparameters["epochs"] == 1
        assert trial.metrics["accuracy"] == pytest.approx(trial.accuracy)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [XCEPTION, RESNET, EFFICIENT_NET], ids=["Xception", "ResNet", "EfficientNet, augmented"]
)
def test_the_packaged_hypermodels_go_through_a_search(call, tmp_path, stripes_npz, text):
    space, data = tmp_path / "mine.py", tmp_path / "data.npz"
    space.write_text(text)
    with np.load(stripes_npz) as file:
        arrays = dict(file)
    if "(8, 8, 3)" in text:
        arrays |= {name: arrays[name].repeat(3, axis=-1) for name in ("x_train", "x_test")}
    np.savez(data, **arrays)
    code, _, err = call("search", space, "--data", data, "--workers", "0", *SMALL)
    assert code == 0, err
    results = results_of(call)
    assert results.baseline is not None
    assert [trial.state for trial in results.trials if trial.state == "failed"] == []
    assert len(results.trials) == 2


def test_what_kerastuner_itself_cannot_train_on_this_keras_is_named(tmp_path):
    """`HyperImageAugment` with its defaults; if it learns it one day, we need not refuse it."""
    hp = keras_tuner.HyperParameters()
    augment = keras_tuner.applications.HyperImageAugment(input_shape=(8, 8, 3)).build(hp)
    hp.values["factor_rotate"] = 0.5
    augment = keras_tuner.applications.HyperImageAugment(input_shape=(8, 8, 3)).build(hp)
    graph = tf.function(lambda x: augment(x, training=True))
    error = "tf.function only supports singleton tf.Variables created on the first call"
    with pytest.raises(ValueError, match=error):
        graph(tf.zeros((2, 8, 8, 3)))
    path = tmp_path / "mine.py"
    path.write_text(EFFICIENT_NET.replace(", augment_layers=0", ""))
    with pytest.raises(UserError, match=rf"RandAugment, .* {error}.*augment_layers=0"):
        load_space(path).starts(DataInfo("images", (8, 8, 3), 3, 60))


def test_a_file_that_searches_when_it_is_loaded_trains_nothing(call, tmp_path, stripes_npz):
    space = tmp_path / "mine.py"
    tuner = "kt.RandomSearch(build_model, objective='val_loss')"
    space.write_text(f"import keras_tuner as kt\n{LOGITS}\n{tuner}.search(1, 2)\n")
    code, _, err = call("search", space, "--data", stripes_npz)
    assert code == 2
    assert err.count("\n") == 1
    assert 'Put that line under if __name__ == "__main__":' in err
    assert list(call.directory.iterdir()) == []


def test_a_candidate_that_its_space_gives_up_is_seen_by_the_sampler(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GIVES_UP)
    space, info = load_space(path), DataInfo("images", (8, 8, 1), 3, 60)
    study = optuna.create_study(direction="minimize")
    engine = OptunaEngine(study, space, info, 0, space.starts(info))
    candidate = engine.ask()
    assert candidate.broken is not None
    assert (candidate.broken.status, candidate.broken.reason) == (
        "infeasible",
        "8 units are too many",
    )
    engine.tell(candidate, candidate.broken)
    assert study.trials[0].state is optuna.trial.TrialState.PRUNED
    assert study.trials[0].user_attrs["reason"] == "8 units are too many"
