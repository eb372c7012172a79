"""The export formats by name. A new one is a file beside this one, and a line here."""

from __future__ import annotations

from collections.abc import Sequence

from automl_sem.errors import UserError, did_you_mean
from automl_sem.export.base import Format
from automl_sem.export.keras import KERAS
from automl_sem.export.saved_model import SAVED_MODEL

FORMATS = {made.name: made for made in (KERAS, SAVED_MODEL)}


def formats_of(names: Sequence[str]) -> tuple[Format, ...]:
    """Return formats by their names, each once.

    Raises:
        UserError: If there is no such format, or none is named.
    """
    if not names:
        raise UserError("no format is named", where="export", hint=did_you_mean("", FORMATS))
    for name in names:
        if name not in FORMATS:
            hint = did_you_mean(name, FORMATS)
            raise UserError(f"there is no format {name!r}", where="export", hint=hint)
    return tuple(FORMATS[name] for name in dict.fromkeys(names))
