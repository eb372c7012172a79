"""The command line: instant help, one clear line for bad input, exit codes, streams."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from automl_sem import UserError
from automl_sem.augmentation.kinds import kinds_for
from automl_sem.manifest import Manifest
from automl_sem.registry import find_run, register, runs
from automl_sem.run import RunDirectory


def drawings(folder, **counts):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.random.default_rng(i).integers(0, 255, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def test_help_and_bad_words_import_nothing_heavy(tmp_path):
    script = (
        "import sys\n"
        "from automl_sem.cli import main\n"
        "sys.argv = ['automl-sem', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'plotly', 'optuna', 'pandas', 'sklearn', 'scipy'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    for arguments in (
        ["--help"],
        ["search", "--help"],
        ["spaces"],
        ["init", "x"],
        ["search", "shaeps"],
        ["runs"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "HEAVY []", arguments


def test_help_names_every_kind_of_stress_for_series(call):
    _, out, _ = call("search", "--help")
    described = " ".join(out.split()).partition("--stress")[2].partition("--discard")[0]
    missing = [kind for kind in kinds_for("series") if kind not in described]
    assert not missing


def test_help_names_every_command_and_the_first_steps(call):
    code, out, _ = call("--help")
    assert code == 0
    commands = [
        "search",
        "resume",
        "export",
        "predict",
        "data",
        "report",
        "show",
        "runs",
        "init",
        "spaces",
        "doctor",
    ]
    assert all(f"  {name} " in out for name in commands)
    assert "automl-sem search shapes" in out


def test_version(call):
    code, out, _ = call("--version")
    assert (code, out.split()[0]) == (0, "automl-sem")


def test_spaces_lists_spaces_and_datasets_and_what_to_do_next(call):
    code, out, err = call("spaces")
    assert code == 0
    assert "shapes" in out
    assert "digits" in out
    assert err == "next: automl-sem search shapes\n"


def test_runs_without_any_run(call):
    assert call("runs") == (0, "no runs yet\n", "next: automl-sem search shapes\n")


def made_run(path):
    manifest = Manifest(
        created="2026-01-01T00:00:00+00:00", seed=0, folds=3, trials=4, space={}, data={}
    )
    splits = {"search": np.arange(9) % 3, "fresh": np.arange(9) % 3}
    return RunDirectory.create(path, manifest, "", splits)


def test_runs_lists_every_run_and_says_which_is_damaged(call):
    made_run(call.directory / "runs" / "good")
    damaged = made_run(call.directory / "runs" / "bad")
    with damaged.lock():
        study = damaged.open_study()
        study.tell(study.ask(), 1.0)
    (damaged.path / "splits.npz").write_bytes(b"torn")
    code, out, err = call("runs")
    assert code == 0
    states = {line.split()[0]: line.split()[-1] for line in out.splitlines()[1:]}
    assert states == {"runs/good": "unfinished", "runs/bad": "damaged"}
    assert f"{damaged.path}: " in err


def test_the_latest_run_has_a_name(call):
    for name in ("first", "second"):
        register(made_run(call.directory / "runs" / name).path)
    assert find_run("latest").path.name == "second"
    assert [run.path.name for run in runs()] == ["second", "first"]


def test_a_run_put_elsewhere_is_found_from_where_it_was_started(call, tmp_path, monkeypatch):
    path = made_run(tmp_path / "elsewhere").path
    register(path)
    assert find_run(None).path == path
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    with pytest.raises(UserError, match="no run here yet"):
        find_run(None)


@pytest.mark.parametrize("command", ["resume", "export", "report", "show"])
def test_a_run_that_is_not_there(call, command):
    code, out, err = call(command)
    assert (code, out) == (2, "")
    assert "there is no run here yet" in err
    code, out, err = call(command, "nowhere")
    assert (code, out) == (2, "")
    assert "not a run directory" in err


def bad_inputs(tmp):
    """Every kind of bad input: arguments and what the line must say."""
    ok = drawings(tmp / "ok", a=6, b=6)
    empty = tmp / "empty"
    empty.mkdir()
    broken = drawings(tmp / "broken", a=6, b=6)
    (broken / "a" / "zero.png").write_bytes(b"")
    flat = tmp / "flat"
    flat.mkdir()
    Image.new("L", (12, 12)).save(flat / "x.png")
    different = drawings(tmp / "different" / "train", a=6, b=6).parent
    drawings(different / "test", a=2, c=2)
    np.savez(tmp / "keys.npz", a=np.zeros(3), b=np.zeros(3))
    np.savez(tmp / "length.npz", x_train=np.zeros((9, 8, 8), np.uint8), y_train=np.arange(8) % 2)
    nan = np.full((9, 8, 8), np.nan)
    np.savez(tmp / "nan.npz", x_train=nan, y_train=np.arange(9) % 2)
    (tmp / "syntax.py").write_text("def build(hp, data)\n    return 1\n")
    (tmp / "nobuild.py").write_text("x = 1\n")
    (tmp / "typo.py").write_text(
        "from keras import layers\nDATA = 'shapes'\n\ndef build(hp, data):\n    layers.Dens(3)\n"
    )
    (tmp / "exits.py").write_text("raise SystemExit(0)\n")
    (tmp / "full").mkdir()
    (tmp / "full" / "file").write_text("mine")
    return {
        "unknown word": (["search", "shaeps"], "Did you mean 'shapes'?"),
        "nothing": (["search"], "nothing to search"),
        "missing folder": (["search", tmp / "nowhere"], "nowhere"),
        "unknown dataset": (["search", "shapes", "--data", "digitz"], "Did you mean 'digits'?"),
        "unknown space": (["search", ok, "--space", "shape"], "Did you mean 'shapes'?"),
        "two datasets": (["search", ok, "--data", "shapes"], "two datasets are named"),
        "empty folder": (["search", empty], "empty"),
        "images not in class folders": (["search", flat], "flat"),
        "one class": (["search", drawings(tmp / "one", a=6)], "one class"),
        "single example": (["search", drawings(tmp / "single", a=6, b=1)], "'b'"),
        "zero bytes": (["search", broken], "zero.png"),
        "other classes in test": (["search", different], "c"),
        "wrong keys": (["search", tmp / "keys.npz"], "a, b"),
        "wrong lengths": (["search", tmp / "length.npz"], "9"),
        "NaN": (["search", tmp / "nan.npz"], "NaN"),
        "syntax error": (["search", tmp / "syntax.py"], "syntax.py:1"),
        "typo in build": (["search", tmp / "typo.py"], "typo.py:5: BASELINE cannot be built"),
        "space that exits": (["search", tmp / "exits.py"], "exits.py:1: the space does not run"),
        "single image": (["search", ok / "a" / "0.png"], "Give the folder"),
        "no build": (["search", tmp / "nobuild.py"], "has no function build"),
        "full directory": (["search", "shapes", "--out", tmp / "full"], "not empty"),
        "folds": (
            ["search", "shapes", "--folds", "1"],
            "--folds: it must be at least 2. Received: 1",
        ),
        "trials": (["search", "shapes", "--trials", "0"], "--trials"),
        "workers": (["search", "shapes", "--workers", "many"], "--workers: it takes auto or a"),
        "negative workers": (["search", "shapes", "--workers", "-1"], "--workers"),
        "gpus": (["search", "shapes", "--gpus", "3"], "no GPU is visible"),
        "discard rule": (["search", "shapes", "--discard", "forgving"], "Did you mean 'forgiving'"),
        "stress": (["search", "shapes", "--stress", "rotat"], "Did you mean 'rotate'?"),
        "wilcoxon": (["search", "shapes", "--discard", "wilcoxon"], "at least 8 folds"),
        "engine": (["search", "shapes", "--engine", "optna"], "Did you mean 'optuna'"),
        "other engine": (["search", "shapes", "--oracle", "grid"], "Pass --engine keras-tuner"),
        "endless grid": (
            ["search", "shapes", "--engine", "keras-tuner", "--oracle", "grid"],
            "such a grid has no end",
        ),
        "time": (["search", "shapes", "--time", "soon"], "--time"),
        "size of what has no size": (["search", ok, "--size", "9"], "size"),
    }


BAD_INPUTS = (
    "typo in build", "space that exits", "single image",
    "two datasets", "unknown word", "nothing", "missing folder", "unknown dataset", "unknown space",
    "empty folder", "images not in class folders", "one class", "single example", "zero bytes",
    "other classes in test", "wrong keys", "wrong lengths", "NaN", "syntax error", "no build",
    "full directory", "folds", "trials", "time", "size of what has no size",
    "workers", "negative workers", "gpus", "discard rule", "wilcoxon", "stress",
    "engine", "other engine", "endless grid",
)  # fmt: skip


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_bad_input_gets_one_clear_line_and_nothing_is_written(call, tmp_path, kind):
    inputs = bad_inputs(tmp_path)
    assert set(inputs) == set(BAD_INPUTS)
    arguments, expected = inputs[kind]
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert expected in err
    assert "Traceback" not in err
    assert os.listdir(call.directory) == []


@pytest.mark.parametrize(
    ("stress", "message"),
    [
        ('{"rotate": "180"}', "the strength of rotate is no number: '180'"),
        ('{"rotate": True}', "the strength of rotate is no number: True"),
        ("{45: 45}", "no stress is called 45. Known: aspect"),
    ],
)
def test_a_wrong_stress_in_a_space_is_one_line_with_its_file(
    call, tiny_space, stripes_npz, stress, message
):
    tiny_space.write_text(f"{tiny_space.read_text()}\nSTRESS = {stress}\n")
    code, _, err = call("search", stripes_npz, "--space", tiny_space, "--dry-run")
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: STRESS in {tiny_space}: {message}")
    assert "Traceback" not in err


def test_a_dry_run_says_what_would_be_searched_and_writes_nothing(call):
    code, out, err = call("search", "shapes", "--trials", "8", "--folds", "99", "--dry-run")
    assert (code, err) == (0, "")
    assert "8 trials, 15 folds each; discard rule forgiving" in out
    assert "engine    optuna, sampler tpe\n" in out
    assert "45 to train, 15 held out for the test, 3 classes, 24x24x1" in out
    assert "15 folds instead of 99" in out
    assert "objective mean of the log-loss with and without stress (lower is better)\n" in out
    assert "after     the best trial and the baseline once more, on fresh folds\n" in out
    assert os.listdir(call.directory) == []


def test_a_dry_run_says_what_the_check_of_a_stress_trains(call):
    out = call("search", "shapes", "--trials", 1, "--stress", "rotate,noise", "--dry-run")[1]
    assert "search    1 trial, 5 folds each" in out
    assert "then the best with or without training for rotate, noise: do labels survive" in out


def test_an_unknown_option_is_wrong_use(call):
    code, out, err = call("search", "shapes", "--trails", "3")
    assert (code, out) == (2, "")
    assert "--trials" in err


def test_best_and_trial_exclude_each_other(call):
    assert "exclude each other" in call("export", "--best", "--trial", "3")[2]


def test_another_keras_backend_is_a_clear_error(cli):
    done = cli("search", "shapes", env={"KERAS_BACKEND": "jax"})
    assert done.returncode == 2
    assert "KERAS_BACKEND is 'jax'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(cli.directory.iterdir()) == []


def test_a_read_only_directory_is_one_clear_line(cli, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    done = cli("search", "shapes", "--out", locked / "run")
    assert done.returncode == 2
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_system_that_refuses_is_one_clear_line(cli):
    done = cli("search", "shapes", "--out", "/proc/run")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: /proc/")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_doctor_trains_an_epoch(cli):
    done = cli("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["healthy"]
    assert "one epoch in" in found["training"]
    assert found["versions"]["keras"].startswith("3.")
