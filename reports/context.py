"""What every section is given, and how it turns into HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from automl_sem.data.dataset import Dataset
from automl_sem.manifest import Manifest
from automl_sem.reports import wording
from automl_sem.reports.charts import Figure
from automl_sem.reports.ped_anova import Importance, importances
from automl_sem.reports.predictions import OutOfFold
from automl_sem.results import Results
from automl_sem.types import Task

FILTERS = ("percent", "share", "loss", "count", "duration", "shape")  # of `wording`, in templates


@dataclass(frozen=True)
class Context:
    """What every section is given.

    Args:
        results: What the run found.
        dataset: Its examples, or None if they are gone.
        environment: Templates; everything put into them is escaped.
        figures: The charts drawn so far, as JSON.
    """

    results: Results
    dataset: Dataset | None
    environment: Environment
    figures: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, results: Results, dataset: Dataset | None) -> Context:
        """Return the context of a run; data that is not the run's is not shown."""
        wanted = results.run.manifest.data.get("train_sha256")
        if dataset is not None and wanted not in (None, dataset.train.fingerprint()):
            dataset = None
        return cls(results, dataset, _environment())

    @property
    def manifest(self) -> Manifest:
        """Options, versions and machine of the run."""
        return self.results.run.manifest

    @property
    def task(self) -> Task:
        """What is learnt: classes, labels or numbers."""
        return self.manifest.task

    @property
    def examples(self) -> str:
        """What examples are called: `"images"`."""
        return wording.noun(self.manifest.kind).many

    @property
    def example(self) -> str:
        """What one of them is called: `"image"`."""
        return wording.noun(self.manifest.kind).one

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class, in the order of their numbers."""
        return tuple(map(str, self.manifest.data.get("class_names", ())))

    @cached_property
    def out_of_fold(self) -> OutOfFold | None:
        """Predictions of the best classifier, or None without a best trial or without the data."""
        if self.results.best is None or self.dataset is None:
            return None
        return OutOfFold.of(self.results.best, self.dataset)

    @cached_property
    def importances(self) -> tuple[Importance, ...]:
        """What each hyperparameter mattered; empty when there are too few trials."""
        return importances(self.results.run.read_study())

    def render(self, template: str, **values: Any) -> Markup:
        """Return a template filled in; strings are escaped, Markup is not."""
        return Markup(self.environment.get_template(template).render(**values))

    def chart(self, figure: Figure, *, title: str, look_for: str, height: int) -> Markup:
        """Return a chart with its title and a sentence on what to look for.

        Args:
            figure: From `charts`.
            title: Says what is shown.
            look_for: One or two plain sentences, read out instead of the chart as well.
            height: In pixels.
        """
        self.figures.append(script_json(figure))
        number = len(self.figures) - 1
        return self.render(
            "chart.html", number=number, title=title, look_for=look_for, height=height
        )


def script_json(value: Mapping[str, Any]) -> str:
    """Return JSON that can stand in a `<script>` element whatever strings it holds."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("automl_sem.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(wording, name) for name in FILTERS})
    environment.filters["together"] = _together
    environment.filters["code"] = _code
    environment.filters["pystring"] = repr
    return environment


def _code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    parts = text.split("`")
    made = [
        Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts)
    ]
    return Markup("").join(made)


def _together(text: str) -> str:
    """Keep a number and its unit on one line."""
    return text.replace(" %", "\u00a0%")
