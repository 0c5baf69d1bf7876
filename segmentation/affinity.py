"""What people like, judged by what they buy for themselves: departments, styles, favourites.

A share is shrunken to the shop's, ``(n_c + m p_c) / (n + m)``, and a label is given only when the
lower 10% bound of its Beta distribution passes a gate: no evidence, no tag. Last time's label stays
while it passes a wider gate, so that the nightly refit moves nobody. We never say who somebody is,
only what is bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv

from segmentation.duedates.needs import default_department
from segmentation.duedates.starting import MEN_WORDS, WOMEN_WORDS
from segmentation.duedates.starts import Bools, Floats, Ints
from segmentation.frames import Choices
from segmentation.words import Marks

#: Lower bound of the Beta distribution at this probability.
DOUBT = 0.1
#: Weight of the shop's share in items: two-sided choices, and favourites.
PRIOR_ITEMS, PRIOR_ITEMS_LOVES = 1.0, 3.0
#: The larger share's lower bound must pass this; and this to keep a label; items of it.
MAJORITY, MAJORITY_KEPT, MAJORITY_ITEMS = 0.35, 0.3, 2
#: Both departments: the lesser's shrunken share, and the share that keeps the label.
BOTH, BOTH_KEPT = 0.1, 0.08
#: A favourite's lower bound over the shop's share; to keep it; items of it.
LIFT, LIFT_KEPT, LOVED_ITEMS = 1.5, 1.2, 2
#: A favourite stays while its bound is at least this share of the best one's.
STILL_CLOSE = 0.85

_MARKS = Marks({"men": MEN_WORDS, "women": WOMEN_WORDS})
Labels = npt.NDArray[np.object_]


def departments(products: pd.DataFrame, needs: pd.Series, choices: Choices) -> pd.Series:
    """Return "men", "women" or "" for each product; `needs` in the order of `products`.

    The merchant's correction, the declared target, words of the category path, type and tags, words
    of the title, and what only one department sells. Unisex and children's goods say nothing.
    """
    corrected = {key.strip().lower(): value for key, value in choices.departments.items()}
    names = ("gender_target", "product_type", "category_path", "tags", "title")
    rows = zip(needs.tolist(), *(products[name].tolist() for name in names), strict=True)
    return pd.Series([_department(row, corrected) for row in rows], dtype="str")


def _department(row: tuple[str, ...], corrected: dict[str, str]) -> str:
    need, target, product_type, path, tags, title = row
    declared = target.strip().lower()
    for key in (product_type.strip().lower(), need):
        if key and key in corrected:
            declared = corrected[key]
            break
    if declared:
        return declared if declared in ("men", "women") else ""
    shelf = _MARKS(f"{path} , {product_type} , {tags}")
    return shelf or _MARKS(title) or default_department(need)


@dataclass(frozen=True)
class Shares:
    """The shop's shares, which persons are shrunken to."""

    #: Of menswear among goods of one department, and of business among goods of one style.
    men: float
    business: float
    #: Of each need among all goods.
    needs: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"men": self.men, "business": self.business, "needs": dict(self.needs)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Shares:
        """Return the shares that `to_dict` wrote down."""
        return cls(plain["men"], plain["business"], dict(plain["needs"]))


def shares(tastes: pd.DataFrame) -> Shares:
    """Return the shop's shares from `features.Features.tastes` of one account."""
    items = tastes.groupby("need")["items"].sum()
    return Shares(
        men=_share(tastes, "department", "men", "women"),
        business=_share(tastes, "style", "business", "casual"),
        needs={str(need): float(count / items.sum()) for need, count in items.items()},
    )


def _share(tastes: pd.DataFrame, column: str, one: str, other: str) -> float:
    first = float(tastes.loc[tastes[column] == one, "items"].sum())
    second = float(tastes.loc[tastes[column] == other, "items"].sum())
    # Held off the edges: a shop of menswear alone still needs evidence to say so of a person.
    return float(np.clip(first / (first + second), 0.2, 0.8)) if first + second else 0.5


@dataclass(frozen=True)
class Sides:
    """What was bought of the two sides of a choice; one entry a person."""

    items: tuple[Floats, Floats]
    #: Decayed items.
    weight: tuple[Floats, Floats]
    #: The part of `weight` from outside the gift season.
    own_weight: tuple[Floats, Floats]

    def evidence(self) -> tuple[Floats, Floats]:
        """Return the weights that count: the lesser side's without the gift season.

        One dress in December says less about a man's own shopping than one in May.
        """
        (first, second), (own_first, own_second) = self.weight, self.own_weight
        return (
            np.where(first > second, first, own_first),
            np.where(second > first, second, own_second),
        )


def sides(tastes: pd.DataFrame, persons: pd.Series, column: str, names: tuple[str, str]) -> Sides:
    """Return what each of `persons` (sorted) bought of two departments or styles."""
    at = persons.searchsorted(tastes["person_id"])
    chosen = [(tastes[column] == name).to_numpy() for name in names]

    def totals(measure: str) -> tuple[Floats, Floats]:
        values = tastes[measure].to_numpy(dtype=np.float64)
        first, second = (
            np.bincount(at[rows], values[rows], minlength=len(persons)).astype(np.float64)
            for rows in chosen
        )
        return first, second

    return Sides(totals("items"), totals("weight"), totals("own_weight"))


def choose(of: Sides, share: float, names: tuple[str, str, str], previous: Labels) -> Labels:
    """Return a label a person: the first or second name, the third for both sides, or "".

    Parameters
    ----------
    of
        What was bought.
    share
        The shop's share of the first side.
    names
        Labels of the sides and of both; "" for the third where both is no label.
    previous
        Last time's labels, "" for none.

    Examples
    --------
    >>> bought = (np.array([4.0, 1.0, 4.0]), np.array([0.0, 0.0, 5.0]))
    >>> nobody = np.array(["", "", ""])
    >>> choose(Sides(bought, bought, bought), 0.5, ("m", "w", "both"), nobody).tolist()
    ['m', '', 'both']
    """
    weight = of.evidence()
    first, second = weight[0] + PRIOR_ITEMS * share, weight[1] + PRIOR_ITEMS * (1 - share)
    low = (betaincinv(first, second, DOUBT), betaincinv(second, first, DOUBT))
    enough = [items >= MAJORITY_ITEMS for items in of.items]
    mixed = (weight[0] > 0) & (weight[1] > 0) & (of.items[0] + of.items[1] > MAJORITY_ITEMS)
    lesser = np.where(mixed & bool(names[2]), np.minimum(first, second) / (first + second), 0.0)

    def passes(majority: float, both: float) -> list[Bools]:
        one, other = (bound > majority for bound in low)
        return [one & enough[0], other & enough[1], lesser > both]

    one, other, two = passes(MAJORITY, BOTH)
    label = np.select([two, one, other], [names[2], names[0], names[1]], "").astype(object)
    for name, still in zip(names, passes(MAJORITY_KEPT, BOTH_KEPT), strict=True):
        # A label that would pass a little less stays, but not against a household's evidence.
        keeps = still & ~two if name != names[2] else still
        label = np.where((previous == name) & bool(name) & keeps, name, label)
    return label


def shares_of(values: pd.Series, shop: Mapping[str, float]) -> Floats:
    """Return the shop's share of each value, held off the edges."""
    known = values.map(shop).fillna(0.0).to_numpy(dtype=np.float64)
    result: Floats = np.clip(known, 0.001, 0.999)
    return result


def lower_bound(at: Ints, weight: Floats, base: Floats) -> Floats:
    """Return the share of a person's purchases that each of his values has at least.

    Parameters
    ----------
    at
        Place of the person; a row a person and value, all values of a person among the rows.
    weight
        Decayed items of the value.
    base
        The shop's share of it, which little evidence is shrunken to.

    Examples
    --------
    >>> both = np.array([0.1, 0.1])
    >>> lower_bound(np.array([0, 0]), np.array([4.0, 1.0]), both).round(2).tolist()
    [0.31, 0.03]
    """
    total: Floats = np.bincount(at, weight)[at].astype(np.float64)
    first = weight + PRIOR_ITEMS_LOVES * base
    second = total - weight + PRIOR_ITEMS_LOVES * (1 - base)
    low: Floats = betaincinv(first, np.maximum(second, 1e-9), DOUBT).astype(np.float64)
    return low


def favourites(
    tastes: pd.DataFrame, persons: pd.Series, shop: Shares, previous: Labels
) -> tuple[Labels, Labels, pd.DataFrame]:
    """Return favourite and second favourite need a person ("" for none), and the evidence.

    The evidence has person_id, need, items, total (items of the person) for each need bought.
    """
    key = ["person_id", "need"]
    mine = tastes.groupby(key, sort=True)[["items", "weight"]].sum().reset_index()
    at = persons.searchsorted(mine["person_id"])
    base = shares_of(mine["need"], shop.needs)
    low = lower_bound(at, mine["weight"].to_numpy(dtype=np.float64), base)
    enough = (mine["items"] >= LOVED_ITEMS).to_numpy()
    was = previous[at] == mine["need"].to_numpy(dtype=object)
    passes = enough & (low > base * np.where(was, LIFT_KEPT, LIFT))
    # Dividing keeps last time's favourite first while it is close to the best.
    rank = np.where(passes, low / np.where(was, STILL_CLOSE, 1.0), -1.0)
    order = np.lexsort((np.arange(rank.size), -rank, at))
    order = order[passes[order]]
    place = np.arange(order.size) - np.searchsorted(at[order], at[order], side="left")
    result = (np.full(len(persons), "", dtype=object), np.full(len(persons), "", dtype=object))
    for nth, labels in enumerate(result):
        rows = order[place == nth]
        labels[at[rows]] = mine["need"].to_numpy(dtype=object)[rows]
    mine["total"] = np.bincount(at, mine["items"], minlength=len(persons))[at].astype(np.int64)
    return result[0], result[1], mine
