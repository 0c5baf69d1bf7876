"""The stored plan: exactly what a push will change, before anything is written."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from sqlalchemy import insert
from sqlmodel import Session, col, select

from integration.audience import languages, names
from integration.audience.adding import Newcomers, newcomers
from integration.audience.connect import open_mailchimp
from integration.audience.difference import CONTACT, FIELD, TAG, Change, difference
from integration.audience.floods import floods
from integration.audience.members import LIVE
from integration.audience.naming import Naming, fit_fields, forget_lost, owned
from integration.audience.renames import NameChange, name_changes
from integration.audience.settled import STOPPED, put_to_rest
from integration.audience.wanted import wanted
from integration.context import Context
from integration.db import scoped
from integration.fits import newest_id
from integration.mailchimp.client import ROWS_A_CALL
from integration.mailchimp.contacts import sign_up
from integration.tables import (
    Addition,
    Audience,
    Member,
    Plan,
    PlanChange,
    PlanName,
    PushedValue,
)
from integration.work.queue import Lease

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
    #: Keys of tags that far more people than usual get: see `audience.floods`; of an undo all that
    #: it gives back.
    floods: list[str]
    #: Whether these are given so that no flow starts.
    quiet: bool
    #: key, name, set, clear.
    fields: list[dict[str, Any]]
    #: kind, key, before, after: names of ours that change; "before" is None for a saved segment
    #: that is made.
    names: list[dict[str, Any]]
    #: Fields that the audience has room for afterwards.
    fields_left: int
    #: Members with any change.
    members: int
    #: Contacts that come onto the merchant's bill, those of them who still have to confirm, and
    #: contacts that an undo archives.
    contacts_added: int
    contacts_pending: int
    contacts_archived: int
    #: Reason -> people with an opt-in who are not added.
    not_added: dict[str, int]
    subscriptions_changed: int
    #: About how many calls and seconds.
    requests: int
    seconds: int
    #: Reason -> members that get nothing.
    left_out: dict[str, int]
    #: key and values; `warning_text` makes the sentence.
    warnings: list[dict[str, Any]]
    #: Of an undo: keeping in step was on, and is switched off by it.
    stops_keeping: NotRequired[bool]


def make_plan(
    context: Context,
    audience: Audience,
    *,
    by_itself: bool = False,
    lease: Lease | None = None,
    then: Callable[[Session, Plan], None] | None = None,
) -> Plan:
    """Compare what the audience should hold with what we pushed, and store the difference.

    Reads the audience's tag and field names, writes nothing there. Earlier plans that are not
    carried out are put to rest.

    Parameters
    ----------
    by_itself
        The plan is to be published without a click: it adds no contact and gives no name, which
        the merchant sees in a preview first.
    lease
        The work that makes it: who lost that to another worker stores no plan.
    then
        What belongs into the transaction that stores the plan.

    Raises
    ------
    MailchimpError, LeaseLost
    """
    mailchimp = open_mailchimp(context, audience)
    segments, fields = mailchimp.segments(), mailchimp.fields()
    form = sign_up(mailchimp) if audience.adds_contacts else None
    with scoped(context.engine, audience.account_id) as session:
        audience = session.get_one(Audience, audience.id)
        if form is not None:
            audience.double_optin, audience.form_url = form.asks_to_confirm, form.form_url
        warnings = forget_lost(session, audience, segments, fields)
        languages.let_go(session, audience)
        adds = audience.adds_contacts and not by_itself
        new = newcomers(session, audience, fields) if adds else Newcomers()
        target = wanted(session, audience, new.people)
        left, too_many = fit_fields(session, audience, target, fields)
        warnings += too_many
        if target.over_budget:
            warnings.append({"key": "tag_budget", "more": len(target.over_budget)})
        held, sent = pushed(session, audience), unsure(session, audience)
        changes = list(difference(target.values, held, sent))
        tags = Counter(k for v in target.values.values() for kind, k in v if kind == TAG)
        renamed: list[NameChange] = []
        more: list[dict[str, Any]] = []
        if not by_itself:
            renamed, more = name_changes(session, audience, segments, fields, tags)
        naming = Naming(session, audience, segments, fields)
        mine = [key for kind, key in naming.owned if kind == TAG]
        many = floods(session, audience, changes, held, mine)
        summary = _summary(_added(new) + changes, target.people, naming, many, warnings + more)
        summary["names"] = [change.shown() for change in renamed]
        summary["left_out"], summary["fields_left"] = dict(target.left_out), left
        summary["not_added"] = new.left_out
        summary["requests"] += len(renamed)
        plan = store(context, session, audience, _added(new) + changes, summary, target.people)
        store_names(session, plan, renamed)
        _store_additions(session, plan, new)
        session.flush()
        if lease is not None:
            lease.extend(session)
        if then is not None:
            then(session, plan)
        return plan


def _added(new: Newcomers) -> list[Change]:
    return [Change(one.email_key, CONTACT, "", None, one.status) for one in new.found]


def store_names(session: Session, plan: Plan, changes: Iterable[NameChange]) -> None:
    """Keep the names that a plan gives."""
    assert plan.id is not None
    for change in changes:
        session.add(PlanName(plan_id=plan.id, account_id=plan.account_id, **change.row()))


def _store_additions(session: Session, plan: Plan, new: Newcomers) -> None:
    rows = [
        {
            "account_id": plan.account_id,
            "plan_id": plan.id,
            "email_key": one.email_key,
            "person_id": one.person_id,
            "state": one.state,
            "source": one.source,
            "at": one.at,
            "evidence": one.evidence,
            "merge_fields": dict(one.merge_fields),
            "language": one.language,
        }
        for one in new.found
    ]
    if rows:
        session.connection().execute(insert(Addition), rows)


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
        model_id=newest_id(session),
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
    mine = owned(session, audience)  # a tag that is not there is on nobody
    sent: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for email_key, kind, key in session.exec(query):
        if (kind, key) in mine or (kind, key) == (FIELD, names.LANGUAGE):
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
            "name": labels.get((change.kind, change.key), ""),
            "before": _shown(change, change.before),
            "after": _shown(change, change.after),
            "status": change.status,
            "error": change.error or "",
        }
    named = select(PlanName).where(PlanName.plan_id == plan_id).order_by(col(PlanName.id))
    for row in session.exec(named):
        yield {
            "email": "",
            "kind": row.kind,
            "key": row.key,
            "name": row.after or row.before or "",
            "before": row.before or "",
            "after": row.after or "",
            "status": row.status,
            "error": row.error or "",
        }


def _shown(change: PlanChange, value: str | None) -> str:
    if change.kind == TAG:
        return "" if value is None else "x"
    return value or ""


# -- summary ---------------------------------------------------------------------------------------


def _summary(
    changes: Iterable[Change],
    people: Mapping[str, int],
    naming: Naming,
    many: list[str],
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
    new_fields = [
        row["name"]
        for row in fields
        if (FIELD, row["key"]) not in naming.owned and row["key"] != names.LANGUAGE
    ]
    added = by_name.get((CONTACT, ""), [])
    created = len(new_tags) + len(new_fields)
    requests, seconds = estimate(by_name, created=created, quiet=many)
    return Summary(
        new_tags=new_tags,
        new_fields=new_fields,
        tags=tags,
        floods=many,
        quiet=True,
        fields=fields,
        names=[],
        fields_left=0,
        members=len({c.email_key for group in by_name.values() for c in group}),
        contacts_added=len(added),
        contacts_pending=sum(change.after == "pending" for change in added),
        contacts_archived=0,
        not_added={},
        subscriptions_changed=0,
        requests=requests,
        seconds=seconds,
        left_out={},
        warnings=[*warnings, *tag_warnings, *field_warnings],
    )


def estimate(
    by_name: Mapping[tuple[str, str], Sequence[Change]],
    *,
    created: int,
    quiet: Collection[str] = (),
) -> tuple[int, int]:
    """Return about how many calls and seconds a push takes.

    Parameters
    ----------
    created
        Tags and fields that are made first.
    quiet
        Keys of tags that are given by operations of batches, one a member.

    Examples
    --------
    >>> some = [Change(str(n), "tag", "stage:new", None, "") for n in range(501)]
    >>> estimate({("tag", "stage:new"): some}, created=1)
    (4, 3)
    >>> estimate({("tag", "stage:new"): some}, created=0, quiet=["stage:new"])
    (6, 40)
    """
    calls = created + (1 if created else 0)
    told: set[str] = set()
    for (kind, key), group in by_name.items():
        if kind != TAG:
            continue
        given = [change.email_key for change in group if change.after is not None]
        taken = len(group) - len(given)
        if key in quiet:
            told.update(given)
            given = []
        calls += math.ceil(max(len(given), taken) / ROWS_A_CALL)
    members = {c.email_key for (kind, _), group in by_name.items() if kind == FIELD for c in group}
    added = len(by_name.get((CONTACT, ""), ()))
    batches = sum(math.ceil(n / ROWS_A_CALL) for n in (len(members), added, len(told)))
    requests = calls + batches * _CALLS_A_BATCH
    return requests, math.ceil(calls * _CALL_S + batches * _BATCH_S)


def _tag_counts(group: Sequence[Change], people: Mapping[str, int]) -> dict[str, Any]:
    adds = [change for change in group if change.after is not None]
    known = [people[change.email_key] for change in adds if change.email_key in people]
    return {"add": len(adds), "remove": len(group) - len(adds), "examples": known[:_EXAMPLES]}


def _field_counts(group: Sequence[Change]) -> dict[str, int]:
    count = Counter("clear" if change.after is None else "set" for change in group)
    return {"set": count["set"], "clear": count["clear"]}
