"""Fixtures that several test files share: small data, small spaces, runs kept apart."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from automl_sem.cli import main
from automl_sem.data.dataset import TrainingPart
from automl_sem.types import Augment

# The same examples in every run: what lands is not for chance to decide.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
DRAWINGS = SHARED / "data" / "handwriting_shape"

EVERYTHING = Augment(
    rotation=20,
    scale=0.2,
    aspect=0.2,
    shear=10,
    shift=0.1,
    flip=True,
    stroke=1.5,
    elastic=0.1,
    brightness=0.2,
    contrast=0.3,
    noise=0.1,
    cutout=0.4,
    mixup=0.4,
)

TINY_SPACE = '''"""A tiny space, quick to train."""

from keras import Model, Input, layers

from automl_sem import Recipe

KIND = "images"
BASELINE = {"units": 8, "rate": 0.01}


def build(hp, data):
    x = inputs = Input(data.input_shape)
    x = layers.Flatten()(x)
    x = layers.Dense(hp.Int("units", 4, 16), activation="relu")(x)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    return Recipe(
        learning_rate=hp.Float("rate", 1e-3, 1e-1, sampling="log"), batch_size=8, epochs=3
    )
'''


def pytest_configure(config):
    """Have xdist begin with the files that come first, not with those of most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that no process waits for another's last long one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def _fast_bayesian(monkeypatch):
    """Let KerasTuner's Gaussian process look for its best point only shortly."""
    from scipy import optimize

    def short(*args, **kwargs):
        return minimize(*args, **({"options": {"maxiter": 1, "maxfun": 1}} | kwargs))

    minimize = optimize.minimize
    monkeypatch.setattr(optimize, "minimize", short)


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory, monkeypatch):
    """Keep the list of runs of these tests away from the person's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True, scope="module")
def _quick_garbage_collection():
    """Keep what TensorFlow never frees from being searched again by every collection."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def reproducible():
    """Have TensorFlow's operations reproducible, as in the workers and in retraining."""
    import tensorflow as tf
    from tensorflow.python.util import _pywrap_determinism as determinism

    before = determinism.is_enabled()
    tf.config.experimental.enable_op_determinism()
    yield
    determinism.enable(before)


@pytest.fixture(params=[(12, 10, 1), (8, 11, 3)], ids=str)
def images(request) -> np.ndarray:
    """Six images with values between 20 and 235, grey and in colour."""
    return np.random.default_rng(0).uniform(20, 235, (6, *request.param)).astype(np.float32)


@pytest.fixture
def tiny_space(tmp_path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(TINY_SPACE)
    return path


@pytest.fixture
def stripes() -> TrainingPart:
    """60 noisy 8x8 images with horizontal, vertical or no stripes."""
    return make_stripes(60)


def make_stripes(n: int, seed: int = 0) -> TrainingPart:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = np.full((n, 8, 8, 1), 128.0)
    x[y == 0, ::2] += 60
    x[y == 1, :, ::2] += 60
    x += rng.normal(0, 20, x.shape)
    return TrainingPart(
        x=x.clip(0, 255).astype(np.uint8),
        y=y.astype(np.int64),
        names=tuple(f"row {i}" for i in range(n)),
        class_names=("horizontal", "vertical", "none"),
    )


@pytest.fixture
def stripes_npz(tmp_path) -> Path:
    """The stripes as a file: 60 to train, 15 to test."""
    train, test = make_stripes(60), make_stripes(15, seed=1)
    path = tmp_path / "stripes.npz"
    np.savez(path, x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y)
    return path


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a command in this process, in an empty directory; return code, stdout, stderr."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["automl-sem", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as error:
            code = error.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    run.directory = directory
    return run


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run the command line in a process of its own, in an empty directory."""
    directory = tmp_path / "work"
    directory.mkdir()

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "automl_sem", *map(str, arguments)],
            cwd=options.pop("cwd", directory),
            env={**os.environ, **options.pop("env", {})},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            **options,
        )

    run.directory = directory
    return run
