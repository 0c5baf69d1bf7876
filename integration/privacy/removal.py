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
from sqlmodel import Session, SQLModel, col, select

from integration.audience.restraint import REST
from integration.privacy import mentions
from integration.privacy.subject import Subject
from integration.tables import Choice, ImportRun, Order, Person, Separation

#: Columns that tell whom a row is about.
_ABOUT = ("person_id", "profile_id", "email_key")
_LEFT_OUT = "…"


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
    """Take the person off his orders; the record's hash is not kept, as it was made of him too."""
    table = _table(Order)
    theirs = table.c.profile_id.in_(subject.profiles)
    bare = update(table).where(_mine(session, table), theirs)
    return _run(session, bare.values(profile_id=None, content_hash=""))


def _words(session: Session, subject: Subject, gone: Counter[str]) -> None:
    """Take out rows that name somebody by a number of ours or in a text."""
    pairs = or_(
        col(Separation.one_id).in_(subject.profiles), col(Separation.other_id).in_(subject.profiles)
    )
    marks = (col(Choice.kind) == REST) & col(Choice.subject).in_(map(str, subject.profiles))
    for model, condition in ((Separation, pairs), (Choice, marks)):
        table = _table(model)
        found = delete(table).where(_mine(session, table), condition)
        gone[table.name] += _run(session, found)
    for kind, rows in (
        ("reject", mentions.rejects(session, subject)),
        ("inbox", mentions.deliveries(session, subject)),
    ):
        for row in rows:
            session.delete(row)
        gone[kind] += len(rows)
    session.flush()
    _questions(session, mentions.telling(subject))


def _questions(session: Session, named: list[str]) -> None:
    """Blank somebody in the examples of a question about a file; the question itself stays."""
    if not named:
        return
    names = mentions.whole(named)
    for run in session.exec(select(ImportRun).where(col(ImportRun.error).is_not(None))):
        text = names.sub(_LEFT_OUT, run.error or "")
        if text != run.error:
            run.error = text
    session.flush()


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
    return table


def _mine(session: Session, table: Table) -> ColumnElement[bool]:
    # Statements over tables do not get the session's own filter.
    mine: ColumnElement[bool] = table.c.account_id == session.info["account_id"]
    return mine


def _run(session: Session, statement: Any) -> int:
    return int(session.connection().execute(statement).rowcount)
