"""automl-sem: search architectures with honest k-fold scores, retrain, export, explain.

from automl_sem import search

run = search("shapes", trials=10)
run.best
run.trials_dataframe()
run.export()

`Search` says the same in full: spaces that are functions, time limits, callbacks.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from automl_sem.errors import AutomlSemError, NegativeResult, UserError
from automl_sem.gan_recipe import DiffAugment, GanRecipe
from automl_sem.types import Augment, DataInfo, Recipe

if TYPE_CHECKING:
    from automl_sem.api import Run, Search, SearchCallback, load_run, resume, search
    from automl_sem.data import Dataset
    from automl_sem.gans.model import Gan

try:
    __version__ = version("automl-sem")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = [
    "Augment",
    "AutomlSemError",
    "DataInfo",
    "Dataset",
    "DiffAugment",
    "Gan",
    "GanRecipe",
    "NegativeResult",
    "Recipe",
    "Run",
    "Search",
    "SearchCallback",
    "UserError",
    "load_run",
    "resume",
    "search",
]


def __getattr__(name: str) -> Any:
    """Import the heavy parts on first use, so that `import automl_sem` is instant."""
    if name in ("Run", "Search", "SearchCallback", "load_run", "resume", "search"):
        import automl_sem.api

        return getattr(automl_sem.api, name)
    if name == "Dataset":
        from automl_sem.data import Dataset

        return Dataset
    if name == "Gan":
        from automl_sem.gans.model import Gan

        return Gan
    raise AttributeError(f"module 'automl_sem' has no attribute {name!r}")
