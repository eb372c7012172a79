"""Series in CSV tables in long form: what is read, and what is refused with its line."""

from __future__ import annotations

import numpy as np
import pytest
from series_made import has, ragged, same

from automl_sem.data.load import load_dataset, source_kind
from automl_sem.errors import UserError, one_line

HEADER = "id,time,label,ax,ay"


@pytest.fixture
def csv(tmp_path):
    def write(lines, header=HEADER, name="moves.csv"):
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return str(tmp_path / name)

    return write


def lines_of(series, times=None, more="".format):
    """Lines of series; each second one is of class walk."""
    times = times or (lambda step: step)
    return [
        f"s{row},{times(step)},{('run', 'walk')[row % 2]},{x:.9g},{y:.9g}{more(row)}"
        for row, values in enumerate(series)
        for step, (x, y) in enumerate(values)
    ]


def refusal(path, **options):
    with pytest.raises(UserError) as caught:
        load_dataset(path, **options)
    line = one_line(caught.value)
    assert "\n" not in line
    return line


def split(row):
    return f",{('train', 'train', 'val', 'test')[row % 4]}"


def test_a_table_becomes_series_with_named_channels(csv):
    x = ragged()
    path = csv(lines_of(x, more=lambda row: ",train" if row < 11 else ",test"), HEADER + ",split")
    dataset = load_dataset(path)
    assert source_kind(path) == "series table"
    assert same(dataset.train.x, x[:11])
    assert dataset.train.names == tuple(f"s{row}" for row in range(11))
    assert dataset.test.names == ("s11",)
    assert [c.name for c in dataset.inspection.series.channels] == ["ax", "ay"]
    assert (dataset.name, dataset.class_names) == ("moves", ("run", "walk"))
    again = load_dataset(dataset.source, **dataset.options)
    assert again.train.fingerprint() == dataset.train.fingerprint()


def test_lines_may_stand_in_any_order_and_are_sorted_by_time(csv):
    x = ragged()
    lines = lines_of(x)
    shuffled = [lines[i] for i in np.random.default_rng(0).permutation(len(lines))]
    sorted_, dataset = load_dataset(csv(lines)), load_dataset(csv(shuffled))
    for one in (sorted_, dataset):
        for name, values in zip(one.train.names, one.train.x, strict=True):
            assert same(values[None, : len(x[int(name[1:])])], [x[int(name[1:])]])
    assert has(dataset.notes, "were not in the order of their times: sorted")
    assert not has(sorted_.notes, "sorted")


@pytest.mark.parametrize(
    "times",
    [
        lambda step: f"2026-11-25T10:00:0{step}",
        lambda step: f"2026-11-25 10:00:0{step}.5+01:00",
        lambda step: f"2026-11-{10 + step}",
        lambda step: f"{step}e-3",
    ],
    ids=["iso", "zone", "day", "numbers"],
)
def test_times_are_numbers_or_dates(csv, times):
    x = ragged()
    dataset = load_dataset(csv(lines_of(x, times)[::-1]))
    for name, values in zip(dataset.train.names, dataset.train.x, strict=True):
        assert same(values[None, : len(x[int(name[1:])])], [x[int(name[1:])]])
    assert not has(dataset.notes, "the time between steps varies")


def test_uneven_times_are_said_and_missing_values_are_filled_in_by_them(csv):
    lines = [
        f"s{row},{time},{'ab'[row % 2]},{value},0"
        for row in range(4)
        for time, value in ((0, 0), (1, ""), (4, 4))
    ]
    dataset = load_dataset(csv(lines))
    assert (dataset.train.x[:, :, 0] == [0, 1, 4]).all()
    assert has(dataset.notes, "the time between steps varies in 4 series")


@pytest.mark.parametrize("missing", ["", "NaN", "?", "NA"])
def test_missing_values_are_filled_in_and_counted(csv, missing):
    lines = lines_of(ragged())
    lines[1] = f"s0,1,run,{missing},1"
    dataset = load_dataset(csv(lines))
    assert dataset.inspection.series.filled == 1
    assert has(dataset.notes, "1 of 126 values are missing")


def test_groups_are_a_column_of_any_name(csv):
    def writer(row):
        return f",w{row // 2}"

    for name, options in (("group", {}), ("writer", {"groups": "writer"})):
        path = csv(lines_of(ragged(), more=writer), f"{HEADER},{name}")
        dataset = load_dataset(path, **options)
        names = {int(n[1:]) // 2 for n in dataset.train.names}
        assert len(np.unique(dataset.train.groups)) == len(names)
        assert not names & {int(n[1:]) // 2 for n in dataset.test.names}
        assert dataset.info.input_shape == (8, 2)


def test_a_column_split_says_the_part_and_val_joins_train(csv):
    dataset = load_dataset(csv(lines_of(ragged(), more=split), HEADER + ",split"))
    assert dataset.test.names == ("s3", "s7", "s11")
    assert has(dataset.notes, "val joined to the training part")


def test_semicolons_a_byte_order_mark_and_capital_letters_are_read(csv):
    lines = [line.replace(",", ";") for line in lines_of(ragged())]
    path = csv(lines, "\ufeffID;Time;Label;ax;ay")
    dataset = load_dataset(path)
    assert max(dataset.train.x.shape[1], dataset.test.x.shape[1]) == 8


def test_a_table_of_image_files_is_still_one(csv):
    assert source_kind(csv(["a.png,x"], "path,label")) == "table"
    assert source_kind(csv(["a,1,a.png,x"], "id,time,path,label")) == "table"


GOOD = lines_of(ragged())


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([*GOOD, "s0,2,run,1,2"], {}, "moves.csv:65: the id 's0' has the same time as in line 4"),
        ([*GOOD, "s0,9,walk,1,2"], {}, "moves.csv:65: the id 's0' has two values for its label"),
        ([*GOOD, "s0,9,run,1,abc"], {}, "moves.csv:65: no number in the column 'ay'"),
        ([*GOOD, "s0,9,run,1,inf"], {}, "moves.csv:65: an infinite value"),
        ([*GOOD, "s0,9,run,1"], {}, "moves.csv:65: 4 values in this line, 5 columns"),
        ([*GOOD, "s0,,run,1,2"], {}, "moves.csv:65: no value for 'time'"),
        ([*GOOD, "s0,soon,run,1,2"], {}, "moves.csv:65: the time must be a number or a date"),
        ([*GOOD, "s0,nan,run,1,2"], {}, "moves.csv:65: the time must be a number or a date"),
        ([*GOOD, "s0,2026-01-01,run,1,2"], {}, "the time is a date, before it was a number"),
        ([*GOOD, ",9,run,1,2"], {}, "moves.csv:65: no value for 'id'"),
        ([*GOOD, "s0,9,,1,2"], {}, "moves.csv:65: no value for 'label'"),
        ([*GOOD, "new,9,run,,"], {}, "moves.csv:65: 'new': this series is empty"),
        (
            [*GOOD, "new,9,run,1e39,1"],
            {},
            "moves.csv:65: 'new': an infinite value, or one too large",
        ),
        ([*GOOD, "new,9,swim,1,2"], {}, "class 'swim' has a single example"),
        ([], {}, "no usable line in this table"),
        (GOOD, {"groups": "writer"}, "there is no column 'writer', only: id, time, label, ax, ay"),
        (GOOD, {"image_size": 16}, "the option image_size does not apply"),
        (GOOD, {"kind": "images"}, "there is no column 'path'"),
    ],
)
def test_wrong_lines_are_named(csv, lines, options, message):
    assert message in refusal(csv(lines), **options)


def test_decimal_commas_get_a_hint(csv):
    line = refusal(csv(["s0;0;run;1,5"], "id;time;label;ax"))
    assert "Write decimals with a point" in line


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,time,ax", "there is no column 'label'"),
        ("id,time,label", "there is no column with values"),
        ("id,time,label,ax,ax", "the column 'ax' is there twice"),
        ("key,time,label,ax", "there is no column 'id'"),
    ],
)
def test_a_wrong_header_is_one_clear_line(csv, header, message):
    assert message in refusal(csv([], header), kind="series")


def test_one_id_in_two_parts_is_refused(csv):
    lines = lines_of(ragged(), more=split)
    line = refusal(csv([*lines, "s0,9,run,1,2,test"], HEADER + ",split"))
    assert "moves.csv:65: the id 's0' has two values for its split: 'test', and 'train'" in line
