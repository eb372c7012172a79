"""What a run found, read from its directory: trials, standings, verdict.

Reports, tables, JSON and export all read a run through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from automl_sem.errors import NegativeResult, UserError
from automl_sem.fakes_check import Finding, read_finding, score_as_kept
from automl_sem.finalists import Scored, Verdict, compare, contenders, undecided
from automl_sem.fresh import fresh_scores, mean_fresh_score
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan.result import FOLD_SHARES, MEASURES, OBJECTIVE_WORD, SHARE_WORD
from automl_sem.scoring.metrics import Interval, fold_interval, wilson_interval
from automl_sem.scoring.scores import score_of
from automl_sem.scoring.stress import stress_scores
from automl_sem.stress_check import read_findings
from automl_sem.types import (
    AnyRecipe,
    AnyScore,
    Candidate,
    Score,
    objective_word,
    of_classifier,
    recipe_from_dict,
)

SCHEMA_VERSION = 1
OBJECTIVE = {"name": "log_loss", "direction": "minimize"}
FOLD_FILES = (
    "folds/*/*.npz",
    "fresh/*/*.npz",
    "fresh-again/*/*.npz",
    "stress/*/*/*.npz",
    "fakes/*/*/*.npz",
)
STRESS_OBJECTIVE = {"name": "mean of log_loss and stress_log_loss", "direction": "minimize"}

GAN_OBJECTIVE = {"name": "distance_above_floor", "direction": "minimize"}

State = Literal["complete", "discarded", "pruned", "failed", "repeated", "running"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial as recorded.

    Args:
        number: Number in the study, from 0.
        state: How it ended.
        reason: Why there is no score; empty when there is one.
        proposed_by: Who chose it, as of `Candidate`.
        objective: What is minimised, mean over its folds in nats, or None: the log-loss, or
            its mean with that under stress.
        log_loss: Mean log-loss of examples as they are, or None.
        share: What people are shown of it, or None: the share of out-of-fold predictions that
            are right, of a GAN the coverage of held-out images.
        stress_accuracy: Share of distorted copies that are right, or None.
        fold_scores: Objective of each fold; of a discarded trial only the folds done.
        fold_shares: Share of each fold, likewise.
        networks: Weights of the generator and the discriminator of a GAN; else empty.
        reached: Objective at which its first fold was stopped, or None.
        measures: What else is measured of a GAN, means over its folds by name; else empty.
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

    def candidate(self) -> Candidate:
        """Return what trains it again."""
        return Candidate(
            self.number, self.hyperparameters, self.recipe, self.parameters, self.proposed_by
        )


@dataclass(frozen=True)
class Standing:
    """A trial with the score to quote.

    Args:
        trial: The trial.
        score: Mean objective, on fresh folds if they are there.
        interval: Interval of `score`.
        share: Share of out-of-fold predictions that are right, of a GAN the mean coverage of
            held-out images.
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

    def to_json(self) -> dict[str, Any]:
        """Return the standing for scripts."""
        word = self.folds.share_word
        return {
            "trial": self.trial.number,
            "score": self.score,
            "interval": asdict(self.interval),
            word: self.share,
            f"{word}_interval": asdict(self.share_interval),
            "scored_on": self.scored_on,
            **({"by_seed": list(self.by_seed)} if self.by_seed else {}),
            **self._measures(),
            "search_score": self.trial.objective,
            f"search_{word}": self.trial.share,
            "hyperparameters": dict(self.trial.hyperparameters),
            "parameters": self.trial.parameters,
        }

    def _measures(self) -> dict[str, Any]:
        if isinstance(self.folds, Score):
            return {
                "log_loss": self.folds.log_loss,
                "stress_accuracy": self.folds.stress_accuracy,
                "stress": [asdict(condition) for condition in stress_scores(self.folds)],
            }
        return {k: v for k, v in self.folds.record().items() if k != "seconds"}


@dataclass(frozen=True)
class Results:
    """What a run found so far.

    Args:
        run: The run directory.
        trials: All trials, by number.
        best: The complete trial with the lowest objective, or None; of finalists, that with the
            lowest on the fresh folds; with fakes or without, as `fakes` says.
        baseline: Trial 0, if it is complete.
        finalists: What was trained on the fresh folds, by its objective there; empty until all is.
        verdict: Best against baseline on fresh folds, or None while they are missing.
        undecided: Why there will be no verdict; empty when nothing speaks against one.
        fold_fits: Number of fold fits done, on search and fresh folds and to check the stress.
        wall_s: Seconds that searching took, over all sessions.
        finished: Whether the search ended as planned.
        fakes: Whether fakes help the best trial; None without fakes, or while nobody knows.
    """

    run: RunDirectory
    trials: tuple[TrialRecord, ...]
    best: Standing | None
    baseline: Standing | None
    finalists: tuple[Standing, ...]
    verdict: Verdict | None
    undecided: str
    fold_fits: int
    wall_s: float
    finished: bool
    fakes: Finding | None = None

    @property
    def objective_word(self) -> str:
        """What the objective is called."""
        if self.run.manifest.generates:
            return OBJECTIVE_WORD
        return objective_word(bool(self.run.manifest.stress))

    @property
    def share_word(self) -> str:
        """What the share that people are shown is called."""
        return SHARE_WORD if self.run.manifest.generates else "accuracy"

    @property
    def shares_word(self) -> str:
        """What the shares of all folds are called in records."""
        return FOLD_SHARES if self.run.manifest.generates else "fold_accuracies"

    @property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that have a score, best first."""
        done = [t for t in self.trials if t.objective is not None]
        return tuple(sorted(done, key=lambda t: (t.objective, t.number)))

    @property
    def chosen_on_fresh(self) -> bool:
        """Whether the best won on the fresh folds, over other trials or as it was searched."""
        if self.best is None or not self.best.fresh:
            return False
        if self.fakes is not None and self.fakes.trial != 0:
            return not self.fakes.unknown
        return any(s.trial.number not in (0, self.best.trial.number) for s in self.finalists)

    @property
    def proposed_by_model(self) -> int:
        """How many trials a model of the scores proposed."""
        return sum(t.proposed_by == "model" for t in self.trials)

    @property
    def models(self) -> bool:
        """Whether the search proposes by a model of the scores, once there are some."""
        return self.run.manifest.engine_choice.models

    @property
    def discarded_trials(self) -> tuple[TrialRecord, ...]:
        """The trials that were dropped after some of their folds, by number."""
        return tuple(t for t in self.trials if t.state == "discarded")

    @property
    def discarded(self) -> int:
        """How many trials were dropped after some of their folds."""
        return len(self.discarded_trials)

    @property
    def fold_fits_saved(self) -> int:
        """How many fold fits that saved."""
        folds = self.run.manifest.folds
        return sum(folds - len(t.fold_scores) for t in self.discarded_trials)

    def trial(self, number: int) -> TrialRecord:
        """Return a complete trial.

        Raises:
            UserError: If there is no such trial, or it has no score.
        """
        if self.best is not None and self.best.trial.number == number:
            return self.best.trial
        for trial in self.trials:
            if trial.number == number:
                if trial.objective is None:
                    what = f"trial {number} has no score ({trial.reason or trial.state})"
                    if trial.state == "discarded":
                        what = f"trial {number} has no score, it was discarded {trial.reason}"
                    hint = "`automl-sem show` lists the trials that have one"
                    raise UserError(what, where=self.run.path, hint=hint)
                return trial
        numbers = f"Its trials are 0 to {len(self.trials) - 1}" if self.trials else ""
        raise UserError(f"there is no trial {number}", where=self.run.path, hint=numbers)

    def searched(self, number: int) -> TrialRecord:
        """Return a trial as the search scored it, whatever was found out about fakes since."""
        return next(trial for trial in self.trials if trial.number == number)

    def require_best(self) -> Standing:
        """Return the best trial.

        Raises:
            NegativeResult: If no trial is complete.
        """
        if self.best is None:
            raise NegativeResult(
                "no trial is complete, so there is no best one",
                where=self.run.path,
                hint="`automl-sem show` lists why trials failed",
            )
        return self.best

    def to_json(self) -> dict[str, Any]:
        """Return what `search --json` prints."""
        verdict = None
        if self.verdict is not None:
            interval = self.verdict.interval
            verdict = {
                "word": self.verdict.word,
                "difference": self.verdict.difference,
                "interval": asdict(interval) if interval else None,
            }
        findings = read_findings(self.run)
        return {
            "schema_version": SCHEMA_VERSION,
            "run": str(self.run.path),
            "objective": _objective(self.run),
            "best": self.best.to_json() if self.best else None,
            "baseline": self.baseline.to_json() if self.baseline else None,
            "finalists": [standing.to_json() for standing in self.finalists],
            "verdict": verdict,
            "stress_warnings": findings.warnings,
            "stress_unknown": findings.unknown,
            "fakes": self.fakes and self.fakes.to_json(),
            "trials": len(self.trials),
            "discarded": self.discarded,
            "proposed_by_model": self.proposed_by_model,
            "fold_fits": self.fold_fits,
            "fold_fits_saved": self.fold_fits_saved,
            "wall_s": round(self.wall_s, 3),
            "finished": self.finished,
        }


def read_results(run: RunDirectory) -> Results:
    """Read what a run found so far; it may be in use by a search."""
    study = run.read_study()
    frozen = study.get_trials(deepcopy=False) if study is not None else []
    trials = tuple(_record(t) for t in frozen if t.state.name != "WAITING")
    complete = [t for t in trials if t.objective is not None]
    complete.sort(key=lambda t: (t.objective, t.number))
    baseline = next((t for t in complete if t.number == 0), None)
    scored = Scored.read(run)
    may_win = contenders([t.number for t in complete], scored, run.manifest.generates)
    asked = [t for t in complete if t is baseline or t.number in may_win]
    standings = {trial.number: _standing(run, trial, scored.seeds) for trial in asked}
    finalists = _finalists(may_win, standings, scored)
    best = next((s for s in finalists if s.trial.number in may_win), None)
    if best is None and may_win:
        best = standings[may_win[0]]
    found = read_finding(run)
    if found is not None and (best is None or best.trial.number != found.trial):
        found = None  # of an earlier best trial
    if found is not None and best is not None and found.trial != 0:
        best = standings[found.trial] = _as_kept(run, best.trial, found)
        finalists = _finalists(may_win, standings, scored)
    theirs = standings.get(0)
    verdict = None
    if best is not None and theirs is not None and best.fresh and theirs.fresh:
        verdict = compare(best.folds, theirs.folds, same=best is theirs)
    session = run.read_json("session.json") or {}
    return Results(
        run=run,
        trials=trials,
        best=best,
        baseline=theirs,
        finalists=tuple(finalists),
        verdict=verdict,
        undecided=undecided(scored, standings) if verdict is None else "",
        fold_fits=sum(1 for kept in FOLD_FILES for _ in run.path.glob(kept)),
        wall_s=float(session.get("wall_s", 0.0)),
        finished=bool(session.get("finished", False)),
        fakes=found,
    )


def _as_kept(run: RunDirectory, trial: TrialRecord, found: Finding) -> Standing:
    """Return the standing of a trial with the fakes that are kept."""
    kept = replace(
        trial,
        recipe=replace(of_classifier(trial.recipe), fakes=found.kept),
        hyperparameters={**trial.hyperparameters, "fakes": found.kept},
    )
    return _standing_by(run, kept, score_as_kept(run, found))


def _finalists(
    may_win: Sequence[int], standings: Mapping[int, Standing], scored: Scored
) -> list[Standing]:
    """Return what was trained on the fresh folds, the best there first; nothing until all is."""
    if may_win and may_win[0] not in (*scored.trials, *scored.failed):
        return []  # trials came after those that were trained on the fresh folds
    there = [s for n, s in standings.items() if n in scored.trials and s.fresh]
    return sorted(there, key=lambda s: (s.score, s.trial.number))


def _standing(run: RunDirectory, trial: TrialRecord, seeds: int) -> Standing:
    by_seed = fresh_scores(run, trial.number, seeds) if seeds > 1 else ()
    return _standing_by(run, trial, mean_fresh_score(run, trial.number, seeds), by_seed)


def _standing_by(
    run: RunDirectory, trial: TrialRecord, score: AnyScore | None, by_seed: Sequence[AnyScore] = ()
) -> Standing:
    """Return a trial's standing by its score on the fresh folds, or without one by the search."""
    folds = score or score_of(run.read_folds(trial.number).values())
    if len(folds.folds) < len(trial.fold_scores):
        raise UserError(
            f"fold results of trial {trial.number} are missing",
            where=run.path / "folds" / str(trial.number),
            hint="Put them back, or start anew with `automl-sem search`",
        )
    objectives = [f.objective for f in folds.folds]
    if run.manifest.generates:
        interval = fold_interval(objectives, GAN_OBJECTIVE["name"])
        shares = fold_interval([f.share for f in folds.folds], folds.share_word, lowest=0.0)
    else:
        n = sum(len(f.indices) for f in folds.folds)
        metric = "objective" if run.manifest.stress else "log_loss"
        interval = fold_interval(objectives, metric, lowest=0.0)
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


def _objective(run: RunDirectory) -> dict[str, str]:
    if run.manifest.generates:
        return GAN_OBJECTIVE
    return STRESS_OBJECTIVE if run.manifest.stress else OBJECTIVE


def _record(trial: Any) -> TrialRecord:
    attrs = trial.user_attrs
    score = attrs.get("score", {})
    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    repeated = attrs.get("status") == "repeated" and trial.state.is_finished()
    complete = trial.state.name == "COMPLETE" and not repeated  # the first one is ranked
    state = "repeated" if repeated else states.get(trial.state.name, "running")
    if state == "pruned" and attrs.get("status") == "discarded":
        state = "discarded"
    return TrialRecord(
        number=trial.number,
        state=state,
        reason=attrs.get("reason", ""),
        proposed_by=attrs.get("proposed_by", ""),
        objective=float(trial.value) if complete else None,
        log_loss=score.get("log_loss", float(trial.value)) if complete else None,
        share=score.get("accuracy", score.get("coverage")) if complete else None,
        stress_accuracy=score.get("stress_accuracy") if complete else None,
        fold_scores=tuple(score.get("fold_scores", ())),
        fold_shares=tuple(score.get("fold_accuracies", score.get(FOLD_SHARES, ()))),
        hyperparameters=attrs.get("hyperparameters", {}),
        recipe=recipe_from_dict(attrs.get("recipe", {})),
        parameters=int(attrs.get("parameters", 0)),
        seconds=float(score.get("seconds", 0.0)),
        networks=attrs.get("networks", {}),
        measures={name: score[name] for name in MEASURES if name in score},
        reached=attrs["curve"][-1] if state == "discarded" and "curve" in attrs else None,
    )
