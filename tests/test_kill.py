"""Nothing is lost: kill -9 at random moments, resume, and get the undisturbed study."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automl_sem.api import load_run, resume, search

KILLS = 2
TRIALS, FOLDS = 6, 4

SPACE = """
from keras import Model, Input, layers
from automl_sem import Recipe

def build(hp, data):
    x = inputs = Input(data.input_shape)
    for _ in range(hp.Int("depth", 1, 3)):
        x = layers.Conv2D(hp.Choice("filters", [4, 8]), 3, padding="same", activation="relu")(x)
    if hp.Boolean("norm"):
        x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(layers.Flatten()(x))
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))

def recipe(hp, data):
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    return Recipe(learning_rate=rate, batch_size=8, epochs=40, augment=hp.Boolean("augment"))
"""


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "automl_sem", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def fold_files(run: Path) -> int:
    return len(list(run.glob("folds/*/*.npz")))


def plant_debris(run: Path) -> None:
    """What a crash may leave: a torn line, Optuna's own lock, our locks, a temporary file."""
    journal = run / "study.journal"
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"torn')
    with contextlib.suppress(FileExistsError):
        os.symlink(journal, run / "study.journal.lock")
    (run / "study.lock").write_text("stale")
    last = max(run.glob("folds/*"), key=lambda folder: int(folder.name))
    (last / f".{FOLDS - 1}.npz.tmp").write_bytes(b"half")


def kill_after_a_fold(process: subprocess.Popen[bytes], run: Path, rng: random.Random) -> bool:
    """Kill at a random moment one to three folds on; False if the search ended first."""
    wanted = fold_files(run) + rng.randint(1, 3)
    while fold_files(run) < wanted:
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    time.sleep(rng.uniform(0.0, 0.6))
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def outcome(run: Path) -> dict[int, object]:
    loaded = load_run(run)
    return {
        trial.number: (
            trial.state,
            trial.proposed_by,
            dict(trial.hyperparameters),
            trial.recipe,
            trial.fold_scores,
            trial.fold_shares,
            {f: r.probabilities.tobytes() for f, r in folds.items()},
        )
        for trial in loaded.results.trials
        for folds in [loaded.directory.read_folds(trial.number)]
    }


@pytest.mark.slow
def test_a_search_killed_again_and_again_equals_an_undisturbed_one(tmp_path, stripes_npz, capsys):
    space = tmp_path / "space.py"
    space.write_text(SPACE)
    search = ["search", stripes_npz, "--space", space, "--trials", TRIALS, "--folds", FOLDS]
    search += ["--workers", 2, "--deterministic", "--discard", "paired"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = start(*search, "--out", whole)
    rng = random.Random(0)

    process = start(*search, "--out", killed)
    kills, moments = 0, []
    while kills < KILLS:
        assert kill_after_a_fold(process, killed, rng), (
            f"the search ended after {kills} kills:\n{process.stderr.read().decode()}"
        )
        kills += 1
        moments.append(fold_files(killed))
        if kills == KILLS // 2:
            plant_debris(killed)
        process = start("resume", killed)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error.decode()
    assert undisturbed.wait(timeout=300) == 0

    assert moments[-1] < TRIALS * FOLDS, "a kill came after the search had ended"
    assert len(set(moments)) == len(moments), "a kill came before a fold was finished"
    assert outcome(killed) == outcome(whole)
    ours, theirs = load_run(killed).results, load_run(whole).results
    assert ours.best.score == theirs.best.score
    assert ours.verdict == theirs.verdict
    with capsys.disabled():
        print(f"\n  {kills} kills after {moments} of {TRIALS * FOLDS} fold fits: identical study")


@pytest.mark.slow
def test_an_extension_killed_in_its_first_trial_goes_on(tmp_path, stripes_npz):
    space, run = tmp_path / "space.py", tmp_path / "run"
    space.write_text(SPACE)
    options = {"space": str(space), "trials": 1, "folds": FOLDS, "workers": 0, "discard": "none"}
    search(str(stripes_npz), out=run, say=lambda _: None, **options)
    process = start("resume", run, "--trials", 3)
    while fold_files(run) < FOLDS + 1:
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    results = resume(run, say=lambda _: None).results
    assert [t.state for t in results.trials] == ["complete"] * 3
    assert results.finished


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_with_how_to_go_on(tmp_path, stripes_npz, call):
    space = tmp_path / "space.py"
    space.write_text(SPACE)
    run = tmp_path / "run"
    process = start("search", stripes_npz, "--space", space, "--trials", 50, "--out", run)
    while fold_files(run) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    code, _, error = call("resume", run)
    assert code == 2
    assert f"in use by another process (pid {process.pid})" in error
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert error.splitlines()[-1].startswith("next: automl-sem resume")
    assert "Traceback" not in error
    assert fold_files(run) >= 3


@pytest.mark.slow
def test_a_full_disk_stops_with_one_line_and_with_space_again_it_goes_on(tmp_path, stripes_npz):
    """On a real file system of a fixed size."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options: str) -> int:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    if mount("-o", "size=160k"):
        pytest.skip("mounting a small file system is not allowed here")
    try:
        space = tmp_path / "space.py"
        space.write_text(SPACE.replace("epochs=40", "epochs=2"))
        run = disk / "run"
        search = ["search", stripes_npz, "--space", space, "--trials", 12, "--out", run]
        process = start(*search, "--discard", "none", "--workers", 0)
        error = process.communicate(timeout=300)[1].decode()
        assert process.returncode == 2, error
        assert "No space left on device" in error.splitlines()[-1]
        assert "Traceback" not in error
        kept = fold_files(run)
        assert kept > 0
        assert mount("-o", "remount,size=64m") == 0
        process = start("resume", run)
        error = process.communicate(timeout=300)[1].decode()
        assert process.returncode == 0, error
        assert fold_files(run) == 12 * 5
    finally:
        subprocess.run(["umount", str(disk)], check=False)
