"""Padding keeps the shape of images, with their background, in the loaders and in exports."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from picture_files import classes, picture
from PIL import Image

from automl_sem.data import examples
from automl_sem.data.arrays import from_arrays, load_npz
from automl_sem.data.images import load_images
from automl_sem.data.pixels import border, resize
from automl_sem.export.intake import ImageIntake
from automl_sem.export.keras import KERAS
from automl_sem.export.saved_model import SAVED_MODEL
from automl_sem.export.wrap import predict_core, wrap


def drawing(height, width, ground=255, ink=0):
    """A filled square of half the shorter side in the middle."""
    image = np.full((height, width, 1), ground, np.uint8)
    half = min(height, width) // 4
    middle = slice(height // 2 - half, height // 2 + half)
    image[middle, width // 2 - half : width // 2 + half] = ink
    return image


def extent(image, ground):
    """Height and width of what is not background."""
    rows, columns = np.nonzero(np.abs(image[..., 0].astype(int) - ground) > 100)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


@pytest.mark.parametrize("ground", [0, 255, 90])
@pytest.mark.parametrize("size", [(80, 40), (40, 80), (33, 100)])
def test_a_square_stays_a_square_on_its_background(size, ground):
    image = drawing(*size, ground=ground, ink=255 - ground if ground != 90 else 255)[None]
    padded = resize(image, (40, 40), pad=ground)[0]
    height, width = extent(padded, ground)
    assert abs(height - width) <= 1
    assert (padded[[0, 0, -1, -1], [0, -1, 0, -1]] == ground).all()
    stretched = extent(resize(image, (40, 40))[0], ground)
    assert abs(stretched[0] - stretched[1]) > 5


def test_images_of_the_wanted_shape_are_resized_as_without_padding():
    image = drawing(60, 90)[None]
    assert (resize(image, (20, 30), pad=7) == resize(image, (20, 30))).all()


def test_the_background_is_the_median_along_the_borders():
    images = np.stack([drawing(20, 30, ground) for ground in (255, 200, 0)])
    assert border(images).tolist() == [255, 200, 0]
    images[:, :3, :4] = 9
    assert border(images).tolist() == [255, 200, 0]


@pytest.mark.parametrize("ground", [0, 255])
def test_a_folder_is_padded_with_its_background(tmp_path, ground):
    for label, ink in (("cat", 255 - ground), ("dog", 120)):
        for i in range(4):
            image = drawing(60 + 10 * i, 30, ground, ink)
            (tmp_path / label).mkdir(exist_ok=True)
            Image.fromarray(image[..., 0]).save(tmp_path / label / f"{i}.png")
    dataset = load_images(tmp_path, image_size=32, pad=True)
    assert dataset.pad == ground
    assert (dataset.train.x[:, 16, [0, -1]] == ground).all()
    assert f"8 of 8 images resized to 32x32, filled up with {ground} (0 black, 255 white)" in (
        dataset.notes
    )
    assert not any("stretched" in note for note in dataset.notes)
    assert dataset.options == {"image_size": 32, "pad": True}


def test_arrays_are_padded_and_so_are_large_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    x = np.stack([drawing(20, 40, 255, i) for i in range(20)])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(20) % 2)
    from automl_sem.data.arrays import load_npz

    small = from_arrays(x, np.arange(20) % 2, image_size=24, pad=True)
    assert small.pad == 255
    assert (small.train.x[:, 0] == 255).all()
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    large = load_npz(tmp_path / "a.npz", image_size=24, pad=True)
    assert isinstance(large.train.x, np.memmap)
    assert large.train.fingerprint() == small.train.fingerprint()
    assert large.pad == 255


@pytest.mark.parametrize("mapped", [False, True])
def test_the_background_is_that_of_the_training_images_alone(tmp_path, monkeypatch, mapped):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0 if mapped else 0.25)
    x, y = np.stack([drawing(20, 30, ground=4 * i) for i in range(20)]), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y)
    before = load_npz(tmp_path / "a.npz", image_size=24, pad=True)
    held = [int(name.split()[-1]) for name in before.test.names]
    assert held
    x[held] = [drawing(20, 30, ground=255, ink=i) for i in range(len(held))]
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y)
    for _ in range(2):
        after = load_npz(tmp_path / "a.npz", image_size=24, pad=True)
        assert after.test.names == before.test.names
        assert after.pad == before.pad
        np.testing.assert_array_equal(after.train.x, before.train.x)


@pytest.mark.parametrize(
    ("sizes", "wild"),
    [
        ([(20, 20), (22, 18)], False),
        ([(20, 20), (20, 31)], True),
        ([(20, 20), (79, 79)], False),
        ([(20, 20), (81, 81)], True),
    ],
)
def test_images_that_differ_widely_get_a_note_that_names_the_option(tmp_path, sizes, wild):
    for label in ("cat", "dog"):
        for i in range(6):
            height, width = sizes[i % 2]
            picture(tmp_path / label / f"{i}.png", height, width)
    notes = " ".join(load_images(tmp_path, image_size=20).notes)
    assert ("images differ widely, from 20x20 to" in notes) == wild
    assert ("--pad" in notes) == wild
    assert "--pad" not in " ".join(load_images(tmp_path, image_size=20, pad=True).notes)


def test_stretched_arrays_get_a_note_too():
    x = np.stack([drawing(20, 40, 255, i) for i in range(20)])
    assert any("--pad" in note for note in from_arrays(x, np.arange(20) % 2, image_size=24).notes)


def network():
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("fill", [0, 255])
def test_exported_models_pad_as_the_loader_does(tmp_path, fill):
    core = network()
    intake = ImageIntake(core, fill)
    model = wrap(core, intake=intake)
    KERAS.write(model, tmp_path / KERAS.file, ("a", "b", "c"))
    SAVED_MODEL.write(model, tmp_path / SAVED_MODEL.file, ("a", "b", "c"))
    loaded = [made.load(tmp_path / made.file) for made in (KERAS, SAVED_MODEL)]
    for size in ((8, 8), (37, 20), (20, 37), (5, 6)):
        images = np.random.default_rng(0).integers(0, 256, (5, *size, 1), np.uint8)
        expected = core(resize(images, (8, 8), fill).astype(np.float32) / np.float32(255))
        assert np.allclose(predict_core(core, images, intake=intake), expected, atol=1e-6)
        for predict in (model, *loaded):
            assert np.allclose(np.asarray(predict(images)), expected, atol=1e-6)
    thin = images[:, :, :3]
    assert not np.allclose(predict_core(core, thin, intake=intake), predict_core(core, thin))


def test_an_image_of_one_pixel_is_refused_by_name_and_can_be_skipped(tmp_path):
    classes(tmp_path)
    picture(tmp_path / "cat" / "dot.png", 1, 1)
    from automl_sem.errors import UserError

    with pytest.raises(UserError, match=r"dot\.png: an image of 1x1 pixels shows nothing.*--skip"):
        load_images(tmp_path)
    assert "1 unreadable image left out: cat/dot.png" in load_images(tmp_path, skip_bad=True).notes
