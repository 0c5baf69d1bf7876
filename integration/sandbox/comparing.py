"""How a condition compares what a member has with its value."""

from __future__ import annotations

BLANK = ("blank", "blank_not")


def compare(held: str, op: str, value: object) -> bool:
    """Compare what a member has with a condition's value; case does not count, numbers do.

    >>> compare("2026-03-01", "less", "2026-04-01"), compare("9", "less", "10")
    (True, True)
    >>> compare("Suits", "contains", "suit"), compare("", "blank", ""), compare("", "less", "5")
    (True, True, False)
    """
    one, other = held.casefold(), str(value).casefold()
    if op in BLANK:
        return (one == "") is (op == "blank")
    if op in ("greater", "less"):
        return one != "" and _ordered(one, other, greater=op == "greater")
    found = {
        "is": one == other,
        "not": one != other,
        "contains": other in one,
        "notcontain": other not in one,
        "starts": one.startswith(other),
        "ends": one.endswith(other),
    }
    return found[op]


def _ordered(one: str, other: str, *, greater: bool) -> bool:
    try:
        first, second = float(one), float(other)
    except ValueError:
        # Dates are stored as YYYY-MM-DD, which sorts as time does.
        return one > other if greater else one < other
    return first > second if greater else first < second
