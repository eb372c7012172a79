"""The run directory: complete or not there, one writer, nothing lost to a crash."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pytest

from automl_sem.errors import UserError
from automl_sem.manifest import ImageNetFile, Manifest, WarmStart, WeightsFile
from automl_sem.run import RunDirectory
from automl_sem.types import CurvePoint, FoldResult


@pytest.fixture
def manifest():
    return Manifest(
        created="2026-01-01T00:00:00+00:00", seed=0, folds=3, trials=4, space={}, data={}
    )


@pytest.fixture
def run(tmp_path, manifest):
    splits = {"search": np.arange(9) % 3, "fresh": np.arange(9)[::-1] % 3}
    return RunDirectory.create(tmp_path / "run", manifest, "x = 1\n", splits)


@pytest.fixture
def result():
    return FoldResult(
        fold=1,
        indices=np.array([4, 7]),
        probabilities=np.array([[0.1, 0.9], [0.25, 0.75]], np.float32),
        log_loss=0.19,
        accuracy=1.0,
        curve=(CurvePoint(1, 0.7, 0.6, 0.5), CurvePoint(9, 0.1, 0.19, 1.0)),
        seconds=2.5,
    )


def test_what_is_written_is_read_back(run, manifest, result):
    assert RunDirectory(run.path).manifest == manifest
    run.write_fold(5, result)
    read = run.read_folds(5)[1]
    np.testing.assert_array_equal(read.probabilities, result.probabilities)
    np.testing.assert_array_equal(read.indices, result.indices)
    assert (read.log_loss, read.accuracy, read.seconds, read.curve) == (
        result.log_loss,
        result.accuracy,
        result.seconds,
        result.curve,
    )
    assert run.read_folds(5, "fresh") == {}


def test_what_a_search_builds_on_keeps_its_types(tmp_path, manifest):
    values = {"on": True, "units": 1, "rate": 1.0, "name": "1"}
    warm = WarmStart(run="other", trials=[3], starts=[values])
    weights = WeightsFile(file="m.keras", sha256="0" * 64)
    cached = ImageNetFile(network="EfficientNetB0", file="b0.h5", sha256="1" * 64)
    built = {"warm_start": warm, "weights": weights, "imagenet": [cached]}
    manifest = manifest.model_copy(update=built)
    splits = {"search": np.zeros(3, int), "fresh": np.zeros(3, int)}
    read = RunDirectory.create(tmp_path / "run", manifest, "", splits).manifest
    assert read == manifest
    assert {k: type(v) for k, v in read.warm_start.starts[0].items()} == {
        k: type(v) for k, v in values.items()
    }


@pytest.mark.parametrize("field", ["weights", "warm_start", "imagenet"])
def test_a_manifest_that_leaves_out_what_a_search_builds_on_is_refused(run, field):
    path = run.path / "run.json"
    wrong = {"file": "m.keras", "run": "other"}
    written = json.loads(path.read_text()) | {field: [wrong] if field == "imagenet" else wrong}
    path.write_text(json.dumps(written))
    with pytest.raises(UserError, match=rf"cannot read run.json: .*{field}"):
        RunDirectory(run.path)


def test_a_fold_file_that_was_being_written_is_not_a_result(run, result):
    run.write_fold(5, result)
    whole = run.path / "folds" / "5" / "1.npz"
    (whole.parent / ".2.npz.tmp").write_bytes(whole.read_bytes()[:100])
    assert list(run.read_folds(5)) == [1]


def test_a_second_writer_is_refused_with_the_holders_number(run):
    script = (
        "import sys, time; from pathlib import Path; from automl_sem.run import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(run.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=rf"in use by another process \(pid {holder.pid}\)"):
            run.lock().__enter__()
        holder.kill()
    with run.lock():
        pass  # a crash leaves nothing behind


def test_a_torn_last_line_of_the_journal_is_survived(run):
    with run.lock():
        study = run.open_study()
        study.tell(study.ask(), 1.0)
    journal = run.path / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[-1][:20])
    assert len(run.read_study().trials) == 1
    with run.lock():
        study = run.open_study()
        study.tell(study.ask(), 2.0)
    assert [t.value for t in run.read_study().trials] == [1.0, 2.0]
    for line in journal.read_text().splitlines():
        json.loads(line)


def test_a_stale_lock_of_any_kind_does_not_block(run):
    (run.path / "study.lock").write_text("")
    os.symlink(run.path / "study.journal", run.path / "study.journal.lock")
    (run.path / "run.lock").write_text("99999999")
    started = time.monotonic()
    with run.lock():
        study = run.open_study()
        study.tell(study.ask(), 1.0)
    assert time.monotonic() - started < 20


def test_a_reader_never_writes_to_the_study(run):
    with run.lock():
        study = run.open_study()
        study.ask()
        before = (run.path / "study.journal").read_bytes()
        reader = run.read_study()
        with pytest.raises(UserError, match="read only"):
            reader.tell(0, 1.0)
    assert (run.path / "study.journal").read_bytes() == before


def test_a_run_without_trials_has_no_study_to_read(run):
    assert run.read_study() is None


def test_a_directory_that_is_not_empty_is_never_written_to(tmp_path, manifest):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        RunDirectory.create(tmp_path, manifest, "", {})
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_a_run_is_never_written_over(run, manifest):
    with pytest.raises(UserError, match="a run here already"):
        RunDirectory.create(run.path, manifest, "", {})


def test_a_run_of_a_newer_version_is_refused(run, manifest):
    newer = manifest.model_copy(update={"schema_version": 99})
    (run.path / "run.json").write_text(newer.model_dump_json())
    with pytest.raises(UserError, match="newer version"):
        RunDirectory(run.path)


def test_an_empty_directory_that_cannot_be_filled_is_left_empty(tmp_path, manifest, monkeypatch):
    target = tmp_path / "empty"
    target.mkdir()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        RunDirectory.create(target, manifest, "", {"search": np.zeros(3)})
    assert os.listdir(target) == []


def test_an_empty_directory_is_taken(tmp_path, manifest):
    target = tmp_path / "empty"
    target.mkdir()
    assert RunDirectory.create(target, manifest, "", {}).path == target


@pytest.mark.parametrize("content", ["", "{", "[]", '{"seed": "x"}'])
def test_a_damaged_run_json_is_one_clear_line(run, content):
    (run.path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"cannot read run\.json") as error:
        RunDirectory(run.path)
    assert "\n" not in str(error.value)


def test_a_disk_error_says_that_nothing_is_lost(run, result, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"No space left on device.*resume"):
        run.write_fold(0, result)
    monkeypatch.undo()
    assert run.read_folds(0) == {}
    run.write_fold(0, result)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"No space left on device.*resume"):
        run.sync_folds(0)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.9])
def test_a_fold_file_that_a_power_cut_tore_counts_as_not_there(run, result, kept):
    for fold in (0, 1):
        run.write_fold(0, dataclasses.replace(result, fold=fold))
    torn = run.path / "folds" / "0" / "1.npz"
    content = torn.read_bytes()
    torn.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert list(run.read_folds(0)) == [0]
    torn.write_bytes(b"\0" * len(content))
    assert list(run.read_folds(0)) == [0]


def test_a_run_that_cannot_be_written_leaves_nothing_half_written(tmp_path, manifest, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        RunDirectory.create(tmp_path / "run", manifest, "", {"search": np.zeros(3)})
    assert os.listdir(tmp_path) == []


def test_looks_at_the_test_set_are_counted(run):
    assert run.test_looks() == 0
    assert run.record_test_look(trial=3) == 1
    assert run.record_test_look(trial=4) == 2
    assert RunDirectory(run.path).test_looks() == 2


def test_optuna_continues_a_running_trial_under_its_number():
    """A fact about Optuna that resume rests on."""
    study = optuna.create_study()
    first = study.ask()
    value = first.suggest_float("x", 0, 1)
    again = optuna.trial.Trial(study, first._trial_id)
    assert again.number == first.number
    assert again.suggest_float("x", 0, 1) == value
    study.tell(again.number, 0.5)
    assert study.trials[0].value == 0.5
