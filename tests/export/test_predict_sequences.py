"""Predicting files of clips and series with an export, by the command and by the card's code."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from exporter import make_exporter
from PIL import Image
from sequences import CHANNELS, CLIPS_SPACE, SERIES_SPACE, alone, series_part, write_csv, write_ts

from automl_sem.data.clips import read_clip
from automl_sem.data.load import load_dataset
from automl_sem.data.sampling import Sampling
from automl_sem.data.unlabelled import read_series
from automl_sem.errors import UserError
from automl_sem.export import build, predict
from automl_sem.export.usage import usage_of
from automl_sem.export.verify import Verification

SERIES = alone(series_part(30).x)
LABELS = [("fall", "rise")[i % 2] for i in range(30)]
GAPS = [values.copy() for values in SERIES]
GAPS[0][2, 0] = np.nan  # within
GAPS[1][0, 1] = np.nan  # at an end
GAPS[2][:, 1] = np.nan  # a whole channel


def exported(folder, space, dataset):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "verify", lambda *_, **__: Verification(0.0))
        return make_exporter(folder / "run", space, dataset)("keras", "saved-model").path


@pytest.fixture(scope="module")
def of_series(tmp_path_factory):
    """A finished export of a model for the series of a table."""
    folder = tmp_path_factory.mktemp("series")
    dataset = load_dataset(str(write_csv(folder / "data.csv", GAPS, LABELS)))
    return exported(folder, SERIES_SPACE, dataset), dataset


@functools.cache
def loaded(export):
    return keras.models.load_model(export / "model.keras")


def by_numpy(export, series):
    """What the exported model gives, a series at a time."""
    model = loaded(export)
    return [model.predict_on_batch(values[None])[0] for values in series]


def values_of(predictions):
    return np.array([list(found.probabilities.values()) for found in predictions])


def write_npz(path, series, **arrays):
    x = np.full((len(series), max(map(len, series)), series[0].shape[1]), np.nan, np.float32)
    for row, values in enumerate(series):
        x[row, : len(values)] = values
    np.savez(path, **{"x": x, **arrays})
    return path


class TestSeries:
    def test_the_same_series_in_any_form_of_file_are_predicted_alike(self, of_series, tmp_path):
        export, _ = of_series
        files = {
            "table.csv": write_csv(tmp_path / "table.csv", SERIES[:4]),
            "labelled.csv": write_csv(tmp_path / "labelled.csv", SERIES[:4], ["?", "x", "y", "z"]),
            "file.ts": write_ts(tmp_path / "file.ts", SERIES[:4]),
            "labelled.ts": write_ts(tmp_path / "labelled.ts", SERIES[:4], LABELS[:4]),
            "array.npz": write_npz(tmp_path / "array.npz", SERIES[:4]),
        }
        expected = by_numpy(export, SERIES[:4])
        assert np.ptp(expected) > 0.05
        for file in files.values():
            np.testing.assert_allclose(values_of(predict(export, [file])), expected, atol=1e-6)
        found = predict(export, [tmp_path])
        assert [one.file.removeprefix(f"{tmp_path}/") for one in found] == [
            *(f"array.npz: row {i}" for i in range(4)),
            *(f"file.ts: line {i}" for i in range(4, 8)),
            *(f"labelled.csv: s{i}" for i in range(4)),
            *(f"labelled.ts: line {i}" for i in range(4, 8)),
            *(f"table.csv: s{i}" for i in range(4)),
        ]
        assert found[0].label == ("fall", "rise")[expected[0].argmax()]

    def test_missing_values_are_filled_in_as_in_training(self, of_series, tmp_path):
        export, dataset = of_series
        rows = {name: row for row, name in enumerate(dataset.train.names)}
        held = {name: row for row, name in enumerate(dataset.test.names)}
        gaps = write_csv(tmp_path / "gaps.csv", GAPS[:3])
        loaded = [
            dataset.train.x[rows[name]] if name in rows else dataset.test.x[held[name]]
            for name in ("s0", "s1", "s2")
        ]
        assert not any(np.isnan(values[0]).any() for values in loaded)
        expected = by_numpy(export, alone(loaded))
        np.testing.assert_allclose(values_of(predict(export, [gaps])), expected, atol=1e-6)

    def test_columns_are_found_by_their_names(self, of_series, tmp_path):
        turned = [np.c_[values[:, ::-1], values[:, :1]] for values in SERIES[:2]]
        file = write_csv(tmp_path / "a.csv", turned, channels=(*CHANNELS[::-1], "more"))
        export, _ = of_series
        expected = by_numpy(export, SERIES[:2])
        np.testing.assert_allclose(values_of(predict(export, [file])), expected, atol=1e-6)
        other = write_csv(tmp_path / "b.csv", SERIES[:2], channels=("ax", "az"))
        with pytest.raises(UserError, match=r"b\.csv: there is no column 'ay', which the model"):
            predict(export, [other])

    def test_arrays_with_lengths_and_of_other_names(self, of_series, tmp_path):
        export, _ = of_series
        x = np.stack([np.r_[values, np.zeros((12 - len(values), 2))] for values in SERIES[:3]])
        lengths = [len(values) for values in SERIES[:3]]
        files = [tmp_path / f"{name}.npz" for name in "abcd"]
        np.savez(files[0], x=x, lengths=lengths)
        np.savez(files[1], x_train=x * 0, y_train=[0, 1, 0], x_test=x, lengths_test=lengths)
        np.savez(files[2], y_train=[0, 1, 0], lengths_train=lengths, x_train=x)
        np.savez(files[3], y=[0, 1, 0], mine=x[:, : min(lengths)])
        expected = by_numpy(export, SERIES[:3])
        for file in files[:3]:
            np.testing.assert_allclose(values_of(predict(export, [file])), expected, atol=1e-6)
        cut = by_numpy(export, [values[: min(lengths)] for values in SERIES[:3]])
        np.testing.assert_allclose(values_of(predict(export, files[3:])), cut, atol=1e-6)

    def test_what_does_not_fit_is_refused_in_one_line(self, of_series, tmp_path):
        export, _ = of_series
        three = [np.c_[values, values[:, :1]] for values in SERIES[:2]]
        one = [values[:, :1] for values in SERIES[:2]]
        for file, line in (
            (write_ts(tmp_path / "a.ts", three), r"a\.ts:4: 3 channels, but the model was trained"),
            (write_npz(tmp_path / "a.npz", three), r"a\.npz: row 0: 3 channels, but .* on 2"),
            (write_npz(tmp_path / "b.npz", one), r"b\.npz: row 0: 1 channel, but"),
        ):
            with pytest.raises(UserError, match=line):
                predict(export, [file])
        (tmp_path / "a.png").write_bytes(b"")
        with pytest.raises(UserError, match=r"a\.png: no file of series: a \.ts, \.npz, \.csv or"):
            predict(export, [tmp_path / "a.png"])
        np.savez(tmp_path / "none.npz")
        with pytest.raises(UserError, match=r"none\.npz: there is no array of series .* nothing"):
            predict(export, [tmp_path / "none.npz"])
        np.savez(tmp_path / "labels.npz", y=[0, 1], lengths=[3, 4])
        with pytest.raises(UserError, match="no array of series in this file, only: y, lengths"):
            predict(export, [tmp_path / "labels.npz"])
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match="no series in this folder"):
            predict(export, [tmp_path / "empty"])
        with pytest.raises(UserError, match="no such file"):
            predict(export, [tmp_path / "gone.ts"])

    def test_the_command_prints_a_line_for_each_series(self, of_series, tmp_path, call):
        file = write_ts(tmp_path / "a.ts", SERIES[:3])
        code, out, err = call("predict", of_series[0], file)
        assert (code, err) == (0, "")
        assert [line.split()[:3] for line in out.splitlines()] == [
            [f"{file}:", "line", str(i)] for i in (4, 5, 6)
        ]

    def test_the_card_shows_a_file_like_those_of_the_data(self, of_series):
        export, dataset = of_series
        record = json.loads((export / "export.json").read_text())
        for source, file in {
            "/data/a.csv": "series.csv",
            "/data/a.tsv": "series.tsv",
            "/data/a.npz": "series.npz",
            "": "series.npz",
            "motion": "series.npz",
            "/data/A_TRAIN.ts": "series.ts",
            "/data/folder": "series.ts",
        }.items():
            assert usage_of(record, replace(dataset, source=source)).file == file
        unnamed = usage_of({**record, "channel_names": None}, replace(dataset, source="/a.tsv"))
        assert "one[['channel 1', 'channel 2']]" in "".join(unnamed.lines)

    @pytest.mark.parametrize("form", ["csv", "ts", "npz"])
    def test_the_card_reads_a_series_as_predict_does(self, of_series, form, tmp_path):
        export, dataset = of_series
        record = json.loads((export / "export.json").read_text())
        source = {"csv": "data.csv", "ts": "folder", "npz": "data.npz"}[form]
        usage = usage_of(record, replace(dataset, source=source))
        assert usage.file == f"series.{form}"
        write = {"csv": write_csv, "ts": write_ts, "npz": write_npz}[form]
        for first in range(4):
            labels = {"labels": LABELS[first:6]} if form != "npz" else {}
            file = write(tmp_path / usage.file, GAPS[first:6], **labels)
            self.check_card(usage, record, file)

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("time", ["{}", "2026-11-25 10:00:{:02}"])
    def test_the_card_reads_tables_as_people_write_them(self, of_series, separator, time, tmp_path):
        export, dataset = of_series
        record = json.loads((export / "export.json").read_text())
        lines = ["ID, Time,Label,ax ,ay"]
        for step, value in enumerate(["1.5", "?", "none", "2.5"]):
            at = time.format(10 - step**2)
            lines.append(f"b,{at},rise,{value},-{step}")
            lines.append(f"a,{at},fall,1,2")
        file = tmp_path / "series.csv"
        file.write_text("\n".join(lines).replace(",", separator))
        self.check_card(usage_of(record, replace(dataset, source="a.csv")), record, file)

    def test_the_card_reads_ts_files_as_people_write_them(self, of_series, tmp_path):
        export, dataset = of_series
        record = json.loads((export / "export.json").read_text())
        usage = usage_of(record, replace(dataset, source="a.ts"))
        values = " 1.5, ?, 2.5 : 3,4 ,\t5"
        for label, known in ((": fall", "true fall rise"), ("", "false")):
            head = f"# with @data\n@classLabel {known}\n@univariate false"
            file = tmp_path / "series.ts"
            file.write_text(f"{head}\n@Data\n% a remark\n\n{values}{label}\n1,2:3,4{label}\n")
            self.check_card(usage, record, file)

    def check_card(self, usage, record, file):
        found = {}
        with contextlib.chdir(file.parent):
            exec("\n".join([*usage.imports, *usage.lines]), found)
        names = record["channel_names"] if file.suffix == ".csv" else None
        _, expected = next(read_series(file, 2, names, np.array(record["means"])))
        assert found["series"].dtype == np.float32
        np.testing.assert_allclose(found["series"][0], expected, rtol=1e-6)

    def test_the_code_of_the_card_runs(self, of_series, tmp_path, monkeypatch, capsys):
        export = shutil.copytree(of_series[0], tmp_path / "export")
        file = write_csv(export / "series.csv", GAPS)
        monkeypatch.chdir(export)
        (first, *_) = predict(export, [file])
        blocks = snippets(export)
        assert len(blocks) == 2
        for code in blocks:
            exec(code, {})
            assert capsys.readouterr().out.splitlines()[-1] == first.label


def snippets(export):
    card = (export / "MODEL_CARD.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def frames_of(seed, label, frames=7, size=(12, 16)):
    """A clip as it is saved, uint8 (frames, height, width, 3), lighter at one of its ends."""
    rng = np.random.default_rng(seed)
    clip = rng.integers(0, 120, (frames, *size), np.uint8)
    clip[frames // 2 :] += 100 * label
    clip[: frames // 2] += 100 * (1 - label)
    return np.repeat(clip[..., None], 3, axis=-1)


def write_gif(path, clip):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = [Image.fromarray(frame).convert("L") for frame in clip]
    first.save(path, save_all=True, append_images=rest, duration=100)
    return path


def write_frames(folder, clip):
    folder.mkdir(parents=True)
    for i, frame in enumerate(clip, 1):
        Image.fromarray(frame).save(folder / f"{i}.png")
    return folder


def write_video(path, clip):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "bgr0"
        for pixels in clip:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def load_clips(folder, **options):
    for i in range(12):
        write_gif(folder / "data" / ("a", "b")[i % 2] / f"{i}.gif", frames_of(i, i % 2))
    return load_dataset(str(folder / "data"), kind="clips", image_size=8, **options)


@pytest.fixture(scope="module")
def of_clips(tmp_path_factory):
    """A finished export of a model for five frames of each clip, 8x8."""
    folder = tmp_path_factory.mktemp("clips")
    dataset = load_clips(folder, frames=5)
    return exported(folder, CLIPS_SPACE, dataset), dataset


class TestClips:
    def test_a_clip_in_any_form_is_predicted_as_training_reads_it(self, of_clips, tmp_path):
        export, dataset = of_clips
        assert dataset.train.x.shape[1:] == (5, 8, 8, 1)
        root = tmp_path / "clips"
        for label, clip in enumerate((frames_of(100, 0), frames_of(101, 1, frames=4))):
            write_gif(root / f"{label}.gif", clip)
            write_frames(root / "frames" / f"{label}", clip)
            write_video(root / f"{label}.avi", clip)
        found = predict(export, [root / "0.gif", root / "frames" / "0", root / "0.avi", root])
        values = values_of(found)
        assert [one.file.removeprefix(f"{root}/") for one in found] == [
            *("0.gif", "frames/0", "0.avi"),
            *("0.avi", "0.gif", "1.avi", "1.gif", "frames/0", "frames/1"),
        ]
        np.testing.assert_allclose(values[[1, 2, 3, 4, 7]], values[[0]].repeat(5, 0), atol=1e-6)
        np.testing.assert_allclose(values[[6, 8]], values[[5]].repeat(2, 0), atol=1e-6)
        read = read_clip(root / "0.gif", Sampling(5), 5, (8, 8), 1, None)
        (expected,) = by_numpy(export, read[None])
        np.testing.assert_allclose(values[0], expected, atol=1e-6)
        whole = np.stack([frame[..., :1] for frame in frames_of(100, 0)])
        (expected,) = by_numpy(export, whole[None])
        np.testing.assert_allclose(values[0], expected, atol=1e-6)
        assert abs(values[0] - values[5]).max() > 1e-3

    def test_training_clips_are_read_as_they_were(self, of_clips):
        _, dataset = of_clips
        for row, name in enumerate(dataset.train.names[:3]):
            read = read_clip(Path(dataset.source) / name, Sampling(5), 5, (8, 8), 1, None)
            np.testing.assert_array_equal(read, dataset.train.x[row])

    def test_what_does_not_fit_is_refused_in_one_line(self, of_clips, tmp_path):
        export, _ = of_clips
        Image.new("L", (12, 12)).save(tmp_path / "still.png")
        with pytest.raises(UserError, match=r"still\.png: this is a single image, but the model"):
            predict(export, [tmp_path / "still.png"])
        (tmp_path / "a.ts").write_text("@data")
        with pytest.raises(UserError, match=r"a\.ts: this is no video or animation, but the model"):
            predict(export, [tmp_path / "a.ts"])
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match="no clips in this folder"):
            predict(export, [tmp_path / "empty"])
        short = write_frames(tmp_path / "short", frames_of(0, 0, frames=1))
        with pytest.raises(UserError, match="short: a clip of one frame"):
            predict(export, [short])

    def test_a_rate_is_that_of_training(self, tmp_path):
        dataset = load_clips(tmp_path, frames=3, rate=5.0)
        export = exported(tmp_path, CLIPS_SPACE, dataset)
        assert json.loads((export / "export.json").read_text())["rate"] == 5.0
        path = Path(dataset.source) / dataset.train.names[0]
        (found,) = predict(export, [path])
        (expected,) = by_numpy(export, dataset.train.x[:1])
        np.testing.assert_allclose(list(found.probabilities.values()), expected, atol=1e-6)
        frames = write_frames(tmp_path / "frames", frames_of(0, 0))
        with pytest.raises(UserError, match=r"frames: nothing says when its frames are shown"):
            predict(export, [frames])

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("form", ["gif", "frames", "avi", "gif at a rate", "avi at a rate"])
    def test_the_card_reads_a_clip_as_predict_does(
        self, of_clips, form, channels, tmp_path, monkeypatch
    ):
        export, dataset = of_clips
        rate = 4.0 if "rate" in form else None
        record = json.loads((export / "export.json").read_text())
        record |= {"rate": rate, "channels": channels, "trained_frames": 3}
        name = {"g": "a/1.gif", "f": "a/1", "a": "a/1.avi"}[form[0]]
        usage = usage_of(record, replace(dataset, train=replace(dataset.train, names=(name,))))
        write = {"g": write_gif, "f": write_frames, "a": write_video}[form[0]]
        path = write(tmp_path / usage.file, frames_of(3, 1, frames=12))
        monkeypatch.chdir(tmp_path)
        found = {}
        exec("\n".join([*usage.imports, *usage.lines]), found)
        clips = found["clips"]
        assert clips.dtype == np.uint8
        length = 12 if rate is None else 3
        expected = read_clip(path, Sampling(length, rate), length, (12, 16), channels, None)
        np.testing.assert_array_equal(clips[0], expected)

    def test_the_code_of_the_card_runs(self, of_clips, tmp_path, monkeypatch, capsys):
        export = shutil.copytree(of_clips[0], tmp_path / "export")
        file = write_gif(export / "clip.gif", frames_of(5, 1))
        (found,) = predict(export, [file])
        monkeypatch.chdir(export)
        blocks = snippets(export)
        assert len(blocks) == 2
        for code in blocks:
            exec(code, {})
            assert capsys.readouterr().out.splitlines()[-1] == found.label


def test_an_export_of_before_knows_images_alone(of_clips, tmp_path):
    export = shutil.copytree(of_clips[0], tmp_path / "export")
    record = json.loads((export / "export.json").read_text())
    del record["kind"]
    (export / "export.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="no images in this folder"):
        predict(export, [write_frames(tmp_path / "frames", [])])
    record["kind"] = "smells"
    (export / "export.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="does not describe an export"):
        predict(export, [tmp_path])
