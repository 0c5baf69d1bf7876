"""Why somebody likes a brand, a colour, ...: one sentence in English or Dutch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmentation.groups.naming import part_text

#: What of a purchase has to be known to count it; a discount is known of each.
_OF = {
    "brand": ("whose brand is", "waarvan het merk bekend is"),
    "colour": ("whose colour is", "waarvan de kleur bekend is"),
    "material": ("whose material is", "waarvan het materiaal bekend is"),
    "size": ("whose size is", "waarvan de maat bekend is"),
    "price": ("whose price is", "waarvan de prijs bekend is"),
}
_REDUCED = ("at a discount", "met korting")


def likes_text(reason: Mapping[str, Any], language: str) -> str:
    """Return the sentence of a reason of `likes.likes`.

    Examples
    --------
    >>> why = {"what": "colour", "value": "navy", "items": 4, "of": 6, "share": 0.15}
    >>> likes_text(why, "en")
    'navy: 4 of 6 purchases whose colour is known; in this shop 15% are.'
    >>> likes_text(why | {"what": "discount", "value": "reduced"}, "nl")
    'met korting: 4 van 6 aankopen; in deze winkel is dat 15%.'
    """
    name, at = reason["what"], int(language == "nl")
    what = (
        _REDUCED[at] if name == "discount" else part_text((name, reason["value"]), {}, {}, language)
    )
    told = _OF.get(name)
    share = f"{100 * reason['share']:.0f}%"
    if language == "nl":
        of = f"{reason['items']} van {reason['of']} aankopen{f' {told[1]}' if told else ''}"
        return f"{what}: {of}; in deze winkel is dat {share}."
    of = f"{reason['items']} of {reason['of']} purchases{f' {told[0]} known' if told else ''}"
    return f"{what}: {of}; in this shop {share} are."
