"""The stored plan: exactly what a push will change, before anything is written."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from sqlalchemy import insert
from sqlmodel import Session, col, delete, select

from integration.audience import names
from integration.audience.connect import open_mailchimp
from integration.audience.difference import FIELD, TAG, Change, difference
from integration.audience.members import LIVE
from integration.audience.settled import STOPPED, put_to_rest
from integration.audience.wanted import Wanted, need_names, wanted
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.answers import FieldInfo, SegmentInfo
from integration.mailchimp.client import ROWS_A_CALL
from integration.tables import Audience, Member, OwnedName, Plan, PlanChange, PushedValue

#: Seconds a call and a batch of 500 operations usually take: an assumption, shown as "about".
_CALL_S, _BATCH_S = 0.6, 20.0
#: Calls that one batch costs: hand in, ask, fetch the results.
_CALLS_A_BATCH = 3
_EXAMPLES = 3


class CannotPublish(ValueError):
    """The plan cannot be carried out (any more); the text says why."""


class Summary(TypedDict):
    """What the preview shows; stored as `Plan.summary`."""

    new_tags: list[str]
    new_fields: list[str]
    #: key, name, add, remove, examples (person ids).
    tags: list[dict[str, Any]]
    #: key, name, set, clear.
    fields: list[dict[str, Any]]
    #: Members with any change.
    members: int
    contacts_added: int
    subscriptions_changed: int
    #: About how many calls and seconds.
    requests: int
    seconds: int
    #: Reason -> members that get nothing.
    left_out: dict[str, int]
    #: key and values; `warning_text` makes the sentence.
    warnings: list[dict[str, Any]]


def make_plan(context: Context, audience: Audience) -> Plan:
    """Compare what the audience should hold with what we pushed, and store the difference.

    Reads the audience's tag and field names, writes nothing there. Earlier plans that are not
    carried out are put to rest.

    Raises
    ------
    MailchimpError
    """
    mailchimp = open_mailchimp(context, audience)
    segments, fields = mailchimp.segments(), mailchimp.fields()
    with scoped(context.engine, audience.account_id) as session:
        _forget_lost_names(session, audience, segments, fields)
        target = wanted(session, audience)
        warnings = _fit_fields(session, audience, target, fields)
        if target.over_budget:
            warnings.append({"key": "tag_budget", "more": len(target.over_budget)})
        held, sent = pushed(session, audience), unsure(session, audience)
        changes = list(difference(target.values, held, sent))
        naming = _Naming(session, audience, segments, fields)
        summary = _summary(changes, target.people, naming, warnings)
        summary["left_out"] = dict(target.left_out)
        return store(context, session, audience, changes, summary, target.people)


def store(
    context: Context,
    session: Session,
    audience: Audience,
    changes: Sequence[Change],
    summary: Summary,
    people: Mapping[str, int],
    *,
    undoes: int | None = None,
) -> Plan:
    """Keep a plan with its changes; no earlier one of its audience can be published any more."""
    assert audience.id is not None
    put_to_rest(session, audience.id)
    plan = Plan(
        account_id=audience.account_id,
        audience_id=audience.id,
        kind="push" if undoes is None else "undo",
        undoes=undoes,
        summary=dict(summary),
        created_at=context.clock(),
    )
    session.add(plan)
    session.flush()
    rows = [
        {
            "account_id": audience.account_id,
            "plan_id": plan.id,
            "email_key": change.email_key,
            "person_id": people.get(change.email_key),
            "kind": change.kind,
            "key": change.key,
            "before": change.before,
            "after": change.after,
            "status": "todo",
        }
        for change in changes
    ]
    if rows:
        session.connection().execute(insert(PlanChange), rows)
    return plan


def pushed(session: Session, audience: Audience) -> dict[str, dict[tuple[str, str], str]]:
    """Return what we last wrote for every member that may be written to."""
    query = (
        select(PushedValue.email_key, PushedValue.kind, PushedValue.key, PushedValue.value)
        .join(
            Member,
            (col(Member.audience_id) == col(PushedValue.audience_id))
            & (col(Member.email_key) == col(PushedValue.email_key)),
        )
        .where(PushedValue.audience_id == audience.id, col(Member.status).in_(LIVE))
    )
    held: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for email_key, kind, key, value in session.exec(query):
        held[email_key][kind, key] = value
    return held


def unsure(session: Session, audience: Audience) -> dict[str, set[tuple[str, str]]]:
    """Return what plans that stopped have sent, where nobody knows whether it arrived.

    Taken for present: it is written again where it is wanted and taken away where it is not.
    """
    query = (
        select(PlanChange.email_key, PlanChange.kind, PlanChange.key)
        .join(Plan, col(Plan.id) == col(PlanChange.plan_id))
        .join(
            Member,
            (col(Member.audience_id) == col(Plan.audience_id))
            & (col(Member.email_key) == col(PlanChange.email_key)),
        )
        .where(
            Plan.audience_id == audience.id,
            col(Plan.status).in_(STOPPED),
            PlanChange.status == "sent",
            col(Member.status).in_(LIVE),
        )
    )
    owned = _owned(session, audience)  # a tag that is not there is on nobody
    sent: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for email_key, kind, key in session.exec(query):
        if (kind, key) in owned:
            sent[email_key].add((kind, key))
    return sent


def rows(session: Session, plan_id: int) -> Iterator[dict[str, str]]:
    """Yield a plan's changes as rows of a file to download, one a member and tag or field."""
    summary = session.get_one(Plan, plan_id).summary
    labels = {
        (kind, row["key"]): row["name"]
        for kind, part in ((TAG, "tags"), (FIELD, "fields"))
        for row in summary[part]
    }
    query = select(PlanChange).where(PlanChange.plan_id == plan_id)
    for change in session.exec(query.order_by(col(PlanChange.id))):
        yield {
            "email": change.email_key,
            "kind": change.kind,
            "key": change.key,
            "name": labels[change.kind, change.key],
            "before": _shown(change, change.before),
            "after": _shown(change, change.after),
            "status": change.status,
            "error": change.error or "",
        }


def _shown(change: PlanChange, value: str | None) -> str:
    if change.kind == TAG:
        return "" if value is None else "x"
    return value or ""


_TEXTS = {
    ("tag_taken", "en"): "You already have a tag “{name}”. We leave it alone; ours is “{used}”.",
    ("tag_taken", "nl"): "Je hebt al een tag “{name}”. Die laten we met rust; de onze is “{used}”.",
    ("field_taken", "en"): "You already have a field {name}. We leave it alone; ours is {used}.",
    ("field_taken", "nl"): "Je hebt al een veld {name}. Dat laten we met rust; het onze is {used}.",
    ("field_budget", "en"): "This audience has room for {room} more fields. Left out: {fields}.",
    ("field_budget", "nl"): "In deze doelgroep passen nog {room} velden. Weggelaten: {fields}.",
    ("tag_budget", "en"): (
        "{more} more tags did not fit: there is room for 60, and for a fixed number of each kind. "
        "The ones with the most people go first."
    ),
    ("tag_budget", "nl"): (
        "{more} tags pasten er niet meer bij: er is ruimte voor 60, en van elke soort voor een "
        "vast aantal. Die met de meeste mensen gaan voor."
    ),
}


def warning_text(warning: Mapping[str, Any], language: str) -> str:
    """Return a warning of a summary as a sentence in "en" or "nl".

    Examples
    --------
    >>> warning_text({"key": "field_budget", "room": 2, "fields": ["WHY", "LOVES2"]}, "en")
    'This audience has room for 2 more fields. Left out: WHY, LOVES2.'
    """
    values = {k: ", ".join(v) if isinstance(v, list) else v for k, v in warning.items()}
    return _TEXTS[warning["key"], language].format(**values)


# -- names and room --------------------------------------------------------------------------------


class _Naming:
    """What tags and fields are, or will be, called in the audience."""

    def __init__(
        self,
        session: Session,
        audience: Audience,
        segments: Sequence[SegmentInfo],
        fields: Sequence[FieldInfo],
    ) -> None:
        self.owned = _owned(session, audience)
        self._language = audience.language
        self._needs = need_names(session)
        self._tags = [segment.name for segment in segments]
        self._fields = [field.tag for field in fields]

    def tags(self, keys: Collection[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """Names of tags by key, and a warning for each that had to give way."""
        plain = names.tag_names(
            [k for k in sorted(keys) if (TAG, k) not in self.owned], self._language, self._needs
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
            merge_tag = self.owned.get((FIELD, key)) or names.free_merge_tag(key, self._fields)
            result[key] = merge_tag
            if merge_tag != key and (FIELD, key) not in self.owned:
                warnings.append({"key": "field_taken", "name": key, "used": merge_tag})
        return result, warnings


def _owned(session: Session, audience: Audience) -> dict[tuple[str, str], str]:
    query = select(OwnedName).where(OwnedName.audience_id == audience.id)
    return {(row.kind, row.key): row.name for row in session.exec(query)}


def _forget_lost_names(
    session: Session,
    audience: Audience,
    segments: Sequence[SegmentInfo],
    fields: Sequence[FieldInfo],
) -> None:
    """Drop from ledger and mirror what somebody removed in Mailchimp; note new names.

    Whoever renames a tag of ours keeps it: the id tells that it is still ours.
    """
    there = {TAG: {s.id: s.name for s in segments}, FIELD: {f.id: f.tag for f in fields}}
    for row in session.exec(select(OwnedName).where(OwnedName.audience_id == audience.id)).all():
        if row.remote_id is None:
            continue  # an interrupted push looks after its own
        name = there[row.kind].get(row.remote_id)
        if name is None:
            forget(session, row)
        elif name != row.name:
            row.name = name


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


def _fit_fields(
    session: Session, audience: Audience, target: Wanted, there: Sequence[FieldInfo]
) -> list[dict[str, Any]]:
    """Take fields that the audience has no room for out of the wanted state; say which."""
    owned = _owned(session, audience)
    asked = {key for values in target.values.values() for kind, key in values if kind == FIELD}
    new = [f.key for f in names.FIELDS if f.key in asked and (FIELD, f.key) not in owned]
    room = max(names.FIELD_LIMIT - len(there), 0)
    left_out = new[room:]
    for values in target.values.values():
        for key in left_out:
            values.pop((FIELD, key), None)
    if not left_out:
        return []
    return [{"key": "field_budget", "room": room, "fields": left_out}]


# -- summary ---------------------------------------------------------------------------------------


def _summary(
    changes: Iterable[Change],
    people: Mapping[str, int],
    naming: _Naming,
    warnings: list[dict[str, Any]],
) -> Summary:
    by_name: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in changes:
        by_name[change.kind, change.key].append(change)
    tag_names, tag_warnings = naming.tags({key for kind, key in by_name if kind == TAG})
    field_names, field_warnings = naming.fields({key for kind, key in by_name if kind == FIELD})
    tags = [
        {"key": key, "name": tag_names[key], **_tag_counts(group, people)}
        for (kind, key), group in sorted(by_name.items())
        if kind == TAG
    ]
    fields: list[dict[str, Any]] = [
        {"key": key, "name": field_names[key], **_field_counts(group)}
        for (kind, key), group in sorted(by_name.items())
        if kind == FIELD
    ]
    new_tags = [row["name"] for row in tags if (TAG, row["key"]) not in naming.owned]
    new_fields = [row["name"] for row in fields if (FIELD, row["key"]) not in naming.owned]
    requests, seconds = estimate(by_name, created=len(new_tags) + len(new_fields))
    return Summary(
        new_tags=new_tags,
        new_fields=new_fields,
        tags=tags,
        fields=fields,
        members=len({c.email_key for group in by_name.values() for c in group}),
        contacts_added=0,
        subscriptions_changed=0,
        requests=requests,
        seconds=seconds,
        left_out={},
        warnings=[*warnings, *tag_warnings, *field_warnings],
    )


def estimate(
    by_name: Mapping[tuple[str, str], Sequence[Change]], *, created: int
) -> tuple[int, int]:
    """Return about how many calls and seconds a push takes.

    Examples
    --------
    >>> some = [Change(str(n), "tag", "stage:new", None, "") for n in range(501)]
    >>> estimate({("tag", "stage:new"): some}, created=1)
    (4, 3)
    """
    calls = created + (1 if created else 0)
    for (kind, _), group in by_name.items():
        if kind == TAG:
            adds = sum(change.after is not None for change in group)
            calls += math.ceil(max(adds, len(group) - adds) / ROWS_A_CALL)
    members = {c.email_key for (kind, _), group in by_name.items() if kind == FIELD for c in group}
    batches = math.ceil(len(members) / ROWS_A_CALL)
    requests = calls + batches * _CALLS_A_BATCH
    return requests, math.ceil(calls * _CALL_S + batches * _BATCH_S)


def _tag_counts(group: Sequence[Change], people: Mapping[str, int]) -> dict[str, Any]:
    adds = [change for change in group if change.after is not None]
    known = [people[change.email_key] for change in adds if change.email_key in people]
    return {"add": len(adds), "remove": len(group) - len(adds), "examples": known[:_EXAMPLES]}


def _field_counts(group: Sequence[Change]) -> dict[str, int]:
    count = Counter("clear" if change.after is None else "set" for change in group)
    return {"set": count["set"], "clear": count["clear"]}
