"""Searches with several worker processes: reproducible, robust, without orphans."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import TINY_SPACE

from automl_sem import search

pytestmark = pytest.mark.slow

SLEEPY = TINY_SPACE.replace(
    "    x = inputs",
    "    import os, time\n    time.sleep(os.urandom(1)[0] / 1000)\n    x = inputs",
    1,
)

# Only where models are trained: the search itself builds each model, too.
DEADLY = """
import os, signal, sys
from keras import Model, Input, layers

GOOD_STARTS = [{"fault": "crash"}]

def build(hp, data):
    fault = hp.Choice("fault", ["none", "crash"])
    if fault == "crash" and "automl_sem.workers.process" in sys.modules:
        if "automl_sem.workers.processes" not in sys.modules:
            os.kill(os.getpid(), signal.SIGSEGV)
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))
"""


@pytest.fixture
def find(tmp_path, stripes_npz, tiny_space):
    def run(name="run", **options):
        options = {"space": str(tiny_space), "trials": 6, "folds": 3, "workers": 2, **options}
        return search(str(stripes_npz), out=tmp_path / name, say=lambda _: None, **options)

    return run


def scores(run):
    return [(t.state, t.fold_scores, dict(t.hyperparameters)) for t in run.results.trials]


def test_a_reproducible_search_with_workers_gives_the_same_study(find, tiny_space):
    tiny_space.write_text(SLEEPY)
    first, second = (find(name, deterministic=True, trials=8) for name in "ab")
    assert scores(first) == scores(second)
    assert len(scores(first)) == 8
    assert first.results.proposed_by_model > 0
    assert first.results.finished


def test_a_candidate_that_crashes_its_workers_fails_and_the_others_are_scored(find, tmp_path):
    path = tmp_path / "deadly.py"
    path.write_text(DEADLY)
    run = find(space=str(path), trials=2, epochs=1)
    by_fault = {t.hyperparameters["fault"]: t for t in run.results.trials}
    assert by_fault["crash"].state == "failed"
    assert "ended 2 times (killed by SIGSEGV)" in by_fault["crash"].reason
    assert by_fault["none"].state in ("complete", "discarded")
    assert run.best.trial.hyperparameters["fault"] == "none"


def test_a_script_needs_no_main_guard(tmp_path, stripes_npz, tiny_space):
    """A worker must not run the person's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('started')\nfrom automl_sem import search\n"
        f"run = search({str(stripes_npz)!r}, space={str(tiny_space)!r}, trials=2, folds=2,"
        f" workers=2, out={str(tmp_path / 'run')!r})\n"
        "print('trials', len(run.results.trials))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["started", "trials", "2"]


def test_no_worker_outlives_a_killed_search(tmp_path, stripes_npz, tiny_space):
    endless = TINY_SPACE.replace("epochs=3", "epochs=10**9")
    tiny_space.write_text(endless)
    command = [sys.executable, "-m", "automl_sem", "search", str(stripes_npz)]
    command += ["--space", str(tiny_space), "--workers", "2", "--out", str(tmp_path / "run")]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(lambda: _children(driver.pid, past_loading=True)[1:], 120)
        workers = _children(driver.pid, past_loading=True)
        assert len(workers) == 2
        driver.kill()
        driver.wait()
        assert _wait_for(lambda: not any(map(_alive, workers)), 20)
    finally:
        driver.kill()


def test_a_search_whose_worker_is_killed_goes_on(tmp_path, stripes_npz, tiny_space):
    tiny_space.write_text(TINY_SPACE.replace("epochs=3", "epochs=100"))
    command = [sys.executable, "-m", "automl_sem", "search", str(stripes_npz)]
    command += ["--space", str(tiny_space), "--workers", "2", "--out", str(tmp_path / "run")]
    command += ["--trials", "4", "--folds", "3", "--discard", "none"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_for(lambda: list((tmp_path / "run").glob("folds/*/0.npz")), 120)
        os.kill(_children(driver.pid)[0], signal.SIGKILL)
        output, error = driver.communicate(timeout=300)
    finally:
        driver.kill()
    assert driver.returncode == 0, error
    assert "a worker ended, killed by SIGKILL" in error
    assert "4 trials" in output


def _children(pid, past_loading=False):
    """Children, who has worked most first; or those with more work than loading TensorFlow."""
    ticks = os.sysconf("SC_CLK_TCK")
    seconds = {}
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        fields = Path(f"/proc/{child}/stat").read_text().rsplit(") ", 1)[1].split()
        seconds[child] = (int(fields[11]) + int(fields[12])) / ticks
    ordered = sorted(seconds, key=seconds.get, reverse=True)
    return [child for child in ordered if not past_loading or seconds[child] > 8]


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    return condition()
