"""What the benchmarks on series and on the memory of clips keep, and make of what they measured."""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import clips_memory
import environments
import series
from series import LSTM_FCN, MINIROCKET, OURS, Outcome, Record

from automl_sem.data.clips import load_clips
from automl_sem.scoring.metrics import wilson_interval

SETTINGS = series.settings_of(10, 100, 0)


def record(data="GunPoint", side=OURS, setting=None, **changes):
    outcome = dataclasses.replace(Outcome(90, 100, 600.0, 1500.0), **changes)
    return Record(data, side, setting or SETTINGS[side], outcome, "a machine", "x 1", "2026-01-01")


def all_records(ours, lstm_fcn, minirocket):
    hits = {OURS: ours, LSTM_FCN: lstm_fcn, MINIROCKET: minirocket}
    return [record(data, side, hits=hits[side]) for data in series.SETS for side in hits]


def describe(records):
    return series.describe(records, SETTINGS)


def test_what_is_recorded_is_not_measured_again(tmp_path):
    sides = (OURS, LSTM_FCN)
    assert len(series.pending(tmp_path, series.SETS, sides, SETTINGS)) == 12
    kept = record("GunPoint", LSTM_FCN, trials=3)
    series.write_record(tmp_path, kept)
    assert series.read_record(tmp_path, "GunPoint", LSTM_FCN, SETTINGS[LSTM_FCN]) == kept
    assert series.pending(tmp_path, ("GunPoint",), sides, SETTINGS) == [("GunPoint", OURS)]


def test_another_side_is_first_in_each_set(tmp_path):
    order = series.pending(tmp_path, ("GunPoint", "OSULeaf"), (OURS, LSTM_FCN), SETTINGS)
    assert [side for _, side in order] == [OURS, LSTM_FCN, LSTM_FCN, OURS]


def test_a_record_of_another_setting_is_never_replaced(tmp_path):
    series.write_record(tmp_path, record())
    short = series.settings_of(0.5, 2, 0)
    with pytest.raises(SystemExit, match=r"GunPoint-ours.json has 10 minutes .* not 0.5 minutes"):
        series.pending(tmp_path, ("GunPoint",), (OURS,), short)


def test_sides_with_different_test_parts_are_refused(tmp_path):
    series.write_record(tmp_path, record())
    series.write_record(tmp_path, record(side=MINIROCKET, tested_on=99))
    with pytest.raises(SystemExit, match="GunPoint: the sides have different test parts"):
        series.read_all(tmp_path, SETTINGS)


def test_a_side_that_fails_leaves_the_others_their_records(tmp_path, monkeypatch):
    def search(*_):
        raise RuntimeError("no disk")

    monkeypatch.setattr(series, "peers_python", lambda _: Path(sys.executable))
    monkeypatch.setattr(series, "copy_set", lambda *_: tmp_path)
    here = {"machine": "m", "versions": "v", "date": "d"}
    monkeypatch.setattr(series, "measured_on", lambda: here)
    monkeypatch.setattr(series, "versions_in", lambda *_: "y")
    monkeypatch.setattr(series, "search_ours", search)
    monkeypatch.setattr(series, "fit_peer", lambda *_: Outcome(9, 10, 5.0, 300.0))
    options = argparse.Namespace(
        records=tmp_path / "records", sets=("GunPoint",), sides=(OURS, LSTM_FCN), peers=tmp_path
    )
    (tmp_path / "scratch").mkdir()
    assert series.measure_all(options, SETTINGS, tmp_path / "scratch") == ["GunPoint ours"]
    (kept,) = series.read_all(options.records, SETTINGS)
    assert (kept.side, kept.outcome.hits, kept.versions) == (LSTM_FCN, 9, "y")


def test_accuracies_have_wilson_intervals_and_what_is_lacking_stays_empty():
    text = describe(
        [record(hits=150, tested_on=150), record(side=LSTM_FCN, hits=138, tested_on=150)]
    )
    low = 100 * wilson_interval(150, 150).low
    assert f"| GunPoint | 150 | 100.0 ({low:.1f} to 100.0) | 600 | 92.0 (" in text
    assert text.count("| GunPoint |") == 1
    assert "|  |  | 0 | met |" in text  # MiniRocket was not measured
    assert "goals are open until all sides are measured on BasicMotions," in text


def test_the_goals_are_lstm_fcn_within_the_interval_and_minirocket_on_average():
    assert wilson_interval(90, 100).high < 0.95
    met = describe(all_records(ours=90, lstm_fcn=94, minirocket=90))
    assert "met (6 of 6). On average at least MiniRocket's: met (90.0 against 90.0 %)." in met
    missed = describe(all_records(ours=90, lstm_fcn=95, minirocket=91))
    assert "missed (0 of 6). On average at least MiniRocket's: missed (90.0 against 91.0" in missed


def test_means_are_over_the_sets_that_all_sides_were_measured_on():
    records = [record("GunPoint", side, hits=80) for side in SETTINGS]
    text = describe([*records, record("OSULeaf", hits=20)])
    assert "| mean of 1 |  | 80.0 | 600 | 80.0 | 600 | 80.0 | 600 |  |  |" in text


def test_sets_and_sides_are_chosen_from_those_there_are():
    parse = series.among(series.SETS)
    assert parse("OSULeaf,GunPoint") == ("OSULeaf", "GunPoint")
    with pytest.raises(argparse.ArgumentTypeError, match="unknown: Leaf"):
        parse("GunPoint,Leaf")


def test_an_environment_without_a_package_has_no_versions():
    python = Path(sys.executable)
    numpy = environments.versions_in(python, ["numpy"])
    assert numpy == f"numpy {np.__version__}"
    assert environments.versions_in(python, ["numpy", "no-such-package"]) == ""
    assert environments.versions_in(python.parent / "no-python", ["numpy"]) == ""


def test_an_environment_with_other_versions_is_made_anew():
    python = Path(sys.executable)
    major, minor, rest = np.__version__.split(".", 2)
    for pin in (f"{major}.{minor}.{rest}", f"{major}.{minor}.*", f"{major}.*"):
        assert environments.holds(python, [f"numpy=={pin}"])
    for pin in (f"{major}.{minor}", f"{major}.{minor}9.*", f"{major}9.*"):
        assert not environments.holds(python, [f"numpy=={pin}"])
    assert not environments.holds(python, [f"numpy=={np.__version__}", "no-such-package==1.*"])
    assert not environments.holds(python.parent / "no-python", [f"numpy=={np.__version__}"])


@pytest.mark.parametrize(("colour", "channels"), [("grey", 1), ("colour", 3)])
def test_the_clips_are_read_as_what_they_are_said_to_be(tmp_path, colour, channels):
    folder = clips_memory.write_clips(tmp_path / "clips", 16, colour, "gif")
    dataset = load_clips(folder, frames=clips_memory.FRAMES)
    assert dataset.train.x.shape[1:] == (32, 64, 64, channels)
    assert set(dataset.class_names) == set(clips_memory.DIRECTIONS)
    assert len(dataset.train.x) + len(dataset.test.x) == 16


def test_memory_of_clips_is_judged_by_pages_counted_once():
    def text(once, command=clips_memory.SEARCH):
        step = clips_memory.Step("grey", command, 60.0, once, 5000.0, 3)
        return clips_memory.describe([step], 2000, "gif")

    assert "| grey | search, 2 trials | 60 | 2,048 | 5,000 | 3 |" in text(2048.0)
    assert "The goal is 2,048 MiB: met (2,048 MiB at most)" in text(2048.0)
    assert "The goal is 2,048 MiB: missed (2,049 MiB at most)" in text(2049.0)
    assert "2,048 MiB: open without a search (800 MiB" in text(800.0, "data, decoding")
    assert "250 MiB decoded if grey, 750 MiB in colour" in text(1.0)
