"""What a person does with the tool, from Python: search, resume, export, report.

The command line is a thin layer over this package.
"""

from automl_sem.api.callbacks import OngoingSearch, SearchCallback
from automl_sem.api.run import Run
from automl_sem.api.searching import Search, dry_run, load_run, resume, search
from automl_sem.api.tuner import TunerResults

__all__ = [
    "OngoingSearch",
    "Run",
    "Search",
    "SearchCallback",
    "TunerResults",
    "dry_run",
    "load_run",
    "resume",
    "search",
]
