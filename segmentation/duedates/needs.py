"""Which need a product serves: the clock that a purchase resets.

A substitute resets the clock too, so the clock belongs to the type of goods and not to the product.
In order of weight: the merchant's correction, the product type, the category path from particular
to general, the tags, the title. A type that we do not know becomes a need of its own under the
merchant's name for it. What nothing places has no need and is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

import pandas as pd

from segmentation.duedates.starting import ASSUMPTION, NEEDS, NOT_GOODS, TOO_GENERAL
from segmentation.frames import Choices
from segmentation.words import Dictionary, slug, tokens

#: The life assumed for a type that is not in the starting table, in days, and its log spread.
UNKNOWN_LIFE, UNKNOWN_SPREAD = 365, 0.9
#: Repurchases that weigh as much as a life that hangs on a guess of how many are owned.
_GUESS_WEIGHT = 2.0
#: In place of a need for lines that are no goods (shipping, vouchers, fees).
NO_GOODS = "-"

_STARTING = {need.key: need for need in NEEDS}
_GENERAL = frozenset(" ".join(tokens(word)) for word in TOO_GENERAL)


@dataclass(frozen=True, slots=True)
class NeedName:
    """What a need is called; lower case as within a sentence."""

    singular_en: str
    plural_en: str
    singular_nl: str
    plural_nl: str

    def plural(self, language: str) -> str:
        """Return the plural in "en" or "nl"."""
        return self.plural_nl if language == "nl" else self.plural_en

    def singular(self, language: str) -> str:
        """Return the singular in "en" or "nl"."""
        return self.singular_nl if language == "nl" else self.singular_en

    def lasts_en(self) -> str:
        """Return the English verb that goes with the name; a merchant's own is known by its end.

        Examples
        --------
        >>> name_of("suits").lasts_en(), name_of("sportswear").lasts_en()
        ('last', 'lasts')
        >>> name_of("gnomes", "Garden gnomes").lasts_en(), name_of("food", "Dog food").lasts_en()
        ('last', 'lasts')
        """
        is_many = self.plural_en.endswith("s") and not self.plural_en.endswith("ss")
        return "last" if is_many else "lasts"

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed about a need before the shop's own purchases speak."""

    life: float
    spread: float
    #: "stated" or "assumption".
    basis: str
    #: Where the figure comes from, for people.
    source: str
    #: Repurchases that weigh as much.
    weight: float = 10.0
    #: Days that one piece holds, where `life` is that over a guess of how many are owned.
    lasts: float | None = None


@cache
def _dictionary() -> Dictionary:
    meanings: dict[str, str] = {}
    for need in NEEDS:
        for word in (*need.names, *need.words, need.key):
            meanings.setdefault(word.lower(), need.key)
    for word in NOT_GOODS:
        meanings[word] = NO_GOODS
    endings = [name for need in NEEDS for name in need.names[2:] if " " not in name]
    return Dictionary(meanings, [ending for ending in endings if len(ending) > 2])


def _is_general(text: str) -> bool:
    words = tokens(text)
    return not words or all(word in _GENERAL for word in words) or " ".join(words) in _GENERAL


class Placer:
    """Places products by need; built once a run from the merchant's corrections."""

    def __init__(self, choices: Choices) -> None:
        self._corrected = {key.strip().lower(): need for key, need in choices.needs.items()}
        self._corrected_word = Dictionary(
            {key: key for key in self._corrected if tokens(key) and not key.isdigit()}
        )

    def place(
        self, product_id: int, title: str, product_type: str, category_path: str, tags: str
    ) -> tuple[str, str, str]:
        """Return need key, what decided, and the merchant's own name of it ("" for known needs).

        Examples
        --------
        >>> placer = Placer(Choices(needs={"smoking": "suits"}))
        >>> placer.place(1, "Pak Milano", "", "Heren > Pakken", "")
        ('suits', 'category', '')
        >>> placer.place(2, "Fred", "Garden gnomes", "", "")
        ('garden-gnomes', 'type', 'Garden gnomes')
        >>> placer.place(3, "Mystery", "", "", "")
        ('', '', '')
        """
        path = [part.strip() for part in category_path.split(">") if part.strip()]
        corrected = self._correction(product_id, title, product_type, path)
        if corrected is not None:
            return corrected, "correction", ""
        find = _dictionary()
        if not _is_general(product_type):
            return find(product_type) or slug(product_type), "type", self._own(product_type)
        for part in reversed(path):
            if find(part):
                return find(part), "category", ""
        for tag in tags.split(","):
            if find(tag.strip()):
                return find(tag.strip()), "tags", ""
        if find(title):
            return find(title), "title", ""
        for part in reversed(path):
            if not _is_general(part):
                return slug(part), "category", part
        return "", "", ""

    def _own(self, product_type: str) -> str:
        return "" if _dictionary()(product_type) else product_type

    def _correction(
        self, product_id: int, title: str, product_type: str, path: list[str]
    ) -> str | None:
        names = [str(product_id), product_type.strip().lower()]
        names += [part.lower() for part in reversed(path)]
        for name in names:
            if name and name in self._corrected:
                return self._corrected[name]
        word = self._corrected_word(title)
        return self._corrected[word] if word else None


def place_products(
    products: pd.DataFrame, choices: Choices
) -> tuple[pd.DataFrame, dict[str, NeedName]]:
    """Return one row a product (account_id, product_id, need, placed_by) and the names of needs.

    `need` is "" when nothing places the product and "-" when it is no goods at all.
    """
    placer = Placer(choices)
    columns = ["product_id", "title", "product_type", "category_path", "tags"]
    rows = [
        placer.place(*row) for row in zip(*(products[c].tolist() for c in columns), strict=True)
    ]
    placed = products[["account_id", "product_id"]].reset_index(drop=True)
    placed["need"] = pd.Series([row[0] for row in rows], dtype="str")
    placed["placed_by"] = pd.Series([row[1] for row in rows], dtype="str")
    # Sorted, so that the order of products never decides between two spellings of one type.
    own = {key: name for key, _, name in sorted(rows, reverse=True) if key and name}
    names = {key: name_of(key, own.get(key, "")) for key in {row[0] for row in rows}}
    return placed, {key: names[key] for key in sorted(names) if key not in ("", NO_GOODS)}


def name_of(need: str, own: str = "") -> NeedName:
    """Return a need's names; `own` is the merchant's name of a type that we do not know.

    Examples
    --------
    >>> name_of("suits").plural("nl"), name_of("garden-gnomes", "Garden gnomes").plural("en")
    ('pakken', 'garden gnomes')
    """
    if need in _STARTING:
        return NeedName(*_STARTING[need].names)
    name = own or need.replace("-", " ")
    name = name if name.isupper() else name[:1].lower() + name[1:]
    return NeedName(name, name, name, name)


def default_style(need: str) -> str:
    """Return "business", "casual" or "" for a need of the starting table."""
    return _STARTING[need].style if need in _STARTING else ""


def default_department(need: str) -> str:
    """Return "men", "women" or "" for a need of the starting table."""
    return _STARTING[need].department if need in _STARTING else ""


def prior_of(need: str, choices: Choices, catalogue_days: Mapping[str, float]) -> Prior:
    """Return what is believed about a need's life before any purchase: stated, else assumed.

    Parameters
    ----------
    need
        Need key.
    choices
        The merchant's stated lives outrank all else.
    catalogue_days
        Need to the life stated in the catalogue, in days.

    Examples
    --------
    >>> prior_of("suits", Choices(lives={"suits": 800}), {}).life
    800.0
    >>> prior_of("suits", Choices(), {}).basis
    'assumption'
    """
    known = _STARTING.get(need)
    spread = known.spread if known else UNKNOWN_SPREAD
    if need in choices.lives:
        return Prior(float(choices.lives[need]), min(spread, 0.5), "stated", "merchant")
    if need in catalogue_days:
        return Prior(float(catalogue_days[need]), min(spread, 0.5), "stated", "catalogue")
    if known and known.lasts is not None:
        return Prior(
            float(known.life), spread, "assumption", known.source, _GUESS_WEIGHT, known.lasts
        )
    if known:
        return Prior(float(known.life), spread, "assumption", known.source)
    return Prior(float(UNKNOWN_LIFE), spread, "assumption", ASSUMPTION)
