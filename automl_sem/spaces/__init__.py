"""Search spaces: find, load and build them."""

from automl_sem.spaces.find import SPACE_FOR_KIND, Target, builtin_spaces, find, find_space, summary
from automl_sem.spaces.load import load_space

__all__ = [
    "SPACE_FOR_KIND",
    "Target",
    "builtin_spaces",
    "find",
    "find_space",
    "load_space",
    "summary",
]
