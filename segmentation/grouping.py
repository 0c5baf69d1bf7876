"""From cleaned order lines to the tables of features, in Ibis; see `features` for the cleaning.

Sums are rounded: those of floats depend on the order in which an engine's threads add them.
"""

from __future__ import annotations

from typing import Any

import ibis

#: Half-life of taste in days: what was bought two years before the last purchase counts half.
TASTE_HALF_LIFE_DAYS = 730.0
#: The reason of a line that is left out for none.
COUNTS = -1
#: One in how many people of an account `detailed` is about.
SAMPLE = ibis.schema({"account_id": "int64", "every": "int64"})
#: What is told of a line.
_TOLD = ("product_id", "title", "colour", "size", "price", "discount")
_PERSON = ("account_id", "person_id")


def tables(judged: Any) -> dict[str, Any]:
    """Return what is made of judged lines, by name."""
    kept = judged.filter(judged.reason == COUNTS)
    own = kept.filter(~kept.is_gift)
    # Rows come in a stated order, whatever the engine's threads did.
    return {
        "need_days": _need_days(own).order_by([*_PERSON, "need", "day"]),
        "detailed": _need_days(_some(own)).order_by([*_PERSON, "need", "day"]),
        "bare_need_days": _bare_need_days(own).order_by([*_PERSON, "need", "day"]),
        "product_days": _product_days(own).order_by([*_PERSON, "product_id", "day"]),
        "order_days": _order_days(kept).order_by([*_PERSON, "day"]),
        "people": people(kept),
        "tastes": _tastes(own).order_by([*_PERSON, "need", "department", "style"]),
        "reasons": _reasons(judged).order_by("reason"),
    }


def _clocked(own: Any) -> Any:
    """Return goods that start a clock. What came before a subscription's last delivery starts none:
    what would have been bought instead is not known. That delivery does, once no other follows."""
    goods = own.filter(own.need != "")
    pair = ["account_id", "person_id", "need"]
    sent = goods.filter(goods.is_subscription)
    after = sent.day + sent.is_running.cast("int64")
    sent = sent.group_by(pair).aggregate(since=after.max())
    joined = goods.left_join(sent, pair)
    joined = joined.filter(joined.since.isnull() | (joined.day >= joined.since))
    return joined.select(*goods.columns)


def _bare_need_days(own: Any) -> Any:
    goods = _clocked(own)
    return goods.group_by("account_id", "person_id", "need", "day").aggregate(
        units=goods.units.sum().round(6)
    )


def _need_days(own: Any) -> Any:
    """Group by day, with what the most expensive line was."""
    goods = _clocked(own)
    dearest = ibis.struct({"amount": goods.amount, "back": -goods.line_id})
    days = goods.group_by("account_id", "person_id", "need", "day").aggregate(
        units=goods.units.sum().round(6), line_id=goods.line_id.argmax(dearest)
    )
    price = goods.amount / goods.units
    told = goods.select(
        "account_id", "line_id", "product_id", "title", "colour", "size", "discount", price=price
    )
    return days.inner_join(told, ["account_id", "line_id"]).select(
        "account_id", "person_id", "need", "day", "units", *_TOLD
    )


def _some(own: Any) -> Any:
    """Return the lines of one in so many people."""
    sample = ibis.table(SAMPLE, name="sample")
    return own.inner_join(sample, "account_id").filter(lambda t: t.person_id % t.every == 0)


def _product_days(own: Any) -> Any:
    # Ids below zero stand for lines without a product.
    goods = own.filter(own.product_id >= 0)
    return goods.select("account_id", "person_id", "product_id", "day").distinct()


def _order_days(kept: Any) -> Any:
    return kept.group_by("account_id", "person_id", "day").aggregate(
        amount=kept.amount.sum().round(6),
        articles=kept.product_id.nunique(),
    )


def people(kept: Any) -> Any:
    """Return what is known of people from lines that count."""
    found = kept.group_by("account_id", "person_id").aggregate(
        first_day=kept.day.min(),
        last_day=kept.day.max(),
        frequency=kept.day.nunique(),
        revenue=kept.amount.sum().round(6),
        line_quantity=kept.units.median(),
        wholesale_share=(kept.channel == "wholesale").cast("float64").mean(),
    )
    return found.order_by(_PERSON)


def _tastes(own: Any) -> Any:
    """Count items; age counts from the person's own last purchase, so that time alone changes
    nobody's taste: only a purchase does."""
    goods = own.filter(own.need != "")
    last = goods.group_by(_PERSON).aggregate(last=goods.day.max())
    goods = goods.inner_join(last, _PERSON)
    goods = goods.mutate(age=(goods.last - goods.day).cast("float64"))
    weight = ibis.literal(0.5) ** (goods.age / TASTE_HALF_LIFE_DAYS)
    # Rounded: sums of floats depend on the order in which threads add them.
    return goods.group_by("account_id", "person_id", "need", "department", "style").aggregate(
        items=goods.count(),
        weight=weight.sum().round(9),
        own_weight=ibis.ifelse(goods.in_season, 0.0, weight).sum().round(9),
    )


def _reasons(judged: Any) -> Any:
    return judged.group_by("reason").aggregate(
        lines=judged.count(),
        gifts=judged.is_gift.cast("int64").sum(),
        subscriptions=judged.is_subscription.cast("int64").sum(),
    )
