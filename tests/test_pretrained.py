"""Backbones: what is taken over from a trained model, what learns, and what that gains."""

import random
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import TINY_SPACE
from keras import layers
from sklearn.datasets import load_digits

from automl_sem import pretrained, resume, search
from automl_sem.config import search_options
from automl_sem.data.dataset import TrainingPart
from automl_sem.errors import UserError
from automl_sem.export.wrap import wrap
from automl_sem.manifest import ImageNetFile, WeightsFile
from automl_sem.prepare import create_run, plan_run
from automl_sem.pretrained import IMAGENET
from automl_sem.resolve import resolve
from automl_sem.scoring.choose import choose_trainer
from automl_sem.scoring.inputs import wants_raw_values
from automl_sem.spaces.find import builtin_spaces
from automl_sem.spaces.load import load_space
from automl_sem.unchanged import snapshot_of
from automl_sem.weights import fingerprint

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).random((5, *SHAPE), np.float32)


def convolutional(shape=SHAPE, scaling=None, classes=5):
    """Two convolutions; the values of all layers differ from those that layers begin with."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input(shape)
    x = scaling(x) if scaling else x
    x = layers.Conv2D(4, 3, padding="same", name="first")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="last")(x)
    features = layers.MaxPooling2D()(x)
    x = layers.Dense(16, name="head")(layers.Flatten()(features))
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    for weight in model.weights:
        weight.assign(weight + 0.1 * np.random.default_rng(0).random(weight.shape))
    return model, keras.Model(inputs, features)


def dense():
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(7, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def save(model, path):
    model.save(path)
    return path


def export(model, folder):
    folder.mkdir(parents=True)
    (folder / "export.json").write_text("{}")
    return save(wrap(model), folder / "model.keras").parent


def weights_and_json(model, folder):
    path = folder / "model.weights.h5"
    model.save_weights(path)
    (folder / "model.json").write_text(model.to_json())
    return path


def saved_model_of_an_export(model, folder):
    path = export(model, folder / "export") / "saved_model"
    path.mkdir()
    (path / "saved_model.pb").touch()
    return path


def checkpoint_of_an_export(model, folder):
    """An export without a Keras file: its retraining left one."""
    exported = export(model, folder / "export" / "trial-3")
    checkpoint = folder / "checkpoints" / "trial-3" / "model.keras"
    checkpoint.parent.mkdir(parents=True)
    save(model, checkpoint)
    (exported / "model.keras").unlink()
    return exported


def run_with_an_export(model, folder):
    (folder / "run.json").write_text("{}")
    return export(model, folder / "export" / "trial-3").parent.parent


@pytest.mark.parametrize(
    "saved",
    [
        lambda model, folder: save(model, folder / "model.keras"),
        lambda model, folder: save(model, folder / "model.h5"),
        lambda model, folder: export(model, folder / "export"),
        lambda model, folder: save(wrap(model), folder / "wrapped.keras"),
        weights_and_json,
        saved_model_of_an_export,
        checkpoint_of_an_export,
        run_with_an_export,
    ],
    ids=["keras", "h5", "export", "wrapped", "weights", "saved-model", "checkpoint", "run"],
)
@pytest.mark.parametrize("scaling", [None, layers.Rescaling(1 / 127.5, -1)], ids=["plain", "raw"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_features_are_those_of_the_trained_model(saved, scaling, tmp_path):
    if scaling is not None:
        scaling = scaling.from_config(scaling.get_config())
    model, until_head = convolutional(scaling=scaling)
    backbone = pretrained.backbone(saved(model, tmp_path), SHAPE)
    expected = until_head(IMAGES * (255 if scaling else 1))
    np.testing.assert_allclose(backbone(IMAGES), expected, atol=1e-5)
    # A space that begins with it gets values from 0 to 1.
    inputs = keras.Input(SHAPE)
    assert not wants_raw_values(keras.Model(inputs, backbone(inputs)))


def test_what_a_model_learned_of_its_images_before_its_layers_is_kept(tmp_path):
    model, until_head = convolutional()
    norm = layers.Normalization()
    norm.adapt(50 + 100 * IMAGES)
    inputs = keras.Input(SHAPE)
    path = save(keras.Model(inputs, model(norm(inputs))), tmp_path / "m.keras")
    backbone = pretrained.backbone(path, SHAPE)
    np.testing.assert_allclose(backbone(IMAGES), until_head(norm(255 * IMAGES)), rtol=1e-4)


def test_without_convolutions_the_last_layer_is_the_head(tmp_path):
    model = dense()
    backbone = pretrained.backbone(save(model, tmp_path / "dense.keras"), SHAPE)
    np.testing.assert_allclose(backbone(IMAGES), model.layers[1](model.layers[0](IMAGES)))


def test_what_was_made_from_a_backbone_gives_one_too(tmp_path):
    first = pretrained.backbone(save(convolutional()[0], tmp_path / "first.keras"), SHAPE)
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(3, 1)(first(inputs))
    second = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    backbone = pretrained.backbone(save(second, tmp_path / "second.keras"), SHAPE)
    np.testing.assert_allclose(backbone(IMAGES), keras.Model(inputs, x)(IMAGES), atol=1e-6)
    assert pretrained.depth(backbone) == 3


def learning(backbone):
    return {variable.path.split("/")[-2] for variable in backbone.trainable_variables}


def test_layers_learn_from_the_last_one_on(tmp_path):
    backbone = pretrained.backbone(save(convolutional()[0], tmp_path / "m.keras"), SHAPE)
    assert pretrained.depth(backbone) == 2
    assert learning(backbone) == set()
    for steps, expected in (
        (1, {"last"}),
        (2, {"first", "last"}),
        (0, set()),
        (2, {"first", "last"}),
    ):
        pretrained.unfreeze(backbone, steps)
        assert learning(backbone) == expected


def test_batch_normalization_goes_on_with_its_statistics(tmp_path):
    model, until_head = convolutional()
    backbone = pretrained.backbone(save(model, tmp_path / "m.keras"), SHAPE)
    pretrained.unfreeze(backbone, pretrained.depth(backbone))
    np.testing.assert_allclose(
        backbone(IMAGES, training=True), until_head(IMAGES, training=False), atol=1e-6
    )


def test_fresh_layers_have_learned_nothing_and_all_learn(tmp_path):
    path = save(convolutional()[0], tmp_path / "m.keras")
    learned, fresh = (pretrained.backbone(path, SHAPE, fresh=fresh) for fresh in (False, True))
    assert learning(fresh) == {"first", "norm", "last"}
    assert [w.shape for w in fresh.weights] == [w.shape for w in learned.weights]
    assert np.abs(fresh(IMAGES) - learned(IMAGES)).max() > 0.01
    norm = next(x for x in pretrained._leaves(fresh) if x.name == "norm")
    assert norm.momentum == 0.9
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(4))


def test_convolutions_take_images_of_another_size(tmp_path):
    path = save(convolutional()[0], tmp_path / "m.keras")
    assert pretrained.backbone(path, (12, 10, 1)).output_shape == (None, 6, 5, 6)
    assert pretrained.backbone(path, (12, 10, 1), side=20).output_shape == (None, 12, 10, 6)


@pytest.mark.parametrize("channels", [(1, 3), (3, 1)])
def test_grey_becomes_rgb_and_back(channels, tmp_path):
    ours, theirs = channels
    model, until_head = convolutional((8, 8, theirs))
    backbone = pretrained.backbone(save(model, tmp_path / "m.keras"), (8, 8, ours))
    grey = IMAGES.repeat(ours, axis=-1)
    np.testing.assert_allclose(
        backbone(grey), until_head(IMAGES.repeat(theirs, axis=-1)), atol=1e-3
    )
    again = keras.models.load_model(save(backbone, tmp_path / "again.keras"))
    np.testing.assert_array_equal(again(grey), backbone(grey))


def test_images_that_do_not_fit_are_refused_with_both_shapes(tmp_path):
    path = save(dense(), tmp_path / "dense.keras")
    with pytest.raises(UserError) as caught:
        pretrained.backbone(path, (16, 12, 1))
    assert "shape (8, 8, 1), but the data have (16, 12, 1)" in str(caught.value)
    assert "--image-size 8" in caught.value.hint
    assert "weight shape (192, 7)" in str(caught.value)
    with pytest.raises(UserError, match=r"\(8, 8, 1\), but the data have \(8, 8, 4\)"):
        pretrained.backbone(path, (8, 8, 4))
    with pytest.raises(UserError, match=r"but the data have \(16, 12, 3\), here as \(32, 24, 1\)"):
        pretrained.backbone(path, (16, 12, 3), side=24)


@keras.saving.register_keras_serializable("tests")
class Fickle(layers.Layer):
    """A layer that cannot be made any more once something of it is lost."""

    lost = False

    def __init__(self, **options):
        if Fickle.lost:
            raise RuntimeError("its table is gone")
        super().__init__(**options)

    def call(self, x):
        return x


@pytest.mark.parametrize("shape", [SHAPE, (12, 10, 1)])
def test_what_fails_for_another_reason_than_the_size_says_that_reason(shape, tmp_path, monkeypatch):
    inputs = keras.Input(SHAPE)
    x = Fickle()(layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    path = save(model, tmp_path / "fickle.keras")
    pretrained.backbone(path, SHAPE)
    monkeypatch.setattr(Fickle, "lost", True)
    with pytest.raises(UserError) as caught:
        pretrained.backbone(path, shape)
    line = str(caught.value)
    built = f"--weights {path}: its layers cannot be built for images of shape {shape}: "
    assert line.startswith(built)
    assert line.endswith("its table is gone")


def test_images_too_small_for_layers_that_take_any_size_say_so(tmp_path):
    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(2, 9)(inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    path = save(model, tmp_path / "wide.keras")
    assert pretrained.backbone(path, (12, 12, 1)).output_shape == (None, 4, 4, 2)
    with pytest.raises(UserError, match=r"cannot be built for images of shape \(8, 8, 1\): .*neg"):
        pretrained.backbone(path, SHAPE)


def headless(folder):
    inputs = keras.Input(SHAPE)
    x = layers.Dense(3)(layers.Flatten()(inputs))
    return save(keras.Model(inputs, x), folder / "headless.keras")


def series(folder):
    inputs = keras.Input((8, 2))
    x = layers.Dense(3)(layers.LSTM(4)(inputs))
    return save(keras.Model(inputs, x), folder / "series.keras")


def only_weights(folder):
    dense().save_weights(folder / "only.weights.h5")
    return folder / "only.weights.h5"


def broken(folder):
    with zipfile.ZipFile(folder / "broken.keras", "w") as archive:
        archive.writestr("config.json", "no model")
    return folder / "broken.keras"


def text(folder):
    (folder / "notes.txt").write_text("no model")
    return folder / "notes.txt"


def foreign_saved_model(folder):
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").touch()
    return folder / "saved"


def junk(folder):
    (folder / "junk.keras").write_text("no archive")
    return folder / "junk.keras"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda folder: folder / "none.keras", "there is no such file"),
        (lambda folder: folder, "neither an export nor a run"),
        (only_weights, "only.json"),
        (foreign_saved_model, "a SavedModel holds a computation"),
        (text, "no Keras model"),
        (broken, "Keras cannot load it"),
        (junk, "no Keras file: it is no zip archive. Save a whole model"),
        (headless, "no layers before its head"),
        (series, "takes no images"),
    ],
)
def test_a_file_to_build_on_is_needed(made, message, tmp_path):
    path = made(tmp_path)
    with pytest.raises(UserError) as caught:
        pretrained.backbone(path, SHAPE)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_read_once_which_changes_nothing_built_next(tmp_path, monkeypatch):
    path = save(convolutional()[0], tmp_path / "m.keras")
    reads = []
    load = keras.models.load_model
    monkeypatch.setattr(
        keras.models, "load_model", lambda *a, **k: reads.append(a) or load(*a, **k)
    )

    def state_after():
        random.seed(5)
        pretrained.backbone(path, SHAPE)
        return random.getstate()

    cold = state_after()
    keras.utils.clear_session()
    assert state_after() == cold
    assert len(reads) == 1


@pytest.mark.parametrize("name", pretrained.IMAGENET)
def test_offline_the_error_says_which_file_to_put_where(name, monkeypatch, tmp_path):
    asked = []

    def offline(file, origin, **_):
        asked.append(file)
        raise OSError(f"URL fetch failure on {origin}: None -- Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError) as caught:
        pretrained.fetch([name])
    assert asked == [pretrained.IMAGENET[name]]
    line = str(caught.value)
    assert f"{name} are not here and cannot be downloaded: Name or service not known" in line
    assert f"{asked[0]} in {tmp_path / 'models'}, or pass --weights" in line


def test_a_damaged_file_in_the_cache_is_not_called_missing(monkeypatch, tmp_path):
    cached = tmp_path / "models" / pretrained.IMAGENET["EfficientNetB0"]
    cached.parent.mkdir()
    cached.write_text("no weights")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(cached))
    with pytest.raises(UserError) as caught:
        pretrained.backbone("EfficientNetB0", SHAPE)
    assert f"the ImageNet weights in {cached} cannot be loaded: " in str(caught.value)
    assert "download" not in str(caught.value)


def test_imagenet_weights_come_from_the_cache_of_keras(monkeypatch, tmp_path):
    name = "MobileNetV3Small"
    keras.utils.set_random_seed(2)
    made = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    cached = tmp_path / "models" / pretrained.IMAGENET[name]
    cached.parent.mkdir()
    made.save_weights(tmp_path / "made.weights.h5")
    (tmp_path / "made.weights.h5").rename(cached.with_suffix(".weights.h5"))
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *_, **__: cached.with_suffix(".weights.h5")
    )
    cached.touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert pretrained.fetch([name]) == [name]
    backbone = pretrained.backbone(name, SHAPE)
    pretrained._imagenet.cache_clear()
    assert learning(backbone) == set()
    assert pretrained.depth(backbone) == pretrained.DEPTH
    enlarged = layers.Resizing(32, 32)(IMAGES.repeat(3, axis=-1)) * 255
    np.testing.assert_allclose(backbone(IMAGES), made(enlarged), atol=1e-4)


def test_without_a_file_the_space_takes_networks_of_keras_applications(stripes, monkeypatch):
    untrained = pretrained._imagenet
    monkeypatch.setattr(pretrained, "fetch", list)
    monkeypatch.setattr(
        pretrained, "_imagenet", lambda name, shape, _: untrained(name, shape, True)
    )
    space = load_space(builtin_spaces()["pretrained"])
    baseline, frozen, tuned = space.starts(stripes.info)
    assert (baseline["backbone"], baseline["side"]) == ("MobileNetV3Small", 64)
    assert [s["start"] for s in (baseline, frozen, tuned)] == ["scratch", "frozen", "fine-tuned"]
    model = space.rebuild(
        {"backbone": "EfficientNetB0", "start": "frozen", "side": 32}, stripes.info
    )
    assert model.get_layer("backbone").output_shape == (None, 1, 1, 1280)
    assert len(model.trainable_variables) == 2
    assert not wants_raw_values(model)


@pytest.fixture
def find(stripes_npz, tmp_path):
    """Search for a network on the stripes that builds on `m.keras`."""
    path = save(convolutional()[0], tmp_path / "m.keras")

    def run(**options):
        wanted = {
            "weights": path,
            "trials": 2,
            "folds": 2,
            "epochs": 1,
            "workers": 0,
            "discard": "none",
        }
        wanted |= {"out": tmp_path / "run", "say": lambda _: None}
        return search(str(stripes_npz), **wanted | options)

    return run, path


@pytest.mark.slow
def test_a_run_builds_on_the_weights_it_began_with(find, tmp_path):
    run, path = find[0](workers=1), find[1]
    manifest = run.directory.manifest
    assert manifest.space["name"] == "pretrained"
    assert manifest.weights == WeightsFile(file=str(path), sha256=fingerprint(path))
    assert manifest.imagenet == []
    assert run.baseline.trial.hyperparameters["start"] == "scratch"
    assert run.results.trial(1).hyperparameters["start"] == "frozen"

    exported = run.export(1, gpus=0, formats=["keras"])
    assert all(made.verified for made in exported.formats)
    again = pretrained.backbone(exported.path, SHAPE)
    np.testing.assert_allclose(again(IMAGES), convolutional()[1](IMAGES), atol=1e-5)

    kept = path.read_bytes()
    path.write_bytes(kept + b" ")
    for go_on in (lambda: resume(run.path, trials=3), lambda: run.export(0)):
        with pytest.raises(UserError, match="the weights changed since the run was started"):
            go_on()
    path.unlink()
    with pytest.raises(UserError, match="the weights are gone since the run was started"):
        resume(run.path, trials=3)
    path.write_bytes(kept)
    run = resume(run.path, trials=3, say=lambda _: None)
    assert run.results.trial(2).hyperparameters["start"] == "fine-tuned"
    assert run.results.trial(2).recipe.backbone_rate == 0.3
    assert "--weights" in (run.path / "report.html").read_text(encoding="utf-8")


def test_a_space_that_builds_on_nothing_refuses_weights(find, tiny_space, tmp_path):
    with pytest.raises(UserError, match="space 'tiny' builds on no weights"):
        find[0](space=str(tiny_space))
    with pytest.raises(UserError, match="there is no such file"):
        find[0](weights=tmp_path / "none.keras")
    assert not (tmp_path / "run").exists()


FROZEN = """
from automl_sem import pretrained

def base(data):
    return pretrained.backbone(data.weights, data.input_shape)
"""


@pytest.fixture
def plan(stripes_npz, tmp_path):
    """Return what a search with the weights of `m.keras` would keep, for the code of a space."""
    path = save(convolutional()[0], tmp_path / "m.keras")

    def planned(code):
        file = tmp_path / "own.py"
        file.write_text(code)
        options = search_options(
            target=str(stripes_npz), space=str(file), weights=path, trials=1, workers=0
        )
        return plan_run(options, *resolve(options, None), from_memory=False)[0]

    return planned


def with_layers(line, text=TINY_SPACE):
    """Return a space with a line of code on its images."""
    assert "layers.Flatten()(x)" in text
    return text.replace("    x = layers.Flatten()(x)", f"    {line}\n    x = layers.Flatten()(x)")


@pytest.mark.parametrize(
    "code",
    [
        with_layers("# data.weights would be the file"),
        with_layers("dense.weights if (dense := None) else None"),
        TINY_SPACE.replace("    return Recipe(", "    data.weights\n    return Recipe("),
        TINY_SPACE.replace("hp, data", "hp, data=None").replace("data.input_shape", "(8, 8, 1)")
        .replace("data.classes", "3") + "# data.weights",
    ],
    ids=["comment", "of-a-layer", "in-the-recipe-alone", "no-data"],
)  # fmt: skip
def test_to_mention_weights_is_not_to_build_on_them(plan, code):
    with pytest.raises(UserError, match=r"builds on no weights: it does not read data\.weights"):
        plan(code)


@pytest.mark.parametrize(
    "code",
    [
        with_layers("x = base(data)(x)", FROZEN + TINY_SPACE),
        with_layers("import frozen_base; x = frozen_base.base(data)(x)"),
        with_layers('x = __import__("frozen_base").base(data)(x) if hp.Boolean("pre") else x'),
    ],
    ids=["function", "module", "for-some-candidates"],
)
def test_weights_may_be_read_anywhere(plan, code, tmp_path, monkeypatch):
    (tmp_path / "frozen_base.py").write_text(FROZEN)
    monkeypatch.delitem(sys.modules, "frozen_base", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert plan(code).weights.file == str(tmp_path / "m.keras")


def test_to_find_out_builds_nothing_twice(plan):
    counted = with_layers("import builtins; builtins.built.append(data.weights)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.built", [], raising=False)
        plan(counted)
        assert len(__import__("builtins").built) == 1


@pytest.fixture
def imagenet(stripes_npz, tmp_path, monkeypatch):
    """Begin a run on weights in Keras's cache, which stand there for the true ones."""
    untrained = pretrained._imagenet
    monkeypatch.setattr(
        pretrained, "_imagenet", lambda name, shape, _: untrained(name, shape, True)
    )
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    files = {name: tmp_path / "keras" / "models" / file for name, file in IMAGENET.items()}
    for name, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)

    def begin(space, **wanted):
        options = search_options(
            target=str(stripes_npz), space=space, trials=1, workers=0, out=tmp_path / "run",
            **wanted,
        )  # fmt: skip
        return create_run(options, *resolve(options, None), from_memory=False)

    return begin, files


def test_a_run_goes_on_with_the_imagenet_weights_it_began_with(imagenet):
    begin, files = imagenet
    run = begin("pretrained")
    assert run.manifest.weights is None
    assert run.manifest.imagenet == [
        ImageNetFile(network=name, file=str(files[name]), sha256=fingerprint(files[name]))
        for name in sorted(files)
    ]
    assert snapshot_of(run).weights is None
    for name, file in files.items():
        file.write_text("others")
        with pytest.raises(UserError, match="the weights changed since the run was") as caught:
            resume(run.path)
        assert str(caught.value).startswith(f"{name} in {file}: ")
        file.unlink()
        with pytest.raises(UserError, match="the weights are gone since the run was started"):
            resume(run.path)
        file.write_text(name)
    assert snapshot_of(run).weights is None


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ('x = pretrained.backbone("MobileNetV3Small", data.input_shape)(x)', ["MobileNetV3Small"]),
        ('hp.Choice("net", ["none", "EfficientNetB0"])', ["EfficientNetB0"]),
        ("", []),
    ],
)
def test_only_files_that_a_space_can_ask_for_are_kept(imagenet, tiny_space, line, asked):
    tiny_space.write_text(with_layers(f"from automl_sem import pretrained; {line}"))
    run = imagenet[0](str(tiny_space))
    assert [kept.network for kept in run.manifest.imagenet] == asked


def test_the_command_line_takes_weights(call, tmp_path, stripes_npz):
    code, _, err = call("search", stripes_npz, "--weights", tmp_path / "none.keras")
    assert code == 2
    assert err == f"error: --weights {tmp_path / 'none.keras'}: there is no such file\n"


# 10 digits a class to learn from, all others to be scored on: five times, other ones each.
REPEATS, EACH = 5, 10


@pytest.fixture(scope="module")
def early_digits(tmp_path_factory):
    """A network trained on the digits 0 to 4."""
    x, y = load_digits(return_X_y=True)
    early = y < 5
    keras.utils.set_random_seed(0)
    z = inputs = keras.Input(SHAPE)
    for filters in (32, 32, 64):
        z = layers.Conv2D(filters, 3, padding="same", activation="relu")(z)
        z = z if filters == 64 else layers.BatchNormalization(momentum=0.9)(z)
    z = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D()(z)))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(z))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x[early].reshape(-1, *SHAPE) / 16, y[early], epochs=4, verbose=0)
    return save(model, tmp_path_factory.mktemp("early") / "early.keras")


@pytest.fixture(scope="module")
def late_digits():
    x, y = load_digits(return_X_y=True)
    late = y >= 5
    return TrainingPart(
        x=(x[late].reshape(-1, *SHAPE) * 255 / 16).astype(np.uint8),
        y=y[late].astype(np.int64) - 5,
        names=tuple(map(str, range(int(late.sum())))),
        class_names=tuple("56789"),
    )


def test_with_few_steps_on_few_digits_transfer_beats_scratch(early_digits, late_digits):
    space = load_space(builtin_spaces()["pretrained"]).with_weights(str(early_digits))
    rng = np.random.default_rng(0)
    of_class = [rng.permutation(np.flatnonzero(late_digits.y == number)) for number in range(5)]
    rows = [
        np.concatenate([o[EACH * k : EACH * (k + 1)] for o in of_class]) for k in range(REPEATS)
    ]
    recipe = {"learning_rate": 3e-3, "schedule": "cosine", "batch_size": 8, "epochs": 5}
    head = {"head": "flatten", "dense": 0, "dropout": 0.0, "augment": False}
    tuned = {"start": "fine-tuned", "unfreeze": 3, "backbone_rate": 0.3}

    def losses(start):
        values = {**recipe, **head, **start}
        trainer = choose_trainer(
            lambda: space.rebuild(values, late_digits.info),
            space.recipe_of(values, late_digits.info),
            late_digits,
            seed=1,
        )
        assert trainer.note == ""
        all_rows = np.arange(len(late_digits.y))
        fits = [trainer.fit(k, np.setdiff1d(all_rows, chosen)) for k, chosen in enumerate(rows)]
        return np.array([fit.log_loss for fit in fits])

    scratch = losses({"start": "scratch"})
    assert (scratch - losses(tuned)).min() > 0
    assert (scratch - losses({"start": "frozen"})).mean() > 0


def test_every_fold_starts_from_the_trained_values(early_digits, late_digits):
    space = load_space(builtin_spaces()["pretrained"]).with_weights(str(early_digits))
    values = {
        "start": "fine-tuned", "unfreeze": 3, "backbone_rate": 1.0, "head": "flatten", "dense": 0,
        "dropout": 0.2, "learning_rate": 0.01, "batch_size": 8, "epochs": 2, "augment": False,
        "schedule": "constant",
    }  # fmt: skip
    held_out = np.arange(50, len(late_digits.y))

    def trainer():
        return choose_trainer(
            lambda: space.rebuild(values, late_digits.info),
            space.recipe_of(values, late_digits.info),
            late_digits,
            seed=1,
        )

    once = trainer()
    first = once.fit(0, held_out)
    again = once.fit(0, held_out)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    pretrained._from_file.cache_clear()
    second = trainer().fit(1, held_out)
    np.testing.assert_array_equal(once.fit(1, held_out).probabilities, second.probabilities)
