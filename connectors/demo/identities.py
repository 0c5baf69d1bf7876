"""Under which names, numbers and addresses each source knows a person."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from connectors.demo.orders import businesses
from connectors.demo.people import DECLARED_BUSINESSES
from connectors.demo.words import COMPANIES, FIRST_NAMES, LAST_NAMES
from connectors.demo.world import World

_DOMAINS = ("stipt-demo.shop", "post.stipt-demo.shop", "thuis.stipt-demo.shop")


@dataclass(frozen=True)
class Identities:
    """Lists with one entry for each person, business accounts behind the people.

    None where the person has no such thing; what a source does not know is left out on reading.
    """

    #: In lower case.
    email: list[str]
    phone: list[str | None]
    first_name: list[str | None]
    middle_name: list[str | None]
    last_name: list[str | None]
    #: Last name as the till has it.
    card_last_name: list[str | None]
    company: list[str | None]
    declares_business: list[bool]
    #: Id of the account at the web shop, and of the customer and card at the till.
    web_id: list[str | None]
    card_id: list[str | None]
    card_no: list[str | None]


def identities(world: World) -> Identities:
    """Return all names and numbers of a world."""
    people, count = world.people, world.people.count
    genders, firsts = people.gender.tolist(), people.first_name.tolist()
    lasts = [LAST_NAMES[i] for i in people.last_name.tolist()]
    names = [FIRST_NAMES[g][f] for g, f in zip(genders, firsts, strict=True)]
    companies = _companies(businesses(count))
    nobody: list[str | None] = [None] * len(companies)
    accounts = np.append(people.on_web & people.has_account, np.ones(len(companies), dtype=bool))
    cards = np.append(people.has_card, np.zeros(len(companies), dtype=bool))
    card_id = _ids(world, cards, 400_001)
    return Identities(
        email=_emails(names, [last for _, last in lasts]) + _inboxes(companies),
        phone=[*(f"+316{12_000_000 + i * 397}" for i in people.phone_owner.tolist()), *nobody],
        first_name=[*names, *nobody],
        middle_name=[*(middle or None for middle, _ in lasts), *nobody],
        last_name=[*(last for _, last in lasts), *nobody],
        card_last_name=[*(LAST_NAMES[i][1] for i in people.card_last_name.tolist()), *nobody],
        company=[*([None] * count), *companies],
        declares_business=[False] * count
        + [i % 3 < round(3 * DECLARED_BUSINESSES) for i in range(len(companies))],
        web_id=_ids(world, accounts, 10_001),
        card_id=card_id,
        card_no=[None if i is None else _card_number(int(i)) for i in card_id],
    )


def _ids(
    world: World, known: np.ndarray[tuple[int], np.dtype[np.bool_]], first: int
) -> list[str | None]:
    """Number those who are known in the order in which they came, so that an id tells nothing."""
    arrived = np.append(world.people.arrived, np.zeros(known.size - world.people.count, dtype=int))
    order = np.argsort(arrived, kind="stable")
    ids: list[str | None] = [None] * known.size
    for number, person in enumerate(order[known[order]].tolist(), start=first):
        ids[person] = str(number)
    return ids


def _card_number(customer: int) -> str:
    """Return a number of 13 digits with the check digit of an EAN-13 (GS1 General Specifications).

    Examples
    --------
    >>> _card_number(400_001)
    '2900004000014'
    """
    body = f"29{customer:010d}"
    odd, even = (sum(int(digit) for digit in body[i::2]) for i in (0, 1))
    return body + str(-(odd + 3 * even) % 10)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ı", "i").replace("'", ""))
    return plain.encode("ascii", "ignore").decode().replace(" ", "").lower()


def _emails(firsts: list[str], lasts: list[str]) -> list[str]:
    plain = {name: _ascii(name) for name in {*firsts, *lasts}}
    return [
        f"{plain[first]}.{plain[last]}{i}@{_DOMAINS[i % len(_DOMAINS)]}"
        for i, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    ]


def _companies(count: int) -> list[str]:
    kinds, names = COMPANIES
    plain = [f"{kind} {name}" for name in names for kind in kinds]
    return [
        plain[i % len(plain)] + (f" {i // len(plain) + 1}" if i >= len(plain) else "")
        for i in range(count)
    ]


def _inboxes(companies: list[str]) -> list[str]:
    return [f"inkoop@{_ascii(company)}.stipt-demo.shop" for company in companies]
