"""When a rule writes: a weekday and an hour of the shop's day, prepared some hours ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

#: A run is scheduled so long before it goes out: time to look at it and stop it.
AHEAD = timedelta(hours=4)
#: What is left of that at least; after that a run is not made any more.
LEAST = timedelta(hours=2)
#: Mailchimp sends on quarters of an hour.
QUARTER_MIN = 15


def next_slot(after: datetime, weekday: int, hour: int, zone: str) -> datetime:
    """Return the first moment after `after` that is this weekday and hour there, UTC.

    An hour that the clocks skip in spring is the one after it; of one that comes twice in autumn
    the first counts.

    Examples
    --------
    >>> next_slot(datetime(2026, 3, 23, 12, tzinfo=UTC), 6, 9, "Europe/Amsterdam").isoformat()
    '2026-03-29T07:00:00+00:00'
    >>> next_slot(datetime(2026, 3, 23, 12, tzinfo=UTC), 6, 2, "Europe/Amsterdam").isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    local = ZoneInfo(zone)
    day = after.astimezone(local).date()
    day += timedelta(days=(weekday - day.weekday()) % 7)
    while True:
        at = datetime(day.year, day.month, day.day, hour, tzinfo=local)
        slot = quarter(at.astimezone(UTC))
        if slot > after:
            return slot
        day += timedelta(days=7)


def due_slot(now: datetime, weekday: int, hour: int, zone: str) -> datetime | None:
    """Return the moment a run is to be made for now, None outside the hours before it.

    Examples
    --------
    >>> monday = datetime(2026, 3, 23, 4, 30, tzinfo=UTC)
    >>> due_slot(monday, 0, 9, "Europe/Amsterdam").isoformat()
    '2026-03-23T08:00:00+00:00'
    >>> due_slot(monday.replace(hour=3), 0, 9, "Europe/Amsterdam") is None
    True
    """
    slot = next_slot(now + LEAST - timedelta.resolution, weekday, hour, zone)
    return slot if slot - now <= AHEAD else None


def quarter(moment: datetime) -> datetime:
    """Return the first quarter of an hour that is not before a moment.

    Examples
    --------
    >>> quarter(datetime(2026, 3, 23, 8, 46, tzinfo=UTC)).isoformat()
    '2026-03-23T09:00:00+00:00'
    """
    whole = moment.replace(second=0, microsecond=0)
    if whole < moment:
        whole += timedelta(minutes=1)
    return whole + timedelta(minutes=-whole.minute % QUARTER_MIN)


def send_at(slot: datetime, now: datetime) -> datetime:
    """Return when a run goes out: at its moment, or hours from now where that is over.

    Examples
    --------
    >>> slot = datetime(2026, 3, 23, 8, tzinfo=UTC)
    >>> send_at(slot, slot - AHEAD) == slot, send_at(slot, slot).isoformat()
    (True, '2026-03-23T12:00:00+00:00')
    """
    return slot if slot - now >= LEAST else quarter(now + AHEAD)
