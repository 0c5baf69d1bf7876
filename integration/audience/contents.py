"""What is in the merchant's audience, looked at before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import Forbidden
from integration.shopdata.stores import own_ids
from integration.tables import Audience

STATES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
#: States that `stats` of an audience does not count.
_COUNTED_APART = ("pending", "transactional", "archived")
#: Merge fields an audience may have; premium plans have more, which nothing but their use tells.
FIELDS, FIELDS_PREMIUM = 30, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStore:
    """A store at Mailchimp that somebody else fills."""

    id: str
    name: str
    #: "shopify", "woocommerce", ...; "" where nobody said.
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """An audience as it is."""

    name: str
    members: dict[str, int]
    tags: int
    saved_segments: int
    fields: int
    field_limit: int
    double_optin: bool
    #: Stores of others on this audience: while there are any, our shop data stays out by default.
    other_stores: list[OtherStore]

    @property
    def not_subscribed(self) -> int:
        """Contacts that get no newsletter, archived ones left out."""
        return sum(self.members[state] for state in STATES[1:5])

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "not_subscribed": self.not_subscribed}


def contents(mailchimp: Mailchimp, own_stores: Collection[str]) -> Contents:
    """Look at the audience that `mailchimp` was opened for; reads only.

    Parameters
    ----------
    own_stores
        Ids of our stores in it.

    Raises
    ------
    MailchimpError
    """
    wanted = ["name", "double_optin", "stats"]
    about = mailchimp.call(mailchimp.official.lists.get_list, mailchimp.list_id, fields=wanted)
    segments = mailchimp.segments()
    fields = len(mailchimp.fields())
    return Contents(
        name=str(about["name"]),
        members=_members(mailchimp, about["stats"]),
        tags=sum(segment.is_tag for segment in segments),
        saved_segments=sum(not segment.is_tag for segment in segments),
        fields=fields,
        field_limit=FIELDS if fields <= FIELDS else FIELDS_PREMIUM,
        double_optin=bool(about.get("double_optin")),
        other_stores=other_stores(mailchimp, own_stores),
    )


def _members(mailchimp: Mailchimp, stats: Mapping[str, Any]) -> dict[str, int]:
    names = {"subscribed": "member_count", "unsubscribed": "unsubscribe_count",
             "cleaned": "cleaned_count"}  # fmt: skip
    counts = {state: int(stats.get(name) or 0) for state, name in names.items()}
    read = partial(mailchimp.official.lists.get_list_members_info, mailchimp.list_id)
    for state in _COUNTED_APART:
        answer = mailchimp.call(read, status=state, count=1, fields=["total_items"])
        counts[state] = int(answer.get("total_items") or 0)
    return counts


def other_stores(mailchimp: Mailchimp, own: Collection[str]) -> list[OtherStore]:
    """Return the stores on the audience of `mailchimp` that are not ours, by the ids of ours.

    A store of another installation of Stipt is not ours either.

    Whoever fills one of them sends orders already: a second store with the same orders would count
    every purchase twice.

    Raises
    ------
    MailchimpError
    """
    wanted = [f"stores.{name}" for name in ("id", "list_id", "name", "platform")]
    try:
        rows = list(mailchimp.pages(mailchimp.official.ecommerce.stores, "stores",
                                    [*wanted, "total_items"]))  # fmt: skip
    except Forbidden:
        return []  # a plan without shops has no stores
    return [
        OtherStore(
            id=str(row["id"]),
            name=str(row.get("name") or ""),
            platform=str(row.get("platform") or "").lower(),
        )
        for row in rows
        if row.get("list_id") == mailchimp.list_id and str(row["id"]) not in own
    ]


def look_at(context: Context, audience: Audience) -> Contents:
    """Look at a connected audience and keep what was seen, for its page.

    Raises
    ------
    MailchimpError
    """
    with scoped(context.engine, audience.account_id) as session:
        own = own_ids(session, audience)
    found = contents(open_mailchimp(context, audience, listens=True), own)
    with scoped(context.engine, audience.account_id) as session:
        stored = session.get_one(Audience, audience.id)
        stored.contents = {**found.as_json(), "seen_at": context.clock().isoformat()}
        stored.double_optin, stored.name = found.double_optin, found.name
    return found
