"""Find out whether labels survive a stress: a 6 turned by 180 degrees is a 9.

That an unprepared network does worse under a distortion shows nothing: it may only never have
seen it. Two signs do, both of a network that trains for the distortion: it gets worse on images
as they are, or one pair of classes stays confused under it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automl_sem.augmentation.kinds import KINDS, with_kind
from automl_sem.fresh import Entry, fresh_score
from automl_sem.recipe import of_classifier
from automl_sem.run import RunDirectory
from automl_sem.scoring.metrics import Interval, fold_interval, wilson_interval
from automl_sem.types import Candidate, Outcome, Score, classified

Doubles = NDArray[np.float64]

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
        clean: The same of examples as they are, by a network that need not withstand it.
    """

    pair: tuple[int, int]
    share: float
    clean: float


@dataclass(frozen=True)
class Pair:
    """Scores on the fresh folds of one candidate that trains for a stress, and one that does not.

    Args:
        trained: Of the one that trains for it.
        without: Of the other, which trains for it less or not at all.
        alike: Whether they are the same but for that.
    """

    trained: Score
    without: Score
    alike: bool


@dataclass(frozen=True)
class Findings:
    """What the check of a stress found, in sentences.

    Args:
        warnings: What speaks against a kind of stress.
        unknown: What could not be found out, and why.
    """

    warnings: list[str]
    unknown: list[str]


def to_train(run: RunDirectory, best: Candidate) -> list[Entry]:
    """Return what the check of a stress trains: the best trial with, or without, each kind.

    Nobody vouches for a stress that a person asked for; a space vouches for its own. There is
    nothing to compare with while the best trial itself has no score on the fresh folds.
    """
    if not run.manifest.check_stress or fresh_score(run, best.trial) is None:
        return []
    return [_other(best, kind, strength) for kind, strength in run.manifest.stress.items()]


def check_stress(
    run: RunDirectory,
    best: Candidate,
    baseline: Candidate | None,
    ended: Sequence[tuple[Entry, Outcome]],
) -> None:
    """Write `stress.json`: for each kind of stress, whether labels seem to survive it.

    Args:
        run: The run, with the fresh folds of the best trial and of the baseline.
        best: The best trial.
        baseline: Trial 0, if it has a score.
        ended: How training went of what `to_train` returned, or of a part of that.
    """
    names: Sequence[str] = run.manifest.data["class_names"]
    found = Findings([], [])
    outcomes = {entry.stage: outcome for entry, outcome in ended}
    reference = classified(fresh_score(run, best.trial))
    for kind, strength in run.manifest.stress.items():
        condition = f"{kind} {strength:g}"
        other = _other(best, kind, strength)
        outcome = outcomes.get(other.stage)
        pair = None
        score = None if outcome is None else classified(outcome.score)
        if reference is not None and score is not None:
            known = prepared(best, kind, strength)
            scores = (reference, score) if known else (score, reference)
            pair = Pair(*scores, alike=True)
        elif run.manifest.check_stress:
            found.unknown.append(
                f"whether {condition} changes labels is not known: "
                + _why_unknown(best, reference, other, outcome)
            )
        elif reference is not None:
            pair = _against_baseline(run, reference, best, baseline, kind, strength)
        if pair is not None:
            found.warnings.extend(warnings_of(pair, condition, names, run.manifest.kind))
    run.write_json("stress.json", {"schema_version": 1, **asdict(found)})


def _other(best: Candidate, kind: str, strength: float) -> Entry:
    """Return the best trial without training for a stress if it does so, else with it."""
    word = "without" if prepared(best, kind, strength) else "with"
    candidate = with_strength(best, kind, 0.0 if word == "without" else strength)
    return Entry(candidate, f"stress/{kind}-{word}", f"{word} {kind}")


def _why_unknown(
    best: Candidate, reference: Score | None, other: Entry, outcome: Outcome | None
) -> str:
    if reference is None:
        return f"trial {best.trial} could not be trained on the fresh folds"
    if outcome is None:
        return f"the time limit left none for {other}"
    return f"{other} could not be trained ({outcome.reason})"


def _against_baseline(
    run: RunDirectory,
    reference: Score,
    best: Candidate,
    baseline: Candidate | None,
    kind: str,
    strength: float,
) -> Pair | None:
    """Return the best trial and the baseline, if one of them trains for a stress."""
    if baseline is None or not prepared(best, kind, strength):
        return None
    plain = classified(fresh_score(run, baseline.trial))
    if plain is None or prepared(baseline, kind, strength):
        return None
    return Pair(reference, plain, alike=False)


def warnings_of(pair: Pair, condition: str, names: Sequence[str], examples: str) -> list[str]:
    """Return what speaks against a stress, in sentences.

    Args:
        pair: Two scores on the same folds.
        condition: Name of the distortion at a strength, `"rotate 180"`.
        names: Names of the classes.
        examples: What examples are called, `"images"`.
    """
    found = []
    confused = confused_pair(pair.trained, pair.without, condition, len(names))
    if confused is not None:
        a, b = (names[number] for number in confused.pair)
        found.append(
            f"{condition} may change labels: {confused.share:.0%} of '{a}' and '{b}' are taken "
            f"for one another by a network that trains for it, {confused.clean:.0%} as they are "
            "by one that does not"
        )
    if pair.alike:
        cost, interval = clean_cost(pair.trained, pair.without)
        if interval.low > 0:
            found.append(
                f"{condition} may change labels: log-loss on {examples} as they are is "
                f"{pair.trained.log_loss:.3g} with training for it and {pair.without.log_loss:.3g} "
                f"without, {cost:.3g} more (95 % interval {interval.low:.3g} to "
                f"{interval.high:.3g}){_most_alike(pair.trained, condition, names)}"
            )
    return found


def read_findings(run: RunDirectory) -> Findings:
    """Return what `check_stress` found; nothing before."""
    saved = run.read_json("stress.json") or {}
    return Findings(list(saved.get("warnings", [])), list(saved.get("unknown", [])))


def prepared(candidate: Candidate, kind: str, strength: float) -> bool:
    """Whether a candidate trains for a stress."""
    trained = getattr(of_classifier(candidate.recipe).augmentation, KINDS[kind].field)
    return bool(trained >= PREPARED * strength)


def confused_pair(score: Score, plain: Score, condition: str, classes: int) -> Confused | None:
    """Return the pair of classes that a distortion makes alike, or None.

    It must be confused often, more often than on examples as they are by more than two standard
    errors, and far more often than other pairs.

    Args:
        score: Of a network that trains for the distortion.
        plain: Of one that does not, for examples as they are.
        condition: Name of the distortion at a strength.
        classes: Number of classes.
    """
    found = confusions(score, condition, classes)
    if found is None:
        return None
    matrix, both = found
    clean = np.zeros((classes, classes))
    for fold in plain.folds:
        if fold.stress is None:
            return None
        places = np.searchsorted(fold.indices, fold.stress.rows)
        said = fold.probabilities[places].argmax(axis=1)
        np.add.at(clean, (fold.stress.labels, said), 1)
    shares = matrix[np.triu_indices(classes, 1)]
    a, b = worst_pair(matrix)
    n = int(both[a, b])
    share, before = float(matrix[a, b]), float((clean + clean.T)[a, b] / max(n, 1))
    error = math.sqrt(max(share * (1 - share) + before * (1 - before), 1e-12) / max(n, 1))
    others = (shares.sum() - share) / max(len(shares) - 1, 1)
    often = share >= CONFUSED and wilson_interval(share * n, n).low > CONFUSED / 2
    if often and share - before > 2 * error and share > DOMINANT * others:
        return Confused((a, b), share, before)
    return None


def confusions(score: Score, condition: str, classes: int) -> tuple[Doubles, Doubles] | None:
    """Return how often a distortion makes each pair of classes alike; None if it was not tried.

    Returns:
        Above the diagonal the share of distorted copies of the pair that are taken for the
        other, else 0; and the number of images of each pair. Both (classes, classes).
    """
    stressed, images = np.zeros((classes, classes)), np.zeros(classes)
    for fold in score.folds:
        if fold.stress is None or condition not in fold.stress.conditions:
            return None
        guesses = fold.stress.guesses[fold.stress.conditions.index(condition)]
        labels = np.broadcast_to(fold.stress.labels, guesses.shape)
        np.add.at(stressed, (labels, guesses), 1 / len(guesses))
        images += np.bincount(fold.stress.labels, minlength=classes)
    both = images[:, None] + images
    return np.triu((stressed + stressed.T) / np.maximum(both, 1), 1), both


def worst_pair(shares: Doubles) -> tuple[int, int]:
    """Return the pair of classes that is confused most, the smaller number first."""
    a, b = np.unravel_index(shares.argmax(), shares.shape)
    return int(a), int(b)


def _most_alike(score: Score, condition: str, names: Sequence[str]) -> str:
    """Return which classes a distortion confuses most, as the end of a sentence."""
    found = confusions(score, condition, len(names))
    if found is None:
        return ""
    a, b = worst_pair(found[0])
    share = found[0][a, b]
    if share == 0:
        return ""
    return f"; distorted so, {share:.0%} of '{names[a]}' and '{names[b]}' are taken for one another"


def clean_cost(trained: Score, without: Score) -> tuple[float, Interval]:
    """Return the log-loss on examples as they are that training for a stress costs.

    Returns:
        Its mean over the paired folds, and its interval (`fold_interval`).
    """
    pairs = zip(trained.folds, without.folds, strict=True)
    differences = [a.log_loss - b.log_loss for a, b in pairs]
    return float(np.mean(differences)), fold_interval(differences, "log-loss difference")


def with_strength(candidate: Candidate, kind: str, strength: float) -> Candidate:
    """Return a candidate with another strength of one kind of augmentation."""
    recipe = of_classifier(candidate.recipe)
    changed = with_kind(recipe.augmentation, kind, strength)
    return replace(candidate, recipe=replace(recipe, augment=changed))
