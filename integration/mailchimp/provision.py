"""Tags and fields in Mailchimp: made when a plan needs them, removed when it is taken back.

What we mean to create is written down before it is created, in a transaction of its own. So after
a kill in between we know that an empty tag of that name is ours; a name that was there before we
wrote it down never is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlmodel import Session, col, select

from integration.audience import names
from integration.audience.difference import FIELD, TAG
from integration.audience.naming import forget
from integration.mailchimp import compare
from integration.mailchimp.answers import FieldInfo, SegmentInfo
from integration.mailchimp.errors import Invalid, NotFound
from integration.mailchimp.renaming import remove_segments
from integration.mailchimp.run import Run
from integration.own.kept import key_of, removed
from integration.reading.names import need_names, own_segments, shop_segments
from integration.tables import OwnedName, PlanChange, PushedValue


def provision(run: Run, kind: str) -> None:
    """Create every tag, or field, that the plan gives to somebody and that is not there yet.

    What Mailchimp refuses to create fails with all rows that need it; the rest goes on.

    Raises
    ------
    MailchimpError
        For anything but a refusal.
    """
    if kind == FIELD:
        _look_at_fields(run)
    keys = _missing(run, kind)
    if keys:
        (_create_tags if kind == TAG else _create_fields)(run, keys)


def _look_at_fields(run: Run) -> None:
    """Note what the merchant renamed since the plan was made, and forget what he removed.

    A value goes by the merge tag: under an old one it would be lost, or land in a field of his.
    """
    with run.transaction() as session:
        owned = run.owned(session, FIELD)
        keys = [key for key in run.open_keys(session, FIELD) if key in owned]
    if not any(owned[key].remote_id is not None for key in keys):
        return
    there = {field.id: field for field in run.mailchimp.fields()}
    with run.transaction() as session:
        for key, row in run.owned(session, FIELD).items():
            field = there.get(row.remote_id or 0)
            if row.remote_id is None:
                continue  # an interrupted push; `_create_fields` looks after it
            if field is None or field.type != names.FIELD_BY_KEY[key].kind:
                forget(session, row)
            elif field.tag != row.name:
                row.name = field.tag


def _missing(run: Run, kind: str) -> list[str]:
    """Keys that the plan gives to somebody and that have no id in Mailchimp yet."""
    with run.transaction() as session:
        owned = run.owned(session, kind)
        keys = run.given_keys(session, kind)
    missing = [key for key in keys if key not in owned or owned[key].remote_id is None]
    return [key for key in missing if key != names.LANGUAGE]


def _create_tags(run: Run, keys: Sequence[str]) -> None:
    there = run.mailchimp.segments()
    taken = {segment.name.casefold() for segment in there}
    with run.transaction() as session:
        needs = need_names(session)
        # An undo gives back the tag of a segment that was removed since.
        gone = removed(session, run.context.clock())
        own = shop_segments(session, needs) | own_segments(session, needs, gone)
        plain = names.tag_names(keys, run.language, needs, own)
    for key in keys:
        intended = _intent(run, TAG, key)
        made = next((s.id for s in there if intended and _is_made_tag(s, intended)), None)
        name = intended
        if name is None or (made is None and name.casefold() in taken):
            name = names.free_tag_name(plain[key], taken)
            _write_intent(run, TAG, key, name)
        _finish(run, TAG, key, made, partial(run.mailchimp.create_tag, name), name)
        taken.add(name.casefold())


def _create_fields(run: Run, keys: Sequence[str]) -> None:
    there = run.mailchimp.fields()
    taken = {field.tag.upper() for field in there}
    for key in keys:
        field = names.FIELD_BY_KEY[key]
        intended = _intent(run, FIELD, key)
        made = next(
            (f.id for f in there if intended and _is_made_field(f, field, intended, run.language)),
            None,
        )
        merge_tag = intended
        if merge_tag is None or (made is None and merge_tag in taken):
            merge_tag = names.free_merge_tag(key, taken)
            _write_intent(run, FIELD, key, merge_tag)
        label = names.label(field, merge_tag, run.language)
        create = partial(run.mailchimp.create_field, tag=merge_tag, label=label, kind=field.kind)
        _finish(run, FIELD, key, made, create, label)
        taken.add(merge_tag)


def _is_made_tag(segment: SegmentInfo, name: str) -> bool:
    """Whether this is the tag that an interrupted push made: of that name, and nobody has it."""
    same = segment.name.casefold() == name.casefold()
    return same and segment.is_tag and segment.member_count == 0


def _is_made_field(there: FieldInfo, field: names.Field, merge_tag: str, language: str) -> bool:
    ours = (merge_tag, names.label(field, merge_tag, language), field.kind)
    return (there.tag, there.label, there.type) == ours


def _intent(run: Run, kind: str, key: str) -> str | None:
    with run.transaction() as session:
        row = run.owned(session, kind).get(key)
        return row.name if row else None


def _write_intent(run: Run, kind: str, key: str, name: str) -> None:
    with run.transaction() as session:
        row = run.owned(session, kind).get(key)
        if row is None:
            row = OwnedName(
                account_id=session.info["account_id"],
                audience_id=run.audience_id,
                kind=kind,
                key=key,
                name=name,
                created_by_plan=run.plan_id,
            )
        row.name = name
        session.add(row)


def _finish(
    run: Run, kind: str, key: str, made: int | None, create: Callable[[], int], label: str
) -> None:
    """Create what was written down, unless it is there, and note its id."""
    try:
        remote_id = create() if made is None else made
    except Invalid as error:
        with run.transaction() as session:
            forget(session, run.owned(session, kind)[key])
            failed = [row for row in run.open_rows(session, kind, key) if row.after is not None]
            run.fail(session, {row.id: str(error) for row in failed})
    else:
        with run.transaction() as session:
            row = run.owned(session, kind)[key]
            row.remote_id, row.label, row.language = remote_id, label, run.language
    run.step()


# -- taking back -----------------------------------------------------------------------------------


def withdraw(run: Run) -> None:
    """Remove the tags and fields that the plan to undo had created, where nobody else uses them.

    A tag that the merchant gave to others, or that a saved segment names, stays; only our own
    people lose it. Removing takes it from everybody at once, so their rows are settled with it.
    """
    remove_segments(run)  # first: a saved segment keeps the tag that it names
    with run.transaction() as session:
        query = select(OwnedName).where(
            OwnedName.audience_id == run.audience_id,
            run.is_taken_back(),
            col(OwnedName.kind).in_((TAG, FIELD)),
        )
        created = session.exec(query.order_by(col(OwnedName.id))).all()
    if not created:
        return
    _take_out(run, created)


def drop_removed(run: Run) -> None:
    """Remove the tags of own segments that the merchant removed, once nobody has them from us.

    Other tags of ours stay when nobody has them: their segments fill again.
    """
    with run.transaction() as session:
        gone = {key_of(row) for row in removed(session, run.context.clock())}
        owned = [row for key, row in run.owned(session, TAG).items() if key in gone]
        empty = [row for row in owned if not _mirrored(session, run, TAG, row.key)]
    if empty:
        _take_out(run, empty)


def _take_out(run: Run, created: Sequence[OwnedName]) -> None:
    segments = run.mailchimp.segments() if any(row.kind == TAG for row in created) else []
    fields = run.mailchimp.fields() if any(row.kind == FIELD for row in created) else []
    used = {tag for segment in segments for tag in segment.uses_tags}
    for row in created:
        if row.kind == TAG:
            _withdraw_tag(run, row, segments, used)
        else:
            _withdraw_field(run, row, fields)
        run.step()


def _withdraw_tag(run: Run, row: OwnedName, there: Sequence[SegmentInfo], used: set[int]) -> None:
    if row.remote_id is None:  # killed between writing down and noting the id
        found = next((s for s in there if _is_made_tag(s, row.name)), None)
    else:
        found = next((s for s in there if s.id == row.remote_id), None)
    if found is not None:
        with run.transaction() as session:
            ours = _holders(session, run, TAG, row.key)
        if found.id in used or not compare.holders(run.mailchimp, found.id) <= ours:
            return
        _remove(run.mailchimp.delete_tag, found.id)
    _settle_removed(run, row)


def _withdraw_field(run: Run, row: OwnedName, there: Sequence[FieldInfo]) -> None:
    if row.remote_id is None:
        field = names.FIELD_BY_KEY[row.key]
        found = [f for f in there if _is_made_field(f, field, row.name, run.language)]
    else:
        found = [f for f in there if f.id == row.remote_id]
    for info in found:
        _remove(run.mailchimp.delete_field, info.id)
    _settle_removed(run, row)


def _remove(remove: Callable[[int], None], remote_id: int) -> None:
    try:
        remove(remote_id)
    except NotFound:
        return  # an earlier try did it


def _holders(session: Session, run: Run, kind: str, key: str) -> set[str]:
    """Addresses that may have it from us: what the mirror says, and what this undo takes back."""
    rows = select(PlanChange.email_key).where(
        PlanChange.plan_id == run.plan_id, PlanChange.kind == kind, PlanChange.key == key
    )
    return _mirrored(session, run, kind, key) | set(session.exec(rows))


def _mirrored(session: Session, run: Run, kind: str, key: str) -> set[str]:
    mirror = select(PushedValue.email_key).where(
        PushedValue.audience_id == run.audience_id,
        PushedValue.kind == kind,
        PushedValue.key == key,
    )
    return set(session.exec(mirror))


def _settle_removed(run: Run, row: OwnedName) -> None:
    with run.transaction() as session:
        run.settle(session, row.kind, run.open_rows(session, row.kind, row.key))
        forget(session, session.get_one(OwnedName, row.id))
