"""Datasets: built-in ones, images, clips, series and arrays, and how they are split."""

from __future__ import annotations

from automl_sem.data.arrays import from_arrays
from automl_sem.data.builtin import BUILTIN
from automl_sem.data.dataset import Dataset, HeldOutPart, TrainingPart
from automl_sem.data.load import from_memory, load_dataset

__all__ = [
    "BUILTIN",
    "Dataset",
    "HeldOutPart",
    "TrainingPart",
    "from_arrays",
    "from_memory",
    "load_dataset",
]
