"""A GAN on two devices learns what it learns on one."""

import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.experimental.enable_op_determinism()

from small_gans import LATENT, small_discriminator, small_generator, some_images
from automl_sem import DiffAugment, Gan, GanRecipe
from automl_sem.data.dataset import TrainingPart
from automl_sem.gan_replicas import MirroredGanTrainer, pieces_of

images, labels = some_images(50)
x = np.rint(images * 255).astype(np.uint8)
part = TrainingPart(x, labels.astype(np.int64), tuple(map(str, range(50))), ("a", "b", "c"))
recipe = GanRecipe(
    learning_rate=2e-3, batch_size=17, steps=30, d_steps=2, r1=0.1, ema=0.9,
    augment=DiffAugment(translation=0.125, cutout=0.25),
)

def build():
    generator = small_generator(conditional=True, normalization="none")
    return Gan(generator, small_discriminator(True, "spectral", dropout=0.0), LATENT)

def trained(devices, pieces=None, state=None):
    strategy = tf.distribute.MirroredStrategy(devices)
    trainer = MirroredGanTrainer(
        build, recipe, part, seed=3, strategy=strategy, devices=devices
    )
    if state is not None:
        trainer.restore(state)
    for piece in pieces or range(1, pieces_of(recipe) + 1):
        assert np.isfinite(trainer.run_epoch(piece))
    return trainer

one, two = trained(["CPU:0"]), trained(["CPU:0", "CPU:1"])
for name, index in (("generator", 0), ("discriminator", 1), ("averaged", 2)):
    for ours, theirs in zip(two.model.networks[index].weights, one.model.networks[index].weights):
        difference = np.abs(ours.numpy() - theirs.numpy()).max()
        print(name, ours.path, difference)
        assert difference < 1e-4, (name, ours.path, difference)

half = trained(["CPU:0", "CPU:1"], range(1, 16)).state()
again = trained(["CPU:0", "CPU:1"], range(16, 31), half)
for ours, theirs in zip(again.state(), two.state()):
    np.testing.assert_array_equal(ours, theirs)
print("resumed")
"""


@pytest.mark.slow
def test_two_devices_come_to_the_weights_of_one_and_a_resumed_training_to_the_same(request):
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, cwd=request.path.parent, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "resumed" in done.stdout
