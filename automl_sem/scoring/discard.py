"""When to drop a candidate after some of its folds, because it cannot plausibly win.

All rules compare objectives in nats, lower is better, and are strict: a tie never drops anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from automl_sem.errors import UserError, did_you_mean

CONFIDENCE = 0.95
PAIRED_FROM = 3  # folds before a variance means anything
FEWEST_FOLDS = {"paired": PAIRED_FROM + 1, "wilcoxon": 8}  # with fewer they never drop anything

Scores = Sequence[float]


def hopeless(rule: str, scores: Scores, incumbent: Scores | None) -> str:
    """Return why a candidate is to be dropped, for people; empty to go on.

    Args:
        rule: One of `RULES`.
        scores: The candidate's objectives on its first folds.
        incumbent: The best trial's objectives on all folds, or None while there is none.
    """
    if incumbent is None or not scores or len(scores) >= len(incumbent):
        return ""
    reason = _RULES[rule](scores, incumbent)
    return f"after {len(scores)} of {len(incumbent)} folds: {reason}" if reason else ""


def check_rule(rule: str, folds: int) -> None:
    """Raise a UserError if there is no such rule, or it cannot work with so few folds."""
    if rule not in _RULES:
        hint = did_you_mean(rule, _RULES)
        raise UserError(f"there is no discard rule {rule!r}", where="--discard", hint=hint)
    if folds < (fewest := FEWEST_FOLDS.get(rule, 2)):
        raise UserError(
            f"{rule} needs at least {fewest} folds, there are {folds}",
            where="--discard",
            hint=f"Pass --folds {fewest}, or --discard forgiving",
        )


def _forgiving(scores: Scores, incumbent: Scores) -> str:
    """Mean so far worse than the incumbent's worst fold (Bergman et al. 2024, arXiv 2405.03389)."""
    mean, worst = float(np.mean(scores)), max(incumbent)
    # Exact, which the mean is not: that of three times 0.1 is above 0.1, and a tie would drop.
    if math.fsum([*scores, *[-worst] * len(scores)]) > 0:
        return f"mean {mean:.3g} is worse than the best trial's worst fold, {worst:.3g}"
    return ""


def paired(scores: Scores, incumbent: Scores, confidence: float = CONFIDENCE) -> str:
    """Worse by a corrected paired t-test (Nadeau and Bengio 2003)."""
    from scipy.stats import t

    done, folds = len(scores), len(incumbent)
    if done < PAIRED_FROM:
        return ""
    differences = np.subtract(scores, incumbent[:done])
    spread = float(differences.std(ddof=1)) * math.sqrt(1 / done + 1 / (folds - 1))
    mean = float(differences.mean())
    if mean - float(t.ppf(confidence, done - 1)) * spread > 0:
        return f"{mean:.3g} worse on average than the best trial on the same folds"
    return ""


def _wilcoxon(scores: Scores, incumbent: Scores) -> str:
    """Worse by a signed-rank test (Wilcoxon 1945)."""
    from scipy.stats import wilcoxon

    differences = np.subtract(scores, incumbent[: len(scores)])
    differences = differences[differences != 0]  # else some versions of SciPy approximate p
    if not len(differences):
        return ""
    probability = float(wilcoxon(differences, alternative="greater").pvalue)
    if probability < 1 - CONFIDENCE:
        return f"worse than the best trial on the same folds (p = {probability:.3f})"
    return ""


def _none(scores: Scores, incumbent: Scores) -> str:  # noqa: ARG001
    return ""


_RULES: dict[str, Callable[[Scores, Scores], str]] = {
    "forgiving": _forgiving,
    "paired": paired,
    "wilcoxon": _wilcoxon,
    "none": _none,
}
RULES = tuple(_RULES)
