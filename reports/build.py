"""Build the report of a run: `report.html`, one file that opens from disk, and `report.json`."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from markupsafe import Markup

from automl_sem.data.dataset import Dataset
from automl_sem.files import write_atomic
from automl_sem.reports.context import Context
from automl_sem.reports.sections import (
    architecture,
    confusion,
    curves,
    fakes,
    folds,
    gan_capacity,
    gan_curves,
    gan_samples,
    gan_verdict,
    history,
    importances,
    lstm,
    mistakes,
    output_mistakes,
    output_verdict,
    pareto,
    per_label,
    predicted,
    reproduce,
    skips,
    stress,
    trials,
    usage,
    verdict,
)
from automl_sem.results import Results

SCHEMA_VERSION = 1


class Section(Protocol):
    """A module in `sections/`; it may also have `facts(context)` for `report.json`."""

    __name__: str
    TITLE: str

    def render(self, context: Context) -> Markup | None:
        """Return the section, or None where it does not apply."""


CLASSIFIER_SECTIONS: tuple[Section, ...] = (
    verdict,
    pareto,
    architecture,
    history,
    folds,
    fakes,
    stress,
    curves,
    skips,
    lstm,
    importances,
    confusion,
    mistakes,
    trials,
    usage,
    reproduce,
)


GAN_SECTIONS: tuple[Section, ...] = (
    gan_verdict,
    gan_samples,
    gan_capacity,
    architecture,
    history,
    folds,
    gan_curves,
    importances,
    trials,
    reproduce,
)


OUTPUT_SECTIONS: tuple[Section, ...] = (
    output_verdict,
    pareto,
    architecture,
    history,
    folds,
    curves,
    importances,
    per_label,
    predicted,
    output_mistakes,
    trials,
    usage,
    reproduce,
)


def sections_of(context: Context) -> tuple[Section, ...]:
    """Return what a report consists of."""
    if context.manifest.generates:
        return GAN_SECTIONS
    return CLASSIFIER_SECTIONS if context.task == "classification" else OUTPUT_SECTIONS


def build_report(results: Results, dataset: Dataset | None) -> Path:
    """Write `report.html` and `report.json` of a run and return the path of the former.

    Args:
        results: What the run found so far; it need not be finished.
        dataset: The run's data, for the pictures and the confusion matrix; None leaves
            them out.
    """
    context = Context.of(results, dataset)
    run = results.run
    write_atomic(run.path / "report.html", render_page(context).encode())
    run.write_json("report.json", report_json(context))
    return run.path / "report.html"


def render_page(context: Context) -> str:
    """Return the page."""
    sections = [
        {"slug": slug(section), "title": section.TITLE, "body": body}
        for section in sections_of(context)
        if (body := section.render(context)) is not None
    ]
    scripts = [_template("page.js")]
    if context.figures:
        from plotly.offline import get_plotlyjs

        scripts.insert(0, get_plotlyjs())
    # Jinja escapes what it does not know to be safe; these are ours.
    return str(
        context.render(
            "page.html",
            sections=sections,
            figures=[Markup(figure) for figure in context.figures],
            style=Markup(_template("style.css")),
            scripts=[Markup(script) for script in scripts],
            allowed=" ".join(f"'sha256-{_sha256(script)}'" for script in scripts),
            name=context.results.run.path.name,
            manifest=context.manifest,
            finished=context.results.finished,
        )
    )


def report_json(context: Context) -> dict[str, Any]:
    """Return the results, the trials and what each section found out, for scripts."""
    found: dict[str, Any] = {}
    for section in sections_of(context):
        facts = getattr(section, "facts", None)
        found[slug(section)] = facts(context) if facts is not None else None
    trials = [
        {
            "trial": trial.number,
            "state": trial.state,
            "reason": trial.reason,
            "proposed_by": trial.proposed_by,
            "objective": trial.quoted,
            "log_loss": trial.log_loss,
            context.manifest.words.share_name: trial.share,
            "stress_accuracy": trial.stress_accuracy,
            "fold_objectives": list(trial.quoted_folds),
            **({"values": dict(trial.values)} if trial.values else {}),
            **({"costs": dict(trial.costs)} if trial.costs else {}),
            **({"over_limits": trial.over_limits} if trial.over_limits else {}),
            context.manifest.words.fold_shares: list(trial.fold_shares),
            **{k: v for k, v in trial.measures.items() if k != context.manifest.words.share_name},
            "hyperparameters": dict(trial.hyperparameters),
            "recipe": trial.recipe.to_dict(),
            "parameters": trial.parameters,
            "seconds": trial.seconds,
        }
        for trial in context.results.trials
    ]
    return {
        **context.results.to_json(),
        "report_schema_version": SCHEMA_VERSION,
        "all_trials": trials,
        "sections": {name: facts for name, facts in found.items() if facts is not None},
    }


def slug(section: Section) -> str:
    """Return the short name of a section: that of its file."""
    return section.__name__.rpartition(".")[2]


def _template(name: str) -> str:
    return (files("automl_sem.reports") / "templates" / name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    """Return what lets the browser run this script and no other (Content-Security-Policy)."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
