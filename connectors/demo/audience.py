"""The list of newsletter readers that the sample shop had before Stipt came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from connectors.demo.catalogue import Bools, Floats
from connectors.demo.customers import address, language_of
from connectors.demo.identities import Identities, identities
from connectors.demo.mail import DENIED, mailable
from connectors.demo.world import AS_OF, CUSTOMERS, SEED, World, world

#: Share of the people with an e-mail address who are on the list, and of addresses that no shop
#: order or card has, relative to the people.
_LISTED, _ELSEWHERE = 0.66, 0.012
#: Shares of statuses that have nothing to do with what the person said.
_CLEANED, _PENDING, _ARCHIVED = 0.02, 0.01, 0.03


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """One address on the list."""

    email: str
    #: "subscribed", "unsubscribed", "cleaned", "pending", "transactional" or "archived".
    status: str
    #: "member" where the person did it, "admin" where the merchant did, else None.
    status_by: str | None
    language: str
    merge_fields: dict[str, str] = field(default_factory=dict)
    #: The merchant's own.
    tags: tuple[str, ...] = ()


def audience(
    *, seed: int = SEED, customers: int = CUSTOMERS, as_of: date = AS_OF, language: str = "en"
) -> list[Reader]:
    """Return the readers, some 12,000 for 20,000 customers, in the order in which they came.

    A tag and a field of the merchant's own have names that we would like to use ("Style:
    Business" or "Stijl: Zakelijk", and STAGE), so that the clash shows.
    """
    made = world(seed=seed, customers=customers, as_of=as_of)
    rng = np.random.default_rng([seed, 99])
    known = identities(made)
    listed = _listed(rng, made)
    agrees = mailable(made.mail.statements, customers, made.days)
    said = made.mail.statements
    refused = np.zeros(customers, dtype=np.bool_)
    refused[said["person"][said["state"] == DENIED]] = True
    luck, taste = rng.random(customers), rng.random((customers, 3))
    readers = [
        _reader(made, known, i, _status(agrees[i], refused[i], luck[i]), taste[i], language)
        for i in np.flatnonzero(listed).tolist()
    ]
    return readers + _elsewhere(int(customers * _ELSEWHERE))


def _listed(rng: np.random.Generator, made: World) -> Bools:
    people = made.people
    has_email = people.on_web | people.card_email
    agrees = mailable(made.mail.statements, people.count, made.days)
    return has_email & (rng.random(people.count) < np.where(agrees, 0.85, _LISTED / 1.5))


def _status(agrees: bool, refused: bool, luck: float) -> tuple[str, str | None]:
    if luck < _CLEANED:
        return "cleaned", None
    if luck < _CLEANED + _ARCHIVED:
        return "archived", "admin"
    if luck < _CLEANED + _ARCHIVED + _PENDING:
        return "pending", None
    if agrees:
        return "subscribed", None
    if refused:
        # One source heard of a withdrawal, the list did not in every case.
        return ("unsubscribed", "member") if luck < 0.9 else ("subscribed", None)
    return ("transactional", None) if luck < 0.6 else ("unsubscribed", "member")


def _reader(
    made: World,
    known: Identities,
    person: int,
    status: tuple[str, str | None],
    taste: Floats,
    language: str,
) -> Reader:
    tags = [
        tag
        for tag, share, drawn in zip(
            ("VIP", "Newsletter", _CLASH[language]), (0.04, 0.7, 0.03), taste.tolist(), strict=True
        )
        if drawn < share
    ]
    _, _, country = address(made.people, person)
    fields = {
        "FNAME": known.first_name[person] or "",
        "LNAME": " ".join(filter(None, (known.middle_name[person], known.last_name[person]))),
    }
    if taste[0] < 0.1:
        fields["STAGE"] = "A" if taste[1] < 0.5 else "B"
    return Reader(
        email=known.email[person],
        status=status[0],
        status_by=status[1],
        language=language_of(country, person),
        merge_fields=fields,
        tags=tuple(tags),
    )


_CLASH = {"en": "Style: Business", "nl": "Stijl: Zakelijk"}


def _elsewhere(count: int) -> list[Reader]:
    return [
        Reader(
            email=f"lezer{i + 1}@post.stipt-demo.shop",
            status="unsubscribed" if i % 9 == 0 else "subscribed",
            status_by="member" if i % 9 == 0 else None,
            language="nl",
            tags=("Newsletter",),
        )
        for i in range(count)
    ]
