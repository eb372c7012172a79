"""A GAN that learns in seconds, and images that are easy to tell apart."""

from typing import ClassVar

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.gan_recipe import GanRecipe
from automl_sem.scoring.gan.fakes import Design

CLASSES = ("top", "middle", "bottom")
STEPS = 300

SPACE = f'''"""Two small networks that are told which class to draw."""

from keras import Input, Model, layers

from automl_sem import Gan, GanRecipe

KIND = "images"
BASELINE = {{"width": 4}}
GOOD_STARTS = [{{"width": 8}}]


def build(hp, data):
    width = hp.Choice("width", [4, 8])
    noise, label = Input((6,)), Input((), dtype="int32")
    x = layers.Concatenate()([noise, layers.Embedding(data.classes, 4)(label)])
    x = layers.Reshape((4, 4, width))(layers.Dense(16 * width)(x))
    x = layers.Activation("relu")(x)
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid")(x)
    generator = Model([noise, label], x)
    image, label = Input(data.input_shape), Input((), dtype="int32")
    x = layers.Flatten()(layers.LeakyReLU(0.2)(layers.Conv2D(width, 3, strides=2)(image)))
    wanted = layers.Embedding(data.classes, x.shape[-1])(label)
    answer = layers.Add()([layers.Dense(1)(x), layers.Dot(axes=-1)([wanted, x])])
    return Gan(generator, Model([image, label], answer), latent_dim=6)


def recipe(hp, data):
    return GanRecipe(learning_rate=1e-2, batch_size=32, steps={STEPS}, ema=0.5)
'''


def images_of(labels, seed=0):
    """Return a bright bar at the height that belongs to each class, (n, 8, 8, 1)."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 40, (len(labels), 8, 8, 1))
    for image, label in zip(x, labels, strict=True):
        image[1 + 2 * label : 3 + 2 * label] = rng.integers(180, 256)
    return x.astype(np.uint8)


def make_part(n=45, seed=0):
    y = (np.arange(n) % 3).astype(np.int64)
    names = tuple(f"row {i}" for i in range(n))
    return TrainingPart(images_of(y, seed), y, names, CLASSES)


def make_design(folder, **recipe):
    path = folder / "gan_space.py"
    path.write_text(SPACE)
    given = {"learning_rate": 1e-2, "batch_size": 32, "steps": STEPS, "ema": 0.5, **recipe}
    return Design(path, "small", folder, {"width": 8}, GanRecipe(**given))


class Perfect:
    """Stands for a trainer whose GAN draws each class, but for every fourth image of a class."""

    given: ClassVar[list] = []
    wrong = 4

    def __init__(self, _build, _recipe, part, *_):
        self.given.append(part)

    def learn(self, _seed):
        return self

    def draw(self, n, labels, seed):
        assert n == len(labels)
        shown = np.where(np.arange(n) % self.wrong == 0, (labels + 1) % len(CLASSES), labels)
        return images_of(shown, seed % 1000).astype(np.float32) / 255


def make_gan_run(folder, **manifest):
    """Return a run that searched for GANs and has one trial; nothing was trained."""
    import optuna
    from optuna.trial import TrialState, create_trial

    from automl_sem.manifest import Manifest
    from automl_sem.run import RunDirectory
    from automl_sem.scoring.gan.result import GanFoldResult, Measures

    space = folder / "my_gan.py"
    space.write_text(SPACE)
    values = {
        "created": "2026-11-23T14:12:00+00:00",
        "seed": 3,
        "folds": 3,
        "trials": 1,
        "generates": True,
        "space": {"name": "my_gan", "origin": str(space), "sha256": "ab12"},
        "data": {"name": "bars", "class_names": list(CLASSES)},
        **manifest,
    }
    splits = {name: np.arange(9) % 3 for name in ("search", "fresh")}
    run = RunDirectory.create(folder / "gans", Manifest(**values), SPACE, splits)
    recipe = GanRecipe(learning_rate=1e-2, batch_size=32, steps=STEPS, ema=0.5)
    attributes = {
        "proposed_by": "baseline",
        "hyperparameters": {"width": 8},
        "recipe": recipe.to_dict(),
        "parameters": 10,
        "score": {"fold_scores": [1.0] * 3, "coverage": 1.0, "fold_coverages": [1.0] * 3},
    }
    study = run.open_study()
    trial = create_trial(value=1.0, state=TrialState.COMPLETE, user_attrs=attributes)
    study.add_trial(trial)
    drawn = images_of(np.arange(3))
    for fold in range(3):
        judged = Measures(*[1.0] * 9)
        indices, labels = np.flatnonzero(splits["search"] == fold), np.arange(3)
        run.write_fold(
            0, GanFoldResult(fold, indices, judged, drawn, labels, (), drawn[None], drawn[None])
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return run.path
