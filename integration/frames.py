"""Tables to frames: the second of the two translations.

Reads what one account's sources told us and hands it to segmentation in the columns that
`segmentation.frames` promises. Calendar days are those of the account's time zone. Refunds are laid
on the lines they belong to: by line where the source says so, else in proportion to the lines'
amounts; a refund of which only the state is known counts as a full one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import sqlalchemy
from babel.core import get_global
from sqlalchemy import Integer, cast, not_
from sqlmodel import Session, col, func, select

from connectors.records import RefundDetail
from integration import history, lake
from integration.goods import in_stock
from integration.rows import table
from integration.tables import (
    Account,
    Choice,
    DueDate,
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    SegmentMember,
    SourceProfile,
    Touchpoint,
    Variant,
)
from segmentation.frames import (
    LINES,
    MOMENTS,
    PEOPLE,
    PREVIOUS_DUE,
    PREVIOUS_SEGMENTS,
    PRODUCTS,
    STOCK,
    Choices,
    Frames,
    empty,
)
from segmentation.interest import KINDS, TAKEN_BACK, WITHIN_DAYS


def load(
    session: Session,
    account: Account,
    *,
    as_of: date,
    people: Collection[int] | None = None,
    currency: str | None = None,
    files: Path | None = None,
) -> Frames:
    """Read everything known of one account's purchases up to and on the day `as_of`.

    Parameters
    ----------
    people
        Persons to read, with the whole catalogue; all of them, and what nobody is named for, when
        left out.
    currency
        The one that amounts are in, as `Frames.currency` of a reading of everybody tells it; that
        of most lines when left out.
    files
        Where a large account's lines are kept, see `lake`; from the tables when left out.
    """
    zone = ZoneInfo(account.time_zone)
    end = datetime.combine(as_of + timedelta(days=1), time(), zone)
    orders = None if people is None else _orders_of(session, people)
    if files is not None and people is None and lake.is_large(session):
        lines = _kept_lines(session, end, files)
    else:
        if files is not None and people is None:
            lake.clear(files)
        lines = _lines(session, end, orders)
    lines["is_gift"] = lines.pop("gift_line").astype(bool) | lines.pop("gift_order").astype(bool)
    lines["discount"] = _share_off(lines.pop("discount_minor"), lines["net_amount"])
    lines["ordered_on"] = _days(lines.pop("placed_at"), zone)
    lines = _with_refunds(
        lines, _line_refunds(session, end, orders), _order_refunds(session, end, orders), zone
    )
    currency = _usual(lines) if currency is None else currency
    lines = _in_one_currency(lines, currency)
    products = _products(session)
    lines, unlisted = _name_unlisted(lines)
    persons, stock = _people(session, people), _stock(session)
    moments = _moments(session, end, people)
    moments["seen_on"] = _days(moments.pop("at"), zone)
    for frame in (lines, products, unlisted, persons, stock, moments):
        frame["account_id"] = np.int64(account.id or 0)
    return Frames(
        lines=typed(lines, LINES),
        products=typed(pd.concat([products, unlisted], ignore_index=True), PRODUCTS),
        people=typed(persons, PEOPLE),
        stock=typed(stock, STOCK),
        moments=typed(moments, MOMENTS),
        currency=currency,
        country=get_global("zone_territories").get(account.time_zone, ""),
    )


def _share_off(discount: pd.Series, net_amount: pd.Series) -> pd.Series:
    """Return the share of each line's price that was taken off: the same in every currency.

    A return and what cost nothing have none.
    """
    taken = discount.astype("float64").clip(lower=0)
    price = net_amount.astype("float64").clip(lower=0) + taken
    return (taken / price.where(price > 0)).fillna(0.0)


def _orders_of(session: Session, people: Collection[int]) -> list[tuple[int, str]]:
    """Return id and the source's number of every order of some persons."""
    profiles = select(SourceProfile.id).where(col(SourceProfile.person_id).in_(people))
    query = select(Order.id, Order.external_id).where(col(Order.profile_id).in_(profiles))
    return [(key or 0, number) for key, number in session.exec(query)]


def choices(session: Session) -> Choices:
    """Read what the merchant decided."""
    kinds = ("life", "need", "style", "department", "group")
    said: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    for row in session.exec(select(Choice).where(col(Choice.kind).in_(said))):
        said[row.kind][row.subject] = row.value
    return Choices(
        lives={need: int(days) for need, days in said["life"].items()},
        needs=said["need"],
        styles=said["style"],
        departments=said["department"],
        groups=frozenset(said["group"]),
    )


def previous(
    session: Session, people: Collection[int] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what was assigned last time: due states and segments, for hysteresis.

    What was said of a part of the history holds nobody in his place.
    """
    if history.is_partial(session):
        return empty(PREVIOUS_DUE), empty(PREVIOUS_SEGMENTS)
    # Through SQLAlchemy's own select: SQLModel's knows no more than four columns.
    told = sqlalchemy.select(*(col(getattr(DueDate, name)) for name in PREVIOUS_DUE))
    held: Any = select(SegmentMember.account_id, SegmentMember.person_id, SegmentMember.segment)
    if people is not None:
        told = told.where(col(DueDate.person_id).in_(people))
        held = held.where(col(SegmentMember.person_id).in_(people))
    return _read(session, told, PREVIOUS_DUE), _read(session, held, PREVIOUS_SEGMENTS)


def _read(session: Session, query: Any, contract: Mapping[str, str]) -> pd.DataFrame:
    rows = session.execute(query).all()
    if not rows:
        return empty(contract)
    return typed(pd.DataFrame(rows, columns=list(contract)), contract)


def typed(frame: pd.DataFrame, contract: Mapping[str, str]) -> pd.DataFrame:
    """Give every column the contract's type."""
    columns: dict[str, pd.Series] = {}
    for column, kind in contract.items():
        if kind == "datetime64":
            columns[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        elif kind == "str":
            columns[column] = frame[column].fillna("").astype("str")
        else:
            columns[column] = frame[column].astype(pd.api.types.pandas_dtype(kind))
    return pd.DataFrame(columns)


def _days(moments: pd.Series, zone: ZoneInfo) -> pd.Series:
    """Calendar days in the shop's zone, without a zone."""
    local = pd.to_datetime(moments, utc=True).dt.tz_convert(zone)
    return local.dt.tz_localize(None).dt.normalize().astype("datetime64[us]")


#: Id and the source's number of each order to read; None for all.
_Orders: TypeAlias = list[tuple[int, str]] | None


#: What is read of a line's order.
_OF_ORDER: Mapping[str, Any] = {
    "order_external_id": Order.external_id,
    "shop_id": Order.shop_id,
    "person_id": SourceProfile.person_id,
    "placed_at": Order.placed_at,
    "status": Order.status,
    "channel": Order.channel,
    "currency": Order.currency,
    "gift_order": Order.ships_to_other,
}


def _lines(session: Session, end: datetime, orders: _Orders) -> pd.DataFrame:
    query = (
        select(OrderLine)
        .join(Order, col(Order.id) == col(OrderLine.order_id))
        .outerjoin(SourceProfile, col(SourceProfile.id) == col(Order.profile_id))
        .outerjoin(
            Product,
            (col(Product.shop_id) == col(Order.shop_id))
            & (col(Product.external_id) == col(OrderLine.product_external_id)),
        )
        .where(col(Order.placed_at) < end)
        .order_by(col(OrderLine.id))
    )
    if orders is not None:
        query = query.where(col(OrderLine.order_id).in_([key for key, _ in orders]))
    columns = {**_OF_ORDER, **lake.COLUMNS, "product_id": Product.id}
    return table(session, columns, query)


def _kept_lines(session: Session, end: datetime, files: Path) -> pd.DataFrame:
    """Return what `_lines` does of everybody, where lines are kept in files."""
    query = select(Order).outerjoin(SourceProfile, col(SourceProfile.id) == col(Order.profile_id))
    columns = {**_OF_ORDER, "order_id": Order.id, "content_hash": Order.content_hash}
    orders = table(session, columns, query)
    lines = lake.lines(session, files, orders)
    seen = orders[pd.to_datetime(orders["placed_at"], utc=True) < end]
    lines = lines.merge(seen.drop(columns="content_hash"), on="order_id")
    key = {"product_id": Product.id, "shop_id": Product.shop_id, "external_id": Product.external_id}
    goods = table(session, key, select(Product)).astype({"product_id": "Int64"})
    goods = goods.rename(columns={"external_id": "product_external_id"})
    lines = lines.merge(goods, on=["shop_id", "product_external_id"], how="left")
    return lines.sort_values("line_id", ignore_index=True)


def _line_refunds(session: Session, end: datetime, orders: _Orders) -> pd.DataFrame:
    query = (
        select(RefundLine)
        .join(Refund, col(Refund.id) == col(RefundLine.refund_id))
        .where(col(Refund.refunded_at) < end)
    )
    if orders is not None:
        query = query.where(col(Refund.order_external_id).in_([number for _, number in orders]))
    columns = {
        "shop_id": Refund.shop_id,
        "order_external_id": Refund.order_external_id,
        "line_external_id": RefundLine.line_external_id,
        "refunded_quantity": RefundLine.quantity,
        "refunded_amount": RefundLine.amount_minor,
        "refunded_on": Refund.refunded_at,
    }
    return table(session, columns, query)


def _order_refunds(session: Session, end: datetime, orders: _Orders) -> pd.DataFrame:
    query = select(Refund).where(
        col(Refund.refunded_at) < end, Refund.detail != RefundDetail.PER_LINE.value
    )
    if orders is not None:
        query = query.where(col(Refund.order_external_id).in_([number for _, number in orders]))
    columns = {
        "shop_id": Refund.shop_id,
        "order_external_id": Refund.order_external_id,
        "amount": Refund.amount_minor,
        "refunded_on": Refund.refunded_at,
    }
    return table(session, columns, query)


def _with_refunds(
    lines: pd.DataFrame, by_line: pd.DataFrame, by_order: pd.DataFrame, zone: ZoneInfo
) -> pd.DataFrame:
    order_key = ["shop_id", "order_external_id"]
    line_key = [*order_key, "line_external_id"]
    by_line["refunded_on"] = _days(by_line["refunded_on"], zone)
    by_order["refunded_on"] = _days(by_order["refunded_on"], zone)
    per_line = by_line.groupby(line_key, as_index=False).agg(
        {"refunded_quantity": "sum", "refunded_amount": "sum", "refunded_on": "max"}
    )
    lines = lines.merge(per_line, on=line_key, how="left")
    per_order = by_order.groupby(order_key, as_index=False).agg(
        # A state without an amount means everything came back.
        amount=("amount", lambda amounts: np.inf if amounts.isna().any() else amounts.sum()),
        order_refunded_on=("refunded_on", "max"),
    )
    lines = lines.merge(per_order, on=order_key, how="left")
    lines["refunded_amount"] = lines["refunded_amount"].fillna(0.0).astype("float64")
    # What a source says by line and of the whole order too is not taken twice.
    kept = (lines["net_amount"].astype("float64") - lines["refunded_amount"]).clip(lower=0)
    order_kept = kept.groupby([lines["shop_id"], lines["order_external_id"]]).transform("sum")
    returned = lines["amount"].astype("float64")
    share = (returned / order_kept.where(order_kept > 0)).clip(upper=1.0).fillna(0.0)
    # Part of an order's money back says nothing about goods; all of it says all of them.
    everything = (share >= 1.0) | np.isinf(returned)
    lines["refunded_quantity"] = (lines["refunded_quantity"].fillna(0.0).astype("float64")).where(
        ~everything, lines["quantity"].clip(lower=0)
    )
    lines["refunded_amount"] += share * kept
    lines["refunded_on"] = lines["refunded_on"].fillna(lines["order_refunded_on"])
    return lines


def _usual(lines: pd.DataFrame) -> str:
    """Return the currency most lines are in; "" without lines."""
    usual = lines["currency"].mode()
    return str(usual.iloc[0]) if len(usual) else ""


def _in_one_currency(lines: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Value lines of the usual currency; others count as bought, worth one minor unit.

    We know no rates, and 40,000 yen must not count as 40,000 cents. Worth nothing at all is what
    free items are, and those are no purchases.
    """
    foreign = lines.pop("currency") != currency
    lines["net_amount"] = lines["net_amount"].astype("float64")
    gone = lines["refunded_quantity"] >= lines["quantity"]
    lines.loc[foreign, "net_amount"] = np.sign(lines.loc[foreign, "net_amount"])
    lines.loc[foreign, "refunded_amount"] = (gone & (lines["net_amount"] > 0))[foreign].astype(
        float
    )
    return lines


def _products(session: Session) -> pd.DataFrame:
    columns = {
        "product_id": Product.id,
        "title": Product.title,
        "product_type": Product.product_type,
        "category_path": Product.category_path,
        "brand": Product.brand,
        "tags": Product.tags,
        "gender_target": Product.gender_target,
        "price": Product.price_minor,
        "replacement_days": Product.replacement_days,
    }
    products = table(session, columns, select(Product).order_by(col(Product.id)))
    products["colour"] = ""
    products["size"] = ""
    return products


def _stock(session: Session) -> pd.DataFrame:
    """What can be bought now: published, and not known to be sold out.

    Joined here: SQLite would look through every variant of the account for each product.
    """
    goods = table(
        session,
        {"product_id": Product.id, "listed": Product.price_minor},
        select(Product).where(Product.status == "active").order_by(col(Product.id)),
    )
    columns = {
        "product_id": Variant.product_id,
        "variant_id": Variant.id,
        "colour": Variant.colour,
        "size": Variant.size,
        "price": Variant.price_minor,
        "is_sold": not_(in_stock()),
    }
    variants = table(session, columns, select(Variant).order_by(col(Variant.id)))
    key = {"product_id": "int64"}  # as a table without rows has no types
    stock = goods.astype(key).merge(variants.astype(key), on="product_id", how="left")
    # Nothing stands there for a product without variants.
    stock = stock[~stock["is_sold"].eq(True)]
    stock["price"] = stock["price"].fillna(stock["listed"])
    return stock.drop(columns=["listed", "is_sold"]).reset_index(drop=True)


def _moments(session: Session, end: datetime, people: Collection[int] | None) -> pd.DataFrame:
    """What people looked at lately, with the product where it is one of the catalogue."""
    query = (
        select(Touchpoint)
        .join(SourceProfile, col(SourceProfile.id) == col(Touchpoint.profile_id))
        .outerjoin(
            Product,
            (col(Product.shop_id) == col(Touchpoint.shop_id))
            & (col(Product.external_id) == col(Touchpoint.product_external_id)),
        )
        .where(
            col(Touchpoint.kind).in_((*KINDS, TAKEN_BACK)),
            col(Touchpoint.at) < end,
            col(Touchpoint.at) >= end - timedelta(days=WITHIN_DAYS),
        )
        .order_by(col(Touchpoint.id))
    )
    if people is not None:
        query = query.where(col(SourceProfile.person_id).in_(people))
    columns = {
        "person_id": SourceProfile.person_id,
        "kind": Touchpoint.kind,
        "product_id": Product.id,
        "subject": Touchpoint.subject,
        "at": Touchpoint.at,
    }
    return table(session, columns, query)


def _name_unlisted(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give lines without a catalogue product a stand-in with a negative id, one per description."""
    words = ["title", "product_type", "category_path", "brand", "gender_target"]
    unlisted = lines["product_id"].isna()
    described = lines.loc[unlisted, words].drop_duplicates().reset_index(drop=True)
    described["product_id"] = -1 - np.arange(len(described))
    ids = lines.loc[unlisted, words].merge(described, on=words, how="left")["product_id"]
    lines["product_id"] = lines["product_id"].astype("Int64")
    lines.loc[unlisted, "product_id"] = ids.to_numpy()
    for column in ("tags", "colour", "size"):
        described[column] = ""
    for column in ("price", "replacement_days"):
        described[column] = np.nan
    return lines, described


def _people(session: Session, people: Collection[int] | None) -> pd.DataFrame:
    """One row a person: business when any source says so; gender and company as declared."""
    query = (
        select(SourceProfile.person_id)
        .group_by(col(SourceProfile.person_id))
        .order_by(col(SourceProfile.person_id))
    )
    if people is not None:
        query = query.where(col(SourceProfile.person_id).in_(people))
    columns = {
        "person_id": SourceProfile.person_id,
        "is_business": func.max(cast(SourceProfile.is_business, Integer)),
        "declared_gender": func.max(SourceProfile.gender),
        "company": func.max(SourceProfile.company),
    }
    return table(session, columns, query)
