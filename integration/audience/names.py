"""What our tags and fields are called in an audience, in its language, and how many there may be.

A name that the merchant already uses is never taken over: a tag gets the suffix " (auto)", a merge
tag the prefix "ST_". Case does not count, as Mailchimp changes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from segmentation.duedates.needs import NeedName, name_of
from segmentation.segments import LONGEST_NAME, MOST_PER_GROUP, Segment, catalogue

#: Characters of a merge tag, and bytes of a text value (Mailchimp).
MERGE_TAG_LENGTH = 10
VALUE_BYTES = 255
#: Merge fields of one audience, the merchant's own included (Mailchimp), on all plans but the
#: largest. No call tells the plan; an audience that has more than 30 shows that it is the largest.
FIELD_LIMIT, LARGEST_FIELD_LIMIT = 30, 80
#: Tags of ours altogether; by group `segmentation.segments` says.
TAG_LIMIT = 60
#: People of an audience whom a tag takes, where fewer than that pay for no mail of their own.
LEAST_PEOPLE = {"group": 100}
#: Groups whose tags come after all others: everybody is in one, whatever else there is to say.
_LAST = ("group", "cluster")
#: Behind a name that had to give way.
SUFFIX = " (auto)"
_PREFIX = "ST_"


@dataclass(frozen=True, slots=True)
class Field:
    """A merge field of ours; contacts never see it."""

    key: str
    #: Mailchimp's type: "text" or "date".
    kind: str
    label_en: str
    label_nl: str

    def label(self, language: str) -> str:
        """Return its label in "en" or "nl"."""
        return self.label_nl if language == "nl" else self.label_en


#: In order of use: what does not fit into an audience is left out from the end.
FIELDS: tuple[Field, ...] = (
    Field("DUEDATE", "date", "Due on", "Toe aan op"),
    Field("DUEWHAT", "text", "Due for", "Toe aan"),
    Field("DUEPROD", "text", "Suggested product", "Voorstel"),
    Field("DUEURL", "text", "Product link", "Productlink"),
    Field("STAGE", "text", "Stage", "Fase"),
    Field("LOVES2", "text", "Second favourite", "Tweede favoriet"),
    Field("WHY", "text", "Why", "Waarom"),
    Field("RECO1", "text", "Also for you 1", "Ook voor jou 1"),
    Field("RECO2", "text", "Also for you 2", "Ook voor jou 2"),
    Field("RECO3", "text", "Also for you 3", "Ook voor jou 3"),
)


@dataclass(frozen=True, slots=True)
class FieldSet:
    """Fields that a merchant may switch on where the audience has room."""

    key: str
    fields: tuple[Field, ...]


SETS: tuple[FieldSet, ...] = (
    FieldSet("shops", (Field("SHOPS", "text", "Shops", "Koopt"),)),
    FieldSet(
        "wholesale", (Field("NEXTORDER", "date", "Next order expected", "Volgende bestelling"),)
    ),
    FieldSet(
        "history",
        (
            Field("LASTORDER", "date", "Last order", "Laatste bestelling"),
            Field("FAVOURITE", "text", "Favourite", "Favoriet"),
        ),
    ),
    FieldSet("picture", (Field("DUEIMG", "text", "Product picture", "Productfoto"),)),
    FieldSet(
        "bought",
        (
            Field("RECENT1", "text", "Bought last 1", "Laatst gekocht 1"),
            Field("RECENT2", "text", "Bought last 2", "Laatst gekocht 2"),
            Field("RECENT3", "text", "Bought last 3", "Laatst gekocht 3"),
        ),
    ),
    FieldSet(
        "proposals",
        (
            Field("ALSO1", "text", "Others also bought 1", "Anderen kochten ook 1"),
            Field("ALSO2", "text", "Others also bought 2", "Anderen kochten ook 2"),
            Field("ALSO3", "text", "Others also bought 3", "Anderen kochten ook 3"),
            Field("HASRECO", "text", "Has proposals", "Heeft voorstellen"),
        ),
    ),
)
#: In order of use, the optional ones last.
ALL_FIELDS: tuple[Field, ...] = (*FIELDS, *(field for group in SETS for field in group.fields))
FIELD_BY_KEY: Mapping[str, Field] = {field.key: field for field in ALL_FIELDS}
#: The contact's language travels with the fields and is none: no merge field is made for it.
LANGUAGE = "LANGUAGE"


def field_limit(there: int) -> int:
    """Return how many merge fields an audience that has `there` of them may have.

    Examples
    --------
    >>> field_limit(30), field_limit(31)
    (30, 80)
    """
    return FIELD_LIMIT if there <= FIELD_LIMIT else LARGEST_FIELD_LIMIT


def switched_on(chosen: Iterable[str]) -> tuple[Field, ...]:
    """Return the fields of the core and of the sets chosen, in order of use."""
    keys = set(chosen)
    return (*FIELDS, *(field for group in SETS if group.key in keys for field in group.fields))


def tag_names(
    segments: Iterable[str],
    language: str,
    needs: Mapping[str, NeedName],
    own: Mapping[str, Segment],
) -> dict[str, str]:
    """Return what the tags of these segments are called, by segment key.

    Parameters
    ----------
    needs
        What the shop calls its needs; those of the starting table may be missing.
    own
        Segments that only this shop has, by key.

    Examples
    --------
    >>> tag_names(["due:suits:now", "stage:best", "no:such"], "nl", {}, {})
    {'due:suits:now': 'Toe aan: Pakken – nu', 'stage:best': 'Fase: Topklant'}
    >>> tag_names(["due:anything:now"], "nl", {}, {})
    {'due:anything:now': 'Toe aan: Iets – nu'}
    """
    keys = list(segments)
    mentioned = [key.split(":")[1] for key in keys if key.count(":")]
    known = {need: needs.get(need) or name_of(need) for need in sorted(set(mentioned))}
    there = (*catalogue(known), *own.values())
    names = {segment.key: segment.name(language) for segment in there}
    return {key: names[key] for key in keys if key in names}


def thing(tag: str) -> str:
    """Return a tag's name without its group.

    Examples
    --------
    >>> thing("Stage: At risk")
    'At risk'
    """
    return tag.partition(": ")[2]


def free_tag_name(name: str, taken: Collection[str]) -> str:
    """Return `name`, or with a suffix when the merchant has one of that name already.

    Parameters
    ----------
    taken
        Names of the audience's tags and saved segments, case-folded.

    Examples
    --------
    >>> free_tag_name("VIP", {"vip"}), free_tag_name("VIP", {"vip", "vip (auto)"})
    ('VIP (auto)', 'VIP (auto) 2')
    """
    candidate, number = name, 1
    while candidate.casefold() in taken:
        suffix = SUFFIX if number == 1 else f"{SUFFIX} {number}"
        candidate = _cut(name, LONGEST_NAME - len(suffix)) + suffix
        number += 1
    return candidate


def free_merge_tag(key: str, taken: Collection[str]) -> str:
    """Return a merge tag that the audience does not have yet.

    Examples
    --------
    >>> free_merge_tag("DUEDATE", {"FNAME"}), free_merge_tag("DUEDATE", {"DUEDATE"})
    ('DUEDATE', 'ST_DUEDATE')
    >>> free_merge_tag("DUEDATE", {"DUEDATE", "ST_DUEDATE"})
    'ST_DUEDA_2'
    """
    candidate, number = key, 1
    names = {name.upper() for name in taken}
    while candidate in names:
        end = "" if number == 1 else f"_{number}"
        candidate = f"{_PREFIX}{key}"[: MERGE_TAG_LENGTH - len(end)] + end
        number += 1
    return candidate


def is_label_of(field: Field, text: str) -> bool:
    """Tell whether a label is one that we give a field, in either language."""
    given = {field.label(language) for language in ("en", "nl")}
    return text in given or text.removesuffix(SUFFIX) in given


def label(field: Field, merge_tag: str, language: str) -> str:
    """Return a field's label; with the suffix when its merge tag had to give way."""
    text = field.label(language)
    return text if merge_tag == field.key else text + SUFFIX


def within_budget(
    people: Mapping[str, int], owned: Collection[str], asked: Collection[str] = ()
) -> list[str]:
    """Choose the segments that become tags.

    Groups that the merchant asked for come first; what the audience already has stays, so that no
    tag comes and goes from night to night; then come those the merchant made himself, then those
    with most people; groups and clusters that a fit found come last. A group that too few would get
    is none, whether it was a tag or not.

    Parameters
    ----------
    people
        Number of people who would get it, by segment key.
    owned
        Keys that are tags of ours already.
    asked
        Keys that the merchant asked for.

    Examples
    --------
    >>> within_budget({"loves:a": 3, "stage:new": 1, "other:x": 9}, [])
    ['loves:a', 'stage:new']
    >>> within_budget({"group:both:hats": 99, "group:both:bags": 100}, ["group:both:hats"])
    ['group:both:bags']
    """

    def rank(key: str) -> tuple[bool, bool, bool, bool, int, str]:
        group = key.partition(":")[0]
        return key not in asked, key not in owned, group != "own", group in _LAST, -people[key], key

    enough = [k for k in people if people[k] >= LEAST_PEOPLE.get(k.partition(":")[0], 1)]
    ranked = sorted(enough, key=rank)
    kept: list[str] = []
    room = dict(MOST_PER_GROUP)
    for key in ranked:
        group = key.partition(":")[0]
        if len(kept) < TAG_LIMIT and room.get(group, 0) > 0:
            room[group] -= 1
            kept.append(key)
    return sorted(kept)


def value(text: str) -> str:
    """Return a text as a field holds it: at most 255 bytes, whole characters.

    Examples
    --------
    >>> len(value("é" * 200).encode())
    254
    """
    return text.encode()[:VALUE_BYTES].decode(errors="ignore")


def link(address: str) -> str:
    """Return an address as a field holds it; one that would have to be cut leads nowhere.

    Examples
    --------
    >>> link("https://shop.nl/suit"), link("https://shop.nl/" + "x" * 255)
    ('https://shop.nl/suit', '')
    """
    return address if len(address.encode()) <= VALUE_BYTES else ""


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def new_names(wanted: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """Return a free tag name for each key; two keys never get the same.

    Examples
    --------
    >>> new_names({"a": "Loves: Hats", "b": "Loves: Hats", "c": "VIP"}, {"vip"})
    {'a': 'Loves: Hats', 'b': 'Loves: Hats (auto)', 'c': 'VIP (auto)'}
    """
    used = {name.casefold() for name in taken}
    result: dict[str, str] = {}
    for key, name in wanted.items():
        result[key] = free_tag_name(name, used)
        used.add(result[key].casefold())
    return result
