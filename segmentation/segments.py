"""The list of every segment: key, name and meaning in two languages, and what to send.

Names follow one scheme, ``Group: Thing – state``: at most 40 characters, no codes, no dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.duedates.needs import NeedName

#: Most tags of a group that are worth having at once; the rest stay in the product.
MOST_PER_GROUP: Mapping[str, int] = {
    "due": 24,
    "shops": 4,
    "style": 6,
    "loves": 10,
    "next": 8,
    "interest": 8,
    "stage": 6,
    "value": 3,
    "group": 8,
    "cluster": 6,
    "own": 12,
    "b2b": 8,
    "test": 1,
}
LONGEST_NAME = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """One segment as people see it."""

    #: "due:suits:now": lower case, parts joined by colons.
    key: str
    #: First part of the key.
    group: str
    name_en: str
    name_nl: str
    meaning_en: str
    meaning_nl: str
    #: What is worth sending to these people.
    send_en: str
    send_nl: str

    def name(self, language: str) -> str:
        """Return the name in "en" or "nl"."""
        return self.name_nl if language == "nl" else self.name_en

    def meaning(self, language: str) -> str:
        """Return the meaning in "en" or "nl"."""
        return self.meaning_nl if language == "nl" else self.meaning_en

    def send(self, language: str) -> str:
        """Return what to send in "en" or "nl"."""
        return self.send_nl if language == "nl" else self.send_en


def catalogue(needs: Mapping[str, NeedName]) -> list[Segment]:
    """Return every segment that a shop with these needs can have, in the order to show them.

    Examples
    --------
    >>> from segmentation.duedates.needs import name_of
    >>> names = [s.name("nl") for s in catalogue({"suits": name_of("suits")})]
    >>> names[:3]
    ['Toe aan: Iets – nu', 'Toe aan: Pakken – bijna', 'Toe aan: Pakken – nu']
    """
    result = [_ANYTHING]
    # "due:anything:now" is a segment and "anything" no need, whoever lists it among them.
    real = {need: name for need, name in needs.items() if need != _ANYTHING.key.split(":")[1]}
    for need, name in real.items():
        result += [_due(need, name, state) for state in ("soon", "now", "late")]
    result += _FIXED
    result += [_overdue(need, name) for need, name in real.items()]
    result += [_loves(need, name) for need, name in real.items()]
    result += [_next(need, name) for need, name in real.items()]
    result += [_interest(need, name) for need, name in real.items()]
    return result


def tag_name(group: str, thing: str, state: str = "") -> str:
    """Return ``Group: Thing – state``, the thing shortened where 40 characters are not enough.

    Examples
    --------
    >>> tag_name("Due", "suits", "soon")
    'Due: Suits – soon'
    >>> tag_name("Toe aan", "biologisch afbreekbare schoonmaakmiddelen", "te laat")
    'Toe aan: Biologisch afbreekba… – te laat'
    """
    return _shortened(f"{group}: ", thing, f" – {state}" if state else "")


def _shortened(before: str, thing: str, after: str = "") -> str:
    room = LONGEST_NAME - len(before + after)
    if len(thing) > room:
        thing = thing[: room - 1].rstrip() + "…"
    return f"{before}{thing[:1].upper()}{thing[1:]}{after}"


STATE_NL = {"soon": "bijna", "now": "nu", "late": "te laat"}
_DUE_TEXTS = {
    "soon": (
        "Bought {en} before and will probably want {en} again before long.",
        "Kocht eerder {nl} en is daar binnenkort waarschijnlijk weer aan toe.",
        "A first look: what is new in {en}. No discount needed yet.",
        "Een eerste blik: nieuw in {nl}. Korting is nog niet nodig.",
    ),
    "now": (
        "Bought {en} before; around this time most people come back for {en}. None since.",
        "Kocht eerder {nl}; in deze tijd komen de meesten ervoor terug. Sindsdien niet meer.",
        "One clear proposal: {en} like the last, in the right size.",
        "Eén duidelijk voorstel: {nl} zoals de vorige, in de juiste maat.",
    ),
    "late": (
        "Most would have bought {en} again by now; this customer has not, at least not here.",
        "De meesten hadden al weer {nl} gekocht; deze klant nog niet, althans niet hier.",
        "A reminder with a reason to come back; ask whether there is still a need for {en}.",
        "Een herinnering met een reden om terug te komen; vraag of er nog behoefte is aan {nl}.",
    ),
}


def _due(need: str, name: NeedName, state: str) -> Segment:
    texts = [text.format(en=name.plural_en, nl=name.plural_nl) for text in _DUE_TEXTS[state]]
    return Segment(
        key=f"due:{need}:{state}",
        group="due",
        name_en=tag_name("Due", name.plural_en, state),
        name_nl=tag_name("Toe aan", name.plural_nl, STATE_NL[state]),
        meaning_en=texts[0],
        meaning_nl=texts[1],
        send_en=texts[2],
        send_nl=texts[3],
    )


def _overdue(need: str, name: NeedName) -> Segment:
    en, nl = name.plural_en, name.plural_nl
    return Segment(
        key=f"b2b:{need}:overdue",
        group="b2b",
        name_en=_shortened("B2B: Overdue – ", en),
        name_nl=_shortened("Zakelijk: Over tijd – ", nl),
        meaning_en=f"By its own rhythm, this business customer would have ordered {en} by now.",
        meaning_nl=f"Naar het eigen ritme had deze zakelijke klant al weer {nl} besteld.",
        send_en="A call from the account manager, about the usual quantity.",
        send_nl="Een telefoontje van de accountmanager, over het gebruikelijke aantal.",
    )


def _loves(need: str, name: NeedName) -> Segment:
    return Segment(
        key=f"loves:{need}",
        group="loves",
        name_en=tag_name("Loves", name.plural_en),
        name_nl=tag_name("Gek op", name.plural_nl),
        meaning_en=f"Buys {name.plural_en} far more than others here do: the favourite.",
        meaning_nl=f"Koopt veel vaker {name.plural_nl} dan anderen hier: de favoriet.",
        send_en=f"News about {name.plural_en} first.",
        send_nl=f"Nieuws over {name.plural_nl} als eerste.",
    )


def _next(need: str, name: NeedName) -> Segment:
    return Segment(
        key=f"next:{need}",
        group="next",
        name_en=tag_name("Next", name.plural_en),
        name_nl=tag_name("Volgende", name.plural_nl),
        meaning_en=(
            f"Just bought something after which people buy {name.plural_en} more than usual."
        ),
        meaning_nl=f"Kocht net iets waarna mensen vaker dan gewoonlijk {name.plural_nl} kopen.",
        send_en=f"A choice of {name.plural_en} to go with what was bought.",
        send_nl=f"Een keuze uit {name.plural_nl}, passend bij wat is gekocht.",
    )


def _interest(need: str, name: NeedName) -> Segment:
    return Segment(
        key=f"interest:{need}:hot",
        group="interest",
        name_en=tag_name("Interest", name.plural_en, "hot"),
        name_nl=tag_name("Interesse", name.plural_nl, "warm"),
        meaning_en=(
            f"Looked at {name.plural_en} twice within 14 days and bought none since: a rule, "
            "not yet measured."
        ),
        meaning_nl=(
            f"Bekeek {name.plural_nl} twee keer binnen 14 dagen en kocht er sindsdien geen: een "
            "regel, nog niet gemeten."
        ),
        send_en=f"Help with choosing {name.plural_en}; what was looked at, in other sizes too.",
        send_nl=f"Hulp bij het kiezen van {name.plural_nl}; wat is bekeken, ook in andere maten.",
    )


def _fixed(
    key: str, names: tuple[str, str], meaning: tuple[str, str], send: tuple[str, str]
) -> Segment:
    return Segment(
        key=key,
        group=key.partition(":")[0],
        name_en=names[0],
        name_nl=names[1],
        meaning_en=meaning[0],
        meaning_nl=meaning[1],
        send_en=send[0],
        send_nl=send[1],
    )


_ANYTHING = _fixed(
    "due:anything:now",
    ("Due: Anything – now", "Toe aan: Iets – nu"),
    ("Due now for at least one thing.", "Nu aan minstens één ding toe."),
    (
        "The proposal in the field for what this person is due for.",
        "Het voorstel in het veld met waar deze persoon aan toe is.",
    ),
)
_FIXED = [
    _fixed(
        "shops:menswear",
        ("Shops: Menswear", "Koopt: Heren"),
        ("Buys mostly menswear, gifts left out.", "Koopt vooral herenmode, cadeaus niet geteld."),
        ("Menswear first.", "Herenmode voorop."),
    ),
    _fixed(
        "shops:womenswear",
        ("Shops: Womenswear", "Koopt: Dames"),
        (
            "Buys mostly womenswear, gifts left out.",
            "Koopt vooral damesmode, cadeaus niet geteld.",
        ),
        ("Womenswear first.", "Damesmode voorop."),
    ),
    _fixed(
        "shops:both",
        ("Shops: Both", "Koopt: Beide"),
        (
            "Buys menswear and womenswear: often a household.",
            "Koopt heren- en damesmode: vaak een huishouden.",
        ),
        ("Both departments, side by side.", "Beide afdelingen naast elkaar."),
    ),
    _fixed(
        "style:business",
        ("Style: Business", "Stijl: Zakelijk"),
        ("Buys mostly business wear.", "Koopt vooral zakelijke kleding."),
        ("Suits, shirts and what goes with them.", "Pakken, overhemden en wat daarbij hoort."),
    ),
    _fixed(
        "style:casual",
        ("Style: Casual", "Stijl: Vrijetijd"),
        ("Buys mostly casual wear.", "Koopt vooral vrijetijdskleding."),
        ("Jeans, knitwear and sneakers.", "Jeans, truien en sneakers."),
    ),
    _fixed(
        "stage:new",
        ("Stage: New", "Fase: Nieuw"),
        ("Bought for the first time not long ago.", "Kocht kort geleden voor het eerst."),
        ("A welcome, care advice, no offer.", "Een welkom, onderhoudstips, geen aanbieding."),
    ),
    _fixed(
        "stage:second-order-due",
        ("Stage: Second order due", "Fase: Tweede bestelling"),
        (
            "Bought once; others have bought again by now.",
            "Kocht één keer; anderen kochten intussen opnieuw.",
        ),
        ("What goes with the first purchase.", "Wat past bij de eerste aankoop."),
    ),
    _fixed(
        "stage:regular",
        ("Stage: Regular", "Fase: Vast"),
        ("Buys in a rhythm and is on time.", "Koopt in een vast ritme en is op tijd."),
        ("Only what is due; peace otherwise.", "Alleen waar men aan toe is; verder rust."),
    ),
    _fixed(
        "stage:best",
        ("Stage: Best", "Fase: Topklant"),
        (
            "On time, and among the highest in frequency and spending.",
            "Op tijd, en bij de hoogsten in frequentie en besteding.",
        ),
        ("Thanks, first looks, a personal word.", "Dank, als eerste zien, een persoonlijk woord."),
    ),
    _fixed(
        "stage:at-risk",
        ("Stage: At risk", "Fase: Dreigt af te haken"),
        (
            "Away twice as long as usual for this customer.",
            "Twee keer zo lang weg als bij deze klant gewoon is.",
        ),
        ("A question and a good reason to return.", "Een vraag en een goede reden om te komen."),
    ),
    _fixed(
        "stage:lost",
        ("Stage: Lost", "Fase: Kwijt"),
        (
            "Away so long that coming back by themselves is unlikely.",
            "Zo lang weg dat vanzelf terugkomen onwaarschijnlijk is.",
        ),
        ("One last invitation, then peace.", "Nog één uitnodiging, daarna rust."),
    ),
    _fixed(
        "value:high",
        ("Value: High", "Waarde: Hoog"),
        (
            "Among those who together bring half of what is expected in the next 12 months.",
            "Hoort bij wie samen de helft brengt van wat er in 12 maanden wordt verwacht.",
        ),
        ("Service and first looks before discounts.", "Service en als eerste zien, vóór korting."),
    ),
    _fixed(
        "value:middle",
        ("Value: Middle", "Waarde: Midden"),
        (
            "Expected to bring neither the most nor the least in the next 12 months.",
            "Brengt in 12 maanden naar verwachting niet het meeste en niet het minste.",
        ),
        ("What is due, and what goes with it.", "Waar men aan toe is, en wat daarbij past."),
    ),
    _fixed(
        "value:low",
        ("Value: Low", "Waarde: Laag"),
        (
            "Among those who together bring the last tenth of what is expected in 12 months.",
            "Hoort bij wie samen het laatste tiende brengt van wat er in 12 maanden komt.",
        ),
        ("Little, and nothing that costs much.", "Weinig, en niets wat veel kost."),
    ),
    _fixed(
        "b2b:account",
        ("B2B: Account", "Zakelijk: Klant"),
        (
            "A business customer; kept out of all figures about consumers.",
            "Een zakelijke klant; telt niet mee in de cijfers over consumenten.",
        ),
        ("No consumer mail: the account manager.", "Geen consumentenmail: de accountmanager."),
    ),
    _fixed(
        "b2b:anything:overdue",
        ("B2B: Overdue – Any order", "Zakelijk: Over tijd – Elke bestelling"),
        (
            "By its own rhythm, this business customer would have ordered something by now.",
            "Naar het eigen ritme had deze zakelijke klant al weer iets besteld.",
        ),
        (
            "A call from the account manager: is all well?",
            "Een telefoontje van de accountmanager: is alles in orde?",
        ),
    ),
    _fixed(
        "test:holdout",
        ("Test: Holdout", "Test: Controlegroep"),
        (
            "Set aside by lot: they get no mail, so that we can measure what mail really adds.",
            "Door het lot apart gezet: zij krijgen geen mail, zodat meetbaar is wat mail toevoegt.",
        ),
        (
            "Nothing: leave this tag out of every campaign and flow.",
            "Niets: laat deze tag weg uit elke campagne en flow.",
        ),
    ),
]
