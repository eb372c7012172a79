"""`Search` from Python: spaces that are functions, callbacks, the study, KerasTuner's names."""

import io
import json
import logging
import re
import subprocess
import sys
from types import SimpleNamespace

import keras_tuner
import numpy as np
import optuna
import pytest
from conftest import REPOSITORY, make_stripes
from keras import Input, Model, Sequential, layers

from automl_sem import Recipe, Search, SearchCallback, UserError, resume, search
from automl_sem.api.callbacks import Callbacks, as_callback
from automl_sem.data import Dataset
from automl_sem.data.dataset import HeldOutPart
from automl_sem.goals import Goal, Measured
from automl_sem.run import RunDirectory
from automl_sem.search_loop import Listener
from automl_sem.spaces.functions import space_from_python
from automl_sem.types import Candidate, DataInfo, Outcome

ACTIVATION = "relu"  # a global that `build` refers to
INFO = DataInfo(kind="images", input_shape=(8, 8, 1), classes=3, n_train=30)


def dense(units):
    return layers.Dense(units, activation=ACTIVATION)


def build(hp, data):
    """A small network for stripes."""
    x = inputs = Input(data.input_shape)
    x = dense(hp.Int("units", 4, 16))(layers.Flatten()(x))
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    return Recipe(learning_rate=hp.Choice("rate", [0.01, 0.1]), batch_size=8, epochs=1)


STRIPES = Dataset(
    "stripes",
    "stripes",
    make_stripes(30),
    HeldOutPart(x=np.empty((0, 8, 8, 1)), y=np.empty(0), names=()),
)


class SmallHyperModel(keras_tuner.HyperModel):
    def __init__(self, classes=3):
        super().__init__()
        self.classes = classes

    def build(self, hp):
        units = hp.Int("units", 4, 16)
        end = layers.Dense(self.classes, activation="softmax")
        return Sequential([Input((8, 8, 1)), layers.Flatten(), dense(units), end])


def build_here():
    """A space whose function has a closure, as in a notebook."""
    wide = 12

    def small(hp):
        end = layers.Dense(3, activation="softmax")
        return Sequential([Input((8, 8, 1)), layers.Flatten(), dense(wide), end])

    return small


@pytest.mark.parametrize("doc", [r"Reads C:\users.", 'Says "no"', "Ends with \\", '"""'])
def test_the_docstring_of_a_function_may_be_any(doc):
    def small(hp):
        return None

    small.__doc__ = doc
    assert space_from_python(small).doc == doc


def units_of(space):
    return space.rebuild({"units": 7}, INFO).layers[-2].units


def test_a_function_becomes_a_file_that_holds_all_it_refers_to(tmp_path, monkeypatch):
    space = space_from_python(build, recipe)
    assert units_of(space) == 7
    assert space.recipe_of({"units": 7, "rate": 0.1}, INFO).learning_rate == 0.1
    assert space.doc == "A small network for stripes."
    assert "# def build(hp, data):" in space.source
    assert not space.path.exists()
    (tmp_path / "space.py").write_text(space.source)
    # as in a worker, where this module does not exist
    monkeypatch.delitem(sys.modules, __name__)
    from automl_sem.spaces.load import load_space

    assert units_of(load_space(tmp_path / "space.py")) == 7


def test_hypermodels_classes_closures_and_objects_are_spaces():
    for given in (SmallHyperModel(3), SmallHyperModel):
        space = space_from_python(given)
        assert units_of(space) == 7
        assert space.name == "SmallHyperModel"
    assert space_from_python(build_here()).rebuild({}, INFO).layers[-2].units == 12
    given = SimpleNamespace(build=build, BASELINE={"units": 9}, KIND="images")
    assert space_from_python(given).baseline == {"units": 9}


def test_a_function_of_a_module_is_that_file(tmp_path, monkeypatch):
    file = tmp_path / "my_own_space.py"
    file.write_text("KIND = 'images'\n\ndef build(hp):\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    import my_own_space

    for given in (my_own_space.build, my_own_space):
        space = space_from_python(given)
        assert (space.path, space.kind) == (file, "images")


def test_what_cannot_be_copied_or_is_too_large_is_refused_in_one_line():
    file, examples = sys.stdout, bytes(33 * 2**20)

    def refers(hp):
        return file

    def holds(hp):
        return examples

    with pytest.raises(UserError, match="it refers to what cannot be copied to the run"):
        space_from_python(refers)
    with pytest.raises(UserError, match="it refers to 33 MB of other objects"):
        space_from_python(holds)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": 3}, "space: a int is no space"),
        ({"data": [1]}, "data: a list is no data"),
        ({"target": (1, 2), "data": (1, 2)}, "data is given twice"),
        ({"space": "shapes", "recipe": recipe}, "recipe: recipe goes with a function build"),
        ({"space": "shapes", "fold": 3}, "--fold: there is no such option. Did you mean 'folds'?"),
        ({"data": STRIPES, "task": "regression"}, "task does not go with a Dataset"),
        ({"data": (1, 2), "size": 3}, "size does not go with arrays"),
        ({"space": SmallHyperModel, "data": (1, 2, 3, 4, 5)}, "5 arrays are no dataset"),
    ],
)
def test_what_is_wrong_is_said_when_the_search_is_made(arguments, message):
    with pytest.raises(UserError) as error:
        Search(**arguments)
    assert message in str(error.value)


def test_python_reads_a_file_only_where_it_is_told_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOML_SEM_SEED", "9")
    (tmp_path / "automl-sem.toml").write_text('data = "digits"\nfolds = 7\nseed = 3\n')
    assert "5 folds each" in "\n".join(Search("shapes").plan())
    part = make_stripes(30)
    filed = Search("shapes", (part.x, part.y), config="automl-sem.toml")
    assert "7 folds each" in "\n".join(filed.plan())
    assert filed._asked().checked.seed == 3


class Recorder(SearchCallback):
    def __init__(self):
        self.events = []

    def on_search_begin(self, logs=None):
        self.events.append(("begin",))

    def on_search_end(self, logs=None):
        self.events.append(("end",))

    def on_trial_begin(self, trial, logs=None):
        self.events.append(("trial", trial, logs["proposed_by"]))

    def on_fold_end(self, trial, fold, logs=None):
        self.events.append(("fold", trial, fold))

    def on_trial_end(self, trial, logs=None):
        self.events.append(("done", trial, logs["status"]))


class Failing(SearchCallback):
    def on_trial_begin(self, trial, logs=None):
        raise ValueError("mine")


class Keeping(SearchCallback):
    def __init__(self, kept):
        self.kept = kept

    def on_trial_end(self, trial, logs=None):
        self.kept.update(logs)


class Noting:
    """A listener that remembers what it was told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))


CANDIDATE = Candidate(0, {"units": 4}, Recipe(), 10, "baseline")


def callbacks_of(*callbacks):
    run = SimpleNamespace(directory=SimpleNamespace(log=lambda line: None))
    return Callbacks(callbacks, run, listener := Noting()), listener


def test_a_listener_with_callbacks_hands_on_every_event():
    events = [name for name in dir(Listener) if not name.startswith("_")]
    assert all(name in vars(Callbacks) for name in events)
    told, listener = callbacks_of()
    told.note("a")
    told.planned(3, 2)
    told.trial_started(CANDIDATE, 0)
    told.trial_done(CANDIDATE, Outcome("failed", "x"))
    names = [name for name, *_ in listener.told]
    assert names == ["note", "planned", "trial_started", "trial_done"]


def test_a_callback_that_fails_is_left_out_and_said_and_the_others_go_on():
    recorder = Recorder()
    told, listener = callbacks_of(Failing(), recorder)
    for _ in range(2):
        told.trial_started(CANDIDATE, 0)
    assert [event[0] for event in recorder.events] == ["trial", "trial"]
    notes = [line for name, line, *_ in listener.told if name == "note"]
    assert notes == ["callback Failing failed in on_trial_begin and is left out: ValueError: mine"]


def test_what_is_no_callback_is_refused_before_anything_is_written(tmp_path):
    for wrong in (3, Recorder):
        with pytest.raises(UserError, match=r"a callback is an automl_sem.SearchCallback or"):
            as_callback(wrong)
    for wrong in ([3], Recorder()):
        with pytest.raises(UserError, match="callbacks: "):
            search("shapes", out=tmp_path / "run", callbacks=wrong)
    assert not list(tmp_path.iterdir())


def test_a_trial_ends_with_its_score_by_the_names_of_records():
    logs = {}
    words = SimpleNamespace(share_name="r2")
    score = SimpleNamespace(
        objective=0.25,
        share=0.75,
        folds=[SimpleNamespace(objective=0.25, seconds=2.0)],
        measured=[Measured(Goal("median_absolute_error", "median error"), 3.0)],
    )
    told, _ = callbacks_of(Keeping(logs))
    told._search.run.directory.manifest = SimpleNamespace(words=words)
    told.trial_done(CANDIDATE, Outcome("scored", score=score))
    assert logs == {
        "status": "scored", "reason": "", "objective": 0.25, "fold_objectives": [0.25],
        "r2": 0.75, "median_absolute_error": 3.0, "seconds": 2.0,
    }  # fmt: skip


def test_a_callback_that_fails_at_once_costs_no_search():
    class Late(SearchCallback):
        def set_search(self, search):
            raise ValueError("mine")

    recorder = Recorder()
    told, listener = callbacks_of(Late(), recorder)
    told.trial_started(CANDIDATE, 0)
    assert recorder.events == [("trial", 0, "baseline")]
    assert "failed in set_search" in listener.told[0][1]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A search of a function on arrays in this process, with callbacks of both kinds."""
    folder = tmp_path_factory.mktemp("found")
    part, test = make_stripes(30), make_stripes(6, seed=1)
    recorder, trials = Recorder(), []

    def optuna_style(study, trial):
        trials.append((trial.number, trial.value))
        if len(trials) == 2:
            study.stop()

    run = Search(
        build, (part.x, part.y, test.x, test.y), recipe=recipe, folds=2, workers=0,
        discard="none", out=folder / "run",
    ).run(trials=20, callbacks=[recorder, Failing(), optuna_style], say=lambda _: None)  # fmt: skip
    return run, recorder, trials


@pytest.mark.slow
def test_callbacks_see_each_trial_and_fold_and_may_stop_the_search(found):
    run, recorder, trials = found
    events = [e for e in recorder.events if e[0] != "fold" or e[1] == 0]
    assert events == [
        ("begin",), ("trial", 0, "baseline"), ("fold", 0, 0), ("fold", 0, 1), ("done", 0, "scored"),
        ("trial", 1, "start-up"), ("done", 1, "scored"), ("end",),
    ]  # fmt: skip
    assert trials == [(t.number, t.objective) for t in run.results.trials]
    assert run.results.finished
    assert run.verdict is not None
    log = (run.path / "run.log").read_text()
    assert "Failing failed in on_trial_begin" in log
    assert "ValueError: mine" in log


@pytest.mark.slow
def test_a_search_stopped_by_a_callback_goes_on_when_asked(found, tmp_path):
    import shutil

    shutil.copytree(found[0].path, tmp_path / "run")
    recorder = Recorder()
    again = resume(tmp_path / "run", trials=3, callbacks=[recorder], say=lambda _: None)
    assert [e for e in recorder.events if e[0] == "done"] == [("done", 2, "scored")]
    assert len(again.results.trials) == 3


@pytest.mark.slow
def test_the_study_is_one_of_optuna_and_read_only(found):
    run = found[0]
    study = run.study
    assert isinstance(study, optuna.Study)
    assert len(study.trials_dataframe()) == 2
    assert study.best_trial.user_attrs["score"]["fold_scores"]
    before = (run.path / "study.journal").read_bytes()
    with pytest.raises(UserError, match="opened to be read only"):
        study.optimize(lambda trial: 1.0, n_trials=1)
    assert (run.path / "study.journal").read_bytes() == before


@pytest.mark.slow
def test_the_dashboard_shows_the_study(found):
    import optuna_dashboard as dashboard

    run = found[0]
    page = dashboard.wsgi(run.storage)

    def get(path):
        status = []
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "x", "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
        }  # fmt: skip
        body = b"".join(page(environ, lambda code, *_: status.append(code)))
        assert status[0].startswith("200"), body
        return json.loads(body)

    logging.getLogger("optuna").setLevel(logging.ERROR)
    (study,) = get("/api/studies")["study_summaries"]
    assert study["study_name"] == "automl-sem"
    shown = get(f"/api/studies/{study['study_id']}")
    assert [trial["state"] for trial in shown["trials"]] == ["Complete", "Complete"]
    assert {p["name"] for p in shown["trials"][0]["params"]} == {"units", "rate"}


@pytest.mark.slow
def test_the_journal_itself_is_what_the_dashboard_reads(found):
    """The command of the docs: `optuna-dashboard RUN/study.journal`."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    before = {p: p.stat().st_mtime_ns for p in found[0].path.rglob("*") if p.is_file()}
    storage = JournalStorage(JournalFileBackend(str(found[0].path / "study.journal")))
    assert len(optuna.load_study(study_name=None, storage=storage).trials) == 2
    assert {p: p.stat().st_mtime_ns for p in found[0].path.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_results_by_the_names_of_keras_tuner(found, capsys):
    run = found[0]
    results = run.tuner_results()
    best, other = results.get_best_hyperparameters(5)
    assert isinstance(best, keras_tuner.HyperParameters)
    assert best.get("units") == run.best.trial.hyperparameters["units"]
    assert build(best, INFO).count_params() == run.best.trial.parameters
    assert {hp.name for hp in best.space} == {"units", "rate"}
    assert other.get("units") != best.get("units") or other.get("rate") != best.get("rate")
    model = results.get_best_models()[0]
    stripes = make_stripes(6, seed=1).x
    assert model.predict(stripes, verbose=0).sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    again = results.get_best_models()[0]
    np.testing.assert_array_equal(again.predict(stripes), model.predict(stripes))
    assert run.directory.test_looks() == 0
    capsys.readouterr()
    results.results_summary(1)
    out = capsys.readouterr().out
    assert "Showing 1 best trials" in out
    assert f"Trial {run.best.trial.number} summary\nHyperparameters:\nunits: " in out
    assert 'Objective(name="log_loss", direction="min")' in out
    assert f"Score: {run.study.trials[run.best.trial.number].value}\n" in out


@pytest.mark.slow
def test_a_dataset_in_memory_is_searched_and_kept(tmp_path):
    test = make_stripes(6, seed=1)
    part = HeldOutPart(x=test.x, y=test.y, names=test.names)
    data = Dataset("stripes", "stripes", make_stripes(30), part)
    options = {"folds": 2, "epochs": 1, "workers": 0, "say": lambda _: None}
    run = search(SmallHyperModel(), data=data, trials=1, out=tmp_path / "run", **options)
    assert run.results.finished
    assert run.directory.manifest.data["in_run"]
    again = resume(run.path, trials=2, say=lambda _: None)
    assert len(again.results.trials) == 2
    with pytest.raises(UserError, match="image_size does not go with a Dataset"):
        search(SmallHyperModel, data=data, image_size=16)


def script_of_the_docs():
    """Return the script of the docs, made small; it fails where it is run twice."""
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    options = 'folds=2, workers=1, discard="none", stress="none", out="run"'
    code = code.replace("folds=3, epochs=20", f"{options}, epochs=1").replace(
        "trials=50", "trials=1"
    )
    code = code.replace('"digits"', '"shapes"')
    return f"from pathlib import Path\n\nassert not Path('run').exists()\n{code}"


@pytest.mark.slow
def test_a_script_that_defines_its_space_is_searched_by_workers_and_resumed_without_it(
    cli,
):
    script = cli.directory / "script.py"
    script.write_text(script_of_the_docs())
    done = subprocess.run(
        [sys.executable, script], cwd=cli.directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Trial 0 summary" in done.stdout
    script.unlink()
    run = resume(cli.directory / "run", trials=2, workers=0, say=lambda _: None)
    assert [t.state for t in run.results.trials] == ["complete", "complete"]
    kept = (run.path / "space.py").read_text()
    assert "# def build(hp, data):" in kept
    assert RunDirectory(run.path).manifest.space["origin"].endswith("script.py:script")
