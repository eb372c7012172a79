"""Exports of clips and series: raw examples of any length and size go in."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from exporter import make_exporter
from keras import layers
from sequences import (
    CLIPS_SPACE,
    SERIES_SPACE,
    alone,
    clips_part,
    dataset_of,
    series_part,
)
from tensorflow.python.saved_model import loader_impl

from automl_sem.data.dataset import Dataset
from automl_sem.data.pixels import resize
from automl_sem.data.sampling import Wanted
from automl_sem.data.series_arrays import from_series
from automl_sem.export import build, saved_model
from automl_sem.export import verify as verifying
from automl_sem.export.formats import FORMATS
from automl_sem.export.intake import ClipIntake, intake_of
from automl_sem.export.verify import TOLERANCE, Verification, verify
from automl_sem.export.wrap import predict_core, wrap


def head(x, inputs, classes=2):
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def recurrent(channels=2, time=None, normalised=False):
    x = inputs = keras.Input((time, channels))
    if normalised:
        x = layers.Normalization(mean=[50.0] * channels, variance=[4.0] * channels)(x)
    else:
        x = layers.Masking()(x)
    return head(layers.LSTM(6)(x), inputs)


def heedless(channels=2):
    """A network that takes padding for values."""
    inputs = keras.Input((None, channels))
    return head(layers.GlobalAveragePooling1D()(layers.Dense(4)(inputs)), inputs)


def of_frames(shape=(5, 8, 10, 1)):
    x = inputs = keras.Input(shape)
    x = layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu"))(x)
    x = layers.TimeDistributed(layers.GlobalMaxPooling2D())(x)
    return head(layers.GRU(6)(x), inputs)


def modules_of(path):
    """All modules that a `.keras` file names."""
    import zipfile

    found = set()

    def look(value):
        if isinstance(value, dict):
            found.update([value["module"]] if isinstance(value.get("module"), str) else [])
            value = list(value.values())
        for inner in value if isinstance(value, list) else []:
            look(inner)

    look(json.loads(zipfile.ZipFile(path).read("config.json")))
    return found


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def reloaded(request, tmp_path):
    """Writes a model in a format and loads it."""

    def write_and_load(model):
        made = request.param
        made.write(model, tmp_path / made.file, ("a", "b"))
        if made.name == "keras":
            named = modules_of(tmp_path / made.file)
            assert named
            assert all(name.split(".")[0] == "keras" for name in named)
        return made.load(tmp_path / made.file)

    return write_and_load


def padded(x, steps):
    return np.pad(x, ((0, 0), (0, steps), (0, 0)), constant_values=np.nan)


SERIES = series_part()


class TestSeries:
    def test_raw_series_give_what_the_network_gives_of_standardised_ones(self, reloaded):
        core = recurrent()
        values = np.concatenate(alone(SERIES.x)).astype(np.float64)
        predict = reloaded(wrap(core, intake=intake_of(core, dataset_of(SERIES))))
        found = predict(SERIES.x)
        assert found.dtype == np.float32
        for row, series in enumerate(alone(SERIES.x)):
            expected = core(((series - values.mean(0)) / values.std(0))[None].astype(np.float32))
            np.testing.assert_allclose(found[row], expected[0], atol=1e-5)
        assert np.ptp(found) > 0.01

    @pytest.mark.parametrize("time", [None, 9, 20])
    def test_time_is_free_and_padding_changes_nothing(self, time, reloaded):
        core = recurrent(time=time)
        intake = intake_of(core, dataset_of(SERIES))
        predict = reloaded(wrap(core, intake=intake))
        once = predict(SERIES.x)
        for more in (1, 30):
            np.testing.assert_allclose(predict(padded(SERIES.x, more)), once, atol=1e-6)
        for row in (0, 1, 5):
            (series,) = alone(SERIES.x[row : row + 1])
            np.testing.assert_allclose(predict(series[None]), once[row : row + 1], atol=1e-6)
        np.testing.assert_allclose(predict_core(core, SERIES.x, intake=intake), once, atol=1e-6)

    def test_more_steps_than_in_training_are_used_where_time_is_free(self):
        longer = np.concatenate([SERIES.x[:1, :9], SERIES.x[:1, :9] + 3], axis=1)
        free, fixed = (recurrent(time=time) for time in (None, 9))
        for core, used in ((free, True), (fixed, False)):
            model = wrap(core, intake=intake_of(core, dataset_of(SERIES)))
            differs = np.abs(model.predict_on_batch(longer) - model.predict_on_batch(SERIES.x[:1]))
            assert (differs.max() > 1e-4) == used

    def test_a_missing_value_counts_as_the_mean_of_its_channel(self, reloaded):
        core = recurrent()
        intake = intake_of(core, dataset_of(SERIES))
        predict = reloaded(wrap(core, intake=intake))
        gaps, means = SERIES.x[:3].copy(), SERIES.x[:3].copy()
        for row, step, channel in ((0, 2, 0), (0, 3, 1), (1, 0, 0), (2, 1, slice(None))):
            gaps[row, step, channel] = np.nan
            means[row, step, channel] = np.array(intake.record["means"])[channel]
        found = predict(gaps)
        np.testing.assert_allclose(found, predict(means), atol=1e-5)
        assert np.abs(found - predict(SERIES.x[:3])).max() > 1e-4

    def test_what_a_run_keeps_of_series_from_memory_is_exported_alike(self):
        gaps = alone(SERIES.x)
        gaps[0][:, 1] = gaps[3][1:, 0] = np.nan
        dataset = from_series(gaps, SERIES.y)
        again = Dataset.from_saved_arrays("series", dataset.to_arrays())
        core = recurrent()
        assert intake_of(core, again).record == intake_of(core, dataset).record
        unknown = intake_of(core, replace(again, inspection=None)).record["means"]
        assert not np.allclose(unknown, intake_of(core, again).record["means"], atol=1e-3)

    def test_a_network_that_standardises_itself_gets_raw_values(self, reloaded):
        part = series_part(ragged=False)
        core = recurrent(normalised=True)
        predict = reloaded(wrap(core, intake=intake_of(core, dataset_of(part))))
        np.testing.assert_allclose(predict(part.x), core(part.x), atol=1e-6)
        gaps, means = part.x[:1].copy(), part.x[:1].copy()
        gaps[0, 3, 1], means[0, 3, 1] = np.nan, part.x[..., 1].mean()
        np.testing.assert_allclose(predict(gaps), core(means), atol=1e-5)

    def test_a_network_that_takes_padding_for_values_is_refused(self, tmp_path):
        core = heedless()
        made = FORMATS["keras"]
        found = verify(made, tmp_path, core, SERIES.x, "none", intake_of(core, dataset_of(SERIES)))
        assert not found.verified
        assert "its predictions depend on how much padding follows a series" in found.reason
        assert "Masking()" in found.reason

    def test_where_no_series_is_padded_nothing_is_refused(self):
        core, part = heedless(), series_part(ragged=False)
        intake = intake_of(core, dataset_of(part))
        batches = intake.batches(part.x)
        predicted = {name: predict_core(core, x, "none", intake) for name, x in batches.items()}
        assert intake.doubt(predicted, TOLERANCE) == ""
        assert batches["longer"].shape[1] > part.x.shape[1]


class TestClips:
    @pytest.mark.parametrize("size", [(8, 10), (19, 13)])
    @pytest.mark.parametrize("pad", [None, 200])
    def test_frames_are_taken_evenly_and_resized_as_the_loader_does(self, size, pad, reloaded):
        rng, core = np.random.default_rng(0), of_frames()
        intake = ClipIntake(core, pad, (5, 8, 10, 1))
        predict = reloaded(wrap(core, intake=intake))
        for frames in (1, 2, 5, 12):
            clips = rng.integers(0, 256, (2, frames, *size, 1), np.uint8)
            taken = clips[:, Wanted.evenly(5, frames).numbers].reshape(10, *size, 1)
            scaled = resize(taken, (8, 10), pad).reshape(2, 5, 8, 10, 1) / np.float32(255)
            found = predict(clips)
            np.testing.assert_allclose(found, core(scaled), atol=1e-6)
            ours = predict_core(core, clips, "none", intake)
            np.testing.assert_allclose(found, ours, atol=1e-6)

    @pytest.mark.parametrize("length", [1, 2, 7, 16, 25])
    def test_the_frames_are_those_of_the_loader_for_clips_of_all_lengths(self, length):
        core = keras.Sequential([keras.Input((length, 1, 1, 1)), layers.Flatten()])
        model = wrap(core, intake=ClipIntake(core, None, (length, 1, 1, 1)))
        for frames in range(1, 80):
            clips = np.arange(frames, dtype=np.uint8).reshape(1, -1, 1, 1, 1)
            found = np.rint(255 * np.asarray(model(clips)))[0].astype(int)
            assert found.tolist() == Wanted.evenly(length, frames).numbers

    def test_sides_that_the_network_leaves_free_are_those_of_training(self, reloaded):
        x = inputs = keras.Input((None, None, None, 3))
        x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
        core = head(layers.LSTM(4)(x), inputs)
        part = clips_part(channels=3)
        predict = reloaded(wrap(core, intake=intake_of(core, dataset_of(part))))
        np.testing.assert_allclose(predict(part.x), core(part.x / np.float32(255)), atol=1e-6)
        larger = part.x.repeat(2, axis=2).repeat(2, axis=1)
        np.testing.assert_allclose(predict(larger), predict(part.x), atol=0.05)

    def test_a_network_that_scales_itself_gets_bytes(self):
        x = inputs = keras.Input((5, 8, 10, 1))
        x = layers.TimeDistributed(layers.Flatten())(layers.Rescaling(1 / 100)(x))
        core, part = head(layers.GRU(4)(x), inputs), clips_part()
        model = wrap(core, intake=intake_of(core, dataset_of(part)))
        np.testing.assert_allclose(model(part.x), core(part.x.astype(np.float32)), atol=1e-6)

    def test_views_change_all_frames(self, reloaded):
        core, part = of_frames(), clips_part()
        predict = reloaded(wrap(core, "flip", intake_of(core, dataset_of(part))))
        scaled = part.x / np.float32(255)
        expected = (core(scaled) + core(scaled[:, :, :, ::-1])) / 2
        np.testing.assert_allclose(predict(part.x), expected, atol=1e-6)


@pytest.fixture
def beside_a_gpu(monkeypatch):
    """Keras believes that there is a GPU."""
    rnn = sys.modules["keras.src.backend.tensorflow.rnn"]
    monkeypatch.setattr(rnn, "_is_gpu_available", lambda: True)


def both_ways():
    x = inputs = keras.Input((None, 2))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Masking()(x))
    return head(layers.GRU(4)(x), inputs)


def operations(path):
    """The types of all operations of a SavedModel."""
    (graph,) = loader_impl.parse_saved_model(str(path)).meta_graphs
    inner = [node for function in graph.graph_def.library.function for node in function.node_def]
    return {node.op for node in (*graph.graph_def.node, *inner)}


@pytest.mark.usefixtures("beside_a_gpu")
class TestBesideAGpu:
    @pytest.mark.slow
    def test_a_saved_model_runs_on_a_cpu(self, tmp_path, monkeypatch):
        core = both_ways()
        model = wrap(core, intake=intake_of(core, dataset_of(SERIES)))
        made = FORMATS["saved-model"]
        made.write(model, tmp_path / "good", ("a", "b"))
        monkeypatch.setattr(saved_model, "without_gpu_kernels", contextlib.nullcontext)
        made.write(model, tmp_path / "bad", ("a", "b"))
        assert "CudnnRNNV3" in operations(tmp_path / "bad")
        assert not [name for name in operations(tmp_path / "good") if "Cudnn" in name]
        assert made.load(tmp_path / "good")(SERIES.x).shape == (len(SERIES.x), 2)

    def test_a_keras_file_leaves_the_kernel_to_keras(self, tmp_path):
        core = recurrent()
        made = FORMATS["keras"]
        made.write(wrap(core, intake=intake_of(core, dataset_of(SERIES))), tmp_path / "a.keras", ())
        inner = keras.models.load_model(tmp_path / "a.keras")._flatten_layers()
        (lstm,) = [layer for layer in inner if isinstance(layer, layers.LSTM)]
        assert lstm.use_cudnn == "auto"

    def test_what_is_expected_is_computed_without_kernels_of_gpus(self, tmp_path, monkeypatch):
        seen = []

        def predict(core, *_):
            seen.append(core.layers[2].use_cudnn)
            raise ValueError

        monkeypatch.setattr(verifying, "predict_core", predict)
        core = recurrent()
        intake = intake_of(core, dataset_of(SERIES))
        verify(FORMATS["keras"], tmp_path, core, SERIES.x, "none", intake)
        assert (seen, core.layers[2].use_cudnn) == ([False], "auto")


EXPORTED = {
    "series": (recurrent, series_part(), "saved-model"),
    "series of one length": (recurrent, series_part(ragged=False), "keras"),
    "series of fixed time": (lambda: recurrent(time=9), series_part(), "saved-model"),
    "clips": (of_frames, clips_part(), "keras"),
}


def verified(path, format_name, core, part, model):
    intake, made = intake_of(core, dataset_of(part)), FORMATS[format_name]
    made.write(wrap(model, intake=intake), path / made.file, ("a", "b"))
    return verify(made, path / made.file, core, part.x, "none", intake)


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPORTED)
def test_exports_are_verified_in_a_fresh_process(kind, tmp_path):
    network, part, made = EXPORTED[kind]
    core = network()
    found = verified(tmp_path, made, core, part, core)
    assert found.verified, found.reason
    assert found.max_abs_diff <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["series", "clips"])
def test_one_with_other_weights_is_found_out(kind, tmp_path):
    network, part, made = EXPORTED[kind]
    assert "predicts otherwise" in verified(tmp_path, made, network(), part, network()).reason


@pytest.fixture
def trusting(monkeypatch):
    monkeypatch.setattr(build, "verify", lambda *_, **__: Verification(0.0))


@pytest.mark.usefixtures("trusting")
class TestRecords:
    def test_series(self, tmp_path):
        export = make_exporter(tmp_path / "run", SERIES_SPACE, dataset_of(series_part()))
        result = export("keras")
        record = json.loads((result.path / "export.json").read_text())
        assert result.kind == record["kind"] == result.to_json()["kind"] == "series"
        assert (record["channels"], record["trained_length"]) == (2, 9)
        assert record["fixed_length"] is None
        assert record["input"].startswith("float32 (batch, time, channels)")
        assert "trained_size" not in record
        np.testing.assert_allclose(record["means"], np.nanmean(SERIES.x, (0, 1)), rtol=1e-5)
        card = (result.path / "MODEL_CARD.md").read_text()
        assert "sorts series of 2 channels into 2 classes: fall, rise." in card
        assert "Raw series go in, float32 (batch, time, 2)" in card
        assert "image" not in card.partition("## Architecture")[0]
        assert "No series had more than 9 steps" in card

    def test_a_fixed_length_is_said(self, tmp_path):
        space = SERIES_SPACE.replace("(None, data.input_shape[-1])", "data.input_shape")
        export = make_exporter(tmp_path / "run", space, dataset_of(series_part()))
        path = export("keras").path
        assert json.loads((path / "export.json").read_text())["fixed_length"] == 9
        assert "Its network takes 9 steps: shorter" in (path / "MODEL_CARD.md").read_text()

    def test_clips(self, tmp_path):
        dataset = dataset_of(clips_part(), pad=7, options={"rate": 5.0})
        result = make_exporter(tmp_path / "run", CLIPS_SPACE, dataset)("keras")
        record = json.loads((result.path / "export.json").read_text())
        assert record["kind"] == "clips"
        assert (record["trained_frames"], record["trained_size"]) == (5, [8, 10])
        assert (record["rate"], record["pad"], record["channels"]) == (5.0, 7, 1)
        card = (result.path / "MODEL_CARD.md").read_text()
        assert "sorts grey clips into 2 classes" in card
        assert "it takes 5 frames evenly" in card
        assert "scales them to 8x10 itself, keeping their shape: it fills them up with 7" in card
        assert "It was trained on 5 frames a second" in card
        assert "for any clip, also for one that shows none" in card


HERE = Path(__file__).resolve().parent
ON_TWO_DEVICES = """
import sys
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from pathlib import Path
from automl_sem.export import build
from exporter import make_exporter
from sequences import SERIES_SPACE, dataset_of, series_part

build.visible_devices = lambda _: ["CPU:0", "CPU:1"]
result = make_exporter(Path(sys.argv[1]), SERIES_SPACE, dataset_of(series_part()))("keras")
print([made.verified for made in result.formats], result.devices)
"""


@pytest.mark.slow
def test_series_are_retrained_on_two_devices_and_exported(tmp_path):
    """That two devices train as one does is tested with the retraining."""
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES, run],
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[True] 2"
    exported = keras.models.load_model(run / "export" / "trial-0" / "model.keras")
    assert np.ptp(exported.predict_on_batch(series_part().x)) > 0.1
