"""What scores are called, by what is learnt."""

from __future__ import annotations

from dataclasses import dataclass

from automl_sem.folds import objective_word
from automl_sem.scoring.gan.result import FOLD_SHARES, OBJECTIVE_WORD, SHARE_WORD


@dataclass(frozen=True)
class Words:
    """What scores are called.

    Args:
        objective: What is minimised, for people.
        objective_name: The same in records.
        share: What people are shown, more is better.
        share_name: The same in records.
        fold_shares: The shares of all folds, in records.
        lowest: No objective is below, or None if some may be.
    """

    objective: str
    objective_name: str
    share: str
    share_name: str
    fold_shares: str
    lowest: float | None = 0.0


OUTPUT_MEASURES = (
    "r2",
    "mean_absolute_error",
    "root_mean_squared_error",
    "macro_f1",
    "exact_match",
    "label_accuracy",
)
R2 = "R2"  # a share that may be below 0, and is no percentage
_WORDS = {
    "classification": Words("log-loss", "log_loss", "accuracy", "accuracy", "fold_accuracies"),
    "multi-label": Words(
        "cross-entropy", "binary_cross_entropy", "macro F1", "macro_f1", "fold_macro_f1"
    ),
    "regression": Words("squared error", "standardised_squared_error", R2, "r2", "fold_r2"),
}
_GAN = Words(
    OBJECTIVE_WORD, "distance_above_floor", SHARE_WORD, SHARE_WORD, FOLD_SHARES, lowest=None
)


ALL_WORDS = (*_WORDS.values(), _GAN)


def words_of(task: str, *, generates: bool = False, stressed: bool = False) -> Words:
    """Return what scores are called.

    Args:
        task: `"classification"`, `"multi-label"` or `"regression"`.
        generates: Whether images are drawn instead.
        stressed: Whether log-loss under stress is part of the objective.
    """
    if generates:
        return _GAN
    words = _WORDS[task]
    if not stressed:
        return words
    name = "mean of log_loss and stress_log_loss"
    return Words(objective_word(True), name, words.share, words.share_name, words.fold_shares)
