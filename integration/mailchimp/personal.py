"""What Mailchimp holds of one person: reading it out, and erasing it for good.

Source: Mailchimp Marketing API, "lists/members" with its actions, and "ecommerce/stores".
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from integration.mailchimp.client import Mailchimp, subscriber_hash
from integration.mailchimp.errors import NotFound

#: Mailchimp's answers to an erasure: gone now, and not there (any more).
ERASED, NOT_THERE = 204, 404


def erase(mailchimp: Mailchimp, email_key: str) -> int:
    """Erase a contact for good and return 204, or 404 where there was none; may be repeated.

    Raises
    ------
    MailchimpError
    """
    lists = mailchimp.official.lists
    try:
        mailchimp.call(
            lists.delete_list_member_permanent, mailchimp.list_id, subscriber_hash(email_key)
        )
    except NotFound:
        return NOT_THERE
    return ERASED


def erase_customer(mailchimp: Mailchimp, store_id: str, customer_id: str) -> int:
    """Delete a customer of a store of ours and return 204, or 404; may be repeated.

    Raises
    ------
    MailchimpError
    """
    shops = mailchimp.official.ecommerce
    try:
        mailchimp.call(shops.delete_store_customer, store_id, customer_id)
    except NotFound:
        return NOT_THERE
    return ERASED


def erase_carts(mailchimp: Mailchimp, store_id: str, customer_ids: Collection[str]) -> list[str]:
    """Delete the carts of customers of a store of ours and return their ids; may be repeated.

    Before the customers: a cart that is left does not say any more whose it was, while the address
    of its checkout may.

    Raises
    ------
    MailchimpError
    """
    shops = mailchimp.official.ecommerce
    found = [row["id"] for row in _carts(mailchimp, store_id, customer_ids)]
    for cart_id in found:
        try:
            mailchimp.call(shops.delete_store_cart, store_id, cart_id)
        except NotFound:
            continue
    return found


def held(mailchimp: Mailchimp, email_key: str) -> dict[str, Any] | None:
    """Return everything an audience holds of an address; None where it is not there.

    Raises
    ------
    MailchimpError
    """
    lists, audience, who = mailchimp.official.lists, mailchimp.list_id, subscriber_hash(email_key)
    no_links = {"exclude_fields": ["_links"]}
    try:
        member = mailchimp.call(lists.get_list_member, audience, who, **no_links)
    except NotFound:
        return None
    tags = mailchimp.pages(
        lambda **query: lists.get_list_member_tags(audience, who, **query), "tags", None
    )
    events = mailchimp.pages(
        lambda **query: lists.get_list_member_events(audience, who, **query), "events", None
    )
    notes = mailchimp.pages(
        lambda **query: lists.get_list_member_notes(audience, who, **query), "notes", None
    )
    feed = mailchimp.pages(
        lambda **query: lists.get_list_member_activity_feed(audience, who, **query),
        "activity",
        None,
    )
    return {
        "contact": _without_links(member),
        "tags": list(tags),
        "events": list(events),
        "activity": list(feed),
        "notes": _without_links(list(notes)),
    }


def held_by_store(
    mailchimp: Mailchimp, store_id: str, customer_ids: Collection[str]
) -> dict[str, list[Any]]:
    """Return the customers, orders and carts that a store of ours holds of somebody.

    Raises
    ------
    MailchimpError
    """
    shops = mailchimp.official.ecommerce
    customers: list[Any] = []
    orders: list[Any] = []
    for customer_id in customer_ids:
        # Not every number of his has a customer, and orders stay without one.
        with suppress(NotFound):
            customers.append(mailchimp.call(shops.get_store_customer, store_id, customer_id))
        try:
            orders += mailchimp.pages(
                lambda **query: shops.get_store_orders(store_id, **query),
                "orders",
                None,
                customer_id=customer_id,
            )
        except NotFound:
            break  # the whole store was deleted in Mailchimp
    carts = _carts(mailchimp, store_id, customer_ids)
    told = {"customers": customers, "orders": orders, "carts": carts}
    return {name: _without_links(rows) for name, rows in told.items()}


def _carts(
    mailchimp: Mailchimp, store_id: str, customer_ids: Collection[str]
) -> list[dict[str, Any]]:
    """Return the carts of these customers: Mailchimp lists those of everybody only."""
    shops = mailchimp.official.ecommerce
    try:
        rows = mailchimp.pages(
            lambda **query: shops.get_store_carts(store_id, **query), "carts", None
        )
        return [row for row in rows if row.get("customer", {}).get("id") in customer_ids]
    except NotFound:
        return []


def _without_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_links(inner) for name, inner in value.items() if name != "_links"}
    return [_without_links(inner) for inner in value] if isinstance(value, list) else value
