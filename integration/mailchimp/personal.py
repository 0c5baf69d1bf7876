"""What Mailchimp holds of one person: reading it out, and erasing it for good.

Source: Mailchimp Marketing API, "lists/members" and its actions.
"""

from __future__ import annotations

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
    }


def _without_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_links(inner) for name, inner in value.items() if name != "_links"}
    return [_without_links(inner) for inner in value] if isinstance(value, list) else value
