import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import measure

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")

GRANDCHILD = "x = bytearray(200 * 2**20); x[::4096] = b'1' * len(x[::4096]); import time; "
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}], check=True)"


@linux
def test_the_peak_counts_what_a_grandchild_allocates():
    child = CHILD.format(GRANDCHILD + "time.sleep(1)")
    run = measure.run_measured([sys.executable, "-c", child], every=0.05)
    assert 200 <= run.peak / measure.MIB < 300
    peak = max(run.samples, key=lambda sample: sample.total)
    assert peak.root < 50 * measure.MIB
    assert peak.processes == 2


@linux
def test_pages_that_two_processes_share_count_once_if_asked_for():
    forks = GRANDCHILD.replace("import time; ", "import os, time; os.fork(); ")
    run = measure.run_measured(
        [sys.executable, "-c", forks + "time.sleep(1)"], every=0.05, once=True
    )
    assert run.peak / measure.MIB > 400
    assert 200 <= run.peak_once / measure.MIB < 300


@linux
def test_memory_of_a_process_with_brackets_in_its_name(tmp_path):
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(sys.executable)
    process = subprocess.Popen([program, "-c", "import time; time.sleep(30)"])
    try:
        time.sleep(0.3)
        assert measure.tree_memory(process.pid).processes == 1
    finally:
        process.kill()
        process.wait()


def test_a_failing_command_says_why():
    with pytest.raises(RuntimeError, match="ended with 3:\nno luck"):
        measure.run_measured([sys.executable, "-c", "print('no luck'); raise SystemExit(3)"])


def test_a_command_is_interrupted_once_it_is_enough():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.perf_counter()
    run = measure.run_measured(command, until=lambda: time.perf_counter() - began > 0.5, every=0.05)
    assert run.stopped


def test_a_command_that_ignores_the_interruption_is_killed_after_the_grace():
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    began = time.perf_counter()
    run = measure.run_measured(
        [sys.executable, "-c", deaf],
        until=lambda: time.perf_counter() - began > 0.5,
        every=0.05,
        grace=0.5,
    )
    assert run.stopped
    assert run.seconds < 30


def test_every_action_runs_once_a_round_and_each_comes_first():
    order = []
    actions = {name: lambda n, name=name: order.append(name) or (name, n) for name in "abc"}
    assert measure.alternate(actions, 3) == {c: [(c, n) for n in range(3)] for c in "abc"}
    assert "".join(order) == "abcbcacab"


def test_median_and_range():
    assert measure.Spread.of([3.0, 1.0, 10.0]) == (3.0, 1.0, 10.0)
    assert measure.Spread.of([3.0, 1.0, 1234.5]).text() == "3.0 (1.0 to 1,234.5)"
    assert measure.Spread.of([2.0]).text(2) == "2.00"


def test_standard_error():
    mean, error = measure.mean_and_error([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert error == pytest.approx(0.6455, abs=1e-4)
    assert measure.mean_and_error([7.0]) == (7.0, 0.0)


def test_table():
    rows = [{"a": "1", "b": "2"}, {"b": "4", "a": "3"}]
    assert measure.table(rows) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"


def test_a_result_is_kept_with_its_setting(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(measure, "measured_on", lambda: {"machine": "a good one"})
    monkeypatch.setattr(sys, "argv", ["benchmarks/speed.py", "--write"])
    measure.publish("# Speed", {"ratio": 2.0}, argparse.Namespace(write=True, quick=False))
    kept = json.loads((tmp_path / "results" / "speed.json").read_text())
    assert kept == {"setting": {"machine": "a good one"}, "ratio": 2.0}
    text = (tmp_path / "results" / "speed.md").read_text()
    assert text == "# Speed\n\n- machine: a good one\n"


def test_a_result_of_another_time_is_kept_with_the_setting_of_then(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/speed.py", "--write"])
    options = argparse.Namespace(write=True, quick=False)
    measure.publish("# Speed", {}, options, setting={"date": "long ago"})
    assert (tmp_path / "speed.md").read_text() == "# Speed\n\n- date: long ago\n"


def test_another_setting_is_kept_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "measured_on", dict)
    monkeypatch.setattr(sys, "argv", ["benchmarks/speed.py", "--write"])
    options = argparse.Namespace(write=True, quick=False)
    for variant in ("", "folder"):
        measure.publish("# Speed", {}, options, variant)
    assert {file.name for file in tmp_path.glob("*.md")} == {"speed.md", "speed-folder.md"}


def test_quick_results_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    with pytest.raises(SystemExit, match="--quick"):
        measure.publish("# Speed", {}, argparse.Namespace(write=True, quick=True))
    assert not list(tmp_path.iterdir())
