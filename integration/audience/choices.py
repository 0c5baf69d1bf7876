"""What the merchant chooses about his audience, apart from any plan; nothing is written by it."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from integration.accounts import LANGUAGES
from integration.audience import names
from integration.audience.difference import FIELD, SEGMENT
from integration.audience.renames import plain_names
from integration.reading.names import need_names, shop_segments
from integration.tables import Audience, OwnedName

SETS = tuple(group.key for group in names.SETS)


class BadChoice(ValueError):
    """There is no such choice; the text says which there are."""


def keep(
    audience: Audience,
    *,
    adds_contacts: bool | None = None,
    language: str | None = None,
    sets_language: bool | None = None,
    field_sets: Collection[str] | None = None,
    makes_segments: bool | None = None,
) -> None:
    """Store what the merchant chose; None leaves a choice as it is.

    Raises
    ------
    BadChoice
    """
    if language is not None and language not in LANGUAGES:
        raise BadChoice(f"the language of tags is {' or '.join(LANGUAGES)}")
    unknown = set(field_sets or ()) - set(SETS)
    if unknown:
        raise BadChoice(f"sets of fields are {', '.join(SETS)}")
    if adds_contacts is not None:
        audience.adds_contacts = adds_contacts
    if language is not None:
        audience.language = language
    if sets_language is not None:
        audience.sets_language = sets_language
    if field_sets is not None:
        audience.field_sets = {"on": [key for key in SETS if key in field_sets]}
    if makes_segments is not None:
        audience.skips_segments = not makes_segments


def named(session: Session, audience: Audience, language: str) -> list[tuple[str, str, str]]:
    """Return kind, name by now and name in a language of everything of ours that would change."""
    query = select(OwnedName).where(
        OwnedName.audience_id == audience.id, col(OwnedName.remote_id).is_not(None)
    )
    rows = session.exec(query.order_by(col(OwnedName.kind).desc(), col(OwnedName.name))).all()
    needs = need_names(session)
    plain = plain_names(rows, language, needs, shop_segments(session, needs))
    found = []
    for row in rows:
        wanted = plain.get((row.kind, row.key), "")
        now = row.label or row.name
        if row.kind == FIELD and not row.label:
            now = names.FIELD_BY_KEY[row.key].label(row.language or audience.language)
        is_ours = row.kind == FIELD or now.casefold() == row.name.casefold()
        same = (now.casefold(), now.partition(names.SUFFIX)[0].casefold())
        if is_ours and wanted and wanted.casefold() not in same:
            found.append((row.kind, now, wanted))
    return found


def segments_made(session: Session, audience: Audience) -> list[str]:
    """Return the names of our saved segments."""
    query = select(OwnedName.name).where(
        OwnedName.audience_id == audience.id, OwnedName.kind == SEGMENT
    )
    return sorted(session.exec(query))
