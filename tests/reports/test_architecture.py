"""An architecture is described as it is built, and drawn with every connection."""

from __future__ import annotations

import json

import pytest
from made_runs import Made, Page, make_dataset, make_run

from automl_sem.backend import use_tensorflow
from automl_sem.reports.build import build_report
from automl_sem.reports.drawing import (
    BOX_HEIGHT,
    BOX_WIDTH,
    CHARACTERS,
    draw,
    intervals_to_lanes,
    settings_in_words,
)
from automl_sem.reports.wording import TIMES
from automl_sem.results import read_results
from automl_sem.scoring.architecture import describe_architecture


@pytest.fixture(autouse=True, scope="module")
def _backend():
    use_tensorflow()


def residual():
    """Return a model with an identity skip over two layers and a projected one."""
    from keras import Input, Model, layers

    x = inputs = Input((8, 8, 4), name="image")
    y = layers.Conv2D(4, 3, padding="same", use_bias=False, name="first")(x)
    y = layers.BatchNormalization(name="norm")(y)
    x = layers.Add(name="identity")([y, x])
    y = layers.Conv2D(6, 3, padding="same", activation="relu", name="second")(x)
    z = layers.Conv2D(6, 1, name="projection")(x)
    x = layers.Add(name="projected")([y, z])
    x = layers.Flatten(name="flat")(x)
    return Model(inputs, layers.Dense(3, activation="softmax", name="out")(x))


def by_id(described):
    return {layer["id"]: layer for layer in described["layers"]}


def test_layers_have_types_settings_shapes_and_weights():
    described = describe_architecture(residual())
    layers = by_id(described)
    assert layers["first"]["type"] == "Conv2D"
    assert layers["first"]["settings"]["filters"] == 4
    assert layers["first"]["settings"]["kernel_size"] == [3, 3]
    assert layers["first"]["settings"]["use_bias"] is False
    assert layers["first"]["output_shape"] == [8, 8, 4]
    assert layers["first"]["parameters"] == 3 * 3 * 4 * 4
    assert layers["out"]["output_shape"] == [3]
    model = residual()
    assert sum(layer["parameters"] for layer in described["layers"]) == model.count_params()
    assert described["parameters"] == model.count_params()
    assert described["trainable"] == model.count_params() - 8  # moving mean and variance


def test_connections_are_those_of_the_graph_and_inputs_come_first():
    described = describe_architecture(residual())
    layers = by_id(described)
    assert layers["image"]["inputs"] == []
    assert layers["identity"]["inputs"] == ["norm", "image"]
    assert layers["projected"]["inputs"] == ["second", "projection"]
    seen = set()
    for layer in described["layers"]:
        assert seen.issuperset(layer["inputs"])
        seen.add(layer["id"])


def test_a_sequential_model_is_a_chain():
    from keras import Input, Sequential, layers

    model = Sequential([Input((4,)), layers.Dense(5), layers.Dropout(0.25), layers.Dense(2)])
    described = describe_architecture(model)
    types = [layer["type"] for layer in described["layers"]]
    assert types == ["InputLayer", "Dense", "Dropout", "Dense"]
    assert all(len(layer["inputs"]) == 1 for layer in described["layers"][1:])
    assert described["graph"]


def test_a_model_within_the_model_is_one_entry_by_its_name():
    from keras import Input, Model, Sequential, layers

    inputs = Input((8,))
    inner = Sequential([Input((8,)), layers.Dense(4), layers.Dense(4)], name="backbone")
    model = Model(inputs, layers.Dense(2)(inner(inputs)))
    entry = by_id(describe_architecture(model))["backbone"]
    assert entry["contains"] == 2
    assert entry["parameters"] == inner.count_params()
    box = next(b for b in draw(describe_architecture(model)).boxes if b.identity == "backbone")
    assert (box.title, box.settings) == ("backbone", "model of 2 layers")


def test_a_layer_called_twice_stands_there_twice_and_counts_once():
    from keras import Input, Model, layers

    inputs = Input((4,))
    shared = layers.Dense(4, name="shared")
    model = Model(inputs, shared(shared(inputs)))
    described = describe_architecture(model)
    layers_ = by_id(described)
    assert layers_["shared#2"]["inputs"] == ["shared"]
    assert [layers_[i]["parameters"] for i in ("shared", "shared#2")] == [20, 0]


def test_a_subclassed_model_is_listed_without_a_graph():
    import keras

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(3)
            self.second = keras.layers.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

    described = describe_architecture(Mine())
    assert not described["graph"]
    assert [layer["type"] for layer in described["layers"]] == ["Dense", "Dense"]
    json.dumps(described, allow_nan=False)


def test_operations_that_are_no_layers_are_part_of_the_graph():
    from keras import Input, Model, layers

    inputs = Input((4,))
    model = Model(inputs, layers.Dense(4)(inputs) + inputs)
    described = describe_architecture(model)
    assert [len(layer["inputs"]) for layer in described["layers"]] == [0, 1, 2]
    assert [layer["operation"] for layer in described["layers"]] == [False, False, True]
    json.dumps(described, allow_nan=False)


def test_what_a_layer_is_wrapped_around_is_told():
    from keras import Input, Model, Sequential, layers

    inputs = Input((6, 8, 8, 1))
    x = layers.TimeDistributed(layers.Conv2D(4, 3), name="each")(inputs)
    frame = Sequential([Input((6, 6, 4)), layers.GlobalAveragePooling2D()], name="frame")
    x = layers.TimeDistributed(frame, name="model")(x)
    both = layers.Bidirectional(layers.LSTM(5, go_backwards=False), "sum", name="both")
    model = Model(inputs, layers.Dense(2)(layers.Reshape((5, 1))(both(x))))
    described = describe_architecture(model)
    found = by_id(described)
    assert found["each"]["inside"]["type"] == "Conv2D"
    assert found["each"]["inside"]["settings"]["filters"] == 4
    assert found["model"]["inside"]["contains"] == 1
    assert found["both"]["settings"]["merge_mode"] == "sum"
    assert not found["both"]["operation"]
    json.dumps(described, allow_nan=False)
    boxes = {box.identity: box for box in draw(described).boxes}
    assert boxes["each"].title == "TimeDistributed(Conv2D)"
    assert boxes["each"].settings == f"4 filters, 3{TIMES}3"
    assert (boxes["model"].title, boxes["model"].settings) == (
        "TimeDistributed(frame)",
        "model of 1 layers",
    )
    assert boxes["both"].title == "Bidirectional(LSTM)"
    assert boxes["both"].settings == "5 units, ways added"
    assert [boxes[name].family for name in ("each", "model", "both")] == [
        *("convolution", "model", "recurrent"),
    ]


def test_the_cell_of_a_recurrent_layer_and_its_settings_are_told():
    from keras import Input, Sequential, layers

    model = Sequential(
        [
            Input((6, 3)),
            layers.GRU(4, go_backwards=True, return_sequences=True),
            layers.RNN(layers.LSTMCell(5)),
        ]
    )
    _, gru, cell = draw(describe_architecture(model)).boxes
    assert gru.settings == "4 units, from the end, returns sequences"
    assert (cell.title, cell.settings) == ("RNN(LSTMCell)", "5 units")


# The drawing


def inception():
    from keras import Input, Model, layers

    x = inputs = Input((8, 8, 4))
    a = layers.Conv2D(2, 1)(x)
    b = layers.Conv2D(2, 3, padding="same")(layers.Conv2D(2, 1)(x))
    c = layers.Conv2D(2, 5, padding="same")(layers.Conv2D(2, 1)(x))
    d = layers.Conv2D(2, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(x))
    x = layers.Concatenate()([a, b, c, d])
    return Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def dense_net():
    from keras import Input, Model, layers

    outputs = [Input((4,))]
    inputs = outputs[0]
    for _ in range(5):
        x = outputs[0] if len(outputs) == 1 else layers.Concatenate()(list(outputs))
        outputs.append(layers.Dense(4)(x))
    return Model(inputs, outputs[-1])


@pytest.mark.parametrize("build", [residual, inception, dense_net])
def test_every_connection_is_drawn_once_and_no_two_boxes_overlap(build):
    described = describe_architecture(build())
    drawing = draw(described)
    wanted = [(source, x["id"]) for x in described["layers"] for source in x["inputs"]]
    assert sorted((e.source, e.target) for e in drawing.edges) == sorted(wanted)
    places = [(box.row, box.column) for box in drawing.boxes]
    assert len(set(places)) == len(places)
    for box in drawing.boxes:
        assert drawing.left + box.x + BOX_WIDTH <= drawing.width
        assert box.y + BOX_HEIGHT <= drawing.height


def test_an_identity_skip_is_an_arc_and_a_projection_a_branch():
    drawing = draw(describe_architecture(residual()))
    kinds = {(edge.source, edge.target): edge.kind for edge in drawing.edges}
    assert kinds["image", "identity"] == "skip"
    assert kinds["first", "norm"] == "next"
    columns = {box.identity: box.column for box in drawing.boxes}
    side = {name for name, column in columns.items() if column}
    assert side < {"second", "projection"}
    (beside,) = side
    assert kinds["identity", beside] == kinds[beside, "projected"] == "branch"
    assert drawing.skips == 1


def test_a_model_without_skips_draws_none():
    from keras import Input, Sequential, layers

    drawing = draw(describe_architecture(Sequential([Input((4,)), layers.Dense(2)])))
    assert [edge.kind for edge in drawing.edges] == ["next"]


def test_arcs_that_overlap_take_different_lanes():
    lanes = intervals_to_lanes([(0, 9), (1, 4), (4, 8), (2, 6)])
    assert lanes[1] == lanes[2]
    assert len({lanes[0], lanes[1], lanes[3]}) == 3


def test_a_long_label_is_cut_and_told_whole_on_hover():
    from keras import Input, Model, layers

    inputs = Input((8, 8, 4))
    wide = layers.SeparableConv2D(128, 3, 2, padding="same", activation="relu", use_bias=False)
    (_, box) = draw(describe_architecture(Model(inputs, wide(inputs)))).boxes
    assert len(box.title) + len(box.settings) <= CHARACTERS
    assert box.settings.endswith("\u2026")
    assert f"stride 2{TIMES}2, same padding" in box.full


def test_settings_are_said_in_words_and_defaults_left_out():
    settings = {
        "filters": 32,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "same",
        "groups": 1,
        "activation": "linear",
        "use_bias": False,
    }
    assert settings_in_words(settings) == ["32 filters", f"3{TIMES}3", "same padding", "no bias"]
    assert settings_in_words({"rate": 0.3}) == ["rate 0.3"]
    assert settings_in_words({"units": 1, "kernel_size": [8]}) == ["1 unit", "kernel 8"]
    assert settings_in_words({"dropout": 0.1, "recurrent_dropout": 0.0}) == ["dropout 0.1"]
    assert settings_in_words({"padding": [0, 2]}) == ["padding 0 and 2"]
    assert settings_in_words({"strides": [2, 2]}) == [f"stride 2{TIMES}2"]


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", [Made(wrong=[1])], make_dataset(), fresh=[0])


def test_the_report_draws_the_winner_with_its_skip(run):
    run.write_json("architecture.json", {"trial": 0, **describe_architecture(residual())})
    page = Page(build_report(read_results(run), None).read_text())
    edges = {
        (a["data-from"], a["data-to"]): a["class"] for a in page.find("path") if "data-from" in a
    }
    assert edges["image", "identity"] == "edge skip"
    assert len(edges) == 10
    assert f"4 filters, 3{TIMES}3, same padding, no bias" in page.sections["architecture"]
    assert "1 connection skips layers" in page.sections["architecture"]


def test_names_of_layers_are_escaped(run):
    described = describe_architecture(residual())
    described["layers"][1]["type"] = "<b>Mine</b>"
    described["layers"][1]["settings"] = {"activation": "<script>"}
    run.write_json("architecture.json", {"trial": 0, **described})
    page = Page(build_report(read_results(run), None).read_text())
    assert "<b>Mine</b> <script>" in page.sections["architecture"]
    assert not page.find("b")


@pytest.mark.parametrize("trial", [None, 7])
def test_the_drawing_of_another_trial_is_not_shown(run, trial):
    if trial is not None:
        run.write_json("architecture.json", {"trial": trial, **describe_architecture(residual())})
    page = Page(build_report(read_results(run), None).read_text())
    assert "There is no drawing of trial 0 yet" in page.sections["architecture"]
    assert "learning rate" in page.sections["architecture"]
