"""What finds or blanks padding, or takes each number alone, is left out of a drawing."""

from __future__ import annotations

import pytest
from made_runs import Made, Page, make_run, make_series

from automl_sem.backend import use_tensorflow
from automl_sem.reports.build import build_report
from automl_sem.reports.drawing import draw
from automl_sem.reports.folding import FORM, LOGIC, MASKED, fold
from automl_sem.results import read_results
from automl_sem.scoring.architecture import describe_architecture
from automl_sem.search_spaces import series
from automl_sem.types import DataInfo


@pytest.fixture(autouse=True, scope="module")
def _backend():
    use_tensorflow()


def masked_lstm():
    """Return a model whose mask is made, shortened and applied by hand, as for series."""
    from keras import Input, Model, layers, ops

    inputs = Input((None, 3), name="series")
    mask = ops.any(ops.not_equal(inputs, 0), axis=-1)
    position = ops.cumsum(ops.ones_like(ops.cast(mask, "int32")), axis=1)
    length = ops.max(ops.multiply(position, ops.cast(mask, "int32")), axis=1, keepdims=True)
    mask = ops.less_equal(position, ops.maximum(length, 1))
    real = ops.cast(ops.expand_dims(mask, -1), "float32")
    both = ops.concatenate([ops.multiply(inputs, real), real], axis=-1)
    both = layers.AveragePooling1D(2, name="halved")(both)
    x, share = ops.split(both, [3], axis=-1)
    x = ops.divide(x, ops.maximum(share, 0.25))
    mask = ops.greater(ops.squeeze(share, -1), 0)
    x = layers.Conv1D(4, 3, padding="same", name="conv")(
        ops.multiply(x, ops.cast(ops.expand_dims(mask, -1), x.dtype))
    )
    x = layers.BatchNormalization(name="norm")(x, mask=mask)
    x = layers.LSTM(5, return_sequences=True, name="lstm")(x)
    x = ops.max(ops.where(ops.expand_dims(mask, -1), x, -1e4), axis=1)
    return Model(inputs, layers.Dense(2, name="out")(x))


def ids_of(folded):
    return {layer["id"]: (layer["inputs"], layer[MASKED]) for layer in folded.layers}


def test_of_a_masked_network_the_layers_are_left_and_say_so():
    described = describe_architecture(masked_lstm())
    folded = fold(described["layers"])
    (largest,) = [layer["id"] for layer in folded.layers if layer["type"] == "Max"]
    assert ids_of(folded) == {
        "series": ([], False),
        "halved": (["series"], True),
        "conv": (["halved"], True),
        "norm": (["conv"], True),
        "lstm": (["norm"], True),  # Keras hands on the mask of what stands before it
        largest: (["lstm"], True),
        "out": ([largest], False),
    }
    assert folded.left_out == len(described["layers"]) - 7
    assert folded.left_out > 15


def test_the_page_says_what_is_left_out(tmp_path):
    dataset = make_series()
    run = make_run(tmp_path / "run", [Made(wrong=[1])], dataset, fresh=[0])
    described = describe_architecture(masked_lstm())
    run.write_json("architecture.json", {"trial": 0, **described})
    page = Page(build_report(read_results(run), dataset).read_text(encoding="utf-8"))
    section = page.sections["architecture"]
    assert f"{len(described['layers']) - 7} operations without weights are left out" in section
    assert "NotEqual" not in section
    assert section.count("· masked") == 2 * 5  # in a box and in its tooltip


@pytest.mark.parametrize(
    "values",
    [
        series.BASELINE,
        *series.GOOD_STARTS,
        {**series.BASELINE, "network": "cnn-lstm", "both_ways": True, "pooling": "attention"},
        {**series.BASELINE, "cell": "gru", "both_ways": True, "pooling": "last"},
    ],
)
def test_of_the_space_for_series_no_mask_is_drawn(values):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    described = describe_architecture(series.build(hp, DataInfo("series", (140, 3), 4, 200)))
    drawing = draw(described)
    titles = {box.title for box in drawing.boxes}
    assert titles.isdisjoint(LOGIC | FORM | {"Cumsum", "Where"})
    assert len(drawing.boxes) + drawing.left_out == len(described["layers"])
    kept = {layer["id"] for layer in described["layers"] if layer["parameters"]}
    assert kept <= {box.identity for box in drawing.boxes}
    joined = {source for edge in drawing.edges for source in (edge.source, edge.target)}
    assert joined == {box.identity for box in drawing.boxes}


def test_masks_of_keras_itself_are_left_out():
    from keras import Input, Sequential, layers

    model = Sequential([Input((None, 3)), layers.Masking(), layers.LSTM(4), layers.Dense(2)])
    drawing = draw(describe_architecture(model))
    assert [box.title for box in drawing.boxes] == ["Input", "Masking", "LSTM", "Dense"]
    assert "masked" in drawing.boxes[2].detail
    assert [edge.kind for edge in drawing.edges] == ["next"] * 3


def layer(identity, kind, *inputs, operation=True):
    return {
        "id": identity,
        "name": identity,
        "type": kind,
        "settings": {},
        "output_shape": [3],
        "parameters": 0,
        "inputs": list(inputs),
        "contains": None,
        "operation": operation,
        "inside": None,
    }


INPUT, OUT = layer("in", "InputLayer", operation=False), "Dense"


def left(*layers):
    return [x["id"] for x in fold([INPUT, *layers]).layers]


def test_truth_values_that_a_layer_takes_as_its_input_stay():
    kept = left(
        layer("large", "Greater", "in"),
        layer("number", "Cast", "large"),
        layer("out", OUT, "number", operation=False),
    )
    assert kept == ["in", "large", "out"]  # a Cast is a matter of form


def test_arithmetic_of_two_layers_stays_and_with_a_constant_does_not():
    dense = layer("dense", OUT, "in", operation=False)
    kept = left(
        dense,
        layer("sum", "Add", "dense", "in"),
        layer("half", "Multiply", "sum"),
        layer("out", OUT, "half", operation=False),
    )
    assert kept == ["in", "dense", "sum", "out"]


def test_what_joins_a_layer_and_a_multiple_of_it_works_number_by_number():
    joined = layer("half", "Multiply", "in"), layer("both", "Add", "in", "half")
    assert left(*joined, layer("out", OUT, "both", operation=False)) == ["in", "out"]
    most = layer("most", "Max", "in"), layer("both", "Subtract", "in", "most")
    assert left(*most, layer("out", OUT, "both", operation=False)) == ["in", "most", "both", "out"]


def test_parts_of_a_layer_that_are_joined_again_stay_joined_to_it():
    kept = [
        INPUT,
        layer("parts", "Split", "in"),
        layer("gate", "Sigmoid", "parts"),
        layer("gated", "Multiply", "parts", "gate"),
        layer("out", OUT, "gated", operation=False),
    ]
    found = {x["id"]: x["inputs"] for x in fold(kept).layers}
    assert found == {"in": [], "gate": ["in"], "gated": ["in", "gate"], "out": ["gated"]}


def test_the_last_operation_stays_and_layers_always_do():
    assert left(layer("form", "Cast", "in")) == ["in", "form"]
    merged = layer("merged", "Multiply", "in", operation=False)
    assert left(merged, layer("out", OUT, "merged", operation=False)) == ["in", "merged", "out"]


def test_a_drawing_of_an_older_run_is_drawn_as_it_is():
    old = {k: v for k, v in layer("cast", "Cast", "in").items() if k not in ("operation", "inside")}
    drawing = draw({"layers": [INPUT, old, layer("out", OUT, "cast", operation=False)]})
    assert [box.title for box in drawing.boxes] == ["Input", "Cast", "Dense"]
    assert drawing.left_out == 0
