"""What somebody looks at and did not buy: a rule, until enough is known to learn from.

Twice within 14 days about one kind of goods, and none of it bought since the first of these
moments. A product, or a search, counts once a day: a page that is loaded again says nothing new.
What was put into the cart and taken out again does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from segmentation.duedates.needs import Placer

#: Moments of contact that show an interest, how many of them, within how many days.
KINDS = ("product_view", "cart_add", "wishlist", "search", "email_click", "brochure")
LEAST, WITHIN_DAYS = 2, 14
#: Takes an earlier `cart_add` of the product back.
TAKEN_BACK = "cart_remove"
_THING = ["person_id", "need", "thing", "seen_on"]


def hot(
    moments: pd.DataFrame,
    placed: pd.DataFrame,
    placer: Placer,
    due: pd.DataFrame,
    needs: Collection[str],
    as_of: date,
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield person, segment and reason of everybody who is interested in something.

    Parameters
    ----------
    moments
        `frames.MOMENTS` of the people in question.
    placed
        The need of each product: product_id, need.
    placer
        Places what is about no product by its words.
    due
        What they bought, of `frames.DUE`: person_id, need, last_on.
    needs
        Those that this shop sells.
    as_of
        The last day that counts.
    """
    seen = _placed(_kept(moments, as_of), placed, placer)
    seen = seen[seen["need"].isin(list(needs)).to_numpy()].drop_duplicates(_THING)
    bought = _last_bought(due)
    days: dict[tuple[int, str], list[pd.Timestamp]] = defaultdict(list)
    columns = (seen["person_id"].tolist(), seen["need"].tolist(), seen["seen_on"].tolist())
    for person, need, day in zip(*columns, strict=True):
        days[person, need].append(day)
    for (person, need), told in days.items():
        told.sort()
        if len(told) < LEAST or bought.get((person, need), pd.Timestamp.min) >= told[0]:
            continue
        first, last = (day.date().isoformat() for day in told[-LEAST:])
        reason = {"key": "interest", "need": need, "first_on": first, "last_on": last}
        yield person, f"interest:{need}:hot", reason


def _kept(moments: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return what shows an interest and lies within the window."""
    days = pd.Timestamp(as_of) - moments["seen_on"]
    recent = moments[((days >= timedelta(0)) & (days < timedelta(days=WITHIN_DAYS))).to_numpy()]
    out = recent[(recent["kind"] == TAKEN_BACK).to_numpy()]
    last_out = out.groupby(["person_id", "product_id"])["seen_on"].max()
    keys = pd.MultiIndex.from_frame(recent[["person_id", "product_id"]])
    taken = last_out.reindex(keys).to_numpy() >= recent["seen_on"].to_numpy()
    is_back = (recent["kind"] == "cart_add").to_numpy() & taken
    return recent[recent["kind"].isin(KINDS).to_numpy() & ~is_back]


def _placed(seen: pd.DataFrame, placed: pd.DataFrame, placer: Placer) -> pd.DataFrame:
    """Return the moments with the need, and the thing, that each is about."""
    by_product = placed.drop_duplicates("product_id").set_index("product_id")["need"]
    words: dict[str, str] = {
        text: placer.place(0, text, "", "", "")[0] for text in seen["subject"].unique()
    }
    known = seen["product_id"].map(by_product)
    return seen.assign(
        need=known.fillna(seen["subject"].map(words)),
        thing=seen["product_id"].astype("str").where(seen["product_id"].notna(), seen["subject"]),
    )


def _last_bought(due: pd.DataFrame) -> Mapping[tuple[int, str], pd.Timestamp]:
    keys = zip(due["person_id"].tolist(), due["need"].tolist(), strict=True)
    return dict(zip(keys, due["last_on"].tolist(), strict=True))
