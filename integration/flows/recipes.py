"""The flows worth building: where each starts, for whom it is not, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """One flow that a marketer can build in four clicks."""

    key: str
    #: "event" or "tag": where it starts.
    start: str
    #: Of `kinds`, for an event; "" for a tag.
    kind: str
    #: Segment keys, or beginnings of them that end in a colon, whose tags start it.
    tags: tuple[str, ...]
    #: Last parts of the tag's key that fit ("now"); empty for all.
    states: tuple[str, ...]
    #: Days until somebody may enter again.
    again_days: int
    #: Our date field it can start by too, so many days ahead ("Specific date"); "" for none.
    date: str = ""
    days_ahead: int = 0


RECIPES: tuple[Recipe, ...] = (
    Recipe("due", "event", "due", ("due:",), ("now",), 90, "DUEDATE", 7),
    Recipe("second_order", "event", "second_order", ("stage:second-order-due",), (), 365),
    Recipe("cart", "event", "cart", (), (), 7),
    Recipe("win_back", "tag", "", ("stage:at-risk",), (), 180),
    Recipe("new_collection", "tag", "", ("shops:",), (), 90),
)
RECIPE_BY_KEY: Mapping[str, Recipe] = {recipe.key: recipe for recipe in RECIPES}
#: Tags whose people no flow should reach: segment key to English and Dutch name.
NOT_FOR: Mapping[str, tuple[str, str]] = {
    "test:holdout": ("Test: Holdout", "Test: Controlegroep"),
    "skip:rest": ("Skip: rest", "Overslaan: met rust laten"),
    "mood:ask-first": ("Mood: unhappy – ask first", "Stemming: ontevreden – eerst vragen"),
}


def starts(recipe: Recipe, segment: str) -> bool:
    """Tell whether the tag of a segment starts a recipe's flow.

    Examples
    --------
    >>> starts(RECIPE_BY_KEY["due"], "due:suits:now"), starts(RECIPE_BY_KEY["due"], "due:x:late")
    (True, False)
    """
    if recipe.states and segment.rpartition(":")[2] not in recipe.states:
        return False
    return any(
        segment.startswith(tag) if tag.endswith(":") else segment == tag for tag in recipe.tags
    )
