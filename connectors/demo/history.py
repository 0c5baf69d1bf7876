"""When each person needs what: a renewal process per person and need, the truth of the shop.

A pair of person and need has a *rhythm*: the need's life, times the person's pace, times the
pair's own factor. Each interval is log-normal around the rhythm, with `WITHIN` as the standard
deviation of its logarithm. Purchases end when the person leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.demo.catalogue import Bools, Floats, Ints
from connectors.demo.needs import BUSINESS, CASUAL, MEN, NEEDS, UNISEX, WOMEN
from connectors.demo.people import BOTH, People

#: Standard deviation of the log interval within a pair, and of the pair's own factor.
WITHIN = 0.25
PAIR_SPREAD = 0.12
#: People wait until there is more to buy: at most about this many days.
BUNDLE_DAYS = 18
#: Mild seasons: purchases move by up to this many days, a rate of +-14%.
SEASON_DAYS = 8.0

#: Needs of one person, at most.
_MOST = 8
_FITS = np.array([[d in need.departments for d in range(3)] for need in NEEDS])


@dataclass(frozen=True)
class Purchases:
    """Columns of n purchases of a need, in the order of person, need and day."""

    person: Ints
    need: Ints
    department: Ints
    #: Day of the purchase; may lie after the last day of the data (the future).
    day: Ints
    #: Days that the need will last this time, as drawn, whether or not anybody sees the end.
    lasts: Floats

    def take(self, index: Ints | Bools) -> Purchases:
        return Purchases(
            self.person[index],
            self.need[index],
            self.department[index],
            self.day[index],
            self.lasts[index],
        )


def generate(rng: np.random.Generator, people: People, days: int) -> Purchases:
    """Return every true purchase up to the first one at or after day `days` of each pair."""
    person, need, department = _pairs(rng, people)
    lives = np.array([one.life_days for one in NEEDS], dtype=np.float64)
    own = np.exp(rng.normal(0, PAIR_SPREAD, person.size))
    rhythm = lives[need] * people.pace[person] * own
    pair, at, lasts = _renew(rng, rhythm, _first_days(rng, people, person, rhythm), days)
    day = _bundled(rng, person[pair], _seasonal(at))
    stays = day < people.leaves[person[pair]]
    every = Purchases(person[pair], need[pair], department[pair], day, lasts).take(stays)
    return every.take(np.lexsort((every.day, every.need, every.person)))


def department_of(need: Ints, preferred: Ints) -> Ints:
    """Return the department a need is bought in: the preferred one, where it exists."""
    other = np.where(_FITS[need, 1 - preferred], 1 - preferred, UNISEX)
    department: Ints = np.where(_FITS[need, preferred], preferred, other)
    return department


def _pairs(rng: np.random.Generator, people: People) -> tuple[Ints, Ints, Ints]:
    """Return who has which need here, and for which department: the most wanted need first."""
    both = people.department == BOTH
    liked = _liking(rng, people)
    # A house of two buys each need for one of them only, so that rhythms stay readable.
    for_women = rng.random(liked.shape) < 0.5
    women = _FITS[:, WOMEN] & (for_women | ~_FITS[:, MEN])
    men = _FITS[:, MEN] & ~women
    unisex = _FITS[:, UNISEX]
    of_men = _best(liked, np.where(both[:, None], men | unisex, _FITS[:, MEN] | unisex))
    of_women = _best(liked, np.where(both[:, None], women, _FITS[:, WOMEN] | unisex))
    ranked = np.where((people.department == MEN)[:, None], of_men, of_women)
    ranked[both, 0::2], ranked[both, 1::2] = of_men[both, :4], of_women[both, :4]
    number = np.minimum(1 + both + rng.poisson(0.9, people.count), _MOST)
    person, rank = np.nonzero(np.arange(_MOST) < number[:, None])
    need = ranked[person, rank]
    preferred = np.where(both[person], rank % 2, people.department[person])
    return person, need, department_of(need, preferred)


def _liking(rng: np.random.Generator, people: People) -> Floats:
    """Return an (n, needs) matrix: the higher, the sooner the person has that need here."""
    weight = np.array([one.weight for one in NEEDS])
    style = np.array([one.style for one in NEEDS])
    factor = np.ones((3, len(NEEDS)))
    factor[BUSINESS, style == BUSINESS], factor[BUSINESS, style == CASUAL] = 5.0, 0.3
    factor[CASUAL, style == CASUAL], factor[CASUAL, style == BUSINESS] = 3.0, 0.12
    # Gumbel noise makes the k best a weighted draw without replacement (Vieira 2014).
    noise = rng.gumbel(size=(people.count, len(NEEDS)))
    liked: Floats = np.log(weight * factor)[people.style] + noise
    return liked


def _best(liked: Floats, fits: Bools) -> Ints:
    return np.argsort(-np.where(fits, liked, -np.inf), axis=1)[:, :_MOST]


def _first_days(rng: np.random.Generator, people: People, person: Ints, rhythm: Floats) -> Floats:
    """Return the first purchase of each pair: on arrival for the first need, else a while later."""
    later = np.maximum(people.arrived[person], 0) + rng.random(person.size) * rhythm
    new = np.concatenate([[True], person[1:] != person[:-1]])
    # Who buys for two starts with something for either.
    second = np.concatenate([[False], new[:-1]]) & ~new & (people.department[person] == BOTH)
    arrives = (new | second) & (people.arrived[person] >= 0)
    return np.where(arrives, people.arrived[person], later)


def _renew(
    rng: np.random.Generator, rhythm: Floats, first: Floats, days: int
) -> tuple[Ints, Floats, Floats]:
    """Return pair, day and length of every interval that starts by `days` or just after."""
    pair, at = np.arange(rhythm.size), first
    pairs, starts, lengths = [], [], []
    while pair.size:
        lasts = rhythm[pair] * np.exp(rng.normal(0, WITHIN, pair.size))
        pairs.append(pair)
        starts.append(at)
        lengths.append(lasts)
        # Past the end, because seasons and trips still move a purchase to either side of it.
        goes_on = at < days + 2 * BUNDLE_DAYS
        pair, at = pair[goes_on], (at + lasts)[goes_on]
    return np.concatenate(pairs), np.concatenate(starts), np.concatenate(lengths)


def _seasonal(at: Floats) -> Floats:
    shifted: Floats = at + SEASON_DAYS * np.sin(2 * np.pi * at / 365.25)
    return np.maximum(shifted, 0.0)


def _bundled(rng: np.random.Generator, person: Ints, at: Floats) -> Ints:
    """Return the day of the shopping trip on which each need is met: the last one's of a spell."""
    offset = rng.random(int(person.max()) + 1) * BUNDLE_DAYS
    spell = np.floor((at + offset[person]) / BUNDLE_DAYS).astype(np.int64)
    _, trip = np.unique(person * 1_000 + spell, return_inverse=True)
    last = np.zeros(int(trip.max()) + 1)
    np.maximum.at(last, trip, at)
    return np.floor(last[trip]).astype(np.int64)
