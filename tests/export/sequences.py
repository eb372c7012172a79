"""Small clips and series, and spaces for them, ready to be exported."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart

SERIES_SPACE = '''"""A tiny recurrent space."""

from keras import Model, Input, layers

from automl_sem import Recipe

KIND = "series"


def build(hp, data):
    x = inputs = Input((None, data.input_shape[-1]))
    x = layers.LSTM(hp.Int("units", 4, 16))(layers.Masking()(x))
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(x)
    return Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def recipe(hp, data):
    return Recipe(learning_rate=10 * hp.Float("rate", 1e-3, 1e-1), batch_size=8, epochs=3)
'''

CLIPS_SPACE = (
    SERIES_SPACE.replace("(None, data.input_shape[-1])", "data.input_shape")
    .replace("series", "clips")
    .replace("layers.Masking()(x)", "layers.TimeDistributed(layers.Flatten())(x)")
)

CHANNELS = ("ax", "ay")
CLASSES = ("fall", "rise")


def series_part(
    n: int = 24, longest: int = 9, channels: int = 2, *, ragged: bool = True, seed: int = 0
) -> TrainingPart:
    """Series of 3 to `longest` steps that rise or fall, far from 0 and of unlike spread."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = np.full((n, longest, channels), np.nan, np.float32)
    for row, label in enumerate(y):
        steps = int(rng.integers(3, longest + 1)) if ragged and row else longest
        line = np.linspace(-1, 1, steps)[:, None] * (2 * label - 1)
        scale = 10.0 ** np.arange(channels)
        x[row, :steps] = 50 + scale * (line + rng.normal(0, 0.2, (steps, channels)))
    return TrainingPart(x, y, tuple(f"row {i}" for i in range(n)), CLASSES, kind="series")


def clips_part(
    n: int = 12, frames: int = 5, size: tuple[int, int] = (8, 10), channels: int = 1, seed: int = 0
) -> TrainingPart:
    """Clips of noise, bright at the beginning or at the end."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.integers(0, 120, (n, frames, *size, channels), np.uint8)
    x[y == 0, : frames // 2] += 120
    x[y == 1, -(frames // 2) :] += 120
    return TrainingPart(x, y, tuple(f"row {i}" for i in range(n)), CLASSES, kind="clips")


def dataset_of(part: TrainingPart, **fields: object) -> Dataset:
    """A dataset from memory, with the first five examples as its test part as well."""
    test = HeldOutPart(part.x[:5], part.y[:5], part.names[:5])
    return Dataset("made", "", part, test, **fields)


def alone(x: np.ndarray) -> list[np.ndarray]:
    """Padded series as they are, without padding."""
    return [values[~np.isnan(values).all(axis=1)] for values in x]


def write_csv(
    path: Path,
    series: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    channels: Sequence[str] = CHANNELS,
) -> Path:
    """Write series in long form, a line for each step; NaN is left empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "time", *(["label"] if labels else []), *channels])
        for row, values in enumerate(series):
            label = [labels[row]] if labels else []
            for step, value in enumerate(values):
                texts = ["" if np.isnan(v) else repr(float(v)) for v in value]
                lines.writerow([f"s{row}", step, *label, *texts])
    return path


def write_ts(path: Path, series: Sequence[np.ndarray], labels: Sequence[str] | None = None) -> Path:
    """Write a `.ts` file; NaN is written as a question mark."""
    known = f"true {' '.join(sorted(set(labels)))}" if labels else "false"
    lines = ["@problemName made", f"@classLabel {known}", "@data"]
    for row, values in enumerate(series):
        texts = [["?" if np.isnan(v) else repr(float(v)) for v in channel] for channel in values.T]
        lines.append(":".join([*map(",".join, texts), *([labels[row]] if labels else [])]))
    path.write_text("\n".join(lines) + "\n")
    return path
