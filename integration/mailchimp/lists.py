"""Static segments of ours: who is in one, and bringing it in step with who should be."""

from __future__ import annotations

from functools import partial

from integration.mailchimp.client import ROWS_A_CALL, Mailchimp


def listed(mailchimp: Mailchimp, tag_id: int) -> set[str]:
    """Return the addresses in a static segment, whatever their status."""
    everybody = {
        f"include_{status}": True for status in ("cleaned", "transactional", "unsubscribed")
    }
    fetch = partial(
        mailchimp.official.lists.get_segment_members_list, mailchimp.list_id, str(tag_id)
    )
    fields = ["members.email_address", "total_items"]
    rows = mailchimp.pages(fetch, "members", fields, **everybody)
    return {str(row.get("email_address") or "").strip().lower() for row in rows}


def set_list(mailchimp: Mailchimp, tag_id: int, wanted: set[str]) -> set[str]:
    """Make a static segment hold just these addresses; return those that Mailchimp refuses.

    Raises
    ------
    MailchimpError
        `NotFound` where it was deleted in Mailchimp.
    """
    there = listed(mailchimp, tag_id)
    add, remove = sorted(wanted - there), sorted(there - wanted)
    refused: set[str] = set()
    for start in range(0, max(len(add), len(remove)), ROWS_A_CALL):
        part = slice(start, start + ROWS_A_CALL)
        refused |= set(mailchimp.change_tag(tag_id, add=add[part], remove=remove[part]))
    return refused & wanted
