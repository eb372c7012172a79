"""Lay out a network's layers from top to bottom, for an inline SVG.

The longest way from input to output stands in the first column. Layers beside it, such as
the projection of a residual block, stand in columns to the right; a connection that skips
layers of its own column is an arc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_sem.reports.folding import MASKED, fold
from automl_sem.reports.wording import TIMES, shape

BOX_WIDTH, BOX_HEIGHT, GAP = 400, 40, 18  # pixels
COLUMN_GAP, LANE, MARGIN = 40, 16, 10
BEND = 12
CHARACTERS = 50  # of a box's first line: they fit in wide fonts as well

FAMILIES = (
    ("input", ("Input",)),
    ("attention", ("Attention",)),
    ("recurrent", ("LSTM", "GRU", "RNN")),
    ("convolution", ("Conv",)),
    ("pooling", ("Pooling", "Flatten", "Reshape", "UpSampling", "Cropping", "ZeroPadding")),
    ("pooling", ("Sum", "Mean", "Max", "Min", "Take", "Split")),
    ("normalization", ("Normalization", "Rescaling")),
    ("dense", ("Dense", "Embedding")),
)
MERGES = ("Add", "Concatenate", "Multiply", "Average", "Subtract", "Maximum", "Minimum", "Dot")
RECURRENT = ("LSTM", "GRU", "RNN")
SWITCHES = {  # what is said of a setting that is off, and on
    "use_bias": ("no bias", ""),
    "return_sequences": ("", "returns sequences"),
    "go_backwards": ("", "from the end"),
}
WAYS = {"sum": "ways added", "ave": "ways averaged", "mul": "ways multiplied"}


@dataclass(frozen=True)
class Box:
    """One layer.

    Args:
        identity: Its id in the architecture.
        family: `"convolution"`, `"merge"` ...: its colour.
        title: Its type, or the name of a model within the model.
        settings: Its key settings in words.
        detail: Output shape and weights.
        full: All of it, for a tooltip.
        row: Rank from the input, from 0.
        column: 0 for the main way.
    """

    identity: str
    family: str
    title: str
    settings: str
    detail: str
    full: str
    row: int
    column: int

    @property
    def x(self) -> float:
        """Left edge, without the room for arcs."""
        return self.column * (BOX_WIDTH + COLUMN_GAP)

    @property
    def y(self) -> float:
        """Upper edge."""
        return MARGIN + self.row * (BOX_HEIGHT + GAP)


@dataclass(frozen=True)
class Edge:
    """One connection.

    Args:
        kind: `"next"`, `"branch"` to or from another column, or `"skip"`.
        source: Id of the layer it comes from.
        target: Id of the layer it goes to.
        path: SVG path.
    """

    kind: str
    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """Everything in pixels.

    Args:
        width: Of the whole.
        height: Of the whole.
        left: Room for arcs, left of the first column.
        boxes: The layers.
        edges: The connections.
        left_out: Number of operations that are not drawn.
    """

    width: float
    height: float
    left: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    left_out: int

    @property
    def skips(self) -> int:
        """Number of connections that skip layers."""
        return sum(edge.kind == "skip" for edge in self.edges)


def draw(architecture: Mapping[str, Any]) -> Drawing:
    """Return the layout of an architecture as `describe_architecture` describes it."""
    folded = fold(architecture["layers"])
    layers = folded.layers
    inputs = {layer["id"]: list(layer["inputs"]) for layer in layers}
    rows = ranks(inputs)
    columns = lanes_of_layers(inputs, rows)
    boxes = {layer["id"]: _box(layer, rows[layer["id"]], columns[layer["id"]]) for layer in layers}
    pairs = [(boxes[source], boxes[target]) for target in inputs for source in inputs[target]]
    skips = [(a, b) for a, b in pairs if a.column == b.column and _between(a, b, boxes.values())]
    lanes = intervals_to_lanes([(a.row, b.row) for a, b in skips])
    left = MARGIN + (LANE * (max(lanes) + 1) + 6 if lanes else 0)
    lane_of = dict(zip([(a.identity, b.identity) for a, b in skips], lanes, strict=True))
    edges = tuple(_edge(a, b, left, lane_of.get((a.identity, b.identity))) for a, b in pairs)
    widest = max((box.x for box in boxes.values()), default=0.0)
    lowest = max((box.y for box in boxes.values()), default=0.0)
    return Drawing(
        width=left + widest + BOX_WIDTH + MARGIN,
        height=lowest + BOX_HEIGHT + MARGIN,
        left=left,
        boxes=tuple(boxes.values()),
        edges=edges,
        left_out=folded.left_out,
    )


def ranks(inputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the row of each layer: one below the lowest of its inputs.

    Args:
        inputs: Ids of the inputs of each layer, in an order that has inputs first.
    """
    rows: dict[str, int] = {}
    for identity, sources in inputs.items():
        rows[identity] = 1 + max((rows[source] for source in sources), default=-1)
    return rows


def lanes_of_layers(inputs: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> dict[str, int]:
    """Return the column of each layer: 0 on the longest way, the first free one beside it."""
    columns: dict[str, int] = {}
    identity = max(rows, key=lambda name: rows[name], default=None)
    while identity is not None:
        columns[identity] = 0
        above = [source for source in inputs[identity] if rows[source] == rows[identity] - 1]
        identity = above[0] if above else None
    taken = {(0, rows[name]) for name in columns}
    consumers: dict[str, list[str]] = {}
    for target, sources in inputs.items():
        for source in sources:
            consumers.setdefault(source, []).append(target)
    for name in inputs:
        if name in columns:
            continue
        last = max((rows[target] for target in consumers.get(name, [])), default=rows[name] + 1)
        places = range(rows[name], max(last, rows[name] + 1))
        beside = [columns[s] for s in inputs[name] if columns.get(s, 0) > 0]
        column = beside[0] if beside else 1
        while any((column, row) in taken for row in places):
            column += 1
        columns[name] = column
        taken |= {(column, row) for row in places}
    return columns


def intervals_to_lanes(intervals: Sequence[tuple[int, int]]) -> list[int]:
    """Return a lane for each interval so that none overlap; short ones are inside.

    Args:
        intervals: First and last row of each.
    """
    lanes = [0] * len(intervals)
    placed: list[int] = []
    for i in sorted(range(len(intervals)), key=lambda i: intervals[i][1] - intervals[i][0]):
        low, high = intervals[i]
        used = {lanes[j] for j in placed if intervals[j][0] < high and low < intervals[j][1]}
        lanes[i] = next(lane for lane in range(len(intervals)) if lane not in used)
        placed.append(i)
    return lanes


def settings_in_words(settings: Mapping[str, Any]) -> list[str]:
    """Return what matters of a layer's settings: `["32 filters", "3 x 3", "no bias"]`."""
    words = []
    for name, value in settings.items():
        text = _setting(name, value)
        if text:
            words.append(text)
    return words


def _setting(name: str, value: Any) -> str:
    if name in ("strides", "dilation_rate"):
        plain = value if isinstance(value, list) else [value]
        word = "stride" if name == "strides" else "dilation"
        return "" if set(plain) == {1} else f"{word} {_sizes(plain)}"
    if name in ("filters", "units"):
        return f"{value} {name.removesuffix('s') if value == 1 else name}"
    if name in ("kernel_size", "pool_size", "size", "target_shape"):
        sizes = value if isinstance(value, list) else [value]
        along = {"kernel_size": "kernel ", "pool_size": "pool "}.get(name, "")
        return f"{along if len(sizes) == 1 else ''}{_sizes(sizes)}"
    if name == "padding":
        if isinstance(value, list):
            return f"padding {' and '.join(map(str, value))}"
        return f"{value} padding" if value != "valid" else ""
    if name == "axis":
        return f"axis {_sizes(value)}" if isinstance(value, list) else f"axis {value}"
    if name == "groups":
        return f"{value} groups" if value != 1 else ""
    if name in SWITCHES:
        return SWITCHES[name][bool(value)]
    if name == "merge_mode":
        return WAYS.get(str(value), "")
    if name in ("dropout", "recurrent_dropout") and not value:
        return ""
    if name == "activation":
        return "" if value == "linear" else str(value)
    label = name.replace("num_heads", "heads").replace("key_dim", "key size").replace("_", " ")
    return f"{label} {value:.4g}" if isinstance(value, float) else f"{label} {value}"


def _sizes(values: Sequence[Any]) -> str:
    texts = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    return TIMES.join(texts)


def _box(layer: Mapping[str, Any], row: int, column: int) -> Box:
    title, words = _named(layer)
    if layer["contains"] is not None:
        title = str(layer["name"])
    weights = f"{layer['parameters']:,} weights" if layer["parameters"] else ""
    out = shape(layer["output_shape"])
    room = max(8, CHARACTERS - len(title))
    settings = ", ".join(words)
    masked = MASKED if layer[MASKED] else ""
    detail = "  ·  ".join(part for part in (out, weights, masked) if part)
    return Box(
        identity=layer["id"],
        family=_family(title, _holds_a_model(layer)),
        title=_cut(title, CHARACTERS - 8),
        settings=_cut(settings, room),
        detail=detail,
        full=f"{layer['name']}: {title} {settings}; {detail}",
        row=row,
        column=column,
    )


def _named(layer: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the type of a layer, with what is inside of it, and its settings in words."""
    title = str(layer["type"]).removesuffix("Layer")
    if layer["contains"] is not None:
        return title, [f"model of {layer['contains']} layers"]
    own = settings_in_words(_without_defaults(title, layer["settings"]))
    if not layer.get("inside"):
        return title, own
    inside, words = _named(layer["inside"])
    return f"{title}({inside})", words + own


def _holds_a_model(layer: Mapping[str, Any]) -> bool:
    inside = layer.get("inside")
    return layer["contains"] is not None or (inside is not None and _holds_a_model(inside))


def _without_defaults(title: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out strides of a pooling layer that equal its size, as they do by default."""
    kept = dict(settings)
    if "pool_size" in kept and kept.get("strides") == kept["pool_size"]:
        del kept["strides"]
    if title == "BatchNormalization":
        kept = {name: kept[name] for name in ("momentum",) if name in kept}
    if title == "Concatenate" and kept.get("axis") == -1:
        del kept["axis"]
    if any(part in title for part in RECURRENT) and kept.get("activation") == "tanh":
        del kept["activation"]
    return kept


def _family(title: str, nested: bool) -> str:
    if nested:
        return "model"
    if title in MERGES:
        return "merge"
    return next((family for family, parts in FAMILIES if any(p in title for p in parts)), "other")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,") + "…"


def _between(a: Box, b: Box, boxes: Any) -> bool:
    return any(box.column == a.column and a.row < box.row < b.row for box in boxes)


def _edge(a: Box, b: Box, left: float, lane: int | None) -> Edge:
    if lane is not None:
        return Edge("skip", a.identity, b.identity, _arc(a, b, left, lane))
    if a.column == b.column:
        x = left + a.x + BOX_WIDTH / 2
        return Edge("next", a.identity, b.identity, f"M{x} {a.y + BOX_HEIGHT}V{b.y}")
    return Edge("branch", a.identity, b.identity, _elbow(a, b, left))


def _arc(a: Box, b: Box, left: float, lane: int) -> str:
    """From the left edge of one box around to the left edge of the other."""
    edge = left + a.x
    x = edge - 6 - LANE * (lane + 1) + 4
    top, bottom = a.y + BOX_HEIGHT * 0.7, b.y + BOX_HEIGHT * 0.3
    return (
        f"M{edge} {top}H{x + BEND}Q{x} {top} {x} {top + BEND}"
        f"V{bottom - BEND}Q{x} {bottom} {x + BEND} {bottom}H{edge}"
    )


def _elbow(a: Box, b: Box, left: float) -> str:
    """From box to box of another column: sideways out of the left one, into its side again."""
    if a.column < b.column:
        x, y = left + b.x + BOX_WIDTH / 2, a.y + BOX_HEIGHT / 2
        start = left + a.x + BOX_WIDTH
        return f"M{start} {y}H{x - BEND}Q{x} {y} {x} {y + BEND}V{b.y}"
    x, y = left + a.x + BOX_WIDTH / 2, b.y + BOX_HEIGHT / 2
    end = left + b.x + BOX_WIDTH
    return f"M{x} {a.y + BOX_HEIGHT}V{y - BEND}Q{x} {y} {x - BEND} {y}H{end}"
