"""What an export format is: how it is written, loaded and used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_sem.types import Floats

Predict = Callable[..., Floats]


@dataclass(frozen=True)
class Format:
    """One way to keep a model on disk. Written in a file of its own, listed in `formats.py`.

    Args:
        name: Name on the command line, such as `"saved-model"`.
        file: Name of the file or folder inside an export.
        write: Writes `(model, path, class_names)`. A classifier takes raw examples, as its one
            input says: images and clips are uint8 of any size, series float32 of any length. It
            returns class probabilities, float32 (batch, classes). A generator takes noise, and
            perhaps class numbers, and returns images.
        load: Loads a path and returns what predicts with it, given an array for each input of
            the model. Its source text is run in a
            fresh process where this package cannot be imported, so it imports all that
            it needs by itself and names nothing else of its module.
        usage: Python lines that load it from the current directory and turn `{examples}`, a
            name to be put in, into `probabilities`; they stand in the model card.
        without: Modules that loading must do without.
    """

    name: str
    file: str
    write: Callable[[Any, Path, Sequence[str]], None]
    load: Callable[[Path], Predict]
    usage: str
    without: tuple[str, ...] = ()
