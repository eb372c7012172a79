"""CSV tables and Hugging Face's metadata.csv: what is read, and what is refused with its line."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from picture_files import classes, picture, table

from automl_sem.data import examples
from automl_sem.data.images import load_images
from automl_sem.data.load import load_dataset
from automl_sem.data.pixels import decode_image
from automl_sem.errors import UserError, one_line


@pytest.fixture
def csv(tmp_path):
    """A table of 12 images in a folder beside it."""

    def write(header="path,label", row="img/{i}.png,{label}", name="labels.csv", n=12):
        for i in range(n):
            picture(tmp_path / "data" / "img" / f"{i}.png")
        rows = [row.format(i=i, label="ab"[i % 2], part=PARTS[i % 4], g=i // 3) for i in range(n)]
        return table(tmp_path / "data" / name, header, *rows)

    return write


PARTS = ("train", "train", "val", "test")


def refusal(path, **options):
    with pytest.raises(UserError) as caught:
        load_images(path, **options)
    line = one_line(caught.value)
    assert "\n" not in line
    return line


def test_a_table_names_files_beside_it_and_their_labels(csv):
    dataset = load_dataset(str(csv()))
    assert (dataset.name, dataset.class_names) == ("labels", ("a", "b"))
    assert len(dataset.train.y) + len(dataset.test.y) == 12
    for name, y in zip(dataset.train.names, dataset.train.y, strict=True):
        number = int(name.removeprefix("img/").removesuffix(".png"))
        assert y == number % 2
    again = load_dataset(dataset.source, **dataset.options)
    assert again.train.fingerprint() == dataset.train.fingerprint()


def test_a_column_split_says_which_images_are_held_out_and_val_joins_train(csv):
    dataset = load_images(csv("path,label,split", "img/{i}.png,{label},{part}"))
    assert dataset.test.names == ("img/3.png", "img/7.png", "img/11.png")
    assert len(dataset.train.y) == 9
    assert "val joined to the training part" in dataset.notes


def test_a_column_group_gives_the_groups(csv):
    dataset = load_images(
        csv("path,label,group,split", "img/{i}.png,{label},writer {g},train"), seed=1
    )
    trained = {int(name[4:-4]) // 3 for name in dataset.train.names}
    tested = {int(name[4:-4]) // 3 for name in dataset.test.names}
    assert not trained & tested
    assert trained | tested == {0, 1, 2, 3}
    assert len(np.unique(dataset.train.groups)) == len(trained)


@pytest.mark.parametrize("sign", [";", "\t"])
def test_other_separators_quotes_and_a_byte_order_mark_are_read(csv, sign):
    path = csv(f'"path"{sign}label', f'"img/{{i}}.png"{sign}{{label}}')
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert load_images(path).class_names == ("a", "b")


def test_metadata_at_the_top_of_a_folder_is_read(csv):
    folder = csv("file_name,label", name="metadata.csv").parent
    dataset = load_dataset(str(folder))
    assert (dataset.name, dataset.class_names) == ("data", ("a", "b"))


def test_metadata_in_the_parts_of_a_folder_is_read(tmp_path):
    for part, n in (("train", 8), ("test", 4), ("validation", 2)):
        for i in range(n):
            picture(tmp_path / part / f"{i}.png")
        rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(n)]
        table(tmp_path / part / "metadata.csv", "file_name,label", *rows)
    dataset = load_images(tmp_path)
    assert (len(dataset.train.y), len(dataset.test.y)) == (10, 4)
    assert dataset.train.names[0] == "train/0.png"
    assert "validation joined to the training part" in dataset.notes


def test_paths_in_train_and_test_folders_say_the_part(tmp_path):
    rows = []
    for part, n in (("train", 8), ("val", 2), ("test", 4)):
        for i in range(n):
            picture(tmp_path / part / f"{i}.png")
            rows.append(f"{part}/{i}.png,{'ab'[i % 2]}")
    dataset = load_images(table(tmp_path / "metadata.csv", "file_name,label", *rows).parent)
    assert (len(dataset.train.y), len(dataset.test.y)) == (10, 4)
    assert all(name.startswith("test/") for name in dataset.test.names)
    assert "val joined to the training part" in dataset.notes


def test_metadata_about_something_else_leaves_class_folders_alone(tmp_path):
    classes(tmp_path)
    table(tmp_path / "metadata.csv", "file_name,text", "cat/cat0.png,a grey cat")
    assert load_images(tmp_path).class_names == ("cat", "dog")


def test_metadata_without_labels_and_class_folders_is_refused(tmp_path):
    picture(tmp_path / "0.png")
    table(tmp_path / "metadata.csv", "file_name,text", "0.png,a grey cat")
    assert "metadata.csv: there is no column 'label', only: file_name, text" in refusal(tmp_path)


def test_a_test_part_without_some_class_is_fine_in_a_table(csv):
    path = csv("path,label,split", "img/{i}.png,{label},train")
    path.write_text(path.read_text().replace("11.png,b,train", "11.png,b,test"))
    dataset = load_images(path)
    assert dataset.test.y.tolist() == [1]


def test_tables_go_through_the_cache_like_folders(csv, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    path = csv("path,label,group", "img/{i}.png,{label},{g}")
    in_memory = load_images(path)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    for _ in range(2):
        mapped = load_images(path)
        assert isinstance(mapped.train.x, np.memmap)
        assert mapped.train.fingerprint() == in_memory.train.fingerprint()
        assert mapped.train.groups.tolist() == in_memory.train.groups.tolist()
        assert mapped.inspection.copies == in_memory.inspection.copies


def test_changed_labels_in_a_table_are_seen_by_the_cache(csv, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    path = csv()
    before = load_images(path)
    path.write_text(path.read_text().replace("0.png,a", "0.png,b"))
    after = load_images(path)
    assert before.train.fingerprint() != after.train.fingerprint()
    for dataset in (before, after):
        for name, x in zip(dataset.train.names, dataset.train.x, strict=True):
            assert (x == decode_image(path.parent / name, 1)).all()


# Groups in the tables of several parts


@pytest.fixture
def parts(tmp_path):
    """Folders `train`, `validation` and `test`, each with a table of 8 images by 4 writers."""

    def write(**columns):
        for part in ("train", "validation", "test"):
            column = columns.get(part)
            rows = [
                f"{picture(tmp_path / part / f'{part}_{i}.png').name},{'ab'[i % 2]}"
                + (f",{part} {i // 2}" if column else "")
                for i in range(8)
            ]
            header = f"file_name,label,{column}" if column else "file_name,label"
            table(tmp_path / part / "metadata.csv", header, *rows)
        return tmp_path

    return write


@pytest.mark.parametrize("column", ["group", "writer"])
def test_a_table_of_test_images_needs_no_groups(parts, column):
    folder = parts(train=column, validation=column)
    dataset = load_images(folder, groups=None if column == "group" else column)
    assert len(np.unique(dataset.train.groups)) == 8
    assert any(note.startswith("8 groups among the training examples") for note in dataset.notes)


def test_groups_of_test_images_alone_are_refused_where_asked_for_and_else_say_nothing(parts):
    folder = parts(test="group")
    dataset = load_images(folder)
    assert dataset.train.groups is None
    assert not any("group" in note for note in dataset.notes)
    assert "there is no column 'group', only: file_name, label" in refusal(folder, groups="group")


def test_a_column_of_groups_in_the_tables_of_all_parts_is_compared(parts):
    folder = parts(train="group", validation="group", test="group")
    path = folder / "test" / "metadata.csv"
    path.write_text(path.read_text().replace("test 0", "train 0"))
    notes = load_images(folder).notes
    assert "leakage: 1 group is in train and in test, such as 'train 0'" in notes


@pytest.mark.parametrize("column", ["group", "writer"])
@pytest.mark.parametrize("missing", ["train", "validation"])
def test_every_table_of_training_images_needs_the_groups(parts, column, missing):
    folder = parts(**{part: column for part in ("train", "validation", "test") if part != missing})
    line = refusal(folder, groups=None if column == "group" else column)
    assert line.startswith(
        f"{folder / missing / 'metadata.csv'}: there is no column '{column}', "
        "only: file_name, label. If one table names groups"
    )


def test_a_training_image_without_a_group_is_refused_with_its_line(parts):
    folder = parts(train="group", validation="group", test="group")
    for part, empty in (("test", "test 1"), ("validation", "validation 3")):
        path = folder / part / "metadata.csv"
        path.write_text(path.read_text().replace(empty, " "))
    line = refusal(folder)
    assert line.startswith(f"{folder / 'validation' / 'metadata.csv'}:8: no value for 'group'")


def test_test_images_of_a_split_need_no_group(csv):
    path = csv("path,label,group,split", "img/{i}.png,{label},{g},{part}")
    path.write_text(re.sub(r",\d,test", ",,test", path.read_text()))
    assert len(np.unique(load_images(path).train.groups)) == 4


def test_a_regular_expression_asks_no_table_for_groups(parts):
    folder = parts(train="group")
    dataset = load_images(folder, groups=r"_(\d)\.png$")
    assert len(np.unique(dataset.train.groups)) == 8


def test_a_column_that_no_table_has_is_refused(parts):
    assert "there is no column 'pen', only: file_name, label" in refusal(parts(), groups="pen")


# What is refused


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("file,label", None, "labels.csv: there is no column 'path', only: file, label"),
        ("path,kind", None, "labels.csv: there is no column 'label', only: path, kind"),
        ("path,label,label", "img/{i}.png,a,b", "the column 'label' is there twice"),
        ("path,label,split", "img/{i}.png,{label},dev", "labels.csv:2: the split must be"),
        ("path,label,split", "img/{i}.png,{label},", "labels.csv:2: the split must be"),
        ("path,label,group", "img/{i}.png,{label},", "labels.csv:2: no value for 'group'"),
        ("path,label", "img/{i}.png,", "labels.csv:2: no label for '0.png'"),
        ("path,label", "img/{i}.png", "labels.csv:2: 1 values in this line, 2 columns"),
        ("path,label", "img/gone{i}.png,{label}", "labels.csv:2: no such file"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_line(csv, header, row, message):
    assert message in refusal(csv(header, row or "img/{i}.png,{label}"))


def test_missing_files_and_labels_can_be_skipped(csv):
    path = csv()
    path.write_text(path.read_text() + "img/gone.png,a\nimg/0.png,\n")
    assert ":14: no such file" in refusal(path)
    assert "--skip-bad" in refusal(path)
    dataset = load_images(path, skip_bad=True)
    assert len(dataset.train.y) + len(dataset.test.y) == 12
    assert "2 unreadable images left out: img/gone.png, img/0.png" in dataset.notes
    assert dataset.inspection.unreadable[1] == "img/0.png: no label for '0.png'"


def test_a_path_too_long_for_a_file_is_a_missing_file(csv):
    path = csv()
    path.write_text(path.read_text() + f"{'x' * 5000}.png,a\n")
    line = refusal(path)
    assert line.startswith(f"{path}:14: no such file (")
    assert len(line) < len(str(path)) + 400
    assert len(load_images(path, skip_bad=True).inspection.unreadable) == 1


def test_an_empty_table_is_refused(tmp_path):
    assert "there is no column 'path', only: nothing" in refusal(table(tmp_path / "t.csv", ""))
    assert "no usable line" in refusal(table(tmp_path / "t.csv", "path,label"))


def test_a_table_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff\xfe\x00,a\n")
    assert "no CSV table in UTF-8" in refusal(tmp_path / "t.csv")


def test_labels_that_differ_only_in_case_are_refused(csv):
    path = csv()
    path.write_text(path.read_text().replace("0.png,a", "0.png,A"))
    assert "'A' and 'a' differ only in capital letters" in refusal(path)


def test_a_class_that_is_only_tested_is_refused(csv):
    path = csv("path,label,split", "img/{i}.png,{label},train")
    path.write_text(path.read_text().replace("11.png,b,train", "11.png,c,test"))
    assert "only in test: c" in refusal(path)


@pytest.mark.parametrize("locked", ["labels.csv", "img"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(csv, locked):
    path = csv()
    mode = (path.parent / locked).stat().st_mode
    (path.parent / locked).chmod(0)
    try:
        assert "permission denied" in refusal(path)
    finally:
        (path.parent / locked).chmod(mode)
