"""What is bought because of something else: a share of first buyers of one need takes another.

Only people without a rhythm of their own for the other need do, so that rhythms stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.demo import history
from connectors.demo.catalogue import Ints
from connectors.demo.history import Purchases
from connectors.demo.needs import NEEDS
from connectors.demo.people import People

#: Days after the first purchase, the first and the last.
SOONEST, LATEST = 5, 60


@dataclass(frozen=True, slots=True)
class Crossing:
    """After the first `before`, a share of those who never buy `then` otherwise buys one."""

    before: str
    then: str
    share: float


CROSSINGS = (
    Crossing("suits", "shirts", 0.35),
    Crossing("dresses", "tights", 0.25),
    Crossing("jeans", "sneakers", 0.25),
    Crossing("trousers", "shoes", 0.25),
)


@dataclass(frozen=True)
class Crossed:
    """Columns of n purchases, each caused by another one."""

    person: Ints
    need: Ints
    department: Ints
    day: Ints


def generate(rng: np.random.Generator, people: People, purchases: Purchases, days: int) -> Crossed:
    """Return what is bought because of something else within `days` days."""
    keys = [need.key for need in NEEDS]
    parts = [
        _one(rng, people, purchases, keys.index(one.before), keys.index(one.then), one.share)
        for one in CROSSINGS
    ]
    person, need, department, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    there = (day < days) & (day < people.leaves[person])
    return Crossed(person[there], need[there], department[there], day[there])


def _one(
    rng: np.random.Generator,
    people: People,
    purchases: Purchases,
    before: int,
    then: int,
    share: float,
) -> tuple[Ints, Ints, Ints, Ints]:
    # In the order of person, need and day: the first row of a person is the first purchase.
    bought = purchases.take(purchases.need == before)
    person, first = np.unique(bought.person, return_index=True)
    able = ~np.isin(person, purchases.person[purchases.need == then])
    chosen = able & (rng.random(person.size) < share)
    wait = rng.integers(SOONEST, LATEST + 1, person.size)
    first = first[chosen]
    need = np.full(first.size, then)
    department = history.department_of(need, _preferred(people, bought.take(first)))
    return person[chosen], need, department, bought.day[first] + wait[chosen]


def _preferred(people: People, bought: Purchases) -> Ints:
    """Return for whom it was: the department, or the person's own where that tells nobody."""
    preferred: Ints = np.where(
        bought.department < 2, bought.department, people.gender[bought.person]
    )
    return preferred
