"""What people bought, line by line, with what they brought back laid on it.

Refunds are laid on the lines they belong to: by line where the source says so, else in proportion
to the lines' amounts; a refund of which only the state is known counts as a full one. The lines of
a large account are kept in files, see `lake`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlmodel import Session, col, select

from connectors.records import RefundDetail
from integration import lake
from integration.rows import table
from integration.tables import (
    Order,
    OrderLine,
    Product,
    Refund,
    RefundLine,
    SourceProfile,
)

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


def lines(
    session: Session,
    end: datetime,
    zone: ZoneInfo,
    people: Collection[int] | None,
    files: Path | None,
) -> pd.DataFrame:
    """Read what was bought before the moment `end`, one row a line, amounts as they were paid.

    Parameters
    ----------
    people
        Persons to read; all of them, and what nobody is named for, when None.
    files
        Where a large account's lines are kept; None reads them from the tables.
    """
    orders = None if people is None else _orders_of(session, people)
    if files is not None and people is None and lake.is_large(session):
        found = _kept_lines(session, end, files)
    else:
        if files is not None and people is None:
            lake.clear(files)
        found = _lines(session, end, orders)
    found["is_gift"] = found.pop("gift_line").astype(bool) | found.pop("gift_order").astype(bool)
    found["discount"] = _share_off(found.pop("discount_minor"), found["net_amount"])
    found["ordered_on"] = calendar_days(found.pop("placed_at"), zone)
    refunds = _line_refunds(session, end, orders), _order_refunds(session, end, orders)
    return _with_refunds(found, *refunds, zone)


def usual_currency(lines: pd.DataFrame) -> str:
    """Return the currency most lines are in; "" without lines."""
    usual = lines["currency"].mode()
    return str(usual.iloc[0]) if len(usual) else ""


def in_one_currency(lines: pd.DataFrame, currency: str) -> pd.DataFrame:
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


def named(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def calendar_days(moments: pd.Series, zone: ZoneInfo) -> pd.Series:
    """Return the calendar days of moments in a shop's zone, without a zone."""
    local = pd.to_datetime(moments, utc=True).dt.tz_convert(zone)
    return local.dt.tz_localize(None).dt.normalize().astype("datetime64[us]")


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
    by_line["refunded_on"] = calendar_days(by_line["refunded_on"], zone)
    by_order["refunded_on"] = calendar_days(by_order["refunded_on"], zone)
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
