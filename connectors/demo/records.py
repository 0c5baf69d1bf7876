"""Orders, receipts and refunds in the words of one source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.demo.catalogue import Ints
from connectors.demo.customers import email_as_typed
from connectors.demo.orders import CANCELLED, OPEN, PAID, TEST, WEB, values
from connectors.demo.shelf import ODD, money, odd_product, product
from connectors.demo.view import CURRENCY, Rows, View
from connectors.demo.words import STORES
from connectors.records import (
    Discount,
    Order,
    OrderLine,
    OrderStatus,
    Record,
    Refund,
    RefundDetail,
    RefundLine,
)

#: Dutch value added tax on clothes, in percent of the net price.
_VAT = 21
_STATUS = {
    PAID: OrderStatus.PAID,
    CANCELLED: OrderStatus.CANCELLED,
    TEST: OrderStatus.TEST,
    OPEN: OrderStatus.OPEN,
}
_FREE = ("Free pair of socks", "Gratis paar sokken")
_TESTER = "test@stipt-demo.shop"


def products(view: View) -> Rows:
    """Return the catalogue, oldest first; the web shop adds a few things that are no clothes."""
    order = np.argsort(view.world.catalogue.launched, kind="stable").tolist()
    odd = len(ODD) if view.web else 0

    def part(start: int, stop: int) -> list[Record]:
        return [
            odd_product(view.world, i, view.language)
            if i < odd
            else product(view.world, view.articles[order[i - odd]], order[i - odd], view.source)
            for i in range(start, min(stop, odd + len(order)))
        ]

    ids = [odd_product(view.world, i, view.language).id for i in range(odd)]
    return Rows([*ids, *(view.articles[i].id for i in order)], part)


def orders(view: View) -> Rows:
    """Return web orders or receipts, oldest first."""
    trade = view.world.trade
    mine = np.flatnonzero(trade.orders["source"] == view.source)
    ids = [_order_id(view, nth) for nth in range(mine.size)]
    own = trade.lines[trade.orders["source"][trade.lines["order"]] == view.source]
    ends = np.append(0, np.searchsorted(own["order"], mine, side="right"))
    totals = values(trade)[mine].astype(np.int64)

    def part(start: int, stop: int) -> list[Record]:
        rows = trade.orders[mine[start:stop]]
        moments = view.world.moments(rows["day"], rows["second"])
        spans = ends[start : stop + 1].tolist()
        lines = lines_of(view, own[spans[0] : spans[-1]])
        columns = (ids[start:stop], rows.tolist(), moments, totals[start:stop].tolist())
        return [
            _order(view, key, row, at, total, lines[first - spans[0] : last - spans[0]])
            for key, row, at, total, (first, last) in zip(*columns, pairwise(spans), strict=True)
        ]

    return Rows(ids, part)


def order_ids(view: View) -> dict[int, str]:
    """Return the id of each of the source's orders by its place in the trade."""
    mine = np.flatnonzero(view.world.trade.orders["source"] == view.source)
    return {place: _order_id(view, nth) for nth, place in enumerate(mine.tolist())}


def line_numbers(lines: NDArray[Any]) -> Ints:
    """Return the number of each line within its order, from 1."""
    first = np.searchsorted(lines["order"], lines["order"])
    return np.arange(lines.size) - first + 1


def _order_id(view: View, nth: int) -> str:
    return str(500_001 + nth * 3) if view.web else f"B{nth + 1:07d}"


def _order(
    view: View,
    key: str,
    row: tuple[Any, ...],
    placed_at: datetime,
    total: int,
    lines: list[OrderLine],
) -> Order:
    person, _, _, _, status, to_other, guest, store, shipping = row
    known = view.known
    named = person >= 0
    people = view.world.people.count
    wholesale = person >= people and known.declares_business[person]
    email = None
    if view.web:
        email = email_as_typed(known.email[person], person, one_in=12) if named else _TESTER
    tax = sum((line.tax for line in lines if line.tax is not None), money(_tax(shipping)))
    return Order(
        id=key,
        number=f"#{key}" if view.web else key,
        customer_id=view.customer_ids[person] if named and not guest else None,
        email=email,
        card_no=known.card_no[person] if named and not view.web else None,
        placed_at=placed_at,
        status=_STATUS[status],
        channel=("wholesale" if wholesale else "web") if view.web else "store",
        store=None if view.web else STORES[store],
        currency=CURRENCY,
        total=money(total),
        shipping=money(shipping),
        tax=tax,
        ships_to_other=to_other,
        discounts=() if person >= people else _codes(view, key, placed_at, lines),
        lines=tuple(lines),
        source_updated_at=placed_at,
    )


def _codes(
    view: View, key: str, placed_at: datetime, lines: list[OrderLine]
) -> tuple[Discount, ...]:
    """Return the code of the year's sale: given with every other web order that was reduced."""
    taken = sum((line.discount for line in lines), money(0))
    if not view.web or not taken or int(key) % 2:
        return ()
    return (Discount(code=f"SALE{placed_at.year}", amount=taken, kind="percentage"),)


def _tax(total: int) -> int:
    """Return the tax inside an amount, both in cents.

    Examples
    --------
    >>> _tax(12100)
    2100
    """
    return round(total * _VAT / (100 + _VAT))


def lines_of(view: View, rows: NDArray[Any]) -> list[OrderLine]:
    """Return lines as records, numbered within their orders."""
    columns = (
        line_numbers(rows),
        rows["product"], rows["colour"], rows["size"], rows["quantity"], rows["total"],
        rows["discount"], rows["gift"],
    )  # fmt: skip
    return list(_each_line(view, *(column.tolist() for column in columns)))


def _each_line(view: View, *columns: list[Any]) -> Iterator[OrderLine]:
    articles = view.articles
    for number, place, colour, size, quantity, total, discount, gift in zip(*columns, strict=True):
        if place < 0:
            title = _FREE[view.language]
            yield OrderLine(id=str(number), title=title, quantity=Decimal(1), total=money(0))
            continue
        article = articles[place]
        yield OrderLine(
            id=str(number),
            title=article.title,
            quantity=Decimal(quantity),
            total=money(total),
            product_id=article.id,
            variant_id=article.variant(colour, size),
            sku=article.variant_sku(colour, size),
            product_type=article.product_type,
            category_path=article.category_path,
            brand=article.brand,
            gender_target=article.gender_target,
            colour=article.colours[colour],
            size=article.sizes[size],
            discount=money(discount),
            tax=money(_tax(total)),
            is_gift=gift,
        )


def refunds(view: View) -> Rows:
    """Return what was sent back to the web shop, oldest first; a till writes receipts instead."""
    trade = view.world.trade
    lines = trade.lines
    web = trade.orders["source"][lines["order"]] == WEB
    back = np.flatnonzero(web & (lines["returned"] >= 0))
    seconds = 10 * 3600 + back % 20_000
    order = np.lexsort((seconds, lines["returned"][back]))
    back, seconds = back[order], seconds[order]
    moments = view.world.moments(lines["returned"][back], seconds)
    numbers = line_numbers(lines)
    ids = order_ids(view)

    def part(start: int, stop: int) -> list[Record]:
        return [
            _refund(ids[int(lines["order"][i])], str(numbers[i]), lines[i], moment)
            for i, moment in zip(back[start:stop].tolist(), moments[start:stop], strict=True)
        ]

    return Rows(
        [f"{ids[int(lines['order'][i])]}-{numbers[i]}" for i in back.tolist()],
        part,
    )


def _refund(order_id: str, line_id: str, row: Any, at: datetime) -> Refund:
    amount = money(int(row["total"]))
    quantity = Decimal(int(row["quantity"]))
    return Refund(
        id=f"{order_id}-{line_id}",
        order_id=order_id,
        refunded_at=at,
        currency=CURRENCY,
        detail=RefundDetail.PER_LINE,
        amount=amount,
        lines=(RefundLine(order_line_id=line_id, quantity=quantity, amount=amount),),
        source_updated_at=at,
    )
