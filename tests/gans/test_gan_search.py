"""GANs from search to report: the same way as classifiers."""

import json

import numpy as np
import pytest
from small_gans import some_images

from automl_sem import resume, search
from automl_sem.errors import UserError
from automl_sem.progress import LineListener
from automl_sem.scoring.gan.result import GanFoldResult
from automl_sem.session import Interrupted

SPACE = '''"""Two small networks."""

from keras import Input, Model, layers

from automl_sem import Gan, GanRecipe

KIND = "images"
BASELINE = {"width": 4, "rate": 1e-3}


def build(hp, data):
    width = hp.Choice("width", [4, 8])
    noise, label = Input((6,)), Input((), dtype="int32")
    x = layers.Concatenate()([noise, layers.Embedding(data.classes, 4)(label)])
    x = layers.Reshape((4, 4, width))(layers.Dense(16 * width)(x))
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid")(x)
    generator = Model([noise, label], x)
    image, label = Input(data.input_shape), Input((), dtype="int32")
    x = layers.Flatten()(layers.LeakyReLU(0.2)(layers.Conv2D(width, 3, strides=2)(image)))
    wanted = layers.Embedding(data.classes, x.shape[-1])(label)
    answer = layers.Add()([layers.Dense(1)(x), layers.Dot(axes=-1)([wanted, x])])
    return Gan(generator, Model([image, label], answer), latent_dim=6)


def recipe(hp, data):
    rate = hp.Float("rate", 1e-3, 1e-2, sampling="log")
    return GanRecipe(learning_rate=rate, batch_size=16, steps=40, ema=0.9)
'''


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "my_gan.py"
    path.write_text(SPACE)
    return str(path)


def data(n=225, seed=0):
    images, labels = some_images(n, seed)
    return np.rint(images * 255).astype(np.uint8), labels


def found(path, space, given=None, **options):
    defaults = {"trials": 2, "workers": 0, "discard": "none", "say": lambda _: None}
    return search(given or data(), space=space, out=path, **{**defaults, **options})


@pytest.fixture(scope="module")
def run(tmp_path_factory, space):
    return found(tmp_path_factory.mktemp("runs") / "run", space)


@pytest.mark.slow
def test_a_gan_is_scored_by_its_distance_on_three_folds(run):
    results, best = run.results, run.best
    assert run.directory.manifest.generates
    assert run.directory.manifest.folds == 3
    assert (results.objective_word, results.share_word) == ("distance", "coverage")
    for trial in results.trials:
        folds = run.directory.read_folds(trial.number).values()
        assert all(isinstance(fold, GanFoldResult) for fold in folds)
        assert trial.fold_scores == pytest.approx([fold.measures.score for fold in folds])
        assert trial.objective == pytest.approx(np.mean(trial.fold_scores))
        assert trial.share == pytest.approx(np.mean([fold.measures.coverage for fold in folds]))
        assert trial.measures["kid"] == pytest.approx(np.mean([f.measures.kid for f in folds]))
        assert trial.networks["generator"] + trial.networks["discriminator"] == trial.parameters
    assert best.scored_on == "fresh folds"
    assert {standing.trial.number for standing in results.finalists} == {0, 1}
    assert best.trial == results.finalists[0].trial
    assert [s.score for s in results.finalists] == sorted(s.score for s in results.finalists)
    assert best.score == pytest.approx(np.mean(best.by_seed))
    assert best.by_seed[0] != best.by_seed[1]
    assert best.interval.low < best.score < best.interval.high
    assert best.share_interval.low <= best.share <= best.share_interval.high
    assert best.to_json()["coverage"] == best.share


@pytest.mark.slow
def test_the_report_shows_what_it_draws(run):
    page = (run.path / "report.html").read_text()
    for title in ("What it draws", "Learning curves", "Winning network"):
        assert f">{title}<" in page
    assert "Confusion" not in page
    assert page.count('class="sheet"') == 2 + 2 * 3 + 1 + 1 + 2
    assert "Generator" in page
    assert "from the input at the top to the image" in page
    told = json.loads((run.path / "report.json").read_text())
    assert told["objective"] == {"name": "distance_above_floor", "direction": "minimize"}
    assert {"coverage", "kid", "copying"} <= told["all_trials"][0].keys()
    assert told["sections"]["gan_verdict"]["headline"]


@pytest.mark.slow
def test_workers_of_their_own_find_the_same(tmp_path, space, run):
    other = found(tmp_path / "other", space, workers=1)
    pairs = zip(run.results.trials, other.results.trials, strict=True)
    for ours, theirs in pairs:
        assert ours.hyperparameters == theirs.hyperparameters
        assert ours.fold_scores == pytest.approx(theirs.fold_scores, rel=0.2, abs=2)
    kept = sorted(path.name for path in (other.path / "judges").iterdir())
    assert kept == sorted(path.name for path in (run.path / "judges").iterdir())
    assert len(kept) == 6


@pytest.mark.slow
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(tmp_path, space, run):
    class Impatient(LineListener):
        def fold_done(self, candidate, result):
            if (candidate.trial, result.fold) == (1, 1):
                raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        found(tmp_path / "other", space, listener=Impatient(lambda _: None))
    other = resume(tmp_path / "other", say=lambda _: None)
    for ours, theirs in zip(run.results.trials, other.results.trials, strict=True):
        assert ours.fold_scores == theirs.fold_scores
        assert ours.measures == theirs.measures
    assert run.best.score == other.best.score


@pytest.mark.slow
def test_people_are_shown_distance_and_coverage(run, call, capsys):
    code, out, _ = call("show", run.path)
    assert code == 0
    assert "coverage" in out
    assert "distance" in out
    assert "accuracy" not in out
    code, out, _ = call("show", run.path, "--json")
    assert json.loads(out)["best"]["search_coverage"] == run.best.trial.share


def with_space(tmp_path, *changes):
    text = SPACE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "changed.py"
    path.write_text(text)
    return str(path)


def test_a_generator_alone_is_refused(tmp_path):
    alone = with_space(tmp_path, ("return Gan(generator, Model([image, label], answer), latent_dim=6)", "return generator"))  # fmt: skip  # noqa: E501
    with pytest.raises(UserError, match=r"return Gan\(generator, discriminator, latent_dim\)"):
        found(tmp_path / "run", alone)


def test_a_recipe_for_classifiers_does_not_train_a_gan(tmp_path):
    other = with_space(
        tmp_path,
        ("Gan, GanRecipe", "Gan, Recipe"),
        ("GanRecipe(learning_rate=rate, batch_size=16, steps=40, ema=0.9)", "Recipe()"),
    )
    with pytest.raises(UserError, match=r"an automl_sem.GanRecipe, but returned Recipe"):
        found(tmp_path / "run", other)


def test_label_smoothing_without_targets_is_one_line(tmp_path):
    smooth = with_space(tmp_path, ("ema=0.9", 'ema=0.9, loss="hinge", label_smoothing=0.1'))
    with pytest.raises(UserError, match="'hinge' has no targets to smooth"):
        found(tmp_path / "run", smooth)


def test_images_that_are_not_square_are_refused(tmp_path, space):
    x, y = data()
    wide = np.repeat(x, 2, axis=2)
    with pytest.raises(UserError, match=r"these are 8 pixels high and 16 wide.*--image-size"):
        found(tmp_path / "run", space, (wide, y))


def test_too_few_images_to_judge_by_are_refused_and_few_are_said(tmp_path, space):
    with pytest.raises(UserError, match="leave 7 to judge by: at least 10 are needed"):
        found(tmp_path / "run", space, (*data(24), *data(9, 1)))


@pytest.mark.parametrize("option", ["stress", "weights"])
def test_options_for_classifiers_are_refused(tmp_path, space, option, call):
    (tmp_path / "some.keras").write_bytes(b"")
    given = {"stress": "rotate", "weights": tmp_path / "some.keras"}[option]
    with pytest.raises(UserError):
        found(tmp_path / "run", space, **{option: given})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_epochs_are_turned_into_steps(tmp_path, space):
    run = found(tmp_path / "run", space, epochs=2, trials=1, folds=2)
    assert run.best.trial.recipe.steps == 2 * -(-len(run.directory.splits("search")) // 16)
