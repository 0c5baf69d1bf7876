"""A segment as the page's form: groups of conditions, and who is left out.

The form is two deep and a document can be deeper: what the form cannot show has none. A number is
asked as "at least" and "at most", either of which may be empty; money in the currency's own unit
and chances in per cent, as people write them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import get_currency_precision

from segmentation.builder.document import (
    LARGEST,
    MOST_CONDITIONS,
    VERSION,
    BadDocument,
    Condition,
    Group,
    Node,
    Not,
    read,
)
from segmentation.builder.vocabulary import ANY, FEATURES, LISTED, Feature

#: In place of a group's number: those who are left out.
WITHOUT = "x"

#: As a browser sends it: every value of every name.
Fields = Mapping[str, Sequence[str]]


@dataclass(kw_only=True)
class Row:
    """One condition, as it was typed."""

    feature: str
    negated: bool = False
    need: str = ANY
    low: str = ""
    high: str = ""
    #: Words or needs that are ticked; "yes" or "no".
    words: tuple[str, ...] = ()

    @property
    def about(self) -> Feature:
        """The feature it asks about."""
        return FEATURES[self.feature]


@dataclass
class Rows:
    """Conditions of which all or any have to hold."""

    joint: str = "all"
    rows: list[Row] = field(default_factory=list)


@dataclass
class Form:
    """Who is in a segment: whom all or any of the groups ask for, but those who are left out."""

    joint: str = "all"
    groups: list[Rows] = field(default_factory=lambda: [Rows()])
    without: Rows = field(default_factory=lambda: Rows("any"))

    def parts(self) -> Iterator[tuple[str, Rows]]:
        """Yield every group with its key in the names of fields."""
        yield from ((str(number), group) for number, group in enumerate(self.groups))
        yield WITHOUT, self.without

    @property
    def size(self) -> int:
        """How many conditions there are."""
        return sum(len(group.rows) for _, group in self.parts())


# -- as a browser sends it -------------------------------------------------------------------------


def read_form(fields: Fields) -> Form:
    """Return what was typed; names that nobody knows are passed over."""
    numbers = [n for n in range(MOST_CONDITIONS) if f"{n}.joint" in fields]
    return Form(
        _joint(fields, "joint", "all"),
        [_rows(fields, str(number), "all") for number in numbers] or [Rows()],
        _rows(fields, WITHOUT, "any"),
    )


def change(form: Form, do: str, fields: Fields) -> None:
    """Carry out a button: "add.0" adds what is chosen in "0.add", "drop.0.1" takes a row away,
    "group" adds a group and "ungroup.0" takes one away."""
    groups = dict(form.parts())
    match do.split("."):
        case ["add", key] if key in groups and form.size < MOST_CONDITIONS:
            feature = _one(fields, f"{key}.add")
            if feature in FEATURES:
                groups[key].rows.append(Row(feature=feature))
        case ["drop", key, number] if key in groups:
            rows = groups[key].rows
            groups[key].rows = [row for at, row in enumerate(rows) if str(at) != number]
        case ["group"] if len(form.groups) < MOST_CONDITIONS:
            form.groups.append(Rows())
        case ["ungroup", key]:
            form.groups = [group for at, group in enumerate(form.groups) if str(at) != key]
            form.groups = form.groups or [Rows()]


def _rows(fields: Fields, key: str, joint: str) -> Rows:
    names = [f"{key}.{number}" for number in range(MOST_CONDITIONS)]
    there = [name for name in names if _one(fields, f"{name}.feature") in FEATURES]
    return Rows(_joint(fields, f"{key}.joint", joint), [_row(fields, name) for name in there])


def _row(fields: Fields, name: str) -> Row:
    return Row(
        feature=_one(fields, f"{name}.feature"),
        negated=_one(fields, f"{name}.not") == "not",
        need=_one(fields, f"{name}.need") or ANY,
        low=_one(fields, f"{name}.low"),
        high=_one(fields, f"{name}.high"),
        words=tuple(fields.get(f"{name}.words", ())),
    )


def _joint(fields: Fields, name: str, otherwise: str) -> str:
    chosen = _one(fields, name)
    return chosen if chosen in ("all", "any") else otherwise


def _one(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "").strip()


# -- to a document ---------------------------------------------------------------------------------


def document(form: Form, currency: str) -> dict[str, Any] | None:
    """Return the document that the form says; None while it has no condition.

    What was typed and is no figure stands in it as it is: `read` refuses it.
    """
    groups = [_joined(group, currency) for group in form.groups if group.rows]
    who = groups[0] if len(groups) == 1 else {form.joint: groups}
    without = {"not": _joined(form.without, currency)}
    if not form.size:
        return None
    if form.without.rows:
        who = {"all": [who, without]} if groups else without
    return {"version": VERSION, "who": who}


def wrong_rows(form: Form, currency: str, needs: Collection[str]) -> dict[str, Row]:
    """Return the conditions that cannot be read, by the beginning of their names ("0.1")."""
    return {
        f"{key}.{number}": row
        for key, group in form.parts()
        for number, row in enumerate(group.rows)
        if _is_wrong(row, currency, needs)
    }


def shift(feature: Feature, currency: str) -> int:
    """Return by how many decimals a figure is larger in a document than on the page."""
    return {"money": get_currency_precision(currency), "chance": -2}.get(feature.unit, 0)


def shown(value: float, feature: Feature, currency: str) -> str:
    """Return a document's figure as it stands in a field.

    Examples
    --------
    >>> shown(10050, FEATURES["revenue"], "EUR"), shown(0.125, FEATURES["p_alive"], "EUR")
    ('100.5', '12.5')
    """
    moved = Decimal(str(value)).scaleb(-shift(feature, currency))
    return format(moved.normalize(), "f")


def _is_wrong(row: Row, currency: str, needs: Collection[str]) -> bool:
    try:
        read({"version": VERSION, "who": _condition(row, currency)}, needs)
    except BadDocument:
        return True
    return False


def _joined(group: Rows, currency: str) -> dict[str, Any]:
    return {group.joint: [_condition(row, currency) for row in group.rows]}


def _condition(row: Row, currency: str) -> dict[str, Any]:
    feature = row.about
    need = {"need": row.need} if feature.of_need else {}
    operator, value = _asked(row, currency)
    plain = {"feature": feature.key, **need, "is": operator, "value": value}
    return {"not": plain} if row.negated else plain


def _asked(row: Row, currency: str) -> tuple[str, Any]:
    feature = row.about
    if feature.kind == "yes_no":
        return "equals", "no" not in row.words
    if feature.kind in LISTED:
        return "one_of", list(row.words)
    low, high = (_figure(text, shift(feature, currency)) for text in (row.low, row.high))
    if low is None or high is None:
        return ("at_least", low) if high is None else ("at_most", high)
    if low == high and feature.kind == "whole":
        return "equals", low
    return "between", [low, high]


def _figure(text: str, moved: int) -> Any:
    """Return the number of a field, None of an empty one, and the text of one that is no number."""
    if not text:
        return None
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return text
    if not value.is_finite() or abs(value) > LARGEST:
        return text
    value = value.scaleb(moved)
    return int(value) if value == value.to_integral_value() else float(value)


# -- from a document -------------------------------------------------------------------------------


def form_of(node: Node, currency: str) -> Form | None:
    """Return the form that says what a document asks; None where it is too deep for one."""
    who, without = _apart(node)
    left_out = Rows("any") if without is None else _group_of(without, currency)
    groups = [Rows()] if who is None else _groups_of(who, currency)
    if groups is None or left_out is None:
        return None
    joint = who.joint if isinstance(who, Group) and len(groups) > 1 else "all"
    return Form(joint, groups, left_out)


def _apart(node: Node) -> tuple[Node | None, Node | None]:
    """Return who is asked for and who is left out of them, as `document` writes it.

    A condition with "not" alone is a row of a group: those who are left out are a group.
    """
    if isinstance(node, Not) and isinstance(node.part, Group):
        return None, node.part
    if isinstance(node, Group) and node.joint == "all" and len(node.parts) > 1:
        *who, last = node.parts
        if isinstance(last, Not) and isinstance(last.part, Group):
            return (who[0] if len(who) == 1 else Group("all", tuple(who))), last.part
    return node, None


def _groups_of(node: Node, currency: str) -> list[Rows] | None:
    one = _group_of(node, currency)
    if one is not None:
        return [one]
    if not isinstance(node, Group):
        return None
    groups = [_group_of(part, currency) for part in node.parts]
    known = [group for group in groups if group is not None]
    return known if len(known) == len(groups) else None


def _group_of(node: Node, currency: str) -> Rows | None:
    parts = node.parts if isinstance(node, Group) else (node,)
    rows = [_row_of(part, currency) for part in parts]
    known = [row for row in rows if row is not None]
    joint = node.joint if isinstance(node, Group) else "all"
    return Rows(joint, known) if len(known) == len(rows) else None


def _row_of(node: Node, currency: str) -> Row | None:
    one = node.part if isinstance(node, Not) else node
    if not isinstance(one, Condition):
        return None
    row = Row(feature=one.feature, negated=isinstance(node, Not), need=one.need or ANY)
    if row.about.kind == "yes_no":
        row.words = ("yes",) if one.value else ("no",)
    elif one.operator == "one_of":
        row.words = one.value
    else:
        ends = one.value if one.operator == "between" else (one.value, one.value)
        low, high = (shown(end, row.about, currency) for end in ends)
        row.low = "" if one.operator == "at_most" else low
        row.high = "" if one.operator == "at_least" else high
    return row
