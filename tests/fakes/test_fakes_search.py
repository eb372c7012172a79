"""Searches in which classifiers may learn from fakes: `--augment-with`."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import create_trial
from small_forger import CLASSES, STEPS, Perfect, images_of, make_design, make_gan_run, make_part

from automl_sem import resume, search
from automl_sem.augment_with import augment_with, described
from automl_sem.data.dataset import Dataset, HeldOutPart
from automl_sem.errors import UserError
from automl_sem.fakes_check import sentence
from automl_sem.progress import LineListener
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan import fakes as fakes_module
from automl_sem.scoring.gan.fakes import Forgers
from automl_sem.session import Interrupted
from automl_sem.spaces.load import load_space
from automl_sem.types import Candidate, Recipe
from automl_sem.workers.base import FoldTask
from automl_sem.workers.inline import InlinePool
from automl_sem.workers.plan import WorkerPlan
from automl_sem.workers.processes import ProcessPool
from automl_sem.workers.setup import Setup

SPACE = '''"""A small classifier."""

from keras import Input, Model, layers

from automl_sem import Recipe

KIND = "images"
BASELINE = {"units": 4}
GOOD_STARTS = [{"units": 16}]


def build(hp, data):
    inputs = Input(data.input_shape)
    x = layers.Dense(hp.Choice("units", [4, 16]), activation="relu")(layers.Flatten()(inputs))
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    return Recipe(learning_rate=0.01, batch_size=8, steps=20)
'''


def data(n=48, seed=0):
    """Return bars with so much noise that nobody gets all of them right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    noise = rng.normal(0, 60, (n, 8, 8, 1))
    return (images_of(labels, seed) + noise).clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def gan(tmp_path_factory):
    return make_gan_run(tmp_path_factory.mktemp("gan"))


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "small.py"
    path.write_text(SPACE)
    return str(path)


def found(path, space, given=None, **options):
    defaults = {
        "trials": 2, "folds": 2, "workers": 0, "discard": "none", "say": lambda _: None,
    }  # fmt: skip
    given = given or (*data(), *data(12, 1))
    return search(given, space=space, out=path, **{**defaults, **options})


class Impatient(LineListener):
    """Interrupts the check whether fakes help after its first fold."""

    def fresh_fold_done(self, entry, _):
        if entry.variant:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(tmp_path_factory, space, gan):
    """A search that was interrupted while it checked whether fakes help, and resumed."""
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fakes_module, "GanTrainer", Perfect)
        with pytest.raises(Interrupted):
            found(path, space, augment_with=gan, listener=Impatient(lambda _: None))
        assert not (path / "fakes.json").exists()
        assert len(list(path.glob("fakes/*/*/*.npz"))) == 1
        yield resume(path, say=lambda _: None)


@pytest.mark.slow
def test_fakes_are_a_searched_choice_and_the_baseline_has_none(run):
    baseline, other = run.results.trials
    assert (baseline.recipe.fakes, baseline.hyperparameters["fakes"]) == (0.0, 0.0)
    assert other.recipe.fakes == 1.0
    assert len(list(run.path.glob("drawn/*.npz"))) == 4
    kept = run.directory.manifest.augment_with
    assert (kept.recipe["steps"], kept.hyperparameters) == (STEPS, {"width": 8})
    assert any("without" not in n and "learns anew" in n for n in run.directory.manifest.notes)


@pytest.mark.slow
def test_the_baseline_scores_as_in_a_search_without_a_gan(run, tmp_path, space):
    without = found(tmp_path / "run", space, trials=1)
    ours, theirs = (r.directory.read_folds(0) for r in (run, without))
    for fold, result in theirs.items():
        np.testing.assert_array_equal(ours[fold].probabilities, result.probabilities)


@pytest.mark.slow
def test_the_best_trial_goes_on_as_the_rule_says(run):
    results = run.results
    kept, best = results.fakes, results.best
    assert kept.trial == best.trial.number
    original = results.searched(best.trial.number)
    assert kept.searched == original.recipe.fakes
    assert best.trial.recipe == dataclasses.replace(original.recipe, fakes=kept.kept)
    other = run.directory.read_folds(best.trial.number, kept.stage)
    assert best.score == pytest.approx(np.mean([fold.objective for fold in other.values()]))
    assert kept.fakes.objective == pytest.approx(kept.real.objective - kept.gain)
    shown = results.to_json()["fakes"]
    assert shown["kept"] == kept.kept
    assert results.trial(best.trial.number) == best.trial


@pytest.mark.slow
def test_the_report_says_plainly_whether_it_helped_and_shows_some(run, call):
    page = (run.path / "report.html").read_text()
    text = sentence(run.results.fakes)
    assert text.split(":")[0] in page
    section = page[page.index('id="fakes"') :]
    assert section.count('class="sheet"') >= 2 * len(CLASSES)
    told = json.loads((run.path / "report.json").read_text())["sections"]["fakes"]
    assert told["sentence"] == text
    assert told["first_fold"]["kept"] > 0
    code, out, _ = call("show", run.path)
    assert code == 0
    assert f"fakes     {text.removeprefix('Fake images ')}" in out


@pytest.mark.slow
def test_an_export_learns_from_fakes_of_all_training_images(run):
    """The rule is made to keep them, since in a small search it is up to chance."""
    saved, said = run.directory.read_json("fakes.json"), []
    kept = {**saved, "trial": 1, "searched": 1.0, "share": 1.0, "low": 0.01}
    run.directory.write_json("fakes.json", kept)
    try:
        exported = run.export(1, formats=["keras"], say=said.append)
    finally:
        run.directory.write_json("fakes.json", saved)
        run.report()
    record = json.loads((exported.path / "export.json").read_text())
    assert record["recipe"]["fakes"] == 1.0
    assert "training the GAN on all 48 training images, to draw 1 for each" in said
    assert any("on all 48 training examples and 4" in line for line in said)
    assert len(list(run.path.glob("drawn/*.npz"))) == 5


@pytest.mark.slow
def test_two_workers_draw_once_and_train_as_one(tmp_path, space):
    part, design, drawn = make_part(), make_design(tmp_path), tmp_path / "drawn"
    loaded = load_space(Path(space))
    recipe = Recipe(learning_rate=0.01, batch_size=8, steps=20, fakes=1.0)
    tasks = [
        FoldTask(Candidate(number, {"units": 16}, recipe, 0, "model"), 0, np.arange(9), 7)
        for number in range(2)
    ]
    setup = Setup(
        0, loaded.path, loaded.name, loaded.path.parent, {}, part, None, threads=1, seed=3,
        design=design, drawn=drawn,
    )  # fmt: skip
    pool = ProcessPool(
        setup, WorkerPlan(2, threads=1), tmp_path / "workers.log", 2**36, lambda _: None
    )
    try:
        for slot, task in enumerate(tasks):
            pool.submit(slot, task)
        done = [pool.wait() for _ in tasks]
    finally:
        pool.close()
    assert [d.outcome for d in done] == [None, None]
    assert len(list(drawn.glob("*.npz"))) == 1
    alone = InlinePool(loaded, part, forgers=Forgers(part, 3, design, drawn))
    for each in done:
        alone.submit(0, tasks[each.slot])
        np.testing.assert_allclose(
            alone.wait().result.probabilities, each.result.probabilities, atol=1e-3
        )


@pytest.mark.slow
def test_a_changed_copy_of_the_gans_space_is_noticed(run):
    copy = run.path / "gan_space.py"
    before = copy.read_text()
    copy.write_text(before + "\n")
    try:
        with pytest.raises(UserError, match="the run's copy of the GAN's space was changed"):
            resume(run.path, trials=3, say=lambda _: None)
    finally:
        copy.write_text(before)


def wide():
    x, y = data()
    return np.repeat(x, 2, axis=2), y


def large():
    values = np.arange(48, dtype=np.uint8)[:, None, None, None]
    return np.tile(values, (1, 66, 66, 1)), np.arange(48) % 3


MISTAKES = {
    "not square": (wide, "gan", "draws square images, but these are 8 pixels high and 16 wide"),
    "too large": (large, "gan", "8 to 64 pixels a side, but these have 66.*--image-size 32"),
    "no such thing": (data, "nowhere", "no such directory"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_a_gan_cannot_draw_is_one_line(tmp_path, space, case):
    given, asked, what = MISTAKES[case]
    x, y = given()
    with pytest.raises(UserError, match=what):
        found(tmp_path / "run", space, (x, y.astype(np.int64)), augment_with=asked)
    assert not (tmp_path / "run").exists()


def test_series_have_no_fakes(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 12, 2)).astype(np.float32)
    with pytest.raises(UserError, match="a GAN draws images, but the data are series"):
        search(
            (x, np.arange(30) % 2), kind="series", augment_with="gan", out=tmp_path / "run",
            say=lambda _: None,
        )  # fmt: skip


def test_a_gan_is_not_taught_by_a_gan(tmp_path, gan):
    with pytest.raises(UserError, match="a GAN draws the fakes itself"):
        found(tmp_path / "run", str(gan / "space.py"), augment_with="gan", folds=2)


def test_a_run_of_classifiers_draws_nothing(tmp_path, space):
    other = make_gan_run(tmp_path, generates=False)
    with pytest.raises(UserError, match="searched for classifiers, not for GANs"):
        found(tmp_path / "run", space, augment_with=other)


def test_a_run_stands_for_its_best_trial_and_an_export_for_its_own(tmp_path):
    other = make_gan_run(tmp_path)
    run = RunDirectory(other)
    study = run.open_study()
    better = dict(study.trials[0].user_attrs) | {"hyperparameters": {"width": 4}}
    study.add_trial(create_trial(value=0.5, user_attrs=better))
    for result in run.read_folds(0).values():
        run.write_fold(1, result)
    export = other / "export" / "trial-0"
    export.mkdir(parents=True)
    record = {"trial": 0, "generates": True, "latent_dim": 6, "class_names": [], "formats": []}
    (export / "export.json").write_text(json.dumps(record))
    part = make_part()
    bars = Dataset("bars", "bars.npz", part, HeldOutPart(part.x[:0], part.y[:0], ()))
    ours, theirs = augment_with(other, bars), augment_with(export, bars)
    assert (ours.trial, ours.hyperparameters) == (1, {"width": 4})
    assert (theirs.trial, theirs.hyperparameters) == (0, {"width": 8})
    assert described(ours, bars, 5).startswith(f"fake images: the GAN of trial 1 of {other} (not")
    assert described(ours, bars, 5).endswith("min in all, if it is as large as the built-in one")
    built_in = described(augment_with("gan", bars), bars, 5)
    assert "fake images: the built-in GAN learns anew" in built_in
    assert built_in.endswith("min in all")


def test_a_gan_that_knows_no_classes_is_refused(tmp_path, space, gan):
    other = make_gan_run(tmp_path)
    text = (other / "space.py").read_text()
    for old, new in {
        "Model([noise, label], x)": "Model(noise, x)",
        "Model([image, label], answer)": "Model(image, answer)",
        "layers.Concatenate()([noise, layers.Embedding(data.classes, 4)(label)])": "noise",
        "layers.Dot(axes=-1)([wanted, x])": "layers.Dense(1)(x)",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (other / "space.py").write_text(text)
    with pytest.raises(UserError, match="nobody knows what its images show"):
        found(tmp_path / "run", space, augment_with=other)


def test_a_recipe_of_a_space_leaves_fakes_to_the_search(tmp_path, space):
    path = tmp_path / "own.py"
    path.write_text(SPACE.replace("steps=20", "steps=20, fakes=0.5"))
    with pytest.raises(UserError, match=r"Recipe\.fakes is chosen by the search.*--augment-with"):
        found(tmp_path / "run", str(path))


def test_the_plan_says_what_the_gan_means(tmp_path, space, gan, call):
    np.savez(tmp_path / "bars.npz", **dict(zip(("x_train", "y_train"), data(), strict=True)))
    code, out, _ = call(
        "search", tmp_path / "bars.npz", "--space", space, "--augment-with", gan, "--dry-run"
    )
    assert code == 0
    assert f"learns anew inside each of 5 folds and 5 fresh ones, {STEPS} steps each" in out
    assert "not its weights" in out
    assert "the best with or without fake images" in out
