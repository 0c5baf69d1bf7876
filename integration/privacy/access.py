"""Everything we know of a person, in one document: what Stipt holds and what Mailchimp holds.

One JSON file: complete, exact, the same for people and programs, and it can be handed on. What is
easier to read stands on the person's page. Rows come from every table that says by its columns
whom it is about, so a new table is in the document without being named here; a test holds every
table to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from integration.audience.connect import open_mailchimp
from integration.context import Context
from integration.db import scoped
from integration.mailchimp import personal
from integration.privacy import mentions
from integration.privacy.owed import customers, stores_written
from integration.privacy.removal import about, named
from integration.privacy.subject import Subject
from integration.shopdata.ids import remote_id
from integration.tables import (
    Account,
    Audience,
    Campaign,
    Cart,
    Order,
    OrderLine,
    Plan,
    Refund,
    RefundLine,
    Shop,
    ShopRecord,
    ShopStore,
)

#: Columns that say nothing of a person: numbers of our own rows, whose rows they are, hashes, and
#: what is encrypted until it is asked about.
_OURS = (
    *("id", "account_id", "content_hash", "run_id", "order_id", "refund_id", "one_id", "other_id"),
    *("there", "sent", "lines", "checkout"),
)


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
        audiences = [
            (
                audience,
                [
                    (store.store_id, customers(store, subject))
                    for store in stores_written(session, audience.id)
                ],
            )
            for audience in session.exec(connected.order_by(col(Audience.id)))
        ]
    return {**found, "mailchimp": _there(context, audiences, subject)}


def text(told: Mapping[str, Any]) -> str:
    """Return the document as the file to hand over."""
    return json.dumps(told, indent=2, ensure_ascii=False, default=str)


def _here(session: Session, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Table -> rows about somebody."""
    names = _Names(session)
    conditions = {
        table.name: condition
        for table in SQLModel.metadata.sorted_tables
        if (condition := about(table, subject)) is not None
    }
    conditions |= _bought(session, subject) | named(session, subject)
    found = {
        name: names.rows(session, SQLModel.metadata.tables[name], condition)
        for name, condition in conditions.items()
    }
    # Of a question and of a check only what is his: the rest is about other people.
    found["import_run"] = [
        {"name": run.name, "started_at": _plain(run.started_at), "names_the_person": texts}
        for run, texts in mentions.questions(session, subject)
    ]
    found["audience_check"] = [
        {
            "finished_at": _plain(check.finished_at),
            "differs_in": [
                {"what": one["what"], "name": one["name"]}
                for one in check.result["differences"]
                if not set(subject.people).isdisjoint(one["people"])
            ],
        }
        for check in mentions.checks(session, subject)
    ]
    return {name: rows for name, rows in found.items() if rows}


def _bought(session: Session, subject: Subject) -> dict[str, sa.ColumnElement[bool]]:
    """Return what selects what hangs on somebody's orders, and the mirror of what he bought."""
    theirs = col(Order.profile_id).in_(subject.profiles)
    orders = session.exec(select(Order.id, Order.shop_id, Order.external_id).where(theirs)).all()
    carts = session.exec(
        select(Cart.shop_id, Cart.external_id).where(col(Cart.profile_id).in_(subject.profiles))
    ).all()
    numbers = [(shop_id, number) for _, shop_id, number in orders]
    refunded = sa.tuple_(Refund.shop_id, Refund.order_external_id).in_(numbers)
    mirrored = [
        (store.id, kind, key)
        for store in session.exec(select(ShopStore))
        for kind, keys in (
            ("customer", customers(store, subject)),
            ("order", [remote_id(one) for shop_id, one in numbers if shop_id == store.shop_id]),
            ("cart", [remote_id(one) for shop_id, one in carts if shop_id == store.shop_id]),
        )
        for key in keys
    ]
    mirror = sa.tuple_(ShopRecord.shop_store_id, ShopRecord.kind, ShopRecord.key)
    return {
        "order_line": col(OrderLine.order_id).in_([order_id for order_id, _, _ in orders]),
        "refund": refunded,
        "refund_line": col(RefundLine.refund_id).in_(select(Refund.id).where(refunded)),
        "shop_record": mirror.in_(mirrored),
    }


class _Names:
    """What the numbers in rows stand for."""

    def __init__(self, session: Session) -> None:
        shops = {shop.id: shop.name for shop in session.exec(select(Shop))}
        audiences = {one.id: one.name for one in session.exec(select(Audience))}
        stores = {one.id: shops.get(one.shop_id) for one in session.exec(select(ShopStore))}
        plans = {
            plan.id: {"kind": plan.kind, "published_at": _plain(plan.published_at)}
            for plan in session.exec(select(Plan))
        }
        campaigns = {
            one.id: {"title": one.title, "status": one.status, "send_at": _plain(one.send_at)}
            for one in session.exec(select(Campaign))
        }
        #: Column -> what it is called in the document, and what each number means.
        self._meanings: dict[str, tuple[str, Mapping[int | None, Any]]] = {
            "shop_id": ("told_by", shops),
            "audience_id": ("audience", audiences),
            "shop_store_id": ("store", stores),
            "plan_id": ("plan", plans),
            "campaign_id": ("campaign", campaigns),
        }
        self._account_id = session.info["account_id"]

    def rows(
        self, session: Session, table: sa.Table, condition: sa.ColumnElement[bool]
    ) -> list[dict[str, Any]]:
        """Return rows of a table with what its numbers stand for."""
        mine = table.c.account_id == self._account_id
        query = sa.select(table).where(mine, condition).order_by(*table.primary_key)
        return [self._row(dict(row)) for row in session.connection().execute(query).mappings()]

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if "shop_id" in row and row["shop_id"] is None:
            told["told_by"] = "Mailchimp"
            del row["shop_id"]
        for column, (name, meanings) in self._meanings.items():
            if row.get(column) is not None:
                told[name] = meanings.get(row.pop(column))
        return told | {name: _plain(value) for name, value in row.items() if name not in _OURS}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value.isoformat() if isinstance(value, date | datetime) else value


def _there(
    context: Context,
    audiences: Sequence[tuple[Audience, Sequence[tuple[str, list[str]]]]],
    subject: Subject,
) -> list[dict[str, Any]]:
    """Return what each connected audience holds of each address, and our stores of the customer."""
    found: list[dict[str, Any]] = []
    for audience, stores in audiences:
        mailchimp = open_mailchimp(context, audience, listens=True)
        for address in subject.emails:
            held = personal.held(mailchimp, address)
            if held is not None:
                found.append({"audience": audience.name, **held})
        for store_id, ids in stores:
            bought = personal.held_by_store(mailchimp, store_id, ids)
            if any(bought.values()):
                found.append({"audience": audience.name, "store": store_id, **bought})
    return found
