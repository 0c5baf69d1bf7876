"""How far two colours are apart, told by their names in English and Dutch.

Names stand for sRGB values of cloth, where possible those of CSS named colours (CSS Color Module
Level 4, section 6.1: a shop's red is "firebrick", its blue "steelblue"); the distance is that of
CIE 1976 L*a*b*, in which about 2 is just visible and black and white are 100 apart.
"""

from __future__ import annotations

import math
from functools import lru_cache

from segmentation.words import Dictionary

#: Distance of a colour nobody knows to any other: about that of two colours of different families.
UNKNOWN = 60.0

_NAMES = {
    "#000000": "black zwart",
    "#ffffff": "white wit",
    "#fffdd0": "cream creme crème ecru ecrú offwhite ivory ivoor",
    "#808080": "grey gray grijs",
    "#36454f": "charcoal antraciet anthracite",
    "#c0c0c0": "silver zilver",
    "#191970": "navy marine marineblauw donkerblauw",
    "#4682b4": "blue blauw cobalt kobalt",
    "#6699cc": "denim jeansblauw",
    "#add8e6": "lightblue lichtblauw sky",
    "#008080": "teal petrol turquoise turkoois",
    "#2e8b57": "green groen",
    "#556b2f": "olive olijf olijfgroen khaki kaki army legergroen",
    "#b22222": "red rood",
    "#800020": "burgundy bordeaux wine wijnrood",
    "#ff7f50": "coral koraal salmon zalm",
    "#ffa500": "orange oranje",
    "#ffd700": "yellow geel gold goud mustard oker okergeel",
    "#ffc0cb": "pink roze",
    "#800080": "purple paars aubergine",
    "#e6e6fa": "lilac lila lavender lavendel",
    "#8b4513": "brown bruin cognac",
    "#f5f5dc": "beige zand sand",
    "#d2b48c": "camel tan taupe",
}
_known = Dictionary({name: value for value, names in _NAMES.items() for name in names.split()})


def named(text: str) -> str:
    """Return the first English word for a colour, "" for a name nobody knows.

    Examples
    --------
    >>> named("Donkerblauw"), named("Bordeauxrood gemêleerd"), named("?")
    ('navy', '', '')
    """
    value = _known(text)
    return _NAMES[value].split()[0] if value else ""


@lru_cache(maxsize=10_000)
def distance(one: str, other: str) -> float:
    """Return how different two colours look, 0 for the same; far for names nobody knows.

    Examples
    --------
    >>> distance("Navy", "marineblauw"), distance("", "red")
    (0.0, 60.0)
    >>> distance("navy", "blue") < min(distance("navy", "green"), distance("navy", "white"))
    True
    """
    if one.strip().lower() == other.strip().lower():
        return 0.0
    values = _known(one), _known(other)
    if not all(values):
        return UNKNOWN
    return math.dist(_lab(values[0]), _lab(values[1]))


@lru_cache
def _lab(value: str) -> tuple[float, float, float]:
    """Return L*, a*, b* of a "#rrggbb" under D65 (IEC 61966-2-1, CIE 15)."""
    r, g, b = (_linear(int(value[at : at + 2], 16) / 255) for at in (1, 3, 5))
    x = _root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
    y = _root(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = _root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _root(share: float) -> float:
    return math.cbrt(share) if share > 216 / 24389 else share * 841 / 108 + 4 / 29
