"""Names in Mailchimp: ours in another language, and the saved segments that a plan makes.

A call by id changes a name and nothing else: membership, values and conditions stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlmodel import Session, col, select

from integration.audience import saved
from integration.audience.difference import FIELD, SEGMENT, TAG
from integration.audience.naming import forget
from integration.mailchimp.answers import SegmentInfo
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import Invalid, NotFound
from integration.mailchimp.run import Run
from integration.tables import OwnedName, PlanName

#: The merchant was quicker than the plan.
NAMED_OTHERWISE = "has another name by now: left as it is"
_GONE = "was deleted in Mailchimp"


def rename(run: Run) -> None:
    """Give names of ours that exist the ones of the plan, where they still have the old ones.

    Raises
    ------
    MailchimpError
        For anything but a refusal.
    """
    with run.transaction() as session:
        rows = [row for row in _open(session, run) if row.before is not None]
    if not rows:
        return
    shown = _shown(run)
    for row in rows:
        with run.transaction() as session:
            owned = run.owned(session, row.kind).get(row.key)
        remote_id = owned.remote_id if owned is not None else None
        there = shown.get((row.kind == FIELD, remote_id or 0))
        if remote_id is None or there is None:
            _settle(run, row, _GONE)
        elif there not in (row.before, row.after):
            _settle(run, row, NAMED_OTHERWISE)
        else:
            _give(run, row, remote_id)
        run.step()


def _shown(run: Run) -> dict[tuple[bool, int], str]:
    """(Is a field, id) -> the name for people that stands there."""
    shown = {(False, segment.id): segment.name for segment in run.mailchimp.segments()}
    return shown | {(True, field.id): field.label for field in run.mailchimp.fields()}


def _give(run: Run, row: PlanName, remote_id: int) -> None:
    assert row.after is not None
    options = _options(run, row.key) if row.kind == SEGMENT and row.before == row.after else None
    try:
        if row.kind == FIELD:
            rename_field(run.mailchimp, remote_id, row.after)
        else:
            rename_segment(run.mailchimp, remote_id, row.after, options)
    except NotFound:
        _settle(run, row, _GONE)
    except Invalid as error:
        _settle(run, row, str(error))
    else:
        _settle(run, row, None)


def _settle(run: Run, row: PlanName, error: str | None) -> None:
    with run.transaction() as session:
        stored = session.get_one(PlanName, row.id)
        stored.status, stored.error = "failed" if error else "done", error
        owned = run.owned(session, row.kind).get(row.key)
        if error is None and owned is not None and row.after is not None:
            owned.label, owned.language = row.after, row.language
            if row.kind != FIELD:
                owned.name = row.after


def _open(session: Session, run: Run) -> Sequence[PlanName]:
    query = select(PlanName).where(PlanName.plan_id == run.plan_id, PlanName.status == "todo")
    return session.exec(query.order_by(col(PlanName.id))).all()


# -- saved segments --------------------------------------------------------------------------------


def make_segments(run: Run) -> None:
    """Make the saved segments of the plan, once their tags are there.

    Raises
    ------
    MailchimpError
        For anything but a refusal.
    """
    with run.transaction() as session:
        rows = [row for row in _open(session, run) if row.before is None]
    there = run.mailchimp.segments() if rows else []
    for row in rows:
        options = _options(run, row.key)
        if options is None:
            _settle(run, row, _GONE)  # the tag was refused, or is on nobody any more
        else:
            _make(run, row, options, there)
        run.step()


def _make(
    run: Run, row: PlanName, options: Mapping[str, Any], there: Sequence[SegmentInfo]
) -> None:
    assert row.after is not None
    with run.transaction() as session:
        began = _intend(session, run, row)
    tags = {condition["value"] for condition in options["conditions"]}
    same = (s for s in there if s.name == row.after and not s.is_tag and s.uses_tags == tags)
    made = [segment.id for segment in same if began]
    try:
        remote_id = made[0] if made else create_segment(run.mailchimp, row.after, options)
    except Invalid as error:
        with run.transaction() as session:
            forget(session, run.owned(session, SEGMENT)[row.key])
        _settle(run, row, str(error))
        return
    with run.transaction() as session:
        run.owned(session, SEGMENT)[row.key].remote_id = remote_id
    _settle(run, row, None)


def _intend(session: Session, run: Run, row: PlanName) -> bool:
    """Write down that a segment of that name will be ours; whether an earlier try did."""
    owned = run.owned(session, SEGMENT).get(row.key)
    if owned is not None and owned.name == row.after:
        return True
    owned = owned or OwnedName(
        account_id=session.info["account_id"],
        audience_id=run.audience_id,
        kind=SEGMENT,
        key=row.key,
        name="",
    )
    owned.name, owned.created_by_plan = row.after or "", run.plan_id
    session.add(owned)
    return False


def _options(run: Run, key: str) -> dict[str, Any] | None:
    with run.transaction() as session:
        tags = run.owned(session, TAG)
    tag, holdout = tags.get(saved.tag_of(key)), tags.get(saved.HOLDOUT)
    if tag is None or tag.remote_id is None:
        return None
    return saved.options(tag.remote_id, holdout.remote_id if holdout is not None else None)


def remove_segments(run: Run) -> None:
    """Remove the saved segments that the plan to undo made, unless somebody uses them by now.

    Used is one that has another name or other conditions than ours, or that a campaign is for.
    """
    with run.transaction() as session:
        query = select(OwnedName).where(
            OwnedName.audience_id == run.audience_id,
            OwnedName.kind == SEGMENT,
            run.is_taken_back(),
        )
        created = session.exec(query.order_by(col(OwnedName.id))).all()
    if not created:
        return
    there = [segment for segment in run.mailchimp.segments() if not segment.is_tag]
    busy = segments_of_campaigns(run.mailchimp)
    for row in created:
        segment = _found(row, there)
        if segment is not None and (segment.id in busy or not _is_as_made(run, row, segment)):
            continue
        if segment is not None:
            with suppress(NotFound):  # an earlier try did it
                run.mailchimp.delete_tag(segment.id)  # one call for tags and saved segments
        with run.transaction() as session:
            forget(session, session.get_one(OwnedName, row.id))
        run.step()


def _found(row: OwnedName, there: Sequence[SegmentInfo]) -> SegmentInfo | None:
    """The segment of ours, also of a call that was killed before its id was noted."""
    if row.remote_id is None:
        return next((segment for segment in there if segment.name == row.name), None)
    return next((segment for segment in there if segment.id == row.remote_id), None)


def _is_as_made(run: Run, row: OwnedName, segment: SegmentInfo) -> bool:
    options = _options(run, row.key)
    ours = {c["value"] for c in options["conditions"]} if options else set()
    fewer = segment.conditions == len(segment.uses_tags) and segment.uses_tags <= ours
    return segment.name == (row.label or row.name) and fewer


# -- calls -----------------------------------------------------------------------------------------


def rename_segment(
    mailchimp: Mailchimp, segment_id: int, name: str, options: Mapping[str, Any] | None = None
) -> None:
    """Give a tag or saved segment another name; its members stay as no address list goes along."""
    body: dict[str, Any] = {"name": name}
    if options is not None:
        body["options"] = dict(options)
    mailchimp.call(mailchimp.official.lists.update_segment, mailchimp.list_id, segment_id, body)


def rename_field(mailchimp: Mailchimp, field_id: int, label: str) -> None:
    """Give a merge field another label; its merge tag stays."""
    update = mailchimp.official.lists.update_list_merge_field
    mailchimp.call(update, mailchimp.list_id, field_id, {"name": label})


def create_segment(mailchimp: Mailchimp, name: str, options: Mapping[str, Any]) -> int:
    """Make a saved segment and return its id."""
    create = mailchimp.official.lists.create_segment
    body = {"name": name, "options": dict(options)}
    return int(mailchimp.call(create, mailchimp.list_id, body)["id"])


def segments_of_campaigns(mailchimp: Mailchimp) -> set[int]:
    """Return the saved segments (and tags) that a campaign of the audience is for."""
    fields = ["campaigns.recipients.segment_opts.saved_segment_id", "total_items"]
    rows = mailchimp.pages(
        mailchimp.official.campaigns.list, "campaigns", fields, list_id=mailchimp.list_id
    )
    found = set()
    for row in rows:
        options = (row.get("recipients") or {}).get("segment_opts") or {}
        found.add(int(options.get("saved_segment_id") or 0))
    return found
