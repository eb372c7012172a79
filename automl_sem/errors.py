"""The errors a person can meet, and the exit code of each.

    AutomlSemError        base of all errors raised on purpose
    ├── UserError         2: wrong use, bad configuration or data, unknown run
    │   └── Unlabelled       data without classes, which a GAN can do without
    └── NegativeResult    1: finished, but the answer is no (no valid trial, a check failed)

Anything else that escapes is a defect of ours and ends with exit code 3.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AutomlSemError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: What is wrong.
        where: The file, option or hyperparameter it concerns, if any.
        hint: What to do about it, if anything.
    """

    exit_code = 3

    def __init__(self, what: str, *, where: object = "", hint: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        """One line: `where: what. hint`."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}. {self.hint}" if self.hint else line

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.hint))


class UserError(AutomlSemError):
    """Wrong use, bad configuration or data, or an unknown run."""

    exit_code = 2


class Unlabelled(UserError):
    """Data without classes to tell apart: nothing for a classifier, but a GAN can draw them."""


class NegativeResult(AutomlSemError):
    """The work finished, and its answer is no."""

    exit_code = 1


def _rebuild(cls: type[AutomlSemError], what: str, where: str, hint: str) -> AutomlSemError:
    return cls(what, where=where, hint=hint)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'x'? Known: a, b, x.` for an unknown name."""
    names = sorted(known)
    listing = f"Known: {', '.join(names)}." if names else ""
    return " ".join(filter(None, (perhaps(name, names), listing)))


def perhaps(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'x'?` for an unknown name; empty if none is like it."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else ""


def one_line(error: BaseException) -> str:
    """Return any error as one line for the record."""
    text = str(error)
    if text.startswith("in user code:"):  # TensorFlow puts a whole traceback before the message
        text = text.strip().splitlines()[-1]
    text = " ".join(text.split())
    return text if isinstance(error, AutomlSemError) else f"{type(error).__name__}: {text}"[:500]
