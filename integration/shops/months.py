"""Orders counted by month, here and in the shop: what lacks shows, however old it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, func, select

from connectors.base import Dated
from integration.tables import Order


@dataclass(kw_only=True)
class Month:
    """One month in which the shop had another number of orders than we hold."""

    #: "2026-03"; "" for all time before the first order here.
    month: str
    there: int
    here: int
    #: How many of what lacked were read; the rest could not be, or is read with the whole history.
    added: int = 0


@dataclass(frozen=True)
class Span:
    """A calendar month in UTC, or what is left of it; without `start` all time before."""

    start: datetime | None
    end: datetime

    @property
    def name(self) -> str:
        """Return its name in reports."""
        return "" if self.start is None else f"{self.start:%Y-%m}"


def spans(first: datetime, until: datetime) -> list[Span]:
    """Return all time up to `until`: what was before the month of `first`, then month by month.

    Examples
    --------
    >>> found = spans(datetime(2025, 12, 24, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC))
    >>> [(one.name, f"{one.end:%m-%d}") for one in found]
    [('', '12-01'), ('2025-12', '01-01'), ('2026-01', '02-01'), ('2026-02', '02-03')]
    """
    start = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [Span(None, start)]
    while start < until:
        year, month = divmod(start.year * 12 + start.month, 12)
        following = start.replace(year=year, month=month + 1)
        found.append(Span(start, min(following, until)))
        start = following
    return found


def different(
    session: Session, shop_id: int, connector: Dated, until: datetime
) -> list[tuple[Span, Month]]:
    """Return the months that differ among orders placed before `until`.

    Where a shop shows the last 60 days only, what was before is empty there and its first month is
    cut: of these nothing is told.

    Raises
    ------
    ConnectorError
    """
    mine = Order.shop_id == shop_id, Order.content_hash != ""
    first = session.exec(select(func.min(Order.placed_at)).where(*mine)).one()
    if first is None:
        return []
    found: list[tuple[Span, Month]] = []
    is_before, is_hidden = True, False
    for span in spans(first, until):
        query = select(func.count()).where(*mine, Order.placed_at < span.end)
        if span.start is not None:
            query = query.where(Order.placed_at >= span.start)
        here = session.exec(query.select_from(Order)).one()
        there = connector.count_between(span.start, span.end)
        if is_before and there == 0:
            is_hidden = is_hidden or here > 0
            continue
        is_cut = is_before and is_hidden and there < here
        is_before = False
        if there != here and not is_cut:
            found.append((span, Month(month=span.name, there=there, here=here)))
    return found


def has_surplus(found: Sequence[tuple[Span, Month]]) -> bool:
    """Tell whether orders are here that the shop may have deleted."""
    return any(month.here > month.there for _, month in found)


def not_yet_told(
    found: Sequence[tuple[Span, Month]], before: Sequence[Mapping[str, Any]]
) -> list[tuple[Span, Month]]:
    """Return the months that do not differ as they did after the night before."""
    known = {(one["month"], one["there"], one["here"] + one["added"]) for one in before}
    return [(span, m) for span, m in found if (m.month, m.there, m.here) not in known]
