"""What was computed: fitted numbers, segments with their reasons and history, due-dates."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from integration.db import BigKey, Owned
from integration.tables.columns import (
    account_key,
    json_column,
    json_later,
    json_list,
    moment,
    primary_key,
    reference,
)


class FittedModel(Owned, table=True):
    """What a fit learned, as plain numbers."""

    id: int | None = primary_key()
    account_id: int = account_key()
    as_of: date
    #: `Fitted.to_dict()` with its schema version.
    state: dict[str, Any] = json_column()
    #: What the cleaning step counted.
    counters: dict[str, Any] = json_column()
    #: By part how it did, and the fit its live numbers come from: `trial.verdicts.Verdict`.
    verdicts: dict[str, Any] = json_later()
    #: From when on orders were known, None: all; and why not before, see `integration.history`.
    known_since: date | None = None
    unknown_why: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: Whether `state` was let go: how it did is told for longer.
    thinned: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = moment()


class Choice(Owned, table=True):
    """Something the merchant decided; outranks what is learned and what is assumed."""

    __table_args__ = (UniqueConstraint("account_id", "kind", "subject"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    #: "life" (days), "need", "style", "department", "group": see `segmentation.frames.Choices`.
    kind: str
    subject: str
    value: str
    created_at: datetime = moment()


class PersonProfile(Owned, table=True):
    """A person's figures as last computed; columns as `segmentation.frames.PROFILES`."""

    id: int | None = primary_key()
    account_id: int = account_key()
    person_id: int = Field(foreign_key="person.id", unique=True, ondelete="CASCADE", sa_type=BigKey)
    recency: int
    frequency: int
    monetary_value: float
    revenue: float
    tenure: int
    r: int
    f: int
    m: int
    #: None for wholesale buyers, who have a rhythm of their own kind.
    expected_gap: float | None = None
    stage: str
    #: Of the next 12 months; None where it is refused, and for wholesale buyers. `p_alive` is also
    #: None before a second purchase.
    p_alive: float | None = None
    expected_orders: float | None = None
    #: Minor units, and eight of ten end between low and high.
    expected_value: float | None = None
    value_low: float | None = None
    value_high: float | None = None
    #: high, middle, low or "".
    value: str = Field(default="", sa_column_kwargs={"server_default": ""})
    is_wholesale: bool
    shops: str
    style: str
    favourite: str
    second_favourite: str
    #: What is bought more of than by others, "" where there is none; and why: reasons.
    brand: str = Field(default="", sa_column_kwargs={"server_default": ""})
    colour: str = Field(default="", sa_column_kwargs={"server_default": ""})
    material: str = Field(default="", sa_column_kwargs={"server_default": ""})
    size: str = Field(default="", sa_column_kwargs={"server_default": ""})
    price_level: str = Field(default="", sa_column_kwargs={"server_default": ""})
    discount: str = Field(default="", sa_column_kwargs={"server_default": ""})
    likes: list[dict[str, Any]] = json_list()
    #: Products to show, best first: {"product_id", "basis"}.
    picks: list[dict[str, Any]] = json_list()
    #: What others bought with the same: see `segmentation.picks.personal.also_bought`.
    also: dict[str, Any] = json_later()
    #: Of the company that a business customer buys for: see `segmentation.trade.model.Company`.
    trade: dict[str, Any] = json_later()
    computed_on: date


class SegmentMember(Owned, table=True):
    """A person's place in one segment, with the reason."""

    __table_args__ = (UniqueConstraint("person_id", "segment"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    person_id: int = reference("person.id", index=False, cascade=True)
    segment: str = Field(index=True)
    #: {"key": ..., values}: see `segmentation.reasons`.
    reason: dict[str, Any] = json_column()
    since: date


class SegmentChange(Owned, table=True):
    """History: a person entered or left a segment."""

    id: int | None = primary_key()
    account_id: int = account_key()
    person_id: int = reference("person.id", cascade=True)
    segment: str
    entered: bool
    on: date
    #: Why the person is, or was, in it.
    reason: dict[str, Any] = json_column()
    #: Why the person left: see `segmentation.leaving`; {} for who entered.
    cause: dict[str, Any] = json_later()
    #: The fit it was computed with; its row may be gone.
    model_id: int | None = Field(default=None, sa_type=BigKey)


class DueDate(Owned, table=True):
    """When a person needs a thing again; columns as `segmentation.frames.DUE`."""

    __table_args__ = (UniqueConstraint("person_id", "need"),)

    id: int | None = primary_key()
    account_id: int = account_key()
    person_id: int = reference("person.id", index=False, cascade=True)
    need: str = Field(index=True)
    last_on: date
    last_product_id: int | None = Field(default=None, sa_type=BigKey)
    last_title: str = ""
    owned: int
    own_gaps: int
    expected_on: date
    window_from: date
    window_to: date
    p_repeat: float
    p_due: float
    #: The need's and person's own horizon in days, and the chance of a purchase within it.
    within_days: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    p_within: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    #: Share of those who come back that has come by now.
    passed: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    #: "", soon, now or late.
    state: str = Field(index=True)
    #: The need that is told before this one; "" when it is its own turn.
    waits_for: str = Field(default="", sa_column_kwargs={"server_default": ""})
    #: learned, assumption or stated.
    basis: str
    #: What to offer, best first: {"product_id", "variant_id"}.
    offers: list[dict[str, Any]] = json_list()
    reason: dict[str, Any] = json_column()


class OwnSegment(Owned, table=True):
    """A segment that the merchant made; its people stand in `SegmentMember` under "own:<id>"."""

    id: int | None = primary_key()
    account_id: int = account_key()
    #: Without the group's word before it.
    name: str
    #: See `segmentation.builder.document`.
    document: dict[str, Any] = json_column()
    created_at: datetime = moment()
    #: Can be put back for a while; see `integration.own.kept`.
    removed_at: datetime | None = moment(nullable=True)
