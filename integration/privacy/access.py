"""Everything we know of a person, in one document: what Stipt holds and what Mailchimp holds.

One JSON file: complete, exact, the same for people and programs, and it can be handed on. What is
easier to read stands on the person's page. Rows come from every table that says by its columns
whom it is about, so a new table is in the document without being named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import personal
from integration.privacy import mentions
from integration.privacy.removal import about
from integration.privacy.subject import Subject
from integration.tables import (
    Account,
    Audience,
    Order,
    OrderLine,
    Plan,
    Refund,
    RefundLine,
    Reject,
    Shop,
)

#: Columns that say nothing of a person: numbers of our own rows, and whose rows they are.
_OURS = ("id", "account_id", "content_hash", "audience_id", "run_id", "order_id", "refund_id")


def document(context: Context, account_id: int, subject: Subject) -> dict[str, Any]:
    """Return everything that is known of somebody, with sources and moments; nothing of others.

    Raises
    ------
    MailchimpError
        Half an answer would look like a whole one.
    """
    connected = select(Audience).where(col(Audience.disconnected_at).is_(None))
    with scoped(context.engine, account_id) as session:
        found = {
            "made_at": context.clock().isoformat(),
            "by": session.get_one(Account, account_id).name,
            "addresses": list(subject.emails),
            "stipt": _here(session, subject),
        }
        audiences = session.exec(connected.order_by(col(Audience.id))).all()
    return {**found, "mailchimp": _there(context, audiences, subject)}


def text(told: Mapping[str, Any]) -> str:
    """Return the document as the file to hand over."""
    return json.dumps(told, indent=2, ensure_ascii=False, default=str)


def _here(session: Session, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Table -> rows about somebody."""
    names = _Names(session)
    found: dict[str, list[dict[str, Any]]] = {}
    for table in SQLModel.metadata.sorted_tables:
        condition = about(table, subject)
        if condition is not None:
            found[table.name] = names.rows(session, table, condition)
    orders = session.exec(
        select(Order.id, Order.shop_id, Order.external_id).where(
            col(Order.profile_id).in_(subject.profiles)
        )
    ).all()
    lines = col(OrderLine.order_id).in_([order_id for order_id, _, _ in orders])
    found["order_line"] = names.rows(session, _table(OrderLine), lines)
    numbers = [(shop_id, number) for _, shop_id, number in orders]
    refunded = sa.tuple_(Refund.shop_id, Refund.order_external_id).in_(numbers)
    found["refund"] = names.rows(session, _table(Refund), refunded)
    lines = col(RefundLine.refund_id).in_(select(Refund.id).where(refunded))
    found["refund_line"] = names.rows(session, _table(RefundLine), lines)
    cells = col(Reject.id).in_([row.id for row in mentions.rejects(session, subject)])
    found["reject"] = names.rows(session, _table(Reject), cells)
    return {name: rows for name, rows in found.items() if rows}


class _Names:
    """What the numbers in rows stand for."""

    def __init__(self, session: Session) -> None:
        self._shops = {shop.id: shop.name for shop in session.exec(select(Shop))}
        self._plans = {plan.id: plan.published_at for plan in session.exec(select(Plan))}
        self._account_id = session.info["account_id"]

    def rows(
        self, session: Session, table: sa.Table, condition: sa.ColumnElement[bool]
    ) -> list[dict[str, Any]]:
        """Return rows of a table with the source's name in place of its number."""
        mine = table.c.account_id == self._account_id
        query = sa.select(table).where(mine, condition).order_by(*table.primary_key)
        return [self._row(dict(row)) for row in session.connection().execute(query).mappings()]

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if "shop_id" in row:
            told["told_by"] = self._shops.get(row.pop("shop_id"), "Mailchimp")
        if "plan_id" in row:
            told["published_at"] = _plain(self._plans.get(row.pop("plan_id")))
        return told | {name: _plain(value) for name, value in row.items() if name not in _OURS}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _there(
    context: Context, audiences: Iterable[Audience], subject: Subject
) -> list[dict[str, Any]]:
    """Return what each connected audience holds of each address."""
    found: list[dict[str, Any]] = []
    for audience in audiences:
        mailchimp = open_mailchimp(context, audience)
        for address in subject.emails:
            held = personal.held(mailchimp, address)
            if held is not None:
                found.append({"audience": audience.name, **held})
    return found


def _table(model: type[SQLModel]) -> sa.Table:
    table: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
    return table
