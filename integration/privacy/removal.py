"""Taking a person out of every table of ours.

A table says by its columns whom a row is about: `person_id`, `profile_id` or `email_key`. So a new
table with one of these needs nothing here. What names people in another way stands below, and a
test reads every text of every table to see that nothing else does.

Orders stay, without a person: totals and lines are the shop's figures. Their numbers stay too, or
the next import would count the orders once more; they name somebody in the shop's own system only.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, or_, update
from sqlmodel import Session, SQLModel, col

from integration.audience.restraint import REST
from integration.privacy import mentions
from integration.privacy.subject import Subject
from integration.tables import Choice, Inbox, Order, Person, Reject, Separation

#: Columns that tell whom a row is about.
_ABOUT = ("person_id", "profile_id", "email_key")


def remove(session: Session, subject: Subject) -> Counter[str]:
    """Take everything about somebody out; return rows by kind. Repeated, it finds nothing."""
    gone: Counter[str] = Counter()
    gone["orders without a person now"] = _anonymous(session, subject)
    _words(session, subject, gone)
    for table in reversed(SQLModel.metadata.sorted_tables):
        theirs = about(table, subject)
        if theirs is not None and table is not _table(Order):
            gone[table.name] += _run(session, delete(table).where(_mine(session, table), theirs))
    people = _table(Person)
    found = people.c.id.in_(subject.people)
    gone["person"] += _run(session, delete(people).where(_mine(session, people), found))
    session.expire_all()
    return Counter({kind: number for kind, number in gone.items() if number})


def about(table: Table, subject: Subject) -> ColumnElement[bool] | None:
    """Return what selects a table's rows about somebody; None where no column tells."""
    values = dict(zip(_ABOUT, (subject.people, subject.profiles, subject.emails), strict=True))
    conditions = [table.c[name].in_(values[name]) for name in _ABOUT if name in table.c]
    return or_(*conditions) if conditions and "account_id" in table.c else None


def _anonymous(session: Session, subject: Subject) -> int:
    """Take the person off his orders, and the codes given with them, which may be made for him.

    The record's hash is not kept, as it was made of him too.
    """
    table = _table(Order)
    theirs = table.c.profile_id.in_(subject.profiles)
    bare = update(table).where(_mine(session, table), theirs)
    return _run(session, bare.values(profile_id=None, discounts=[], content_hash=""))


def named(session: Session, subject: Subject) -> dict[str, ColumnElement[bool]]:
    """Return what selects rows that name somebody by a number of ours or in a text, by table."""
    rejects = [row.id for row in mentions.rejects(session, subject)]
    deliveries = [row.id for row in mentions.deliveries(session, subject)]
    marks = (col(Choice.kind) == REST) & col(Choice.subject).in_(map(str, subject.profiles))
    one, other = col(Separation.one_id), col(Separation.other_id)
    return {
        "separation": or_(one.in_(subject.profiles), other.in_(subject.profiles)),
        "choice": marks,
        "reject": col(Reject.id).in_(rejects),
        "inbox": col(Inbox.id).in_(deliveries),
    }


def _words(session: Session, subject: Subject, gone: Counter[str]) -> None:
    """Take out what names somebody by a number of ours or in a text: rows, or words in them."""
    for name, condition in named(session, subject).items():
        table = SQLModel.metadata.tables[name]
        gone[name] += _run(session, delete(table).where(_mine(session, table), condition))
    _questions(session, subject)
    people = set(subject.people)
    for check in mentions.checks(session, subject):
        differences = [
            {**one, "people": [person for person in one["people"] if person not in people]}
            for one in check.result["differences"]
        ]
        check.result = {**check.result, "differences": differences}
    session.flush()


def _questions(session: Session, subject: Subject) -> None:
    """Blank somebody in the examples of a question about a file; the question itself stays."""
    names = mentions.whole(mentions.telling(subject))
    for run, _ in mentions.questions(session, subject):
        run.error = mentions.without(run.error or "", names)


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
    return table


def _mine(session: Session, table: Table) -> ColumnElement[bool]:
    # Statements over tables do not get the session's own filter.
    mine: ColumnElement[bool] = table.c.account_id == session.info["account_id"]
    return mine


def _run(session: Session, statement: Any) -> int:
    return int(session.connection().execute(statement).rowcount)
