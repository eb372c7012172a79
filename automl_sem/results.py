"""What a run found, read from its directory: trials, standings, verdict.

Reports, tables, JSON and export all read a run through here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from automl_sem.errors import NegativeResult, UserError
from automl_sem.fakes_check import Finding, read_finding, score_as_kept
from automl_sem.finalists import Scored, Verdict, compare, contenders, undecided
from automl_sem.goals import Goal
from automl_sem.pareto import Pick, front, knee, smallest_within_one_error
from automl_sem.recipe import of_classifier
from automl_sem.run import RunDirectory
from automl_sem.standings import Standing, standing_by, standing_of
from automl_sem.stress_check import read_findings
from automl_sem.trials import State, TrialRecord, own_metrics, trial_record

__all__ = ["Results", "Standing", "State", "TrialRecord", "own_metrics", "read_results"]

SCHEMA_VERSION = 1
FOLD_FILES = (
    "folds/*/*.npz",
    "fresh/*/*.npz",
    "fresh-again/*/*.npz",
    "stress/*/*/*.npz",
    "fakes/*/*/*.npz",
)


@dataclass(frozen=True)
class Results:
    """What a run found so far.

    Args:
        run: The run directory.
        trials: All trials, by number.
        best: The complete trial with the lowest objective that keeps the limits, or None; of
            finalists, that with the lowest on the fresh folds; with fakes or without, as `fakes`
            says.
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
        return self.goal.word

    @property
    def goal(self) -> Goal:
        """What ranks trials."""
        return self.run.manifest.goal

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the search is for, that which ranks trials first."""
        return self.run.manifest.goals

    @property
    def share_word(self) -> str:
        """What the share that people are shown is called."""
        return self.run.manifest.words.share

    @property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that have a score, best first; the baseline last if it breaks the limits."""
        done = [t for t in self.trials if t.objective is not None]
        return tuple(sorted(done, key=lambda t: (not t.eligible, t.objective, t.number)))

    @property
    def eligible(self) -> tuple[TrialRecord, ...]:
        """The trials that have a score and keep the limits, best first."""
        return tuple(t for t in self.complete if t.eligible)

    @property
    def infeasible(self) -> tuple[TrialRecord, ...]:
        """The candidates that broke a limit and were never trained, by number."""
        return tuple(t for t in self.trials if t.state == "infeasible")

    @cached_property
    def front(self) -> tuple[int, ...]:
        """Numbers of the trials that no other one beats in all objectives, best first.

        In a search for one objective, the number of weights is the other.
        """
        able = self.eligible
        return tuple(able[place].number for place in front([self._minimised(t) for t in able]))

    @cached_property
    def picks(self) -> dict[Pick, int]:
        """Numbers of the trials that the ways to pick one come to; empty without a best one."""
        able = self.eligible
        if self.best is None or not able:
            return {}
        smallest = smallest_within_one_error(
            [t.objective or 0.0 for t in able],
            [t.fold_scores for t in able],
            [t.parameters for t in able],
        )
        return {
            "best": self.best.trial.number,
            "knee": able[knee([self._minimised(t) for t in able])].number,
            "smallest-within-1se": able[smallest].number,
        }

    def _minimised(self, trial: TrialRecord) -> tuple[float, ...]:
        """Return what is minimised of a trial; costs by their logarithm, as ratios count there."""
        if len(self.goals) < 2:
            return trial.objective or 0.0, math.log(max(trial.parameters, 1))
        return tuple(
            math.log(max(trial.values[goal.name], 1e-9))
            if goal.cost
            else goal.turned(trial.values[goal.name])
            for goal in self.goals
        )

    @property
    def chosen_on_fresh(self) -> bool:
        """Whether the best won on the fresh folds, over other trials or as it was searched."""
        if self.best is None or not self.best.fresh:
            return False
        if self.fakes is not None and self.fakes.trial != 0:
            return not self.fakes.unknown
        if not self.run.manifest.generates:
            return False  # what else was trained there stands for a part of the front
        return any(s.trial.number not in (0, self.best.trial.number) for s in self.finalists)

    @property
    def proposed_by_model(self) -> int:
        """How many trials a model of the scores proposed, without those beyond the limits."""
        return sum(t.proposed_by == "model" and t.state != "infeasible" for t in self.trials)

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
            lacks = "is complete"
            if self.complete:
                lacks = "that keeps the limits is complete"
            raise NegativeResult(
                f"no trial {lacks}, so there is no best one",
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
            "objective": {"name": self.goal.name, "direction": self.goal.direction},
            **self._several(),
            "best": self.best.to_json() if self.best else None,
            "baseline": self.baseline.to_json() if self.baseline else None,
            "finalists": [standing.to_json() for standing in self.finalists],
            "verdict": verdict,
            "stress_warnings": findings.warnings,
            "stress_unknown": findings.unknown,
            "fakes": self.fakes and self.fakes.to_json(),
            "trials": len(self.trials),
            "discarded": self.discarded,
            "infeasible": len(self.infeasible),
            "proposed_by_model": self.proposed_by_model,
            "fold_fits": self.fold_fits,
            "fold_fits_saved": self.fold_fits_saved,
            "wall_s": round(self.wall_s, 3),
            "finished": self.finished,
        }

    def _several(self) -> dict[str, Any]:
        """Return what there is to say of several objectives, and of limits."""
        found: dict[str, Any] = {"picks": dict(self.picks)} if self.picks else {}
        if self.run.manifest.limits:
            found["limits"] = dict(self.run.manifest.limits)
        if len(self.goals) > 1:
            found["objectives"] = [
                {"name": goal.name, "direction": goal.direction} for goal in self.goals
            ]
            found["front"] = list(self.front)
        return found


def read_results(run: RunDirectory) -> Results:
    """Read what a run found so far; it may be in use by a search."""
    study = run.read_study()
    frozen = study.get_trials(deepcopy=False) if study is not None else []
    goals = run.manifest.goals
    trials = tuple(trial_record(t, study, goals) for t in frozen if t.state.name != "WAITING")
    complete = [t for t in trials if t.objective is not None]
    complete.sort(key=lambda t: (not t.eligible, t.objective, t.number))
    baseline = next((t for t in complete if t.number == 0), None)
    scored = Scored.read(run)
    able = [t.number for t in complete if t.eligible]
    may_win = contenders(able, scored, run.manifest.generates)
    others = scored.trials if len(goals) > 1 else ()
    asked = [t for t in complete if t is baseline or t.number in (*may_win, *others)]
    standings = {trial.number: standing_of(run, trial, scored.seeds) for trial in asked}
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
        goal = run.manifest.goal
        verdict = compare(
            best.folds,
            theirs.folds,
            same=best is theirs,
            maximize=goal.maximize,
            span=goal.highest - goal.lowest,
        )
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
    return standing_by(run, kept, score_as_kept(run, found))


def _finalists(
    may_win: Sequence[int], standings: Mapping[int, Standing], scored: Scored
) -> list[Standing]:
    """Return what was trained on the fresh folds, the best there first; nothing until all is."""
    if may_win and may_win[0] not in (*scored.trials, *scored.failed):
        return []  # trials came after those that were trained on the fresh folds
    there = [s for n, s in standings.items() if n in scored.trials and s.fresh]
    return sorted(there, key=lambda s: (s.score, s.trial.number))
