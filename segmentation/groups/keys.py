"""What groups and clusters are made of, and their keys; known without the models' libraries."""

from __future__ import annotations

from collections.abc import Sequence

#: In the order in which groups are split: from what shops sell apart to what is a detail.
ATTRIBUTES = ("shops", "style", "need", "colour", "price", "brand", "material", "size")
DETAILS = ATTRIBUTES[3:]
#: What clusters are told apart by: days since the last purchase, purchase days, minor units a day,
#: days since the first purchase, needs bought.
TRAITS = ("recency", "frequency", "monetary_value", "tenure", "breadth")


def key_of(path: Sequence[Sequence[str]]) -> str:
    """Return a group's key.

    Examples
    --------
    >>> key_of([("shops", "menswear"), ("need", "suits"), ("colour", "navy")])
    'menswear:suits:colour-navy'
    """
    return ":".join(f"{name}-{value}" if name in DETAILS else value for name, value in path)


def has_tag(path: Sequence[Sequence[str]]) -> bool:
    """Tell whether a group is a segment of its own: one part alone is one already.

    Examples
    --------
    >>> has_tag([("shops", "menswear")]), has_tag([("colour", "navy")])
    (False, True)
    """
    return len(path) > 1 or path[-1][0] in DETAILS
