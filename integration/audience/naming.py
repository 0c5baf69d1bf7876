"""What is ours in an audience and what it is called there, and how many fields have room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import Session, col, delete, select

from integration.audience import names
from integration.audience.difference import FIELD, SEGMENT, TAG
from integration.audience.wanted import Wanted
from integration.mailchimp.answers import FieldInfo, SegmentInfo
from integration.reading.names import need_names, shop_segments
from integration.tables import Audience, OwnedName, PushedValue


class Naming:
    """What tags and fields are, or will be, called in the audience."""

    def __init__(
        self,
        session: Session,
        audience: Audience,
        segments: Sequence[SegmentInfo],
        fields: Sequence[FieldInfo],
    ) -> None:
        self.owned = owned(session, audience)
        self._language = audience.language
        self._needs = need_names(session)
        self._own = shop_segments(session, self._needs)
        self._tags = [segment.name for segment in segments]
        self._fields = [field.tag for field in fields]

    def tags(self, keys: Collection[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """Names of tags by key, and a warning for each that had to give way."""
        plain = names.tag_names(
            [k for k in sorted(keys) if (TAG, k) not in self.owned],
            self._language,
            self._needs,
            self._own,
        )
        new = names.new_names(plain, self._tags)
        warnings = [
            {"key": "tag_taken", "name": plain[key], "used": name}
            for key, name in new.items()
            if name != plain[key]
        ]
        return {key: new.get(key) or self.owned[TAG, key] for key in keys}, warnings

    def fields(self, keys: Collection[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """Merge tags by key, and a warning for each that had to give way."""
        result, warnings = {}, []
        for key in sorted(keys):
            if key == names.LANGUAGE:
                result[key] = key
                continue
            merge_tag = self.owned.get((FIELD, key)) or names.free_merge_tag(key, self._fields)
            result[key] = merge_tag
            if merge_tag != key and (FIELD, key) not in self.owned:
                warnings.append({"key": "field_taken", "name": key, "used": merge_tag})
        return result, warnings


def owned(session: Session, audience: Audience) -> dict[tuple[str, str], str]:
    """Return what is ours, by kind and key, and what it is called in Mailchimp."""
    query = select(OwnedName).where(OwnedName.audience_id == audience.id)
    return {(row.kind, row.key): row.name for row in session.exec(query)}


def forget_lost(
    session: Session,
    audience: Audience,
    segments: Sequence[SegmentInfo],
    fields: Sequence[FieldInfo],
) -> list[dict[str, Any]]:
    """Drop from ledger and mirror what somebody removed in Mailchimp; note new names.

    Whoever renames a tag of ours keeps it: the id tells that it is still ours. A field that was
    given another type is his from then on. A saved segment that he removed stays removed. Returns
    a warning for each field that has to be made again.
    """
    tags, held = {s.id: s.name for s in segments}, {f.id: f for f in fields}
    warnings: list[dict[str, Any]] = []
    for row in session.exec(select(OwnedName).where(OwnedName.audience_id == audience.id)).all():
        if row.remote_id is None:
            continue  # an interrupted push looks after its own
        if row.kind == FIELD:
            field = held.get(row.remote_id)
            same = field is not None and field.type == names.FIELD_BY_KEY[row.key].kind
            name = field.tag if field is not None and same else None
            if name is None:
                gone = "field_deleted" if field is None else "field_retyped"
                warnings.append({"key": gone, "name": row.name})
        else:
            name = tags.get(row.remote_id, row.name if row.kind == SEGMENT else None)
        if name is None:
            forget(session, row)
        elif name != row.name:
            row.name = name
    return warnings


def forget(session: Session, row: OwnedName) -> None:
    """Take a tag or field, and what the mirror holds of it, out of our books."""
    session.exec(
        delete(PushedValue).where(
            col(PushedValue.audience_id) == row.audience_id,
            col(PushedValue.kind) == row.kind,
            col(PushedValue.key) == row.key,
        )
    )
    session.delete(row)


def fit_fields(
    session: Session, audience: Audience, target: Wanted, there: Sequence[FieldInfo]
) -> tuple[int, list[dict[str, Any]]]:
    """Take fields that the audience has no room for out of the wanted state.

    Returns how many fields can still be made after this plan, and a warning of what is left out.
    """
    mine = owned(session, audience)
    asked = {key for values in target.values.values() for kind, key in values if kind == FIELD}
    new = [f.key for f in names.ALL_FIELDS if f.key in asked and (FIELD, f.key) not in mine]
    room = max(names.field_limit(len(there)) - len(there), 0)
    left_out = new[room:]
    for values in target.values.values():
        for key in left_out:
            values.pop((FIELD, key), None)
    if not left_out:
        return room - len(new), []
    return 0, [{"key": "field_budget", "room": room, "fields": left_out}]
