"""Everything a condition can ask about, in one table.

A feature is a column of `frames.PROFILES`, one value a person, or of `frames.DUE`, one value a
person and need; the latter is asked of one need or of any. Permission is not among them: who may be
mailed is the audience's matter, and no segment changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segmentation.duedates.needs import NeedName
from segmentation.groups.naming import words_of
from segmentation.segments import catalogue

#: In place of a need: at least one of them.
ANY = "any"

#: What can be said of a feature, by its kind. There is no "is not": `{"not": ...}` says it of
#: everything, and leaves no doubt about people of whom nothing is known.
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "whole": ("at_least", "at_most", "between", "equals"),
    "number": ("at_least", "at_most", "between"),
    "word": ("one_of",),
    "need": ("one_of",),
    "text": ("one_of",),
    "yes_no": ("equals",),
}

#: Kinds whose value is a list, of which a person has one.
LISTED = ("word", "need", "text")


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """One thing to ask about a person."""

    key: str
    #: "whole" or "number"; "word", one of `words`; "need", a key of a need; "text", a word of the
    #: shop's own; "yes_no".
    kind: str
    #: Column of the frame; `offset` says what becomes of a column of dates.
    column: str
    #: Of numbers: "days", "times", "pieces", "money" (minor units), "chance" (0 to 1), "score".
    unit: str = ""
    #: Least and most that can be asked for; None for no bound.
    least: float | None = 0
    most: float | None = None
    #: Word to what it is called in English and Dutch.
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Whether it is asked of a need; the column is then one of `frames.DUE`.
    of_need: bool = False
    #: A column of dates as days: 1 for days from `as_of` on, -1 for days before; 0 for no date.
    direction: int = 0
    #: In a list of features.
    name_en: str
    name_nl: str
    #: In a sentence, before the colon; `{need}` is what the need is called.
    phrase_en: str
    phrase_nl: str

    def name(self, language: str) -> str:
        """Return the name in "en" or "nl"."""
        return self.name_nl if language == "nl" else self.name_en

    def phrase(self, language: str) -> str:
        """Return the sentence's beginning in "en" or "nl"."""
        return self.phrase_nl if language == "nl" else self.phrase_en

    def word(self, key: str, language: str) -> str:
        """Return what one of `words` is called in "en" or "nl"."""
        return self.words[key][language == "nl"]

    @property
    def operators(self) -> tuple[str, ...]:
        """What can be said of it."""
        return OPERATORS[self.kind]


def _things(group: str) -> dict[str, tuple[str, str]]:
    """Return the words of a group of segments as its tags have them."""
    return {
        segment.key.partition(":")[2]: (
            segment.name_en.partition(": ")[2],
            segment.name_nl.partition(": ")[2],
        )
        for segment in catalogue({})
        if segment.group == group
    }


def _due_states() -> dict[str, tuple[str, str]]:
    """Return the states of a need as the tags have them."""
    some = NeedName("it", "it", "het", "het")
    return {
        segment.key.rpartition(":")[2]: (
            segment.name_en.rpartition(" – ")[2],
            segment.name_nl.rpartition(" – ")[2],
        )
        for segment in catalogue({"it": some})
        if segment.key.startswith("due:it:")
    }


def _feature(
    key: str, kind: str, unit: str, names: tuple[str, str], phrases: tuple[str, str], **more: object
) -> Feature:
    texts = {"name_en": names[0], "name_nl": names[1]}
    texts |= {"phrase_en": phrases[0], "phrase_nl": phrases[1]}
    return Feature(key=key, kind=kind, unit=unit, **({"column": key} | texts | more))  # type: ignore[arg-type]  # names of fields


_ALL = (
    # When and how often.
    _feature("recency", "whole", "days",
             ("Days since the last purchase", "Dagen sinds de laatste aankoop"),
             ("days since the last purchase", "dagen sinds de laatste aankoop")),
    _feature("tenure", "whole", "days",
             ("Days since the first purchase", "Dagen sinds de eerste aankoop"),
             ("days since the first purchase", "dagen sinds de eerste aankoop")),
    _feature("frequency", "whole", "times",
             ("Number of purchases", "Aantal aankopen"),
             ("purchases", "aankopen"), least=1),
    _feature("expected_gap", "number", "days",
             ("Usual days between purchases", "Gebruikelijk aantal dagen tussen aankopen"),
             ("usual days between purchases", "gebruikelijk aantal dagen tussen aankopen")),
    _feature("stage", "word", "", ("Stage", "Fase"), ("stage", "fase"), words=_things("stage")),
    # Money.
    _feature("revenue", "number", "money",
             ("Spent in all", "In totaal besteed"),
             ("spent in all", "in totaal besteed"), least=None),
    _feature("monetary_value", "number", "money",
             ("Average amount of a purchase", "Gemiddeld bedrag per aankoop"),
             ("average amount of a purchase", "gemiddeld bedrag per aankoop"), least=None),
    _feature("value", "word", "",
             ("Expected value, in a word", "Verwachte waarde, in een woord"),
             ("expected value", "verwachte waarde"), words=_things("value")),
    _feature("expected_value", "number", "money",
             ("Expected to spend in 12 months", "Verwachte besteding in 12 maanden"),
             ("expected to spend in 12 months", "verwachte besteding in 12 maanden")),
    _feature("expected_orders", "number", "times",
             ("Expected purchases in 12 months", "Verwachte aankopen in 12 maanden"),
             ("expected purchases in 12 months", "verwachte aankopen in 12 maanden")),
    _feature("p_alive", "number", "chance",
             ("Chance of still being a customer, from a second purchase on",
              "Kans dat het nog een klant is, vanaf een tweede aankoop"),
             ("chance of still being a customer", "kans dat het nog een klant is"), most=1),
    _feature("recency_score", "whole", "score",
             ("Score for how recent, 1 to 5", "Score voor hoe recent, 1 tot 5"),
             ("score for how recent", "score voor hoe recent"), column="r", least=1, most=5),
    _feature("frequency_score", "whole", "score",
             ("Score for how often, 1 to 5", "Score voor hoe vaak, 1 tot 5"),
             ("score for how often", "score voor hoe vaak"), column="f", least=1, most=5),
    _feature("monetary_score", "whole", "score",
             ("Score for how much, 1 to 5", "Score voor hoeveel, 1 tot 5"),
             ("score for how much", "score voor hoeveel"), column="m", least=1, most=5),
    # What is bought.
    _feature("shops", "word", "", ("Shops", "Koopt"), ("shops", "koopt"), words=_things("shops")),
    _feature("style", "word", "", ("Style", "Stijl"), ("style", "stijl"), words=_things("style")),
    _feature("favourite", "need", "", ("Favourite", "Favoriet"), ("favourite", "favoriet")),
    _feature("second_favourite", "need", "", ("Second favourite", "Tweede favoriet"),
             ("second favourite", "tweede favoriet")),
    _feature("brand", "text", "", ("Brand", "Merk"), ("brand", "merk")),
    _feature("colour", "word", "", ("Colour", "Kleur"), ("colour", "kleur"),
             words=words_of("colour")),
    _feature("material", "word", "", ("Material", "Materiaal"), ("material", "materiaal"),
             words=words_of("material")),
    _feature("size", "text", "", ("Size", "Maat"), ("size", "maat")),
    _feature("price_level", "word", "", ("Price level", "Prijsniveau"),
             ("price level", "prijsniveau"), words=words_of("price")),
    _feature("discount", "word", "", ("Price paid", "Betaalde prijs"),
             ("price paid", "betaalde prijs"),
             words={"reduced": ("Mostly at a discount", "Vooral met korting")}),
    _feature("owned", "whole", "pieces",
             ("Pieces bought", "Stuks gekocht"),
             ("bought {need}", "{need} gekocht"), least=1, of_need=True),
    _feature("bought_again", "whole", "times",
             ("Times bought again", "Keren opnieuw gekocht"),
             ("bought {need} again", "{need} opnieuw gekocht"), column="own_gaps", of_need=True),
    _feature("days_since_bought", "whole", "days",
             ("Days since it was bought", "Dagen sinds het is gekocht"),
             ("days since {need} bought", "dagen sinds {need} gekocht"),
             column="last_on", of_need=True, direction=-1),
    # What is due.
    _feature("due_state", "word", "", ("Due", "Toe aan"), ("due for {need}", "toe aan {need}"),
             column="state", words=_due_states(), of_need=True),
    _feature("days_until_due", "whole", "days",
             ("Days until due", "Dagen tot iemand eraan toe is"),
             ("days until due for {need}", "dagen tot aan {need} toe"),
             column="expected_on", least=None, of_need=True, direction=1),
    _feature("due_chance", "number", "chance",
             ("Chance of buying within 30 days", "Kans op een aankoop binnen 30 dagen"),
             ("chance of buying {need} within 30 days", "kans op {need} binnen 30 dagen"),
             column="p_due", most=1, of_need=True),
    _feature("return_chance", "number", "chance",
             ("Chance of ever buying it again", "Kans dat iemand het ooit opnieuw koopt"),
             ("chance of ever buying {need} again", "kans op ooit weer {need}"),
             column="p_repeat", most=1, of_need=True),
    # Who.
    _feature("wholesale", "yes_no", "", ("Business customer", "Zakelijke klant"),
             ("business customer", "zakelijke klant"), column="is_wholesale"),
)  # fmt: skip

#: Every feature by its key, in the order to show them.
FEATURES: Mapping[str, Feature] = {one.key: one for one in _ALL}
#: The headings they stand under, in order: key, English, Dutch and the first feature there.
HEADINGS = (
    ("when", "When and how often", "Wanneer en hoe vaak", "recency"),
    ("money", "Money", "Geld", "revenue"),
    ("taste", "What is bought", "Wat er gekocht wordt", "shops"),
    ("due", "What is due", "Waar iemand aan toe is", "due_state"),
    ("who", "Who", "Wie", "wholesale"),
)
