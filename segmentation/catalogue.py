"""The catalogue as the computation needs it: every line has a product, every product a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from segmentation.affinity import departments
from segmentation.duedates.needs import NO_GOODS, NeedName, place_products
from segmentation.frames import Choices, Frames
from segmentation.style import styles

#: Ids from here down are titles of lines without a product; they never leave a run.
_TITLES_BELOW = -(10**15)
_LISTED = 200


@dataclass(frozen=True)
class Catalogue:
    """Products with their places, and the lines that now all have one."""

    lines: pd.DataFrame
    products: pd.DataFrame
    #: account_id, product_id, need, department, style; as `features.compute` wants it.
    placed: pd.DataFrame
    names: dict[str, NeedName]


def read(frames: Frames, choices: Choices) -> Catalogue:
    """Place every product by need, department and style."""
    lines, products = _completed(frames)
    placed, names = place_products(products, choices)
    placed["department"] = departments(products, placed["need"], choices)
    placed["style"] = styles(products, placed["need"], choices)
    return Catalogue(lines, products, placed, names)


def traits(catalogue: Catalogue) -> pd.DataFrame:
    """Return account_id, product_id, need, department, style and brand of every product."""
    return catalogue.placed.assign(brand=catalogue.products["brand"].to_numpy())


def placement(catalogue: Catalogue, account_id: int) -> dict[str, Any]:
    """Return how many products have a need and a style, and which have no need (at most 200)."""
    every = catalogue.placed
    mine = (
        (every["account_id"] == account_id)
        # Below zero are stand-ins for lines without a product: nobody can correct those.
        & (every["product_id"] >= 0)
        & (every["need"] != NO_GOODS)
    ).to_numpy()
    placed, products = catalogue.placed[mine], catalogue.products[mine]
    unplaced = products[(placed["need"] == "").to_numpy()]
    return {
        "products": len(placed),
        "placed": int((placed["need"] != "").sum()),
        "styled": int((placed["style"] != "").sum()),
        "unplaced": sorted(unplaced["product_id"].tolist())[:_LISTED],
        "unplaced_types": sorted(set(unplaced["product_type"]) - {""})[:_LISTED],
    }


def _completed(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give lines without a known product one for each account and title."""
    lines, products = frames.lines, frames.products.reset_index(drop=True)
    key = ["account_id", "product_id"]
    catalogued = pd.MultiIndex.from_frame(products[key])
    ids = lines["product_id"].astype("Int64").fillna(_TITLES_BELOW).astype("int64")
    known = pd.MultiIndex.from_arrays([lines["account_id"], ids]).isin(catalogued)
    if known.all():
        return lines.assign(product_id=ids), products
    unknown = lines.loc[~known, ["account_id", "title"]]
    titles = unknown.drop_duplicates().sort_values(["account_id", "title"], ignore_index=True)
    titles["product_id"] = _TITLES_BELOW - 1 - titles.index.to_numpy()
    found = unknown.merge(titles, how="left", on=["account_id", "title"])["product_id"]
    ids = ids.copy()
    ids[~known] = found.to_numpy()
    for column in products.columns.difference(titles.columns):
        blank = float("nan") if column in ("price", "replacement_days") else ""
        titles[column] = pd.Series(blank, index=titles.index, dtype=products[column].dtype)
    every = pd.concat([products, titles[products.columns]], ignore_index=True)
    return lines.assign(product_id=ids), every
