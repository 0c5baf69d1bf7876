"""The few saved segments we make: what a marketer would otherwise click together every week.

Each has at most two conditions, so that he can add his own. Everyone leaves out whom the holdout
keeps apart, once there is such a tag.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from segmentation.duedates.needs import NeedName, name_of

#: Tag of people who get nothing, so that the effect can be measured.
HOLDOUT = "test:holdout"
#: "Send this week" for the things most people are due for.
MOST_THINGS = 4
_SEND = "send"
#: Key -> the tag it is about, and its name in English and Dutch.
_FIXED: Mapping[str, tuple[str, str, str]] = {
    "winback:best": (
        "stage:at-risk",
        "▶ Win back: best customers",
        "▶ Terugwinnen: beste klanten",
    ),
    "collection:menswear": (
        "shops:menswear",
        "▶ New collection: menswear first",
        "▶ Nieuwe collectie: heren voorop",
    ),
}


def name(key: str, language: str, needs: Mapping[str, NeedName]) -> str:
    """Return what a saved segment is called.

    Examples
    --------
    >>> name("send:suits", "en", {}), name("winback:best", "nl", {})
    ('▶ Send this week: Suits', '▶ Terugwinnen: beste klanten')
    """
    if key in _FIXED:
        return _FIXED[key][2 if language == "nl" else 1]
    need = key.partition(":")[2]
    thing = (needs.get(need) or name_of(need)).plural(language)
    group = "Deze week versturen" if language == "nl" else "Send this week"
    return f"▶ {group}: {thing[:1].upper()}{thing[1:]}"[:50]


def tag_of(key: str) -> str:
    """Return the key of the tag that a saved segment is about.

    Examples
    --------
    >>> tag_of("send:suits"), tag_of("winback:best")
    ('due:suits:now', 'stage:at-risk')
    """
    return _FIXED[key][0] if key in _FIXED else f"due:{key.partition(':')[2]}:now"


def wanted(people: Mapping[str, int], made: Collection[str]) -> list[str]:
    """Return the keys of the segments that are worth making.

    Parameters
    ----------
    people
        Members who have, or get, a tag, by its key.
    made
        Keys of those we made already: "send this week" does not grow beyond `MOST_THINGS`.

    Examples
    --------
    >>> wanted({"due:suits:now": 9, "due:anything:now": 12, "stage:at-risk": 1}, [])
    ['send:suits', 'winback:best']
    >>> wanted({"due:ties:now": 2, "due:belts:now": 2, "due:suits:now": 3}, [])
    ['send:suits', 'send:belts', 'send:ties']
    """
    due = {
        f"{_SEND}:{key.split(':')[1]}": count
        for key, count in people.items()
        if key.startswith("due:") and key.endswith(":now") and key != "due:anything:now"
    }
    room = MOST_THINGS - sum(key.startswith(f"{_SEND}:") for key in made)
    # The same in every installation: what as many are due for comes by its name.
    most_first = sorted(due, key=lambda key: (-due[key], key))
    things = [key for key in most_first if due[key] and key not in made]
    fixed = [key for key in _FIXED if people.get(tag_of(key)) and key not in made]
    return [*things[: max(room, 0)], *fixed]


def options(tag_id: int, holdout_id: int | None) -> dict[str, Any]:
    """Return Mailchimp's conditions: has the tag, and is not kept apart."""
    rows = [_condition("static_is", tag_id)]
    if holdout_id is not None:
        rows.append(_condition("static_not", holdout_id))
    return {"match": "all", "conditions": rows}


def _condition(op: str, tag_id: int) -> dict[str, Any]:
    return {
        "condition_type": "StaticSegment",
        "field": "static_segment",
        "op": op,
        "value": tag_id,
    }
