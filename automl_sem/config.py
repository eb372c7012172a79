"""Options of a search, checked in one place for the command line and for Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from automl_sem.errors import UserError, perhaps

DEFAULT_TRIALS = 13
DEFAULT_FOLDS = 5
DEFAULT_GAN_FOLDS = 3
NO_LIMIT = 100_000  # trials of a search that only time limits, or that ends by itself
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
# How a value is called that Pydantic found to be none.
_MUST_BE = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "path_type": "a path",
}
# The same, of a value that may be of several types.
_MAY_BE = {
    "int_parsing": "a number",
    "int_type": "a number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "path_type": "a path",
    "callable_type": "a function",
    "sequence_type": "a list",
    "list_type": "a list",
    "is_instance_of": "a list",
}
_OF_ANOTHER_TYPE = {*_MUST_BE, *_MAY_BE, "literal_error"}
# Options that go with what only Python can pass: `direction` with a function as objective.
_OF_PYTHON = {"direction"}

Options = TypeVar("Options", bound=BaseModel)
# Marks an option that a path or a name can stand for: a name in a file is no path beside it.
NAMED = "a name or a path"
Named = Annotated[str, NAMED]
NamedPath = Annotated[Path, NAMED]


class SearchOptions(BaseModel):
    """What a person can say about a search.

    Each is a flag of `automl-sem search`, a key of `automl-sem.toml`, a variable `AUTOML_SEM_NAME`
    of the environment, and an argument of `automl_sem.search`.

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
        task: What is to be learnt of each example: `"classification"`, its class; `"multi-label"`,
            any number of labels; `"regression"`, numbers. Found out by default: fractions are
            numbers, columns of 0 and 1 labels, whole numbers and text classes.
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
        engine: Who proposes candidates, `"optuna"` or `"keras-tuner"`.
        sampler: Optuna's sampler: `"tpe"` (the default), `"random"`, `"qmc"`, `"cmaes"` or
            `"nsga2"`.
        oracle: KerasTuner's oracle: `"bayesian"` (the default), `"random"`, `"hyperband"` or
            `"grid"`.
        deterministic: Make a search with several workers reproducible: it waits for slower
            trials now and then.
        yes: Search even where it will take very long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target: Named | None = None
    data: Named | None = None
    space: Named | None = None
    trials: int | None = Field(default=None, ge=1)
    time_limit_s: float | None = Field(default=None, gt=0)
    folds: int | None = Field(default=None, ge=2)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    weights: Path | None = None
    warm_start: NamedPath | None = None
    augment_with: Named | NamedPath | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    out: Path | None = None
    size: int | None = Field(default=None, ge=1)
    image_size: int | None = Field(default=None, ge=8, le=1024)
    pad: bool = False
    groups: str | None = Field(default=None, min_length=1)
    skip_bad: bool = False
    kind: Literal["images", "clips", "series"] | None = None
    task: Literal["classification", "multi-label", "regression"] | None = None
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
    engine: str = "optuna"
    sampler: str | None = None
    oracle: str | None = None
    deterministic: bool = False
    yes: bool = False

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `folds = true`, which Python takes for 1."""
        default = cls.model_fields[str(info.field_name)].default
        if isinstance(value, bool) and not isinstance(default, bool):
            raise ValueError("it is not a switch")
        return value

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
        """Trials to complete; practically no limit when the time or Hyperband's plan is one."""
        if self.trials is not None:
            return self.trials
        ends_itself = self.time_limit_s is not None or self.oracle == "hyperband"
        return NO_LIMIT if ends_itself else DEFAULT_TRIALS


class ExportOptions(BaseModel):
    """What a person can say about an export, in the table `[export]` of a file.

    Args:
        format: Formats to write; in one text, separated by commas.
        gpus: GPUs to train on: `"all"`, or how many.
        pick: Which trial, where no flag says it: `"best"`, `"knee"` or `"smallest-within-1se"`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: tuple[str, ...] = ("keras", "saved-model")
    gpus: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    pick: str | None = None

    @field_validator("format", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value


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
        UserError: If one is out of range, naming the first by its flag.
    """
    return check(SearchOptions, values, lambda name: f"--{name.replace('_', '-')}")


def check(model: type[Options], values: Mapping[str, Any], where: Callable[[str], str]) -> Options:
    """Return checked options of a command.

    Args:
        model: What they must be.
        values: Values by field.
        where: Says of an option, by its name, where its value was given.

    Raises:
        UserError: If one has a wrong value, naming the first.
    """
    try:
        return model(**values)
    except ValidationError as error:
        first, *others = error.errors()
        name = option_name(str(first["loc"][0])) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            hint = perhaps(name, options_of(model))
            raise UserError("there is no such option", where=where(name), hint=hint) from error
        same = [first, *(other for other in others if other["loc"][:1] == first["loc"][:1])]
        raise UserError(_said(same), where=where(name) if name else "") from error


def option_name(field: str) -> str:
    """Return what a field is called in files, in the environment and, with dashes, as a flag."""
    return "time" if field == "time_limit_s" else field


def options_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the field of each option that has a flag, by its name."""
    return {option_name(field): field for field in model.model_fields if field not in _OF_PYTHON}


def _said(errors: Sequence[Any]) -> str:
    """Return what is wrong with one value, from all that Pydantic says of it."""
    telling = [error for error in errors if error["type"] not in _OF_ANOTHER_TYPE]
    first = (telling or errors)[0]
    if len(errors) > 1 and not telling:
        words = [
            word
            for e in errors
            for word in (
                _words(e) if e["type"] == "literal_error" else [{**_MUST_BE, **_MAY_BE}[e["type"]]]
            )
        ]
        return f"it takes {' or '.join(dict.fromkeys(words))}. Received: {first['input']!r}"
    message = first["msg"].removeprefix("Value error, ")
    hint = ""
    if first["type"] == "greater_than_equal":
        message = f"it must be at least {first['ctx']['ge']}"
    elif first["type"] in _MUST_BE:
        message = f"it must be {_MUST_BE[first['type']]}"
    elif first["type"] == "literal_error":
        message = f"it must be {first['ctx']['expected']}"
        hint = perhaps(str(first["input"]), _words(first))
    received = "" if "Received" in message else f". Received: {first['input']!r}"
    return f"{message[:1].lower()}{message[1:]}{received}{'. ' if hint else ''}{hint}"


def _words(error: Any) -> list[str]:
    """Return the words that a value could have been."""
    return re.findall(r"'([^']*)'", error["ctx"]["expected"])
