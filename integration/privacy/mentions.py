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
from integration.tables import AudienceCheck, ImportRun, Inbox, Reject

#: A card or number shorter than this stands in texts by chance.
_TELLING = 6
_LEFT_OUT = "…"


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


def questions(session: Session, subject: Subject) -> list[tuple[ImportRun, list[str]]]:
    """Return readings of a source whose question or failure names somebody, and where it does."""
    named = telling(subject)
    if not named:
        return []
    names = whole(named)
    found = []
    for run in session.exec(select(ImportRun).where(col(ImportRun.error).is_not(None))):
        texts = [text for text in _texts(run.error or "") if names.search(text)]
        if texts:
            found.append((run, texts))
    return found


def without(text: str, names: re.Pattern[str]) -> str:
    """Return a question without the cells that hold one of these names, or a failure without them.

    The whole cell goes, as beside an address there is often a name.
    """
    try:
        told = json.loads(text)
    except ValueError:
        return names.sub(_LEFT_OUT, text)
    # Not in the text as it stands: JSON writes letters beyond ASCII in another way.
    return json.dumps(_blanked(told, names))


def _blanked(value: Any, names: re.Pattern[str]) -> Any:
    if isinstance(value, dict):
        return {name: _blanked(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [_blanked(inner, names) for inner in value]
    return _LEFT_OUT if isinstance(value, str) and names.search(value) else value


def checks(session: Session, subject: Subject) -> list[AudienceCheck]:
    """Return the checks of an audience that name somebody as one of a few who differ."""
    people = set(subject.people)
    return [
        row
        for row in session.exec(select(AudienceCheck).order_by(col(AudienceCheck.id)))
        if any(people.intersection(one["people"]) for one in row.result["differences"])
    ]


def _said(row: Inbox) -> Iterator[str]:
    """Yield every text of a delivery as it was meant."""
    yield row.dedupe_key
    yield from _leaves(row.headers)
    body = row.body.decode("utf-8", errors="replace")
    pairs = parse_qsl(body)
    if pairs and not body.lstrip().startswith(("{", "[")):
        yield from (value for _, value in pairs)
    else:
        yield from _texts(body)


def _texts(text: str) -> Iterator[str]:
    try:
        yield from _leaves(json.loads(text))
    except ValueError:
        yield text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield str(value)
