"""The generated shop as a whole: one seed in, everything that ever happened out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from connectors.demo import catalogue, crossings, history, mail, orders, people
from connectors.demo.catalogue import Catalogue, Ints
from connectors.demo.history import Purchases
from connectors.demo.mail import Mail
from connectors.demo.orders import Trade
from connectors.demo.people import People

YEARS = 6
#: The data end on the evening before this day, unless told otherwise.
AS_OF = date(2026, 11, 1)
SEED = 7
CUSTOMERS = 20_000
TIME_ZONE = "Europe/Amsterdam"
#: Products and customers may be older than the data, by at most so many days.
BEFORE = 800


@dataclass(frozen=True)
class World:
    """Everything generated, in columns; days count from `start`."""

    start: date
    days: int
    people: People
    catalogue: Catalogue
    purchases: Purchases
    mail: Mail
    trade: Trade

    @cached_property
    def _midnights(self) -> Ints:
        """Seconds since 1970 at which the clock of each day would have started, by its noon."""
        zone = ZoneInfo(TIME_ZONE)
        first = self.start - timedelta(days=BEFORE)
        noons = (
            datetime.combine(first + timedelta(days=i), time(12), zone)
            for i in range(BEFORE + self.days + 60)
        )
        return np.array([int(noon.timestamp()) - 12 * 3600 for noon in noons])

    def moments(self, day: Ints, second: Ints) -> list[datetime]:
        """Return shop days with seconds of local time (from 4:00 on) as moments in UTC."""
        stamps = (self._midnights[day + BEFORE] + second).tolist()
        return [datetime.fromtimestamp(stamp, UTC) for stamp in stamps]

    def moment(self, day: int, second: int) -> datetime:
        """Return one such moment."""
        return self.moments(np.array([day]), np.array([second]))[0]


@lru_cache(maxsize=3)
def world(*, seed: int, customers: int, as_of: date) -> World:
    """Return the shop of `customers` people in the six years that end before `as_of`."""
    start = _years_before(as_of, YEARS)
    days = (as_of - start).days
    # A generator for each part, so that a change in one leaves the others as they were.
    parts = [np.random.default_rng([seed, part]) for part in range(6)]
    everyone = people.generate(parts[0], customers, days)
    products = catalogue.generate(parts[1], days)
    purchases = history.generate(parts[2], everyone, days)
    letters = mail.generate(parts[3], everyone, days)
    crossed = crossings.generate(parts[5], everyone, purchases, days)
    trade = orders.generate(
        parts[4],
        everyone,
        products,
        purchases,
        (letters.caused_person, letters.caused_day),
        orders.crossed(parts[5], everyone, products, crossed),
        days=days,
        decembers=_decembers(start, as_of),
    )
    return World(start, days, everyone, products, purchases, letters, trade)


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _decembers(start: date, end: date) -> Ints:
    firsts = (date(year, 12, 1) for year in range(start.year, end.year + 1))
    return np.array([(first - start).days for first in firsts if start <= first < end])
