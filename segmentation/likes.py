"""What people like beside kinds of goods: brand, colour, material, size, price level, discount.

The gate is that of favourites: somebody's share of a value is shrunken to the shop's, and the value
is his when the lower 10% bound of the share's Beta distribution is clearly above the shop's share
and no small part of what he buys. Purchases count half after a half-life, reckoned from the
person's own last one, so that only a purchase changes anything; gifts do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation.affinity import LIFT, lower_bound, shares_of
from segmentation.groups.attributes import counted, weight_of
from segmentation.words import slug


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that purchases tell of, see `groups.attributes.purchases`."""

    #: Of `frames.PROFILES`.
    column: str
    #: Times the shop's share that a person's share is at least.
    lift: float = LIFT


#: What somebody may like, in the order in which it is told. A third of the purchases is of each
#: price level, so that half as much again is more than there are.
ATTRIBUTES: Mapping[str, Attribute] = {
    "brand": Attribute("brand"),
    "colour": Attribute("colour"),
    "material": Attribute("material"),
    "size": Attribute("size"),
    "price": Attribute("price_level", lift=1.2),
    "discount": Attribute("discount", lift=1.2),
}
COLUMNS = tuple(attribute.column for attribute in ATTRIBUTES.values())
#: A share that is at least so large is no small part of what somebody buys; one purchase alone
#: never shows one.
LEAST = 0.15
#: What most people do and says nothing about them.
_PLAIN = "full"

Reasons = dict[int, list[dict[str, Any]]]


def shares(bought: pd.DataFrame, until: int) -> dict[str, dict[str, float]]:
    """Return the shop's share of each value of each attribute, among purchases that tell it.

    Parameters
    ----------
    bought
        From `groups.attributes.purchases`.
    until
        The last day that counts, so that shares stand still from then on; where nothing was bought
        by then, everything counts.
    """
    early = bought[(bought["day"] <= until).to_numpy()]
    seen = early if len(early) else bought
    result = {}
    for name in ATTRIBUTES:
        known = seen.loc[(seen[name] != "").to_numpy(), name]
        found = known.value_counts(normalize=True).sort_index()
        result[name] = {str(value): round(float(share), 4) for value, share in found.items()}
    return result


def likes(
    bought: pd.DataFrame,
    persons: pd.Series,
    shop: Mapping[str, Mapping[str, float]],
    brands: pd.Series,
) -> tuple[pd.DataFrame, Reasons]:
    """Return what each of `persons` (sorted) likes, and by person why.

    Parameters
    ----------
    bought
        Their purchases, from `groups.attributes.purchases`.
    shop
        From `shares`.
    brands
        As the catalogue writes them.

    Returns
    -------
    DataFrame, dict
        `COLUMNS`, "" where there is no telling, with the index of `persons`; reasons for
        `reasons.render`.
    """
    written = {slug(text): text for text in sorted(brands.unique(), reverse=True)}
    at, weight = persons.searchsorted(bought["person_id"]), weight_of(bought)
    found = {column: np.full(len(persons), "", dtype=object) for column in COLUMNS}
    why: Reasons = {}
    for name, attribute in ATTRIBUTES.items():
        best, of = _best(at, bought[name], weight, shop[name], attribute.lift)
        words = [_shown(name, value, written) for value in best["value"]]
        found[attribute.column][best["at"]] = words
        rows = zip(
            persons.to_numpy()[best["at"]].tolist(),
            words,
            best["items"].tolist(),
            of.tolist(),
            best["share"].tolist(),
            strict=True,
        )
        for person, value, items, known, share in rows:
            reason = {"key": "likes", "what": name, "value": value, "items": items}
            why.setdefault(person, []).append(reason | {"of": known, "share": share})
    return pd.DataFrame(found, index=persons.index), why


def told(persons: pd.Series, second: Mapping[int, dict[str, Any]], why: Reasons) -> pd.Series:
    """Return each person's reasons: of the second favourite kind of goods, then of the rest."""
    rows = [
        [*([second[person]] if person in second else []), *why.get(person, [])]
        for person in persons.tolist()
    ]
    return pd.Series(rows, index=persons.index, dtype=object)


def _best(
    at: npt.NDArray[np.int64],
    values: pd.Series,
    weight: npt.NDArray[np.float64],
    shop: Mapping[str, float],
    lift: float,
) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Return at, value, items and the shop's share of what people like, and their known items."""
    person, value, items, weights = counted(at, values, weight)
    base = shares_of(pd.Series(value, dtype=object), shop)
    low = lower_bound(person, weights, base)
    passes = (low > np.maximum(base * lift, LEAST)) & (value != _PLAIN)
    order = np.lexsort((-low, person))
    order = order[passes[order]]
    order = order[np.diff(person[order], prepend=-1) > 0]
    known = np.bincount(person, items).astype(np.int64)
    chosen = {"at": person, "value": value, "items": items, "share": base.round(4)}
    best = pd.DataFrame({name: column[order] for name, column in chosen.items()})
    return best, known[person[order]]


def _shown(name: str, value: str, brands: Mapping[str, str]) -> str:
    if name == "brand":
        return brands.get(value, value)
    return value.upper() if name == "size" else value
