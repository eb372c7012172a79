"""Predicting image files with an export."""

from __future__ import annotations

import json
import os
import re
import shutil

import keras
import numpy as np
import pytest
from conftest import make_stripes
from exporter import make_exporter
from PIL import Image

from automl_sem.data.pixels import decode_image
from automl_sem.errors import UserError
from automl_sem.export import Prediction, build, predict
from automl_sem.export.usage import IMPORTS, image_lines
from automl_sem.export.verify import Verification

CLASSES = ("horizontal", "vertical", "none")
STRIPES = make_stripes(3).x


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished export, not to be touched."""
    exporter = make_exporter(tmp_path_factory.mktemp("finished") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "verify", lambda *_, **__: Verification(0.0))
        return exporter().path


@pytest.fixture
def exported(tmp_path, finished):
    """A finished export of one's own."""
    return shutil.copytree(finished, tmp_path / "run" / "export" / "trial-0")


@pytest.fixture
def stripes_png(tmp_path):
    path = tmp_path / "stripes.png"
    Image.fromarray(STRIPES[0, ..., 0]).save(path)
    return path


def test_a_file_gets_the_model_s_probabilities(exported, stripes_png):
    (found,) = predict(exported, [stripes_png])
    model = keras.models.load_model(exported / "model.keras")
    expected = model.predict(STRIPES[:1], verbose=0)[0]
    assert found.file == str(stripes_png)
    assert list(found.probabilities) == list(CLASSES)
    assert np.allclose(list(found.probabilities.values()), expected, atol=1e-6)
    assert found.label == CLASSES[expected.argmax()]
    assert found.probability == found.probabilities[found.label]


def test_images_may_differ_in_size_and_colours(exported, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 21, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "colour.png")
    Image.fromarray(pixels[:9, :12, 0]).save(tmp_path / "small.png")
    found = predict(exported, [tmp_path / "colour.png", tmp_path / "small.png"])
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    model = keras.models.load_model(exported / "model.keras")
    for prediction, image in zip(found, (grey, pixels[:9, :12, 0]), strict=True):
        expected = model.predict(image[None, ..., None], verbose=0)[0]
        assert np.allclose(list(prediction.probabilities.values()), expected, atol=1e-6)


def sixteen_bits(path):
    Image.fromarray(DEEP).save(path, "PNG")


def sixteen_bits_in_a_tiff(path):
    Image.fromarray(DEEP).save(path, "TIFF")


def floats(path):
    Image.fromarray((DEEP / 65535).astype(np.float32)).save(path, "TIFF")


def floats_up_to_255(path):
    Image.fromarray((DEEP / 257).astype(np.float32)).save(path, "TIFF")


def on_its_side(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray((DEEP // 257).astype(np.uint8)).save(path, "JPEG", exif=exif)


def half_transparent(path):
    grey = Image.fromarray((DEEP // 257).astype(np.uint8))
    Image.merge("LA", (grey, grey.point(lambda v: 255 * (v > 127)))).save(path, "PNG")


def palette(path):
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 12, 3), np.uint8)).quantize(
        8
    ).save(path, "PNG", transparency=3)


DEEP = np.random.default_rng(0).integers(0, 65536, (9, 12), np.uint16)
SAVED = [
    sixteen_bits,
    sixteen_bits_in_a_tiff,
    floats,
    floats_up_to_255,
    on_its_side,
    half_transparent,
    palette,
]


def snippets(exported):
    card = (exported / "MODEL_CARD.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_card_reads_an_image_as_predict_does(saved, channels, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "image.png")
    found = {}
    exec("\n".join([*IMPORTS, *image_lines(channels)]), found)
    expected = decode_image(tmp_path / "image.png", channels)[None]
    np.testing.assert_array_equal(found["images"], expected)
    assert found["images"].dtype == np.uint8
    assert np.ptp(expected) > 100


def test_the_code_of_the_card_gives_what_predict_gives_for_16_bits(exported, monkeypatch):
    sixteen_bits(exported / "image.png")
    (prediction,) = predict(exported, [exported / "image.png"])
    monkeypatch.chdir(exported)
    for code in snippets(exported):
        found = {}
        exec(code, found)
        probabilities = np.asarray(found["probabilities"])[0]
        assert np.allclose(probabilities, list(prediction.probabilities.values()), atol=1e-6)


def test_a_folder_stands_for_all_images_in_and_below_it(exported, tmp_path, stripes_png):
    folder = tmp_path / "images" / "inner"
    folder.mkdir(parents=True)
    for name in ("inner/b.PNG", "a.png"):
        shutil.copy(stripes_png, folder.parent / name)
    (folder / "notes.txt").write_text("no image")
    found = predict(exported, [folder.parent, stripes_png])
    names = [prediction.file.removeprefix(f"{tmp_path}/") for prediction in found]
    assert names == ["images/a.png", "images/inner/b.PNG", "stripes.png"]


def test_without_the_keras_file_the_saved_model_is_taken(exported, stripes_png):
    before = predict(exported, [stripes_png])
    (exported / "model.keras").unlink()
    after = predict(exported, [stripes_png])
    assert after[0].probability == pytest.approx(before[0].probability, abs=1e-6)
    shutil.rmtree(exported / "saved_model")
    with pytest.raises(UserError, match="no verified model"):
        predict(exported, [stripes_png])


def test_a_format_that_is_not_verified_is_not_taken(exported, stripes_png):
    record = json.loads((exported / "export.json").read_text())
    record["formats"][0]["verified"] = False
    (exported / "export.json").write_text(json.dumps(record))
    (exported / "model.keras").write_bytes(b"broken")
    assert predict(exported, [stripes_png])[0].label in CLASSES


def test_an_export_can_be_moved(exported, tmp_path, stripes_png):
    moved = tmp_path / "elsewhere"
    shutil.copytree(exported, moved)
    shutil.rmtree(exported)
    assert predict(moved, [stripes_png])[0].label in CLASSES


def test_json_has_the_class(stripes_png):
    prediction = Prediction("a.png", "x", 0.75, {"x": 0.75, "y": 0.25})
    assert prediction.to_json() == {
        "file": "a.png",
        "class": "x",
        "probability": 0.75,
        "probabilities": {"x": 0.75, "y": 0.25},
    }


def test_what_is_no_export_is_refused(exported, tmp_path, stripes_png):
    with pytest.raises(UserError, match=r"no such directory.*automl-sem export"):
        predict(tmp_path / "nowhere", [stripes_png])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"not an export directory.*automl-sem export"):
        predict(tmp_path / "empty", [stripes_png])
    with pytest.raises(UserError, match=r"Did you mean .*trial-0"):
        predict(exported.parent.parent, [stripes_png])
    (tmp_path / "export.json").write_text("{torn")
    with pytest.raises(UserError, match=r"cannot read export\.json"):
        predict(tmp_path, [stripes_png])
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(UserError, match="does not describe an export"):
        predict(tmp_path, [stripes_png])


def test_a_damaged_model_is_named(exported, stripes_png):
    (exported / "model.keras").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"model\.keras: cannot load the model"):
        predict(exported, [stripes_png])


def test_images_that_are_missing_or_broken_are_named(exported, tmp_path, stripes_png):
    with pytest.raises(UserError, match=r"gone\.png: no such file"):
        predict(exported, [stripes_png, tmp_path / "gone.png"])
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"broken\.png"):
        predict(exported, [tmp_path / "broken.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no images in this folder"):
        predict(exported, [tmp_path / "empty"])


def test_a_run_stands_for_itsnewest_export_export(tmp_path):
    from automl_sem.export.predict import newest_export

    run = tmp_path / "run"
    for age, name in enumerate(("trial-3", "trial-1")):
        (run / "export" / name).mkdir(parents=True)
        record = run / "export" / name / "export.json"
        record.write_text("{}")
        os.utime(record, (1000 + age, 1000 + age))
    assert newest_export(run) == run
    (run / "run.json").write_text("{}")
    assert newest_export(run) == run / "export" / "trial-1"
