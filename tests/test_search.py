"""A whole search from Python: what it finds, what it records, what it refuses."""

import json
import shutil

import numpy as np
import pytest
from conftest import TINY_SPACE, make_stripes

from automl_sem import NegativeResult, UserError, load_run, resume, search
from automl_sem.failures import Diverged
from automl_sem.fresh import fresh_seed
from automl_sem.run import RunDirectory
from automl_sem.scoring.trainer import FoldTrainer
from automl_sem.seeds import derive_seed

pytestmark = pytest.mark.slow


@pytest.fixture
def quiet():
    """Collect the lines for people instead of printing them."""
    lines = []
    return lines, {"say": lines.append}


@pytest.fixture
def find(tmp_path, tiny_space, stripes_npz, quiet):
    """Search the tiny space on the stripes."""

    def run(name="run", **options):
        defaults = {"trials": 4, "folds": 3, "space": str(tiny_space), **quiet[1]}
        options = {**defaults, "workers": 0, "discard": "none", **options}
        return search(options.pop("data", str(stripes_npz)), out=tmp_path / name, **options)

    return run


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search of seven trials, to be looked at alone, and the lines that it said."""
    folder, lines = tmp_path_factory.mktemp("searched"), []
    (folder / "tiny.py").write_text(TINY_SPACE)
    train, test = make_stripes(60), make_stripes(15, seed=1)
    arrays = {"x_train": train.x, "y_train": train.y, "x_test": test.x, "y_test": test.y}
    np.savez(folder / "stripes.npz", **arrays)
    run = search(
        str(folder / "stripes.npz"), space=str(folder / "tiny.py"), trials=7, folds=3, workers=0,
        discard="none", out=folder / "run", say=lines.append,
    )  # fmt: skip
    return run, lines


@pytest.fixture
def copied(tmp_path, searched):
    """A copy of it, to do anything with."""
    return load_run(shutil.copytree(searched[0].path, tmp_path / "copied"))


def record(run):
    """Everything that a search decided and measured, without times."""
    frame = run.trials_dataframe().drop(columns="seconds")
    folds = {
        (t.number, fold): result.probabilities.tobytes()
        for t in run.results.trials
        for fold, result in run.directory.read_folds(t.number).items()
    }
    return frame.to_csv(), folds


def test_a_search_gives_a_run_to_look_at(searched):
    run, lines = searched
    results = run.results
    assert results.finished
    assert [t.proposed_by for t in results.trials][:2] == ["baseline", "start-up"]
    assert results.proposed_by_model == 2
    assert len(run.trials_dataframe()) == 7
    assert run.best.trial.objective == min(t.objective for t in results.trials)
    assert run.best.scored_on == "fresh folds"
    assert run.baseline.trial.number == 0
    assert (run.path / "report.html").stat().st_size > 100_000
    assert sum(line.startswith("trial ") for line in lines) >= 7
    assert load_run(run.path).best.trial.number == run.best.trial.number


def test_scores_can_be_recomputed_from_the_saved_predictions(searched, stripes):
    run = searched[0]
    for trial in run.results.trials:
        folds = run.directory.read_folds(trial.number)
        assert sorted(np.concatenate([f.indices for f in folds.values()])) == list(range(60))
        for fold, result in folds.items():
            p = result.probabilities[np.arange(len(result.indices)), stripes.y[result.indices]]
            assert trial.fold_scores[fold] == pytest.approx(-np.log(p).mean(), rel=1e-5)
        assert trial.objective == pytest.approx(np.mean(trial.fold_scores))


def test_json_for_scripts(searched):
    run = searched[0]
    value = json.loads(json.dumps(run.results.to_json(), allow_nan=False))
    assert value["schema_version"] == 1
    assert value["objective"] == {"name": "log_loss", "direction": "minimize"}
    assert value["run"] == str(run.path)
    assert value["trials"] == 7
    finalists = {value["best"]["trial"], 0}
    assert value["fold_fits"] == 7 * 3 + len(finalists) * 3
    assert value["wall_s"] > 0
    for standing in (value["best"], value["baseline"]):
        interval = standing["interval"]
        assert interval["metric"] == "log_loss"
        assert "Nadeau" in interval["method"]
        assert interval["low"] <= standing["score"] <= interval["high"]
        assert 0 <= standing["accuracy"] <= 1
        assert set(standing["hyperparameters"]) == {"units", "dropout", "rate"}
    assert run.directory.read_json("result.json") == value


def test_the_same_seed_gives_the_same_study_and_another_seed_another(find):
    first, second = (find(name, trials=7, epochs=1) for name in "ab")
    third = find("c", trials=2, epochs=1, seed=1)
    assert record(first) == record(second)
    assert first.results.proposed_by_model == 2
    assert record(first) != record(third)


def test_the_test_set_is_never_seen(find, tmp_path, stripes_npz):
    """Other test labels and images, the identical study."""
    with np.load(stripes_npz) as file:
        arrays = dict(file)
    rng = np.random.default_rng(0)
    arrays["y_test"] = rng.permutation(arrays["y_test"])
    arrays["x_test"] = rng.permutation(arrays["x_test"])
    np.savez(tmp_path / "other.npz", **arrays)
    locked = find("a", trials=3)
    assert record(locked) == record(find("b", trials=3, data=str(tmp_path / "other.npz")))
    assert locked.directory.test_looks() == 0


def test_arrays_can_be_searched_and_are_kept_for_resuming(tmp_path, tiny_space, stripes, quiet):
    run = search(
        (stripes.x, stripes.y), space=str(tiny_space), trials=2, folds=2, workers=0,
        out=tmp_path / "run", **quiet[1],
    )  # fmt: skip
    assert run.results.finished
    again = resume(run.path, trials=3, **quiet[1])
    assert len(again.results.trials) == 3


def test_arrays_by_a_built_in_space_with_flags(tmp_path, stripes, quiet):
    run = search(
        (stripes.x, stripes.y), space="shapes", trials=1, folds=2, epochs=1, batch_size=16,
        workers=0, out=tmp_path / "run", **quiet[1],
    )  # fmt: skip
    recipe = run.best.trial.recipe
    assert (recipe.epochs, recipe.batch_size) == (1, 16)
    assert run.verdict.word == "the baseline itself"


def test_a_finished_run_is_not_searched_again(copied, quiet):
    run = copied
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*") if p.is_file()}
    assert resume(run.path, **quiet[1]).results.to_json() == run.results.to_json()
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("*") if p.is_file()} == before


def test_an_extended_run_equals_a_longer_one(find, quiet):
    short = find("short", trials=5, epochs=1)
    extended = resume(short.path, trials=7, **quiet[1])
    assert record(extended) == record(find("long", trials=7, epochs=1))
    assert extended.results.proposed_by_model == 2
    assert extended.results.finished


def test_a_search_under_stress_goes_on_as_if_it_had_never_stopped(find, quiet):
    options = {"epochs": 2, "stress": "shift=0.2", "discard": "forgiving"}
    whole, stopped = find("whole", trials=3, **options), find("stopped", trials=1, **options)
    extended = resume(stopped.path, trials=3, **quiet[1])
    assert record(extended) == record(whole)
    best = whole.best.trial.number
    for stage in ("search", "fresh", "stress/shift-with"):
        ours, theirs = (run.directory.read_folds(best, stage) for run in (extended, whole))
        assert sorted(ours) == sorted(theirs) == [0, 1, 2]
        for fold, result in ours.items():
            assert result.objective == theirs[fold].objective
            np.testing.assert_array_equal(result.stress.true, theirs[fold].stress.true)
    said = "do labels survive the stress? the best trial is trained again, with shift: 3 fold fits"
    assert said in quiet[0]
    assert f"trial {best:>2}  again on fresh folds, with shift" in quiet[0]
    kept = list(whole.path.glob("**/[0-9].npz"))
    assert whole.results.fold_fits == len(kept)
    assert any("stress" in str(path) for path in kept)


def test_more_time_extends_a_finished_run(find, quiet):
    run = resume(find(trials=1).path, time_limit=2, **quiet[1])
    assert len(run.results.trials) > 1


def test_a_time_limit_stops_the_search(find):
    run = find(trials=None, time_limit="3s")
    assert 1 <= len(run.results.trials) < 500
    assert run.results.finished


def test_changed_data_is_refused_with_what_changed(find, stripes_npz, quiet):
    run = find(trials=1)
    with np.load(stripes_npz) as file:
        arrays = dict(file)
    fewer = {**arrays, "x_train": arrays["x_train"][:-3], "y_train": arrays["y_train"][:-3]}
    np.savez(stripes_npz, **fewer)
    with pytest.raises(UserError, match=r"number of training examples changed .*60 then, 57 now"):
        resume(run.path, trials=9, **quiet[1])
    np.savez(stripes_npz, **{**arrays, "x_train": arrays["x_train"] // 2})
    with pytest.raises(UserError, match="the training examples changed since"):
        resume(run.path, trials=9, **quiet[1])
    np.savez(stripes_npz, **arrays)
    assert len(resume(run.path, trials=5, **quiet[1]).results.trials) == 5


def test_a_changed_space_is_refused_with_the_line(find, tiny_space, quiet):
    run = find(trials=1)
    text = tiny_space.read_text()
    tiny_space.write_text(text.replace('"units", 4, 16', '"units", 4, 32'))
    with pytest.raises(UserError, match=r"tiny\.py:14: the space changed"):
        resume(run.path, trials=9, **quiet[1])
    tiny_space.unlink()
    assert len(resume(run.path, trials=5, **quiet[1]).results.trials) == 5


def test_a_run_in_use_is_refused(copied, quiet):
    run = copied
    with run.directory.lock(), pytest.raises(UserError, match="in use by another process"):
        resume(run.path, trials=9, **quiet[1])


FRAGILE = """
import tensorflow as tf
from keras import Model, Input, layers
from automl_sem import Recipe


class Greedy(layers.Layer):
    def call(self, x, training=False):
        if training:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return x


def build(hp, data):
    fault = hp.Choice("fault", ["none", "build", "memory", "loss"])
    if fault == "build":
        raise ValueError("no such layer")
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(x)
    if fault == "loss":
        x = layers.UnitNormalization()(layers.Lambda(lambda x: x / 0.0)(x))
    x = layers.Dense(data.classes, activation="softmax")(x)
    return Model(inputs, Greedy()(x) if fault == "memory" else x)


def recipe(hp, data):
    return Recipe(epochs=2)
"""


def test_a_bad_candidate_ends_with_its_reason_and_the_search_goes_on(find, tmp_path):
    path = tmp_path / "fragile.py"
    path.write_text(FRAGILE)
    run = find(space=str(path), trials=14)
    tried = [t for t in run.results.trials if t.state != "repeated"]
    by_fault = {t.hyperparameters.get("fault"): t for t in tried}
    assert {"none", "build", "memory", "loss"} <= set(by_fault)
    assert by_fault["build"].state == "failed"
    assert by_fault["build"].reason == "ValueError: no such layer"
    assert by_fault["memory"].state == "pruned"
    assert "memory" in by_fault["memory"].reason
    assert by_fault["loss"].state == "pruned"
    assert "loss became" in by_fault["loss"].reason or "not finite" in by_fault["loss"].reason
    assert by_fault["none"].state == "complete"
    study = run.directory.read_study()
    constrained = [t.number for t in study.trials if t.constraints]
    faults = {t.number: t.hyperparameters.get("fault") for t in run.results.trials}
    assert constrained == [number for number, fault in faults.items() if fault == "memory"]
    assert run.best.trial.hyperparameters["fault"] == "none"


def test_a_search_without_a_valid_trial_is_a_negative_result(find, tmp_path):
    path = tmp_path / "hopeless.py"
    path.write_text(FRAGILE.replace('"none", "build", "memory", "loss"', '"memory", "loss"'))
    with pytest.raises(NegativeResult, match="no trial gave a score"):
        find(space=str(path), trials=3)
    run = load_run(tmp_path / "run")
    assert len(run.results.trials) == 3
    with pytest.raises(NegativeResult, match="no trial is complete"):
        _ = run.best


def test_a_number_of_trials_replaces_a_time_limit(find, quiet):
    run = find(trials=None, time_limit="1s")
    ended = len(run.results.trials)
    assert len(resume(run.path, trials=ended + 2, **quiet[1]).results.trials) == ended + 2


def test_fewer_trials_than_there_are_is_said(copied, quiet):
    resume(copied.path, trials=1, **quiet[1])
    assert "the run has 7 trials already; --trials counts all of them" in quiet[0]


def test_a_trial_left_running_is_finished_even_without_time(find, quiet):
    run = find(trials=2, time_limit="100s")
    with run.directory.lock():
        run.directory.open_study().ask()
    session = run.directory.read_json("session.json")
    run.directory.write_json("session.json", {**session, "time_limit_s": 0.1, "finished": False})
    assert [t.state for t in resume(run.path, **quiet[1]).results.trials] == ["complete"] * 3


def test_a_finalist_that_fails_leaves_the_verdict_open_and_the_run_whole(find, monkeypatch):
    original = FoldTrainer.fit

    def fails_on_fresh_folds(self, fold, held_out, limits):
        if self._seed == derive_seed(fresh_seed(0), 0):
            raise Diverged("the training loss became nan")
        return original(self, fold, held_out, limits)

    monkeypatch.setattr(FoldTrainer, "fit", fails_on_fresh_folds)
    run = find(trials=3)
    results = run.results
    assert results.finished
    assert results.verdict is None
    assert "trial 0 could not be trained on the fresh folds" in results.undecided
    assert results.baseline.scored_on == "search folds"
    assert (run.path / "report.html").exists()


def test_a_space_may_import_a_module_beside_it_also_when_resumed(find, tmp_path, quiet):
    (tmp_path / "my_blocks.py").write_text("from keras import layers\nFlat = layers.Flatten\n")
    space = tmp_path / "importing.py"
    space.write_text(
        "from keras import Model, Input, layers\n"
        "def build(hp, data):\n"
        "    import my_blocks\n"
        "    x = inputs = Input(data.input_shape)\n"
        "    x = my_blocks.Flat()(x)\n"
        "    return Model(inputs, layers.Dense(data.classes, activation='softmax')(x))\n"
    )
    run = find(space=str(space), trials=1, epochs=1)
    assert len(resume(run.path, trials=2, **quiet[1]).results.trials) == 2


def test_a_reproducible_search_takes_no_more_workers_when_it_goes_on_and_says_so(find, quiet):
    run = find(trials=1, workers=0)
    resume(run.path, trials=2, workers=3, **quiet[1])
    assert len([line for line in quiet[0] if line.startswith("1 of 3 workers used")]) == 1
    assert run.directory.read_json("session.json")["trials"] == 2


def test_a_changed_copy_of_the_space_is_refused(copied, quiet):
    run = copied
    (run.path / "space.py").write_text((run.path / "space.py").read_text() + "\n# changed\n")
    with pytest.raises(UserError, match="copy of the space was changed"):
        resume(run.path, trials=9, **quiet[1])


def test_missing_fold_results_are_one_clear_line(copied):
    run = copied
    (run.path / "folds" / "0" / "1.npz").unlink()
    (run.path / "fresh" / "0" / "1.npz").unlink()
    with pytest.raises(UserError, match="fold results of trial 0 are missing"):
        _ = run.results


def test_the_smallest_class_gives_the_number_of_folds(find, tmp_path, stripes, quiet):
    keep = np.concatenate([np.flatnonzero(stripes.y == c)[:n] for c, n in enumerate((9, 9, 3))])
    path = tmp_path / "few.npz"
    np.savez(
        path, x_train=stripes.x[keep], y_train=stripes.y[keep],
        x_test=stripes.x[:3], y_test=stripes.y[:3],
    )  # fmt: skip
    run = find(data=str(path), trials=1, folds=5)
    assert run.directory.manifest.folds == 3
    assert any("3 folds" in line for line in quiet[0])


def test_bad_input_leaves_no_run_behind(find, tmp_path):
    with pytest.raises(UserError):
        find(data=str(tmp_path / "nowhere"))
    assert not (tmp_path / "run").exists()


def test_the_run_directory_says_what_was_searched(find):
    run = find(seed=3, trials=1)
    manifest = RunDirectory(run.path).manifest
    assert manifest.seed == 3
    assert (run.path / "space.py").read_text() == TINY_SPACE
    assert manifest.data["train_examples"] == 60
    assert manifest.data["class_names"] == ["0", "1", "2"]
    assert manifest.versions["keras"]
    assert manifest.machine["cores"] >= 1
