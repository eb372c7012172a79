"""Exports: what is written, that it is verified, that the test part is looked at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import REPOSITORY, TINY_SPACE, make_stripes
from exporter import make_exporter
from PIL import Image

from automl_sem.augmentation import RandomNoise, RandomStroke
from automl_sem.data.dataset import HeldOutPart
from automl_sem.data.pixels import resize
from automl_sem.errors import NegativeResult, UserError
from automl_sem.export import build
from automl_sem.export.base import Format
from automl_sem.export.formats import FORMATS, formats_of
from automl_sem.export.keras import KERAS
from automl_sem.export.record import read_export
from automl_sem.export.saved_model import SAVED_MODEL
from automl_sem.export.verify import TOLERANCE, Verification, verify
from automl_sem.export.wrap import predict_core, wrap
from automl_sem.scoring.gan.fakes import Fakes


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The checkpoints of a finished retraining, which other runs need not repeat then."""
    exporter = make_exporter(tmp_path_factory.mktemp("trained") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "verify", lambda *_, **__: Verification(0.0))
        exporter("keras")
    checkpoints = exporter.run.path / "checkpoints"
    (checkpoints / "trial-0" / "test.json").unlink()
    return checkpoints


@pytest.fixture
def fresh(tmp_path):
    """A run whose trial was not retrained yet."""
    return make_exporter(tmp_path / "fresh")


@pytest.fixture
def export(tmp_path, trained):
    """A run whose trial was retrained, but not exported yet."""
    exporter = make_exporter(tmp_path / "run")
    shutil.copytree(trained, exporter.run.path / "checkpoints")
    return exporter


@pytest.fixture
def trusting(monkeypatch):
    """Take every format as verified, without the seconds that a fresh process takes."""
    monkeypatch.setattr(build, "verify", lambda *_, **__: Verification(0.0))


def network(raw: bool = False):
    x = inputs = keras.Input((8, 8, 1))
    if raw:
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def augmented(kind):
    """The network behind augmentation layers, which take the values that it takes."""
    first = [RandomStroke(1.0, value_range=(0, 255)), RandomNoise(0.1, value_range=(0, 255))]
    rescaling = keras.layers.Rescaling(1 / 255)
    if kind == "sequential":
        return keras.Sequential([keras.Input((8, 8, 1)), *first, rescaling, network()])
    inputs = keras.Input((8, 8, 1))
    x = keras.Sequential(first)(inputs) if kind == "nested" else first[1](first[0](inputs))
    return keras.Model(inputs, network()(rescaling(x)))


def are_stock(model):
    modules = {type(layer).__module__ for layer in model._flatten_layers()}
    return all(name.startswith("keras.") for name in modules)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class TestWrap:
    @pytest.mark.parametrize("raw", [False, True])
    def test_raw_images_give_what_the_network_gives(self, raw):
        core, images = network(raw), noise(9, 8, 8, 1)
        expected = core(images.astype(np.float32) / (1 if raw else np.float32(255)))
        assert np.allclose(wrap(core).predict(images, verbose=0), expected, atol=1e-6)
        assert np.allclose(predict_core(core, images), expected, atol=1e-6)

    @pytest.mark.parametrize("size", [(37, 29), (24, 40), (5, 6)])
    def test_other_sizes_are_resized_as_the_loader_does(self, size):
        core, images = network(), noise(9, *size, 1)
        loaded = resize(images, (8, 8)).astype(np.float32) / np.float32(255)
        assert np.allclose(wrap(core).predict(images, verbose=0), core(loaded), atol=1e-6)
        assert np.allclose(predict_core(core, images), core(loaded), atol=1e-6)

    def test_dropout_rests_when_the_model_is_simply_called(self, tmp_path):
        core, images = network(), noise(9, 8, 8, 1)
        model = wrap(core)
        model.save(tmp_path / "model.keras")
        for made in (model, keras.models.load_model(tmp_path / "model.keras")):
            assert np.allclose(made(images), predict_core(core, images), atol=1e-6)

    def test_it_can_be_trained_further(self):
        model, images = wrap(network()), noise(9, 8, 8, 1)
        assert not np.allclose(model(images, training=True), model(images))

    def test_layers_are_stock(self):
        model = wrap(network())
        assert are_stock(model)

    @pytest.mark.parametrize("kind", ["functional", "sequential", "nested"])
    def test_augmentation_layers_are_left_out(self, kind):
        core, images = augmented(kind), noise(9, 8, 8, 1)
        assert not are_stock(core)
        made = wrap(core)
        assert are_stock(made)
        expected = predict_core(core, images)
        assert np.allclose(made.predict(images, verbose=0), expected, atol=1e-6)
        assert len(made.weights) == len(network().weights)
        assert {id(w) for w in made.weights} <= {id(w) for w in core.weights}


def test_an_unknown_format_is_refused_before_anything_is_done(export):
    with pytest.raises(UserError, match="Did you mean 'saved-model'"):
        export("saved_model")
    with pytest.raises(UserError, match="no format is named"):
        formats_of([])
    assert not (export.run.path / "export").exists()


@pytest.mark.usefixtures("trusting")
class TestExportTrial:
    def test_the_result_says_what_scripts_need(self, export):
        result = export()
        assert result.path == export.run.path / "export" / "trial-0"
        record = result.to_json()
        assert record["schema_version"] == 1
        assert (record["trial"], record["path"]) == (0, str(result.path))
        assert record["formats"] == [
            {
                "name": name,
                "path": str(result.path / FORMATS[name].file),
                "verified": True,
                "max_abs_diff": 0.0,
            }
            for name in ("keras", "saved-model")
        ]
        assert record["test"].keys() == {"n", "accuracy", "metrics"}
        assert (record["test"]["n"], record["looks"], record["devices"]) == (15, 1, 1)
        assert sorted(p.name for p in result.path.iterdir()) == [
            "MODEL_CARD.md",
            "export.json",
            "model.keras",
            "saved_model",
        ]
        assert "held-out examples" in result.summary()
        json.dumps(record, allow_nan=False)

    def test_the_test_score_is_that_of_the_exported_model(self, export):
        result = export("keras")
        test = export.dataset.test
        model = keras.models.load_model(result.path / "model.keras")
        probabilities = model.predict(test.x, verbose=0)
        hits = probabilities.argmax(1) == test.y
        assert probabilities.std(axis=0).min() > 0.01  # a dead network would pass all of this
        assert result.test.accuracy == pytest.approx(hits.mean())
        log_loss = -np.log(probabilities[np.arange(15), test.y]).mean()
        assert result.test.metrics["log_loss"] == pytest.approx(log_loss, abs=1e-5)
        low, high = result.test.interval
        assert low < result.test.accuracy < high

    def test_what_is_exported_is_verified_against_the_trained_network(self, export, monkeypatch):
        seen = []
        monkeypatch.setattr(build, "verify", lambda *a, **_: seen.append(a) or Verification(0.0))
        export("keras")
        ((made, path, core, images, *_),) = seen
        assert (made, path.name) == (KERAS, "model.keras")
        assert images is export.dataset.train.x
        with np.load(export.run.path / "checkpoints" / "trial-0" / "backup.npz") as file:
            assert np.array_equal(core.weights[0].numpy(), file["v0"])

    def test_a_finished_export_is_returned_as_it_is(self, export):
        first = export()
        before = (first.path / "export.json").stat().st_mtime_ns
        assert export() == export("keras") == read_export(first.path) == first
        assert (first.path / "export.json").stat().st_mtime_ns == before
        assert export.run.test_looks() == 1

    def test_a_further_format_takes_the_same_weights_and_no_new_look(self, export):
        first, both = export("keras"), export("saved-model")
        assert [made.name for made in both.formats] == ["keras", "saved-model"]
        assert both.test == first.test
        assert both.seconds == first.seconds
        assert export.run.test_looks() == 1

    def test_a_trial_that_is_trained_otherwise_by_now_is_exported_anew(self, export, monkeypatch):
        first, trial = export("keras", "saved-model"), export.trial
        assert first.recipe == trial.recipe
        changed = replace(trial, recipe=replace(trial.recipe, label_smoothing=0.1))
        monkeypatch.setattr(type(export), "trial", changed)
        again = export("keras")
        assert again.recipe == changed.recipe
        assert [made.name for made in again.formats] == ["keras", "saved-model"]
        assert again.test.metrics != first.test.metrics
        assert export("keras", "saved-model") == again

    def test_force_trains_and_looks_again(self, export):
        first, again = export("keras"), export("keras", force=True)
        assert (first.test.looks, again.test.looks) == (1, 2)
        assert again.test.metrics == first.test.metrics  # the same seed, the same weights
        assert again.seconds != first.seconds

    def test_a_format_that_was_removed_is_written_again(self, export):
        first = export()
        shutil.rmtree(first.path / "saved_model")
        assert (export().path / "saved_model").exists()
        assert export.run.test_looks() == 1

    def test_a_killed_export_goes_on_and_leaves_nothing_half(self, fresh, monkeypatch):
        export = fresh

        def killed(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(build, "verify", killed)
        with pytest.raises(KeyboardInterrupt):
            export("keras")
        assert not (export.run.path / "export" / "trial-0").exists()
        monkeypatch.setattr(build, "verify", lambda *_, **__: Verification(0.0))
        result = export("keras")
        assert "epochs 1 to 2 were done already" in export.said
        assert export.run.test_looks() == result.test.looks == 1
        assert [p.name for p in (export.run.path / "export").iterdir()] == ["trial-0"]

    @pytest.mark.parametrize("moved", ["after the old one was moved away", "before"])
    def test_kill_9_while_an_export_is_replaced(self, export, moved):
        result = export("keras")
        folder = result.path
        (folder.parent / ".trial-0.new").mkdir()
        if moved != "before":
            folder.rename(folder.parent / ".trial-0.old")
        assert export("keras") == result
        assert [p.name for p in folder.parent.iterdir()] == ["trial-0"]

    def test_a_format_that_fails_is_named_and_recorded(self, export, monkeypatch):
        def doubt(made, *_, **__):
            return Verification(0.25, "differs") if made is KERAS else Verification(1e-7)

        monkeypatch.setattr(build, "verify", doubt)
        with pytest.raises(NegativeResult, match="format keras is not verified: differs"):
            export()
        recorded = read_export(export.run.path / "export" / "trial-0")
        assert [(made.verified, made.max_abs_diff) for made in recorded.formats] == [
            (False, 0.25),
            (True, 1e-7),
        ]
        card = (recorded.path / "MODEL_CARD.md").read_text()
        assert "`model.keras` is NOT verified" in card
        assert export("saved-model") == recorded  # this one is fine
        monkeypatch.setattr(build, "verify", lambda *_, **__: Verification(0.0))
        assert all(made.verified for made in export().formats)
        assert export.run.test_looks() == 1

    def test_a_format_that_cannot_be_written_is_a_negative_result(self, export, monkeypatch):
        def fail(*_):
            raise TypeError("cannot serialise")

        monkeypatch.setitem(FORMATS, "keras", replace(KERAS, write=fail))
        with pytest.raises(NegativeResult, match="cannot be written: TypeError: cannot serialise"):
            export("keras")

    def test_a_full_disk_is_a_user_error(self, export, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setitem(FORMATS, "keras", replace(KERAS, write=fail))
        with pytest.raises(UserError, match="No space left"):
            export("keras")
        assert not (export.run.path / "export" / "trial-0").exists()

    def test_training_never_depends_on_the_test_part(self, export):
        def weights():
            with np.load(export.run.path / "checkpoints" / "trial-0" / "backup.npz") as file:
                return {k: file[k] for k in file.files if k.startswith("v")}

        export("keras")
        before = weights()
        other = make_stripes(9, seed=7)
        test = HeldOutPart(255 - other.x, (other.y + 1) % 3, other.names)
        export.with_test(test)("keras", force=True)
        assert all(np.array_equal(before[k], v) for k, v in weights().items())

    def test_other_test_examples_are_looked_at_anew(self, export):
        export("keras")
        test = export.dataset.test
        fewer = HeldOutPart(test.x[:9], test.y[:9], test.names[:9])
        result = export.with_test(fewer)("keras", "saved-model")
        assert (result.test.n, result.test.looks) == (9, 2)

    def test_without_test_examples_there_is_no_test_score(self, export):
        empty = HeldOutPart(np.empty((0, 8, 8, 1), np.uint8), np.empty(0, np.int64), ())
        result = export.with_test(empty)("keras")
        assert (result.test.n, result.test.accuracy, export.run.test_looks()) == (0, None, 0)
        assert "no held-out test examples" in (result.path / "MODEL_CARD.md").read_text()
        assert read_export(result.path) == result

    def test_retraining_keeps_the_steps_of_a_fold_fit(self, export):
        result = export("keras")
        record = json.loads((result.path / "export.json").read_text())
        # A fold fit: 3 epochs of 40 examples by 8 = 15 steps. On all 60: 8 steps an epoch.
        assert (record["epochs"], record["steps"]) == (2, 16)
        assert export.said[0].endswith("for 2 epochs: as many steps as 3 of a fold")

    def test_epochs_of_a_fold_are_said_as_they_are_with_fakes(self, fresh, monkeypatch):
        labels = np.arange(60) % 3
        fakes = Fakes(np.zeros((60, 8, 8, 1), np.uint8), labels, np.zeros(3, np.int64))
        forgers = SimpleNamespace(of=lambda _: fakes)
        monkeypatch.setattr(build, "forgers_of", lambda *_: forgers)
        monkeypatch.setattr(build, "retrain", lambda *_, **__: SimpleNamespace(resumed_from=0))
        trial = replace(fresh.trial, recipe=replace(fresh.trial.recipe, fakes=1.0))
        build.retrain_trial(
            fresh.run, fresh.dataset, fresh.space, trial,
            checkpoints=fresh.run.path, devices=["CPU:0"], on_epoch=None, say=fresh.said.append,
        )  # fmt: skip
        # A fold fit: 15 steps without fakes, so 2 epochs of 80 examples. Of 120, an epoch has 15.
        assert fresh.said[-1].endswith(
            "training examples and 60 fake ones, on CPU:0, for 1 epoch: as many steps as 2 of a "
            "fold"
        )

    def test_the_card_says_what_a_reader_asks(self, export):
        card = (export().path / "MODEL_CARD.md").read_text()
        for expected in (
            "horizontal, vertical, none",
            "60 training examples (20 horizontal, 20 vertical, 20 none)",
            "15 test examples, held out",
            "3 stratified folds",
            "k-fold log-loss 0.5000 nats, 95 % interval 0.1072 to 0.8928",
            "Nadeau and Bengio",
            "the baseline itself",
            "15 held-out examples",
            "Wilson",
            "looked at its test set once",
            "2 epochs, 16 steps",
            "| units | 16 |",
            "examples are few",
            f"- keras {keras.__version__}",
            "--trial 0 --force",
        ):
            assert expected in card


IMAGES = make_stripes(40).x


@pytest.fixture(scope="module")
def core():
    return network()


@pytest.fixture(scope="module")
def files(core, tmp_path_factory):
    """The network in each format, and another one of the same shape."""
    folder = tmp_path_factory.mktemp("files")
    for made in FORMATS.values():
        made.write(wrap(core), folder / made.file, ("a", "b", "c"))
        made.write(wrap(network()), folder / f"other-{made.file}", ("a", "b", "c"))
    return folder


@pytest.mark.slow
class TestVerify:
    """Each in a fresh process."""

    @pytest.mark.parametrize("made", FORMATS.values(), ids=FORMATS)
    def test_a_good_one_is_verified_where_a_relative_path_is_that_of_this_process(
        self, made, core, files, monkeypatch
    ):
        monkeypatch.chdir(files.parent)
        found = verify(made, Path(files.name, made.file), core, IMAGES)
        assert found.verified, found.reason
        assert found.max_abs_diff <= TOLERANCE

    def test_one_with_other_weights_is_not(self, core, files):
        found = verify(SAVED_MODEL, files / f"other-{SAVED_MODEL.file}", core, IMAGES)
        assert not found.verified
        assert found.max_abs_diff > 0.01
        assert "predicts otherwise" in found.reason

    def test_a_damaged_one_is_not(self, core, files, tmp_path):
        damaged = tmp_path / "model.keras"
        damaged.write_bytes((files / "model.keras").read_bytes()[:-2000])
        found = verify(KERAS, damaged, core, IMAGES)
        assert found.max_abs_diff is None
        assert "cannot be loaded" in found.reason

    def test_one_that_resizes_otherwise_is_not(self, core, tmp_path):
        images = keras.Input((None, None, 1), dtype="uint8")
        x = keras.layers.Resizing(8, 8, interpolation="nearest")(images)
        model = keras.Model(images, core(keras.layers.Rescaling(1 / 255)(x)))
        model.save(tmp_path / "model.keras")
        assert not verify(KERAS, tmp_path / "model.keras", core, IMAGES).verified

    def test_nothing_of_ours_can_be_imported(self, core, files, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), str(files)]))
        made = Format("needy", "model.keras", KERAS.write, load_with_our_help, "")
        found = verify(made, files / "model.keras", core, IMAGES)
        assert "ModuleNotFoundError: No module named 'automl_sem.types'" in found.reason

    def test_a_saved_model_does_without_keras(self, core, files):
        made = replace(SAVED_MODEL, load=load_with_keras)
        found = verify(made, files / "saved_model", core, IMAGES)
        assert "import of keras halted" in found.reason


def load_with_our_help(path):
    import automl_sem.types  # noqa: F401


def load_with_keras(path):
    import keras  # noqa: F401


@pytest.mark.slow
def test_an_export_is_verified_and_its_card_works(fresh):
    result = fresh()
    assert [made.verified for made in result.formats] == [True, True]
    assert all(made.max_abs_diff <= TOLERANCE for made in result.formats)
    Image.fromarray(noise(20, 30, 3)).save(result.path / "image.png")
    blocks = re.findall(r"```python\n(.*?)```", (result.path / "MODEL_CARD.md").read_text(), re.S)
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=result.path,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        assert done.stdout.splitlines()[-1] in fresh.dataset.class_names


CUSTOM = TINY_SPACE.replace(
    "def build",
    """class Twice(layers.Layer):
    def call(self, x):
        return 2 * x


def build""",
).replace("x = layers.Flatten()(x)", "x = Twice()(layers.Flatten()(x))")


@pytest.mark.slow
def test_a_custom_layer_is_found_out(tmp_path):
    with pytest.raises(NegativeResult, match="format keras is not verified") as caught:
        make_exporter(tmp_path / "run", CUSTOM)()
    assert "saved-model" not in str(caught.value)  # its graph needs no layer classes
