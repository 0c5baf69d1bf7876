"""Points: what a query costs, and how long to wait until the bucket has as many.

The rule is that of Shopify's page "GraphQL Admin API rate limits": what a query may cost at most is
taken from the bucket before it runs, and what it did not use is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What Shopify said of an answer's cost and of the bucket after it, in points."""

    requested: float
    #: None for a query that was not run.
    actual: float | None
    maximum: float
    available: float
    #: Points a second.
    restore_rate: float


def read_cost(extensions: Any) -> Cost | None:
    """Return the cost in an answer's `extensions`; None where there is none."""
    cost = extensions.get("cost") if isinstance(extensions, Mapping) else None
    status = cost.get("throttleStatus") if isinstance(cost, Mapping) else None
    if not isinstance(cost, Mapping) or not isinstance(status, Mapping):
        return None
    actual = cost.get("actualQueryCost")
    return Cost(
        requested=float(cost.get("requestedQueryCost") or 0),
        actual=None if actual is None else float(actual),
        maximum=float(status.get("maximumAvailable") or 0),
        available=float(status.get("currentlyAvailable") or 0),
        restore_rate=float(status.get("restoreRate") or 0),
    )


class Bucket:
    """What we know of a shop's bucket, which other processes draw from as well.

    Parameters
    ----------
    reserve
        Points that are left for others, such as single reads after webhooks.
    clock
        Seconds.
    """

    def __init__(self, *, reserve: float, clock: Callable[[], float]) -> None:
        self._reserve, self._clock = reserve, clock
        self._last: Cost | None = None
        self._at = 0.0
        self._known: dict[str, float] = {}

    def note(self, document: str, cost: Cost | None) -> None:
        """Learn from an answer."""
        if cost is None:
            return
        self._last, self._at = cost, self._clock()
        self._known[document] = cost.requested

    def wait_s(self, document: str) -> float:
        """Return for how many seconds to wait before the document is sent; 0 before it is known.

        Examples
        --------
        >>> bucket = Bucket(reserve=300, clock=lambda: 0.0)
        >>> bucket.note("{ shop { id } }", Cost(
        ...     requested=800, actual=700, maximum=2000, available=100, restore_rate=100))
        >>> bucket.wait_s("{ shop { id } }")
        10.0
        """
        last = self._last
        if last is None or last.restore_rate <= 0:
            return 0.0
        # A bucket that never holds both the query and the reserve must not be waited for.
        needed = min(self._known.get(document, 0.0) + self._reserve, last.maximum)
        there = last.available + (self._clock() - self._at) * last.restore_rate
        return max(0.0, (needed - there) / last.restore_rate)
