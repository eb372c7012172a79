"""Every trial in one table."""

from __future__ import annotations

from markupsafe import Markup

from automl_sem.costs import COSTS
from automl_sem.reports.context import Context
from automl_sem.reports.wording import loss, values
from automl_sem.results import Results, own_metrics

TITLE = "All trials"


def render(context: Context) -> Markup | None:
    """Return the table: the best first, then the discarded, then the failed; None if empty."""
    results = context.results
    if not results.trials:
        return None
    without = [trial for trial in results.trials if trial.objective is None]
    without.sort(key=lambda trial: (trial.state != "discarded", trial.state == "infeasible"))
    own = own_metrics(results.trials)
    names = [n for n in COSTS if n != "params" and any(n in t.costs for t in results.trials)]
    rows = [
        {
            "trial": trial,
            "settings": values(trial.hyperparameters),
            "metrics": [
                f"{name} {loss(trial.metrics[name])}" for name in own if name in trial.metrics
            ],
            "costs": [trial.costs.get(name) for name in names],
        }
        for trial in (*results.complete, *without)
    ]
    best = results.best.trial.number if results.best else None
    return context.render(
        "trials.html",
        rows=rows,
        best=best,
        folds=context.manifest.folds,
        discarded=results.discarded,
        stressed=bool(context.manifest.stress),
        share_word=results.share_word,
        goal=results.goal,
        twice=results.goal.word == results.share_word,
        costs=[COSTS[name].word for name in names],
        front=results.front if len(results.goals) > 1 else (),
        note=_without_or_with(results),
    )


def _without_or_with(results: Results) -> str:
    """Return how the best trial differs from its row; empty where it does not."""
    found = results.fakes
    if found is None or found.kept == found.searched:
        return ""
    how = "with" if found.kept else "without"
    return f"Trial {found.trial} stands here as it was searched; it goes on {how} fake images."
