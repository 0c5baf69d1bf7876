"""What a mail to a segment could say, in English and Dutch: a start for the merchant to change.

``{things}`` is the plural of what the segment is about; no verb, pronoun or ending goes with it, as
it may be "shirts" or "sportswear". Merge tags are Mailchimp's; what a person
may lack stands in a block with words for those who lack it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Proposal(NamedTuple):
    """Subject, preview text, heading, paragraphs and the words on the button."""

    subject: str
    preview: str
    heading: str
    text: str
    button: str


_DEAR_EN = "*|IF:FNAME|*Dear *|FNAME|*,*|ELSE:|*Hello,*|END:IF|*"
_DEAR_NL = "*|IF:FNAME|*Beste *|FNAME|*,*|ELSE:|*Hallo,*|END:IF|*"
_BYE_EN, _BYE_NL = "See you soon!", "Tot gauw!"


def _en(subject: str, preview: str, heading: str, text: str, button: str) -> Proposal:
    return Proposal(subject, preview, heading, f"{_DEAR_EN}\n\n{text}\n\n{_BYE_EN}", button)


def _nl(subject: str, preview: str, heading: str, text: str, button: str) -> Proposal:
    return Proposal(subject, preview, heading, f"{_DEAR_NL}\n\n{text}\n\n{_BYE_NL}", button)


#: By group, or group and state or thing; the longest that fits counts.
PROPOSALS: Mapping[tuple[str, str], Proposal] = {
    ("due:soon", "en"): _en(
        "*|IF:FNAME|**|FNAME|*, a first look at our {things}*|ELSE:|*"
        "A first look at our {things}*|END:IF|*",
        "What is new since your last one.",
        "New in {things}",
        "You bought {things} from us before. When the time comes for more: this is what is new.",
        "See what is new",
    ),
    ("due:soon", "nl"): _nl(
        "*|IF:FNAME|**|FNAME|*, een eerste blik op het nieuwste in {things}*|ELSE:|*"
        "Een eerste blik op het nieuwste in {things}*|END:IF|*",
        "Wat er nieuw is sinds de vorige keer.",
        "Nieuw: {things}",
        "Je kocht eerder {things} bij ons. Voor als het weer tijd is: dit is er nieuw.",
        "Bekijk wat nieuw is",
    ),
    ("due:now", "en"): _en(
        "*|IF:FNAME|**|FNAME|*, time for {things} again?*|ELSE:|*"
        "Time for {things} again?*|END:IF|*",
        "Like your last one, in your size.",
        "Time for {things}?",
        "It has been a while since you bought {things} from us. Most people come back in this "
        "very time, so we put a few aside for you to look at.",
        "Show me",
    ),
    ("due:now", "nl"): _nl(
        "*|IF:FNAME|**|FNAME|*, weer tijd voor {things}?*|ELSE:|*"
        "Weer tijd voor {things}?*|END:IF|*",
        "Zoals de vorige, in je maat.",
        "Tijd voor {things}?",
        "Het is even geleden dat je bij ons slaagde voor {things}. De meeste klanten komen in deze "
        "tijd terug, dus we zochten alvast een paar voorbeelden uit.",
        "Laat maar zien",
    ),
    # What it is differs from person to person, so only here the field says it.
    ("due:anything", "en"): _en(
        "*|IF:DUEWHAT|*Time for a new *|DUEWHAT|*?*|ELSE:|*Time for something new?*|END:IF|*",
        "Chosen for you.",
        "Time for something new?",
        "*|IF:DUEWHAT|*It has been a while since your last *|DUEWHAT|*.*|ELSE:|*It has been a "
        "while.*|END:IF|* Most people come back around this time, so have a look.",
        "Show me",
    ),
    ("due:anything", "nl"): _nl(
        "*|IF:DUEWHAT|*Weer tijd voor een *|DUEWHAT|*?*|ELSE:|*"
        "Weer tijd voor iets nieuws?*|END:IF|*",
        "Voor jou uitgezocht.",
        "Tijd voor iets nieuws?",
        "*|IF:DUEWHAT|*Het is even geleden dat je bij ons slaagde voor een *|DUEWHAT|*.*|ELSE:|*"
        "Het is even geleden.*|END:IF|* De meeste klanten komen in deze tijd terug: kijk gerust.",
        "Laat maar zien",
    ),
    ("due:late", "en"): _en(
        "Do you still need {things}?",
        "If not, that is fine too.",
        "Still looking for {things}?",
        "You bought {things} from us and have not been back since. Is there something we can "
        "do better? Just reply to this mail.",
        "Have a look",
    ),
    ("due:late", "nl"): _nl(
        "Heb je nog {things} nodig?",
        "Zo niet, dan is dat ook goed.",
        "Nog op zoek naar {things}?",
        "Je kocht {things} bij ons en kwam er nog niet voor terug. Kunnen we iets beter doen? "
        "Antwoord gerust op deze mail.",
        "Kijk even",
    ),
    ("loves", "en"): _en(
        "New {things}, and you see it all first",
        "Because you like {things}.",
        "New {things}",
        "You buy {things} more than most, so you see what is new first.",
        "See the new {things}",
    ),
    ("loves", "nl"): _nl(
        "Nieuw in {things}, en jij ziet het als eerste",
        "Omdat je van {things} houdt.",
        "Nieuw in {things}",
        "Je koopt vaker {things} dan de meesten, dus je ziet als eerste wat er nieuw is.",
        "Bekijk wat er nieuw is",
    ),
    ("next", "en"): _en(
        "Found: {things} to go with it",
        "Chosen to match what you bought.",
        "{things} to go with it",
        "You were here not long ago. Many who bought the same came back for {things}, so we put a "
        "few aside for you to look at.",
        "Show me",
    ),
    ("next", "nl"): _nl(
        "Gevonden voor erbij: {things}",
        "Gekozen bij wat je kocht.",
        "{things} voor erbij",
        "Je was hier pas nog. Velen die hetzelfde kochten, kwamen terug voor {things}, dus we "
        "zochten alvast een paar uit.",
        "Laat maar zien",
    ),
    ("interest", "en"): _en(
        "Still choosing {things}?",
        "A second look, and help if you like.",
        "{things}, once more",
        "You looked at {things} here not long ago. Here is your choice once more; if something "
        "is not clear, just reply.",
        "Look again",
    ),
    ("interest", "nl"): _nl(
        "Nog aan het kiezen: {things}?",
        "Nog eens kijken, en hulp als je wilt.",
        "{things}, nog een keer",
        "Je bekeek hier pas nog {things}. Hier staat het nog een keer; is iets niet duidelijk, "
        "antwoord dan gerust op deze mail.",
        "Kijk nog eens",
    ),
    ("stage:new", "en"): _en(
        "Welcome*|IF:FNAME|*, *|FNAME|**|END:IF|*",
        "How to enjoy it for a long time.",
        "Good to have you",
        "Thank you for your first order. A few words on care, so that you enjoy it for long.",
        "Read how",
    ),
    ("stage:new", "nl"): _nl(
        "Welkom*|IF:FNAME|*, *|FNAME|**|END:IF|*",
        "Zo heb je er lang plezier van.",
        "Fijn dat je er bent",
        "Dank voor je eerste bestelling. Een paar woorden over onderhoud, zo heb je er lang "
        "plezier van.",
        "Lees hoe",
    ),
    ("stage:second-order-due", "en"): _en(
        "What goes with your first purchase",
        "Chosen to go with it.",
        "It goes together",
        "You bought from us once. This goes with it.",
        "See what goes with it",
    ),
    ("stage:second-order-due", "nl"): _nl(
        "Wat past bij je eerste aankoop",
        "Erbij uitgezocht.",
        "Het past bij elkaar",
        "Je kocht één keer bij ons. Dit past erbij.",
        "Bekijk wat erbij past",
    ),
    ("stage:at-risk", "en"): _en(
        "*|IF:FNAME|**|FNAME|*, we miss you*|ELSE:|*We miss you*|END:IF|*",
        "A good reason to come by.",
        "It has been a while",
        "It has been longer than usual since your last visit. Is everything as it should be? "
        "Reply to this mail and we will help.",
        "Come and look",
    ),
    ("stage:at-risk", "nl"): _nl(
        "*|IF:FNAME|**|FNAME|*, we missen je*|ELSE:|*We missen je*|END:IF|*",
        "Een goede reden om langs te komen.",
        "Het is even geleden",
        "Je bezoek is langer geleden dan anders. Is alles naar wens? Antwoord op deze mail en we "
        "helpen je.",
        "Kom kijken",
    ),
    ("stage:lost", "en"): _en(
        "One last invitation",
        "After that we leave you in peace.",
        "You are welcome back",
        "It has been long since we saw you. You are welcome; and if not, you will hear little "
        "from us from now on.",
        "Have a look",
    ),
    ("stage:lost", "nl"): _nl(
        "Nog één uitnodiging",
        "Daarna laten we je met rust.",
        "Je bent nog altijd welkom",
        "Het is lang geleden dat we je zagen. Je bent welkom; en zo niet, dan hoor je voortaan "
        "weinig van ons.",
        "Kijk even",
    ),
    ("stage:best", "en"): _en(
        "*|IF:FNAME|*For you first, *|FNAME|**|ELSE:|*For you first*|END:IF|*",
        "With our thanks.",
        "You first",
        "You are one of our best customers. Thank you; you see what is new before everybody else.",
        "See it first",
    ),
    ("stage:best", "nl"): _nl(
        "*|IF:FNAME|*Voor jou als eerste, *|FNAME|**|ELSE:|*Voor jou als eerste*|END:IF|*",
        "Met onze dank.",
        "Jij als eerste",
        "Je hoort bij onze beste klanten. Dank je wel; je ziet het nieuwe eerder dan de rest.",
        "Als eerste bekijken",
    ),
    ("", "en"): _en(
        "News for you",
        "Chosen with what you like in mind.",
        "News for you",
        "This is what is new, chosen with what you like in mind.",
        "See what is new",
    ),
    ("", "nl"): _nl(
        "Nieuws voor jou",
        "Uitgezocht met wat je mooi vindt in gedachten.",
        "Nieuws voor jou",
        "Dit is er nieuw, uitgezocht met wat je mooi vindt in gedachten.",
        "Bekijk wat nieuw is",
    ),
}


def proposal(segment: str, language: str, things: str) -> Proposal:
    """Return what to say to a segment; `things` is what it is about, in that language.

    Examples
    --------
    >>> proposal("due:suits:late", "en", "suits").subject
    'Do you still need suits?'
    >>> proposal("next:suits", "nl", "pakken").heading
    'Pakken voor erbij'
    >>> proposal("style:business", "nl", "").heading
    'Nieuws voor jou'
    """
    group, *rest = segment.split(":")
    known = [f"{group}:{rest[-1]}", group]
    if group in ("due", "loves", "next", "interest") and not things:
        # Without a name for the thing a text about it would have a hole.
        known = [f"{group}:{rest[0]}"]
    found = next((PROPOSALS[key, language] for key in known if (key, language) in PROPOSALS), None)
    parts = [part.format(things=things) for part in found or PROPOSALS["", language]]
    return Proposal(*(part[:1].upper() + part[1:] for part in parts))
