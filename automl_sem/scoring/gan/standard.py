"""Features on one scale, so that none decides a distance alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automl_sem.types import Floats

# Of the median deviation: a feature that varies less says nothing, and none is divided by less.
CONSTANT = 0.01
SMALLEST = 0.1


@dataclass(frozen=True)
class Standard:
    """Which features count, and their scale, found on training images alone.

    A unit that is dead on the training images may answer a held-out or a generated one:
    divided by next to nothing it would be all of the distance. So it is dropped, and the
    divisor has a floor.

    Args:
        kept: Whether each feature counts, (d,).
        mean: Of those that do, (k,).
        divisor: Of those that do, (k,).
    """

    kept: Floats
    mean: Floats
    divisor: Floats

    @classmethod
    def of(cls, features: Floats) -> Standard:
        """Return the scale of features, (n, d).

        Raises:
            ValueError: If all are constant.
        """
        deviation = features.std(axis=0)
        varied = deviation[deviation > 0]
        if not len(varied):
            raise ValueError("all features are constant")
        kept = deviation > CONSTANT * np.median(varied)
        divisor = np.maximum(deviation[kept], SMALLEST * np.median(deviation[kept]))
        return cls(kept, features[:, kept].mean(axis=0), divisor)

    def scaled(self, features: Floats) -> Floats:
        """Return features, (n, d), on one scale, (n, k)."""
        scaled: Floats = (features[:, self.kept] - self.mean) / self.divisor
        return scaled
