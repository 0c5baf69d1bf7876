"""The golden shop: the web shop of our generated world, as it would stand in Shopify."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import partial
from typing import Any, TypeVar

from connectors.demo.connector import DemoConnector
from connectors.demo.world import AS_OF, SEED
from connectors.records import Cart, ConsentEvent, Customer, Order, Product, Record, Refund
from tests.emulators.shopify import render, render_goods
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Table

_R = TypeVar("_R", bound=Record)
#: Above so many customers orders are rendered as they are read, as they would fill the memory.
_SMALL = 2_000
#: Small shops already made, as most tests want the same.
_MADE: dict[tuple[Any, ...], tuple[Table, ...]] = {}


def fill(
    shop: Shop,
    *,
    customers: int = 30,
    as_of: date = AS_OF,
    seed: int = SEED,
    language: str = "en",
    only_sold: bool = False,
) -> None:
    """Put the web shop of `customers` people into a shop.

    `only_sold` leaves out of the catalogue what nobody bought: most of it in a small shop.
    """
    source = DemoConnector(
        "web",
        customers=customers,
        as_of=as_of,
        seed=seed,
        language="nl" if language == "nl" else "en",
    )
    shop.name = source.check().name
    if customers > _SMALL:
        _render(source, shop, only_sold)
        return
    key = (customers, as_of, seed, language, only_sold)
    if key not in _MADE:
        _render(source, shop, only_sold)
        made = (shop.customers, shop.orders, shop.products, shop.checkouts)
        _MADE[key] = tuple(table.frozen() for table in made)
    shop.customers, shop.orders, shop.products, shop.checkouts = (
        table.copied() for table in _MADE[key]
    )


def _render(source: DemoConnector, shop: Shop, only_sold: bool) -> None:
    said = render.latest(_all(source, "consent", ConsentEvent))
    refunds: dict[str, list[Refund]] = defaultdict(list)
    for refund in _all(source, "refunds", Refund):
        refunds[refund.order_id].append(refund)
    people = {one.id: one for one in _all(source, "customers", Customer)}
    bought: dict[str | None, list[Order]] = defaultdict(list)
    sold: set[str | None] = set()
    for page in source.read("orders"):
        for order in page.records:
            assert isinstance(order, Order)
            buyer = people.get(order.customer_id or "")
            bought[order.customer_id].append(order)
            sold.update(line.product_id for line in order.lines)
            make = partial(render.order, order, refunds[order.id], buyer)
            row = make()
            if source.customers <= _SMALL:
                shop.orders.put(row)
            else:
                shop.orders.put_lazily(row, make)
    for one in people.values():
        stated = said.get(one.id) or said.get((one.email or "").lower())
        shop.customers.put(render.customer(one, stated, bought[one.id]))
    for product in _all(source, "products", Product):
        if product.id in sold or product.status != "active" or not only_sold:
            shop.products.put(render_goods.product(product))
    for cart in _all(source, "carts", Cart):
        shop.checkouts.put(render_goods.checkout(cart))


def _all(source: DemoConnector, stream: str, kind: type[_R]) -> list[_R]:
    found = [record for page in source.read(stream) for record in page.records]
    return [record for record in found if isinstance(record, kind)]
