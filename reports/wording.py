"""How numbers and values are written in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_sem.scoring.metrics import Interval
from automl_sem.scoring.output_folds import OutputScore
from automl_sem.scoring.words import R2

DASH, MINUS, TIMES = "\u2013", "\u2212", " \u00d7 "


@dataclass(frozen=True)
class Noun:
    """What examples of a kind of data are called.

    Args:
        one: `"image"`.
        many: `"images"`.
    """

    one: str
    many: str


NOUNS = {
    "images": Noun("image", "images"),
    "clips": Noun("clip", "clips"),
    "series": Noun("series", "series"),
}

BEHIND = "within the first fold, since half of the others had got further by then"
# When each rule of `--discard` drops a trial: the end of "each was dropped as soon as ...".
DISCARD_RULES = {
    "forgiving": "the mean of its folds so far was worse than the best trial's worst fold",
    "paired": "it was behind the best trial on the same folds by more than chance would explain",
    "wilcoxon": "a Wilcoxon signed-rank test on the same folds put it behind the best trial",
}


def noun(kind: str) -> Noun:
    """Return what examples of a kind of data are called."""
    return NOUNS.get(kind, Noun("example", "examples"))


def example_shape(kind: str, sizes: Sequence[int]) -> str:
    """Return how large each example is, to stand behind "each".

    Args:
        kind: Kind of data.
        sizes: Shape of an example.
    """
    if kind == "series" and len(sizes) == 2:
        return f"of up to {count(sizes[0], 'step')} with {count(sizes[1], 'channel')}"
    if kind == "clips" and len(sizes) == 4:
        return f"{count(sizes[0], 'frame')} of {shape(sizes[1:])}"
    return shape(sizes)


def percent(share: float | None) -> str:
    """Return `97.8 %`, or a dash."""
    return DASH if share is None else f"{100 * share:.1f} %"


def whole_percent(share: float) -> str:
    """Return `98`."""
    return f"{100 * share:.0f}"


def share(value: float | None, word: str) -> str:
    """Return what people are shown of a score: `97.8 %`, of R2 `0.83`, or a dash.

    Args:
        value: The share.
        word: What it is called.
    """
    if value is None or word != R2:
        return percent(value)
    return f"{value:.3f}" if value > -10 else f"{value:.0f}"


def named_share(value: float | None, word: str) -> str:
    """Return `97.8 % right`, or `R2 0.83`."""
    shown = share(value, word)
    return f"{shown} right" if word == "accuracy" else f"{word} {shown}"


def short_share(value: float, word: str) -> str:
    """Return `98`, or of R2 `0.83`."""
    return whole_percent(value) if word != R2 else f"{value:.2f}"


def share_range(interval: Interval, word: str) -> str:
    """Return `88.4 to 99.6 %`, or of R2 `0.71 to 0.88`."""
    if word != R2:
        return percent_range(interval)
    return f"{share(interval.low, word)} to {share(interval.high, word)}"


def off_by(score: object) -> str:
    """Return by how much a number is missed on average, in its own unit; empty of other scores.

    Numbers of several units have no common mean.
    """
    if not isinstance(score, OutputScore) or score.task != "regression":
        return ""
    if score.wanted.shape[1] > 1:
        return ""
    return f"off by {loss(score.measures['mean_absolute_error'])}"


def percent_range(interval: Interval) -> str:
    """Return `88.4 to 99.6 %`."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def loss(value: float | None) -> str:
    """Return a log-loss or a distance with three significant digits or more, or a dash."""
    if value is None:
        return DASH
    if value == 0:
        return "0"
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def number(value: float) -> str:
    """Return a number that is predicted, with four significant digits or more: `10,240`."""
    if value == 0:
        return "0"
    text = f"{abs(value):,.0f}" if abs(value) >= 9999.5 else f"{abs(value):#.4g}".rstrip(".")
    return f"{MINUS if value < 0 else ''}{text}"


def signed_loss(value: float) -> str:
    """Return a difference of log-losses with its sign: `-0.213` or `+0.0120`."""
    return (MINUS if value < 0 else "+") + loss(abs(value))


def loss_range(interval: Interval, lowest: float = 0.0) -> str:
    """Return `0.0120 to 0.213`; a mean of log-losses is never below 0, the lowest by default."""
    return f"{loss(max(lowest, interval.low))} to {loss(interval.high)}"


def count(number: int, noun: str) -> str:
    """Return `1 trial` or `14 trials`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `42 s`, `3 min 5 s` or `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def roughly(seconds: float) -> str:
    """Return a time nobody knows exactly: `less than a minute`, `8 min` or `3 h`."""
    if seconds < 60:
        return "less than a minute"
    return f"{round(seconds / 60)} min" if seconds < 2 * 3600 else f"{round(seconds / 3600)} h"


def value(setting: Any) -> str:
    """Return a hyperparameter's value: `yes`, `0.00123`, `adam`."""
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    return f"{setting:.3g}" if isinstance(setting, float) else str(setting)


def values(settings: Mapping[str, Any]) -> list[str]:
    """Return `["depth 3", "residual yes", ...]`."""
    return [f"{name} {value(setting)}" for name, setting in settings.items()]


def times(more: float, less: float) -> str:
    """Return how two sizes compare: `3.2 times fewer`, `about as many`, `1.5 times as many`."""
    if not more or not less or 0.95 < more / less < 1.05:
        return "about as many"
    ratio = max(more / less, less / more)
    return f"{ratio:.1f} times {'as many' if more > less else 'fewer'}"


def elide(text: str, length: int) -> str:
    """Return a text of at most `length` characters: both ends of one that is longer."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}\u2026{text[len(text) - end :]}"


def discarding(trials: int, saved: int, rule: str, behind: int = 0) -> str:
    """Return what discarding saved, by which rule, and what it means; empty if nothing was.

    Args:
        trials: Number of trials that were discarded.
        saved: Fold fits that they were spared.
        rule: Name of the rule.
        behind: How many of them were stopped within their first fold.
    """
    if not trials:
        return ""
    were = "was" if trials == 1 else "were"
    reason = f", each as soon as {DISCARD_RULES[rule]}" if rule in DISCARD_RULES else ""
    reason += f" (\u201c{rule}\u201d)"
    if behind == trials:
        reason = f", {BEHIND}"
    elif behind:
        reason += f"; {behind} of them {BEHIND}"
    return (
        f"{count(trials, 'trial')} {were} dropped before all folds were done{reason}. "
        f"That saved {count(saved, 'fold fit')}. A discarded trial has no "
        "score: it is never ranked, compared or exported."
    )


def shape(sizes: Sequence[int | None] | None) -> str:
    """Return `24 x 24 x 32`, with `any` for what is not fixed."""
    if sizes is None:
        return ""
    return TIMES.join("any" if size is None else str(size) for size in sizes) or "one number"
