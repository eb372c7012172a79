"""Find out whether labels survive a stress: a 6 turned by 180 degrees is a 9.

That an unprepared network does worse under a distortion shows nothing: it may only never have
seen it. Two signs do, both of a network that trains for the distortion: it gets worse on images
as they are, or one pair of classes stays confused under it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from automl_sem.augmentation.kinds import KINDS, with_kind
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import wilson_interval
from automl_sem.seeds import derive_seed
from automl_sem.types import Candidate, FoldResult, Score
from automl_sem.workers.base import FoldDone, Pool
from automl_sem.workers.evaluate import Evaluation, evaluate

# A network that trains with this share of a strength is prepared for it.
PREPARED = 0.75
CONFUSED = 0.2  # share of two classes' copies taken for one another, from which it counts
DOMINANT = 3.0  # times the mean of all other pairs


@dataclass(frozen=True)
class Confused:
    """A pair of classes that a distortion makes alike.

    Args:
        pair: Their numbers.
        share: Share of their distorted copies that are taken for the other.
        clean: The same of images as they are, by a network that need not withstand it.
    """

    pair: tuple[int, int]
    share: float
    clean: float


def check_stress(
    run: RunDirectory,
    pool: Pool,
    best: Candidate,
    best_folds: Score,
    baseline_folds: Score,
    on_fold: Callable[[Candidate, FoldResult], None],
) -> None:
    """Write `stress.json`: a warning for each kind of stress that labels may not survive.

    For a stress that a person asked for, the best candidate is trained with and without that
    kind of augmentation, as far as it is not there yet. For a space's own, its folds are
    looked at as they are, if it trains for the kind.

    Args:
        run: The run, whose search folds are used.
        pool: Trains.
        best: The best candidate.
        best_folds: Its results on fresh folds.
        baseline_folds: Those of the baseline.
        on_fold: Called after each fold fit.
    """
    names: Sequence[str] = run.manifest.data["class_names"]
    pairs: Mapping[str, tuple[Score | None, Score | None]] = {}
    if run.manifest.check_stress:
        pairs = _train_pairs(run, pool, best, on_fold)
    warnings = []
    for kind, strength in run.manifest.stress.items():
        trained, without = pairs.get(kind, (None, None))
        if trained is None and prepared(best, kind, strength):
            trained = best_folds
        if trained is None:
            continue
        plain = baseline_folds if without is None else without
        found = confused_pair(trained, plain, f"{kind} {strength:g}", len(names))
        if found is not None:
            a, b = (names[number] for number in found.pair)
            warnings.append(
                f"{kind} {strength:g} may change labels: {found.share:.0%} of '{a}' and '{b}' "
                "are taken for one another by a network that trains for it, "
                f"{found.clean:.0%} as they are by one that does not"
            )
        if without is not None:
            lost, error = clean_loss(trained, without)
            if lost > 2 * error:
                warnings.append(
                    f"{kind} {strength:g} may change labels: training for it costs {lost:.3g} of "
                    f"log-loss on images as they are, {lost / error:.1f} standard errors"
                )
    run.write_json("stress.json", {"schema_version": 1, "warnings": warnings})


def stress_warnings(run: RunDirectory) -> list[str]:
    """Return what `check_stress` found."""
    return list((run.read_json("stress.json") or {}).get("warnings", []))


def prepared(candidate: Candidate, kind: str, strength: float) -> bool:
    """Whether a candidate trains for a stress."""
    trained = getattr(candidate.recipe.augmentation, KINDS[kind].field)
    return bool(trained >= PREPARED * strength)


def confused_pair(score: Score, plain: Score, condition: str, classes: int) -> Confused | None:
    """Return the pair of classes that a distortion makes alike, or None.

    It must be confused often, more often than on images as they are by more than two standard
    errors, and far more often than other pairs.

    Args:
        score: Of a network that trains for the distortion.
        plain: Of one that does not, for images as they are.
        condition: Name of the distortion at a strength.
        classes: Number of classes.
    """
    stressed, clean = np.zeros((classes, classes)), np.zeros((classes, classes))
    images = np.zeros(classes)
    for fold in score.folds:
        if fold.stress is None or condition not in fold.stress.conditions:
            return None
        guesses = fold.stress.guesses[fold.stress.conditions.index(condition)]
        labels = np.broadcast_to(fold.stress.labels, guesses.shape)
        np.add.at(stressed, (labels, guesses), 1 / len(guesses))
        images += np.bincount(fold.stress.labels, minlength=classes)
    for fold in plain.folds:
        if fold.stress is None:
            return None
        places = np.searchsorted(fold.indices, fold.stress.rows)
        said = fold.probabilities[places].argmax(axis=1)
        np.add.at(clean, (fold.stress.labels, said), 1)
    both = images[:, None] + images
    upper = np.triu_indices(classes, 1)
    shares = ((stressed + stressed.T) / np.maximum(both, 1))[upper]
    worst = int(shares.argmax())
    a, b = (int(side[worst]) for side in upper)
    share, before = float(shares[worst]), float((clean + clean.T)[a, b] / max(both[a, b], 1))
    n = int(both[a, b])
    error = math.sqrt(max(share * (1 - share) + before * (1 - before), 1e-12) / max(n, 1))
    others = (shares.sum() - share) / max(len(shares) - 1, 1)
    often = share >= CONFUSED and wilson_interval(share * n, n).low > CONFUSED / 2
    if often and share - before > 2 * error and share > DOMINANT * others:
        return Confused((a, b), share, before)
    return None


def clean_loss(trained: Score, without: Score) -> tuple[float, float]:
    """Return the log-loss on images as they are that training for a stress costs, and its error.

    The standard error is that of paired folds, corrected for the training examples that they
    share (Nadeau and Bengio 2003).
    """
    pairs = zip(trained.folds, without.folds, strict=True)
    differences = [a.log_loss - b.log_loss for a, b in pairs]
    k = len(differences)
    error = float(np.std(differences, ddof=1)) * math.sqrt(1 / k + 1 / (k - 1))
    return float(np.mean(differences)), max(error, 1e-9)


def _train_pairs(
    run: RunDirectory,
    pool: Pool,
    best: Candidate,
    on_fold: Callable[[Candidate, FoldResult], None],
) -> Mapping[str, tuple[Score | None, Score | None]]:
    """Return the scores with and without each kind of augmentation."""
    folds = run.splits("search")
    stages: dict[int, str] = {}  # of each candidate: they share the number of their trial
    scores: dict[str, Score] = {}
    evaluations = []
    for kind, strength in run.manifest.stress.items():
        for word, value in (("with", strength), ("without", 0.0)):
            stage = f"stress/{kind}-{word}"
            seed = derive_seed(run.manifest.seed, stage)
            candidate = with_strength(best, kind, value)
            stages[id(candidate)] = stage
            done = run.read_folds(best.trial, stage)
            evaluations.append(Evaluation(candidate, folds, done, seed))
    waiting = iter(evaluations)

    def save(candidate: Candidate, done: FoldDone) -> None:
        if done.result is not None:
            run.write_fold(candidate.trial, done.result, stages[id(candidate)])
            on_fold(candidate, done.result)

    for evaluation in evaluate(pool, lambda: next(waiting, None), save):
        stage = stages[id(evaluation.candidate)]
        run.sync_folds(evaluation.candidate.trial, stage)
        if evaluation.outcome is not None and evaluation.outcome.score is not None:
            scores[stage] = evaluation.outcome.score
    return {
        kind: (scores.get(f"stress/{kind}-with"), scores.get(f"stress/{kind}-without"))
        for kind in run.manifest.stress
    }


def with_strength(candidate: Candidate, kind: str, strength: float) -> Candidate:
    """Return a candidate with another strength of one kind of augmentation."""
    changed = with_kind(candidate.recipe.augmentation, kind, strength)
    return replace(candidate, recipe=replace(candidate.recipe, augment=changed))
