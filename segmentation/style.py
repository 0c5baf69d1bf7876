"""Business or casual: from what a shop calls its goods, never from who buys them.

In order of weight: the merchant's correction of a need or type, words in the category path, type
and tags, words in the title, and what the need usually is. What nothing places says nothing.
"""

from __future__ import annotations

import pandas as pd

from segmentation.duedates.needs import default_style
from segmentation.duedates.starting import BUSINESS_WORDS, CASUAL_WORDS
from segmentation.frames import Choices
from segmentation.words import Marks

_MARKS = Marks({"business": BUSINESS_WORDS, "casual": CASUAL_WORDS})


def styles(products: pd.DataFrame, needs: pd.Series, choices: Choices) -> pd.Series:
    """Return "business", "casual" or "" for each product; `needs` in the order of `products`."""
    corrected = {key.strip().lower(): style for key, style in choices.styles.items()}
    names = ("product_type", "category_path", "tags", "title")
    rows = zip(needs.tolist(), *(products[name].tolist() for name in names), strict=True)
    return pd.Series([_style(row, corrected) for row in rows], dtype="str")


def _style(row: tuple[str, ...], corrected: dict[str, str]) -> str:
    need, product_type, path, tags, title = row
    for key in (product_type.strip().lower(), need):
        if key and key in corrected:
            return corrected[key]
    shelf = _MARKS(f"{path} , {product_type} , {tags}")
    return shelf or _MARKS(title) or default_style(need)
