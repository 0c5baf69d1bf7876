"""High, middle, low: what is expected of a customer, in words that do not flicker."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from segmentation.duedates.starts import Floats

HIGH, MIDDLE, LOW = "high", "middle", "low"
#: High are those who together bring this share of what is expected, the most valuable first; low
#: those who together bring the last part.
HIGH_SHARE, LOW_SHARE = 0.5, 0.1
#: Share by which a value must fall below where its word begins before the word goes.
SLACK = 0.1


@dataclass(frozen=True)
class Levels:
    """From which expected value on a customer is high, and middle; minor units."""

    high: float
    middle: float

    @classmethod
    def of(cls, value: Floats) -> Levels:
        """Return the limits of a shop; NaN counts as nothing.

        Examples
        --------
        >>> Levels.of(np.array([50.0, 20.0, 15.0, 10.0, 3.0, 2.0]))
        Levels(high=50.0, middle=10.0)
        """
        falling = -np.sort(-value[value > 0])
        if not falling.size:
            return cls(0.0, 0.0)
        reached = np.cumsum(falling) / falling.sum()
        ends = np.searchsorted(reached, [HIGH_SHARE - 1e-9, 1 - LOW_SHARE - 1e-9])
        high, middle = (float(falling[end]) for end in ends)
        return cls(high, middle)

    def words(self, value: Floats, previous: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return each customer's word; "" where nothing is expected of him.

        Parameters
        ----------
        value
            Expected in the next 12 months, minor units; NaN where it was refused.
        previous
            Last time's words; "" for none.

        Examples
        --------
        >>> limits, before = Levels(100.0, 20.0), np.array(["", "high", "high", ""], dtype=object)
        >>> limits.words(np.array([95.0, 95.0, 85.0, np.nan]), before).tolist()
        ['middle', 'high', 'middle', '']
        """
        stays_high = np.where(previous == HIGH, 1 - SLACK, 1.0)
        stays_middle = np.where((previous == HIGH) | (previous == MIDDLE), 1 - SLACK, 1.0)
        word = np.where(value >= self.middle * stays_middle, MIDDLE, LOW)
        word = np.where(value >= self.high * stays_high, HIGH, word)
        result: npt.NDArray[np.object_] = np.where(np.isnan(value), "", word).astype(object)
        return result

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON values."""
        return asdict(self)
