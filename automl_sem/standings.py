"""The score to quote of a trial, with its interval: that on fresh folds where it has one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from automl_sem.errors import UserError
from automl_sem.fresh import fresh_scores, mean_fresh_score
from automl_sem.goals import turned
from automl_sem.manifest import STRESSED_LOG_LOSS
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import Interval, fold_interval, wilson_interval
from automl_sem.scoring.output_folds import OutputScore
from automl_sem.scoring.scores import score_of
from automl_sem.scoring.stress import stress_scores
from automl_sem.trials import TrialRecord
from automl_sem.types import AnyScore, Score


@dataclass(frozen=True, repr=False)
class Standing:
    """A trial with the score to quote.

    Args:
        trial: The trial.
        score: Mean objective, which is minimised, on fresh folds if they are there.
        interval: Interval of it as people quote it: of an accuracy, more is better.
        share: Share of out-of-fold predictions that are right, of labels macro F1, of numbers
            R2, of a GAN the mean coverage of held-out images.
        share_interval: Interval of `share`.
        scored_on: `"fresh folds"`, or `"search folds"` while fresh ones are missing.
        folds: The fold results behind it.
        by_seed: Mean objective on the fresh folds by seed; empty where there is one at most.
    """

    trial: TrialRecord
    score: float
    interval: Interval
    share: float
    share_interval: Interval
    scored_on: Literal["fresh folds", "search folds"]
    folds: AnyScore
    by_seed: tuple[float, ...] = ()

    def __repr__(self) -> str:
        """Return it in one line, without the predictions that it rests on."""
        share, score = self.share_interval, self.interval
        return (
            f"<trial {self.trial.number} on {self.scored_on}: "
            f"{share.metric} {self.share:.4g} [{share.low:.4g}, {share.high:.4g}], "
            f"{score.metric} {self.quoted:.4g} [{score.low:.4g}, {score.high:.4g}]>"
        )

    @property
    def quoted(self) -> float:
        """The score as people quote it."""
        return turned(self.score, self.trial.maximize)

    @property
    def quoted_folds(self) -> tuple[float, ...]:
        """The objective of each fold as people quote it."""
        return tuple(turned(fold.objective, self.trial.maximize) for fold in self.folds.folds)

    @property
    def fresh(self) -> bool:
        """Whether it was scored on fresh folds."""
        return self.scored_on == "fresh folds"

    @property
    def accuracy(self) -> float:
        """The share, of a classifier."""
        return self.share

    @property
    def accuracy_interval(self) -> Interval:
        """The interval of the share, of a classifier."""
        return self.share_interval

    @property
    def classified(self) -> Score:
        """The fold results of a classifier."""
        assert isinstance(self.folds, Score)
        return self.folds

    @property
    def outputs(self) -> OutputScore:
        """The fold results of a model of labels or numbers."""
        assert isinstance(self.folds, OutputScore)
        return self.folds

    def to_json(self) -> dict[str, Any]:
        """Return the standing for scripts."""
        word = self.share_interval.metric
        return {
            "trial": self.trial.number,
            "score": self.quoted,
            "interval": asdict(self.interval),
            word: self.share,
            f"{word}_interval": asdict(self.share_interval),
            "scored_on": self.scored_on,
            **({"by_seed": list(self.by_seed)} if self.by_seed else {}),
            **self._measures(),
            "search_score": self.trial.quoted,
            f"search_{word}": self.trial.share,
            "hyperparameters": dict(self.trial.hyperparameters),
            "parameters": self.trial.parameters,
            **self._asked(),
        }

    def _asked(self) -> dict[str, Any]:
        """Return what other objectives and limits asked to know."""
        trial = self.trial
        found: dict[str, Any] = {"costs": dict(trial.costs)} if trial.costs else {}
        if self.folds.measured:
            found["measured"] = {each.goal.name: each.value for each in self.folds.measured}
        if trial.over_limits:
            found["over_limits"] = trial.over_limits
        return found

    def _measures(self) -> dict[str, Any]:
        if isinstance(self.folds, Score):
            return {
                "log_loss": self.folds.log_loss,
                "stress_accuracy": self.folds.stress_accuracy,
                "stress": [asdict(condition) for condition in stress_scores(self.folds)],
            }
        if isinstance(self.folds, OutputScore):
            return self.folds.measures
        return {k: v for k, v in self.folds.record().items() if k != "seconds"}


def standing_of(run: RunDirectory, trial: TrialRecord, seeds: int) -> Standing:
    """Return a trial's standing.

    Args:
        run: The run.
        trial: The trial.
        seeds: With how many seeds it was trained on the fresh folds.
    """
    by_seed = fresh_scores(run, trial.number, seeds) if seeds > 1 else ()
    return standing_by(run, trial, mean_fresh_score(run, trial.number, seeds), by_seed)


def standing_by(
    run: RunDirectory, trial: TrialRecord, score: AnyScore | None, by_seed: Sequence[AnyScore] = ()
) -> Standing:
    """Return a trial's standing by its score on the fresh folds, or without one by the search.

    Args:
        run: The run.
        trial: The trial.
        score: Its score on the fresh folds, or None.
        by_seed: The same by training seed.
    """
    folds = score or score_of(run.read_folds(trial.number).values())
    if len(folds.folds) < len(trial.fold_scores):
        raise UserError(
            f"fold results of trial {trial.number} are missing",
            where=run.path / "folds" / str(trial.number),
            hint="Put them back, or start anew with `automl-sem search`",
        )
    goal, words = run.manifest.goal, run.manifest.words
    metric = "objective" if goal == STRESSED_LOG_LOSS else goal.name
    values = [goal.turned(f.objective) for f in folds.folds]
    interval = fold_interval(values, metric, lowest=goal.lowest, highest=goal.highest)
    if run.manifest.generates:
        shares = fold_interval([f.share for f in folds.folds], words.share_name, lowest=0.0)
    elif isinstance(folds, OutputScore):
        shares = fold_interval(
            [f.share for f in folds.folds],
            words.share_name,
            lowest=-math.inf if folds.task == "regression" else 0.0,
            highest=1.0,
            around=folds.share,
        )
    else:
        n = sum(len(f.indices) for f in folds.folds)
        shares = wilson_interval(round(folds.share * n), n)
    return Standing(
        trial=trial,
        score=folds.objective,
        interval=interval,
        share=folds.share,
        share_interval=shares,
        scored_on="fresh folds" if score else "search folds",
        folds=folds,
        by_seed=tuple(each.objective for each in by_seed),
    )
