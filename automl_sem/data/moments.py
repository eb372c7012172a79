"""Moments in time as people write them, numbers or ISO dates, to seconds or units of their own."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from automl_sem.errors import UserError


class Moments:
    """Reads moments that are all numbers or all dates, as the first one is."""

    def __init__(self) -> None:
        self._dates: bool | None = None

    def read(self, text: str, where: object) -> float:
        """Return a number as it is, or the seconds of an ISO date such as 2026-11-25T10:30:00.

        Args:
            text: What is written.
            where: What errors are about.

        Raises:
            UserError: If it is neither, or not what the first one was.
        """
        moment = _number(text)
        dates = moment is None
        if moment is None:
            moment = _seconds(text)
        if moment is None:
            raise UserError(
                f"the time must be a number or a date such as 2026-11-25 10:30:00. "
                f"Received: {text!r}",
                where=where,
            )
        if self._dates is None:
            self._dates = dates
        if dates != self._dates:
            kinds = ("a number", "a date")
            raise UserError(
                f"the time is {kinds[dates]}, before it was {kinds[not dates]}. Received: {text!r}",
                where=where,
            )
        return moment


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
