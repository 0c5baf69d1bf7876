"""What the form of a segment says: features under their headings, units, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from babel.numbers import get_currency_symbol

from integration.own.form import Row, shift, shown
from integration.own.kept import LONGEST, MOST, CannotKeep
from integration.views.base import language, user
from integration.views.texts import gettext
from segmentation.builder.vocabulary import FEATURES, HEADINGS, LISTED, Feature


def vocabulary(has_needs: bool) -> list[tuple[str, list[Feature]]]:
    """Return the features to choose from, under the headings; without needs none about them."""
    first = {feature: nl if language() == "nl" else en for _, en, nl, feature in HEADINGS}
    found: list[tuple[str, list[Feature]]] = []
    for feature in FEATURES.values():
        if feature.key in first:
            found.append((first[feature.key], []))
        if has_needs or not (feature.of_need or feature.kind == "need"):
            found[-1][1].append(feature)
    return [(heading, features) for heading, features in found if features]


def choices(
    row: Row, needs: Mapping[str, str], texts: Mapping[str, Sequence[str]]
) -> Mapping[str, str]:
    """Return what can be ticked in a condition: key to name, what is ticked already included."""
    feature = row.about
    if feature.kind == "need":
        return needs
    if feature.kind == "text":
        return {text: text for text in (*texts[feature.key], *row.words)}
    return {key: feature.word(key, language()) for key in feature.words}


def unit(feature: Feature) -> str:
    """Return what a figure of a feature is counted in, for behind its fields."""
    return {
        "days": gettext("days"),
        "times": gettext("times"),
        "pieces": gettext("pieces"),
        "money": get_currency_symbol(user().currency, locale="nl_NL"),
        "chance": "%",
    }.get(feature.unit, "")


def bounds(feature: Feature) -> tuple[str, str]:
    """Return the least and the most that can be asked for, as in the fields; "" for none."""
    least, most = (
        "" if end is None else shown(end, feature, user().currency)
        for end in (feature.least, feature.most)
    )
    return least, most


def step(feature: Feature) -> str:
    """Return what a figure is a multiple of, as HTML has it."""
    if feature.kind == "whole":
        return "1"
    decimals = shift(feature, user().currency) if feature.unit == "money" else 0
    return f"{10**-decimals:.{decimals}f}" if decimals > 0 else "any"


def condition_problem(row: Row) -> str:
    """Return what is wrong with a condition that cannot be read."""
    feature = row.about
    if feature.kind in LISTED:
        return gettext("Choose at least one.")
    if not row.low and not row.high:
        return gettext("Fill in one of the two figures, or both.")
    least, most = bounds(feature)
    said = [gettext("Whole figures only.") if feature.kind == "whole" else gettext("Figures only.")]
    if least and most:
        said.append(gettext("From %(least)s to %(most)s.", least=least, most=most))
    elif least:
        said.append(gettext("From %(least)s.", least=least))
    if row.low and row.high:
        said.append(gettext("The second is not below the first."))
    return " ".join(said)


def keeping_problem(error: CannotKeep) -> str:
    """Return why a segment cannot be kept or removed, and what to do."""
    return {
        "no_name": gettext("Give the segment a name."),
        "long_name": gettext("A name has at most %(most)s characters.", most=LONGEST),
        "bad_name": gettext("A name is one line of text."),
        "taken": gettext("Another segment of yours has this name."),
        "too_many": gettext(
            "There are %(most)s segments of your own already: remove one first.", most=MOST
        ),
        "rule": gettext("A rule still writes to this segment: switch it off first."),
    }[error.reason]
