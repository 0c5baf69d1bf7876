"""Orders with their lines, and refunds, to tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from connectors.files.collisions import SAME_ORDER
from connectors.files.texts import say
from connectors.records import BadRecord, Order, OrderLine, Refund
from integration.db import BY_KEY, upsert
from integration.store.common import (
    Known,
    changed,
    content_hash,
    known,
    minor,
    minor_or_zero,
    parts,
)
from integration.store.profiles import Ref, persons_of, resolve
from integration.tables import Account, Shop, SourceProfile
from integration.tables import Order as OrderRow
from integration.tables import OrderLine as LineRow
from integration.tables import Refund as RefundRow
from integration.tables import RefundLine as RefundLineRow

#: What stands with the goods and not with the line, at a source that has no copy of it.
_OF_PRODUCT = (
    "product_external_id", "product_type", "category_path", "brand", "gender_target",
)  # fmt: skip
_OF_VARIANT = ("variant_external_id", "colour", "size")


def ref_of(order: Order) -> Ref:
    """Return how the order names its person."""
    return Ref(order.customer_id, order.email, order.phone, order.card_no)


def write_orders(
    session: Session, shop_id: int, orders: Sequence[Order], now: datetime
) -> tuple[set[int], list[BadRecord]]:
    """Store orders; return the persons whose facts changed, and the orders refused.

    Tills number their receipts alike: what has a known number, but another day and customer, is
    another order, and never replaces the one we know.
    """
    hashes = {record.id: content_hash(record) for record in orders}
    held = known(session, OrderRow, shop_id, hashes)
    news = changed(orders, hashes, held)
    others = _others(session, shop_id, [record for record in news if record.id in held])
    news = [record for record in news if record.id not in others]
    refused = _refused(session, others)
    if not news:
        return set(), refused
    # Whoever an order is taken from is not who it was either.
    before = persons_of_orders(session, shop_id, [o.id for o in news if o.id in held])
    profiles = resolve(session, shop_id, map(ref_of, news), now)
    buyers = _buyers(session, shop_id, [one.id for one in news if one.buyer_untold])
    upsert(
        session,
        OrderRow,
        [
            _order_columns(record, shop_id, profiles, hashes[record.id]) | buyers.get(record.id, {})
            for record in news
        ],
        key=("shop_id", "external_id"),
    )
    rows = known(session, OrderRow, shop_id, [record.id for record in news])
    _write_lines(session, news, rows, had=held)
    touched = (profiles[key] for o in news if (key := ref_of(o).external_id))
    return before | persons_of(session, touched), refused


def _others(session: Session, shop_id: int, orders: Sequence[Order]) -> set[str]:
    """Return the ids of orders that are not the ones known by these ids.

    Only files mix the numbers of tills; a platform's ids are its own.
    """
    if not orders or session.get_one(Shop, shop_id).platform != "files":
        return set()
    told = {record.id: record for record in orders}
    found: set[str] = set()
    for part in parts(told):
        query = (
            select(OrderRow.external_id, OrderRow.placed_at, SourceProfile.external_id)
            .outerjoin(SourceProfile, col(SourceProfile.id) == col(OrderRow.profile_id))
            .where(col(OrderRow.shop_id) == shop_id, col(OrderRow.external_id).in_(part))
        )
        for key, placed_at, customer in session.exec(query):
            order = told[key]
            is_far = abs(order.placed_at - placed_at) > SAME_ORDER
            if is_far and ref_of(order).external_id != customer:
                found.add(key)
    return found


def _refused(session: Session, numbers: set[str]) -> list[BadRecord]:
    if not numbers:
        return []
    language = session.get_one(Account, session.info["account_id"]).language
    return [
        BadRecord(
            stream="orders",
            row=number,
            column="order_id",
            value=number[:200],
            reason=say(language, "known_number", number=number),
        )
        for number in sorted(numbers)
    ]


def _buyers(session: Session, shop_id: int, orders: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return who bought orders as far as we know, where the source does not let us read it now."""
    found: dict[str, dict[str, int]] = {}
    for part in parts(orders):
        query = select(OrderRow.external_id, OrderRow.profile_id).where(
            col(OrderRow.shop_id) == shop_id, col(OrderRow.external_id).in_(part)
        )
        rows = session.exec(query, execution_options=BY_KEY)
        found.update({key: {"profile_id": known} for key, known in rows if known is not None})
    return found


def _order_columns(
    record: Order, shop_id: int, profiles: Mapping[str, int], content: str
) -> dict[str, Any]:
    key = ref_of(record).external_id
    return {
        "shop_id": shop_id,
        "external_id": record.id,
        "number": record.number,
        "profile_id": profiles[key] if key else None,
        "placed_at": record.placed_at,
        "status": record.status.value,
        "channel": record.channel,
        "store": record.store,
        "currency": record.currency,
        "total_minor": minor_or_zero(record.total, record.currency),
        "shipping_minor": minor_or_zero(record.shipping, record.currency),
        "tax_minor": minor(record.tax, record.currency),
        "original_total_minor": minor(
            record.original_total, record.original_currency or record.currency
        ),
        "original_currency": record.original_currency,
        "ships_to_other": record.ships_to_other,
        "discounts": [
            {
                "code": one.code,
                "amount_minor": minor(one.amount, record.currency),
                "kind": one.kind,
            }
            for one in record.discounts
        ],
        "source_updated_at": record.source_updated_at,
        "content_hash": content,
    }


def _write_lines(
    session: Session, orders: Sequence[Order], rows: Mapping[str, Known], had: Mapping[str, Known]
) -> None:
    """Store lines; an order that was known loses the lines it no longer has."""
    known_before = [rows[record.id].id for record in orders if record.id in had]
    held = _held(session, known_before)
    for part in parts(known_before):
        session.exec(
            delete(LineRow).where(col(LineRow.order_id).in_(part)), execution_options=BY_KEY
        )
    made = [
        _line_columns(line, rows[order.id].id, order.currency)
        for order in orders
        for line in order.lines
    ]
    upsert(
        session,
        LineRow,
        [columns | _as_bought(columns, held) for columns in made],
        key=("order_id", "external_id"),
    )


def _held(session: Session, order_ids: Iterable[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """Return the lines of orders by order and id, where it is known what they are of."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for part in parts(order_ids):
        rows = session.exec(
            select(LineRow).where(
                col(LineRow.order_id).in_(part), col(LineRow.product_external_id).is_not(None)
            ),
            execution_options=BY_KEY,
        )
        found.update({(row.order_id, row.external_id): row.model_dump() for row in rows})
    return found


def _as_bought(
    columns: Mapping[str, Any], held: Mapping[tuple[int, str], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what a line was of, where the source has deleted that since and no longer says."""
    before = held.get((columns["order_id"], columns["external_id"]))
    product = columns["product_external_id"]
    if before is None or product not in (None, before["product_external_id"]):
        return {}
    lost = [
        *(_OF_PRODUCT if product is None else ()),
        *(_OF_VARIANT if columns["variant_external_id"] is None else ()),
    ]
    return {name: before[name] for name in lost if not columns[name]}


def _line_columns(line: OrderLine, order_id: int, currency: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "external_id": line.id,
        "product_external_id": line.product_id,
        "variant_external_id": line.variant_id,
        "sku": line.sku,
        "title": line.title,
        "product_type": line.product_type or "",
        "category_path": " > ".join(line.category_path),
        "brand": line.brand or "",
        "gender_target": line.gender_target or "",
        "colour": line.colour or "",
        "size": line.size or "",
        "quantity": float(line.quantity),
        "total_minor": minor_or_zero(line.total, currency),
        "discount_minor": minor_or_zero(line.discount, currency),
        "tax_minor": minor(line.tax, currency),
        "is_gift": line.is_gift,
        "is_subscription": line.is_subscription,
    }


def write_refunds(session: Session, shop_id: int, refunds: Sequence[Refund]) -> set[int]:
    """Store refunds; return the persons whose facts changed."""
    hashes = {record.id: content_hash(record) for record in refunds}
    news = changed(refunds, hashes, known(session, RefundRow, shop_id, hashes))
    if not news:
        return set()
    upsert(
        session,
        RefundRow,
        [
            {
                "shop_id": shop_id,
                "external_id": record.id,
                "order_external_id": record.order_id,
                "refunded_at": record.refunded_at,
                "currency": record.currency,
                "detail": record.detail.value,
                "amount_minor": minor(record.amount, record.currency),
                "source_updated_at": record.source_updated_at,
                "content_hash": hashes[record.id],
            }
            for record in news
        ],
        key=("shop_id", "external_id"),
    )
    _write_refund_lines(session, news, known(session, RefundRow, shop_id, [r.id for r in news]))
    return persons_of_orders(session, shop_id, {record.order_id for record in news})


def _write_refund_lines(
    session: Session, refunds: Sequence[Refund], rows: Mapping[str, Known]
) -> None:
    for part in parts(row.id for row in rows.values()):
        session.exec(
            delete(RefundLineRow).where(col(RefundLineRow.refund_id).in_(part)),
            execution_options=BY_KEY,
        )
    upsert(
        session,
        RefundLineRow,
        [
            {
                "refund_id": rows[refund.id].id,
                "line_external_id": line.order_line_id,
                "quantity": float(line.quantity),
                "amount_minor": minor_or_zero(line.amount, refund.currency),
            }
            for refund in refunds
            for line in refund.lines
        ],
        key=("refund_id", "line_external_id"),
    )


def persons_of_orders(session: Session, shop_id: int, external_ids: Iterable[str]) -> set[int]:
    """Return the persons behind orders, by the orders' ids at the source."""
    profiles: set[int] = set()
    for part in parts(external_ids):
        found = session.exec(
            select(OrderRow.profile_id).where(
                col(OrderRow.shop_id) == shop_id, col(OrderRow.external_id).in_(part)
            ),
            execution_options=BY_KEY,
        )
        profiles.update(key for key in found if key is not None)
    return persons_of(session, profiles)
