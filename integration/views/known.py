"""From when on purchases are known, said on every page that shows figures."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request, url_for

from integration import history
from integration.reading.stalled import stalled
from integration.views.base import own_rows, today
from integration.views.formats import day
from integration.views.texts import gettext
from segmentation.cutoff import ENOUGH_DAYS

#: Pages that show none of what was computed.
_WITHOUT = ("imports", "shopify", "status", "connection", "privacy")


@dataclass(frozen=True)
class Note:
    """What the figures are based on, and where to see more."""

    text: str
    more: str
    address: str


def note() -> Note | None:
    """Return what to say above a page's figures; None where all is known."""
    if request.blueprint in _WITHOUT:
        return None
    with own_rows() as session:
        known = history.told(session)
        is_held_up = known is not None and bool(stalled(session))
    if known is None or (known.why != history.READING and known.days(today()) >= ENOUGH_DAYS):
        return None
    since = day(known.since)
    if known.why == history.READING and is_held_up:
        text = gettext(
            "Based on orders since %(day)s: reading the rest was given up, and nothing goes to "
            "Mailchimp before it is read.",
            day=since,
        )
        return Note(text, gettext("What to do"), url_for("status.show"))
    if known.why == history.READING:
        text = gettext(
            "Based on orders since %(day)s; the rest is still to be read. Who is new, a regular or "
            "lost is told after that, and nothing goes to Mailchimp before.",
            day=since,
        )
        return Note(text, gettext("How far the reading is"), url_for("imports.show"))
    if known.why == history.SCOPE:
        text = gettext(
            "Based on orders since %(day)s: Shopify lets Stipt read the last 60 days only. Who is "
            "new, a regular or lost is told once a year is known.",
            day=since,
        )
        return Note(text, gettext("What to do"), url_for("shopify.show"))
    text = gettext(
        "Based on orders since %(day)s: the store was removed before the rest was read. Who is "
        "new, a regular or lost is told once a year is known.",
        day=since,
    )
    return Note(text, gettext("Shopify stores"), url_for("shopify.show"))
