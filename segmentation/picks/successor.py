"""What to offer somebody whose thing is worn out: the nearest to it that can be bought now.

Same need, same size, same department; then the nearest in colour, price, style and brand. What
cannot be bought, or not in the person's size, is never offered.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.picks.colours import distance

#: Offers a person and need.
MOST = 3
#: Not more than this many times as dear as the thing owned, and not less than the reverse.
PRICE_FACTOR = 2.0
#: What a difference weighs: a colour 100 apart (black and white), a price e times as high, another
#: style, another brand, another product at all.
_COLOUR, _PRICE, _STYLE, _BRAND, _PRODUCT = 1.0, 1.0, 0.5, 0.2, 0.1

_TRAITS = ["account_id", "need", "size", "department", "style", "brand", "colour", "price"]


def successors(owned: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Return what to offer for each row of `owned`, best first.

    Parameters
    ----------
    owned
        account_id, need, product_id, size, department, style, brand, colour ("" when unknown) and
        price (minor units a piece, NaN when unknown) of the thing a person has.
    stock
        The same, and variant_id (NA for a product without variants), for everything that can be
        bought now; nothing else.

    Returns
    -------
    DataFrame
        row (position in `owned`), rank (from 1), product_id, variant_id (Int64; NA where the size
        is not known or there is none); at most `MOST` a row, by row and rank.
    """
    wants = owned[[*_TRAITS, "product_id"]].reset_index(drop=True)
    kinds = wants.drop_duplicates(ignore_index=True)
    kinds["kind"] = kinds.index
    pairs = _candidates(kinds, stock)
    pairs["cost"] = _cost(pairs)
    order = ["kind", "cost", "product_id_offered", "variant_id"]
    pairs = pairs.sort_values(order, ignore_index=True, na_position="first")
    pairs = pairs.drop_duplicates(["kind", "product_id_offered"])
    pairs["rank"] = pairs.groupby("kind").cumcount() + 1
    best = pairs.loc[pairs["rank"] <= MOST, ["kind", "rank", "product_id_offered", "variant_id"]]
    rows = wants.reset_index(names="row").merge(kinds, how="left")[["row", "kind"]]
    shown = rows.merge(best, on="kind").sort_values(["row", "rank"], ignore_index=True)
    shown = shown.rename(columns={"product_id_offered": "product_id"})
    return shown[["row", "rank", "product_id", "variant_id"]]


def _candidates(kinds: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Pair what is owned with what can be bought in the same size and department."""
    # Whoever's size is not known is shown the product, and chooses the size himself.
    any_size = stock.assign(size="").drop_duplicates(["account_id", "product_id", "colour"])
    any_size["variant_id"] = pd.array([pd.NA] * len(any_size), dtype="Int64")
    sized = stock[stock["size"] != ""]
    offered = pd.concat([sized, any_size], ignore_index=True)
    key = ["account_id", "need", "size"]
    pairs = kinds.merge(offered, on=key, suffixes=("", "_offered"))
    known = (pairs["department"] != "") & (pairs["department_offered"] != "")
    other = known & (pairs["department"] != pairs["department_offered"])
    far = _log_ratio(pairs) > np.log(PRICE_FACTOR)
    near: pd.DataFrame = pairs.loc[~(other | far)].reset_index(drop=True)
    return near


def _cost(pairs: pd.DataFrame) -> npt.NDArray[np.float64]:
    colours = [distance(*two) for two in zip(pairs["colour"], pairs["colour_offered"], strict=True)]
    cost = _COLOUR * np.array(colours, dtype=np.float64) / 100 + _PRICE * _log_ratio(pairs)
    for trait, weight in (("style", _STYLE), ("brand", _BRAND), ("product_id", _PRODUCT)):
        cost += weight * (pairs[trait] != pairs[f"{trait}_offered"]).to_numpy()
    return np.asarray(cost, dtype=np.float64)


def _log_ratio(pairs: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return how far prices are apart; 0 where one of them is not known."""
    prices = (pairs[name].to_numpy(dtype=np.float64) for name in ("price", "price_offered"))
    own, offered = (np.where(price > 0, price, np.nan) for price in prices)
    return np.nan_to_num(np.abs(np.log(offered / own)))
