"""Why somebody is in a segment: one sentence in English or Dutch, the same words everywhere.

A reason is a plain dict that is stored with the assignment: ``{"key": ..., **values}`` with days as
ISO dates and numbers as numbers. It holds dates and never "days ago", so that a night without
events changes no sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from segmentation.builder.sentences import held_text
from segmentation.duedates.needs import NeedName, name_of
from segmentation.groups.naming import because, those
from segmentation.leaving_words import LEAVING
from segmentation.likes_words import likes_text
from segmentation.segments import STATE_NL, catalogue
from segmentation.trade.words import LACKS, RHYTHM

Reason = Mapping[str, Any]

_MONTHS = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "nl": ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
}
_UNITS = {
    "en": {"day": ("day", "days"), "week": ("week", "weeks"), "month": ("month", "months"),
           "year": ("year", "years")},
    "nl": {"day": ("dag", "dagen"), "week": ("week", "weken"), "month": ("maand", "maanden"),
           "year": ("jaar", "jaar")},
}  # fmt: skip
_DEPARTMENTS = {
    "en": {"men": "menswear", "women": "womenswear"},
    "nl": {"men": "herenmode", "women": "damesmode"},
}
_STYLES = {
    "en": {"business": "business wear", "casual": "casual wear"},
    "nl": {"business": "zakelijk", "casual": "vrijetijd"},
}


def day_text(iso: str, language: str) -> str:
    """Return a day as people write it.

    Examples
    --------
    >>> day_text("2025-03-14", "en"), day_text("2025-03-14", "nl")
    ('14 Mar 2025', '14 mrt 2025')
    """
    day = date.fromisoformat(iso)
    return f"{day.day} {_MONTHS[language][day.month - 1]} {day.year}"


def span_text(days: float, language: str) -> str:
    """Return a number of days in the unit people would use.

    Examples
    --------
    >>> span_text(700, "en"), span_text(42, "nl"), span_text(1, "en"), span_text(3285, "nl")
    ('23 months', '6 weken', '1 day', '9 jaar')
    """
    limits = ((14, "day", 1.0), (70, "week", 7.0), (1096, "month", 30.4375), (1e9, "year", 365.25))
    unit, length = next((unit, length) for limit, unit, length in limits if days < limit)
    count = max(round(days / length), 1)
    return f"{number_text(count, language)} {_UNITS[language][unit][count != 1]}"


def number_text(number: int, language: str) -> str:
    """Return a whole number with the language's thousands separator.

    Examples
    --------
    >>> number_text(12406, "en"), number_text(12406, "nl")
    ('12,406', '12.406')
    """
    text = f"{number:,}"
    return text.replace(",", ".") if language == "nl" else text


def basis_text(basis: str, gaps: int, language: str) -> str:
    """Return where a life comes from.

    Examples
    --------
    >>> basis_text("learned", 312, "en"), basis_text("assumption", 3, "nl")
    ('learned from 312', 'aanname')
    """
    if basis == "learned":
        learned = {"en": "learned from", "nl": "geleerd uit"}[language]
        return f"{learned} {number_text(gaps, language)}"
    texts = {"en": {"stated": "your figure", "assumption": "assumption"},
             "nl": {"stated": "jouw opgave", "assumption": "aanname"}}  # fmt: skip
    return texts[language][basis]


def render(reason: Reason, language: str, names: Mapping[str, NeedName]) -> str:
    """Return the sentence of a reason.

    Parameters
    ----------
    reason
        As stored with the assignment.
    language
        "en" or "nl".
    names
        Need to its names, from `compute.Fitted.names`.

    Raises
    ------
    KeyError
        For a key or language that is not ours.

    Examples
    --------
    >>> why = {"key": "due", "need": "suits", "title": "Navy suit", "last_on": "2025-03-14",
    ...        "life": 700, "gaps": 312, "basis": "learned", "own_gaps": 0, "expected": 700}
    >>> render(why, "en", {})
    'Navy suit bought 14 Mar 2025; suits here last 23 months (learned from 312); no suit since.'
    >>> render(why | {"gaps": 31}, "nl", {}).partition("; ")[2]
    'de levensduur van pakken is hier 23 maanden (geleerd uit 31); sindsdien geen pak.'
    """
    text = _SENTENCES[reason["key"], language](reason, names)
    return capital(text)


def capital(text: str) -> str:
    """Return a sentence with its capital, which in Dutch carries no accent.

    Examples
    --------
    >>> capital("één aankoop"), capital("one purchase")
    ('Eén aankoop', 'One purchase')
    """
    first = "E" if text.startswith("één") else text[:1].upper()
    return first + text[1:]


def _name(need: str, names: Mapping[str, NeedName]) -> NeedName:
    return names[need] if need in names else name_of(need)


def _one(name: NeedName, language: str) -> str:
    singular = name.singular(language)
    # "no pair of shoes since" is nobody's English: those things go by their plural.
    return name.plural(language) if " " in singular else singular


def _due_en(r: Reason, names: Mapping[str, NeedName]) -> str:
    name = _name(r["need"], names)
    basis = basis_text(r["basis"], r["gaps"], "en")
    text = (
        f"{r['title']} bought {day_text(r['last_on'], 'en')}; {name.plural_en} here "
        f"{name.lasts_en()} {span_text(r['life'], 'en')} ({basis})"
    )
    if r["own_gaps"] >= 2:
        text += f"; this customer about {span_text(r['expected'], 'en')}"
    return f"{text}; no {_one(name, 'en')} since."


def _due_nl(r: Reason, names: Mapping[str, NeedName]) -> str:
    name = _name(r["need"], names)
    text = (
        # "Sportkleding" has no plural, and a merchant's own names have any: no verb goes with all.
        f"{r['title']} gekocht op {day_text(r['last_on'], 'nl')}; de levensduur van "
        f"{name.plural_nl} is hier {span_text(r['life'], 'nl')} "
        f"({basis_text(r['basis'], r['gaps'], 'nl')})"
    )
    if r["own_gaps"] >= 2:
        text += f"; bij deze klant ongeveer {span_text(r['expected'], 'nl')}"
    return f"{text}; sindsdien geen {_one(name, 'nl')}."


def _any(language: str, lead: str, joint: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        needs = [_name(need, names).plural(language) for need in r["needs"]]
        listed = f" {joint} ".join(filter(None, [", ".join(needs[:-1]), needs[-1]]))
        return f"{lead} {listed}."

    return sentence


def _shops(language: str, many: str, both: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, _: Mapping[str, NeedName]) -> str:
        words = _DEPARTMENTS[language]
        if r["department"] == "both":
            values = {"men": r["men"], "women": r["women"]}
            return both.format(**values, since=r["since"])
        return many.format(
            items=r[r["department"]], of=r["of"], what=words[r["department"]], since=r["since"]
        )

    return sentence


def _style(language: str, text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, _: Mapping[str, NeedName]) -> str:
        what = _STYLES[language][r["style"]]
        return text.format(items=r["items"], of=r["of"], what=what, since=r["since"])

    return sentence


def _loves(language: str, text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        what = _name(r["need"], names).plural(language)
        return text.format(items=r["items"], of=r["of"], what=what, share=round(100 * r["share"]))

    return sentence


def _percent(share: float, language: str) -> str:
    text = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.1f}"
    return f"{text.replace('.', ',') if language == 'nl' else text}%"


def _next(language: str, text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        return text.format(
            after=_name(r["after"], names).plural(language),
            then=_name(r["need"], names).plural(language),
            day=day_text(r["bought_on"], language),
            within=r["within"],
            share=_percent(r["share"], language),
            base=_percent(r["base"], language),
        )

    return sentence


def _interest(
    language: str, text: str, once: str, twice: str
) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    """The two newest moments, which stand still as others grow old."""

    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        name = _name(r["need"], names)
        first, last = day_text(r["first_on"], language), day_text(r["last_on"], language)
        when = (once if first == last else twice).format(first=first, last=last)
        return text.format(many=name.plural(language), one=_one(name, language), when=when)

    return sentence


def _stage(language: str, texts: Mapping[str, str]) -> Callable[..., str]:
    def sentence(r: Reason, _: Mapping[str, NeedName]) -> str:
        return texts[r["stage"]].format(
            last=day_text(r["last_on"], language),
            gap=span_text(r["gap"], language),
            days=number_text(r["frequency"], language),
            f=r["f"],
            m=r["m"],
        )

    return sentence


def _value(language: str, texts: Mapping[str, str]) -> Callable[..., str]:
    def sentence(r: Reason, _: Mapping[str, NeedName]) -> str:
        last, since = day_text(r["last_on"], language), r["since"]
        days = number_text(r["frequency"], language)
        bought = texts["once" if r["frequency"] == 1 else "often"]
        return f"{bought.format(last=last, since=since, days=days)} {texts[r['level']]}"

    return sentence


def _b2b(texts: Mapping[str, str]) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    return lambda r, _: texts[r["why"]]


def _rhythm(language: str, texts: Mapping[str, str]) -> Callable[..., str]:
    """How often a business customer orders, and what is expected of it."""

    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        known = {
            "what": "" if r["need"] == "anything" else _name(r["need"], names).plural(language),
            "every": span_text(r["every"], language),
            "spread": span_text(r["spread"], language),
            "orders": number_text(r["orders"], language),
            "last": day_text(r["last_on"], language),
            "expected": day_text(r["expected_on"], language),
            "units": "" if r["units"] is None else number_text(r["units"], language),
            "contacts": number_text(r["contacts"], language),
        }
        parts = ["often" if r["orders"] > 1 else "once", "units" if known["units"] else "next"]
        parts += ["contacts"] if r["contacts"] > 1 else []
        subject = texts["goods" if known["what"] else "whole"].format(**known)
        return f"{subject} {'; '.join(texts[part].format(**known) for part in parts)}."

    return sentence


def _lacks(language: str, text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        return text.format(
            what=_name(r["need"], names).plural(language),
            other=_name(r["with"], names).plural(language),
            orders=number_text(r["orders"], language),
            of=number_text(r["of"], language),
            share=round(100 * r["orders"] / r["of"]),
            last=day_text(r["last_on"], language),
        )

    return sentence


def _holdout(text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    return lambda r, _: text.format(percent=r["percent"])


def _left(language: str, text: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    """Why somebody left a segment."""

    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        values: dict[str, Any] = {}
        if "need" in r:
            name = _name(r["need"], names)
            values = {"one": _one(name, language), "many": name.plural(language)}
        if "after" in r:
            values |= {
                "after": _name(r["after"], names).plural(language),
                "within": r.get("within"),
            }
        if "told" in r:
            values["like"] = those(r["told"], language)
        if "on" in r:
            values["on"] = day_text(r["on"], language)
        if "state" in r:
            values["state"] = STATE_NL[r["state"]] if language == "nl" else r["state"]
        if "segment" in r:
            need = r["segment"].partition(":")[2]
            listed = {one.key: one for one in catalogue({need: _name(need, names)})}
            values["segment"] = listed[r["segment"]].name(language)
        return text.format(**values)

    return sentence


def _cluster(language: str, often: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    """What was bought, and what the people of the cluster have in common."""
    once, thing, things, like = {
        "en": ("one purchase, {last}", "one kind of thing", "kinds of things", "most like"),
        "nl": ("één aankoop, {last}", "één soort", "soorten", "lijkt het meest op"),
    }[language]

    def sentence(r: Reason, _: Mapping[str, NeedName]) -> str:
        kinds = thing if r["breadth"] == 1 else f"{r['breadth']} {things}"
        text = f"{number_text(r['frequency'], language)} {often}" if r["frequency"] > 1 else once
        bought = text.format(things=kinds, since=r["since"], last=day_text(r["last_on"], language))
        return f"{bought}; {like} {those(r['told'], language)}."

    return sentence


def _own(language: str) -> Callable[[Reason, Mapping[str, NeedName]], str]:
    """The conditions of a merchant's own segment that held, with the facts behind them."""

    def sentence(r: Reason, names: Mapping[str, NeedName]) -> str:
        texts = []
        for part in r["held"]:
            text, fact = held_text(part, language, names, r["currency"]), part.get("fact")
            if isinstance(fact, int):
                text += f" ({number_text(fact, language)})"
            elif fact:
                text += f" ({day_text(fact, language)})"
            texts.append(text)
        return "; ".join(texts) + "."

    return sentence


_STAGES_EN = {
    "new": "first purchase {last}; a second one usually follows within {gap}.",
    "second-order-due": "one purchase, {last}; a second one usually follows within {gap}.",
    "regular": "{days} purchases, usually one every {gap}; the last {last}.",
    "best": "{days} purchases, usually one every {gap}; the last {last}; among the best on "
    "frequency ({f} of 5) and spending ({m} of 5).",
    "at-risk": "last purchase {last}, while one usually follows every {gap}.",
    "lost": "no purchase since {last}, while one usually follows within {gap}.",
}
_STAGES_NL = {
    "new": "eerste aankoop {last}; een tweede volgt meestal binnen {gap}.",
    "second-order-due": "één aankoop, {last}; een tweede volgt meestal binnen {gap}.",
    "regular": "{days} aankopen, meestal één per {gap}; de laatste {last}.",
    "best": "{days} aankopen, meestal één per {gap}; de laatste {last}; bij de besten op "
    "frequentie ({f} van 5) en besteding ({m} van 5).",
    "at-risk": "laatste aankoop {last}, terwijl er meestal één per {gap} volgt.",
    "lost": "geen aankoop sinds {last}, terwijl er meestal binnen {gap} één volgt.",
}

_VALUES_EN = {
    "once": "one purchase, {last}:",
    "often": "{days} purchases since {since}, the last {last}:",
    "high": "among those expected to bring half of the next 12 months together.",
    "middle": "expected to bring neither the most nor the least in the next 12 months.",
    "low": "among those expected to bring only the last tenth of the next 12 months together.",
}
_VALUES_NL = {
    "once": "één aankoop, {last}:",
    "often": "{days} aankopen sinds {since}, de laatste {last}:",
    "high": "hoort bij wie samen naar verwachting de helft van de komende 12 maanden brengt.",
    "middle": "brengt de komende 12 maanden naar verwachting niet het meeste en niet het minste.",
    "low": "hoort bij wie samen maar het laatste tiende van de komende 12 maanden brengt.",
}

_SENTENCES: Mapping[tuple[str, str], Callable[[Reason, Mapping[str, NeedName]], str]] = {
    ("due", "en"): _due_en,
    ("due", "nl"): _due_nl,
    ("due-anything", "en"): _any("en", "due now for", "and"),
    ("due-anything", "nl"): _any("nl", "nu toe aan", "en"),
    ("shops", "en"): _shops(
        "en",
        "{items} of {of} items {what} since {since}.",
        "{men} items menswear and {women} items womenswear since {since}.",
    ),
    ("shops", "nl"): _shops(
        "nl",
        "{items} van {of} artikelen {what} sinds {since}.",
        "{men} artikelen herenmode en {women} artikelen damesmode sinds {since}.",
    ),
    ("style", "en"): _style("en", "{items} of {of} items {what} since {since}."),
    ("style", "nl"): _style("nl", "{items} van {of} artikelen {what} sinds {since}."),
    ("loves", "en"): _loves("en", "{items} of {of} items are {what}; in this shop {share}% are."),
    ("loves", "nl"): _loves(
        "nl", "{items} van {of} artikelen zijn {what}; in deze winkel is dat {share}%."
    ),
    ("likes", "en"): lambda r, _: likes_text(r, "en"),
    ("likes", "nl"): lambda r, _: likes_text(r, "nl"),
    ("next", "en"): _next(
        "en",
        "bought {after} on {day}; {share} of such customers buy {then} within {within} days, of "
        "others like them {base}.",
    ),
    ("next", "nl"): _next(
        "nl",
        "kocht {after} op {day}; {share} van zulke klanten koopt binnen {within} dagen {then}, van "
        "anderen zoals zij {base}.",
    ),
    ("interest", "en"): _interest(
        "en",
        "looked at {many} {when}; no {one} bought since.",
        "twice on {last}",
        "on {first} and {last}",
    ),
    ("interest", "nl"): _interest(
        "nl",
        "bekeek {many} {when}; sindsdien geen {one} gekocht.",
        "twee keer op {last}",
        "op {first} en {last}",
    ),
    ("stage", "en"): _stage("en", _STAGES_EN),
    ("stage", "nl"): _stage("nl", _STAGES_NL),
    ("value", "en"): _value("en", _VALUES_EN),
    ("value", "nl"): _value("nl", _VALUES_NL),
    ("holdout", "en"): _holdout(
        "by lot one of the {percent}% that get no mail, so that its effect can be measured."
    ),
    ("holdout", "nl"): _holdout(
        "door het lot een van de {percent}% die geen mail krijgen, om te meten wat mail toevoegt."
    ),
    **{key: _left(key[1], text) for key, text in LEAVING.items()},
    ("group", "en"): lambda r, names: f"{because(r['parts'], names, 'en')}.",
    ("group", "nl"): lambda r, names: f"{because(r['parts'], names, 'nl')}.",
    ("cluster", "en"): _cluster("en", "purchases of {things} since {since}, the last {last}"),
    ("cluster", "nl"): _cluster("nl", "aankopen van {things} sinds {since}, de laatste {last}"),
    ("own", "en"): _own("en"),
    ("own", "nl"): _own("nl"),
    **{("overdue", language): _rhythm(language, texts) for language, texts in RHYTHM.items()},
    **{key: _lacks(key[1], text) for key, text in LACKS.items()},
    ("b2b", "en"): _b2b(
        {
            "source": "known as a business customer.",
            "channel": "orders mostly through the wholesale channel.",
            "quantity": "orders far more units and value than others.",
        }
    ),
    ("b2b", "nl"): _b2b(
        {
            "source": "bekend als zakelijke klant.",
            "channel": "bestelt vooral via het groothandelskanaal.",
            "quantity": "bestelt veel grotere aantallen en bedragen dan anderen.",
        }
    ),
}
