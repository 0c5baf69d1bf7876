"""What a document asks, and which of it held for a person, in English and Dutch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from segmentation.builder.document import Condition, Group, Node, Not, conditions
from segmentation.builder.vocabulary import ANY, FEATURES, LISTED, Feature
from segmentation.duedates.needs import NeedName, name_of

Names = Mapping[str, NeedName]

_LOCALES = {"en": "en_GB", "nl": "nl_NL"}
_SAID = {
    "en": {"at_least": "at least {}", "at_most": "at most {}", "between": "{} to {}",
           "equals": "{}"},
    "nl": {"at_least": "minstens {}", "at_most": "hoogstens {}", "between": "{} tot en met {}",
           "equals": "{}"},
}  # fmt: skip
_WORDS = {
    "en": {"or": "or", "and": "and", "not": "not", ANY: "anything", True: "yes", False: "no"},
    "nl": {"or": "of", "and": "en", "not": "niet", ANY: "iets", True: "ja", False: "nee"},
}
#: Features whose value is told with the reason: it changes with a purchase and not with a night.
_TOLD = ("recency", "tenure", "frequency")


def sentence(node: Node, language: str, names: Names, currency: str) -> str:
    """Return what a document asks, as one would say it.

    Examples
    --------
    >>> one = Condition("recency", "at_least", 90)
    >>> other = Condition("due_state", "one_of", ("now", "late"), "suits")
    >>> sentence(Group("all", (one, Not(other))), "en", {}, "EUR")
    'days since the last purchase: at least 90 and not due for suits: now or late'
    >>> sentence(Group("any", (Condition("revenue", "at_least", 10050), other)), "nl", {}, "EUR")
    'in totaal besteed: minstens €\\xa0100,50 of toe aan pakken: nu of te laat'
    """
    words = _WORDS[language]
    if isinstance(node, Condition):
        return condition_text(node, language, names, currency)
    if isinstance(node, Not):
        return f"{words['not']} {_inside(node.part, language, names, currency)}"
    joint = f" {words['and' if node.joint == 'all' else 'or']} "
    if len(node.parts) == 1:
        return sentence(node.parts[0], language, names, currency)
    return joint.join(_inside(part, language, names, currency) for part in node.parts)


def _inside(node: Node, language: str, names: Names, currency: str) -> str:
    text = sentence(node, language, names, currency)
    is_joined = isinstance(node, Group) and len(node.parts) > 1
    return f"({text})" if is_joined else text


def condition_text(one: Condition, language: str, names: Names, currency: str) -> str:
    """Return one condition in words."""
    feature, words = FEATURES[one.feature], _WORDS[language]
    need = words[ANY] if one.need in (ANY, "") else _need(one.need, language, names)
    said = _said(one, feature, language, names, currency)
    return f"{feature.phrase(language).format(need=need)}: {said}"


def _said(one: Condition, feature: Feature, language: str, names: Names, currency: str) -> str:
    if feature.kind == "yes_no":
        return _WORDS[language][one.value]
    if feature.kind == "need":
        return _listed([_need(key, language, names) for key in one.value], language)
    if feature.kind == "text":
        return _listed(list(one.value), language)
    if feature.kind == "word":
        return _listed([feature.word(key, language) for key in one.value], language)
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    shown = [number_text(value, feature.unit, language, currency) for value in values]
    return _SAID[language][one.operator].format(*shown)


def number_text(value: float, unit: str, language: str, currency: str) -> str:
    """Return a figure as people write it; money is in minor units, a chance a share of 1.

    Examples
    --------
    >>> number_text(0.125, "chance", "nl", "EUR"), number_text(1200, "days", "en", "EUR")
    ('12,5%', '1,200')
    """
    locale = _LOCALES[language]
    if unit == "money":
        amount = Decimal(str(value)).scaleb(-get_currency_precision(currency))
        return format_currency(amount, currency, locale=locale)
    if unit == "chance":
        return format_percent(value, format="#,##0.###%", locale=locale)
    return format_decimal(value, locale=locale)


def _listed(texts: list[str], language: str) -> str:
    joint = f" {_WORDS[language]['or']} "
    return joint.join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def _need(key: str, language: str, names: Names) -> str:
    return (names[key] if key in names else name_of(key)).plural(language)


# -- why somebody is in it -------------------------------------------------------------------------


def reasons(node: Node, found: pd.DataFrame, *, as_of: date, currency: str) -> list[dict[str, Any]]:
    """Return why each row of `people.people` is asked for, to keep with the assignment.

    The conditions that held on the way there, each with the need it held for and, where it stays
    the same until the next purchase, the fact.
    """
    asked = list(conditions(node))
    columns = {name: found[name].tolist() for name in found.columns}
    ways: dict[tuple[bool, ...], list[tuple[int, bool]]] = {}
    result = []
    for row in range(len(found)):
        held = tuple(columns[f"held_{number}"][row] for number in range(len(asked)))
        if held not in ways:
            ways[held] = list(_way(node, iter(enumerate(held)), wanted=True)[1])
        parts = []
        for number, is_so in ways[held]:
            part = _plain(asked[number], columns[f"word_{number}"][row], is_so=is_so)
            if is_so and asked[number].feature in _TOLD:
                part["fact"] = _fact(asked[number].feature, columns, row, as_of)
            parts.append(part)
        result.append({"key": "own", "held": parts, "currency": currency})
    return result


def _way(
    node: Node, held: Iterator[tuple[int, bool]], *, wanted: bool
) -> tuple[bool, list[tuple[int, bool]]]:
    """Whether a part is as it is wanted, and the conditions (number, whether it holds) why."""
    if isinstance(node, Condition):
        number, holds = next(held)
        return holds == wanted, [(number, holds)]
    if isinstance(node, Not):
        return _way(node.part, held, wanted=not wanted)
    parts = [_way(part, held, wanted=wanted) for part in node.parts]
    # Not all of these is any of the opposites.
    needs_all = (node.joint == "all") == wanted
    fits = all(fit for fit, _ in parts) if needs_all else any(fit for fit, _ in parts)
    return fits, [one for fit, ones in parts if fit for one in ones]


def _plain(one: Condition, word: str, *, is_so: bool) -> dict[str, Any]:
    """The condition as a document has it, with the one word or need that made it hold."""
    feature, value = FEATURES[one.feature], one.value
    if is_so and feature.kind in LISTED and not feature.of_need:
        value = (word,)
    plain = {"feature": one.feature, "is": one.operator, "value": value}
    if isinstance(value, tuple):
        plain["value"] = list(value)
    if one.need:
        plain["need"] = word if is_so else one.need
    return plain if is_so else plain | {"not": True}


def _fact(feature: str, columns: Mapping[str, list[Any]], row: int, as_of: date) -> str | int:
    value = int(columns[feature][row])
    if feature == "frequency":
        return value
    return (as_of - timedelta(days=value)).isoformat()


def held_text(part: Mapping[str, Any], language: str, names: Names, currency: str) -> str:
    """Return one of the conditions of a reason in words, without its fact.

    Examples
    --------
    >>> part = {"feature": "shops", "is": "one_of", "value": ["both"], "not": True}
    >>> held_text(part, "en", {}, "EUR")
    'not shops: Both'
    """
    value = part["value"]
    value = tuple(value) if isinstance(value, list) else value
    asked = Condition(part["feature"], part["is"], value, part.get("need", ""))
    text = condition_text(asked, language, names, currency)
    return f"{_WORDS[language]['not']} {text}" if part.get("not") else text
