"""A segment as data: `{"version": 1, "who": ...}`, read, checked and written back.

What stands under "who" is a condition, `{"all": [...]}`, `{"any": [...]}` or `{"not": ...}`, one in
another as deep as is needed:

    {"version": 1,
     "who": {"all": [{"feature": "recency", "is": "at_least", "value": 90},
                     {"feature": "due_state", "need": "suits", "is": "one_of", "value": ["now"]},
                     {"not": {"feature": "value", "is": "one_of", "value": ["low"]}}]}}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation.builder.vocabulary import ANY, FEATURES, LISTED, Feature

VERSION = 1
#: More than this nobody reads, and a document from outside stays cheap to look at.
MOST_CONDITIONS, DEEPEST = 40, 6
#: No figure of a person is larger, and a float holds it to the unit.
LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing asked of a feature."""

    feature: str
    operator: str
    #: A number, a pair of them, a tuple of words, or a truth value.
    value: Any
    #: Key of a need or `ANY`; "" for a feature that is asked of none.
    need: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of which all or any have to hold."""

    #: "all" or "any".
    joint: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A part that must not hold."""

    part: Node


Node = Condition | Group | Not


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a document, and where."""

    #: "who.all[1].value", as one would write it in a program.
    place: str
    #: What was expected there.
    expected_en: str
    expected_nl: str

    def text(self, language: str) -> str:
        """Return the sentence in "en" or "nl".

        Examples
        --------
        >>> Problem("who.is", '"at_least"', '"at_least"').text("nl")
        'who.is: verwacht werd "at_least"'
        """
        if language == "nl":
            return f"{self.place}: verwacht werd {self.expected_nl}"
        return f"{self.place}: expected {self.expected_en}"


class BadDocument(ValueError):
    """A document that cannot be read; `problems` names each place and what was expected there."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.text("en") for problem in problems))
        self.problems = tuple(problems)


def read(plain: Any, needs: Collection[str] | None = None) -> Node:
    """Return what a document asks.

    Parameters
    ----------
    plain
        As JSON gives it.
    needs
        Keys of the shop's needs; None takes any, for what was kept when the shop had others.

    Raises
    ------
    BadDocument
        With every place that is wrong.

    Examples
    --------
    >>> read({"version": 1, "who": {"feature": "recency", "is": "at_most", "value": 30}})
    Condition(feature='recency', operator='at_most', value=30, need='')
    >>> read({"version": 1, "who": {"feature": "recency", "is": "at_most", "value": "soon"}})
    Traceback (most recent call last):
    segmentation.builder.document.BadDocument: who.value: expected a whole number from 0
    """
    reader = _Reader(needs)
    node = reader.document(plain)
    if node is None or reader.problems:
        raise BadDocument(reader.problems)
    return node


def write(node: Node) -> dict[str, Any]:
    """Return the document that `read` reads as this."""
    return {"version": VERSION, "who": _plain(node)}


def conditions(node: Node) -> Iterator[Condition]:
    """Yield every condition, in the order of the document."""
    if isinstance(node, Condition):
        yield node
    elif isinstance(node, Not):
        yield from conditions(node.part)
    else:
        for part in node.parts:
            yield from conditions(part)


def _plain(node: Node) -> dict[str, Any]:
    if isinstance(node, Group):
        return {node.joint: [_plain(part) for part in node.parts]}
    if isinstance(node, Not):
        return {"not": _plain(node.part)}
    value = list(node.value) if isinstance(node.value, tuple) else node.value
    need = {"need": node.need} if node.need else {}
    return {"feature": node.feature, **need, "is": node.operator, "value": value}


class _Reader:
    """Reads a document to its end and gathers what is wrong with it."""

    def __init__(self, needs: Collection[str] | None) -> None:
        self.problems: list[Problem] = []
        self._needs = None if needs is None else sorted(needs)
        self._conditions = 0

    def document(self, plain: Any) -> Node | None:
        if not isinstance(plain, Mapping):
            self._wrong("document", "an object", "een object")
            return None
        self._only(plain, ("version", "who"), "")
        if plain.get("version") != VERSION or isinstance(plain.get("version"), bool):
            self._wrong("version", str(VERSION), str(VERSION))
        return self._node(plain.get("who"), "who", 1)

    def _node(self, plain: Any, place: str, depth: int) -> Node | None:
        kinds = ("all", "any", "not", "feature")
        named = [kind for kind in kinds if isinstance(plain, Mapping) and kind in plain]
        if len(named) != 1:
            one = ", ".join(f'"{kind}"' for kind in kinds)
            self._wrong(place, f"an object with one of {one}", f"een object met een van {one}")
            return None
        if depth > DEEPEST:
            self._wrong(
                place,
                f"at most {DEEPEST} groups one in another",
                f"hoogstens {DEEPEST} groepen in elkaar",
            )
            return None
        kind = named[0]
        if kind == "feature":
            return self._condition(plain, place)
        self._only(plain, (kind,), place)
        if kind == "not":
            part = self._node(plain["not"], f"{place}.not", depth + 1)
            return Not(part) if part is not None else None
        return self._group(kind, plain[kind], f"{place}.{kind}", depth)

    def _group(self, joint: str, plain: Any, place: str, depth: int) -> Node | None:
        if not isinstance(plain, Sequence) or isinstance(plain, str) or not plain:
            self._wrong(
                place,
                "a list with at least one condition",
                "een lijst met minstens één voorwaarde",
            )
            return None
        parts = []
        for number, part in enumerate(plain):
            if self._conditions > MOST_CONDITIONS:
                break
            parts.append(self._node(part, f"{place}[{number}]", depth + 1))
        return Group(joint, tuple(part for part in parts if part is not None))

    def _condition(self, plain: Mapping[str, Any], place: str) -> Node | None:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            self._wrong(
                place,
                f"at most {MOST_CONDITIONS} conditions",
                f"hoogstens {MOST_CONDITIONS} voorwaarden",
            )
            return None
        key = plain["feature"]
        feature = FEATURES.get(key) if isinstance(key, str) else None
        if feature is None:
            self._wrong(f"{place}.feature", *_one_of(FEATURES))
            return None
        needed = ("need",) if feature.of_need else ()
        self._only(plain, ("feature", *needed, "is", "value"), place)
        need = self._need(plain.get("need"), f"{place}.need") if feature.of_need else ""
        operator = plain.get("is")
        if operator not in feature.operators:
            self._wrong(f"{place}.is", *_one_of(feature.operators))
            return None
        value = self._value(feature, operator, plain.get("value"), f"{place}.value")
        return Condition(feature.key, operator, value, need)

    def _need(self, plain: Any, place: str) -> str:
        known = plain == ANY or self._needs is None or plain in self._needs
        if isinstance(plain, str) and plain and known:
            return plain
        self._wrong(place, *_one_of((ANY, *(self._needs or ()))))
        return ""

    def _value(self, feature: Feature, operator: str, plain: Any, place: str) -> Any:
        if feature.kind == "yes_no":
            if not isinstance(plain, bool):
                self._wrong(place, "true or false", "true of false")
            return plain
        if feature.kind in LISTED:
            return self._words(feature, plain, place)
        if operator == "between":
            return self._pair(feature, plain, place)
        return self._number(feature, plain, place)

    def _words(self, feature: Feature, plain: Any, place: str) -> tuple[str, ...]:
        known = {"need": self._needs, "text": None}.get(feature.kind, list(feature.words))
        is_list = isinstance(plain, Sequence) and not isinstance(plain, str)
        if not is_list or not plain:
            self._wrong(place, "a list with at least one word", "een lijst met minstens één woord")
            return ()
        for number, word in enumerate(plain):
            if not isinstance(word, str) or not word or (known is not None and word not in known):
                text = ("a text", "een tekst")
                expected = text if feature.kind == "text" else _one_of(known or ())
                self._wrong(f"{place}[{number}]", *expected)
        return tuple(dict.fromkeys(word for word in plain if isinstance(word, str)))

    def _pair(self, feature: Feature, plain: Any, place: str) -> tuple[Any, Any] | None:
        if not isinstance(plain, Sequence) or isinstance(plain, str) or len(plain) != 2:
            self._wrong(place, "a list of two numbers", "een lijst van twee getallen")
            return None
        low, high = (
            self._number(feature, one, f"{place}[{number}]") for number, one in enumerate(plain)
        )
        if low is not None and high is not None and low > high:
            self._wrong(f"{place}[1]", f"a number from {low:g}", f"een getal vanaf {low:g}")
        return low, high

    def _number(self, feature: Feature, plain: Any, place: str) -> float | None:
        """Return the number, None after having noted what is wrong with it."""
        is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
        fits = is_number and abs(plain) <= LARGEST  # which no NaN is
        fits = fits and (feature.kind == "number" or float(plain).is_integer())
        fits = fits and (feature.least is None or plain >= feature.least)
        if not fits or (feature.most is not None and plain > feature.most):
            self._wrong(place, *_kind_of_number(feature))
            return None
        return int(plain) if float(plain).is_integer() else float(plain)

    def _only(self, plain: Mapping[str, Any], known: Collection[str], place: str) -> None:
        for key in plain:
            if key not in known:
                where = f"{place}.{key}" if place else str(key)
                names = ", ".join(f'"{name}"' for name in known)
                self._wrong(where, f"nothing but {names}", f"niets dan {names}")

    def _wrong(self, place: str, expected_en: str, expected_nl: str) -> None:
        self.problems.append(Problem(place, expected_en, expected_nl))


def _one_of(keys: Collection[str]) -> tuple[str, str]:
    listed = ", ".join(f'"{key}"' for key in keys)
    if not listed:
        return "the key of a need", "de sleutel van een behoefte"
    return f"one of {listed}", f"een van {listed}"


def _kind_of_number(feature: Feature) -> tuple[str, str]:
    english, dutch = "a number", "een getal"
    if feature.kind == "whole":
        english, dutch = "a whole number", "een heel getal"
    if feature.least is not None:
        english, dutch = f"{english} from {feature.least:g}", f"{dutch} vanaf {feature.least:g}"
    if feature.most is not None:
        english, dutch = f"{english} to {feature.most:g}", f"{dutch} tot en met {feature.most:g}"
    return english, dutch
