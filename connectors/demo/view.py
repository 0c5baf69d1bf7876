"""One source's view of the generated world, and how its streams are laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from connectors.demo.identities import Identities, identities
from connectors.demo.orders import CARD, WEB
from connectors.demo.shelf import Article, articles
from connectors.demo.world import World
from connectors.records import Record

CURRENCY = "EUR"
LANGUAGES = ("en", "nl")

#: Renders the records from one place to another.
Render: TypeAlias = Callable[[int, int], list[Record]]


@dataclass(frozen=True)
class Rows:
    """One stream: ids in reading order, and what renders a part of it."""

    ids: Sequence[str]
    render: Render


@dataclass(frozen=True)
class View:
    """What is needed to say something in the words of one source."""

    world: World
    known: Identities
    #: WEB or CARD.
    source: int
    #: Index in LANGUAGES.
    language: int
    articles: list[Article]

    @property
    def web(self) -> bool:
        return self.source == WEB

    @property
    def customer_ids(self) -> list[str | None]:
        return self.known.web_id if self.web else self.known.card_id


def view(world: World, source: str, language: str) -> View:
    """Return the view of "web" or "card" in "en" or "nl"."""
    place = {"web": WEB, "card": CARD}[source]
    spoken = LANGUAGES.index(language)
    return View(world, identities(world), place, spoken, articles(world, place, spoken))
