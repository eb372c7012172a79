"""Retraining: the same weights on any number of devices, and after a kill."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import make_stripes

from automl_sem import replicas
from automl_sem import retrain as module
from automl_sem.errors import NegativeResult, UserError
from automl_sem.retrain import retrain, visible_devices
from automl_sem.scoring.batches import cross_entropy, epoch_order
from automl_sem.scoring.recipes import make_optimizer
from automl_sem.seeds import derive_seed, seeded
from automl_sem.types import Recipe

RECIPE = Recipe(batch_size=8, learning_rate=0.01, weight_decay=1e-4, augment=True)


def plain():
    """A network whose weights should not depend on the number of devices."""
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, activation="relu", kernel_regularizer="l2")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def of_numbers():
    """A network of two numbers."""
    return _ending(keras.layers.Dense(2))


def of_labels():
    """A network of two labels."""
    return _ending(keras.layers.Dense(2, activation="sigmoid"))


def _ending(last):
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    return keras.Model(inputs, last(keras.layers.Flatten()(x)))


def with_outputs(task, n):
    """Return images with two numbers, or two labels, of each."""
    part = make_stripes(n)
    means = part.x.mean((1, 2, 3), dtype=np.float64)
    y = np.stack([means, means[::-1]], axis=1).astype(np.float32)
    if task == "multi-label":
        y = (y > np.median(y, axis=0)).astype(np.int64)
    return replace(part, y=y, class_names=("one", "other"), task=task)


def noisy():
    """A network with all that a resumed training could lose: statistics and seed states."""
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def train(checkpoints, build=plain, recipe=RECIPE, part=None, **options):
    options = {"seed": 3, "epochs": 4, "devices": ["CPU:0"], **options}
    return retrain(build, recipe, part or make_stripes(41), checkpoints=checkpoints, **options)


def weights(model):
    return [variable.numpy() for variable in model.variables]


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def largest_difference(ours, theirs):
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


class Killed(Exception):
    pass


def kill_after(epoch):
    def on_epoch(done, epochs, loss):
        if done == epoch:
            raise Killed

    return on_epoch


def test_a_step_is_the_gradient_of_the_mean_loss_and_the_penalty(tmp_path):
    part = make_stripes(41)
    recipe = Recipe(batch_size=8, learning_rate=0.01)
    with seeded(3):
        model = plain()
    optimizer = make_optimizer(recipe, 12)
    for epoch in (1, 2):
        order = epoch_order(np.arange(41), part.y, recipe, derive_seed(3, epoch))
        for first in range(0, 41, 8):
            rows = order[first : first + 8]
            with tf.GradientTape() as tape:
                probabilities = model(part.x[rows] / np.float32(255), training=True)
                loss = tf.reduce_mean(cross_entropy(tf.one_hot(part.y[rows], 3), probabilities))
                loss += sum(model.losses)
            optimizer.apply(
                tape.gradient(loss, model.trainable_variables), model.trainable_variables
            )
    ours = train(tmp_path, recipe=recipe, part=part, epochs=2)
    assert ours.steps == 12
    assert largest_difference(weights(ours.model), weights(model)) < 1e-6


def test_it_learns(tmp_path):
    part = make_stripes(60)
    model = train(
        tmp_path, recipe=Recipe(batch_size=8, learning_rate=0.01), part=part, epochs=12
    ).model
    hits = model.predict(part.x / np.float32(255), verbose=0).argmax(1) == part.y
    assert hits.mean() > 0.9


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A noisy training from the first epoch to the last."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, train(folder, noisy)


@pytest.fixture
def finished(tmp_path, undisturbed):
    """Its checkpoints, for a test of one's own."""
    return shutil.copytree(undisturbed[0], tmp_path / "finished")


def test_a_killed_training_ends_with_the_very_same_weights(tmp_path, undisturbed, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Killed):
        train(tmp_path, noisy, on_epoch=kill_after(2))
    resumed = train(tmp_path, noisy)
    assert resumed.resumed_from == 2
    assert same(weights(resumed.model), weights(undisturbed[1].model))


def test_a_training_killed_before_its_first_backup_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 1e9)
    with pytest.raises(Killed):
        train(tmp_path, on_epoch=kill_after(2))
    assert train(tmp_path).resumed_from == 0


def test_a_finished_training_is_not_repeated(finished, undisturbed):
    first, again = undisturbed[1], train(finished, noisy, on_epoch=kill_after(1))
    assert same(weights(again.model), weights(first.model))
    assert (again.resumed_from, again.seconds, again.devices) == (4, first.seconds, 1)


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"epochs": 1}, {"part": make_stripes(40)}, {"recipe": Recipe(batch_size=8)}],
    ids=lambda change: next(iter(change)),
)
def test_a_backup_of_another_training_is_not_used(finished, change):
    with pytest.raises(Killed):  # in its first epoch, so it began there
        train(finished, noisy, **change, on_epoch=kill_after(1))


def test_a_backup_of_another_network_is_not_used(finished):
    assert train(finished, plain, epochs=4).resumed_from == 0


def test_a_damaged_backup_is_named(finished):
    (finished / "backup.npz").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"backup\.npz"):
        train(finished, noisy)


def test_the_seed_decides(tmp_path, undisturbed):
    other = train(tmp_path, noisy, seed=4)
    assert not same(weights(other.model), weights(undisturbed[1].model))


def test_people_find_a_keras_checkpoint(undisturbed):
    folder, trained = undisturbed
    loaded = keras.models.load_model(folder / "model.keras")
    images = make_stripes(5).x / np.float32(255)
    assert np.allclose(
        loaded.predict(images, verbose=0), trained.model.predict(images, verbose=0), atol=1e-6
    )


def test_a_diverging_training_is_a_negative_result(tmp_path):
    recipe = Recipe(optimizer="sgd", learning_rate=1e30, batch_size=8)
    with pytest.raises(NegativeResult, match="loss became"):
        train(tmp_path, recipe=recipe)
    assert not (tmp_path / "backup.npz").exists()


def test_every_epoch_is_told(tmp_path):
    told = []
    train(tmp_path, epochs=3, on_epoch=lambda *epoch: told.append(epoch))
    assert [epoch[:2] for epoch in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(loss) for _, _, loss in told)


def test_checkpoints_that_cannot_be_written_are_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        train(tmp_path / "file" / "checkpoints")


# What only Keras's `fit` trains


class OwnStep(keras.Model):
    steps = 0

    def train_step(self, data):
        type(self).steps += 1  # counts traces: at least one, if it is used at all
        return super().train_step(data)


def with_own_step():
    model = noisy()
    return OwnStep(model.input, model.output)


def on_disk(part, path):
    np.save(path, part.x)
    return replace(part, x=np.load(path, mmap_mode="r"))


def test_a_training_step_of_the_model_itself_is_what_runs(tmp_path):
    before = OwnStep.steps
    assert train(tmp_path, with_own_step, devices=["CPU:0", "CPU:0"]).devices == 1
    assert OwnStep.steps > before


class OwnCall(OwnStep):
    def call(self, *args, **options):
        return super().call(*args, **options) ** 2


def with_own_call():
    model = noisy()
    return OwnCall(model.input, model.output)


def test_what_is_trained_is_a_stock_network_unless_it_predicts_in_its_own_way(tmp_path):
    part = make_stripes(41)
    images = part.x / np.float32(255)
    kinds = {}
    for build in (with_own_step, with_own_call):
        trained = train(tmp_path / build.__name__, build, part=part).model
        checkpoint = keras.models.load_model(
            tmp_path / build.__name__ / "model.keras",
            custom_objects={"OwnStep": OwnStep, "OwnCall": OwnCall},
        )
        np.testing.assert_allclose(trained(images), checkpoint(images), atol=1e-6)
        kinds[build] = isinstance(trained, OwnStep)
    assert kinds == {with_own_step: False, with_own_call: True}


@pytest.mark.parametrize("change", [{}, {"class_weight": "balanced"}], ids=str)
def test_it_gives_what_the_graph_gives(tmp_path, monkeypatch, change):
    recipe, part = replace(RECIPE, **change), make_stripes(41)
    part.y[::5] = 0
    by_graph = train(tmp_path / "graph", recipe=recipe, part=part)
    monkeypatch.setattr(replicas, "only_fit_can", lambda _: ["a test wants it"])
    by_fit = train(tmp_path / "fit", recipe=recipe, part=part)
    assert largest_difference(weights(by_fit.model), weights(by_graph.model)) < 1e-5


@pytest.mark.parametrize("bytes_at_a_time", [1, 1024, 2**20])
def test_examples_on_disk_give_what_those_in_memory_give(tmp_path, monkeypatch, bytes_at_a_time):
    """Loads of one batch, of two, and one for all of the 41."""
    in_memory = train(tmp_path / "memory", noisy)
    monkeypatch.setattr(replicas, "LOAD_BYTES", bytes_at_a_time)
    monkeypatch.setattr(replicas, "stays_on_disk", lambda _: True)
    part = on_disk(make_stripes(41), tmp_path / "x.npy")
    on_the_disk = train(tmp_path / "disk", noisy, part=part)
    assert largest_difference(weights(on_the_disk.model), weights(in_memory.model)) < 1e-6


@pytest.mark.parametrize("bytes_at_a_time", [None, 1024])
def test_one_function_seeds_the_augmentation_of_each_step(tmp_path, monkeypatch, bytes_at_a_time):
    part, seen = make_stripes(41), []
    if bytes_at_a_time is not None:
        monkeypatch.setattr(replicas, "LOAD_BYTES", bytes_at_a_time)
        monkeypatch.setattr(replicas, "stays_on_disk", lambda _: True)

    def augmentation(images, wanted, seed, *_):
        tf.numpy_function(lambda drawn: seen.append(drawn.tolist()), [seed], [])
        return images, wanted

    monkeypatch.setattr(replicas, "augmentation_of", lambda *_: augmentation)
    monkeypatch.setattr(replicas, "step_seed", lambda seed, step: seed + [0, 5 * step])
    train(tmp_path, part=part, epochs=2)
    first = derive_seed(3, "augment")
    assert seen == [[first, epoch + 5 * step] for epoch in (1, 2) for step in range(6)]


def test_class_weights_change_the_weights(tmp_path):
    part = make_stripes(41)
    part.y[::2] = 0
    balanced = train(tmp_path / "a", recipe=replace(RECIPE, class_weight="balanced"), part=part)
    alike = train(tmp_path / "b", part=part)
    assert largest_difference(weights(balanced.model), weights(alike.model)) > 1e-3


def test_a_killed_fit_ends_with_the_very_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(replicas, "only_fit_can", lambda _: ["a test wants it"])
    part = make_stripes(41)
    undisturbed = train(tmp_path / "undisturbed", noisy, part=part)
    with pytest.raises(Killed):
        train(tmp_path / "killed", noisy, part=part, on_epoch=kill_after(2))
    resumed = train(tmp_path / "killed", noisy, part=part)
    assert resumed.resumed_from == 2
    assert same(weights(resumed.model), weights(undisturbed.model))


def test_other_optimizers_of_keras_retrain(tmp_path):
    lion = Recipe(optimizer="lion", learning_rate=0.003, batch_size=8)
    ours = train(tmp_path / "lion", recipe=lion)
    sgd = train(tmp_path / "sgd", recipe=replace(lion, optimizer="sgd"))
    assert np.isfinite(weights(ours.model)[0]).all()
    assert largest_difference(weights(ours.model), weights(sgd.model)) > 1e-3


class TestVisibleDevices:
    @pytest.fixture
    def gpus(self, monkeypatch):
        def pretend(count):
            device = tf.config.LogicalDevice
            found = [device(f"/device:GPU:{i}", "GPU") for i in range(count)]
            monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: found)

        return pretend

    def test_without_a_gpu_it_is_the_cpu(self, gpus):
        gpus(0)
        assert visible_devices() == visible_devices("all") == visible_devices(0) == ["CPU:0"]

    def test_all_gpus_or_the_first_of_them(self, gpus):
        gpus(2)
        assert visible_devices("all") == visible_devices(2) == ["GPU:0", "GPU:1"]
        assert visible_devices("1") == ["GPU:0"]
        assert visible_devices(0) == ["CPU:0"]

    @pytest.mark.parametrize(("count", "message"), [(0, "no GPU is visible"), (2, "only 2 are")])
    def test_more_than_there_are_is_an_error(self, gpus, count, message):
        gpus(count)
        with pytest.raises(UserError, match=message):
            visible_devices(count + 1)

    @pytest.mark.parametrize("wrong", ["two", "-1", -1, ""])
    def test_anything_else_is_an_error(self, gpus, wrong):
        gpus(2)
        with pytest.raises(UserError, match="all or a number"):
            visible_devices(wrong)


# Logical devices are set before TensorFlow starts, so these run in processes of their own.

TWO_DEVICES = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parent)!r}]
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import json
from dataclasses import replace
from pathlib import Path
import numpy as np
import test_retrain as t
from automl_sem import replicas
from automl_sem import retrain as module
"""


def start(script, *arguments):
    command = [sys.executable, "-c", TWO_DEVICES + script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def last_line(process):
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


EQUIVALENCE = """
from conftest import EVERYTHING
sys.path[:0] = [str(Path(t.__file__).parent / "scoring")]
from sequence_parts import convolutional_recurrent, make_clips, make_series, recurrent
found = {}
for n, batch_size, augment in [
    (40, 8, False), (41, 8, True), (43, 8, EVERYTHING), (33, 16, EVERYTHING)
]:
    recipe = replace(t.RECIPE, batch_size=batch_size, augment=augment)
    ends = [
        t.weights(t.train(Path(sys.argv[1], f"{n}-{len(d)}"), recipe=recipe,
                          part=t.make_stripes(n), devices=d).model)
        for d in (["CPU:0"], ["CPU:0", "CPU:1"])
    ]
    found[f"{n} by {batch_size}"] = t.largest_difference(*ends)
for kind, part, build in [
    ("series", make_series(41), recurrent(noise=0.0)),
    ("clips", make_clips(23), convolutional_recurrent),
]:
    recipe = replace(t.RECIPE, augment=False)
    ends = [
        t.weights(t.train(Path(sys.argv[1], f"{kind}-{len(d)}"), build, recipe=recipe,
                          part=part, devices=d).model)
        for d in (["CPU:0"], ["CPU:0", "CPU:1"])
    ]
    found[kind] = t.largest_difference(*ends)
for task, build in [("regression", t.of_numbers), ("multi-label", t.of_labels)]:
    ends = [
        t.weights(t.train(Path(sys.argv[1], f"{task}-{len(d)}"), build,
                          part=t.with_outputs(task, 41), devices=d).model)
        for d in (["CPU:0"], ["CPU:0", "CPU:1"])
    ]
    found[task] = t.largest_difference(*ends)
replicas.LOAD_BYTES = 1024
replicas.stays_on_disk = lambda x: True
part = t.on_disk(t.make_stripes(41), Path(sys.argv[1], "x.npy"))
ends = [
    t.weights(t.train(Path(sys.argv[1], f"disk-{len(d)}"), part=part, devices=d).model)
    for d in (["CPU:0"], ["CPU:0", "CPU:1"])
]
found["on disk"] = t.largest_difference(*ends)
two = t.train(Path(sys.argv[1], "noisy"), t.noisy, part=t.make_stripes(33), epochs=8,
              devices=["CPU:0", "CPU:1"], recipe=replace(t.RECIPE, batch_size=16))
images = t.make_stripes(60, seed=1)
hits = two.model.predict(images.x / np.float32(255), verbose=0).argmax(1) == images.y
found["finite"] = all(bool(np.isfinite(v).all()) for v in t.weights(two.model))
found["devices"] = two.devices

trainer = replicas.MirroredTrainer(t.noisy, t.RECIPE, t.make_stripes(40), real=np.arange(40),
                                  seed=1, steps=10, devices=["CPU:0", "CPU:1"])
seeds = [v for v in trainer.model.variables if v.path.endswith("seed_generator_state")]
copies = [c.numpy().tolist() for c in trainer._strategy.experimental_local_results(seeds[0].value)]
found["own noise"] = copies[0] != copies[1]
trainer.run_epoch(1)
statistics = [v for v in trainer.model.variables if v.path.endswith("moving_mean")][0]
copies = [c.numpy() for c in trainer._strategy.experimental_local_results(statistics.value)]
found["one average"] = bool(np.array_equal(*copies) and np.abs(copies[0]).max() > 0)
print(json.dumps(found))
"""


@pytest.mark.slow
def test_two_devices_train_as_one_does(tmp_path):
    """Last batches: full, 1 (an empty replica), 3 (an odd one), 1 of 16."""
    found = last_line(start(EQUIVALENCE, tmp_path))
    images = ("40 by 8", "41 by 8", "43 by 8", "33 by 16", "on disk")
    for case in (*images, "series", "clips", "regression", "multi-label"):
        assert found[case] < 5e-6, (case, found)
    assert found["finite"]
    assert found["devices"] == 2
    assert found["own noise"]
    assert found["one average"]


TRAIN_NOISY = """
module.SAVE_EVERY_S = float(sys.argv[2])
end = t.train(Path(sys.argv[1]), t.noisy, epochs=int(sys.argv[3]), devices=["CPU:0", "CPU:1"],
              on_epoch=lambda epoch, *_: print(f"epoch {epoch}", flush=True))
np.savez(Path(sys.argv[1], "end.npz"), *t.weights(end.model))
print(json.dumps({"resumed_from": end.resumed_from}))
"""


@pytest.mark.slow
def test_kill_9_on_two_devices_changes_nothing(tmp_path):
    undisturbed = start(TRAIN_NOISY, tmp_path / "a", 1e9, 60)
    victim = start(TRAIN_NOISY, tmp_path / "b", 0, 60)
    for line in victim.stdout:
        if line == "epoch 7\n":
            victim.send_signal(signal.SIGKILL)
            break
    assert victim.wait() == -signal.SIGKILL
    assert 7 <= last_line(start(TRAIN_NOISY, tmp_path / "b", 1e9, 60))["resumed_from"] < 60
    assert last_line(undisturbed)["resumed_from"] == 0
    with np.load(tmp_path / "a" / "end.npz") as a, np.load(tmp_path / "b" / "end.npz") as b:
        assert same([a[name] for name in a.files], [b[name] for name in a.files])
