"""The judges of the folds of a run: each is trained once, and kept for all workers."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.files import save_npz
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import Judge, judge_of
from automl_sem.scoring.remember import remembered
from automl_sem.seeds import derive_seed
from automl_sem.types import Floats, Ints

KEPT = 6  # judges in memory: the folds of a search, and as many fresh ones


class Judges:
    """Returns the judge of a fold, the same one wherever and whenever it is asked for.

    Args:
        part: The training part of the data.
        seed: Seed of the run.
        folder: Where the weights of their networks are kept; None keeps them in memory alone.
    """

    def __init__(self, part: TrainingPart, seed: int, folder: Path | None = None) -> None:
        self._part = part
        self._seed = seed
        self._folder = folder
        self._network: FeatureNetwork | None = None
        self._known: dict[int, Judge] = {}

    def of(self, held_out: Ints) -> Judge:
        """Return the judge of a fold.

        Args:
            held_out: Rows that are held out, (n,).
        """
        key = derive_seed(self._seed, "judge", held_out.tolist())
        return remembered(self._known, key, KEPT, lambda: self._make(held_out, key))

    def _make(self, held_out: Ints, key: int) -> Judge:
        part = self._part
        if self._network is None:
            self._network = FeatureNetwork(part.info.input_shape, part.info.classes)
        kept = self._read(key)
        judge = judge_of(self._network, part, held_out, key, kept)
        if kept is None:
            self._write(key, judge)
        return judge

    def _read(self, key: int) -> list[Floats] | None:
        if self._folder is None:
            return None
        try:
            with np.load(self._folder / f"{key}.npz") as file:
                return [file[name] for name in file.files]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None  # not there yet, or torn by a power cut

    def _write(self, key: int, judge: Judge) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(exist_ok=True)
        # Workers may get here at the same time, and write the same.
        own = self._folder / f"{key}-{os.getpid()}.npz"
        save_npz(own, {str(i): value for i, value in enumerate(judge.weights)}, durable=False)
        own.replace(self._folder / f"{key}.npz")
