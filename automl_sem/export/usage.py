"""The lines of Python that feed an example to an export, for the model card and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_sem.data.builtin import BUILTIN
from automl_sem.data.dataset import Dataset
from automl_sem.data.frames import ANIMATIONS, VIDEOS
from automl_sem.data.sampling import CLOCK
from automl_sem.export.record import kind_of

TABLES = (".csv", ".tsv")
IMPORTS = ("import numpy as np", "from PIL import Image, ImageOps")


@dataclass(frozen=True)
class Usage:
    """How an example is read.

    Args:
        file: The file or folder that is read.
        imports: The imports that are needed.
        lines: The lines that read it into `variable`, (1, ...), as training and `predict` do.
        variable: What it is called.
    """

    file: str
    imports: Sequence[str]
    lines: Sequence[str]
    variable: str


def usage_of(record: Mapping[str, Any], dataset: Dataset) -> Usage:
    """Return how an example is read that is saved like those that a model was trained on.

    Args:
        record: What `export.json` holds.
        dataset: What it was trained on.
    """
    kind = kind_of(record)
    if kind == "clips":
        return _clip(record, dataset)
    if kind == "series":
        return _series(record, dataset)
    return Usage("image.png", IMPORTS, image_lines(record["channels"]), "images")


def image_lines(channels: int) -> list[str]:
    """Return the lines that read `image.png` into `images` as training and `predict` do.

    They say in short what `decode_image` in `automl_sem.data.pixels` does.

    Args:
        channels: 1 for grey images, 3 for colour.
    """
    mode, axes = ("L", "[None, :, :, None]") if channels == 1 else ("RGB", "[None]")
    return [
        'image = ImageOps.exif_transpose(Image.open("image.png"))',
        'if image.mode[0] in "IF":  # 16 bits or floats: bring them to 8 bits',
        "    values = np.asarray(image, float)",
        '    top = 65535 if image.mode != "F" else 1 if values.max() <= 1 else 255',
        '    image = Image.fromarray(np.rint(values * (255 / top)).astype("uint8"))',
        'image = image.convert("RGBA")',
        'image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)',
        f'images = np.array(image.convert("{mode}")){axes}',
    ]


def _clip(record: Mapping[str, Any], dataset: Dataset) -> Usage:
    """Return how a clip is read: a video, an animation or a folder, as most likely at hand."""
    suffix, file = Path(dataset.train.names[0]).suffix.lower(), "clip"
    if suffix in VIDEOS:
        file, imports = f"clip{suffix}", ["import av"]
        frames = [
            f'frames = list(av.open("{file}").decode(video=0))',
            "images = [frame.to_image().rotate(frame.rotation, expand=True) for frame in frames]",
        ]
        ends = [
            "ends = np.array([float(f.time + f.duration * f.time_base) for f in frames])",
            "ends -= frames[0].time",
        ]
    elif suffix in ANIMATIONS or dataset.source in BUILTIN:
        file, imports = f"clip{suffix or '.gif'}", ["from PIL import Image, ImageSequence"]
        frames = [
            f'frames = ImageSequence.Iterator(Image.open("{file}"))',
            'frames = [frame.convert("RGBA") for frame in frames]',
            *_ON_WHITE,
        ]
        ends = ['ends = np.cumsum([frame.info["duration"] / 1000 for frame in frames])']
    else:
        imports = ["from pathlib import Path", "from PIL import Image, ImageOps"]
        frames = [
            'files = sorted(Path("clip").iterdir(), key=lambda file: (len(file.name), file.name))',
            "frames = [ImageOps.exif_transpose(Image.open(file)) for file in files]",
            'frames = [frame.convert("RGBA") for frame in frames]',
            *_ON_WHITE,
        ]
        ends = []  # nothing says when the files of a folder are shown
    if (rate := record["rate"]) is not None:
        count = record["trained_frames"]
        frames += [
            *ends,
            f"begin = max(0, (ends[-1] - {count} / {rate:g}) / 2)  # {rate:g} frames a second",
            f"moments = begin + (np.arange({count}) + 0.5) / {rate:g} - {CLOCK:g}",
            'shown = np.searchsorted(ends, moments, "right").clip(max=len(images) - 1)',
            "images = [images[i] for i in shown]",
        ]
    mode, axes = ("L", "[None, ..., None]") if record["channels"] == 1 else ("RGB", "[None]")
    frames.append(f'clips = np.stack([image.convert("{mode}") for image in images]){axes}')
    return Usage(file, ("import numpy as np", *imports), frames, "clips")


_ON_WHITE = (
    'white = Image.new("RGBA", frames[0].size, "white")',
    "images = [Image.alpha_composite(white, frame) for frame in frames]",
)


def _series(record: Mapping[str, Any], dataset: Dataset) -> Usage:
    """Return how the first series of a file is read."""
    suffix, imports = Path(dataset.source).suffix.lower(), ["import numpy as np"]
    at = "at = np.arange(len(values))"
    if suffix in TABLES:
        file = f"series{suffix}"
        imports.append("import pandas as pd")
        numbered = [f"channel {i + 1}" for i in range(record["channels"])]
        lines = [
            f'separator = max(",;\\t", key=open("{file}").readline().count)',
            f'table = pd.read_csv("{file}", sep=separator, na_values=["?", "na", "none"])',
            "names = [name.strip() for name in table]",
            'known = ("id", "time")  # in capitals too',
            "table.columns = [n.lower() if n.lower() in known else n for n in names]",
            'if not pd.api.types.is_numeric_dtype(table["time"]):',
            '    table["time"] = pd.to_datetime(table["time"]).astype("int64")',
            'one = table[table["id"] == table["id"][0]].sort_values("time")',
            f'values = one[{record["channel_names"] or numbered}].to_numpy("float32")',
        ]
        at = 'at = one["time"].to_numpy()[: len(values)]'
    elif suffix != ".npz" and dataset.source not in ("", *BUILTIN):
        file = "series.ts"
        lines = [
            f'lines = [line.strip() for line in open("{file}", errors="replace")]',
            'lines = [line for line in lines if line and line[0] not in "#%"]  # no remarks',
            'first = lines[[line.lower() for line in lines].index("@data") + 1]',
            "# Values with time stamps, such as (0,1.5), are read by `automl-sem predict` alone.",
            f'channels = first.replace("?", "nan").split(":")[:{record["channels"]}]',
            'values = np.array([channel.split(",") for channel in channels], "float32").T',
        ]
    else:
        file = "series.npz"
        lines = [
            f'values = np.load("{file}")["x"][0].astype("float32")',
            "# It is (time, channels): behind the end of a shorter series it must hold NaN.",
            "values = values.reshape(len(values), -1)",
        ]
    lines += [
        "values = values[: np.flatnonzero(~np.isnan(values).all(axis=1))[-1] + 1]",
        at,
        f"for channel, mean in zip(values.T, {record['means']}):",
        "    there = np.flatnonzero(~np.isnan(channel))  # fill in what is missing",
        "    channel[:] = np.interp(at, at[there], channel[there]) if len(there) else mean",
        "series = values[None]",
    ]
    return Usage(file, imports, lines, "series")
