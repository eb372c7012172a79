"""Options of a search, checked in one place for the command line and for Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from automl_sem.errors import UserError

DEFAULT_TRIALS = 13
DEFAULT_FOLDS = 5
DEFAULT_GAN_FOLDS = 3
NO_LIMIT = 100_000  # trials of a search that only time limits
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class SearchOptions(BaseModel):
    """What a person can say about a search.

    Args:
        target: A space, a .py file, a dataset or a path; or None with `data`.
        data: Dataset name or path; by default the space's own.
        space: Space name or file; by default the one for the kind of data.
        trials: Trials in all, the baseline included. Default 13, or no limit with a time limit.
        time_limit_s: Seconds after which no new trial starts, or None.
        folds: Number of folds; by default 5, of GANs 3.
        epochs: Fixes the recipe's epochs, of a GAN the steps that they come to.
        batch_size: Fixes the recipe's batch size.
        weights: A pretrained model, whose layers before its head become the backbone.
        warm_start: A run whose best hyperparameters are tried early.
        augment_with: A GAN whose images classifiers may learn from as well: `"gan"`, or an export
            of a GAN or a run that searched for one, which stands for its best: of these networks
            and recipe are taken.
        seed: Seed of the whole run.
        out: The run directory; by default `runs/DATE-TIME-NAME`.
        size: Training examples of the built-in shapes, motion or strokes.
        image_size: Side in pixels to resize images and frames to.
        pad: Fill those of another shape up with the background instead of stretching them.
        groups: Column of a CSV table, or regular expression on the names of image files or
            clips whose first group is the group: examples of one group stay in one fold.
        skip_bad: Leave images and clips out that cannot be read instead of refusing.
        kind: What the data are, `"images"`, `"clips"` or `"series"`; found out by default.
        frames: Frames that are taken of each clip.
        rate: Frames that are taken of a clip in a second; evenly over the whole by default.
        workers: Worker processes, or `"auto"`: one a GPU, else one a core as far as memory
            and the number of trials go. 0 trains in the search's own process.
        workers_per_gpu: Workers that share a GPU.
        gpus: GPUs to search on: `"all"`, or how many.
        stress: Distortions that labels survive, `"rotate=180,scale"`; held-out examples are
            scored under them as well. By default the space's own, `"none"` for none.
        objective: What is best: the name of a metric, of scikit-learn's and Keras's or a short one
            (`"macro_f1"`, `"auc"`), with `:max` or `:min` where its name does not tell;
            `FILE.py:function:max`; in Python a function of (y_true, predictions) too. Up to three
            with commas between them, costs among them (`"accuracy,params"`), make a front. By
            default the log-loss.
        direction: `"max"` or `"min"`, of an objective that is a function.
        max_params: Most weights of a candidate; `"50k"` and `"1.5M"` are understood.
        max_size_mb: Most MB (10^6 bytes) of its weights in a file.
        max_latency_ms: Longest time in ms that one example may take on this machine.
        max_memory: Most MB of memory that one example may take, by an estimate.
        discard: Rule by which hopeless candidates are dropped after some of their folds.
        deterministic: Make a search with several workers reproducible: it waits for slower
            trials now and then.
        yes: Search even where it will take very long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str | None = None
    data: str | None = None
    space: str | None = None
    trials: int | None = Field(default=None, ge=1)
    time_limit_s: float | None = Field(default=None, gt=0)
    folds: int | None = Field(default=None, ge=2)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    weights: Path | None = None
    warm_start: Path | None = None
    augment_with: str | Path | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    out: Path | None = None
    size: int | None = Field(default=None, ge=1)
    image_size: int | None = Field(default=None, ge=8, le=1024)
    pad: bool = False
    groups: str | None = Field(default=None, min_length=1)
    skip_bad: bool = False
    kind: Literal["images", "clips", "series"] | None = None
    frames: int | None = Field(default=None, ge=2, le=4096)
    rate: float | None = Field(default=None, gt=0, le=1000)
    workers: Literal["auto"] | Annotated[int, Field(ge=0, le=1024)] = "auto"
    workers_per_gpu: int = Field(default=1, ge=1, le=64)
    gpus: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    stress: str | None = None
    objective: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None = None
    direction: Literal["max", "min"] | None = None
    max_params: int | None = Field(default=None, ge=1)
    max_size_mb: float | None = Field(default=None, gt=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    max_memory: float | None = Field(default=None, gt=0)
    discard: str = "forgiving"
    deterministic: bool = False
    yes: bool = False

    @field_validator("time_limit_s", mode="before")
    @classmethod
    def _read_duration(cls, value: Any) -> Any:
        return parse_duration(value) if isinstance(value, str) else value

    @field_validator("max_params", mode="before")
    @classmethod
    def _read_count(cls, value: Any) -> Any:
        return parse_count(value) if isinstance(value, str) else value

    @field_validator("max_memory", mode="before")
    @classmethod
    def _read_memory(cls, value: Any) -> Any:
        return parse_megabytes(value) if isinstance(value, str) else value

    @property
    def limits(self) -> dict[str, float]:
        """Largest cost of a candidate by name, those that were set."""
        named = {
            "params": self.max_params,
            "size_mb": self.max_size_mb,
            "memory_mb": self.max_memory,
            "latency_ms": self.max_latency_ms,
        }
        return {name: float(most) for name, most in named.items() if most is not None}

    @property
    def trial_limit(self) -> int:
        """Trials to complete; practically none when only a time limit was given."""
        if self.trials is not None:
            return self.trials
        return DEFAULT_TRIALS if self.time_limit_s is None else NO_LIMIT


def fold_count(wanted: int | None, generates: bool) -> int:
    """Return how many folds a search takes.

    Args:
        wanted: What a person said, or None.
        generates: Whether candidates are GANs.
    """
    if wanted is not None:
        return wanted
    return DEFAULT_GAN_FOLDS if generates else DEFAULT_FOLDS


def parse_duration(text: str) -> float:
    """Return seconds from `90s`, `5m`, `1.5h` or `1h30m`.

    Raises:
        ValueError: If it is none of these.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"a duration looks like 90s, 5m or 1h30m. Received: {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def parse_count(text: str) -> int:
    """Return a number from `50k`, `1.5M` or `200000`.

    Raises:
        ValueError: If it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text.replace(",", "").replace("_", ""))
    if not found:
        raise ValueError(f"a number looks like 50000, 50k or 1.5M. Received: {text!r}")
    return round(float(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2].lower()])


def parse_megabytes(text: str) -> float:
    """Return megabytes from `512kB`, `64MB`, `1.5GB` or `64`.

    Raises:
        ValueError: If it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmg]?)b?", text.lower())
    if not found:
        raise ValueError(f"memory looks like 512kB, 64MB or 1.5GB. Received: {text!r}")
    return float(found[1]) * {"": 1.0, "k": 1e-3, "m": 1.0, "g": 1e3}[found[2]]


def search_options(**values: Any) -> SearchOptions:
    """Return checked options.

    Raises:
        UserError: If one is out of range, naming the first.
    """
    try:
        return SearchOptions(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        flag = {"time_limit_s": "time"}.get(name, name).replace("_", "-")
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "greater_than_equal":
            message = f"it must be at least {first['ctx']['ge']}"
        received = "" if "Received" in message else f". Received: {first['input']!r}"
        raise UserError(
            f"{message[0].lower()}{message[1:]}{received}", where=f"--{flag}"
        ) from error
