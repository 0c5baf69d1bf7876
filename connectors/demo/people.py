"""The sample shop's customers: who they are, what they like and how they are known.

Everything here is a cause of the history; what follows from it is in `history`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.demo.catalogue import NEVER, Bools, Floats, Ints
from connectors.demo.needs import BUSINESS, CASUAL, MEN, MIXED, WOMEN
from connectors.demo.words import CITIES, COLOURS, FIRST_NAMES, LAST_NAMES

#: Buys for men, for women, or for both in the house.
BOTH = 2

#: Business accounts beside the people, and how many of them say so.
BUSINESSES = 60
DECLARED_BUSINESSES = 2 / 3

#: Share of customers who leave for good each year, and of those who do after the first order.
LEAVING_A_YEAR = 0.045
LEAVING_AT_ONCE = 0.08

#: Spread of the personal pace: standard deviation of its logarithm.
PACE_SPREAD = 0.12


@dataclass(frozen=True)
class People:
    """Columns of n people. Days count from the first day of the shop's data."""

    #: MEN, WOMEN or BOTH: whose clothes are bought, apart from gifts.
    department: Ints
    #: The person's own; department of the first name.
    gender: Ints
    style: Ints
    #: First order; below zero for customers from before the data.
    arrived: Ints
    #: From this day on the person buys nothing any more.
    leaves: Ints
    #: Factor on all intervals of the person.
    pace: Floats
    #: Log of what is paid relative to the usual price.
    level: Floats
    #: (n, 2) place in the size run, 0 to 1: own, and of the partner.
    size: Floats
    colour: Ints
    #: Share of the orders placed on the web; 0 and 1 mean that the other source is unknown.
    web_share: Floats
    #: Has an account at the web shop; the others order there as guests.
    has_account: Bools
    household: Ints
    first_name: Ints
    last_name: Ints
    city: Ints
    street_code: Ints
    birth_day: Ints
    #: Known at the web shop and at the till; the flags below are about the card.
    card_email: Bools
    card_phone: Bools
    card_in_account: Bools
    web_phone: Bools
    #: Another last name on the card: married since.
    card_last_name: Ints
    #: Whose phone it is: a household may share one.
    phone_owner: Ints

    @property
    def count(self) -> int:
        return self.department.size

    @property
    def on_web(self) -> Bools:
        return self.web_share > 0

    @property
    def has_card(self) -> Bools:
        return self.web_share < 1


def generate(rng: np.random.Generator, count: int, days: int) -> People:
    """Return `count` people for `days` days of trade."""
    department = rng.choice([MEN, WOMEN, BOTH], count, p=[0.41, 0.48, 0.11])
    gender = np.where(department == BOTH, rng.integers(0, 2, count), department)
    # A few buy only for the partner; taste follows the purchases, not the person.
    gender = np.where(rng.random(count) < 0.04, 1 - gender, gender)
    household = _households(rng, count)
    head = household  # the index of the first person of the household
    arrived = _arrivals(rng, count, days)
    last_name = rng.integers(0, len(LAST_NAMES), count)
    last_name = np.where(rng.random(count) < 0.6, last_name[head], last_name)
    married = (gender == WOMEN) & (rng.random(count) < 0.03)
    return People(
        department=department,
        gender=gender,
        style=rng.choice([BUSINESS, CASUAL, MIXED], count, p=[0.32, 0.40, 0.28]),
        arrived=arrived,
        leaves=_leaving(rng, arrived),
        pace=np.exp(rng.normal(0, PACE_SPREAD, count)),
        level=rng.normal(0, 0.22, count),
        size=np.clip(rng.normal(0.5, 0.2, (count, 2)), 0.0, 0.999),
        colour=rng.integers(0, len(COLOURS), count),
        web_share=_channels(rng, count),
        has_account=rng.random(count) < 0.85,
        household=household,
        first_name=rng.integers(0, len(FIRST_NAMES[0]), count),
        last_name=last_name,
        city=rng.integers(0, len(CITIES), count)[head],
        street_code=rng.integers(0, 100 * 26 * 26, count)[head],
        birth_day=rng.integers(-32_000, -9_000, count),
        card_last_name=np.where(married, (last_name + 7) % len(LAST_NAMES), last_name),
        phone_owner=np.where(rng.random(count) < 0.2, head, np.arange(count)),
        **_contacts(rng, count),
    )


def _households(rng: np.random.Generator, count: int) -> Ints:
    """Return the first person of each one's household: 24% of people live with another one."""
    paired = rng.permutation(count)[: count * 24 // 100 // 2 * 2].reshape(-1, 2)
    household = np.arange(count)
    household[paired.max(axis=1)] = paired.min(axis=1)
    return household


def _arrivals(rng: np.random.Generator, count: int, days: int) -> Ints:
    old = rng.random(count) < 0.35
    arrived: Ints = np.where(old, rng.integers(-700, 0, count), rng.integers(0, days, count))
    return arrived


def _leaving(rng: np.random.Generator, arrived: Ints) -> Ints:
    """Return the day each leaves; those from before the data have proved that they stay."""
    stays = rng.exponential(365 / LEAVING_A_YEAR, arrived.size)
    at_once = (arrived >= 0) & (rng.random(arrived.size) < LEAVING_AT_ONCE)
    leaves = np.where(at_once, arrived + 1, np.maximum(arrived, 0) + 30 + stays)
    return np.minimum(leaves, NEVER).astype(np.int64)


def _channels(rng: np.random.Generator, count: int) -> Floats:
    both = rng.uniform(0.25, 0.75, count)
    kind = rng.choice(3, count, p=[0.44, 0.26, 0.30])
    return np.choose(kind, [np.ones(count), np.zeros(count), both])


def _contacts(rng: np.random.Generator, count: int) -> dict[str, Bools]:
    """Return what each source knows; most people known to both can be recognised."""
    card_email = rng.random(count) < 0.68
    # Someone who gave no e-mail at the till was usually asked for a phone number.
    card_phone = rng.random(count) < np.where(card_email, 0.5, 0.85)
    return {
        "card_email": card_email,
        "card_phone": card_phone,
        "card_in_account": rng.random(count) < 0.45,
        "web_phone": rng.random(count) < 0.6,
    }
