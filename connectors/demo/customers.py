"""Accounts of the web shop and cards of the till."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from connectors.demo.catalogue import Ints
from connectors.demo.people import People
from connectors.demo.view import Rows, View
from connectors.demo.words import CITIES
from connectors.records import Customer, Record


def customers(view: View) -> Rows:
    """Return the customers one source knows, oldest first."""
    ids = view.customer_ids
    persons = np.array([person for person, key in enumerate(ids) if key is not None])
    days = since(view)[persons]
    order = np.argsort(days, kind="stable")
    persons = persons[order]
    moments = view.world.moments(days[order], np.full(persons.size, 7 * 3600))
    render = _web_customer if view.web else _card_customer

    def part(start: int, stop: int) -> list[Record]:
        return [
            _business(view, person, at)
            if person >= view.world.people.count
            else render(view, person, at)
            for person, at in zip(persons[start:stop].tolist(), moments[start:stop], strict=True)
        ]

    return Rows([str(ids[person]) for person in persons.tolist()], part)


def since(view: View) -> Ints:
    """Return the day on which each became a customer, business accounts behind the people."""
    arrived = view.world.people.arrived
    more = len(view.known.email) - arrived.size
    return np.append(arrived, np.zeros(more, dtype=np.int64))


def email_as_typed(email: str, who: int, *, one_in: int) -> str:
    """Return the address as typed: one in so many people writes capitals before the @.

    Examples
    --------
    >>> email_as_typed("jan.bos@stipt-demo.shop", 20, one_in=10)
    'JAN.BOS@stipt-demo.shop'
    """
    if who % one_in:
        return email
    name, _, domain = email.partition("@")
    return f"{name.upper() if who % (2 * one_in) == 0 else name.title()}@{domain}"


def address(people: People, person: int) -> tuple[str, str, str]:
    """Return postcode, city and country; people of one household share them."""
    city, first, country = CITIES[int(people.city[person])]
    code = int(people.street_code[person])
    if country == "BE":
        return f"{first}{code % 100:02d}", city, country
    letters = chr(65 + code // 100 % 26) + chr(65 + code // 2_600)
    return f"{first}{code % 100:02d} {letters}", city, country


def language_of(country: str, person: int) -> str:
    """Return the language a person reads."""
    return "en" if country == "NL" and person % 8 == 0 else "nl"


def _web_customer(view: View, person: int, at: datetime) -> Customer:
    known, people = view.known, view.world.people
    code, city, country = address(people, person)
    return Customer(
        id=str(known.web_id[person]),
        email=email_as_typed(known.email[person], person, one_in=25),
        phone=known.phone[person] if people.web_phone[person] else None,
        card_no=known.card_no[person] if people.card_in_account[person] else None,
        first_name=known.first_name[person],
        middle_name=known.middle_name[person],
        last_name=known.last_name[person],
        language=language_of(country, person),
        country=country,
        postcode=code,
        city=city,
        tags=("newsletter popup",) if person % 11 == 0 else (),
        created_at=at,
        source_updated_at=at,
    )


def _card_customer(view: View, person: int, at: datetime) -> Customer:
    known, people = view.known, view.world.people
    code, city, country = address(people, person)
    born = view.world.start + timedelta(days=int(people.birth_day[person]))
    return Customer(
        id=str(known.card_id[person]),
        email=card_email(view, person),
        phone=known.phone[person] if people.card_phone[person] else None,
        card_no=known.card_no[person],
        first_name=known.first_name[person],
        middle_name=known.middle_name[person],
        last_name=known.card_last_name[person],
        birth_date=born if person % 3 else None,
        gender=("m", "f")[int(people.gender[person])] if person % 5 else None,
        language=language_of(country, person),
        country=country,
        postcode=code,
        city=city,
        created_at=at,
        source_updated_at=at,
    )


def card_email(view: View, person: int) -> str | None:
    """Return the address the till knows, in its own spelling."""
    if not view.world.people.card_email[person]:
        return None
    return email_as_typed(view.known.email[person], person, one_in=9)


def _business(view: View, person: int, at: datetime) -> Customer:
    known = view.known
    code, city, country = address(view.world.people, person - view.world.people.count)
    return Customer(
        id=str(known.web_id[person]),
        email=known.email[person],
        company=known.company[person],
        is_business=known.declares_business[person],
        language="nl",
        country=country,
        postcode=code,
        city=city,
        tags=("wholesale",) if known.declares_business[person] else (),
        created_at=at,
        source_updated_at=at,
    )
