"""What a check of the audience found, and its sentences in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from sqlmodel import Session, col, select

from integration.tables import Audience, AudienceCheck, Work
from integration.work.queue import defer


class Difference(TypedDict):
    """Something that is not as we hold it."""

    #: "members", "tag", "values", "tag_missing", "field_missing", "store_missing", "store_order"
    #: and the like.
    what: str
    #: The status, or the name of the tag, field or shop.
    name: str
    #: Counts here and there; of contacts that differ, `here` is 0 and `there` how many.
    here: int
    there: int
    #: Person ids, a few.
    people: list[int]


class Result(TypedDict):
    """What a check found; stored as `AudienceCheck.result`."""

    #: Status -> members that we hold, before anything was put right.
    members: dict[str, int]
    tags: int
    fields: int
    #: Contacts compared value by value.
    sample: int
    differences: list[Difference]
    #: Whether something was put right: the mirror, or a store by a run of its own.
    repaired: bool
    requests: int


def newest(session: Session, count: int = 1) -> list[AudienceCheck]:
    """Return the latest checks of the connected audience, newest first."""
    connected = select(Audience.id).where(col(Audience.disconnected_at).is_(None))
    query = select(AudienceCheck).where(col(AudienceCheck.audience_id).in_(connected))
    return list(session.exec(query.order_by(col(AudienceCheck.id).desc()).limit(count)))


def looked_at(session: Session) -> datetime | None:
    """Return when the audience was last looked at, whether that came to an end or was given up."""
    done = next(iter(newest(session)), None)
    query = select(Work).where(Work.kind == "check", Work.status == "dead")
    dead = session.exec(query.order_by(col(Work.id).desc()).limit(1)).first()
    moments = (done.began_at if done else None, dead.finished_at if dead else None)
    return max(filter(None, moments), default=None)


def start(session: Session) -> None:
    """Write down that the audience is to be checked; once, however often it is asked."""
    account_id = session.info["account_id"]
    waiting = ("queued", "running", "resting")
    busy = select(Work.id).where(Work.kind == "check", col(Work.status).in_(waiting))
    if session.exec(busy.limit(1)).first() is None:
        lane = f"account:{account_id}:push"
        defer(session, account_id=account_id, kind="check", lane=lane, payload={})


_TEXTS = {
    ("members", "en"): "{status}: we held {here}, Mailchimp has {there}.",
    ("members", "nl"): "{status}: wij hadden er {here}, Mailchimp heeft er {there}.",
    ("tag", "en"): "Tag “{name}”: we held {here}, Mailchimp has {there}.",
    ("tag", "nl"): "Tag “{name}”: wij hadden er {here}, Mailchimp heeft er {there}.",
    ("values", "en"): "“{name}” was changed for {there} of those compared.",
    ("values", "nl"): "“{name}” was gewijzigd bij {there} van wie we vergeleken.",
    ("tag_missing", "en"): "Tag “{name}” was deleted in Mailchimp.",
    ("tag_missing", "nl"): "Tag “{name}” is in Mailchimp verwijderd.",
    ("field_missing", "en"): "Field “{name}” was deleted in Mailchimp.",
    ("field_missing", "nl"): "Veld “{name}” is in Mailchimp verwijderd.",
    ("store_missing", "en"): "The store of {name} was deleted in Mailchimp.",
    ("store_missing", "nl"): "De winkel van {name} is in Mailchimp verwijderd.",
    ("store_product", "en"): "Products of {name}: we held {here}, Mailchimp has {there}.",
    (
        "store_product",
        "nl",
    ): "Producten van {name}: wij hadden er {here}, Mailchimp heeft er {there}.",
    ("store_customer", "en"): "Customers of {name}: we held {here}, Mailchimp has {there}.",
    (
        "store_customer",
        "nl",
    ): "Klanten van {name}: wij hadden er {here}, Mailchimp heeft er {there}.",
    ("store_order", "en"): "Orders of {name}: we held {here}, Mailchimp has {there}.",
    (
        "store_order",
        "nl",
    ): "Bestellingen van {name}: wij hadden er {here}, Mailchimp heeft er {there}.",
    ("store_cart", "en"): "Carts of {name}: we held {here}, Mailchimp has {there}.",
    (
        "store_cart",
        "nl",
    ): "Winkelwagens van {name}: wij hadden er {here}, Mailchimp heeft er {there}.",
}
_STATUSES = {
    ("subscribed", "nl"): "Aangemeld",
    ("unsubscribed", "nl"): "Afgemeld",
    ("cleaned", "nl"): "Onbestelbaar",
}


def text(difference: Mapping[str, Any], language: str) -> str:
    """Return a difference as a sentence in "en" or "nl".

    Examples
    --------
    >>> text({"what": "members", "name": "cleaned", "here": 3, "there": 4}, "en")
    'Cleaned: we held 3, Mailchimp has 4.'
    >>> text({"what": "values", "name": "WHY", "here": 0, "there": 2}, "en")
    '“WHY” was changed for 2 of those compared.'
    """
    name = str(difference["name"])
    status = _STATUSES.get((name, language), name.capitalize())
    return _TEXTS[difference["what"], language].format(**{**difference, "status": status})
