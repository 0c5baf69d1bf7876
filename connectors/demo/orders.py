"""From needs to orders: trips, gifts, returns, exchanges, strangers and business accounts.

Orders and lines are structured arrays; a line points at its order by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.demo import catalogue as goods
from connectors.demo import history
from connectors.demo.catalogue import Catalogue, Floats, Ints
from connectors.demo.crossings import Crossed
from connectors.demo.history import Purchases
from connectors.demo.needs import NEEDS
from connectors.demo.people import BOTH, BUSINESSES, People
from connectors.demo.words import COLOURS, STORES

#: Sources, also the channel of the order.
WEB, CARD = 0, 1
#: Order states; the newest web orders are still open.
PAID, CANCELLED, TEST, OPEN = 0, 1, 2, 3
#: In place of a person: somebody at the till without a card, and the merchant testing.
WALK_IN, TESTER = -1, -2


class Kind(IntEnum):
    """Why a line exists; truth, never told by the connector."""

    OWN = 0
    GIFT = 1
    #: Bought because an e-mail was sent.
    MAILED = 2
    #: Taken along in a second size or colour, and sent back.
    TRIED = 3
    #: Wrong size: came back for the `REPLACEMENT`.
    EXCHANGED = 4
    REPLACEMENT = 5
    FREE = 6
    #: A line below zero on a receipt.
    RETURNED = 7
    WHOLESALE = 8
    STRANGER = 9
    #: Bought because of something else: no need that returns.
    CROSSED = 10


ORDER = np.dtype(
    [
        ("person", "i8"), ("day", "i8"), ("second", "i8"), ("source", "i8"), ("status", "i8"),
        ("to_other", "?"), ("guest", "?"), ("store", "i8"), ("shipping", "i8"),
    ]
)  # fmt: skip
LINE = np.dtype(
    [
        ("order", "i8"), ("kind", "i8"), ("need", "i8"), ("department", "i8"), ("product", "i8"),
        ("colour", "i8"), ("size", "i8"), ("quantity", "i8"), ("total", "i8"), ("discount", "i8"),
        ("gift", "?"), ("returned", "i8"), ("origin", "i8"),
    ]
)  # fmt: skip
Rows: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Draft:
    """Orders with their lines, before they are put in one row."""

    orders: Rows
    lines: Rows


@dataclass(frozen=True)
class Trade:
    """What was bought: `orders` in the order of time, `lines` in the order of orders.

    A line's `total` and `discount` are euro cents, below zero for a return. `returned` is the day
    it came back (-1: kept), `origin` the line that a return or replacement belongs to (-1: none).
    """

    orders: Rows
    lines: Rows


def generate(
    rng: np.random.Generator,
    people: People,
    catalogue: Catalogue,
    purchases: Purchases,
    mailed: tuple[Ints, Ints],
    crossed: Draft,
    *,
    days: int,
    decembers: Ints,
) -> Trade:
    """Return the trade of `days` days.

    `mailed` are person and day of orders that an e-mail caused, `crossed` orders from `crossed()`,
    `decembers` the first days of that month.
    """
    drafts = [
        _own(rng, people, purchases.take(purchases.day < days)),
        _gifts(rng, people, days, decembers),
        _mailed(rng, people, *mailed),
        _strangers(rng, people.count, days),
        _wholesale(rng, people, days),
    ]
    draft = _joined(drafts)
    _dress(rng, people, catalogue, draft)
    draft = _with_tried(rng, draft, days)
    draft = _with_exchanges(rng, draft, days)
    draft = _with_store_returns(draft)
    draft = _with_failed(rng, draft)
    draft = _with_free(rng, draft)
    return _sorted(_joined([draft, crossed]), days)


def crossed(
    rng: np.random.Generator, people: People, catalogue: Catalogue, bought: Crossed
) -> Draft:
    """Return an order for each purchase that another one caused; nothing of it is sent back."""
    lines = _lines(np.arange(bought.day.size), Kind.CROSSED, bought.need, bought.department)
    draft = Draft(_orders(rng, people, bought.person, bought.day), lines)
    _dress(rng, people, catalogue, draft)
    return draft


def _own(rng: np.random.Generator, people: People, purchases: Purchases) -> Draft:
    """Trips of the people themselves: everything of one day is one order."""
    further = np.array([one.further for one in NEEDS])[purchases.need]
    copies = 1 + np.minimum(rng.poisson(further), 3)
    index = np.repeat(np.arange(copies.size), copies)
    key = purchases.person * 10_000 + purchases.day
    _, first, order = np.unique(key, return_index=True, return_inverse=True)
    orders = _orders(rng, people, purchases.person[first], purchases.day[first])
    lines = _lines(order[index], Kind.OWN, purchases.need[index], purchases.department[index])
    return Draft(orders, lines)


def _gifts(rng: np.random.Generator, people: People, days: int, decembers: Ints) -> Draft:
    """Presents of December; the shop is told of most of them, by line or by address."""
    person, year = np.nonzero(rng.random((people.count, decembers.size)) < 0.14)
    day = decembers[year] + rng.integers(1, 23, person.size)
    there = (day >= np.maximum(people.arrived[person], 0)) & (day < people.leaves[person])
    person, day = person[there & (day < days)], day[there & (day < days)]
    chance = np.array([one.gift for one in NEEDS])
    need = rng.choice(len(NEEDS), person.size, p=chance / chance.sum())
    other = rng.random(person.size) < 0.7
    receiver = np.where(other, 1 - people.gender[person], people.gender[person])
    orders = _orders(rng, people, person, day)
    lines = _lines(np.arange(person.size), Kind.GIFT, need, history.department_of(need, receiver))
    lines["gift"] = rng.random(person.size) < 0.7
    orders["to_other"] = (orders["source"] == WEB) & (rng.random(person.size) < 0.6)
    return Draft(orders, lines)


def _mailed(rng: np.random.Generator, people: People, person: Ints, day: Ints) -> Draft:
    """Orders that would not be there without an e-mail: something the person has no rhythm for."""
    chance = np.array([one.weight for one in NEEDS])
    need = rng.choice(len(NEEDS), person.size, p=chance / chance.sum())
    taste = people.department[person]
    preferred = np.where(taste == BOTH, people.gender[person], taste)
    orders = _orders(rng, people, person, day)
    orders["source"] = WEB
    lines = _lines(
        np.arange(person.size), Kind.MAILED, need, history.department_of(need, preferred)
    )
    # A man is not mailed into a dress: what his department does not have becomes a bag or scarf.
    foreign = (lines["department"] != preferred) & (taste != BOTH)
    accessories = np.flatnonzero([2 in one.departments for one in NEEDS])
    lines["need"][foreign] = rng.choice(accessories, int(foreign.sum()))
    lines["department"][foreign] = 2
    return Draft(orders, lines)


def _strangers(rng: np.random.Generator, people: int, days: int) -> Draft:
    """Receipts of people who never said who they are."""
    count = people // 4
    orders = _blank(ORDER, count)
    orders["person"], orders["source"] = WALK_IN, CARD
    orders["day"] = rng.integers(0, days, count)
    need = rng.integers(0, len(NEEDS), count)
    department = history.department_of(need, rng.integers(0, 2, count))
    return Draft(orders, _lines(np.arange(count), Kind.STRANGER, need, department))


def _wholesale(rng: np.random.Generator, people: People, days: int) -> Draft:
    """Orders of business accounts, numbered after the people: regular and by the dozen."""
    accounts = np.arange(people.count, people.count + businesses(people.count))
    rhythm = rng.integers(18, 60, accounts.size)
    start = rng.integers(0, days // 2, accounts.size)
    person, nth = np.nonzero(np.arange(days // 18) < ((days - start) // rhythm)[:, None])
    # Begun a rhythm later: the last order is then within one of the last day, and nobody is late.
    day = start[person] + (nth + 1) * rhythm[person] + rng.integers(-3, 4, person.size)
    orders = _blank(ORDER, person.size)
    orders["person"], orders["day"] = accounts[person], np.clip(day, 0, days - 1)
    size = rng.integers(2, 7, person.size)
    order = np.repeat(np.arange(person.size), size)
    # Six needs of its own for each account, so that it has a rhythm per article group.
    menu = np.argsort(rng.random((accounts.size, len(NEEDS))), axis=1)[:, :6]
    need = menu[person[order], rng.integers(0, 6, order.size)]
    department = history.department_of(need, person[order] % 2)
    lines = _lines(order, Kind.WHOLESALE, need, department)
    lines["quantity"] = rng.integers(12, 101, order.size)
    return Draft(orders, lines)


def businesses(people: int) -> int:
    """How many business accounts a shop with so many people has."""
    return max(3, BUSINESSES * people // 20_000)


def _orders(rng: np.random.Generator, people: People, person: Ints, day: Ints) -> Rows:
    orders = _blank(ORDER, person.size)
    orders["person"], orders["day"] = person, day
    orders["source"] = np.where(rng.random(person.size) < people.web_share[person], WEB, CARD)
    # Even with an account, people order without logging in now and then.
    guest = ~people.has_account[person] | (rng.random(person.size) < 0.05)
    orders["guest"] = guest & (orders["source"] == WEB)
    return orders


def _lines(order: Ints, kind: Kind, need: Ints, department: Ints) -> Rows:
    lines = _blank(LINE, order.size)
    lines["order"], lines["kind"], lines["need"] = order, kind, need
    lines["department"], lines["quantity"] = department, 1
    lines["returned"] = lines["origin"] = -1
    return lines


def _blank(kind: np.dtype[Any], count: int) -> Rows:
    return np.zeros(count, dtype=kind)


def _joined(drafts: Sequence[Draft]) -> Draft:
    offsets = np.cumsum([0] + [draft.orders.size for draft in drafts])
    lines = [draft.lines.copy() for draft in drafts]
    for part, offset in zip(lines, offsets, strict=False):
        part["order"] += offset
    return Draft(np.concatenate([draft.orders for draft in drafts]), np.concatenate(lines))


def _dress(rng: np.random.Generator, people: People, catalogue: Catalogue, draft: Draft) -> None:
    """Give every line its product, colour, size and price, and every order its hour and store."""
    orders, lines = draft.orders, draft.lines
    known = np.clip(orders["person"][lines["order"]], -1, people.count)
    # Strangers and business accounts have no taste of their own: a plain row at the end.
    level = np.append(people.level, [0.0, 0.0])[known]
    own_size = np.concatenate([people.size, rng.random((2, 2))])[known]
    colour = np.append(people.colour, [-1, -1])[known]
    gender = np.append(people.gender, [-1, -1])[known]
    day = orders["day"][lines["order"]]
    lines["product"] = goods.pick(rng, catalogue, lines["need"], lines["department"], day, level)
    for_partner = (lines["department"] != gender) & (lines["department"] < 2)
    place = np.where(for_partner, own_size[:, 1], own_size[:, 0])
    anybody = (known < 0) | (known == people.count) | (lines["kind"] == Kind.GIFT)
    place = np.where(anybody, rng.random(lines.size), place)
    lines["size"] = (place * goods.SIZE_COUNT[lines["need"]]).astype(np.int64)
    lines["colour"] = _colours(rng, catalogue, lines["product"], colour)
    small = np.isin(lines["need"], [i for i, one in enumerate(NEEDS) if one.price < 20])
    several = small & (lines["quantity"] == 1) & (rng.random(lines.size) < 0.5)
    lines["quantity"][several] = rng.integers(2, 4, int(several.sum()))
    _price(rng, catalogue, lines)
    orders["second"] = rng.integers(9 * 3600, 18 * 3600, orders.size)
    web = orders["source"] == WEB
    orders["second"][web] = rng.integers(8 * 3600, 22 * 3600, int(web.sum()))
    orders["store"] = (orders["person"] + (rng.random(orders.size) < 0.1)) % len(STORES)
    value = np.bincount(lines["order"], lines["total"], minlength=orders.size)
    orders["shipping"] = np.where(web & (value < 7500), 495, 0)


def _colours(
    rng: np.random.Generator, catalogue: Catalogue, product: Ints, favourite: Ints
) -> Ints:
    """Return which of the product's colours was taken: the favourite, where it is there."""
    colours = catalogue.colours[product]
    offered = np.arange(goods.MAX_COLOURS) < catalogue.colour_count[product][:, None]
    score = rng.random(colours.shape)
    # Neighbours in the list of colours are the ones a person takes for the favourite.
    score += (np.abs(colours - favourite[:, None]) % (len(COLOURS) - 1) <= 1) * 1.0
    chosen: Ints = np.argmax(np.where(offered, score, -1.0), axis=1)
    return chosen


def _price(rng: np.random.Generator, catalogue: Catalogue, lines: Rows) -> None:
    gross = catalogue.price[lines["product"]] * lines["quantity"]
    share = np.where(rng.random(lines.size) < 0.15, rng.integers(10, 41, lines.size), 0)
    share[lines["kind"] == Kind.WHOLESALE] = 40
    lines["discount"] = gross * share // 100
    lines["total"] = gross - lines["discount"]


def _with_tried(rng: np.random.Generator, draft: Draft, days: int) -> Draft:
    """Add what was only taken to try: a second size of a web line, sent back within weeks."""
    orders, lines = draft.orders, draft.lines
    own = np.isin(lines["kind"], [Kind.OWN, Kind.MAILED])
    chance = np.where(orders["source"][lines["order"]] == WEB, 0.075, 0.02)
    back = orders["day"][lines["order"]] + rng.integers(4, 25, lines.size)
    chosen = np.flatnonzero(own & (rng.random(lines.size) < chance) & (back < days))
    tried = lines[chosen].copy()
    tried["kind"], tried["returned"] = Kind.TRIED, back[chosen]
    _other_size(rng, tried)
    return Draft(orders, np.concatenate([lines, tried]))


def _other_size(rng: np.random.Generator, lines: Rows) -> None:
    top = goods.SIZE_COUNT[lines["need"]] - 1
    step = np.where(lines["size"] == 0, 1, np.where(rng.random(lines.size) < 0.5, 1, -1))
    moved = lines["size"] + np.where(lines["size"] == top, -1, step)
    lines["size"] = np.clip(moved, 0, top)


def _with_exchanges(rng: np.random.Generator, draft: Draft, days: int) -> Draft:
    """Let 3% of single lines come back for another size, which is an order of its own."""
    orders, lines = draft.orders, draft.lines
    single = np.bincount(lines["order"], minlength=orders.size) == 1
    back = orders["day"][lines["order"]] + rng.integers(2, 13, lines.size)
    able = (lines["kind"] == Kind.OWN) & single[lines["order"]] & (back < days)
    able &= goods.SIZE_COUNT[lines["need"]] > 1
    old = np.flatnonzero(able & (rng.random(lines.size) < 0.03))
    new_orders = orders[lines["order"][old]].copy()
    new_orders["day"], new_orders["shipping"] = back[old], 0
    new_lines = lines[old].copy()
    new_lines["kind"], new_lines["origin"] = Kind.REPLACEMENT, old
    new_lines["order"] = orders.size + np.arange(old.size)
    lines["kind"][old], lines["returned"][old] = Kind.EXCHANGED, back[old]
    # The wrong size is the first one; the replacement is what the person wears.
    wrong = lines[old]
    _other_size(rng, wrong)
    lines["size"][old] = wrong["size"]
    return Draft(np.concatenate([orders, new_orders]), np.concatenate([lines, new_lines]))


def _with_store_returns(draft: Draft) -> Draft:
    """Write what came back to a store as lines below zero, on the exchange's receipt or its own."""
    orders, lines = draft.orders, draft.lines
    in_store = orders["source"][lines["order"]] == CARD
    old = np.flatnonzero(in_store & (lines["returned"] >= 0))
    receipt = np.full(lines.size, -1)
    replaced = np.flatnonzero(lines["kind"] == Kind.REPLACEMENT)
    receipt[lines["origin"][replaced]] = lines["order"][replaced]
    alone = old[receipt[old] < 0]
    receipt[alone] = orders.size + np.arange(alone.size)
    new_orders = orders[lines["order"][alone]].copy()
    new_orders["day"] = lines["returned"][alone]
    minus = lines[old].copy()
    minus["kind"], minus["origin"], minus["returned"] = Kind.RETURNED, old, -1
    minus["order"] = receipt[old]
    for column in ("quantity", "total", "discount"):
        minus[column] *= -1
    return Draft(np.concatenate([orders, new_orders]), np.concatenate([lines, minus]))


def _with_failed(rng: np.random.Generator, draft: Draft) -> Draft:
    """Add web orders that were cancelled and placed again, and a few of the merchant's tests."""
    orders, lines = draft.orders, draft.lines
    web = np.flatnonzero((orders["source"] == WEB) & (orders["second"] > 9 * 3600))
    copied = rng.choice(web, web.size // 60, replace=False)
    place = np.full(orders.size, -1)
    place[copied] = orders.size + np.arange(copied.size)
    again = orders[copied].copy()
    again["status"] = CANCELLED
    again["second"] -= rng.integers(120, 1800, copied.size)
    tests = max(2, copied.size // 50)
    again["status"][:tests], again["person"][:tests], again["guest"][:tests] = TEST, TESTER, True
    inside = lines[place[lines["order"]] >= 0].copy()
    inside["order"] = place[inside["order"]]
    inside["returned"], inside["kind"] = -1, Kind.STRANGER
    return Draft(np.concatenate([orders, again]), np.concatenate([lines, inside]))


def _with_free(rng: np.random.Generator, draft: Draft) -> Draft:
    """Add a free pair of socks to some web orders: a line that costs nothing and means nothing."""
    orders, lines = draft.orders, draft.lines
    first = np.unique(lines["order"], return_index=True)[1]
    paid = (lines["kind"][first] == Kind.OWN) & (orders["source"][lines["order"][first]] == WEB)
    free = lines[first[paid & (rng.random(first.size) < 0.015)]].copy()
    free["kind"], free["product"], free["quantity"] = Kind.FREE, -1, 1
    free["total"], free["discount"], free["returned"] = 0, 0, -1
    free["need"] = free["size"] = free["colour"] = 0
    return Draft(orders, np.concatenate([lines, free]))


def _sorted(draft: Draft, days: int) -> Trade:
    """Put orders in the order of time and lines in the order of orders."""
    orders, lines = draft.orders, draft.lines
    rank = np.lexsort((orders["second"], orders["day"]))
    place = np.empty(orders.size, dtype=np.int64)
    place[rank] = np.arange(orders.size)
    orders = orders[rank]
    recent = (orders["day"] >= days - 2) & (orders["source"] == WEB) & (orders["status"] == PAID)
    orders["status"][recent] = OPEN
    line_order = place[lines["order"]]
    by_order = np.argsort(line_order, kind="stable")
    line_place = np.empty(lines.size, dtype=np.int64)
    line_place[by_order] = np.arange(lines.size)
    origin = np.where(lines["origin"] >= 0, line_place[lines["origin"]], -1)
    lines["order"], lines["origin"] = line_order, origin
    return Trade(orders, lines[by_order])


def values(trade: Trade) -> Floats:
    """Return what was paid for each order, shipping in, in cents."""
    sums = np.bincount(trade.lines["order"], trade.lines["total"], minlength=trade.orders.size)
    paid: Floats = sums + trade.orders["shipping"]
    return paid
