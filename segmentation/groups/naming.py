"""Groups and clusters in words, from the plain JSON of a fit: as segments, and as reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from segmentation.duedates.needs import NeedName, name_of
from segmentation.groups.keys import key_of
from segmentation.segments import LONGEST_NAME, Segment, tag_name

Names = Mapping[str, NeedName]

#: English and Dutch, as in a list; then as in a sentence where that differs.
_VALUES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("shops", "menswear"): ("menswear", "heren"),
    ("shops", "womenswear"): ("womenswear", "dames"),
    ("shops", "both"): ("men and women", "heren en dames"),
    ("style", "business"): ("business", "zakelijk"),
    ("style", "casual"): ("casual", "vrijetijd"),
    ("price", "low"): ("lower-priced", "voordelig"),
    ("price", "middle"): ("mid-priced", "middenprijs"),
    ("price", "high"): ("higher-priced", "duurder"),
    **{("colour", en): (en, nl) for en, nl in (
        ("black", "zwart"), ("white", "wit"), ("cream", "crème"), ("grey", "grijs"),
        ("charcoal", "antraciet"), ("silver", "zilver"), ("navy", "donkerblauw"),
        ("blue", "blauw"), ("denim", "denim"), ("teal", "petrol"), ("green", "groen"),
        ("olive", "olijfgroen"), ("red", "rood"), ("burgundy", "bordeaux"), ("coral", "koraal"),
        ("orange", "oranje"), ("yellow", "geel"), ("pink", "roze"), ("purple", "paars"),
        ("lilac", "lila"), ("brown", "bruin"), ("beige", "beige"), ("camel", "camel"),
    )},
    ("colour", "lightblue"): ("light blue", "lichtblauw"),
    **{("material", en): (en, nl) for en, nl in (
        ("cotton", "katoen"), ("wool", "wol"), ("linen", "linnen"), ("leather", "leer"),
        ("silk", "zijde"), ("denim", "denim"), ("cashmere", "kasjmier"), ("suede", "suède"),
        ("velvet", "fluweel"), ("fleece", "fleece"), ("viscose", "viscose"),
    )},
}  # fmt: skip
#: Of a group in a sentence, where it is not the same.
_SAID: Mapping[tuple[str, str], tuple[str, str]] = {
    ("shops", "menswear"): ("buys menswear", "koopt herenmode"),
    ("shops", "womenswear"): ("buys womenswear", "koopt damesmode"),
    ("shops", "both"): ("buys menswear and womenswear", "koopt heren- en damesmode"),
    ("style", "business"): ("business style", "zakelijke stijl"),
    ("style", "casual"): ("casual style", "vrijetijdsstijl"),
}
#: Of a cluster: in its name, and in a sentence after "those who" / "wie".
_TRAITS: Mapping[tuple[str, str], tuple[str, str, str, str]] = {
    ("recency", "low"): ("bought lately", "kocht onlangs", "bought lately", "onlangs kocht"),
    ("recency", "high"): ("long away", "lang weg", "have been away long", "lang weg is"),
    ("frequency", "high"): ("buys often", "koopt vaak", "buy often", "vaak koopt"),
    ("frequency", "low"): ("buys rarely", "koopt zelden", "buy rarely", "zelden koopt"),
    ("monetary_value", "high"): (
        "spends much", "besteedt veel", "spend much at a time", "veel per keer besteedt"),
    ("monetary_value", "low"): (
        "spends little", "besteedt weinig", "spend little at a time", "weinig per keer besteedt"),
    ("tenure", "high"): (
        "long known", "al lang klant", "have been customers for long", "al lang klant is"),
    ("tenure", "low"): ("new here", "nog nieuw", "are new here", "hier nog nieuw is"),
    ("breadth", "high"): (
        "many things", "koopt breed", "buy many kinds of things", "veel soorten dingen koopt"),
    ("breadth", "low"): (
        "few things", "koopt smal", "buy few kinds of things", "weinig soorten dingen koopt"),
}  # fmt: skip
_AVERAGE = ("average", "gemiddeld")


def words_of(name: str) -> dict[str, tuple[str, str]]:
    """Return the values of an attribute that we have words for, with a capital.

    Examples
    --------
    >>> words_of("price")["low"]
    ('Lower-priced', 'Voordelig')
    """
    return {
        value: (english[:1].upper() + english[1:], dutch[:1].upper() + dutch[1:])
        for (of, value), (english, dutch) in _VALUES.items()
        if of == name
    }


def segments(groups: Mapping[str, Any], names: Names, asked: Collection[str] = ()) -> list[Segment]:
    """Return the groups that are segments, and the clusters, of a fit's `Groups.to_dict`.

    Groups are those offered, and those `asked` for (keys) that the fit knows.
    """
    tree, wanted = groups["tree"], {*groups["tree"]["offered"], *asked}
    found = [
        _group(one, groups["texts"], names)
        for one in (*tree["groups"], *tree.get("left_out", ()))
        if key_of(one["path"]) in wanted
    ]
    return found + [_cluster(one) for one in groups["clusters"]["clusters"]]


def part_text(part: Sequence[str], texts: Mapping[str, str], names: Names, language: str) -> str:
    """Return one part of a group in a list.

    Examples
    --------
    >>> part_text(("need", "suits"), {}, {}, "nl"), part_text(("size", "xl"), {}, {}, "nl")
    ('pakken', 'maat xl')
    """
    name, value = part
    if name == "need":
        return (names.get(value) or name_of(value)).plural(language)
    if (name, value) in _VALUES:
        return _VALUES[name, value][language == "nl"]
    text = texts.get(key_of([part]), value)
    return f"{('size', 'maat')[language == 'nl']} {text}" if name == "size" else text


def _group(one: Mapping[str, Any], texts: Mapping[str, str], names: Names) -> Segment:
    told = {language: _listed(one["path"], texts, names, language) for language in ("en", "nl")}
    figures = {"own": one["precision"], "larger": one["larger"]}
    return Segment(
        key=f"group:{key_of(one['path'])}",
        group="group",
        name_en=_tag("Group", one["path"], texts, names, "en"),
        name_nl=_tag("Groep", one["path"], texts, names, "nl"),
        meaning_en=(
            "Buys {told}. Tested afterwards: these people bought {own:.0%} of the five things that "
            "this group buys most, and {larger:.0%} of those of the larger group."
        ).format(told=told["en"], **figures),
        meaning_nl=(
            "Koopt {told}. Achteraf getoetst: deze mensen kochten {own:.0%} van de vijf dingen die "
            "deze groep het meest koopt, en {larger:.0%} van die van de grotere groep."
        ).format(told=told["nl"], **figures),
        send_en="What this group buys most, first.",
        send_nl="Wat deze groep het meest koopt, voorop.",
    )


def _listed(
    path: Sequence[Sequence[str]], texts: Mapping[str, str], names: Names, language: str
) -> str:
    return ", ".join(part_text(part, texts, names, language) for part in path)


def _tag(
    word: str,
    path: Sequence[Sequence[str]],
    texts: Mapping[str, str],
    names: Names,
    language: str,
) -> str:
    """Return the tag; where it is too long the style goes first, then the department."""
    for left_out in ((), ("style",), ("style", "shops")):
        short = [part for part in path if part[0] not in left_out]
        thing = _listed(short or path, texts, names, language)
        if len(f"{word}: {thing}") <= LONGEST_NAME:
            break
    return tag_name(word, thing)


def _cluster(one: Mapping[str, Any]) -> Segment:
    told = [_TRAITS[trait, side] for trait, side in one["told"]]
    listed = [", ".join(words[at] for words in told) or _AVERAGE[at] for at in (0, 1)]
    return Segment(
        key=f"cluster:{one['number']}",
        group="cluster",
        name_en=tag_name("Profile", listed[0]),
        name_nl=tag_name("Profiel", listed[1]),
        meaning_en=f"Buys in the same way: most like {those(one['told'], 'en')}.",
        meaning_nl=f"Koopt op dezelfde manier: lijkt het meest op {those(one['told'], 'nl')}.",
        send_en="One tone for all of them; what they buy differs.",
        send_nl="Eén toon voor hen allen; wat ze kopen verschilt.",
    )


def those(told: Sequence[Sequence[str]], language: str) -> str:
    """Return whom a cluster is made of, in a sentence.

    Examples
    --------
    >>> those([("frequency", "high"), ("breadth", "low")], "en")
    'those who buy often and buy few kinds of things'
    >>> those([], "nl")
    'de gemiddelde klant'
    """
    if not told:
        return {"en": "the average customer", "nl": "de gemiddelde klant"}[language]
    at, lead, joint = {"en": (2, "those who", "and"), "nl": (3, "wie", "en")}[language]
    words = [_TRAITS[trait, side][at] for trait, side in told]
    return f"{lead} {f' {joint} '.join(words)}"


def because(parts: Sequence[Sequence[Any]], names: Names, language: str) -> str:
    """Return why somebody is in a group: each part, details with what was counted.

    Examples
    --------
    >>> because([["shops", "menswear"], ["need", "suits"], ["colour", "navy", 4, 6]], {}, "en")
    'buys menswear; favourite: suits; 4 of 6 items navy'
    """
    texts = []
    for name, value, *counted in parts:
        text = part_text((name, value), {}, names, language)
        if (name, value) in _SAID:
            text = _SAID[name, value][language == "nl"]
        elif counted:
            of, items = {"en": ("of", "items"), "nl": ("van", "artikelen")}[language]
            text = f"{counted[0]} {of} {counted[1]} {items} {text}"
        elif name == "need":
            text = f"{'favoriet' if language == 'nl' else 'favourite'}: {text}"
        texts.append(text)
    return "; ".join(texts)
