"""The background of pictures, and drawings told from other pictures."""

import dataclasses

import numpy as np

from automl_sem.data import load_dataset
from automl_sem.data.ground import background, background_of, looks_drawn


def test_the_background_is_what_the_border_shows():
    x = np.full((3, 9, 9, 1), 250, np.uint8)
    x[:, 2:7, 2:7] = 10
    assert background(x) == 250


def test_drawings_are_told_from_pictures():
    drawings = load_dataset("shapes").train
    assert looks_drawn(drawings)
    inverted = dataclasses.replace(drawings, x=255 - drawings.x)
    assert looks_drawn(inverted)
    noise = np.random.default_rng(0).integers(0, 256, drawings.x.shape, np.uint8)
    assert not looks_drawn(dataclasses.replace(drawings, x=noise))
    assert not looks_drawn(dataclasses.replace(drawings, x=drawings.x.repeat(3, axis=-1)))
    assert not looks_drawn(dataclasses.replace(drawings, x=drawings.x.repeat(4, axis=1)))


def test_clips_have_a_background_as_images_have():
    x = np.full((3, 4, 9, 9, 1), 200, np.uint8)
    x[:, :, 2:7, 2:7] = 10
    assert background(x) == 200


def test_on_disk_the_background_is_that_of_enough_pictures(tmp_path, monkeypatch):
    x = np.full((40, 9, 9, 1), 250, np.uint8)
    x[1::2] = 60
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    monkeypatch.setattr("automl_sem.data.ground.BORDER_BYTES", 81)  # one picture
    assert background_of(mapped, np.arange(0, 40, 2)) == 250
    assert background_of(mapped, np.arange(1, 40, 2)) == 60
    assert background_of(x, np.arange(0, 40, 2)) == 250
