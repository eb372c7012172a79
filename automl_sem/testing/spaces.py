"""The contract of a space, as a test that anyone can run on their own."""

from __future__ import annotations

from pathlib import Path

from automl_sem.own_space import SAMPLES, check_named
from automl_sem.spaces.findings import SpaceCheck


def check_space(
    space: str | Path,
    data: str | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    task: str | None = None,
) -> SpaceCheck:
    """Build candidates of a space at random, without training, and return what it is like.

    Args:
        space: A file, or the name of a built-in space.
        data: Name or path of the data to build for; the space's own by default, or built-in data
            of its kind.
        samples: Candidates to build.
        seed: Another one draws other candidates.
        task: What is to be learnt, where the data do not say it.

    Raises:
        AssertionError: If the space has defects; its message says which.
        UserError: If there is no such space, or it does not run or fit the data.
    """
    found = check_named(str(space), data, samples=samples, seed=seed, task=task)
    if not found.fine:
        raise AssertionError(found.summary())
    return found
