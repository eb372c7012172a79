"""Image folders: what is found, how it is decoded and resized, and what is refused."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_sem.data import examples
from automl_sem.data.images import load_images
from automl_sem.data.pixels import decode_image, resize, resizing_layer
from automl_sem.errors import UserError, one_line

REAL_DRAWINGS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "handwriting_shape"


def save(path: Path, height: int = 12, width: int = 10, channels: int = 1, seed: int = 0) -> Path:
    """Save an image of noise, grey or in colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def fill(root: Path, labels: tuple[str, ...] = ("cat", "dog"), n: int = 5, **image: int) -> Path:
    for label in labels:
        for i in range(1, n + 1):
            seed = zlib.crc32(f"{root.name} {label} {i}".encode())
            save(root / label / f"{label}{i}.png", seed=seed, **image)
    return root


def refusal(folder: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        load_images(folder, **options)
    assert "\n" not in str(caught.value)
    return one_line(caught.value)


# What is found


def test_each_folder_is_a_class_in_sorted_order(tmp_path):
    dataset = load_images(fill(tmp_path, ("zebra", "ant", "cat"), n=5))
    assert dataset.class_names == ("ant", "cat", "zebra")
    assert np.bincount(dataset.train.y).tolist() == [4, 4, 4]
    assert all(
        name.startswith(dataset.class_names[y])
        for name, y in zip(dataset.train.names, dataset.train.y, strict=True)
    )


def test_a_fifth_is_split_off_where_there_is_no_test_part(tmp_path):
    dataset = load_images(fill(tmp_path, n=10))
    assert np.bincount(dataset.test.y).tolist() == [2, 2]
    assert any("4 of 20 examples split off" in note for note in dataset.notes)
    assert not set(dataset.train.names) & set(dataset.test.names)


def test_train_and_test_folders_are_taken_as_they_are(tmp_path):
    fill(tmp_path / "train", n=4)
    fill(tmp_path / "test", n=2)
    dataset = load_images(tmp_path)
    assert dataset.train.names[0] == "train/cat/cat1.png"
    assert np.bincount(dataset.train.y).tolist() == [4, 4]
    assert np.bincount(dataset.test.y).tolist() == [2, 2]
    assert dataset.notes == ()


@pytest.mark.parametrize("name", ["val", "validation"])
def test_a_validation_folder_joins_the_training_part_and_a_note_says_so(tmp_path, name):
    fill(tmp_path / "train", n=4)
    fill(tmp_path / "test", n=2)
    fill(tmp_path / name, n=3)
    dataset = load_images(tmp_path)
    assert np.bincount(dataset.train.y).tolist() == [7, 7]
    assert f"{name} joined to the training part" in dataset.notes


def test_train_may_be_a_class_among_others(tmp_path):
    assert load_images(fill(tmp_path, ("bus", "train"))).class_names == ("bus", "train")


def test_a_folder_beside_train_is_ignored_and_named(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "old")
    dataset = load_images(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert "folders beside train ignored: old" in dataset.notes


def test_images_are_found_below_the_class_folder_and_10_comes_after_9(tmp_path):
    fill(tmp_path / "train", n=10)
    save(tmp_path / "train" / "cat" / "more" / "black" / "cat11.png")
    fill(tmp_path / "test", n=1)
    names = load_images(tmp_path).train.names
    assert names[8:11] == (
        "train/cat/cat9.png",
        "train/cat/cat10.png",
        "train/cat/more/black/cat11.png",
    )


def test_hidden_files_are_passed_over_and_others_are_counted(tmp_path):
    fill(tmp_path)
    for name in (".DS_Store", ".cache/x.png", "cat/.hidden.png", "cat/notes.txt", "readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not an image")
    dataset = load_images(tmp_path)
    assert len(dataset.train.y) + len(dataset.test.y) == 10
    assert any(note.startswith("2 files ignored") for note in dataset.notes)


# How it is decoded


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "jpg", "tiff", "webp"])
def test_formats_are_read_with_their_values(tmp_path, suffix):
    pixels = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None], 16, axis=0)
    Image.fromarray(pixels).save(tmp_path / f"image.{suffix}", **quality(suffix))
    decoded = decode_image(tmp_path / f"image.{suffix}", 1)
    assert decoded.shape == (16, 16, 1)
    assert np.abs(decoded[..., 0].astype(int) - pixels).max() <= (4 if suffix == "jpg" else 0)


def quality(suffix: str) -> dict[str, object]:
    return {"jpg": {"quality": 100}, "webp": {"lossless": True}}.get(suffix, {})


def test_what_is_transparent_becomes_white(tmp_path):
    pixels = np.zeros((9, 8, 4), np.uint8)  # black, and
    pixels[:, 4:, 3] = 255  # opaque on the right only
    Image.fromarray(pixels).save(tmp_path / "stroke.png")
    decoded = decode_image(tmp_path / "stroke.png", 3)
    assert (decoded[:, :4] == 255).all()
    assert (decoded[:, 4:] == 0).all()


def test_half_transparent_black_is_mid_grey_in_la_too(tmp_path):
    pixels = np.zeros((8, 8, 2), np.uint8)
    pixels[..., 1] = 128
    Image.fromarray(pixels, "LA").save(tmp_path / "la.png")
    assert np.unique(decode_image(tmp_path / "la.png", 1)).tolist() == [127]


def test_palette_colours_and_their_transparency_are_applied(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (4, 0, 8, 8))
    image.save(tmp_path / "palette.png", transparency=1)
    decoded = decode_image(tmp_path / "palette.png", 3)
    assert decoded[0, 0].tolist() == [255, 0, 0]
    assert decoded[0, 7].tolist() == [255, 255, 255]


def test_sixteen_bits_become_eight(tmp_path):
    pixels = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    assert decode_image(tmp_path / "deep.png", 1)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[0, 257, 32896, 65535]], np.uint16),
        np.array([[0, 257, 32896, 65535]], np.int32),
        np.array([[0, 1, 128, 255]], np.float32),
        np.array([[0, 1 / 255, 128 / 255, 1]], np.float32),
    ],
)
def test_values_of_a_tiff_are_scaled_not_clipped(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "deep.tiff")
    assert decode_image(tmp_path / "deep.tiff", 1)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    "pixels", [np.array([[0, 70000]], np.int32), np.array([[-1, 3], [0, 300]], np.float32)]
)
def test_values_that_no_scale_is_known_for_are_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "deep.tif")
    with pytest.raises(UserError, match=r"deep\.tif: cannot be read as an image: its values go"):
        decode_image(tmp_path / "deep.tif", 1)


def test_the_orientation_of_the_camera_is_applied(tmp_path):
    image = Image.new("L", (20, 10), 255)
    image.paste(0, (0, 0, 10, 10))  # dark on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "photo.jpg", exif=exif, quality=100)
    decoded = decode_image(tmp_path / "photo.jpg", 1)
    assert decoded.shape == (20, 10, 1)
    assert decoded[:8].max() < 20
    assert decoded[12:].min() > 235


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    first, second = Image.new("L", (8, 8), 10), Image.new("L", (8, 8), 200)
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second])
    assert np.unique(decode_image(tmp_path / "moving.gif", 1)).tolist() == [10]


def test_colour_becomes_grey_by_its_luminance(tmp_path):
    Image.new("RGB", (8, 8), (0, 255, 0)).save(tmp_path / "green.png")
    assert np.unique(decode_image(tmp_path / "green.png", 1)).tolist() == [150]


# Channels and size


def test_images_that_are_all_grey_have_one_channel(tmp_path):
    fill(tmp_path)
    pixels = np.zeros((12, 10, 4), np.uint8)
    pixels[..., 3] = 77
    Image.fromarray(pixels).save(tmp_path / "cat" / "stroke.png")
    assert load_images(tmp_path).info.input_shape == (12, 10, 1)


def test_one_colour_image_makes_three_channels(tmp_path):
    fill(tmp_path)
    save(tmp_path / "cat" / "colour.png", channels=3)
    assert load_images(tmp_path).info.input_shape == (12, 10, 3)


def test_colour_files_that_show_only_grey_have_one_channel_and_a_note(tmp_path):
    fill(tmp_path)
    for name in ("cat/cat1.png", "dog/dog2.png"):
        Image.open(tmp_path / name).convert("RGB").save(tmp_path / name)
    dataset = load_images(tmp_path)
    assert dataset.info.input_shape == (12, 10, 1)
    assert "2 colour files show only grey: read as one channel" in dataset.notes


def test_colours_that_only_the_test_part_has_are_left_out_with_a_note(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test")
    save(tmp_path / "test" / "cat" / "red.png", channels=3)
    dataset = load_images(tmp_path)
    assert dataset.test.x.shape[-1] == 1
    assert "1 test image is in colour, read as grey like the training images" in dataset.notes


def test_images_of_one_size_keep_it_and_their_values(tmp_path):
    dataset = load_images(fill(tmp_path, height=64, width=9))
    assert dataset.info.input_shape == (64, 9, 1)
    assert not any("resized" in note for note in dataset.notes)
    for name, image in zip(dataset.train.names, dataset.train.x, strict=True):
        assert (image == decode_image(tmp_path / name, 1)).all()


def test_images_of_several_sizes_get_the_median_and_a_note(tmp_path):
    fill(tmp_path, n=4, height=20, width=30)
    save(tmp_path / "cat" / "large.png", height=50, width=60)
    dataset = load_images(tmp_path)
    assert dataset.info.input_shape == (20, 30, 1)
    assert "1 of 9 images resized to 20x30" in dataset.notes


def test_large_images_are_shrunk_to_64_on_their_longer_side(tmp_path):
    assert load_images(fill(tmp_path, height=96, width=192)).info.input_shape == (32, 64, 1)


def test_an_image_size_makes_them_square(tmp_path):
    dataset = load_images(fill(tmp_path), image_size=16)
    assert dataset.info.input_shape == (16, 16, 1)
    assert "10 of 10 images resized to 16x16" in dataset.notes


def test_test_images_get_the_size_of_the_training_images(tmp_path):
    fill(tmp_path / "train", height=20, width=20)
    fill(tmp_path / "test", height=40, width=40)
    dataset = load_images(tmp_path)
    assert dataset.train.x.shape[1:] == dataset.test.x.shape[1:] == (20, 20, 1)
    assert "10 of 20 images resized to 20x20" in dataset.notes


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("test", [{"channels": 3}, {"height": 200, "width": 150}, {"dark": True}])
def test_nothing_is_chosen_by_images_that_are_split_off(tmp_path, monkeypatch, test, mapped):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0 if mapped else 0.25)
    folder = tmp_path / "pets"
    for i in range(6):  # whose medians any other image moves
        save(folder / "ab"[i % 2] / f"{i}.png", height=20 + i, width=30 - i, seed=i)
    before = load_images(folder, pad=True)
    assert len(before.test.names) == 2
    for seed, name in enumerate(before.test.names):
        if "dark" in test:
            Image.new("L", (10, 24), 0).save(folder / name)
        else:
            save(folder / name, seed=seed, **test)
    for _ in range(2):
        after = load_images(folder, pad=True)
        assert after.test.names == before.test.names
        assert after.info == before.info
        assert after.pad == before.pad
        np.testing.assert_array_equal(after.train.x, before.train.x)
        assert after.test.x.shape == before.test.x.shape


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(37, 50), (9, 70), (12, 11), (24, 20)])
def test_resizing_equals_the_stock_keras_layer(height, width, channels):
    import keras

    images = noise(3, height, width, channels)
    layer = keras.layers.Resizing(24, 20, interpolation="bilinear", antialias=True)
    resized = resize(images, (24, 20))
    assert resized.dtype == np.uint8
    assert (resized == np.asarray(layer(images))).all()
    alone = [resize(image[None], (24, 20))[0] for image in images]
    assert (resized == alone).all()


def test_the_layer_gives_the_same_within_a_saved_model(tmp_path):
    import keras

    images = noise(3, 37, 50, 1)
    inputs = keras.Input((None, None, 1), dtype="uint8")
    model = keras.Model(inputs, resizing_layer((24, 20))(inputs))
    model.save(tmp_path / "model.keras")
    predicted = keras.saving.load_model(tmp_path / "model.keras").predict(images, verbose=0)
    assert predicted.dtype == np.uint8
    assert (predicted == resize(images, (24, 20))).all()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def test_the_loader_resizes_as_the_model_will(tmp_path):
    fill(tmp_path / "train", height=70, width=90)
    fill(tmp_path / "test", n=1, height=31, width=33)
    dataset = load_images(tmp_path)
    for part in (dataset.train, dataset.test):
        raw = decode_image(tmp_path / part.names[0], 1)
        assert (part.x[0] == resize(raw[None], part.x.shape[1:3])[0]).all()


# What is refused


def test_a_missing_folder_is_refused(tmp_path):
    assert refusal(tmp_path / "gone").startswith(f"{tmp_path / 'gone'}: no such folder")


def test_an_empty_folder_is_refused(tmp_path):
    assert "this folder is empty" in refusal(tmp_path)


def test_a_folder_of_text_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    assert "no class folders" in refusal(tmp_path)


def test_images_without_class_folders_are_refused_with_how_to_arrange_them(tmp_path):
    save(tmp_path / "cat.png")
    message = refusal(tmp_path)
    assert "directly in this folder" in message
    assert "DIR/CLASS/image.png" in message


def test_a_class_folder_without_images_is_refused(tmp_path):
    fill(tmp_path)
    (tmp_path / "emu").mkdir()
    assert refusal(tmp_path).startswith(f"{tmp_path / 'emu'}: this class folder holds no")


def test_one_class_is_refused(tmp_path):
    assert "only one class, 'cat'" in refusal(fill(tmp_path, ("cat",)))


def test_a_class_with_a_single_example_is_refused(tmp_path):
    fill(tmp_path)
    save(tmp_path / "emu" / "one.png")
    assert "class 'emu' has a single example" in refusal(tmp_path)


def test_a_test_folder_without_train_is_refused(tmp_path):
    fill(tmp_path / "test")
    assert "'test' but no 'train'" in refusal(tmp_path)


def test_classes_that_differ_between_train_and_test_are_named(tmp_path):
    fill(tmp_path / "train", ("ant", "cat", "dog"))
    fill(tmp_path / "test", ("cat", "dog", "emu"))
    message = refusal(tmp_path)
    assert "only in train: ant" in message
    assert "only in test: emu" in message


@pytest.mark.parametrize("folders", [("train/Cat", "train/cat"), ("train/cat", "test/Cat")])
def test_classes_that_differ_only_in_case_are_refused(tmp_path, folders):
    fill(tmp_path / "train", ("dog",))
    fill(tmp_path / "test", ("dog",))
    for folder in folders:
        fill((tmp_path / folder).parent, ((tmp_path / folder).name,))
    if len({path.name for path in tmp_path.glob("*/[Cc]at")}) < 2:
        pytest.skip("this file system takes both names for one")
    assert "the classes 'Cat' and 'cat' differ only in capital letters" in refusal(tmp_path)


def test_tiny_images_are_refused_with_the_option_that_helps(tmp_path):
    fill(tmp_path, height=7, width=20)
    assert "--image-size" in refusal(tmp_path)
    assert load_images(tmp_path, image_size=8).info.input_shape == (8, 8, 1)


@pytest.mark.parametrize("content", [b"", b"this is text", "truncated"])
def test_an_unreadable_image_is_named_and_can_be_skipped(tmp_path, content):
    fill(tmp_path)
    bad = save(tmp_path / "dog" / "bad.png", height=60, width=60)
    bad.write_bytes(bad.read_bytes()[:900] if content == "truncated" else content)
    message = refusal(tmp_path)
    assert message.startswith(f"{bad}: cannot be read as an image")
    assert "--skip-bad" in message
    dataset = load_images(tmp_path, skip_bad=True)
    assert len(dataset.train.y) + len(dataset.test.y) == 10
    assert "1 unreadable image left out: dog/bad.png" in dataset.notes
    assert dataset.options == {"skip_bad": True}


def test_a_class_that_skipping_leaves_with_one_example_is_refused(tmp_path):
    fill(tmp_path)
    save(tmp_path / "emu" / "good.png")
    (tmp_path / "emu" / "bad.png").write_bytes(b"")
    assert "class 'emu' has a single example" in refusal(tmp_path, skip_bad=True)


def test_a_missing_image_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        decode_image(tmp_path / "gone.png", 1)


@pytest.mark.parametrize("locked", ["", "cat", "cat/cat1.png"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path, locked):
    fill(tmp_path)
    path = tmp_path / locked
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        assert refusal(tmp_path).startswith(f"{path}: permission denied")
    finally:
        path.chmod(mode)


def test_a_denied_image_is_not_skipped_as_broken(tmp_path, monkeypatch):
    fill(tmp_path)

    def deny(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", deny)
    assert "cat1.png: permission denied" in refusal(tmp_path)


@pytest.mark.skipif(not REAL_DRAWINGS.is_dir(), reason="the real drawings are not there")
def test_real_drawings_load_as_grey_shapes():
    dataset = load_images(REAL_DRAWINGS)
    assert dataset.train.x.shape == (45, 24, 24, 1)
    assert dataset.test.x.shape == (15, 24, 24, 1)
    assert dataset.class_names == ("circle", "rectangle", "triangle")
    assert np.median(dataset.train.x) == 255


def test_names_that_are_not_utf_8_are_made_printable(tmp_path):
    for label in (b"caf\xe9", b"tea"):
        folder = os.path.join(os.fsencode(tmp_path), b"data", label)
        os.makedirs(folder)
        for i in range(5):
            image = Image.new("L", (9, 9), 40 * i)
            with open(os.path.join(folder, b"%d\xe9.png" % i), "wb") as file:
                image.save(file, format="PNG")
    part = load_images(tmp_path / "data").train
    assert part.class_names == ("caf\ufffd", "tea")
    "".join(part.names).encode()
    assert part.fingerprint()
