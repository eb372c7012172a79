"""Begin a search with what another run found best (Feurer, Springenberg and Hutter 2015)."""

from __future__ import annotations

from pathlib import Path

from automl_sem.errors import UserError
from automl_sem.manifest import WarmStart
from automl_sem.registry import find_run
from automl_sem.results import TrialRecord, read_results
from automl_sem.spaces.parameters import Value
from automl_sem.spaces.space import Space, Values
from automl_sem.types import DataInfo

FLAG = "--warm-start"
TOP = 3


def warm_start(run: Path, space: Space, data: DataInfo, baseline: Values) -> tuple[WarmStart, str]:
    """Return the best trials of a run as starts of another search.

    Of each, the hyperparameters are taken that this space has and that are in range; the search
    chooses the others.

    Args:
        run: The other run.
        space: What is searched now.
        data: The data that it is searched on.
        baseline: Hyperparameters of trial 0, by their names in the study.

    Returns:
        What the run's manifest keeps of it, and a line for people.

    Raises:
        UserError: If there is no such run, it has no trial with a score, or the two
            spaces have nothing in common.
    """
    directory = find_run(run)
    ranked = read_results(directory).eligible[:TOP]
    where = f"{FLAG} {run}"
    if not ranked:
        raise UserError("this run has no trial with a score", where=where)
    fitting = [(trial, _fitting(space, trial, data)) for trial in ranked]
    if not any(start for _, start in fitting):
        names = sorted({name for trial in ranked for name in trial.hyperparameters})
        raise UserError(
            f"its best trials have no hyperparameter that space {space.name!r} takes: "
            f"{', '.join(names) or 'none'}",
            where=where,
            hint="Start from a run of the same or a similar space",
        )
    chosen: list[tuple[TrialRecord, dict[str, Value]]] = []
    for trial, start in fitting:
        if start and start != baseline and start not in [other for _, other in chosen]:
            chosen.append((trial, start))
    kept = WarmStart(
        run=str(directory.path),
        trials=[trial.number for trial, _ in chosen],
        starts=[start for _, start in chosen],
    )
    return kept, _note(directory.path.name, chosen)


def _fitting(space: Space, trial: TrialRecord, data: DataInfo) -> dict[str, Value]:
    try:
        return space.fitting(trial.hyperparameters, data)
    except UserError:
        raise
    except Exception:  # a mixture of two spaces' values, which a person's code need not expect
        return {}


def _note(run: str, chosen: list[tuple[TrialRecord, dict[str, Value]]]) -> str:
    if not chosen:
        return f"warm start from {run}: its best trials are the baseline of this search"
    taken = [
        f"trial {trial.number} ({len(start)} of {len(trial.hyperparameters)} hyperparameters)"
        for trial, start in chosen
    ]
    return f"warm start from {run}: {', '.join(taken)}"
