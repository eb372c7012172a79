"""What a search is told about data reaches its folds, its run directory and `resume`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY_SPACE, make_stripes
from PIL import Image

from automl_sem import UserError, search
from automl_sem.api import dry_run
from automl_sem.config import search_options
from automl_sem.data import from_memory
from automl_sem.export import predict
from automl_sem.prepare import create_run
from automl_sem.resolve import resolve
from automl_sem.spaces.load import load_space
from automl_sem.unchanged import unchanged_dataset


@pytest.fixture
def written(tmp_path):
    """48 drawings by 8 writers in a table."""
    stripes, rows = make_stripes(48), ["path,label,writer"]
    for i, (image, y) in enumerate(zip(stripes.x, stripes.y, strict=True)):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{stripes.class_names[y]},w{i // 6}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return tmp_path / "labels.csv"


def start(tmp_path, target, space, **options):
    checked = search_options(
        target=str(target), space=str(space), out=tmp_path / "run", folds=3, **options
    )
    return create_run(checked, *resolve(checked, None), False)


def test_both_kinds_of_folds_split_no_group(tmp_path, written, tiny_space):
    run = start(tmp_path, written, tiny_space, groups="writer")
    dataset = unchanged_dataset(run)
    folds = [run.splits(kind) for kind in ("search", "fresh")]
    assert (folds[0] != folds[1]).any()
    for number in folds:
        assert set(number) == {0, 1, 2}
        for group in np.unique(dataset.train.groups):
            assert len(set(number[dataset.train.groups == group])) == 1


def test_both_kinds_of_folds_keep_copies_together(tmp_path, written, tiny_space):
    for i in range(0, 24, 3):
        (tmp_path / f"{i + 24}.png").write_bytes((tmp_path / f"{i}.png").read_bytes())
    run = start(tmp_path, written, tiny_space)
    copies = unchanged_dataset(run).train.copies()
    twins = [copy for copy, n in enumerate(np.bincount(copies)) if n > 1]
    assert twins
    for kind in ("search", "fresh"):
        number = run.splits(kind)
        assert set(number) == {0, 1, 2}
        assert all(len(set(number[copies == copy])) == 1 for copy in twins)


def test_options_of_the_data_are_kept_for_resume(tmp_path, written, tiny_space):
    run = start(tmp_path, written, tiny_space, groups="writer", pad=True, image_size=12)
    assert run.manifest.data["options"] == {"groups": "writer", "pad": True, "image_size": 12}
    dataset = unchanged_dataset(run)
    assert dataset.info.input_shape == (12, 12, 1)
    assert dataset.pad is not None


def test_changed_groups_are_refused_like_changed_data(tmp_path, written, tiny_space):
    run = start(tmp_path, written, tiny_space, groups="writer")
    dataset = unchanged_dataset(run)
    kept = [name for name in dataset.train.names if name in ("0.png", "10.png", "20.png")]
    line = next(row for row in written.read_text().splitlines() if row.startswith(kept[0]))
    other = next(
        row.rsplit(",", 1)[1]
        for row in written.read_text().splitlines()[1:]
        if row.split(",")[0] in dataset.train.names and row[-1] != line[-1]
    )
    written.write_text(written.read_text().replace(line, line[: line.rindex(",") + 1] + other))
    with pytest.raises(UserError, match="changed since the run was started"):
        unchanged_dataset(run)


def test_groups_that_are_split_otherwise_are_named(tmp_path, written, tiny_space):
    rows = written.read_text().splitlines()
    rows = [rows[0] + ",split", *(f"{row},train" for row in rows[1:])]
    rows += [row.replace(",train", ",test").replace(".png", ".bmp") for row in rows[1:4]]
    for i in range(3):
        image = Image.open(written.parent / f"{i}.png")
        image.point(lambda v: v // 2).save(written.parent / f"{i}.bmp")
    written.write_text("\n".join(rows))
    run = start(tmp_path, written, tiny_space, groups="writer")
    written.write_text(written.read_text().replace(",w0,train", ",w1,train", 1))
    with pytest.raises(UserError, match="the groups changed since the run was started"):
        unchanged_dataset(run)


def test_too_few_groups_limit_the_folds_with_a_note(written, tiny_space):
    rows = written.read_text().splitlines()
    rows = [rows[0], *(f"{row.rsplit(',', 1)[0]},w{i % 5}" for i, row in enumerate(rows[1:]))]
    written.write_text("\n".join(rows))
    lines = dry_run(written, space=str(tiny_space), groups="writer", folds=5)
    (note,) = [line for line in lines if "folds instead of" in line]
    assert "4 folds instead of 5" in note
    assert "groups" in note


def test_one_group_is_refused_before_anything_is_written(tmp_path, written, tiny_space):
    text = written.read_text()
    written.write_text(
        "\n".join(row[:-1] + "1" for row in text.splitlines()).replace("write1", "writer")
    )
    with pytest.raises(UserError, match="of one group"):
        start(tmp_path, written, tiny_space, groups="writer")
    assert not (tmp_path / "run").exists()


def test_arrays_take_groups_and_refuse_a_pattern(tiny_space):
    stripes = make_stripes(48)
    arrays = (stripes.x, stripes.y)
    lines = dry_run(arrays, space=str(tiny_space), groups=np.arange(48) // 6)
    assert any("groups among the training examples" in line for line in lines)
    with pytest.raises(UserError, match="groups must be an array"):
        dry_run(arrays, space=str(tiny_space), groups="(.)")


def test_a_tf_dataset_can_be_searched_and_loaded_again(tmp_path, tiny_space):
    stripes = make_stripes(48)
    dataset = tf.data.Dataset.from_tensor_slices((stripes.x, stripes.y)).batch(7)
    options = {"trials": 1, "folds": 2, "epochs": 1, "workers": 0, "say": lambda _: None}
    run = search(dataset, space=str(tiny_space), out=tmp_path / "run", **options)
    kept = unchanged_dataset(run.directory)
    assert len(kept.train.y) + len(kept.test.y) == 48
    assert run.best.trial.number == 0
    with pytest.raises(UserError, match="it is infinite"):
        search(dataset.repeat(), space=str(tiny_space), **options)


@pytest.mark.slow
def test_padded_groups_are_searched_exported_and_verified_in_a_fresh_process(tmp_path, tiny_space):
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        for i in range(24):
            (tmp_path / "pets" / label).mkdir(parents=True, exist_ok=True)
            image = rng.integers(0, 256, (12 + i, 20), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / "pets" / label / f"w{i // 3}_{i}.png")
    said = []
    options = {"trials": 1, "folds": 2, "epochs": 1, "workers": 0, "say": said.append}
    data = {"pad": True, "groups": "^(w[0-9]+)_", "image_size": 16}
    run = search(tmp_path / "pets", space=str(tiny_space), out=tmp_path / "run", **options, **data)
    assert any("groups among the training examples" in line for line in said)
    exported = run.export(formats=["keras"], gpus=0)
    assert exported.formats[0].verified
    dataset = unchanged_dataset(run.directory)
    image = tmp_path / "pets" / dataset.test.names[0]
    (found,) = predict(exported.path, [image])
    core = keras.models.load_model(exported.path / "model.keras")
    assert found.probability == pytest.approx(float(np.max(core(dataset.test.x[:1]))), abs=1e-5)


def test_series_from_python_are_kept_in_the_run_as_series(tmp_path):
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(length, 2)) for length in range(3, 27)]
    space = tmp_path / "sequences.py"
    space.write_text(TINY_SPACE.replace('KIND = "images"', 'KIND = "series"'))
    groups = np.arange(24) // 3
    dataset = from_memory(x, np.arange(24) % 2, groups=groups, kind="series")
    assert dataset.info.input_shape == (26, 2)
    checked = search_options(space=str(space), out=tmp_path / "run", folds=3)
    again = unchanged_dataset(create_run(checked, load_space(space), dataset, True))
    assert again.info == dataset.info
    assert again.train.groups_fingerprint() == dataset.train.groups_fingerprint()


def test_a_tf_dataset_of_series_is_refused():
    dataset = tf.data.Dataset.from_tensor_slices((np.zeros((4, 9, 2)), [0, 1, 0, 1]))
    with pytest.raises(UserError, match="of series is not read"):
        dry_run(dataset, kind="series")
