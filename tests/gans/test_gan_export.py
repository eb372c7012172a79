"""A generator leaves the run verified, and draws the same anywhere."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from test_gan_search import SPACE, found

from automl_sem.errors import NegativeResult, UserError
from automl_sem.export import draw, generate, predict
from automl_sem.export import gan as gan_export
from automl_sem.export.verify import Verification

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gan")
    space = folder / "my_gan.py"
    space.write_text(SPACE)
    return found(folder / "run", str(space), trials=1, folds=2)


@pytest.fixture(scope="module")
def exported(run):
    return run.export(gpus=0)


def test_both_formats_draw_what_the_trained_generator_draws(exported):
    assert exported.generates
    assert [made.name for made in exported.formats] == ["keras", "saved-model"]
    for made in exported.formats:
        assert made.verified
        assert made.max_abs_diff < 1e-5
    there = {path.name for path in exported.path.iterdir()}
    files = {"model.keras", "saved_model", "discriminator.keras", "export.json", "MODEL_CARD.md"}
    assert there == {*files, "sheet.png"}
    assert keras.models.load_model(exported.path / "discriminator.keras").count_params() > 0


def test_it_is_compared_with_the_test_part_once(run, exported):
    metrics = exported.test.metrics
    assert exported.test.n == 46
    assert metrics.keys() == {"distance", "coverage", "kid"}
    assert 0 <= metrics["coverage"] <= 1
    assert exported.test.looks == 1
    assert run.export(gpus=0) == exported
    (exported.path / "export.json").unlink()
    again = run.export(gpus=0)
    assert again.test == exported.test, "the same weights are not compared again"
    assert run.directory.test_looks() == 1


def test_the_same_seed_draws_the_same_whatever_the_format(exported):
    first, again, other = (draw(exported.path, 20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    assert first.images.shape == (20, 8, 8, 1)
    assert first.images.dtype == np.uint8
    (exported.path / "model.keras").rename(exported.path / "elsewhere")
    from_saved_model = draw(exported.path, 20, seed=1)
    (exported.path / "elsewhere").rename(exported.path / "model.keras")
    assert np.abs(from_saved_model.images.astype(int) - first.images.astype(int)).max() <= 1


def test_classes_come_as_often_as_in_the_data_or_as_asked_for(exported):
    record = json.loads((exported.path / "export.json").read_text())
    counts = np.bincount(draw(exported.path, 300).labels)
    expected = np.array(record["class_counts"]) / sum(record["class_counts"]) * 300
    np.testing.assert_allclose(counts, expected, atol=1)
    assert set(draw(exported.path, 5, "1").labels.tolist()) == {1}


def test_generate_writes_images_and_a_sheet(exported, tmp_path):
    files = generate(exported.path, tmp_path / "drawn", 12, "2", seed=3)
    assert [str(path.relative_to(tmp_path / "drawn")) for path in files[:2]] == [
        "2/00.png",
        "2/01.png",
    ]
    drawn = draw(exported.path, 12, "2", seed=3)
    np.testing.assert_array_equal(np.asarray(Image.open(files[5])), drawn.images[5, ..., 0])
    assert Image.open(tmp_path / "drawn" / "sheet.png").width > 8 * 64
    with pytest.raises(UserError, match="exists and is not empty"):
        generate(exported.path, tmp_path / "drawn")


def test_the_command_line_draws_into_a_folder(exported, call):
    code, out, _ = call("generate", exported.path, "--n", 3, "--class", "0", "--out", "some")
    assert code == 0
    assert "3 images in some" in out
    assert sorted(p.name for p in (call.directory / "some" / "0").iterdir()) == [
        "0.png", "1.png", "2.png",
    ]  # fmt: skip
    code, _, err = call("generate", exported.path, "--class", "9", "--out", "other")
    assert code == 2
    assert err.count("\n") == 1
    assert "there is no class '9'" in err
    assert not (call.directory / "other").exists()


def test_an_export_of_a_generator_does_not_classify(exported):
    with pytest.raises(UserError, match="draws images, it does not classify"):
        predict(exported.path, ["image.png"])


def test_the_lines_of_the_card_draw_an_image(exported, tmp_path):
    card = (exported.path / "MODEL_CARD.md").read_text()
    snippets = [part.partition("```")[0] for part in card.split("```python\n")[1:]]
    assert len(snippets) == 2
    for snippet in snippets:
        subprocess.run([sys.executable, "-c", snippet], cwd=exported.path, check=True)
        assert Image.open(exported.path / "drawn.png").size == (8, 8)
        (exported.path / "drawn.png").unlink()


def test_an_export_that_draws_otherwise_is_not_verified(run, monkeypatch):
    monkeypatch.setattr(gan_export, "verify_generator", lambda *_: Verification(0.3, "differs"))
    with pytest.raises(NegativeResult, match="format keras is not verified: differs"):
        run.export(formats=["keras"], gpus=0, force=True)
