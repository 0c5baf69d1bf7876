"""Tables to frames: the second of the two translations.

Reads what one account's sources told us and hands it to segmentation in the columns that
`segmentation.frames` promises. Calendar days are those of the account's time zone. What was bought
is read by `bought`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import sqlalchemy
from babel.core import get_global
from sqlalchemy import Integer, cast, not_
from sqlmodel import Session, col, func, select

from integration import bought, history
from integration.bought import calendar_days
from integration.goods import in_stock
from integration.rows import table
from integration.tables import (
    Account,
    Choice,
    DueDate,
    Product,
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
    lines = bought.lines(session, end, zone, people, files)
    currency = bought.usual_currency(lines) if currency is None else currency
    lines = bought.in_one_currency(lines, currency)
    products = _products(session)
    lines, unlisted = bought.named(lines)
    persons, stock = _people(session, people), _stock(session)
    moments = _moments(session, end, people)
    moments["seen_on"] = calendar_days(moments.pop("at"), zone)
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
