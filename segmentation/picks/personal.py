"""Three products for each person: the likeliest that can be bought and make sense; and up to three
that others bought who bought the same, where enough did.

Never what cannot be bought, never what is not there in the person's size, and never another one of
a thing that lasts while the one he has still does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from segmentation.duedates.starts import Bools
from segmentation.picks.also import MOST as MOST_ALSO
from segmentation.picks.also import AlsoBought, last_basket
from segmentation.picks.rate import PersonalRate

#: Picks a person, and the likeliest that are looked at for them.
MOST, _LOOKED_AT = 3, 20
#: A need whose life is this long in days is a thing that lasts: one is enough until it is due.
DURABLE_DAYS = 120.0


def picks(
    model: PersonalRate,
    bought: pd.DataFrame,
    due: pd.DataFrame,
    persons: pd.Series,
    shelf: pd.DataFrame,
) -> pd.Series:
    """Return the picks of each person, best first.

    Parameters
    ----------
    model
        Fitted on the account.
    bought
        person_id, day, product_id of what counts of these persons.
    due
        Their rows with person_id, need, state, life (days) and last_size.
    persons
        Ids, sorted.
    shelf
        product_id, need and size of everything that can be bought now.

    Returns
    -------
    Series of list of dict
        {"product_id", "basis"} in the rows of `persons`; the basis is "again" (bought before),
        "taste" (of a kind bought before) or "popular" (others buy it, and nothing is known that
        speaks for it).
    """
    if shelf.empty:
        return nothing(persons.index)
    allowed = np.unique(shelf["product_id"].to_numpy(dtype=np.int64))
    best = model.predict(bought, n=_LOOKED_AT, allowed=allowed)
    best = _sensible(best, due, shelf, MOST)
    kinds = set(zip(due["person_id"], due["need"], strict=True))
    result: dict[int, list[dict[str, Any]]] = {person: [] for person in persons.tolist()}
    for person, product, again, need in zip(
        *(best[name].tolist() for name in ("person_id", "product_id", "is_repeat", "need")),
        strict=True,
    ):
        basis = "again" if again else "taste" if (person, need) in kinds else "popular"
        result[person].append({"product_id": product, "basis": basis})
    return pd.Series(list(result.values()), index=persons.index, dtype="object")


def nothing(persons: pd.Index) -> pd.Series:
    """Return no picks for rows of persons."""
    return pd.Series([[] for _ in persons], index=persons, dtype="object")


def also_bought(
    model: AlsoBought,
    bought: pd.DataFrame,
    due: pd.DataFrame,
    persons: pd.Series,
    shelf: pd.DataFrame,
) -> pd.Series:
    """Return what others bought, too, who bought what each person bought last.

    Parameters
    ----------
    model, bought, due, persons, shelf
        As in `picks`.

    Returns
    -------
    Series of dict
        "shown": {"product_id", "after", "people", "of"}, best first: `people` of the `of` who
        bought the product `after` bought this one, too. "why": of an empty block, "closed" (the
        shop has no evidence, see `AlsoBought.closed`), "few" (too few bought what this person
        bought last) or "left" (nothing is left that he lacks, needs and can have in his size).
    """
    if model.closed or shelf.empty:
        return no_block(persons.index, "closed" if model.closed else "left")
    found = model.predict(bought)
    found = found[found["product_id"].isin(shelf["product_id"]).to_numpy()].reset_index(drop=True)
    found = _sensible(found, due, shelf, MOST_ALSO)
    last = last_basket(bought)
    told = set(last.loc[last["product_id"].isin(model.rules_["after"]).to_numpy(), "person_id"])
    # One empty block for all who have none: there may be a million of them.
    none: dict[str, dict[str, Any]] = {why: {"shown": [], "why": why} for why in ("few", "left")}
    result = {person: none["left" if person in told else "few"] for person in persons.tolist()}
    columns = ["product_id", "after", "people", "of"]
    for person, row in zip(
        found["person_id"].tolist(), found[columns].to_dict("records"), strict=True
    ):
        if result[person]["why"]:
            result[person] = {"shown": [], "why": ""}
        result[person]["shown"].append(row)
    return pd.Series(list(result.values()), index=persons.index, dtype="object")


def no_block(persons: pd.Index, why: str) -> pd.Series:
    """Return an empty block for rows of persons."""
    return pd.Series([{"shown": [], "why": why}] * len(persons), index=persons, dtype="object")


def _sensible(
    best: pd.DataFrame, due: pd.DataFrame, shelf: pd.DataFrame, most: int
) -> pd.DataFrame:
    """Return the first rows of each person that are neither lasting and there, nor too small."""
    needs = shelf.drop_duplicates("product_id").set_index("product_id")["need"]
    best = best.assign(need=best["product_id"].map(needs))
    best = best[~(_still_lives(best, due) | _wrong_size(best, due, shelf))]
    return best[best.groupby("person_id").cumcount() < most]


def _still_lives(best: pd.DataFrame, due: pd.DataFrame) -> Bools:
    """Tell which rows are of a thing that lasts, of which the person's own is not worn out."""
    lives = due[(due["life"] >= DURABLE_DAYS) & (due["state"] == "")]
    key = ["person_id", "need"]
    found: Bools = pd.MultiIndex.from_frame(best[key]).isin(pd.MultiIndex.from_frame(lives[key]))
    return found


def _wrong_size(best: pd.DataFrame, due: pd.DataFrame, shelf: pd.DataFrame) -> Bools:
    """Tell which rows come in sizes, but not in the one that the person has of this need."""
    worn = due.loc[due["last_size"] != "", ["person_id", "need", "last_size"]]
    asked = best[["person_id", "product_id", "need"]].reset_index(names="row")
    sized = asked.merge(worn, on=["person_id", "need"])
    there = shelf.loc[shelf["size"] != "", ["product_id", "size"]].drop_duplicates()
    sized = sized[sized["product_id"].isin(there["product_id"])]
    fits = sized.merge(there, left_on=["product_id", "last_size"], right_on=["product_id", "size"])
    return best.index.isin(set(sized["row"]) - set(fits["row"]))
