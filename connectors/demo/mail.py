"""Permission and e-mail in the sample shop: who agreed where, who was mailed, what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.demo.catalogue import NEVER, Bools, Ints
from connectors.demo.orders import CARD, WEB
from connectors.demo.people import People

#: Share of people who are never mailed, drawn by lot.
NEVER_MAILED = 0.10
#: Chance that an e-mail brings an order within EFFECT_DAYS that would not have been there.
EFFECT = 0.02
EFFECT_DAYS = 14
#: Days before the end of the data on which the shop wrote to everybody who agreed.
MAILINGS = (330, 240, 150, 60)

#: How a statement was made; index of the column `how`.
HOW = ("checkout", "newsletter form", "loyalty card", "unsubscribe link")
CHECKOUT, FORM, CARD_FORM, LINK = range(4)
CONFIRMED, DENIED = 0, 1

STATEMENT = np.dtype(
    [("person", "i8"), ("source", "i8"), ("day", "i8"), ("state", "i8"), ("how", "i8")]
)


@dataclass(frozen=True)
class Mail:
    """Statements in the order of time, and the e-mails sent to people of the web shop."""

    statements: NDArray[Any]
    #: Person and day of each e-mail, in the order of time.
    sent_person: Ints
    sent_day: Ints
    #: Person and day of each order that an e-mail caused.
    caused_person: Ints
    caused_day: Ints
    #: One per person: drawn to be never mailed.
    never_mailed: Bools


def generate(rng: np.random.Generator, people: People, days: int) -> Mail:
    """Return what was agreed and sent within `days` days."""
    statements = _statements(rng, people, days)
    never_mailed = rng.random(people.count) < NEVER_MAILED
    persons, when = [], []
    for before in sorted(MAILINGS, reverse=True):
        reached = mailable(statements, people.count, days - before)
        reached &= people.on_web & ~never_mailed & (people.arrived < days - before)
        persons.append(np.flatnonzero(reached))
        when.append(np.full(persons[-1].size, days - before))
    person, day = np.concatenate(persons), np.concatenate(when)
    order_day = day + rng.integers(0, EFFECT_DAYS, person.size)
    moved = (rng.random(person.size) < EFFECT) & (order_day < people.leaves[person])
    return Mail(statements, person, day, person[moved], order_day[moved], never_mailed)


def mailable(statements: NDArray[Any], count: int, day: int) -> Bools:
    """Return for each person: agreed somewhere before `day` and nowhere withdrew by then."""
    known = statements[statements["day"] < day]
    agreed = np.zeros(count, dtype=np.bool_)
    agreed[known["person"][known["state"] == CONFIRMED]] = True
    agreed[known["person"][known["state"] == DENIED]] = False
    return agreed


def _statements(rng: np.random.Generator, people: People, days: int) -> NDArray[Any]:
    everyone = np.arange(people.count)
    web = everyone[people.on_web & (rng.random(people.count) < 0.70)]
    card = everyone[people.has_card & (rng.random(people.count) < 0.60)]
    how_web = np.where(rng.random(web.size) < 0.82, CHECKOUT, FORM)
    given = np.concatenate(
        [
            _rows(web, WEB, np.zeros_like(web), CONFIRMED, how_web),
            _rows(card, CARD, np.zeros_like(card), CONFIRMED, np.full(card.size, CARD_FORM)),
        ]
    )
    since = np.maximum(people.arrived[given["person"]], 0)
    given["day"] = since + rng.integers(0, 40, given.size)
    refused = (given["source"] == CARD) & (rng.random(given.size) < 0.15)
    given["state"][refused] = DENIED
    # A withdrawal is made in one source; the other one never hears of it.
    gone = given[~refused & (rng.random(given.size) < 0.13)].copy()
    gone["state"], gone["how"] = DENIED, np.where(gone["source"] == WEB, LINK, CARD_FORM)
    gone["day"] += 20 + rng.integers(0, NEVER, gone.size) % np.maximum(days - gone["day"], 1)
    statements = np.concatenate([given, gone])
    statements = statements[statements["day"] < days]
    return statements[np.argsort(statements["day"], kind="stable")]


def _rows(person: Ints, source: int, day: Ints, state: int, how: Ints) -> NDArray[Any]:
    rows = np.zeros(person.size, dtype=STATEMENT)
    rows["person"], rows["source"], rows["day"] = person, source, day
    rows["state"], rows["how"] = state, how
    return rows
