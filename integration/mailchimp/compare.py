"""Reading back what stands in the audience, to compare it with what we hold of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from integration.mailchimp.client import Mailchimp, subscriber_hash
from integration.mailchimp.errors import NotFound

#: What Mailchimp calls its counts of an audience, by status of the members.
_COUNTS = {
    "subscribed": "member_count",
    "unsubscribed": "unsubscribe_count",
    "cleaned": "cleaned_count",
}
_EVERYBODY = {f"include_{status}": True for status in ("cleaned", "transactional", "unsubscribed")}


@dataclass(frozen=True, slots=True)
class Held:
    """What a contact has: values by merge tag, and ids of tags."""

    values: Mapping[str, str]
    tags: frozenset[int]


def counts(mailchimp: Mailchimp) -> dict[str, int]:
    """Return how many members have a status, as Mailchimp counts them."""
    fields = [f"stats.{name}" for name in _COUNTS.values()]
    answer = mailchimp.call(mailchimp.official.lists.get_list, mailchimp.list_id, fields=fields)
    stats = answer.get("stats") or {}
    return {status: int(stats.get(name) or 0) for status, name in _COUNTS.items()}


def holders(mailchimp: Mailchimp, tag_id: int) -> set[str]:
    """Return the addresses that have a tag; archived contacts are not shown."""
    read = partial(
        mailchimp.official.lists.get_segment_members_list, mailchimp.list_id, str(tag_id)
    )
    fields = ["members.email_address", "total_items"]
    rows = mailchimp.pages(read, "members", fields, **_EVERYBODY)
    return {str(row["email_address"]).strip().lower() for row in rows}


def held(mailchimp: Mailchimp, email_key: str) -> Held | None:
    """Return what a contact has, None when it is not in the audience."""
    read = mailchimp.official.lists.get_list_member
    fields = ["merge_fields", "tags"]
    try:
        row = mailchimp.call(read, mailchimp.list_id, subscriber_hash(email_key), fields=fields)
    except NotFound:
        return None
    tags = frozenset(int(tag["id"]) for tag in row.get("tags") or ())
    return Held(_texts(row.get("merge_fields")), tags)


def everybodys_values(mailchimp: Mailchimp) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield (address, values by merge tag) of everybody but archived contacts."""
    read = partial(mailchimp.official.lists.get_list_members_info, mailchimp.list_id)
    fields = ["members.email_address", "members.merge_fields", "total_items"]
    query = {"sort_field": "timestamp_opt", "sort_dir": "ASC"}
    for row in mailchimp.pages(read, "members", fields, **query):
        yield str(row["email_address"]).strip().lower(), _texts(row.get("merge_fields"))


def store_counts(mailchimp: Mailchimp, store_id: str) -> dict[str, int] | None:
    """Return how much of each kind a store holds; None when the store is not there."""
    shops = mailchimp.official.ecommerce
    read = {
        "product": shops.get_all_store_products,
        "customer": shops.get_all_store_customers,
        "order": shops.get_store_orders,
        "cart": shops.get_store_carts,
    }
    try:
        return {
            kind: int(
                mailchimp.call(method, store_id, count=1, fields=["total_items"])["total_items"]
            )
            for kind, method in read.items()
        }
    except NotFound:
        return None


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Values that are set, as text; an address (an object) is never one of ours."""
    return {
        name: str(value)
        for name, value in (values or {}).items()
        if value not in ("", None) and not isinstance(value, Mapping)
    }
