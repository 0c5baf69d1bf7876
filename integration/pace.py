"""How fast a reading goes, and how long the rest will take; not told where it is not known.

How many records a stream has, and how many have come, stands in the cursor of a reading that is
under way (see `connectors.records.Cursor`). When they came is noted with each page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from integration.tables import ImportRun, SyncState

#: Seconds that the rate is a mean of; two notes lie at least so many seconds apart.
_WINDOW_S, _APART_S = 90.0, 5.0
#: Streams of which nothing came yet leave the time unknown, unless they are so little of the rest.
_LITTLE = 0.05


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one stream is."""

    stream: str
    read: int
    #: As many as there were when the reading began.
    total: int
    #: Records a second of late; None before that is known.
    per_second: float | None

    @property
    def to_come(self) -> int:
        """How many are still to be read."""
        return max(self.total - self.read, 0)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def noted(marks: Sequence[tuple[str, int]], read: int, now: datetime) -> list[tuple[str, int]]:
    """Return the moments at which so many records had come, this one among them.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    >>> noted([("2026-11-01T11:59:00+00:00", 0)], 600, at)
    [('2026-11-01T11:59:00+00:00', 0), ('2026-11-01T12:00:00+00:00', 600)]
    """
    kept = [(at, count) for at, count in marks if _since(at, now) <= _WINDOW_S]
    if len(kept) > 1 and _since(kept[-2][0], now) < _APART_S:
        kept.pop()
    return [*kept, (now.isoformat(), read)]


def rate(marks: Sequence[tuple[str, int]], now: datetime) -> float | None:
    """Return records a second up to now; None before enough has come to tell.

    While nothing comes, as when the shop makes an export, it falls.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    >>> rate([("2026-11-01T11:59:00+00:00", 0), ("2026-11-01T11:59:50+00:00", 600)], at)
    10.0
    >>> rate([("2026-11-01T11:59:00+00:00", 0)], at) is None
    True
    """
    if len(marks) < 2 or _since(marks[-1][0], now) > _WINDOW_S:
        return None
    came, took = marks[-1][1] - marks[0][1], _since(marks[0][0], now)
    return came / took if came > 0 and took > 0 else None


def progress(session: Session, run: ImportRun, now: datetime) -> list[Progress]:
    """Return how far the streams of a reading are that are not read to their end."""
    query = select(SyncState).where(
        SyncState.shop_id == run.shop_id, col(SyncState.complete).is_(False)
    )
    found = []
    for state in session.exec(query.order_by(col(SyncState.id))):
        total, read = counted(state.cursor)
        if total is not None:
            per_second = rate(run.pace.get(state.stream, ()), now)
            found.append(
                Progress(stream=state.stream, read=read, total=total, per_second=per_second)
            )
    return found


def counted(cursor: Mapping[str, Any] | None) -> tuple[int | None, int]:
    """Return how many records a reading is of, None where that is not known, and have come."""
    found = cursor or {}
    return found.get("total") or None, found.get("read") or 0


def share(run: ImportRun, streams: Sequence[Progress]) -> float | None:
    """Return the share of a reading that has come, 0 to 1; None where no stream tells how much.

    A stream that is read to its end is no longer among `streams`: what the reading counted of it
    stands for it.
    """
    if not streams:
        return None
    under_way = {one.stream for one in streams}
    over = sum(run.counters.get(f"{name} read", 0) for name in run.pace if name not in under_way)
    came = over + sum(one.read for one in streams)
    to_come = sum(one.to_come for one in streams)
    return min(came / (came + to_come), 0.999) if came + to_come else None


def left_s(streams: Sequence[Progress]) -> float | None:
    """Return the seconds until all streams are read; None while that is not known.

    Examples
    --------
    >>> orders = Progress(stream="orders", read=100, total=1300, per_second=20.0)
    >>> carts = Progress(stream="carts", read=0, total=9, per_second=None)
    >>> left_s([orders, carts])
    60.0
    >>> left_s([carts]) is None
    True
    """
    to_come = sum(one.to_come for one in streams)
    unknown = sum(one.to_come for one in streams if one.per_second is None)
    if not to_come or unknown > _LITTLE * to_come:
        return None
    return sum(one.to_come / one.per_second for one in streams if one.per_second)


def in_words(one: Progress, left: float | None) -> str:
    """Return how far a stream is, for the command line.

    Examples
    --------
    >>> in_words(Progress(stream="orders", read=12_400, total=86_000, per_second=310.2), 237.0)
    '12,400 of 86,000 orders, 310 a second, about 4 minutes left'
    """
    words = [f"{one.read:,} of {one.total:,} {one.stream}"]
    if one.per_second is not None:
        words.append(f"{one.per_second:,.0f} a second")
    return ", ".join(words) + time_left(left)


def time_left(seconds: float | None) -> str:
    """Return the end of such a sentence; nothing where the time is not known."""
    if seconds is None:
        return ""
    amount, unit = rounded(seconds)
    return f", about {amount} {unit if amount != 1 else unit[:-1]} left"


def rounded(seconds: float) -> tuple[int, str]:
    """Return a time as precisely as it deserves: a number of "seconds", "minutes" or "hours".

    Examples
    --------
    >>> [rounded(n) for n in (4, 83, 5400, 20000)]
    [(5, 'seconds'), (1, 'minutes'), (90, 'minutes'), (6, 'hours')]
    """
    if seconds < 55:
        return max(5, round(seconds / 5) * 5), "seconds"
    return (round(seconds / 60), "minutes") if seconds < 7_000 else (round(seconds / 3600), "hours")


def _since(at: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(at)).total_seconds()
