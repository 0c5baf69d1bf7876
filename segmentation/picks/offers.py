"""From due-dates to offers: what each person who needs something again could be shown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segmentation.picks.successor import successors


def offers(due: pd.DataFrame, traits: pd.DataFrame, shelf: pd.DataFrame) -> pd.Series:
    """Return a list of offers for each row of `due`, best first; empty where there is no state.

    Parameters
    ----------
    due
        One account's rows with need, state, last_product_id, and last_colour, last_size, last_price
        of what was bought.
    traits
        `catalogue.traits`.
    shelf
        `frames.STOCK` with the traits.
    """
    result: list[list[dict[str, Any]]] = [[] for _ in range(len(due))]
    asked = due.reset_index(drop=True)[(due["state"] != "").to_numpy()]
    if asked.empty or shelf.empty:
        return pd.Series(result, dtype="object")
    columns = ["account_id", "person_id", "need"]
    names = {f"last_{name}": name for name in ("product_id", "colour", "size", "price")}
    key = ["account_id", "product_id"]
    owned = asked[[*columns, *names]].rename(columns=names)
    # What is no product of the catalogue any more has no traits, but still a size and a colour.
    owned["product_id"] = owned["product_id"].fillna(-1).astype("int64")
    known = traits.drop(columns="need")
    owned = owned.merge(known, how="left", on=key).fillna(dict.fromkeys(_TRAITS, ""))
    rows = asked.index.to_numpy()
    found = successors(owned, shelf)
    for row, product, variant in zip(
        rows[found["row"]].tolist(), found["product_id"].tolist(), found["variant_id"], strict=True
    ):
        result[row].append(
            {"product_id": product, "variant_id": None if pd.isna(variant) else int(variant)}
        )
    return pd.Series(result, dtype="object")


_TRAITS = ("department", "style", "brand")
