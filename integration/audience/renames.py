"""Names of ours that a plan gives: in another language where they stand, and of saved segments.

A name is changed only while it is the one that we gave last. Whoever calls a tag of ours something
else keeps his word for it; the tag stays ours, as its id tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, select

from integration.audience import names, saved
from integration.audience.difference import FIELD, LIST, SEGMENT, TAG
from integration.flows.recipes import NOT_FOR
from integration.mailchimp.answers import FieldInfo, SegmentInfo
from integration.reading.names import need_names, shop_segments
from integration.tables import Audience, OwnedName
from segmentation.duedates.needs import NeedName
from segmentation.segments import Segment


@dataclass(frozen=True, slots=True)
class NameChange:
    """One name of ours, from what it is to what it becomes.

    `before` is None for a saved segment that is made; both are the same for one whose conditions
    are made anew.
    """

    kind: str
    key: str
    before: str | None
    after: str
    language: str

    def row(self) -> dict[str, Any]:
        """Return the columns of the plan's row."""
        return asdict(self)

    def shown(self) -> dict[str, Any]:
        """Return what the preview keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "language"}


def name_changes(
    session: Session,
    audience: Audience,
    segments: Sequence[SegmentInfo],
    fields: Sequence[FieldInfo],
    people: Mapping[str, int],
) -> tuple[list[NameChange], list[dict[str, Any]]]:
    """Return the names that a plan gives, and a warning for each that had to give way.

    Parameters
    ----------
    people
        Members who have a tag after the plan, by its key.
    """
    needs = need_names(session)
    own = shop_segments(session, needs)
    taken = {segment.name.casefold() for segment in segments}
    owned = session.exec(
        select(OwnedName)
        .where(OwnedName.audience_id == audience.id)
        .order_by(col(OwnedName.kind), col(OwnedName.key))
    ).all()
    changes = _renames(owned, audience.language, needs, own, segments, fields, taken)
    if audience.skips_segments:
        return changes, []
    renamed = {change.key for change in changes if change.kind == SEGMENT}
    changes += [
        change for change in _renewed(owned, audience, segments) if change.key not in renamed
    ]
    made, warnings = _made(owned, audience.language, needs, people, taken)
    return changes + made, warnings


def _renames(
    owned: Iterable[OwnedName],
    language: str,
    needs: Mapping[str, NeedName],
    own: Mapping[str, Segment],
    segments: Sequence[SegmentInfo],
    fields: Sequence[FieldInfo],
    taken: set[str],
) -> list[NameChange]:
    """Names that were given in another language than the audience's by now, and those of
    segments that only this shop has: the merchant, or what its people buy, may name them anew."""
    old = [
        row
        for row in owned
        if row.remote_id is not None and (row.language != language or row.key in own)
    ]
    plain = plain_names(old, language, needs, own)
    there, labels = {s.id: s.name for s in segments}, {f.id: f.label for f in fields}
    found: list[NameChange] = []
    for row in old:
        shown = (labels if row.kind == FIELD else there).get(row.remote_id or 0)
        wanted = plain.get((row.kind, row.key))
        if shown is None or wanted is None or not _is_ours(row, shown):
            continue
        new = _new_name(row, shown, wanted, taken)
        if new is not None:
            found.append(NameChange(row.kind, row.key, shown, new, language))
            taken.add(new.casefold())
    return found


def plain_names(
    owned: Iterable[OwnedName],
    language: str,
    needs: Mapping[str, NeedName],
    own: Mapping[str, Segment],
) -> dict[tuple[str, str], str]:
    """Return what our names are in a language by kind and key, before anything gives way."""
    rows = list(owned)
    tags = names.tag_names((row.key for row in rows if row.kind == TAG), language, needs, own)
    plain = {(TAG, key): name for key, name in tags.items()}
    for row in rows:
        if row.kind == FIELD and row.key in names.FIELD_BY_KEY:
            plain[FIELD, row.key] = names.label(names.FIELD_BY_KEY[row.key], row.name, language)
        elif row.kind == SEGMENT:
            plain[SEGMENT, row.key] = saved.name(row.key, language, needs)
        elif row.kind == LIST:
            plain[LIST, row.key] = NOT_FOR[row.key][language == "nl"]
    return plain


def _is_ours(row: OwnedName, shown: str) -> bool:
    """Whether it still has the name that we gave last; Mailchimp may have changed its case."""
    if row.label:
        return shown.casefold() == row.label.casefold()
    # Given before we kept what we call a thing: a field's label can only be one of two.
    if row.kind == FIELD:
        return names.is_label_of(names.FIELD_BY_KEY[row.key], shown)
    return True


def _new_name(row: OwnedName, shown: str, wanted: str, taken: set[str]) -> str | None:
    """The name to give, None when it has it already."""
    if wanted.casefold() in (shown.casefold(), shown.partition(names.SUFFIX)[0].casefold()):
        return None
    # Labels of fields need not differ from each other, names of tags and segments must.
    return wanted if row.kind == FIELD else names.free_tag_name(wanted, taken)


# -- saved segments --------------------------------------------------------------------------------


def _made(
    owned: Iterable[OwnedName],
    language: str,
    needs: Mapping[str, NeedName],
    people: Mapping[str, int],
    taken: set[str],
) -> tuple[list[NameChange], list[dict[str, Any]]]:
    """Saved segments that are not there yet; what the merchant removed does not come back."""
    known = {row.key for row in owned if row.kind == SEGMENT and row.remote_id is not None}
    made, warnings = [], []
    for key in saved.wanted(people, known):
        plain = saved.name(key, language, needs)
        name = names.free_tag_name(plain, taken)
        if name != plain:
            warnings.append({"key": "segment_taken", "name": plain, "used": name})
        made.append(NameChange(SEGMENT, key, None, name, language))
        taken.add(name.casefold())
    return made, warnings


def _renewed(
    owned: Iterable[OwnedName], audience: Audience, segments: Sequence[SegmentInfo]
) -> list[NameChange]:
    """Saved segments of ours that do not leave out the holdout yet, while it has a tag.

    Only those with exactly the conditions that we gave them: the merchant's own are his.
    """
    rows = list(owned)
    tags = {row.key: row.remote_id for row in rows if row.kind == TAG and row.remote_id}
    there = {segment.id: segment for segment in segments}
    changes = []
    for row in rows:
        segment = there.get(row.remote_id or 0) if row.kind == SEGMENT else None
        tag_id = tags.get(saved.tag_of(row.key)) if row.kind == SEGMENT else None
        if segment is None or tag_id is None or saved.HOLDOUT not in tags:
            continue
        if segment.uses_tags == {tag_id} and segment.conditions == 1:
            name = segment.name
            changes.append(NameChange(SEGMENT, row.key, name, name, audience.language))
    return changes
