"""Everything of one shop, and whoever was known by it alone, out of our tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Column, ColumnElement, Table, delete, or_, select, update
from sqlmodel import Session, SQLModel

from integration.tables import Person, PrivacyRequest, Shop, SourceProfile

_Doomed = dict[Table, ColumnElement[bool]]


def forget_shop(session: Session, shop: Shop) -> Counter[str]:
    """Remove a shop's data; return rows by table. The shop's own row stays, and names nothing."""
    tables = {_table(PrivacyRequest), _table(Shop)}
    doomed: _Doomed = {
        table: table.c.shop_id == shop.id
        for table in SQLModel.metadata.sorted_tables
        if "shop_id" in table.c and table not in tables
    }
    gone = _remove(session, doomed)
    people, profiles = _table(Person), _table(SourceProfile)
    account = people.c.account_id == session.info["account_id"]
    known = select(profiles.c.person_id).where(profiles.c.account_id == session.info["account_id"])
    gone += _remove(session, {people: account & people.c.id.not_in(known)})
    # Another id, so that the shop can come anew.
    shop.name, shop.external_id, shop.config, shop.secret = "", f"forgotten {shop.id}", {}, None
    session.flush()
    session.expire_all()
    return gone


def _remove(session: Session, roots: Mapping[Table, ColumnElement[bool]]) -> Counter[str]:
    """Delete rows and what cannot be without them; whatever can is let go of them."""
    doomed: _Doomed = dict(roots)
    for table in SQLModel.metadata.sorted_tables:  # what is referred to comes first
        tied = [
            column.in_(select(parent.c.id).where(doomed[parent]))
            for column, parent in _references(table)
            if parent in doomed and not column.nullable
        ]
        if tied:
            doomed[table] = or_(*tied, *([doomed[table]] if table in doomed else []))
    for table in SQLModel.metadata.sorted_tables:
        for column, parent in _references(table):
            if parent in doomed and column.nullable:
                there = column.in_(select(parent.c.id).where(doomed[parent]))
                session.connection().execute(update(table).where(there).values({column.name: None}))
    gone: Counter[str] = Counter()
    for table in reversed(SQLModel.metadata.sorted_tables):
        if table in doomed:
            number = session.connection().execute(delete(table).where(doomed[table])).rowcount
            gone[table.name] += number
    return Counter({name: number for name, number in gone.items() if number})


def _references(table: Table) -> list[tuple[Column[int], Table]]:
    return [
        (column, key.column.table)
        for column in table.columns
        for key in column.foreign_keys
        if key.column.name == "id"
    ]


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
    return table
