"""Which business customers are contacts of one company, and what that company ordered when."""

from __future__ import annotations

import re

import pandas as pd

from segmentation.account import Part
from segmentation.duedates.starts import merged

#: In place of an article group: orders as a whole.
ANY = "anything"
_FORM = re.compile(
    r"\b(b\.?v\.?b\.?a|b\.?v|n\.?v|v\.?o\.?f|gmbh|ltd|limited|llc|inc|s\.?a|s\.?r\.?l|a\.?g)\b\.?"
)
_WORD = re.compile(r"[^\W_]+")
_COLUMNS = ["company", "need", "day", "units", "price", "person_id"]


def company_key(name: str) -> str:
    """Return a company's name without case, marks and legal form; "" for none.

    Examples
    --------
    >>> company_key("De Vries Tegels B.V."), company_key("de vries  tegels"), company_key("B.V.")
    ('de vries tegels', 'de vries tegels', 'b v')
    """
    words = " ".join(_WORD.findall(_FORM.sub(" ", name.casefold())))
    return words or " ".join(_WORD.findall(name.casefold()))


def companies(people: pd.DataFrame) -> pd.DataFrame:
    """Return person_id, company (smallest person id of its contacts) and contacts (how many).

    `people` has person_id and company (a name); who has no name is a company of his own.
    """
    person = people["person_id"].reset_index(drop=True)
    key = people["company"].map(company_key).reset_index(drop=True)
    key = key.mask(key == "", person.astype("str").radd("#"))
    grouped = person.groupby(key)
    return pd.DataFrame(
        {
            "person_id": person,
            "company": grouped.transform("min"),
            "contacts": grouped.transform("size"),
        }
    ).astype("int64")


def order_days(part: Part, known: pd.DataFrame) -> pd.DataFrame:
    """Return a row a company, article group and order day, sorted so.

    Parameters
    ----------
    part
        Wholesale only.
    known
        From `companies`.

    Returns
    -------
    DataFrame
        company, need (`ANY` for orders as a whole), day, units (of orders as a whole: minor units
        of money), price (of a piece of the dearest line; NaN where that is not told), person_id (of
        the contact who ordered). Days in a row are one order.
    """
    whole = part.order_days.assign(need=ANY, units=part.order_days["amount"])
    columns = ["person_id", "need", "day", "units", "price"]
    groups = part.need_days[(part.need_days["need"] != ANY).to_numpy()]
    days = pd.concat([groups, whole], ignore_index=True).reindex(columns=columns)
    days["company"] = days["person_id"].map(known.set_index("person_id")["company"])
    days = days.astype({"company": "int64", "need": "str"})
    days = days.sort_values(["company", "need", "day", "person_id"], ignore_index=True)
    return merged(days, ["company", "need"])[_COLUMNS]
