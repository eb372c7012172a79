"""The trials of a run, as its study has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from automl_sem.engines.values import from_study
from automl_sem.goals import Goal, turned
from automl_sem.recipe import recipe_from_dict
from automl_sem.scoring.gan.result import MEASURES
from automl_sem.scoring.words import ALL_WORDS, OUTPUT_MEASURES
from automl_sem.types import AnyRecipe, Candidate

State = Literal["complete", "discarded", "pruned", "infeasible", "failed", "repeated", "running"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial as recorded.

    Args:
        number: Number in the study, from 0.
        state: How it ended.
        reason: Why there is no score; empty when there is one.
        proposed_by: Who chose it, as of `Candidate`.
        objective: What is minimised, mean over its folds, or None: by default the log-loss in
            nats, or its mean with that under stress; of an accuracy it is the negative.
        log_loss: Mean log-loss of examples as they are, or None.
        share: What people are shown of it, or None: the share of out-of-fold predictions that
            are right, of labels macro F1, of numbers R2, of a GAN the coverage of held-out images.
        stress_accuracy: Share of distorted copies that are right, or None.
        fold_scores: Objective of each fold; of a discarded trial only the folds done.
        fold_shares: Share of each fold, likewise.
        networks: Weights of the generator and the discriminator of a GAN; else empty.
        reached: Objective at which its first fold was stopped, or None.
        maximize: Whether people want more of what the objective stands for.
        values: What it comes to by each objective of `--objective`, as people quote it; of a
            search with the usual one empty.
        costs: What its model costs to run, by name, as far as that was asked for.
        over_limits: How it breaks the limits though it has a score, which is for the baseline
            alone: it is never the best.
        measures: What else is measured, by name: of a GAN means over its folds, of labels and
            numbers that of all out-of-fold predictions; of a classifier nothing.
        metrics: The compiled metrics of a model that has some, means over its folds; else empty.
        hyperparameters: Active hyperparameters by name.
        recipe: How it was trained.
        parameters: Number of weights.
        seconds: Time of its fold fits.
    """

    number: int
    state: State
    reason: str
    proposed_by: str
    objective: float | None
    log_loss: float | None
    share: float | None
    stress_accuracy: float | None
    fold_scores: tuple[float, ...]
    fold_shares: tuple[float, ...]
    hyperparameters: Mapping[str, Any]
    recipe: AnyRecipe
    parameters: int
    seconds: float
    networks: Mapping[str, int] = field(default_factory=dict)
    measures: Mapping[str, float | None] = field(default_factory=dict)
    reached: float | None = None
    maximize: bool = False
    values: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    over_limits: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def accuracy(self) -> float | None:
        """The share, of a classifier."""
        return self.share

    @property
    def mean_so_far(self) -> float | None:
        """Mean objective of the folds done, or what the first had come to when it was stopped.

        Of a discarded trial it is no score: never rank it.
        """
        if self.fold_scores:
            return sum(self.fold_scores) / len(self.fold_scores)
        return self.reached

    @property
    def quoted(self) -> float | None:
        """The objective as people quote it."""
        return None if self.objective is None else turned(self.objective, self.maximize)

    @property
    def quoted_so_far(self) -> float | None:
        """`mean_so_far` as people quote it."""
        mean = self.mean_so_far
        return None if mean is None else turned(mean, self.maximize)

    @property
    def quoted_folds(self) -> tuple[float, ...]:
        """The objective of each fold as people quote it."""
        return tuple(turned(score, self.maximize) for score in self.fold_scores)

    @property
    def eligible(self) -> bool:
        """Whether it has a score and may be the best."""
        return self.objective is not None and not self.over_limits

    def candidate(self) -> Candidate:
        """Return what trains it again."""
        return Candidate(
            self.number,
            self.hyperparameters,
            self.recipe,
            self.parameters,
            self.proposed_by,
            costs=self.costs,
            over_limits=self.over_limits,
        )


def trial_record(trial: Any, study: Any, goals: Sequence[Goal]) -> TrialRecord:
    """Return what the study has of a trial.

    Args:
        trial: Optuna's frozen trial.
        study: The study.
        goals: What the search is for, one for each value of the study.
    """
    attrs = trial.user_attrs
    score = attrs.get("score", {})
    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    repeated = attrs.get("status") == "repeated" and trial.state.is_finished()
    complete = trial.state.name == "COMPLETE" and not repeated  # the first one is ranked
    state = "repeated" if repeated else states.get(trial.state.name, "running")
    if state == "pruned" and attrs.get("status") in ("discarded", "infeasible"):
        state = attrs["status"]
    values = [float(value) for value in trial.values] if complete else []
    objective = from_study(study, values)[0] if complete else None
    asked = complete and "measured" in score
    return TrialRecord(
        number=trial.number,
        state=state,
        reason=attrs.get("reason", ""),
        proposed_by=attrs.get("proposed_by", ""),
        objective=objective,
        log_loss=_log_loss(score, objective) if complete else None,
        share=_first(score, [words.share_name for words in ALL_WORDS]) if complete else None,
        stress_accuracy=score.get("stress_accuracy") if complete else None,
        fold_scores=tuple(score.get("fold_scores", ())),
        fold_shares=tuple(_first(score, [words.fold_shares for words in ALL_WORDS]) or ()),
        hyperparameters=attrs.get("hyperparameters", {}),
        recipe=recipe_from_dict(attrs.get("recipe", {})),
        parameters=int(attrs.get("parameters", 0)),
        seconds=float(score.get("seconds", 0.0)),
        networks=attrs.get("networks", {}),
        metrics=score.get("metrics", {}),
        measures={
            name: score[name]
            for name in (*MEASURES, *(OUTPUT_MEASURES if complete else ()))
            if name in score
        },
        reached=attrs["curve"][-1] if state == "discarded" and "curve" in attrs else None,
        maximize=goals[0].maximize,
        values=dict(zip((g.name for g in goals), values, strict=False)) if asked else {},
        costs=attrs.get("costs", {}),
        over_limits=attrs.get("over_limits", ""),
    )


def _log_loss(score: Mapping[str, Any], objective: float | None) -> float | None:
    """Return the log-loss of a complete trial; None of labels and numbers, which have none."""
    if any(name in score for name in OUTPUT_MEASURES):
        return None
    found: float | None = score.get("log_loss", objective)
    return found


def _first(score: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return what a record has under the first of these names that is there, or None."""
    return next((score[name] for name in names if name in score), None)


def own_metrics(trials: Iterable[TrialRecord]) -> list[str]:
    """Return the names of the compiled metrics of trials, but for the accuracy, shown anyway."""
    names = dict.fromkeys(name for trial in trials for name in trial.metrics)
    return [name for name in names if name not in ("accuracy", "acc")]
