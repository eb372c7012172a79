"""What a comparison reads from both sides."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from automl_sem import search

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

pytestmark = pytest.mark.slow


@pytest.fixture
def sides(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import sides

    return sides


def test_our_trials_are_read_with_all_their_fold_scores(sides, tiny_space, stripes_npz, tmp_path):
    options = {"trials": 2, "folds": 2, "epochs": 1, "workers": 0, "discard": "none"}
    quiet = {"out": tmp_path / "run", "say": lambda _: None}
    run = search(str(stripes_npz), space=str(tiny_space), **options, **quiet)
    first_fit, trials = sides.read_run(run.path)
    for trial, ours in zip(trials, run.results.trials, strict=True):
        assert trial.complete
        assert list(trial.log_losses) == list(ours.fold_scores)
        assert len(trial.accuracies) == 2
        assert trial.log_loss == pytest.approx(ours.log_loss)
        assert trial.ended > first_fit


def test_kerastuner_draws_the_same_candidates_whatever_the_seed_of_the_folds(sides, tmp_path):
    data = sides.write_digits(tmp_path / "digits.npz")
    drawn = []
    for seed in ("0", "1"):
        out = tmp_path / f"{seed}.json"
        command = [sys.executable, str(BENCHMARKS / "kerastuner_loop.py"), str(data), str(out)]
        subprocess.run([*command, "--trials", "3", "--draw", "--seed", seed], check=True)
        drawn.append([trial["values"] for trial in json.loads(out.read_text())["trials"]])
    assert drawn[0] == drawn[1]
    assert len({np.round(values["learning_rate"], 9) for values in drawn[0]}) == 3
