"""Where a text names somebody: whole addresses and numbers only, as a part names somebody else.

`an@shop.example` stands inside `jan@shop.example`, who is another person. So nothing is compared
by parts of a text, and what a delivery holds is read (form or JSON) before it is looked through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from sqlmodel import Session, col, or_, select

from integration.privacy.subject import Subject
from integration.tables import Inbox, Reject

#: A card or number shorter than this stands in texts by chance.
_TELLING = 6


def telling(subject: Subject) -> list[str]:
    """Return the texts that name somebody wherever they stand."""
    numbers = (text for text in (*subject.cards, *subject.phones) if len(text) >= _TELLING)
    return [*subject.emails, *numbers]


def whole(named: Iterable[str]) -> re.Pattern[str]:
    """Return what finds these addresses and numbers in a text where they stand as a whole."""
    # A full stop behind an address ends a sentence, unless the host's name goes on after it.
    words = "|".join(re.escape(one) for one in named)
    return re.compile(rf"(?<![\w.+%-])(?:{words})(?![\w-]|\.\w)", re.IGNORECASE)


def rejects(session: Session, subject: Subject) -> list[Reject]:
    """Return the rejected cells that name somebody."""
    named = telling(subject)
    if not named:
        return []
    maybe = or_(*(col(Reject.value).icontains(one, autoescape=True) for one in named))
    names = whole(named)
    rows = session.exec(select(Reject).where(maybe).order_by(col(Reject.id)))
    return [row for row in rows if names.search(row.value)]


def deliveries(session: Session, subject: Subject) -> list[Inbox]:
    """Return the kept webhooks that name somebody."""
    named = telling(subject)
    if not named:
        return []
    names = whole(named)
    rows = session.exec(select(Inbox).order_by(col(Inbox.id)))
    return [row for row in rows if any(names.search(text) for text in _said(row))]


def _said(row: Inbox) -> Iterator[str]:
    """Yield every text of a delivery as it was meant."""
    yield row.dedupe_key
    yield from _leaves(row.headers)
    body = row.body.decode("utf-8", errors="replace")
    try:
        yield from _leaves(json.loads(body))
    except ValueError:
        pairs = parse_qsl(body)
        yield from (value for _, value in pairs)
        if not pairs:
            yield body


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield str(value)
