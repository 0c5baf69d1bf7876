"""What purchases tell of their buyer beyond the need: what groups are split by.

A person's department, style and favourite are those of the tags. A detail (a colour, a price level,
a brand, a material, a size) is a person's where he bought it more often than any other, at least
twice, and in a third of what is known of him. Counts do not age, so only a purchase changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from segmentation import affinity
from segmentation.duedates.starts import Bools, Floats, Ints
from segmentation.features import is_gift_season
from segmentation.grouping import TASTE_HALF_LIFE_DAYS
from segmentation.groups.keys import DETAILS, key_of
from segmentation.picks.colours import named
from segmentation.words import Dictionary, slug

#: Details that the shop's own words are for.
BY_TEXT = ("brand", "size")
#: A detail's items, and the part of 1 / `LEANS` of those known, that make it a person's own.
LEANS_ITEMS, LEANS = 2, 3
#: Purchases of a need from which on its prices have levels.
PRICED_FROM = 30
#: By how much the limits of a price level may have moved before they are set anew: whoever has
#: bought nothing stays where he is while prices creep.
PRICES_MOVED = 0.15
#: Share of a price that is taken off from which on it is reduced; less is rounding.
REDUCED_FROM = 0.05

_MATERIALS = {
    "cotton": "cotton katoen katoenen", "wool": "wool wol wollen merino", "linen": "linen linnen",
    "leather": "leather leer leren", "silk": "silk zijde zijden", "denim": "denim",
    "cashmere": "cashmere kasjmier", "suede": "suede suède", "velvet": "velvet fluweel fluwelen",
    "fleece": "fleece", "viscose": "viscose",
}  # fmt: skip
#: Sizes that tell of the thing and not of the person.
_ONE_SIZE = frozenset(("one-size", "onesize", "one", "os", "uni", "unisize", "een-maat", "one-sz"))
_material = Dictionary({word: key for key, words in _MATERIALS.items() for word in words.split()})
Texts = npt.NDArray[np.object_]
Prices = Mapping[str, Sequence[float]]
Leaning = tuple[Texts, Ints, Ints]


def price_levels(need_days: pd.DataFrame, earlier: Prices) -> dict[str, list[float]]:
    """Return per need the prices a piece (minor units) up to which it is low, and middle.

    Thirds of what was bought; `earlier` limits stay while both are near.
    """
    price = need_days["price"]
    known = need_days[(price > 0).to_numpy()].groupby("need", sort=True)["price"]
    thirds = known.quantile(np.array([1 / 3, 2 / 3])).unstack()
    thirds = thirds[(known.size() >= PRICED_FROM).to_numpy()]
    result = {}
    for need, low, high in thirds.itertuples():
        before = earlier.get(need)
        moved = before is None or np.abs(np.log([low, high]) - np.log(before)).max() > PRICES_MOVED
        result[str(need)] = [float(low), float(high)] if moved else list(before or ())
    return result


def purchases(need_days: pd.DataFrame, traits: pd.DataFrame, prices: Prices) -> pd.DataFrame:
    """Return person_id, day, need, department, style and the details of each purchase of a need,
    and whether it was "reduced" or at the "full" price.

    Parameters
    ----------
    need_days
        `features.Features.need_days` of one account.
    traits
        product_id, department, style and brand of each of its products.
    prices
        From `price_levels`.
    """
    at = traits.set_index("product_id").index.get_indexer(pd.Index(need_days["product_id"]))
    of_product = traits[["department", "style", "brand"]].take(at).reset_index(drop=True)
    result = need_days[["person_id", "day", "need"]].reset_index(drop=True).join(of_product)
    result["brand"] = _each(result["brand"], slug)
    result["colour"] = _each(need_days["colour"], named)
    result["material"] = _each(need_days["title"], _material)
    result["size"] = _each(need_days["size"], _size)
    limits = np.array([prices.get(need, (np.nan, np.nan)) for need in prices] or [[np.nan] * 2])
    place = pd.Index(list(prices)).get_indexer(pd.Index(need_days["need"]))
    low, high = limits[place].T
    price = need_days["price"].to_numpy(dtype=np.float64)
    level = np.select([price <= low, price <= high], ["low", "middle"], "high")
    result["price"] = np.where((place >= 0) & (price > 0), level, "").astype(object)
    reduced = need_days["discount"].to_numpy(dtype=np.float64) >= REDUCED_FROM
    result["discount"] = np.where(reduced, "reduced", "full").astype(object)
    return result


def labels(bought: pd.DataFrame, tastes: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return each person's attributes, "" where there is no telling; sorted by person_id.

    `tastes` are the account's as `features` counts them; without, they are counted from `bought`.
    """
    tastes = tastes_of(bought) if tastes is None else tastes
    persons = pd.Series(np.unique(bought["person_id"].to_numpy(dtype=np.int64)))
    tastes = tastes[tastes["person_id"].isin(persons).to_numpy()]
    shop, nobody = affinity.shares(tastes), np.full(len(persons), "", dtype=object)
    sides = affinity.sides(tastes, persons, "department", ("men", "women"))
    style = affinity.sides(tastes, persons, "style", ("business", "casual"))
    heads = {
        "shops": affinity.choose(sides, shop.men, ("menswear", "womenswear", "both"), nobody),
        "style": affinity.choose(style, shop.business, ("business", "casual", ""), nobody),
        "need": affinity.favourites(tastes, persons, shop, nobody)[0],
    }
    details = {name: leaning(bought, persons, name)[0] for name in DETAILS}
    return pd.DataFrame({"person_id": persons, **heads, **details})


def leaning(bought: pd.DataFrame, persons: pd.Series, name: str) -> Leaning:
    """Return of each of `persons` (sorted) the value of a detail, its items, and items known."""
    at = persons.searchsorted(bought["person_id"])
    return _leaning(at, bought[name], len(persons))


def tastes_of(bought: pd.DataFrame) -> pd.DataFrame:
    """Return `features.Features.tastes` as of the last of these purchases of needs."""
    weight = weight_of(bought)
    own = np.where(is_gift_season(bought["day"].to_numpy(dtype=np.int64)), 0.0, weight)
    counted = bought[["person_id", "need", "department", "style"]].assign(
        items=1, weight=weight, own_weight=own
    )
    key = ["person_id", "need", "department", "style"]
    return counted.groupby(key, sort=True).sum().reset_index()


def weight_of(bought: pd.DataFrame) -> Floats:
    """Return what each purchase counts: half for one of a half-life before the person's last."""
    last = bought.groupby("person_id")["day"].transform("max")
    age = (last - bought["day"]).to_numpy(dtype=np.float64)
    weight: Floats = 0.5 ** (age / TASTE_HALF_LIFE_DAYS)
    return weight


def counted(at: Ints, values: pd.Series, weight: Floats) -> tuple[Ints, Texts, Ints, Floats]:
    """Return person, known value, items and weight, a row a person and value, sorted by both."""
    codes, words = pd.factorize(values.to_numpy(dtype=object), sort=True)
    words = np.asarray(words, dtype=object)
    told: Bools = words[codes] != ""
    different = max(len(words), 1)
    pair, place, items = np.unique(
        at[told] * different + codes[told], return_inverse=True, return_counts=True
    )
    person, code = np.divmod(pair, different)
    total: Floats = np.bincount(place, weight[told], pair.size).astype(np.float64)
    return person, words[code], items.astype(np.int64), total


def _leaning(at: Ints, values: pd.Series, count: int) -> Leaning:
    """Return each person's value, its items and all known items; `at` is the row's person."""
    person, value, items, _ = counted(at, values, np.ones(at.size))
    known = np.bincount(person, items, count).astype(np.int64)
    order = np.lexsort((-items, person))
    person, value, items = person[order], value[order], items[order]
    first = np.diff(person, prepend=-1) > 0
    rival = np.append(np.where(first[1:], 0, items[1:]), 0)[: items.size]
    enough = first & (items > rival) & (items >= LEANS_ITEMS) & (items * LEANS >= known[person])
    label, own = np.full(count, "", dtype=object), np.zeros(count, dtype=np.int64)
    label[person[enough]] = value[enough]
    own[person[enough]] = items[enough]
    return label, own, known


def texts_of(need_days: pd.DataFrame, traits: pd.DataFrame) -> dict[str, str]:
    """Return what the shop calls each brand and size, by the part of a group's key."""
    written = {"brand": traits["brand"], "size": need_days["size"]}
    return {
        key_of([(name, slug(text))]): text
        for name, values in written.items()
        for text in sorted(values.unique(), reverse=True)
    }


def _size(text: str) -> str:
    size = slug(text)
    return "" if size in _ONE_SIZE else size


def _each(values: pd.Series, of: Callable[[str], str]) -> Texts:
    """Apply a function to each different value once."""
    codes, words = pd.factorize(values.to_numpy(dtype=object))
    found = np.array([of(word) for word in words], dtype=object)
    return found[codes] if len(words) else np.zeros(0, dtype=object)
