"""Searches with limits and for other objectives, from the command line to the pick of an export."""

import json

import pytest

from automl_sem import load_run, resume, search
from automl_sem.errors import UserError

QUICK = ("--folds", 2, "--epochs", 1, "--workers", 0)


@pytest.mark.slow
def test_a_search_for_two_objectives_within_a_limit(call, tiny_space, stripes_npz):
    directory = call.directory / "run"
    code, out, err = call(
        *("search", tiny_space, "--data", stripes_npz, "--out", directory, *QUICK),
        *("--trials", 6, "--objective", "accuracy,params", "--max-params", 800, "--json"),
    )
    assert code == 0, err
    found = json.loads(out)
    assert "with several objectives no trial is discarded early" in err
    run = load_run(directory)
    results = run.results
    trained = [t for t in results.trials if t.state == "complete"]
    assert len(trained) == 6  # those beyond the limit count for nothing
    assert all(t.parameters <= 800 for t in trained)
    assert results.infeasible
    assert all(t.parameters > 800 and not t.fold_scores for t in results.infeasible)
    assert not list(directory.glob(f"folds/{results.infeasible[0].number}/*"))
    assert "infeasible: " in err
    assert "weights, --max-params allows 800 weights" in err
    assert set(found["picks"].values()) <= set(found["front"]) | {found["best"]["trial"]}
    fresh = {standing.trial.number for standing in results.finalists}
    assert fresh >= {0, *results.picks.values()}
    study = results.run.read_study()
    assert study.metric_names == ["accuracy", "params"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert 'id="pareto"' in (directory / "report.html").read_text()
    smallest = results.picks["smallest-within-1se"]
    assert run.pick("smallest-within 1se") == smallest
    code, out, _ = call("show", directory)
    assert code == 0
    assert "* " in out
    assert "front     " in out

    # Resume keeps objectives and limits, and asks for further trials that keep them.
    code, out, err = call("resume", directory, "--trials", 7, "--json")
    assert code == 0, err
    longer = load_run(directory).results
    assert sum(t.state == "complete" for t in longer.trials) == 7
    assert len(longer.goals) == 2


@pytest.mark.slow
def test_a_persons_own_function_decides(tmp_path, monkeypatch, tiny_space, stripes_npz):
    monkeypatch.chdir(tmp_path)
    calls = []

    def boldness(y_true, predictions):
        calls.append(len(y_true))
        return float(predictions.max(axis=1).mean())

    run = search(
        tiny_space,
        data=str(stripes_npz),
        objective=boldness,
        direction="max",
        trials=3,
        folds=2,
        epochs=1,
        workers=0,
        say=lambda _: None,
    )
    assert calls.count(30) >= 3 * 2
    best = run.best
    assert best.quoted == pytest.approx(
        sum(f.probabilities.max(axis=1).mean() for f in best.folds.folds) / 2, rel=1e-6
    )
    searched = max((t for t in run.results.trials if t.quoted is not None), key=lambda t: t.quoted)
    assert best.trial.number == searched.number
    with pytest.raises(UserError, match="a function of Python, which no run keeps"):
        resume(run.path, trials=4, say=lambda _: None)
    longer = resume(run.path, trials=4, objective=boldness, say=lambda _: None)
    assert len(longer.results.trials) == 4


def test_what_is_wrong_is_said_before_anything_is_trained(call, tiny_space, stripes_npz):
    for asked, line in (
        (("--objective", "acuracy"), "Did you mean 'accuracy'?"),
        (("--objective", "params"), "alone would be best for a network that knows nothing"),
        (("--max-params", "10"), "keeps the limits: the least found is 275 weights"),
        (("--objective", "mae"), "is for numbers, but the data are classes"),
    ):
        code, _, err = call("search", tiny_space, "--data", stripes_npz, *asked)
        assert code == 2
        assert line in err
    assert not (call.directory / "runs").exists()


def test_a_dry_run_shows_objectives_and_limits(call, tiny_space, stripes_npz):
    code, out, err = call(
        *("search", tiny_space, "--data", stripes_npz, "--dry-run", "--max-size-mb", 0.01),
        *("--objective", "auc,params", "--max-params", "50k"),
    )
    assert code == 0, err
    assert "objective AUC (higher is better), weights (lower is better)" in out
    assert "limits    at most 50,000 weights, at most 0.0100 MB" in out
    assert "discard rule none" in out


def test_one_way_to_choose_a_trial_at_a_time(call):
    code, _, err = call("export", "--best", "--pick", "knee")
    assert code == 2
    assert "--best, --trial and --pick exclude each other" in err
