"""Which part of a shop is to be read, cut into slices, and where a reading of it stands.

The cursor is small and plain: `since` is the moment up to which everything has been read. While a
reading is under way it holds as well

- `until`, the moment it began, which will be `since` after it: nothing that changes while it runs
  is passed over;
- `after`, Shopify's own cursor, where it goes by pages; or
- `slices`, newest first, each with the bulk operation that was started for it, and `done`, the
  records of the first slice that have been handed over.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

#: Read again on every run: some of Shopify's filters go by whole days.
LAG = timedelta(hours=24)
#: The first slice of a history: what segments are made of is here after minutes.
RECENT = timedelta(days=30)
#: Left checkouts are of use for a short while.
CARTS = timedelta(days=30)
#: Records a slice may have on the average; customers can be asked for by whole days only, so they
#: are never cut.
SLICES = {"orders": 20_000, "products": 50_000, "carts": 20_000}
#: Slices of orders at least, as long as each has so many: the last exports end about together, and
#: the first is here soon.
_PARTS, _LEAST = 24, 5_000
#: Of products, whose status has to be named, or only those for sale are listed.
_EVERY_STATUS = "status:active,archived,draft,unlisted"


@dataclass(kw_only=True, slots=True)
class Slice:
    """One span of time, from `start` up to `end`; None is open."""

    start: str | None
    end: str | None
    operation: str | None = None
    tries: int = 0


@dataclass(kw_only=True, slots=True)
class State:
    """Where the reading of a stream stands."""

    since: str | None
    until: str
    #: Records that were expected, and those handed over.
    total: int = 0
    read: int = 0
    after: str | None = None
    #: None: by pages.
    slices: list[Slice] | None = None
    done: int = 0

    @classmethod
    def of(cls, cursor: dict[str, Any]) -> State:
        """Return the state of a cursor that is under way."""
        slices = cursor.get("slices")
        values = {**cursor, "slices": slices and [Slice(**one) for one in slices]}
        return cls(**values)

    def cursor(self) -> dict[str, Any]:
        """Return what is stored."""
        return asdict(self)

    @property
    def progress(self) -> float:
        """The share that has been read, below 1 before the end."""
        return min(self.read / max(self.total, 1), 0.999)

    @property
    def known_since(self) -> datetime | None:
        """The moment from which a history is whole: where the slice begins that came before."""
        end = self.slices[0].end if self.since is None and self.slices else None
        return None if end is None else datetime.fromisoformat(end)


def window(stream: str, since: str | None, until: datetime) -> str:
    """Return the filter of what may have changed since; everything for None."""
    parts = [_EVERY_STATUS] if stream == "products" else []
    if since is not None:
        parts.append(f"updated_at:>='{stamp(datetime.fromisoformat(since) - LAG)}'")
    elif stream == "carts":
        parts.append(f"created_at:>='{stamp(until - CARTS)}'")
    return " ".join(parts)


def placed(start: datetime | None, end: datetime) -> str:
    """Return the filter of orders by when they were placed, which is not when they were made."""
    return within("processed_at", start, end)


def within(name: str, start: datetime | None, end: datetime) -> str:
    """Return the filter of what has a moment from `start` up to `end`."""
    since = [] if start is None else [f"{name}:>='{stamp(start)}'"]
    return " ".join([*since, f"{name}:<'{stamp(end)}'"])


def lately(now: datetime) -> str:
    """Return the filter of what a webhook may be about: Shopify tries to bring it for hours."""
    return f"updated_at:>='{stamp(now - LAG)}'"


def slice_filter(stream: str, state: State, part: Slice) -> str:
    """Return the filter of one slice."""
    name = field_of(state.since)
    parts = [_EVERY_STATUS] if stream == "products" else []
    if part.start is not None:
        parts.append(f"{name}:>='{part.start}'")
    if part.end is not None:
        parts.append(f"{name}:<'{part.end}'")
    return " ".join(parts)


def field_of(since: str | None) -> str:
    """Return the field that slices go by: a history by when, changes by when they changed."""
    return "created_at" if since is None else "updated_at"


def cut(
    stream: str, since: str | None, oldest: datetime, until: datetime, total: int
) -> list[Slice]:
    """Return slices from the newest to the oldest, which together are everything.

    Parameters
    ----------
    oldest
        The moment of the first record; the last slice is open before it where nothing else ends it.
    """
    bounds = []
    newest = until
    if since is None and stream == "orders" and oldest < until - 2 * RECENT:
        newest = until - RECENT
        bounds.append(newest)
    parts = max(1, -(-total // SLICES.get(stream, max(total, 1))))
    if stream == "orders":
        parts = max(parts, min(_PARTS, total // _LEAST))
    step = (newest - oldest) / parts
    bounds += [newest - step * nth for nth in range(1, parts)]
    marks: list[str | None] = [None, *map(stamp, bounds), _first(stream, since, oldest)]
    return [Slice(start=start, end=end) for end, start in pairwise(marks)]


def _first(stream: str, since: str | None, oldest: datetime) -> str | None:
    # Of a history nothing is older; of changes and checkouts only the recent are wanted.
    return None if since is None and stream != "carts" else stamp(oldest)


def halves(stream: str, part: Slice, oldest: datetime, until: datetime) -> list[Slice]:
    """Return a slice as two of half its span; itself where it cannot be cut."""
    start = datetime.fromisoformat(part.start) if part.start else oldest
    end = datetime.fromisoformat(part.end) if part.end else until
    if end - start < timedelta(hours=1) or stream not in SLICES:
        return [part]
    middle = stamp(start + (end - start) / 2)
    return [Slice(start=middle, end=part.end), Slice(start=part.start, end=middle)]


def stamp(moment: datetime) -> str:
    """Return a moment as a filter wants it, to the second.

    Examples
    --------
    >>> from datetime import UTC
    >>> stamp(datetime(2026, 11, 1, 8, 30, 15, 999, tzinfo=UTC))
    '2026-11-01T08:30:15Z'
    """
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
