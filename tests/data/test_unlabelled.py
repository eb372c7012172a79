"""Images without classes, which a GAN can learn to draw."""

import numpy as np
import pytest
from picture_files import classes, picture, table

from automl_sem import api
from automl_sem.config import search_options
from automl_sem.data import from_memory, load_dataset
from automl_sem.errors import Unlabelled, UserError
from automl_sem.prepare import plan_run
from automl_sem.resolve import resolve

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)


def flat(root, n=40, **image):
    for i in range(n):
        picture(root / f"{i}.png", **{"height": 16, "width": 16, **image})
    return root


def inner_folders(root):
    flat(root / "a", 20)
    flat(root / "b" / "c", 20)
    return root


def parts(root):
    flat(root / "train", 30)
    flat(root / "test", 10)
    return root


@pytest.mark.parametrize("arranged", [flat, inner_folders, parts])
def test_all_images_of_a_folder_are_of_one_class_wherever_they_lie(tmp_path, arranged):
    dataset = load_dataset(str(arranged(tmp_path)), unlabelled=True)
    assert dataset.class_names == ("image",)
    assert len(dataset.train.x) + len(dataset.test.x) == 40
    assert not dataset.train.y.any()
    assert not dataset.test.y.any()
    again = load_dataset(dataset.source, **dataset.options)
    assert again.train.fingerprint() == dataset.train.fingerprint()


def test_a_test_part_stays_one(tmp_path):
    dataset = load_dataset(str(parts(tmp_path)), unlabelled=True)
    assert (len(dataset.train.x), len(dataset.test.x)) == (30, 10)
    assert all(name.startswith("test/") for name in dataset.test.names)


def one_class(root):
    classes(root, "cat", n=40, height=16, width=16)
    return str(root)


def a_table_of_one_class(root):
    flat(root)
    rows = [f"{i}.png,cat" for i in range(40)]
    return str(table(root / "labels.csv", "path,label", *rows))


def an_npz_without_labels(root):
    np.savez(root / "images.npz", x_train=IMAGES[:40])
    return str(root / "images.npz")


def a_flat_folder(root):
    return str(flat(root))


SOURCES = [a_flat_folder, one_class, a_table_of_one_class, an_npz_without_labels]


@pytest.mark.parametrize("make", SOURCES)
def test_what_has_no_classes_is_for_a_gan_alone(tmp_path, make):
    source = make(tmp_path)
    _, dataset = resolve(search_options(target=source, space="gan"), None)
    assert dataset.class_names == ("image",)
    for space in (None, "images"):
        with pytest.raises(Unlabelled):
            resolve(search_options(target=source, space=space), None)


def test_labels_are_taken_where_there_are_some(tmp_path):
    source = str(classes(tmp_path, n=40, height=16, width=16))
    _, dataset = resolve(search_options(target=source, space="gan"), None)
    assert dataset.class_names == ("cat", "dog")


def test_a_search_for_a_gan_is_planned_without_classes(tmp_path):
    options = search_options(target=a_flat_folder(tmp_path), space="gan")
    manifest, splits, _ = plan_run(options, *resolve(options, None), from_memory=False)
    assert manifest.generates
    assert manifest.data["class_names"] == ["image"]
    assert np.bincount(splits["search"]).min() >= 10


def test_arrays_without_labels():
    dataset = from_memory(IMAGES, None, unlabelled=True)
    assert dataset.class_names == ("image",)
    assert len(dataset.train.x) == 48
    lines = api.dry_run((IMAGES, None), space="gan")
    assert any("48 to train, 12 held out for the test, without classes" in line for line in lines)
    with pytest.raises(UserError, match="y is None"):
        api.dry_run((IMAGES, None))


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(UserError, match=r"holds no .* image"):
        load_dataset(str(tmp_path), unlabelled=True)


def test_shapes_are_600_for_a_gan_unless_a_size_is_said():
    assert len(resolve(search_options(target="gan"), None)[1].train.x) == 600
    assert len(resolve(search_options(target="shapes", space="gan"), None)[1].train.x) == 600
    assert len(resolve(search_options(target="gan", size=90), None)[1].train.x) == 90
    assert len(resolve(search_options(target="digits", space="gan"), None)[1].train.x) == 1438
    assert len(resolve(search_options(target="shapes"), None)[1].train.x) == 45
