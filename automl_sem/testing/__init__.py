"""Contract tests that anyone can run on their own: what is given passes, or what is wrong is said.

`check_space("my_space.py")` in a test of yours for a space, `check_engine(MyEngine)` for an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_sem.testing.engines import check_engine as check_engine
    from automl_sem.testing.spaces import check_space as check_space

_HOMES = {"check_engine": "engines", "check_space": "spaces"}
__all__ = ["check_engine", "check_space"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: an engine's check needs Optuna, a space's TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
