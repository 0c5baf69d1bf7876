"""What a store should hold, from the tables: the catalogue, orders by the window, open carts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from sqlmodel import Session, col, func, select

from integration.carts import is_over, last_orders
from integration.shopdata import documents
from integration.shopdata.buyers import Buyers
from integration.shopdata.documents import HIDDEN
from integration.shopdata.ids import remote_id
from integration.shopdata.items import NOT_OFFERED, Item, gone, item
from integration.tables import (
    Cart,
    Order,
    OrderLine,
    Product,
    Refund,
    ShopStore,
    Variant,
)

T = TypeVar("T")

#: Orders, or products, that are looked at in one go.
WINDOW = 400
#: A cart that nobody touched for so long is not sent, and taken away where it is.
CART_LIFE = timedelta(days=30)
#: The note on an order with a refund whose amount cannot be converted.
REFUND_CURRENCY = "refund_currency"


class Sale(NamedTuple):
    """An order or cart, and what stands on its lines."""

    item: Item
    lines: list[dict[str, Any]]
    placed_at: datetime
    #: Why it counts for more than it should; "" when it does not.
    note: str = ""


# -- the catalogue ---------------------------------------------------------------------------------


def catalogue(session: Session, store: ShopStore, after: int = 0) -> tuple[list[Item], int]:
    """Return a window of products with variants, and after which the next one begins; 0: none."""
    query = select(Product).where(Product.shop_id == store.shop_id, col(Product.id) > after)
    rows = session.exec(query.order_by(col(Product.id)).limit(WINDOW)).all()
    variants: dict[int, list[Variant]] = defaultdict(list)
    ids = [row.id for row in rows]
    for variant in session.exec(select(Variant).where(col(Variant.product_id).in_(ids))):
        variants[variant.product_id].append(variant)
    bodies = [documents.product(row, variants[row.id or 0]) for row in rows]
    last = rows[-1].id if len(rows) == WINDOW else None
    return [one for body in bodies for one in product_items(body)], last or 0


def product_items(body: Mapping[str, Any]) -> list[Item]:
    """Return a product and its variants as items."""
    key = body["id"]
    variants = [item("variant", f"{key}/{v['id']}", v) for v in body["variants"]]
    return [item("product", key, dict(body)), *variants]


def not_offered(key: str) -> Item:
    """Return a variant that the source no longer has: orders name it, so it stays, unseen."""
    return Item("variant", key, dict(HIDDEN), NOT_OFFERED, only_if_there=True)


# -- orders ----------------------------------------------------------------------------------------


def orders(
    session: Session, store: ShopStore, buyers: Buyers, after: int = 0
) -> tuple[list[Sale], int]:
    """Return a window of orders, and the row after which the next one begins; 0 at the end."""
    query = select(Order).where(Order.shop_id == store.shop_id, col(Order.id) > after)
    rows = session.exec(query.order_by(col(Order.id)).limit(WINDOW)).all()
    lines = _lines(session, rows)
    refunds = _refunds(session, store.shop_id, rows)
    made = [_sale(row, lines[row.id or 0], refunds[row.external_id], buyers) for row in rows]
    last = rows[-1].id if len(rows) == WINDOW else None
    return made, last or 0


def _sale(
    row: Order, lines: Sequence[OrderLine], refunds: Sequence[Refund], buyers: Buyers
) -> Sale:
    key = remote_id(row.external_id)
    if row.status == "test":
        return Sale(gone("order", key), [], row.placed_at)
    customer = buyers.of_profile.get(row.profile_id or 0, "")
    body = documents.order(row, lines, refunds, customer)
    if body is None:
        # A late edit took all its lines off: it earns nothing any more.
        return Sale(gone("order", key), [], row.placed_at)
    # A cancelled order that was never sent is no news, and nobody is added for an old one.
    made = item("order", key, body, only_if_there=row.status == "cancelled" or not customer)
    bought = [documents.of_line(line) for line in lines if line.quantity > 0]
    is_unclear = row.status != "cancelled" and any(
        documents.refunded(row, refund) is None for refund in refunds
    )
    return Sale(made, bought, row.placed_at, REFUND_CURRENCY if is_unclear else "")


def _lines(session: Session, rows: Sequence[Order]) -> dict[int, list[OrderLine]]:
    found: dict[int, list[OrderLine]] = defaultdict(list)
    query = select(OrderLine).where(col(OrderLine.order_id).in_([row.id for row in rows]))
    for line in session.exec(query.order_by(col(OrderLine.id))):
        found[line.order_id].append(line)
    return found


def _refunds(session: Session, shop_id: int, rows: Sequence[Order]) -> dict[str, list[Refund]]:
    found: dict[str, list[Refund]] = defaultdict(list)
    query = select(Refund).where(
        Refund.shop_id == shop_id,
        col(Refund.order_external_id).in_([row.external_id for row in rows]),
    )
    for refund in session.exec(query):
        found[refund.order_external_id].append(refund)
    return found


def returns(session: Session, store: ShopStore) -> int:
    """Count receipts of nothing but returns: no source says which purchase they belong to."""
    # In one pass over the lines. Looked up for each order, SQLite goes through all of an account's
    # lines every time: half a minute with 7,000 orders, hours with 90,000.
    taken_back = (
        select(OrderLine.order_id)
        .group_by(col(OrderLine.order_id))
        .having(func.min(OrderLine.quantity) < 0, func.max(OrderLine.quantity) <= 0)
    )
    query = select(func.count()).select_from(Order)
    return session.exec(
        query.where(
            Order.shop_id == store.shop_id,
            col(Order.status).not_in(("cancelled", "test")),
            col(Order.id).in_(taken_back),
        )
    ).one()


def windows(read: Callable[[int], tuple[list[T], int]]) -> Iterator[list[T]]:
    """Yield what `read` returns for each window."""
    after = 0
    while True:
        found, after = read(after)
        yield found
        if not after:
            return


# -- carts -----------------------------------------------------------------------------------------


def carts(session: Session, store: ShopStore, buyers: Buyers, now: datetime) -> list[Sale]:
    """Return the carts that are open: no order followed, and somebody touched them lately."""
    ordered = last_orders(session)
    query = select(Cart).where(
        Cart.shop_id == store.shop_id,
        col(Cart.order_external_id).is_(None),
        col(Cart.updated_at) >= now - CART_LIFE,
    )
    found: list[Sale] = []
    for row in session.exec(query.order_by(col(Cart.id))):
        customer = buyers.of_profile.get(row.profile_id or 0)
        person = buyers.person_of.get(row.profile_id or 0, 0)
        body = documents.cart(row, customer) if customer else None
        if body is not None and not is_over(row, ordered.get(person)):
            lines = row.content["lines"]
            found.append(Sale(item("cart", body["id"], body), lines, row.updated_at))
    return found
